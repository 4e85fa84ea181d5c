//! View models: plain data with public fields, ready to be shown, made by the engine and nobody else.

use crate::ids::{MessageId, StanzaId, Timestamp};
use crate::secret::Private;
use jid::{BareJid, FullJid};
use serde::{Deserialize, Serialize};

/// Which conversation a message, draft or timeline belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "jid", rename_all = "kebab-case")]
pub enum ConversationId {
    /// One-to-one with a contact's bare JID.
    Person(BareJid),
    /// A room (XEP-0045) by its bare JID.
    Room(BareJid),
}

impl ConversationId {
    /// The bare JID of the person or room.
    pub fn jid(&self) -> &BareJid {
        match self {
            Self::Person(jid) | Self::Room(jid) => jid,
        }
    }
}

/// Availability as shown, strongest first when resources are compared (RFC 6121 §4.7.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Show {
    /// Free for chat.
    Chat,
    /// Available.
    Available,
    /// Away.
    Away,
    /// Away for long.
    ExtendedAway,
    /// Do not disturb.
    DoNotDisturb,
    /// No resource is online.
    #[default]
    Offline,
}

/// State of the presence subscription (RFC 6121 §2.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subscription {
    /// Neither side sees the other.
    #[default]
    None,
    /// We see them.
    To,
    /// They see us.
    From,
    /// Both.
    Both,
}

/// One person of the roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// Bare JID.
    pub jid: BareJid,
    /// Name from the roster, else the local part of the JID.
    pub name: String,
    /// Roster groups, in the server's order.
    pub groups: Vec<String>,
    /// Subscription state.
    pub subscription: Subscription,
    /// True while our request to see them waits for an answer.
    pub asked: bool,
    /// Best presence over all resources.
    pub show: Show,
    /// Status text of that presence.
    pub status: String,
}

/// Delivery state of an own message (design §4). Order is progress.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum DeliveryState {
    /// Accepted by the engine, not yet on the wire.
    Queued,
    /// Written to the stream.
    Sent,
    /// Acknowledged by the server (XEP-0198).
    Acked,
    /// Received by a device of the peer (XEP-0184).
    Delivered,
    /// Displayed by the peer (XEP-0333).
    Read,
    /// Not delivered; the text is kept and can be retried.
    Failed {
        /// What happened, one sentence in English.
        reason: String,
    },
}

/// Direction of a message with what only that direction has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "direction")]
pub enum Direction {
    /// From somebody else.
    Incoming,
    /// From us (this or another device).
    Outgoing {
        /// How far it got.
        delivery: DeliveryState,
    },
}

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRow {
    /// Identity within the account.
    pub id: MessageId,
    /// Where it was said.
    pub conversation: ConversationId,
    /// Who said it: contact name, or nickname in a room.
    pub sender_name: String,
    /// Bare JID of the sender when known (a semi-anonymous room hides it).
    pub sender: Option<BareJid>,
    /// The server's time where one was given, else our own.
    pub at: Timestamp,
    /// Incoming or outgoing with its delivery state.
    #[serde(flatten)]
    pub direction: Direction,
    /// Plain text.
    pub body: Private,
    /// Id in the server's archive, once known.
    pub stanza_id: Option<StanzaId>,
    /// Position in the conversation; larger is later.
    ///
    /// Microseconds since the epoch, made to grow within a conversation: what arrives live comes after everything
    /// that is there (`max(last + 1, now × 1000)`); what comes from an archive or as delayed room history is placed
    /// by the server's stamp and, within one millisecond, in the order of arrival. Messages with the same `sort` are
    /// never torn apart by paging.
    pub sort: i64,
}

/// One row of the conversation list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationRow {
    /// Which conversation.
    pub id: ConversationId,
    /// Name shown.
    pub title: String,
    /// Text of the last message ("" when there is none), prefixed by the sender's name in rooms.
    pub preview: Private,
    /// When the last message was said.
    pub last_at: Option<Timestamp>,
    /// Unread messages.
    pub unread: u32,
    /// Pinned to the top.
    pub pinned: bool,
    /// Presence of the person; `None` for rooms.
    pub show: Option<Show>,
    /// The peer is typing (XEP-0085).
    pub typing: bool,
    /// Unsent text.
    pub draft: Option<Private>,
}

/// A room known to this account (joined, bookmarked, or from policy).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRow {
    /// Bare JID of the room.
    pub jid: BareJid,
    /// Name shown.
    pub name: String,
    /// Subject, when joined.
    pub subject: String,
    /// Our state in it.
    pub state: RoomState,
    /// Occupants known.
    pub occupants: Vec<OccupantRow>,
}

/// Our own state in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum RoomState {
    /// Known, not joined.
    NotJoined,
    /// Presence was sent, self-presence (status 110) not yet seen.
    Joining,
    /// Joined under this nickname.
    Joined {
        /// Our nickname.
        nick: String,
    },
    /// The join was refused or we were removed.
    Failed {
        /// One sentence with the reason.
        reason: String,
    },
}

/// One occupant of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OccupantRow {
    /// Nickname.
    pub nick: String,
    /// Real JID, where the room shows it.
    pub jid: Option<FullJid>,
    /// `moderator`, `participant`, `visitor`, `none`.
    pub role: String,
    /// `owner`, `admin`, `member`, `none`, `outcast`.
    pub affiliation: String,
}

/// Connection as shown to the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ConnectionState {
    /// Nothing was tried yet, or the user signed out.
    Offline,
    /// Signing in.
    Connecting,
    /// Signed in.
    Online {
        /// The JID that the server bound.
        jid: FullJid,
        /// SASL mechanism used.
        mechanism: String,
        /// True when an earlier stream was resumed (XEP-0198 §5).
        resumed: bool,
    },
    /// The network failed; the next try comes by itself.
    Waiting {
        /// What failed, one sentence.
        reason: String,
        /// When the next try starts.
        retry_at: Timestamp,
    },
    /// Final until the user or policy acts.
    Refused {
        /// Machine-readable kind, see `SignInProblem` in the runtime (`no-ticket`, `ticket-expired`, …).
        kind: String,
        /// What happened, one sentence.
        reason: String,
        /// What to do next, one sentence.
        next_step: String,
    },
}

/// One hit of the history search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchHit {
    /// The message found.
    pub message: MessageRow,
    /// Excerpt; the words that matched stand between U+0002 and U+0003.
    pub snippet: Private,
}

/// One row of the policy page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRow {
    /// Name of the policy, e.g. `ContactAddingAllowed`.
    pub name: String,
    /// What it does, one sentence.
    pub caption: String,
    /// Value in force, as text for people.
    pub value: String,
    /// Value in force, as JSON.
    pub json: serde_json::Value,
    /// `required`, `recommended`, or `default` / `user`.
    pub level: String,
    /// Where it comes from, e.g. `server, group Support`.
    pub source: String,
    /// Weaker values that lost, strongest first: (value, level, source).
    pub superseded: Vec<(String, String, String)>,
    /// Problems met while reading it (path, expected, got).
    pub messages: Vec<String>,
}

/// Everything that the policy page shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PolicyReport {
    /// One row per policy of the catalogue.
    pub rows: Vec<PolicyRow>,
    /// Keys that could not be parsed and notes on the whole (path, expected, got).
    pub messages: Vec<String>,
    /// Who manages this account, e.g. `example.test`; `None` when nobody does.
    pub managed_by: Option<String>,
    /// State of the server's signed policy.
    pub server: ServerPolicyState,
}

/// State of the server's signed policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerPolicyState {
    /// Version in force (0 = none seen).
    pub version: u64,
    /// When it was issued and when it expires.
    pub issued: Option<Timestamp>,
    /// Expiry.
    pub expires: Option<Timestamp>,
    /// Key id of the signature that was verified.
    pub signed_by: Option<String>,
    /// Last successful fetch.
    pub fetched_at: Option<Timestamp>,
    /// Next planned fetch.
    pub next_fetch_at: Option<Timestamp>,
    /// What went wrong at the last try, one sentence; `None` when all is well.
    pub problem: Option<String>,
}
