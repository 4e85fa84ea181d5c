//! Which policies exist. The list itself is generated; this is the shape of its rows.

use serde_json::Value;

use crate::Values;
pub use crate::generated::catalog::{CATALOG, GROUPS};

/// A heading of the catalog.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// Stable id, e.g. `contacts`.
    pub id: &'static str,
    /// Heading.
    pub caption: &'static str,
    /// One sentence.
    pub description: &'static str,
}

/// Type and bounds of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        unit: Option<&'static str>,
    },
    /// Text without control characters.
    Text {
        /// Most characters.
        max_length: usize,
        /// Whether `\n` is allowed.
        multiline: bool,
    },
    /// Text that nobody gets to see again: masked on every page, in every dump and in every log.
    Secret {
        /// Most characters.
        max_length: usize,
    },
    /// `SCHEME://HOST:PORT`.
    Endpoint {
        /// The schemes.
        schemes: &'static [&'static str],
    },
    /// One of a few words.
    Choice {
        /// The words.
        values: &'static [&'static str],
    },
    /// Texts of one's own, each with one of a few words.
    Dictionary {
        /// The words.
        values: &'static [&'static str],
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

/// A value that is known when Flint is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Literal {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text, or the word of a choice.
    Text(&'static str),
    /// `[]`.
    EmptyList,
    /// `{}`.
    EmptyDictionary,
}

impl Literal {
    /// The same value as JSON.
    pub fn to_json(self) -> Value {
        match self {
            Self::Boolean(value) => value.into(),
            Self::Integer(value) => value.into(),
            Self::Text(value) => value.into(),
            Self::EmptyList => Value::Array(Vec::new()),
            Self::EmptyDictionary => Value::Object(Values::new()),
        }
    }
}

/// One policy.
#[derive(Debug, PartialEq, Eq)]
pub struct Definition {
    /// The key in files and documents.
    pub name: &'static str,
    /// Id of its [`Group`].
    pub group: &'static str,
    /// Short name for a row.
    pub caption: &'static str,
    /// What it does, in sentences.
    pub description: &'static str,
    /// Type and bounds.
    pub kind: Kind,
    /// Value when nobody says anything.
    pub default: Option<Literal>,
    /// Value in force when a document with `on_expiry: restrict` has expired.
    pub restricted: Option<Literal>,
    /// The set of policies that always come from one source together.
    pub atomic: Option<&'static str>,
    /// Version of Flint that knows it first.
    pub since: &'static str,
    /// May be set so that nobody can change it.
    pub mandatory: bool,
    /// May be set so that a person can choose something else.
    pub recommended: bool,
    /// Only a file of the computer may set it, not the server.
    pub machine_only: bool,
    /// What sources of one scope and level say is joined, and not only the strongest taken.
    pub merge: bool,
    /// Whether a toggle may decide it.
    pub toggle: bool,
}

impl Definition {
    /// The default as JSON; `null` when there is none.
    pub fn default_value(&self) -> Value {
        self.default.map_or(Value::Null, Literal::to_json)
    }

    /// True when its value is never shown.
    pub fn is_sensitive(&self) -> bool {
        matches!(self.kind, Kind::Secret { .. })
    }

    /// True when a person may choose a value: whatever may be recommended.
    pub fn is_choosable(&self) -> bool {
        self.recommended
    }
}

/// The policy of this name.
pub fn find(name: &str) -> Option<&'static Definition> {
    CATALOG.iter().find(|definition| definition.name == name)
}
