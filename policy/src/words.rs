//! The words for values and sources, so that the client's page, the command line and the console say the same.

use std::fmt;

use serde_json::Value;

use crate::catalog::{Definition, Kind};
use crate::layer::Source;
use crate::typed::MASK;

#[cfg(test)]
mod tests;

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine { file } => write!(f, "this computer, {file}"),
            Self::Expired => f.write_str("server, policy has expired"),
            Self::ServerGroup { id, name, .. } => {
                write!(f, "server, group {}", if name.is_empty() { id } else { name })
            }
            Self::ServerEverybody => f.write_str("server, everybody"),
            Self::User => f.write_str("your choice"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value for people: `on`, `30 days`, `lobby@conference.example.org, news@…`, `not set`.
pub fn value_text(definition: &Definition, value: &Value) -> String {
    match (definition.kind, value) {
        (_, Value::Null) => "not set".into(),
        (_, Value::String(text)) if text.is_empty() => "empty".into(),
        (Kind::Secret { .. }, _) => MASK.into(),
        (_, Value::Bool(true)) => "on".into(),
        (_, Value::Bool(false)) => "off".into(),
        (Kind::Integer { unit: Some(unit), .. }, Value::Number(number)) if number.as_i64() == Some(1) => {
            format!("1 {}", unit.strip_suffix('s').unwrap_or(unit))
        }
        (Kind::Integer { unit: Some(unit), .. }, Value::Number(number)) => format!("{number} {unit}"),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Array(items)) if items.is_empty() => "none".into(),
        (_, Value::Array(items)) => {
            items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join(", ")
        }
        (Kind::File { .. }, Value::Object(file)) => {
            let part = |name: &str| file.get(name).and_then(Value::as_str).unwrap_or_default();
            let digest: String = part("sha256").chars().take(8).collect();
            format!("{} (SHA-256 {digest}…)", part("url"))
        }
        (_, Value::Object(items)) if items.is_empty() => "none".into(),
        (_, Value::Object(items)) => {
            let entry =
                |(key, value): (&String, &Value)| format!("{key} ({})", value.as_str().unwrap_or_default());
            items.iter().map(entry).collect::<Vec<_>>().join(", ")
        }
        (_, other) => other.to_string(),
    }
}
