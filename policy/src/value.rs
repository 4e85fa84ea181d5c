//! Whether a value is one that the policy can have. A bad one is listed with what was expected, and only that one.

use std::collections::HashSet;

use jid::BareJid;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::{Definition, Kind};

#[cfg(test)]
mod tests;

/// Most characters of a refused value that are shown.
const MAX_SHOWN: usize = 80;

/// One key that could not be used. The others apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where: the source and the key, e.g. `/etc/flint/policies/managed/10-site.json: DefaultRooms[2]`.
    pub path: String,
    /// What would have been right, e.g. `a whole number from 1 to 3650`.
    pub expected: String,
    /// What was there, shortened.
    pub got: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: expected {}, got {}", self.path, self.expected, self.got)
    }
}

/// Checks `value` and gives it in its normal form (addresses are normalised). `path` is where it was found.
///
/// # Errors
/// One problem for a scalar, and the first one of a list.
pub fn validate(definition: &Definition, value: &Value, path: &str) -> Result<Value, Problem> {
    let refuse = |expected: String| Err(Problem { path: path.to_owned(), expected, got: shown(value) });
    match definition.kind {
        Kind::Boolean => match value {
            Value::Bool(_) => Ok(value.clone()),
            _ => refuse("true or false".into()),
        },
        Kind::Integer { minimum, maximum, .. } => match value.as_i64() {
            Some(number) if (minimum..=maximum).contains(&number) => Ok(number.into()),
            _ => refuse(format!("a whole number from {minimum} to {maximum}")),
        },
        Kind::Text { max_length, multiline } => match value.as_str() {
            Some(text) if text.chars().count() > max_length => {
                refuse(format!("a text of at most {max_length} characters"))
            }
            Some(text) if text.chars().any(|c| is_refused(c) && !(multiline && c == '\n')) => {
                refuse("a text without control characters".into())
            }
            Some(_) => Ok(value.clone()),
            None => refuse(format!("a text of at most {max_length} characters")),
        },
        Kind::Choice { values } => match value.as_str() {
            Some(text) if values.contains(&text) => Ok(value.clone()),
            _ => refuse(format!("one of {}", values.join(", "))),
        },
        Kind::JidList { max_items } => match value.as_array() {
            Some(items) if items.len() <= max_items => addresses(items, path),
            _ => refuse(format!("a list of at most {max_items} addresses")),
        },
    }
}

/// Control characters, and those that turn the direction of the text around them.
fn is_refused(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn addresses(items: &[Value], path: &str) -> Result<Value, Problem> {
    let mut seen = HashSet::new();
    let mut normal = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let refuse = |expected: &str| Problem {
            path: format!("{path}[{index}]"),
            expected: expected.into(),
            got: shown(item),
        };
        let jid = item
            .as_str()
            .and_then(|text| BareJid::new(text).ok())
            .filter(|jid| jid.node().is_some())
            .ok_or_else(|| refuse("an address like room@conference.example.org"))?;
        if !seen.insert(jid.clone()) {
            return Err(refuse("each address only once"));
        }
        normal.push(Value::from(jid.to_string()));
    }
    Ok(Value::Array(normal))
}

/// A value for the eye: JSON, shortened, without control characters.
pub(crate) fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut short: String =
        text.chars().take(MAX_SHOWN).map(|c| if is_refused(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        short.push('…');
    }
    short
}
