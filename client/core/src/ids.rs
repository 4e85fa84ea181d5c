//! Newtypes for the identifiers and moments that travel through the engine.

use serde::{Deserialize, Serialize};

/// A moment in milliseconds since the Unix epoch (UTC). The engine never reads a clock; it is handed one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment `milliseconds` later (earlier when negative), saturating.
    #[must_use]
    pub fn plus(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }
}

/// Our own row id of a message in the archive, also its identity in a timeline. Assigned by the engine from the
/// origin-id we generate or from what arrived; unique within one account (XEP-0359 §3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub String);

/// The id that an archive assigned to a message (XEP-0359 §4, `stanza-id`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StanzaId(pub String);

/// Names one outbound stanza until the server has acknowledged it (XEP-0198 §4) or it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SendToken(pub u64);

/// Ties the answer of a store query or a search to the command that asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueryId(pub u64);
