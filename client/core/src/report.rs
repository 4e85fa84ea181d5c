//! The policy page as plain rows: every policy with its value in force and where it comes from. Used by the engine,
//! and by the command line without one.

use crate::model::{PolicyReport, PolicyRow, ServerPolicyState};
use flint_policy::{EffectivePolicy, Entry, Level, Source, value_text};

impl PolicyReport {
    /// Rows in the catalog's order.
    pub fn new(effective: &EffectivePolicy, managed_by: Option<String>, server: ServerPolicyState) -> Self {
        Self {
            rows: effective.entries.iter().map(row).collect(),
            messages: effective.messages.iter().map(ToString::to_string).collect(),
            managed_by: managed_by.or_else(|| effective.domain.clone()),
            server,
        }
    }
}

fn row(entry: &Entry) -> PolicyRow {
    let definition = entry.definition;
    let superseded = entry.superseded.iter().map(|loser| {
        let value = value_text(definition, loser.value.expose());
        (value, level(loser.level, &loser.source).to_owned(), loser.source.to_string())
    });
    PolicyRow {
        name: definition.name.to_owned(),
        caption: definition.caption.to_owned(),
        value: value_text(definition, entry.value.expose()),
        json: entry.value.masked(),
        level: level(entry.level, &entry.source).to_owned(),
        source: entry.source.to_string(),
        superseded: superseded.collect(),
        messages: entry.messages.clone(),
    }
}

fn level(level: Option<Level>, source: &Source) -> &'static str {
    match (level, source) {
        (Some(Level::Mandatory), _) => "required",
        (Some(Level::Recommended), _) => "recommended",
        (None, Source::User) => "user",
        (None, _) => "default",
    }
}
