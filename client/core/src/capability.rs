//! The one place that turns policy into behaviour: commands, inbound events and settings all ask the snapshot made here.

use flint_policy::EffectivePolicy;
use jid::BareJid;
use serde::Serialize;

const CONTACT_ADDING: &str = "ContactAddingAllowed";

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

impl Capabilities {
    /// What holds before policy was resolved for the first time: nothing gated is open. Commands that need a gated
    /// capability are kept until then.
    pub fn unresolved() -> Self {
        let denied =
            Verdict::Denied { policy: CONTACT_ADDING.to_owned(), managed_by: "this computer".to_owned() };
        Self { add_contact: denied, ..Self::default() }
    }

    /// What a resolved policy allows. `managed_by` is who manages this account when the policy itself does not say.
    pub fn from_policy(policy: &EffectivePolicy, managed_by: Option<&str>) -> Self {
        let denied = |name: &str| {
            let managed_by = policy.managed_by(name).or_else(|| managed_by.map(str::to_owned));
            Verdict::Denied {
                policy: name.to_owned(),
                managed_by: managed_by.unwrap_or_else(|| "your organisation".to_owned()),
            }
        };
        Self {
            add_contact: match policy.contact_adding_allowed() {
                true => Verdict::Allowed,
                false => denied(CONTACT_ADDING),
            },
            history_retention_days: policy.history_retention_days(),
            organization_name: policy.organization_name().map(str::to_owned),
            default_rooms: policy.default_rooms(),
            notice: policy.notice().map(|(text, warning)| Notice { text: text.to_owned(), warning }),
        }
    }

    /// May this be done?
    pub fn verdict(&self, capability: Capability) -> &Verdict {
        match capability {
            Capability::AddContact => &self.add_contact,
        }
    }
}

impl Default for Capabilities {
    /// Nobody manages this account: everything is allowed.
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
