//! What is in force, and why.

use jid::BareJid;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::catalog::Definition;
use crate::layer::{Inputs, Level, Source};
use crate::value::Problem;

/// A value that a stronger source has put aside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Superseded {
    /// The value.
    pub value: Value,
    /// Its level; `None` for the person's choice.
    pub level: Option<Level>,
    /// Who says so.
    pub source: Source,
}

/// One policy with the value in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Which policy. Written as its name.
    #[serde(rename = "policy", serialize_with = "name")]
    pub definition: &'static Definition,
    /// The value; `null` when nobody says anything and there is no default.
    pub value: Value,
    /// Its level; `None` for the person's choice and for the default.
    pub level: Option<Level>,
    /// Who says so.
    pub source: Source,
    /// What weaker sources say, strongest first. The default is not listed.
    pub superseded: Vec<Superseded>,
    /// What a person should know about this value.
    pub messages: Vec<String>,
}

fn name<S: Serializer>(definition: &&'static Definition, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(definition.name)
}

impl Entry {
    /// True when nobody can change it.
    pub fn is_mandatory(&self) -> bool {
        self.level == Some(Level::Mandatory)
    }
}

/// Every policy of the catalog with its value in force, in the catalog's order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EffectivePolicy {
    /// One entry for each policy.
    pub entries: Vec<Entry>,
    /// Keys that could not be used.
    pub messages: Vec<Problem>,
    /// Who manages the account, when a signed document was given.
    pub domain: Option<String>,
}

impl Default for EffectivePolicy {
    /// Nobody says anything: the defaults.
    fn default() -> Self {
        crate::resolve(&Inputs::default())
    }
}

impl EffectivePolicy {
    /// The entry of a policy.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.definition.name == name)
    }

    /// Who locks this policy: the domain, or `this computer`. `None` when it is not mandatory.
    pub fn managed_by(&self, name: &str) -> Option<String> {
        let entry = self.entry(name).filter(|entry| entry.is_mandatory())?;
        Some(match entry.source {
            Source::Machine { .. } => "this computer".into(),
            _ => self.domain.clone().unwrap_or_else(|| "your organisation".into()),
        })
    }

    /// The organisation's notice: the text, and whether it is a warning. `None` without a text.
    pub fn notice(&self) -> Option<(&str, bool)> {
        self.notice_text().map(|text| (text, self.notice_style() == "warning"))
    }

    // The entries are validated by `resolve`, so a value of another type can't be here; a missing one is the default's
    // absence.

    pub(crate) fn boolean(&self, name: &str) -> bool {
        self.value(name).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(crate) fn integer(&self, name: &str) -> Option<u32> {
        self.value(name).and_then(Value::as_u64).and_then(|number| number.try_into().ok())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(crate) fn jids(&self, name: &str) -> Vec<BareJid> {
        let items = self.value(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(|item| BareJid::new(item.as_str()?).ok()).collect()
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.entry(name).map(|entry| &entry.value)
    }
}
