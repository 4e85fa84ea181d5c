//! What a definition file may say, and the rules between its fields.

use serde::Deserialize;

/// A folder of `policies/`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Folder name, e.g. `contacts`.
    #[serde(skip)]
    pub id: String,
    /// Heading in the console and in the manual.
    pub caption: String,
    /// One sentence below the heading.
    pub description: String,
}

/// At which level a policy may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nobody can change it.
    Mandatory,
    /// A person may choose something else.
    Recommended,
}

/// Type and bounds of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer {
        /// Smallest value.
        minimum: i64,
        /// Largest value.
        maximum: i64,
        /// What is counted, e.g. `days`.
        unit: Option<String>,
    },
    /// Text without control characters.
    Text {
        /// Most characters (not octets).
        max_length: usize,
        /// Whether line breaks are allowed.
        multiline: bool,
    },
    /// One of a few words.
    Choice {
        /// The words.
        values: Vec<String>,
    },
    /// Bare addresses, each at most once.
    JidList {
        /// Most entries.
        max_items: usize,
    },
}

/// One policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The key in files and documents, UpperCamelCase.
    pub name: String,
    /// Folder it lies in.
    pub group: String,
    /// Short name for a row.
    pub caption: String,
    /// What it does, in sentences.
    pub description: String,
    /// Type and bounds.
    pub kind: Kind,
    /// Value when nobody says anything.
    pub default: Option<serde_json::Value>,
    /// Value in force when a document that says `restrict` has expired.
    pub restricted: Option<serde_json::Value>,
    /// Name of the set of policies that always come from one source together.
    pub atomic: Option<String>,
    /// Version of Flint that knows it first.
    pub since: String,
    /// Levels at which it may be set.
    pub levels: Vec<Level>,
    /// Whether a toggle may decide it.
    pub toggle: bool,
}

/// The file as it is written, before the rules between fields are checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    caption: String,
    description: String,
    #[serde(rename = "type")]
    kind: String,
    minimum: Option<i64>,
    maximum: Option<i64>,
    unit: Option<String>,
    max_length: Option<usize>,
    multiline: Option<bool>,
    values: Option<Vec<String>>,
    max_items: Option<usize>,
    default: Option<serde_json::Value>,
    restricted: Option<serde_json::Value>,
    atomic: Option<String>,
    since: String,
    levels: Vec<Level>,
    toggle: bool,
}

impl Definition {
    /// Reads a definition. `stem` is the file's name without `.toml`.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub fn parse(text: &str, group: &str, stem: &str) -> Result<Self, String> {
        let mut raw: Raw = toml::from_str(text).map_err(|e| e.to_string())?;
        if raw.name != stem {
            return Err(format!("`name` is {:?}, but the file is called {stem:?}", raw.name));
        }
        if !is_camel_case(&raw.name) {
            return Err(format!("`name` {:?} is not UpperCamelCase ASCII", raw.name));
        }
        if let Some(atomic) = raw.atomic.as_ref().filter(|name| !is_camel_case(name)) {
            return Err(format!("`atomic` {atomic:?} is not UpperCamelCase ASCII"));
        }
        for (field, text) in
            [("caption", &raw.caption), ("description", &raw.description), ("since", &raw.since)]
        {
            if text.trim().is_empty() {
                return Err(format!("`{field}` is empty"));
            }
        }
        if raw.since.split('.').count() != 3 || raw.since.split('.').any(|part| part.parse::<u32>().is_err())
        {
            return Err(format!("`since` {:?} is no version like 0.1.0", raw.since));
        }
        let twice = raw.levels.len() == 2 && raw.levels[0] == raw.levels[1];
        if raw.levels.is_empty() || raw.levels.len() > 2 || twice {
            return Err("`levels` needs one or two different levels".into());
        }
        let kind = kind(&mut raw)?;
        for (field, value) in [("default", &raw.default), ("restricted", &raw.restricted)] {
            if let Some(value) = value.as_ref().filter(|value| !fits(&kind, value)) {
                return Err(format!("`{field}` {value} is no value of this type and these bounds"));
            }
        }
        if raw.default.is_none() && matches!(kind, Kind::Boolean | Kind::Choice { .. } | Kind::JidList { .. })
        {
            return Err(format!("a policy of type {:?} needs a `default`", raw.kind));
        }
        Ok(Self {
            name: raw.name,
            group: group.to_owned(),
            caption: raw.caption.trim().to_owned(),
            description: raw.description.split_whitespace().collect::<Vec<_>>().join(" "),
            kind,
            default: raw.default,
            restricted: raw.restricted,
            atomic: raw.atomic,
            since: raw.since,
            levels: raw.levels,
            toggle: raw.toggle,
        })
    }

    /// True when a person may choose a value, which is the case for whatever may be recommended.
    pub fn is_choosable(&self) -> bool {
        self.levels.contains(&Level::Recommended)
    }

    /// Name of the Rust method, e.g. `contact_adding_allowed`.
    pub fn method(&self) -> String {
        let mut method = String::new();
        for (index, c) in self.name.char_indices() {
            if c.is_ascii_uppercase() && index > 0 {
                method.push('_');
            }
            method.push(c.to_ascii_lowercase());
        }
        method
    }
}

fn is_camel_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && name.len() <= 60
}

/// Takes the bounds that belong to the type; what is left over is an error.
fn kind(raw: &mut Raw) -> Result<Kind, String> {
    fn need<T>(value: Option<T>, field: &str) -> Result<T, String> {
        value.ok_or_else(|| format!("`{field}` is missing for this type"))
    }
    let kind = match raw.kind.as_str() {
        "boolean" => Kind::Boolean,
        "integer" => {
            let minimum = need(raw.minimum.take(), "minimum")?;
            let maximum = need(raw.maximum.take(), "maximum")?;
            if minimum > maximum || minimum < 0 || maximum > i64::from(u32::MAX) {
                return Err("`minimum` and `maximum` have to lie in order within 0 to 4294967295".into());
            }
            Kind::Integer { minimum, maximum, unit: raw.unit.take() }
        }
        "string" => {
            let max_length = need(raw.max_length.take(), "max_length")?;
            if !(1..=10_000).contains(&max_length) {
                return Err("`max_length` has to be 1 to 10000".into());
            }
            Kind::Text { max_length, multiline: raw.multiline.take().unwrap_or(false) }
        }
        "choice" => {
            let values = need(raw.values.take(), "values")?;
            let mut sorted = values.clone();
            sorted.sort();
            sorted.dedup();
            let clean =
                |word: &String| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            if values.len() < 2 || sorted.len() != values.len() || !values.iter().all(clean) {
                return Err("`values` needs two or more different words of a to z and -".into());
            }
            Kind::Choice { values }
        }
        "jid-list" => {
            let max_items = need(raw.max_items.take(), "max_items")?;
            if !(1..=1000).contains(&max_items) {
                return Err("`max_items` has to be 1 to 1000".into());
            }
            Kind::JidList { max_items }
        }
        other => {
            return Err(format!("`type` {other:?} is none of boolean, integer, string, choice, jid-list"));
        }
    };
    let left = [
        ("minimum", raw.minimum.is_some()),
        ("maximum", raw.maximum.is_some()),
        ("unit", raw.unit.is_some()),
        ("max_length", raw.max_length.is_some()),
        ("multiline", raw.multiline.is_some()),
        ("values", raw.values.is_some()),
        ("max_items", raw.max_items.is_some()),
    ];
    match left.iter().find(|(_, set)| *set) {
        Some((field, _)) => Err(format!("`{field}` does not belong to type {:?}", raw.kind)),
        None => Ok(kind),
    }
}

/// Whether a default may have this value. A list's default can only be empty: no address fits every organisation.
fn fits(kind: &Kind, value: &serde_json::Value) -> bool {
    match kind {
        Kind::Boolean => value.is_boolean(),
        Kind::Integer { minimum, maximum, .. } => {
            value.as_i64().is_some_and(|n| (*minimum..=*maximum).contains(&n))
        }
        Kind::Text { max_length, multiline } => value.as_str().is_some_and(|text| {
            text.chars().count() <= *max_length
                && text.chars().all(|c| !c.is_control() || (*multiline && c == '\n'))
        }),
        Kind::Choice { values } => value.as_str().is_some_and(|text| values.iter().any(|word| word == text)),
        Kind::JidList { .. } => value.as_array().is_some_and(Vec::is_empty),
    }
}
