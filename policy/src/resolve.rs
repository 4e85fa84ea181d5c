//! The one place where sources are weighed, for the client and for the console's preview alike.

use std::cmp::Ordering;

use serde_json::Value;

use crate::Values;
use crate::catalog::{self, CATALOG, Definition};
use crate::effective::{EffectivePolicy, Entry, Superseded};
use crate::layer::{Inputs, Layer, Level, Source};
use crate::machine::unknown;
use crate::value::{Problem, shown, validate};

#[cfg(test)]
mod tests;

/// Most problems that are listed.
const MAX_PROBLEMS: usize = 200;

/// What is in force. Level first, then source: mandatory machine (the later file name wins), mandatory expiry, mandatory
/// group by rank, mandatory everybody, the person's choice, then recommended in the same order, then the default.
/// Members of an atomic group come from the strongest source that sets any of them; what it does not set is the default.
pub fn resolve(inputs: &Inputs) -> EffectivePolicy {
    let mut messages = inputs.problems.clone();
    let mut layers: Vec<&Layer> = inputs.layers.iter().collect();
    layers.sort_by(|a, b| strength(a, b));
    let checked: Vec<Checked<'_>> =
        layers.into_iter().map(|layer| Checked::new(layer, &mut messages)).collect();
    let entries = CATALOG.iter().map(|definition| entry(definition, &checked)).collect();
    cap(&mut messages);
    EffectivePolicy { entries, messages, domain: inputs.domain.clone() }
}

/// A document may hold a hundred thousand unknown keys; a page that lists them helps nobody.
fn cap(messages: &mut Vec<Problem>) {
    let all = messages.len();
    if all > MAX_PROBLEMS {
        messages.truncate(MAX_PROBLEMS);
        let expected = format!("at most {MAX_PROBLEMS} problems in all, the rest is not listed");
        messages.push(Problem { path: "policies".into(), expected, got: all.to_string() });
    }
}

/// A layer and those of its values that are right.
struct Checked<'a> {
    layer: &'a Layer,
    values: Values,
}

impl<'a> Checked<'a> {
    fn new(layer: &'a Layer, messages: &mut Vec<Problem>) -> Self {
        let mut values = Values::new();
        for (name, value) in &layer.values {
            let path = format!("{}: {name}", layer.source);
            let Some(definition) = catalog::find(name) else {
                messages.push(unknown(&path, value));
                continue;
            };
            if let Some(expected) = wrong_level(definition, layer) {
                messages.push(Problem { path, expected, got: shown(value) });
                continue;
            }
            match validate(definition, value, &path) {
                Ok(value) => {
                    values.insert(name.clone(), value);
                }
                Err(problem) => messages.push(problem),
            }
        }
        Self { layer, values }
    }

    fn level(&self) -> Option<Level> {
        (self.layer.source != Source::User).then_some(self.layer.level)
    }

    /// True when it says something about this policy, or about another member of its atomic group.
    fn concerns(&self, definition: &Definition) -> bool {
        match definition.atomic {
            None => self.values.contains_key(definition.name),
            Some(set) => {
                CATALOG.iter().any(|other| other.atomic == Some(set) && self.values.contains_key(other.name))
            }
        }
    }
}

fn wrong_level(definition: &Definition, layer: &Layer) -> Option<String> {
    match (&layer.source, layer.level) {
        (Source::User, _) if definition.is_choosable() => None,
        (Source::User, _) => Some("no choice of one's own for this policy".into()),
        (_, Level::Mandatory) if definition.mandatory => None,
        (_, Level::Recommended) if definition.recommended => None,
        (_, Level::Mandatory) => Some("this policy only at level recommended".into()),
        (_, Level::Recommended) => Some("this policy only at level mandatory".into()),
    }
}

fn entry(definition: &'static Definition, layers: &[Checked<'_>]) -> Entry {
    let mut concerned = layers.iter().filter(|layer| layer.concerns(definition));
    let Some(winner) = concerned.next() else {
        return Entry {
            definition,
            value: definition.default_value(),
            level: None,
            source: Source::Default,
            superseded: Vec::new(),
            messages: Vec::new(),
        };
    };
    let superseded: Vec<Superseded> = concerned
        .filter_map(|layer| {
            let value: &Value = layer.values.get(definition.name)?;
            Some(Superseded {
                value: value.clone(),
                level: layer.level(),
                source: layer.layer.source.clone(),
            })
        })
        .collect();
    let mut messages = Vec::new();
    let value = winner.values.get(definition.name).cloned().unwrap_or_else(|| {
        messages.push(format!(
            "{} sets other values of {}, so this one has its default.",
            winner.layer.source,
            definition.atomic.unwrap_or_default()
        ));
        definition.default_value()
    });
    if superseded.iter().any(|other| other.source == Source::User && other.value != value) {
        messages.push(format!("Your own choice is put aside by {}.", winner.layer.source));
    }
    Entry {
        definition,
        value,
        level: winner.level(),
        source: winner.layer.source.clone(),
        superseded,
        messages,
    }
}

/// Stronger layers first.
fn strength(a: &Layer, b: &Layer) -> Ordering {
    /// Level and person's choice.
    fn level(layer: &Layer) -> u8 {
        match (&layer.source, layer.level) {
            (Source::Default, _) => 3,
            (Source::User, _) => 1,
            (_, Level::Mandatory) => 0,
            (_, Level::Recommended) => 2,
        }
    }
    fn source(layer: &Layer) -> u8 {
        match layer.source {
            Source::Machine { .. } => 0,
            Source::Expired => 1,
            Source::ServerGroup { .. } => 2,
            Source::ServerEverybody => 3,
            Source::User => 4,
            Source::Default => 5,
        }
    }
    level(a).cmp(&level(b)).then_with(|| source(a).cmp(&source(b))).then_with(|| {
        match (&a.source, &b.source) {
            (Source::Machine { file: a }, Source::Machine { file: b }) => {
                file_name(b).cmp(file_name(a)).then(b.cmp(a))
            }
            (Source::ServerGroup { id: a, rank: r, .. }, Source::ServerGroup { id: b, rank: s, .. }) => {
                r.cmp(s).then_with(|| a.cmp(b))
            }
            _ => Ordering::Equal,
        }
    })
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
