//! The one place that turns policy into behaviour: commands, inbound events and settings all ask the snapshot made here.

use jid::BareJid;
use serde::Serialize;

/// Something a person may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Add a contact to the roster.
    AddContact,
}

/// The answer to "may I?".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// Yes.
    Allowed,
    /// No, and who says so.
    Denied {
        /// Name of the policy.
        policy: String,
        /// Who manages this account, e.g. `example.test`, or `this computer`.
        managed_by: String,
    },
}

impl Verdict {
    /// True when allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }
}

/// A line that the organisation shows at the top of the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Text.
    pub text: String,
    /// Shown as a warning rather than as information.
    pub warning: bool,
}

/// Immutable snapshot of what is allowed and of the typed settings that policy decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// May contacts be added?
    pub add_contact: Verdict,
    /// Days after which stored messages are deleted; `None` keeps them.
    pub history_retention_days: Option<u32>,
    /// Name of the organisation to show.
    pub organization_name: Option<String>,
    /// Rooms to join at sign-in.
    pub default_rooms: Vec<BareJid>,
    /// The organisation's notice.
    pub notice: Option<Notice>,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            add_contact: Verdict::Allowed,
            history_retention_days: None,
            organization_name: None,
            default_rooms: Vec::new(),
            notice: None,
        }
    }
}
