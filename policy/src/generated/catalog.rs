//! Every policy of Flint. Written by `cargo xtask generate` from `admin-schema/policies`; changes by hand are lost.

use jid::BareJid;

use crate::catalog::{Definition, Group, Kind, Literal};
use crate::effective::EffectivePolicy;

/// The groups, in order.
pub static GROUPS: &[Group] = &[
    Group {
        id: "contacts",
        caption: "Contacts",
        description: "Who is in a person's contact list.",
    },
    Group {
        id: "history",
        caption: "History",
        description: "What is kept of past conversations on this computer.",
    },
    Group {
        id: "organization",
        caption: "Organisation",
        description: "How the organisation shows itself in the window.",
    },
    Group {
        id: "rooms",
        caption: "Rooms",
        description: "The rooms of the organisation.",
    },
];

/// The policies, in order of group and name.
pub static CATALOG: &[Definition] = &[
    Definition {
        name: "ContactAddingAllowed",
        group: "contacts",
        caption: "Adding contacts",
        description: "Whether a person may add contacts to the list. When it is off, the button is locked and says who manages it; contacts that the server puts into the list still appear.",
        kind: Kind::Boolean,
        default: Some(Literal::Boolean(true)),
        restricted: Some(Literal::Boolean(false)),
        atomic: None,
        since: "0.1.0",
        mandatory: true,
        recommended: true,
        toggle: false,
    },
    Definition {
        name: "HistoryRetentionDays",
        group: "history",
        caption: "Keep history for",
        description: "After this many days messages are deleted from this computer. Without a value they are kept. The archive of the server has its own rule.",
        kind: Kind::Integer { minimum: 1, maximum: 3650, unit: Some("days") },
        default: None,
        restricted: None,
        atomic: None,
        since: "0.1.0",
        mandatory: true,
        recommended: true,
        toggle: false,
    },
    Definition {
        name: "NoticeStyle",
        group: "organization",
        caption: "Style of the notice",
        description: "How the notice looks. Text and style always come from the same source, so that a warning never loses its colour to another source's text.",
        kind: Kind::Choice { values: &["information", "warning"] },
        default: Some(Literal::Text("information")),
        restricted: None,
        atomic: Some("OrganizationNotice"),
        since: "0.1.0",
        mandatory: true,
        recommended: false,
        toggle: false,
    },
    Definition {
        name: "NoticeText",
        group: "organization",
        caption: "Notice",
        description: "A line at the top of the window, for everybody whom the policy concerns. An empty text shows none.",
        kind: Kind::Text { max_length: 500, multiline: true },
        default: None,
        restricted: None,
        atomic: Some("OrganizationNotice"),
        since: "0.1.0",
        mandatory: true,
        recommended: false,
        toggle: false,
    },
    Definition {
        name: "OrganizationName",
        group: "organization",
        caption: "Name of the organisation",
        description: "Shown at sign-in and at the top of the contact list. Without a value the name of the domain is shown.",
        kind: Kind::Text { max_length: 100, multiline: false },
        default: None,
        restricted: None,
        atomic: None,
        since: "0.1.0",
        mandatory: true,
        recommended: false,
        toggle: false,
    },
    Definition {
        name: "DefaultRooms",
        group: "rooms",
        caption: "Rooms to join at sign-in",
        description: "Addresses of rooms that the client joins by itself. A person can still join others.",
        kind: Kind::JidList { max_items: 50 },
        default: Some(Literal::EmptyList),
        restricted: None,
        atomic: None,
        since: "0.1.0",
        mandatory: true,
        recommended: true,
        toggle: false,
    },
];

impl EffectivePolicy {
    /// `ContactAddingAllowed`: Adding contacts.
    pub fn contact_adding_allowed(&self) -> bool {
        self.boolean("ContactAddingAllowed")
    }

    /// `HistoryRetentionDays`: Keep history for.
    pub fn history_retention_days(&self) -> Option<u32> {
        self.integer("HistoryRetentionDays")
    }

    /// `NoticeStyle`: Style of the notice.
    pub fn notice_style(&self) -> &str {
        self.text("NoticeStyle").unwrap_or_default()
    }

    /// `NoticeText`: Notice.
    pub fn notice_text(&self) -> Option<&str> {
        self.text("NoticeText")
    }

    /// `OrganizationName`: Name of the organisation.
    pub fn organization_name(&self) -> Option<&str> {
        self.text("OrganizationName")
    }

    /// `DefaultRooms`: Rooms to join at sign-in.
    pub fn default_rooms(&self) -> Vec<BareJid> {
        self.jids("DefaultRooms")
    }
}
