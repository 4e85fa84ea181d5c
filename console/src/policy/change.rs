//! Changes of settings: read from a form, applied, told in words.

use crate::store::{Group, Setting};
use flint_policy::catalog::{self, Definition, Kind};
use flint_policy::{MASK, Values, validate, value_text};
use serde_json::{Value, json};

/// One change, as the editor makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The policy.
    pub definition: &'static Definition,
    /// For this group, or for everybody.
    pub group: Option<String>,
    /// People can't change it.
    pub required: bool,
    /// The value; `None` takes the setting away.
    pub value: Option<Value>,
}

/// Reads what was typed. Nothing typed, or `unset`, is no value.
///
/// # Errors
/// A sentence about what was expected.
pub fn read_value(definition: &Definition, typed: &str) -> Result<Option<Value>, String> {
    // Browsers send CR LF.
    let typed = typed.replace("\r\n", "\n");
    // Of a password every space counts.
    let text = if definition.is_sensitive() { &typed } else { typed.trim() };
    let is_word = matches!(definition.kind, Kind::Boolean | Kind::Choice { .. });
    if text.is_empty() || (is_word && text == "unset") {
        return Ok(None);
    }
    let value = match definition.kind {
        Kind::Boolean => match text {
            "on" => Value::Bool(true),
            "off" => Value::Bool(false),
            _ => Value::String(text.to_owned()),
        },
        Kind::Integer { .. } => {
            text.parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), Value::from)
        }
        Kind::Text { .. } | Kind::Secret { .. } | Kind::Endpoint { .. } | Kind::Choice { .. } => {
            Value::String(text.to_owned())
        }
        Kind::Dictionary { .. } => Value::Object(entries(text)?),
        Kind::File { .. } => {
            let (url, digest) = text.split_once('\n').unwrap_or((text, ""));
            json!({"url": url.trim(), "sha256": digest.trim()})
        }
        Kind::JidList { .. } => {
            text.split(['\n', ',']).map(str::trim).filter(|line| !line.is_empty()).map(Value::from).collect()
        }
    };
    match validate(definition, &value, definition.name) {
        Ok(value) => Ok(Some(value)),
        Err(problem) => Err(format!("Expected {}, got {}.", problem.expected, problem.got)),
    }
}

/// `available At my desk`, one on each line.
fn entries(text: &str) -> Result<Values, String> {
    let mut entries = Values::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, key) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if entries.insert(key.trim().to_owned(), word.into()).is_some() {
            return Err(format!("“{}” stands there twice.", key.trim()));
        }
    }
    Ok(entries)
}

/// The value as the editor's field holds it. A secret never leaves.
pub fn write_value(definition: &Definition, value: &Value) -> String {
    if definition.is_sensitive() {
        return String::new();
    }
    let is_file = matches!(definition.kind, Kind::File { .. });
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) if is_file => {
            let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{}\n{}", field("url"), field("sha256"))
        }
        Value::Object(fields) => {
            let line =
                |(key, value): (&String, &Value)| format!("{} {key}", value.as_str().unwrap_or_default());
            fields.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

impl Change {
    /// The settings after it. One policy has one setting in one place.
    pub fn apply(&self, settings: &[Setting]) -> Vec<Setting> {
        let here = |setting: &Setting| setting.policy == self.definition.name && setting.group == self.group;
        let mut after: Vec<Setting> = settings.iter().filter(|setting| !here(setting)).cloned().collect();
        if let Some(value) = &self.value {
            after.push(Setting {
                policy: self.definition.name.to_owned(),
                group: self.group.clone(),
                required: self.required,
                value: value.clone(),
            });
        }
        after.sort_by(|a, b| (&a.policy, &a.group).cmp(&(&b.policy, &b.group)));
        after
    }
}

/// What differs, one line for each setting: `HistoryRetentionDays: 365 days, recommended, for everybody`.
pub fn differences(before: &[Setting], after: &[Setting], groups: &[Group]) -> Vec<String> {
    let same_place = |a: &Setting, b: &Setting| a.policy == b.policy && a.group == b.group;
    let mut lines = Vec::new();
    for setting in after {
        let old = before.iter().find(|old| same_place(old, setting));
        if old != Some(setting) {
            let level = if setting.required { "required" } else { "recommended" };
            let value = text(&setting.policy, &setting.value);
            lines.push(format!("{}: {value}, {level}, for {}", setting.policy, scope(setting, groups)));
        }
    }
    for setting in before {
        if !after.iter().any(|new| same_place(new, setting)) {
            lines.push(format!("{}: not set any more for {}", setting.policy, scope(setting, groups)));
        }
    }
    lines
}

fn text(policy: &str, value: &Value) -> String {
    let text = catalog::find(policy).map_or_else(|| MASK.to_owned(), |it| value_text(it, value));
    let mut short: String = text.chars().take(120).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn scope(setting: &Setting, groups: &[Group]) -> String {
    match &setting.group {
        None => "everybody".to_owned(),
        Some(id) => {
            let name = groups.iter().find(|group| group.id == *id).map_or(id, |group| &group.name);
            format!("group {name}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn typed_text_becomes_a_value_or_a_sentence() {
        for (policy, typed, expected) in [
            ("ContactAddingAllowed", "off", Ok(Some(json!(false)))),
            ("ContactAddingAllowed", "unset", Ok(None)),
            ("ContactAddingAllowed", "perhaps", Err("true or false")),
            ("HistoryRetentionDays", " 365 ", Ok(Some(json!(365)))),
            ("HistoryRetentionDays", "", Ok(None)),
            ("HistoryRetentionDays", "0", Err("1 to 3650")),
            ("HistoryRetentionDays", "many", Err("whole number")),
            ("NoticeStyle", "warning", Ok(Some(json!("warning")))),
            ("NoticeStyle", "loud", Err("one of")),
            ("NoticeText", "a\r\nb", Ok(Some(json!("a\nb")))),
            ("DefaultRooms", "a@b.c\r\n\r\nd@b.c", Ok(Some(json!(["a@b.c", "d@b.c"])))),
            ("DefaultRooms", "a@b.c, b.c", Err("address")),
        ] {
            let definition = catalog::find(policy).unwrap();
            match (read_value(definition, typed), expected) {
                (Err(text), Err(part)) => assert!(text.contains(part), "{text}"),
                (got, expected) => assert_eq!(got, expected.map_err(str::to_owned), "{policy} {typed}"),
            }
        }
    }

    #[test]
    fn a_change_replaces_the_setting_of_its_place_only() {
        let definition = catalog::find("ContactAddingAllowed").unwrap();
        let change = |group: Option<&str>, value| Change {
            definition,
            group: group.map(str::to_owned),
            required: true,
            value,
        };
        let one = change(None, Some(json!(true))).apply(&[]);
        let two = change(Some("a"), Some(json!(false))).apply(&one);
        assert_eq!(two.len(), 2);
        let three = change(None, None).apply(&two);
        assert_eq!(three.len(), 1);
        assert_eq!(three[0].group.as_deref(), Some("a"));
        assert_eq!(differences(&two, &three, &[]), ["ContactAddingAllowed: not set any more for everybody"]);
        assert_eq!(differences(&[], &three, &[]), ["ContactAddingAllowed: off, required, for group a"]);
    }
}
