//! JSON Schema (2020-12) of a machine file, for editors and for configuration management.

use serde_json::{Map, Value, json};

use crate::definition::{Definition, Kind};
use crate::read::Catalog;

pub(super) fn machine_file(catalog: &Catalog) -> String {
    let mut properties: Map<String, Value> =
        catalog.policies.iter().map(|policy| (policy.name.clone(), property(policy))).collect();
    // Editors find the schema by it; the reader passes over it.
    properties.insert("$schema".into(), json!({"type": "string"}));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:flint:policies:1",
        "title": "Flint policies of one computer",
        "description": "A file in /etc/flint/policies/managed or /etc/flint/policies/recommended.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    let mut text =
        serde_json::to_string_pretty(&schema).expect("a tree of strings and numbers can be written");
    text.push('\n');
    text
}

fn property(policy: &Definition) -> Value {
    let mut schema = match &policy.kind {
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Integer { minimum, maximum, .. } => {
            json!({"type": "integer", "minimum": minimum, "maximum": maximum})
        }
        Kind::Text { max_length, .. } => json!({"type": "string", "maxLength": max_length}),
        Kind::Secret { max_length } => json!({"type": "string", "maxLength": max_length, "writeOnly": true}),
        Kind::Endpoint { schemes } => json!({
            "type": "string", "maxLength": 300,
            "pattern": format!("^({})://[^/?#@ ]+:[0-9]{{1,5}}$", schemes.join("|")),
        }),
        Kind::Choice { values } => json!({"enum": values}),
        Kind::Dictionary { values, max_items, max_length } => json!({
            "type": "object", "maxProperties": max_items,
            "propertyNames": {"minLength": 1, "maxLength": max_length},
            "additionalProperties": {"enum": values},
        }),
        Kind::File { .. } => json!({
            "type": "object", "required": ["url", "sha256"], "additionalProperties": false,
            "properties": {
                "url": {"type": "string", "format": "uri", "maxLength": 2000, "pattern": "^https://"},
                "sha256": {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"},
            },
        }),
        Kind::JidList { max_items } => json!({
            "type": "array", "maxItems": max_items, "uniqueItems": true,
            "items": {"type": "string", "minLength": 1, "maxLength": 2047, "pattern": "^[^/]+$"},
        }),
    };
    let fields = schema.as_object_mut().expect("every kind gives an object");
    fields.insert("title".into(), policy.caption.clone().into());
    fields.insert("description".into(), policy.description.clone().into());
    if let Some(default) = &policy.default {
        fields.insert("default".into(), default.clone());
    }
    schema
}
