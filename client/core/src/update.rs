//! What changed and has to be shown. Lists travel as diffs; a reader that fell behind gets a reset.

use crate::capability::Capabilities;
use crate::ids::{MessageId, QueryId};
use crate::model::{
    ConnectionState, ConversationId, ConversationRow, DeliveryState, MessageRow, OccupantRow, PersonRow,
    PolicyReport, RoomRow, SearchHit, Show,
};
use crate::secret::Private;
use jid::BareJid;
use serde::Serialize;

/// Every update of the chat engine, one nested enum per area.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "area", content = "update")]
pub enum Update {
    /// Connection, own presence, own name.
    Account(AccountUpdate),
    /// The roster.
    People(PeopleUpdate),
    /// Conversation list and timelines.
    Chat(ChatUpdate),
    /// Rooms.
    Room(RoomUpdate),
    /// Answers to history commands.
    History(HistoryUpdate),
    /// What is allowed now, and why not.
    Capabilities(Capabilities),
    /// The policy page.
    Policy(PolicyReport),
    /// A command could not be carried out.
    Rejected(Rejection),
}

/// Why a command was not carried out; shown as a toast or next to what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The command in words, e.g. `add contact`.
    pub what: String,
    /// What happened and what to do next, one or two sentences.
    pub reason: String,
    /// The policy that forbids it, when one does.
    pub policy: Option<String>,
}

/// Connection, own presence, own name.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum AccountUpdate {
    /// The account that this engine works for.
    Identity {
        /// Own bare JID.
        jid: BareJid,
        /// Own name, as found (vCard or local part).
        name: String,
        /// Name of the organisation from policy, if any.
        organization: Option<String>,
    },
    /// Connection changed.
    Connection(ConnectionState),
    /// Own presence changed.
    Presence {
        /// Availability.
        show: Show,
        /// Status text.
        status: String,
    },
}

/// The roster. Sorted by name (case-insensitive), then JID.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum PeopleUpdate {
    /// The whole list.
    Reset {
        /// All rows, sorted.
        people: Vec<PersonRow>,
    },
    /// One row is new or changed.
    Changed {
        /// The row.
        person: PersonRow,
    },
    /// One row is gone.
    Removed {
        /// Who.
        jid: BareJid,
    },
    /// Somebody wants to see our presence.
    SubscriptionRequested {
        /// Who.
        jid: BareJid,
    },
}

/// Conversation list and timelines.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum ChatUpdate {
    /// The whole conversation list: pinned first, then newest first.
    ListReset {
        /// All rows.
        conversations: Vec<ConversationRow>,
    },
    /// A row is new or changed; place it by the list's order.
    ListChanged {
        /// The row.
        conversation: ConversationRow,
    },
    /// The newest messages of a conversation that was opened, oldest first.
    TimelineReset {
        /// Which.
        conversation: ConversationId,
        /// Messages in order.
        messages: Vec<MessageRow>,
        /// True when older ones can be loaded.
        has_older: bool,
        /// First message that was unread at opening; the "new" line stands before it.
        first_unread: Option<MessageId>,
        /// Draft to put back into the composer.
        draft: Private,
    },
    /// Older messages, oldest first, to be put above.
    TimelinePrepended {
        /// Which.
        conversation: ConversationId,
        /// Messages in order.
        messages: Vec<MessageRow>,
        /// True when still older ones can be loaded.
        has_older: bool,
    },
    /// One message is new or was changed; place it by `sort`.
    TimelineChanged {
        /// The message.
        message: MessageRow,
    },
    /// Only the delivery state changed.
    DeliveryChanged {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageId,
        /// New state.
        delivery: DeliveryState,
    },
    /// Somebody types or stopped (XEP-0085).
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Names of those who type.
        names: Vec<String>,
    },
    /// A message from somebody else arrived just now: not our own, not from an archive, not room history, not a
    /// duplicate. It is told also while the conversation is open, because only the window knows whether it has the
    /// focus: show no notification for a conversation that is before the person's eyes.
    Arrived {
        /// The message.
        message: MessageRow,
        /// Title of the conversation.
        title: String,
    },
}

/// Rooms.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum RoomUpdate {
    /// All rooms.
    Reset {
        /// Rows sorted by name.
        rooms: Vec<RoomRow>,
    },
    /// One room is new or changed (occupants included): joined, left, renamed, another subject.
    Changed {
        /// The row.
        room: RoomRow,
    },
    /// One occupant of a joined room is new or changed; place it by nickname.
    OccupantChanged {
        /// Room.
        room: BareJid,
        /// The row.
        occupant: OccupantRow,
    },
    /// One occupant left a joined room.
    OccupantLeft {
        /// Room.
        room: BareJid,
        /// Nickname.
        nick: String,
    },
    /// Somebody invited us (XEP-0045 §7.8, XEP-0249).
    Invited {
        /// Room.
        room: BareJid,
        /// Inviter as stated by the room or the sender.
        by: Option<jid::Jid>,
        /// Reason given.
        reason: String,
    },
}

/// Answers to history commands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum HistoryUpdate {
    /// Hits, newest first.
    Results {
        /// Id of the search.
        query: QueryId,
        /// Hits.
        hits: Vec<SearchHit>,
    },
    /// Archive catch-up went on (XEP-0313).
    CatchUp {
        /// Messages taken over so far.
        messages: u32,
        /// True when everything is here.
        complete: bool,
    },
}
