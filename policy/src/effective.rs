//! What is in force, and why.

use std::fmt;

use jid::BareJid;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::Values;
use crate::catalog::{self, Definition, Kind};
use crate::layer::{Inputs, Level, Source};
use crate::typed::{Endpoint, FileReference, MASK, Proxy, SecretText};
use crate::value::Problem;

/// A value that knows whether it may be shown. `Debug` and serialisation mask what may not.
#[derive(Clone, PartialEq)]
pub struct PolicyValue {
    json: Value,
    sensitive: bool,
}

impl PolicyValue {
    pub(crate) fn new(definition: &Definition, json: Value) -> Self {
        Self { json, sensitive: definition.is_sensitive() }
    }

    /// The value itself, whether it may be shown or not.
    pub fn expose(&self) -> &Value {
        &self.json
    }

    /// The value for dumps and pages: what is sensitive and set is [`MASK`].
    pub fn masked(&self) -> Value {
        if self.sensitive { masked(&self.json) } else { self.json.clone() }
    }
}

fn masked(value: &Value) -> Value {
    if value.is_null() { Value::Null } else { MASK.into() }
}

impl fmt::Debug for PolicyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.masked().fmt(f)
    }
}

impl Serialize for PolicyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.masked().serialize(serializer)
    }
}

/// Values by name, before they are checked: those of sensitive policies are masked, and those of unknown ones too.
pub(crate) struct Masked<'a>(pub &'a Values);

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.0 {
            if catalog::find(name).is_some_and(|definition| !definition.is_sensitive()) {
                map.entry(name, value);
            } else {
                map.entry(name, &masked(value));
            }
        }
        map.finish()
    }
}

/// A value that a stronger source has put aside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Superseded {
    /// The value.
    pub value: PolicyValue,
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
    pub value: PolicyValue,
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

    /// The proxy to the chat server. `None` without an address, whatever the credentials say.
    pub fn proxy(&self) -> Option<Proxy> {
        Some(Proxy {
            address: self.proxy_address()?,
            user: self.proxy_user().map(str::to_owned),
            password: self.proxy_password(),
        })
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

    pub(crate) fn secret(&self, name: &str) -> Option<SecretText> {
        self.text(name).map(SecretText::new)
    }

    pub(crate) fn endpoint(&self, name: &str) -> Option<Endpoint> {
        self.text(name).and_then(Endpoint::parse)
    }

    pub(crate) fn dictionary(&self, name: &str) -> Vec<(&str, &str)> {
        let items = self.value(name).and_then(Value::as_object);
        items.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
    }

    pub(crate) fn file(&self, name: &str) -> Option<FileReference> {
        let entry = self.entry(name)?;
        let Kind::File { max_size } = entry.definition.kind else { return None };
        let field = |field: &str| entry.value.expose().get(field)?.as_str().map(str::to_owned);
        Some(FileReference { url: field("url")?, sha256: field("sha256")?, max_size })
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.entry(name).map(|entry| entry.value.expose())
    }
}
