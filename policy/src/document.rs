//! The document that the server signs for one person: every layer that touches them, so that none can be held back.

use std::fmt;

use jid::BareJid;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Values;
use crate::effective::Masked;
use crate::envelope::Envelope;
use crate::keys::SigningKey;
use crate::layer::Level;

/// DSSE payload type of a [`PolicyDocument`].
pub const POLICY_TYPE: &str = "application/vnd.flint.policy.v1+json";
/// The format that this version reads and writes.
const FORMAT: u32 = 1;
/// Most layers of one document.
const MAX_LAYERS: usize = 1000;

/// What happens when a document is not renewed in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnExpiry {
    /// It stays in force, with a warning.
    Keep,
    /// It stays in force, and the policies that have a restricted value take it.
    Restrict,
}

/// Whom a layer concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "scope")]
pub enum Scope {
    /// Every person of the domain.
    Everybody,
    /// The members of a group.
    Group {
        /// Stable id.
        #[serde(rename = "group")]
        id: String,
        /// Name for people.
        name: String,
        /// 1 is the strongest; equal ranks are ordered by id.
        rank: u32,
    },
}

/// Values for one scope at one level.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentLayer {
    /// Whom it concerns.
    #[serde(flatten)]
    pub scope: Scope,
    /// At which level.
    pub level: Level,
    /// The values. Keys and types are checked when they are resolved, each for itself.
    pub policies: Values,
}

impl fmt::Debug for DocumentLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, level, policies } = self;
        let policies = Masked(policies);
        f.debug_struct("DocumentLayer")
            .field("scope", scope)
            .field("level", level)
            .field("policies", &policies)
            .finish()
    }
}

/// What the server says to one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyDocument {
    /// 1.
    pub format: u32,
    /// The domain that manages the person.
    pub domain: String,
    /// The person.
    pub audience: BareJid,
    /// The root's epoch (see [`crate::RootDocument::epoch`]); 0 unless a console was restored from a backup.
    #[serde(default)]
    pub epoch: u64,
    /// One counter for the domain, which only grows.
    pub version: u64,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub issued: u64,
    /// After this time it is not accepted anew, in milliseconds since 1970-01-01 UTC.
    pub expires: u64,
    /// What then happens to the one that is held.
    pub on_expiry: OnExpiry,
    /// Every layer that touches the person.
    pub layers: Vec<DocumentLayer>,
    /// Feature toggles, carried as they are.
    #[serde(default)]
    pub toggles: Value,
}

/// The payload is no document of this format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Another format.
    #[error("the document has format {0}, and this version reads format 1")]
    Format(u64),
    /// A field is missing or wrong.
    #[error("the document can't be read: {0}")]
    Malformed(String),
}

impl PolicyDocument {
    /// The format of the documents that this version writes.
    pub const FORMAT: u32 = FORMAT;

    /// Reads a payload whose signature was verified.
    ///
    /// # Errors
    /// See [`DocumentError`].
    pub fn from_payload(payload: &[u8]) -> Result<Self, DocumentError> {
        check_format(payload)?;
        let document: Self =
            serde_json::from_slice(payload).map_err(|e| DocumentError::Malformed(e.to_string()))?;
        if document.layers.len() > MAX_LAYERS {
            return Err(DocumentError::Malformed(format!("it has more than {MAX_LAYERS} layers")));
        }
        Ok(document)
    }

    /// Writes and signs it.
    pub fn sign(&self, key: &SigningKey) -> Envelope {
        let payload = serde_json::to_vec(self).expect("a document of strings and numbers can be written");
        Envelope::sign(POLICY_TYPE, payload, &[key])
    }
}

/// Looks at the format first: a later one may have any other shape, and "wrong format" is the better answer.
pub(crate) fn check_format(payload: &[u8]) -> Result<(), DocumentError> {
    #[derive(Deserialize)]
    struct Head {
        format: u64,
    }
    let head: Head = serde_json::from_slice(payload).map_err(|e| DocumentError::Malformed(e.to_string()))?;
    if head.format == u64::from(FORMAT) { Ok(()) } else { Err(DocumentError::Format(head.format)) }
}
