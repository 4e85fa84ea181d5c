//! Every policy of Flint. Written by `cargo xtask generate` from `admin-schema/policies`; changes by hand are lost.

use jid::BareJid;

use crate::catalog::{Definition, Group, Kind, Literal};
use crate::effective::EffectivePolicy;
use crate::typed::{Endpoint, FileReference, SecretText};

/// The groups, in order.
pub static GROUPS: &[Group] = &[
    Group {
        id: "connection",
        caption: "Connection",
        description: "The way to the server.",
    },
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
        id: "management",
        caption: "Management",
        description: "Whether this computer works without the policies of the organisation.",
    },
    Group {
        id: "organization",
        caption: "Organisation",
        description: "How the organisation shows itself in the window.",
    },
    Group {
        id: "presence",
        caption: "Presence",
        description: "What a person shows to others.",
    },
    Group {
        id: "rooms",
        caption: "Rooms",
        description: "The rooms of the organisation.",
    },
    Group {
        id: "signin",
        caption: "Sign-in",
        description: "How a person signs in.",
    },
];

/// The policies, in order of group and name.
pub static CATALOG: &[Definition] = &[
    Definition {
        name: "ProxyAddress",
        group: "connection",
        caption: "Proxy",
        description: "Connections to the chat server, and those that fetch policies, go through this proxy. The proxy sees where they go, and nothing of what is said: TLS is verified to its end.",
        kind: Kind::Endpoint { schemes: &["http", "socks5"] },
        default: None,
        restricted: None,
        atomic: Some("Proxy"),
        since: "0.1.0",
        mandatory: true,
        recommended: false,
        machine_only: false,
        merge: false,
        toggle: false,
    },
    Definition {
        name: "ProxyPassword",
        group: "connection",
        caption: "Password at the proxy",
        description: "Sent to the proxy together with the user name. Whoever can read the files of this computer's policies can read it, so give it no other rights than those of the proxy.",
        kind: Kind::Secret { max_length: 255 },
        default: None,
        restricted: None,
        atomic: Some("Proxy"),
        since: "0.1.0",
        mandatory: true,
        recommended: false,
        machine_only: false,
        merge: false,
        toggle: false,
    },
    Definition {
        name: "ProxyUser",
        group: "connection",
        caption: "User name at the proxy",
        description: "Without a value the proxy is used without signing in to it.",
        kind: Kind::Text { max_length: 255, multiline: false },
        default: None,
        restricted: None,
        atomic: Some("Proxy"),
        since: "0.1.0",
        mandatory: true,
        recommended: false,
        machine_only: false,
        merge: false,
        toggle: false,
    },
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
        machine_only: false,
        merge: false,
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
        machine_only: false,
        merge: false,
        toggle: false,
    },
    Definition {
        name: "ManagementRequired",
        group: "management",
        caption: "Only with the organisation's policies",
        description: "There is no chat until verified policies of the server are held: neither a server that is away at the first start nor a deleted cache opens anything. Without a trust file on the computer the server confirms them after each start. Only a file of the computer can say so.",
        kind: Kind::Boolean,
        default: Some(Literal::Boolean(false)),
        restricted: None,
        atomic: None,
        since: "0.1.0",
        mandatory: true,
        recommended: false,
        machine_only: true,
        merge: false,
        toggle: false,
    },
    Definition {
        name: "BrandImage",
        group: "organization",
        caption: "Picture at sign-in",
        description: "Shown at sign-in in place of the icon. It is fetched over HTTPS and used only if its content has this SHA-256.",
        kind: Kind::File { max_size: 524288 },
        default: None,
        restricted: None,
        atomic: None,
        since: "0.1.0",
        mandatory: true,
        recommended: true,
        machine_only: false,
        merge: false,
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
        machine_only: false,
        merge: false,
        toggle: false,
    },
    Definition {
        name: "NoticeText",
        group: "organization",
        caption: "Notice",
        description: "A line at the top of the window, for everybody whom the policy concerns. A group for which only the style is set shows none.",
        kind: Kind::Text { max_length: 500, multiline: true },
        default: None,
        restricted: None,
        atomic: Some("OrganizationNotice"),
        since: "0.1.0",
        mandatory: true,
        recommended: false,
        machine_only: false,
        merge: false,
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
        machine_only: false,
        merge: false,
        toggle: false,
    },
    Definition {
        name: "StatusPresets",
        group: "presence",
        caption: "Ready-made status texts",
        description: "Texts in the presence menu, each with what it stands for: available, away, xa (away for long) or dnd (do not disturb). A person can still write one of their own.",
        kind: Kind::Dictionary { values: &["available", "away", "xa", "dnd"], max_items: 20, max_length: 60 },
        default: Some(Literal::EmptyDictionary),
        restricted: None,
        atomic: None,
        since: "0.1.0",
        mandatory: true,
        recommended: true,
        machine_only: false,
        merge: true,
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
        machine_only: false,
        merge: false,
        toggle: false,
    },
    Definition {
        name: "GroupChatAllowed",
        group: "rooms",
        caption: "Group chat",
        description: "Whether a person may make and join rooms. When it is off, invitations to rooms are neither shown nor answered, so that a stranger does not learn who is there.",
        kind: Kind::Boolean,
        default: Some(Literal::Boolean(true)),
        restricted: Some(Literal::Boolean(false)),
        atomic: None,
        since: "0.1.0",
        mandatory: true,
        recommended: false,
        machine_only: false,
        merge: false,
        toggle: false,
    },
    Definition {
        name: "SingleSignOnRequired",
        group: "signin",
        caption: "Only single sign-on",
        description: "Sign-in takes the Kerberos ticket and nothing else: no password is asked for, and none is sent.",
        kind: Kind::Boolean,
        default: Some(Literal::Boolean(false)),
        restricted: None,
        atomic: None,
        since: "0.1.0",
        mandatory: true,
        recommended: false,
        machine_only: false,
        merge: false,
        toggle: false,
    },
];

impl EffectivePolicy {
    /// `ProxyAddress`: Proxy.
    pub fn proxy_address(&self) -> Option<Endpoint> {
        self.endpoint("ProxyAddress")
    }

    /// `ProxyPassword`: Password at the proxy.
    pub fn proxy_password(&self) -> Option<SecretText> {
        self.secret("ProxyPassword")
    }

    /// `ProxyUser`: User name at the proxy.
    pub fn proxy_user(&self) -> Option<&str> {
        self.text("ProxyUser")
    }

    /// `ContactAddingAllowed`: Adding contacts.
    pub fn contact_adding_allowed(&self) -> bool {
        self.boolean("ContactAddingAllowed")
    }

    /// `HistoryRetentionDays`: Keep history for.
    pub fn history_retention_days(&self) -> Option<u32> {
        self.integer("HistoryRetentionDays")
    }

    /// `ManagementRequired`: Only with the organisation's policies.
    pub fn management_required(&self) -> bool {
        self.boolean("ManagementRequired")
    }

    /// `BrandImage`: Picture at sign-in.
    pub fn brand_image(&self) -> Option<FileReference> {
        self.file("BrandImage")
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

    /// `StatusPresets`: Ready-made status texts.
    pub fn status_presets(&self) -> Vec<(&str, &str)> {
        self.dictionary("StatusPresets")
    }

    /// `DefaultRooms`: Rooms to join at sign-in.
    pub fn default_rooms(&self) -> Vec<BareJid> {
        self.jids("DefaultRooms")
    }

    /// `GroupChatAllowed`: Group chat.
    pub fn group_chat_allowed(&self) -> bool {
        self.boolean("GroupChatAllowed")
    }

    /// `SingleSignOnRequired`: Only single sign-on.
    pub fn single_sign_on_required(&self) -> bool {
        self.boolean("SingleSignOnRequired")
    }
}
