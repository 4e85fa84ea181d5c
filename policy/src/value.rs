//! Whether a value is one that the policy can have. A bad one is listed with what was expected, and only that one.

use std::collections::HashSet;

use jid::BareJid;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Values;
use crate::catalog::{Definition, Kind};
use crate::typed::{Endpoint, is_https, sha256};

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
/// One problem for a scalar, and the first one of a list, a dictionary or a file.
pub fn validate(definition: &Definition, value: &Value, path: &str) -> Result<Value, Problem> {
    let mut problems = Vec::new();
    match accept(definition, value, path, &mut problems) {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(problems.swap_remove(0)),
    }
}

/// Like [`validate`], but what a later version may have added (an entry of a dictionary, a field of a file) is left out
/// and listed, and the rest of the value counts. `None` comes with at least one problem.
pub(crate) fn accept(
    definition: &Definition,
    value: &Value,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<Value> {
    match (definition.kind, value) {
        (Kind::Dictionary { values, max_items, max_length }, Value::Object(items))
            if items.len() <= max_items =>
        {
            Some(entries(items, values, max_length, path, problems))
        }
        (Kind::File { .. }, Value::Object(fields)) => file(fields, path, problems),
        _ => match scalar(definition, value, path) {
            Ok(value) => Some(value),
            Err(problem) => {
                problems.push(problem);
                None
            }
        },
    }
}

/// True for what says nothing: an empty text, list or dictionary.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(items) => items.is_empty(),
        _ => false,
    }
}

fn scalar(definition: &Definition, value: &Value, path: &str) -> Result<Value, Problem> {
    let refuse = |expected: String| {
        Err(Problem { path: path.to_owned(), expected, got: shown_of(Some(definition), value) })
    };
    match definition.kind {
        Kind::Boolean => match value {
            Value::Bool(_) => Ok(value.clone()),
            _ => refuse("true or false".into()),
        },
        Kind::Integer { minimum, maximum, .. } => match value.as_i64() {
            Some(number) if (minimum..=maximum).contains(&number) => Ok(number.into()),
            _ => refuse(format!("a whole number from {minimum} to {maximum}")),
        },
        Kind::Text { max_length, multiline } => match text(value, max_length, multiline) {
            Ok(()) => Ok(value.clone()),
            Err(expected) => refuse(expected),
        },
        Kind::Secret { max_length } => match text(value, max_length, false) {
            Ok(()) => Ok(value.clone()),
            Err(expected) => refuse(expected),
        },
        Kind::Endpoint { schemes } => match value.as_str() {
            Some("") => Ok(value.clone()),
            Some(text) if Endpoint::parse(text).is_some_and(|it| schemes.contains(&it.scheme.as_str())) => {
                Ok(value.clone())
            }
            _ => {
                let forms: Vec<_> = schemes.iter().map(|it| format!("{it}://HOST:PORT")).collect();
                refuse(forms.join(" or "))
            }
        },
        Kind::Choice { values } => match value.as_str() {
            Some(text) if values.contains(&text) => Ok(value.clone()),
            _ => refuse(format!("one of {}", values.join(", "))),
        },
        Kind::Dictionary { max_items, .. } => refuse(format!("an object of at most {max_items} entries")),
        Kind::File { .. } => refuse("an object with url and sha256".into()),
        Kind::JidList { max_items } => match value.as_array() {
            Some(items) if items.len() <= max_items => addresses(items, path),
            _ => refuse(format!("a list of at most {max_items} addresses")),
        },
    }
}

fn text(value: &Value, max_length: usize, multiline: bool) -> Result<(), String> {
    match value.as_str() {
        Some(text) if text.chars().count() <= max_length => {
            if text.chars().any(|c| is_refused(c) && !(multiline && c == '\n')) {
                return Err("a text without control characters".into());
            }
            Ok(())
        }
        _ => Err(format!("a text of at most {max_length} characters")),
    }
}

/// The entries that are right, in their order, with the texts trimmed.
fn entries(
    items: &Values,
    values: &[&str],
    max_length: usize,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Value {
    let mut normal = Values::new();
    for (index, (key, value)) in items.iter().enumerate() {
        let key = key.trim();
        let mut refuse = |expected: String, got: &Value| {
            problems.push(Problem { path: format!("{path}[{index}]"), expected, got: shown(got) });
        };
        if key.is_empty() || text(&key.into(), max_length, false).is_err() {
            refuse(
                format!("a text of 1 to {max_length} characters, none of them a control character"),
                &key.into(),
            );
        } else if !value.as_str().is_some_and(|word| values.contains(&word)) {
            refuse(format!("one of {}", values.join(", ")), value);
        } else if normal.contains_key(key) {
            refuse("each text only once".into(), &key.into());
        } else {
            normal.insert(key.to_owned(), value.clone());
        }
    }
    Value::Object(normal)
}

fn file(fields: &Values, path: &str, problems: &mut Vec<Problem>) -> Option<Value> {
    let field = |name: &str| fields.get(name).unwrap_or(&Value::Null);
    let mut refuse = |name: &str, expected: &str| {
        let got = shown(field(name));
        problems.push(Problem { path: format!("{path}.{name}"), expected: expected.into(), got });
    };
    if fields.is_empty() {
        return Some(Value::Object(Values::new()));
    }
    let url = field("url").as_str().filter(|url| is_https(url));
    if url.is_none() {
        refuse("url", "an address that begins with https://");
    }
    let digest = field("sha256").as_str().and_then(sha256);
    if digest.is_none() {
        refuse("sha256", "a SHA-256 of 64 hexadecimal digits");
    }
    for (index, (name, value)) in fields.iter().enumerate() {
        if name != "url" && name != "sha256" {
            // Its name may be of any length and its value anything: neither is repeated.
            let (path, got) = (format!("{path}[{index}]"), kind_of(value).to_owned());
            problems.push(Problem { path, expected: "url and sha256 only".into(), got });
        }
    }
    let mut normal = Values::new();
    normal.insert("url".into(), url?.into());
    normal.insert("sha256".into(), digest?.into());
    Some(Value::Object(normal))
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

/// The value of a policy for the eye. What is sensitive is only named, and so is what belongs to a key that nobody knows: it
/// may be a password under a misspelt name, or one of a later version.
pub(crate) fn shown_of(definition: Option<&Definition>, value: &Value) -> String {
    match definition {
        Some(definition) if !definition.is_sensitive() => shown(value),
        _ => kind_of(value).to_owned(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
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
