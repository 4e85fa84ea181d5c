//! The one place that turns policy into behaviour: commands, inbound events and settings all ask the snapshot made here.

use crate::model::Show;
use flint_policy::{EffectivePolicy, Proxy};
use jid::BareJid;
use serde::Serialize;
use std::path::PathBuf;

const CONTACT_ADDING: &str = "ContactAddingAllowed";
const GROUP_CHAT: &str = "GroupChatAllowed";
/// Named by whoever refuses a password.
pub const SINGLE_SIGN_ON: &str = "SingleSignOnRequired";
/// Named by whoever refuses something while no policy is held.
pub const MANAGEMENT: &str = "ManagementRequired";
/// Name of the policy behind [`Capabilities::brand_image`].
pub const BRAND_IMAGE: &str = "BrandImage";

/// Something a person may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Add a contact to the roster.
    AddContact,
    /// Be in rooms: join, create, be invited.
    GroupChat,
    /// Chat at all: not while this computer must be managed and no verified policy is held.
    Chat,
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

/// Whether this account is managed, and whether it has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Management {
    /// Nobody manages it.
    Unmanaged,
    /// Somebody does.
    Managed {
        /// Who, e.g. `example.test`, or `this computer`.
        by: String,
    },
    /// The computer demands it and no verified policy is held: there is no chat until one is.
    Missing {
        /// What has happened and what to do next, one or two sentences.
        reason: String,
    },
}

impl Management {
    /// Why there is no chat; `None` when there is.
    pub fn missing(&self) -> Option<&str> {
        match self {
            Self::Missing { reason } => Some(reason),
            Self::Unmanaged | Self::Managed { .. } => None,
        }
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
    /// Who manages this account, and whether there is chat at all.
    pub management: Management,
    /// Only the desktop's ticket may be used: there is no way to sign in with a password.
    pub single_sign_on_required: bool,
    /// May contacts be added?
    pub add_contact: Verdict,
    /// May rooms be joined and created?
    pub group_chat: Verdict,
    /// Days after which stored messages are deleted; `None` keeps them.
    pub history_retention_days: Option<u32>,
    /// Name of the organisation to show.
    pub organization_name: Option<String>,
    /// Rooms to join at sign-in.
    pub default_rooms: Vec<BareJid>,
    /// The organisation's notice.
    pub notice: Option<Notice>,
    /// Ready-made status texts with what each stands for.
    pub status_presets: Vec<(String, Show)>,
    /// The proxy to the chat server; its password is neither shown nor written.
    pub proxy: Option<Proxy>,
    /// File with the organisation's picture; its content was verified.
    pub brand_image: Option<PathBuf>,
}

impl Capabilities {
    /// What holds before policy was resolved for the first time: nothing gated is open. Commands that need a gated
    /// capability are kept until then.
    pub fn unresolved() -> Self {
        let denied = |policy: &str| Verdict::Denied {
            policy: policy.to_owned(),
            managed_by: "this computer".to_owned(),
        };
        Self {
            // A password is asked for only when it is known that it may be.
            single_sign_on_required: true,
            add_contact: denied(CONTACT_ADDING),
            group_chat: denied(GROUP_CHAT),
            ..Self::default()
        }
    }

    /// What a resolved policy allows. `managed_by` is who manages this account when the policy itself does not say;
    /// `missing` is why a policy that must be there is not.
    pub fn from_policy(policy: &EffectivePolicy, managed_by: Option<&str>, missing: Option<&str>) -> Self {
        let denied = |name: &str| {
            let managed_by = policy.managed_by(name).or_else(|| managed_by.map(str::to_owned));
            Verdict::Denied {
                policy: name.to_owned(),
                managed_by: managed_by.unwrap_or_else(|| "your organisation".to_owned()),
            }
        };
        let verdict = |allowed: bool, name: &str| if allowed { Verdict::Allowed } else { denied(name) };
        let management = match (missing, managed_by) {
            (Some(reason), _) if policy.management_required() => {
                Management::Missing { reason: reason.to_owned() }
            }
            (_, Some(by)) => Management::Managed { by: by.to_owned() },
            (_, None) => Management::Unmanaged,
        };
        Self {
            management,
            single_sign_on_required: policy.single_sign_on_required(),
            add_contact: verdict(policy.contact_adding_allowed(), CONTACT_ADDING),
            group_chat: verdict(policy.group_chat_allowed(), GROUP_CHAT),
            history_retention_days: policy.history_retention_days(),
            organization_name: policy.organization_name().map(str::to_owned),
            default_rooms: policy.default_rooms(),
            notice: policy.notice().map(|(text, warning)| Notice { text: text.to_owned(), warning }),
            status_presets: policy
                .status_presets()
                .into_iter()
                .filter_map(|(text, show)| Some((text.to_owned(), show_named(show)?)))
                .collect(),
            proxy: policy.proxy(),
            brand_image: None,
        }
    }

    /// May this be done?
    pub fn verdict(&self, capability: Capability) -> Verdict {
        match capability {
            Capability::AddContact => self.add_contact.clone(),
            Capability::GroupChat => self.group_chat.clone(),
            Capability::Chat if self.management.missing().is_some() => {
                Verdict::Denied { policy: MANAGEMENT.to_owned(), managed_by: "this computer".to_owned() }
            }
            Capability::Chat => Verdict::Allowed,
        }
    }
}

fn show_named(name: &str) -> Option<Show> {
    Some(match name {
        "available" => Show::Available,
        "away" => Show::Away,
        "xa" => Show::ExtendedAway,
        "dnd" => Show::DoNotDisturb,
        _ => return None,
    })
}

impl Default for Capabilities {
    /// Nobody manages this account: everything is allowed.
    fn default() -> Self {
        Self {
            management: Management::Unmanaged,
            single_sign_on_required: false,
            add_contact: Verdict::Allowed,
            group_chat: Verdict::Allowed,
            history_retention_days: None,
            organization_name: None,
            default_rooms: Vec::new(),
            notice: None,
            status_presets: Vec::new(),
            proxy: None,
            brand_image: None,
        }
    }
}
