//! The static catalog and the typed getters of the `policy` crate. The text is as `rustfmt` would write it.

use std::fmt::Write as _;

use serde_json::Value;

use crate::definition::{Definition, Kind, Level};
use crate::read::Catalog;

pub(super) fn catalog(catalog: &Catalog) -> String {
    let mut out = String::from(
        "//! Every policy of Flint. Written by `cargo xtask generate` from `admin-schema/policies`; changes by hand are lost.\n\n\
         use jid::BareJid;\n\n\
         use crate::catalog::{Definition, Group, Kind, Literal};\n\
         use crate::effective::EffectivePolicy;\n\
         use crate::typed::{Endpoint, FileReference, SecretText};\n\n\
         /// The groups, in order.\npub static GROUPS: &[Group] = &[\n",
    );
    for group in &catalog.groups {
        field_block(
            &mut out,
            "Group",
            &[
                ("id", quoted(&group.id)),
                ("caption", quoted(&group.caption)),
                ("description", quoted(&group.description)),
            ],
        );
    }
    out.push_str(
        "];\n\n/// The policies, in order of group and name.\npub static CATALOG: &[Definition] = &[\n",
    );
    for policy in &catalog.policies {
        field_block(
            &mut out,
            "Definition",
            &[
                ("name", quoted(&policy.name)),
                ("group", quoted(&policy.group)),
                ("caption", quoted(&policy.caption)),
                ("description", quoted(&policy.description)),
                ("kind", kind(&policy.kind)),
                ("default", literal(policy.default.as_ref())),
                ("restricted", literal(policy.restricted.as_ref())),
                (
                    "atomic",
                    policy.atomic.as_ref().map_or("None".into(), |name| format!("Some({})", quoted(name))),
                ),
                ("since", quoted(&policy.since)),
                ("mandatory", policy.levels.contains(&Level::Mandatory).to_string()),
                ("recommended", policy.levels.contains(&Level::Recommended).to_string()),
                ("machine_only", policy.machine_only.to_string()),
                ("merge", policy.merge.to_string()),
                ("toggle", policy.toggle.to_string()),
            ],
        );
    }
    out.push_str("];\n\nimpl EffectivePolicy {");
    for (index, policy) in catalog.policies.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { "\n\n" });
        getter(&mut out, policy);
    }
    out.push_str("\n}\n");
    out
}

fn field_block(out: &mut String, name: &str, fields: &[(&str, String)]) {
    let _ = writeln!(out, "    {name} {{");
    for (field, value) in fields {
        let _ = writeln!(out, "        {field}: {value},");
    }
    out.push_str("    },\n");
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn literal(value: Option<&Value>) -> String {
    match value {
        None => "None".into(),
        Some(Value::Bool(value)) => format!("Some(Literal::Boolean({value}))"),
        Some(Value::Number(value)) => format!("Some(Literal::Integer({value}))"),
        Some(Value::String(value)) => format!("Some(Literal::Text({}))", quoted(value)),
        Some(Value::Object(_)) => "Some(Literal::EmptyDictionary)".into(),
        // The definition's rules leave only the empty list.
        Some(_) => "Some(Literal::EmptyList)".into(),
    }
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Boolean => "Kind::Boolean".into(),
        Kind::Integer { minimum, maximum, unit } => format!(
            "Kind::Integer {{ minimum: {minimum}, maximum: {maximum}, unit: {} }}",
            unit.as_ref().map_or("None".into(), |unit| format!("Some({})", quoted(unit)))
        ),
        Kind::Text { max_length, multiline } => {
            format!("Kind::Text {{ max_length: {max_length}, multiline: {multiline} }}")
        }
        Kind::Secret { max_length } => format!("Kind::Secret {{ max_length: {max_length} }}"),
        Kind::Endpoint { schemes } => format!("Kind::Endpoint {{ schemes: {} }}", words(schemes)),
        Kind::Choice { values } => format!("Kind::Choice {{ values: {} }}", words(values)),
        Kind::Dictionary { values, max_items, max_length } => format!(
            "Kind::Dictionary {{ values: {}, max_items: {max_items}, max_length: {max_length} }}",
            words(values)
        ),
        Kind::File { max_size } => format!("Kind::File {{ max_size: {max_size} }}"),
        Kind::JidList { max_items } => format!("Kind::JidList {{ max_items: {max_items} }}"),
    }
}

fn words(words: &[String]) -> String {
    format!("&[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "))
}

fn getter(out: &mut String, policy: &Definition) {
    let always = policy.default.is_some();
    let name = quoted(&policy.name);
    let (result, body) = match &policy.kind {
        Kind::Boolean => ("bool", format!("self.boolean({name})")),
        Kind::Integer { .. } if always => ("u32", format!("self.integer({name}).unwrap_or_default()")),
        Kind::Integer { .. } => ("Option<u32>", format!("self.integer({name})")),
        Kind::Text { .. } => ("Option<&str>", format!("self.text({name})")),
        Kind::Choice { .. } => ("&str", format!("self.text({name}).unwrap_or_default()")),
        Kind::Secret { .. } => ("Option<SecretText>", format!("self.secret({name})")),
        Kind::Endpoint { .. } => ("Option<Endpoint>", format!("self.endpoint({name})")),
        Kind::Dictionary { .. } => ("Vec<(&str, &str)>", format!("self.dictionary({name})")),
        Kind::File { .. } => ("Option<FileReference>", format!("self.file({name})")),
        Kind::JidList { .. } => ("Vec<BareJid>", format!("self.jids({name})")),
    };
    let _ = write!(
        out,
        "    /// `{}`: {}.\n    pub fn {}(&self) -> {result} {{\n        {body}\n    }}",
        policy.name,
        policy.caption,
        policy.method()
    );
}
