//! The one place where sources are weighed, for the client and for the console's preview alike.

use std::cmp::Ordering;

use serde_json::Value;

use crate::Values;
use crate::catalog::{self, CATALOG, Definition, Kind};
use crate::effective::{EffectivePolicy, Entry, PolicyValue, Superseded};
use crate::layer::{Inputs, Layer, Level, Source};
use crate::machine::unknown;
use crate::value::{Problem, accept, is_empty, shown_of};

#[cfg(test)]
mod tests;

/// Most problems that are listed.
const MAX_PROBLEMS: usize = 200;

/// What is in force. Level first, then source: mandatory machine (the later file name wins), mandatory expiry, mandatory
/// group by rank, mandatory everybody, the person's choice, then recommended in the same order, then the default.
/// Members of an atomic group come from the strongest source that sets any of them; what it does not set is the default.
/// An empty text, list or dictionary of a file or of the server says nothing. Policies with `merge` join what sources of the
/// strongest scope and level say.
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
                messages.push(Problem { path, expected, got: shown_of(Some(definition), value) });
                continue;
            }
            if let Some(value) = accept(definition, value, &path, messages)
                && (layer.source == Source::User || !is_empty(&value))
            {
                values.insert(name.clone(), value);
            }
        }
        Self { layer, values }
    }

    fn level(&self) -> Option<Level> {
        (self.layer.source != Source::User).then_some(self.layer.level)
    }

    /// True when both are of one level, and both files of the computer or both groups: what a policy with `merge` joins.
    fn is_peer_of(&self, other: &Self) -> bool {
        let alike = matches!(
            (&self.layer.source, &other.layer.source),
            (Source::Machine { .. }, Source::Machine { .. })
                | (Source::ServerGroup { .. }, Source::ServerGroup { .. })
                | (Source::ServerEverybody, Source::ServerEverybody)
        );
        alike && self.layer.level == other.layer.level
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
        (Source::ServerGroup { .. } | Source::ServerEverybody, _) if definition.machine_only => {
            Some("this policy only in a file of the computer".into())
        }
        (Source::User, _) if definition.is_choosable() => None,
        (Source::User, _) => Some("no choice of one's own for this policy".into()),
        (_, Level::Mandatory) if definition.mandatory => None,
        (_, Level::Recommended) if definition.recommended => None,
        (_, Level::Mandatory) => Some("this policy only at level recommended".into()),
        (_, Level::Recommended) => Some("this policy only at level mandatory".into()),
    }
}

fn entry(definition: &'static Definition, layers: &[Checked<'_>]) -> Entry {
    let mut concerned = layers.iter().filter(|layer| layer.concerns(definition)).peekable();
    let Some(winner) = concerned.next() else {
        return Entry {
            definition,
            value: PolicyValue::new(definition, definition.default_value()),
            level: None,
            source: Source::Default,
            superseded: Vec::new(),
            messages: Vec::new(),
        };
    };
    let mut messages = Vec::new();
    let mut value = winner.values.get(definition.name).cloned().unwrap_or_else(|| {
        messages.push(format!(
            "{} sets other values of {}, so this one has its default.",
            winner.layer.source,
            definition.atomic.unwrap_or_default()
        ));
        definition.default_value()
    });
    if definition.merge {
        while let Some(peer) = concerned.next_if(|layer| layer.is_peer_of(winner)) {
            let left_out = join(definition, &mut value, peer);
            messages.push(match left_out {
                0 => format!("Joined with {}.", peer.layer.source),
                _ => format!("Joined with {}; {left_out} of its entries are too many.", peer.layer.source),
            });
        }
    }
    let superseded: Vec<Superseded> = concerned
        .filter_map(|layer| {
            let value = PolicyValue::new(definition, layer.values.get(definition.name)?.clone());
            Some(Superseded { value, level: layer.level(), source: layer.layer.source.clone() })
        })
        .collect();
    let value = PolicyValue::new(definition, value);
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

/// Adds the entries that are not there yet, up to the number that the policy allows; gives how many are left out. Peers come
/// strongest first, so of one text the stronger entry stays.
fn join(definition: &Definition, value: &mut Value, peer: &Checked<'_>) -> usize {
    let (Kind::Dictionary { max_items, .. }, Value::Object(items), Some(Value::Object(more))) =
        (definition.kind, value, peer.values.get(definition.name))
    else {
        return 0;
    };
    let mut left_out = 0;
    for (key, value) in more {
        if items.contains_key(key) {
            continue;
        }
        if items.len() < max_items {
            items.insert(key.clone(), value.clone());
        } else {
            left_out += 1;
        }
    }
    left_out
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
