//! What a definition file may say, and the rules between its fields.

use serde::Deserialize;

/// What `type` may be.
const TYPES: &str =
    "boolean, integer, string, sensitive-string, endpoint, choice, dictionary, file, jid-list";

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
    /// Text that nobody gets to see again: masked on every page, in every dump and in every log.
    Secret {
        /// Most characters (not octets).
        max_length: usize,
    },
    /// `SCHEME://HOST:PORT`.
    Endpoint {
        /// The schemes, e.g. `http`.
        schemes: Vec<String>,
    },
    /// One of a few words.
    Choice {
        /// The words.
        values: Vec<String>,
    },
    /// Texts of one's own, each with one of a few words.
    Dictionary {
        /// The words.
        values: Vec<String>,
        /// Most entries.
        max_items: usize,
        /// Most characters of a text.
        max_length: usize,
    },
    /// Something larger that lies elsewhere: its HTTPS address and the SHA-256 of its content.
    File {
        /// Largest content, in octets.
        max_size: u32,
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
    /// Only a file of the computer may set it, not the server.
    pub machine_only: bool,
    /// What sources of one scope and level say is joined, and not only the strongest taken.
    pub merge: bool,
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
    schemes: Option<Vec<String>>,
    max_size: Option<u32>,
    default: Option<serde_json::Value>,
    restricted: Option<serde_json::Value>,
    atomic: Option<String>,
    since: String,
    levels: Vec<Level>,
    #[serde(default)]
    machine_only: bool,
    #[serde(default)]
    merge: bool,
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
        let needs_default = matches!(
            kind,
            Kind::Boolean | Kind::Choice { .. } | Kind::JidList { .. } | Kind::Dictionary { .. }
        );
        if raw.default.is_none() && needs_default {
            return Err(format!("a policy of type {:?} needs a `default`", raw.kind));
        }
        if raw.merge && (raw.atomic.is_some() || !matches!(kind, Kind::Dictionary { .. })) {
            return Err("`merge` is for a dictionary outside of atomic groups".into());
        }
        if raw.machine_only && raw.restricted.is_some() {
            return Err("`restricted` is for what the server may set, and this is `machine_only`".into());
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
            machine_only: raw.machine_only,
            merge: raw.merge,
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
            let max_length = length(need(raw.max_length.take(), "max_length")?)?;
            Kind::Text { max_length, multiline: raw.multiline.take().unwrap_or(false) }
        }
        "sensitive-string" => {
            Kind::Secret { max_length: length(need(raw.max_length.take(), "max_length")?)? }
        }
        "endpoint" => Kind::Endpoint { schemes: words(need(raw.schemes.take(), "schemes")?, "schemes")? },
        "choice" => Kind::Choice { values: words(need(raw.values.take(), "values")?, "values")? },
        "dictionary" => Kind::Dictionary {
            values: words(need(raw.values.take(), "values")?, "values")?,
            max_items: count(need(raw.max_items.take(), "max_items")?)?,
            max_length: length(need(raw.max_length.take(), "max_length")?)?,
        },
        "file" => {
            let max_size = need(raw.max_size.take(), "max_size")?;
            if !(1..=16 << 20).contains(&max_size) {
                return Err("`max_size` has to be 1 to 16777216".into());
            }
            Kind::File { max_size }
        }
        "jid-list" => Kind::JidList { max_items: count(need(raw.max_items.take(), "max_items")?)? },
        other => {
            return Err(format!("`type` {other:?} is none of {TYPES}"));
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
        ("schemes", raw.schemes.is_some()),
        ("max_size", raw.max_size.is_some()),
    ];
    match left.iter().find(|(_, set)| *set) {
        Some((field, _)) => Err(format!("`{field}` does not belong to type {:?}", raw.kind)),
        None => Ok(kind),
    }
}

fn length(max_length: usize) -> Result<usize, String> {
    match max_length {
        1..=10_000 => Ok(max_length),
        _ => Err("`max_length` has to be 1 to 10000".into()),
    }
}

fn count(max_items: usize) -> Result<usize, String> {
    match max_items {
        1..=1000 => Ok(max_items),
        _ => Err("`max_items` has to be 1 to 1000".into()),
    }
}

fn words(values: Vec<String>, field: &str) -> Result<Vec<String>, String> {
    let mut sorted = values.clone();
    sorted.sort();
    sorted.dedup();
    let clean = |word: &String| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if values.len() < 2 || sorted.len() != values.len() || !values.iter().all(clean) {
        return Err(format!("`{field}` needs two or more different words of a to z, 0 to 9 and -"));
    }
    Ok(values)
}

/// Whether a default may have this value. A list's and a dictionary's default can only be
/// empty, and a secret, an endpoint or a file has none: nothing of that fits every organisation.
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
        Kind::Dictionary { .. } => value.as_object().is_some_and(serde_json::Map::is_empty),
        Kind::Secret { .. } | Kind::Endpoint { .. } | Kind::File { .. } => false,
    }
}
