//! What the engine orders the outside world to do.

use crate::ids::{MessageId, QueryId, SendToken, StanzaId, Timestamp};
use crate::input::{RosterItem, TimerId};
use crate::model::{ConversationId, DeliveryState, MessageRow, Show};
use crate::secret::Private;
use jid::{BareJid, Jid};

/// One order to the outside. Carry the effects of one output out in their order, and outputs in theirs.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a stanza on the present stream. Only given while the engine holds the session to be online.
    ///
    /// The session answers with `SessionEvent::Written` when it went to the socket and later with exactly one of
    /// `Acked` (XEP-0198) or `Lost`; `Lost` at once when there is no stream. Only messages and IQ requests have to be
    /// answered; other answers are ignored. Where the server has no XEP-0198, the session reports `Acked` right after
    /// `Written`: else every message would be sent again at each sign-in. Requests (`SetRosterItem`, `RemoveRosterItem`) are answered by
    /// `RemoteEvent::RequestAnswered` with the same token. A token is used once: a message that is sent again has the
    /// same message id and a new token.
    Send {
        /// Names it.
        token: SendToken,
        /// What.
        stanza: Outbound,
    },
    /// Write to the store. Writes are carried out in order; consecutive ones may share one transaction. A failure
    /// comes back as `StoreReply::Failed`.
    Persist(Persist),
    /// Ask the store; the reply is an `Input::Store`. A query sees every write that was ordered before it.
    Query(StoreQuery),
    /// Start a timer; one with the same id is replaced. It ends in one `Input::TimerFired`.
    SetTimer {
        /// Which.
        id: TimerId,
        /// After how many milliseconds.
        after_ms: u64,
    },
    /// Stop a timer; nothing happens when it does not run.
    CancelTimer(TimerId),
    /// Connect, or try again at once; nothing happens when connected. Given by itself after the stored state was
    /// loaded, and for `AccountCommand::SignIn`.
    Connect,
    /// Close the stream and stay offline; ends in `SessionEvent::SignedOut`.
    Disconnect,
}

/// A stanza in the engine's own words; client/xmpp puts it into XML.
#[derive(Debug, Clone, PartialEq)]
pub enum Outbound {
    /// Ask for the roster (RFC 6121 §2.1.3).
    GetRoster {
        /// Version we hold.
        version: Option<String>,
    },
    /// Add or change a roster item.
    SetRosterItem {
        /// Contact.
        jid: BareJid,
        /// Name.
        name: Option<String>,
        /// Groups.
        groups: Vec<String>,
    },
    /// Remove a roster item.
    RemoveRosterItem {
        /// Contact.
        jid: BareJid,
    },
    /// Presence subscription stanza.
    Subscription {
        /// To whom.
        to: BareJid,
        /// Which.
        kind: SubscriptionStanza,
    },
    /// Own presence to the server.
    Presence {
        /// Availability.
        show: Show,
        /// Status.
        status: String,
    },
    /// Text.
    Message {
        /// Bare JID of a person or room.
        conversation: ConversationId,
        /// Used for `id` and origin-id.
        id: MessageId,
        /// Text.
        body: Private,
        /// True when sent again: adds nothing but keeps the id.
        resent: bool,
    },
    /// XEP-0184 receipt.
    Receipt {
        /// To whom.
        to: Jid,
        /// `id` of their message.
        id: String,
    },
    /// XEP-0333 displayed.
    Displayed {
        /// Conversation.
        conversation: ConversationId,
        /// `id` (person) or stanza-id (room) of their message.
        id: String,
    },
    /// XEP-0085 composing or active.
    ChatState {
        /// Conversation.
        conversation: ConversationId,
        /// Types now.
        typing: bool,
    },
    /// Join a room.
    JoinRoom {
        /// Room.
        room: BareJid,
        /// Nickname.
        nick: String,
        /// Password.
        password: Option<Private>,
        /// History only since then.
        since: Option<Timestamp>,
    },
    /// Leave a room.
    LeaveRoom {
        /// Room.
        room: BareJid,
        /// Nickname.
        nick: String,
    },
    /// List rooms of the domain's conference services and name them (disco).
    ListRooms,
    /// Ask for our own name (vCard).
    GetOwnName,
    /// Switch carbons on (XEP-0280).
    EnableCarbons,
    /// Ask an archive for what came after an id, or for the last `max` when there is none (XEP-0313).
    QueryArchive {
        /// `None` = own account.
        archive: Option<BareJid>,
        /// Everything after this id.
        after: Option<StanzaId>,
        /// Everything since this moment, when there is no id.
        since: Option<Timestamp>,
        /// Page size, 1 … 200.
        max: u32,
    },
}

/// Kinds of subscription presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionStanza {
    /// Ask to see them.
    Subscribe,
    /// Let them see us.
    Subscribed,
    /// Refuse or revoke.
    Unsubscribed,
}

/// A write to the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Persist {
    /// Insert a message, or update the one with the same id in the same conversation: its delivery never moves
    /// backwards by that and a known stanza-id stays. A second message with the same stanza-id in a conversation is
    /// ignored.
    Message {
        /// The message.
        message: MessageRow,
        /// Its `id` attribute on the wire, for receipts and de-duplication.
        wire_id: Option<String>,
    },
    /// Change a delivery state.
    Delivery {
        /// Which.
        message: MessageId,
        /// New state.
        delivery: DeliveryState,
    },
    /// A message got its place in the archive.
    ArchiveId {
        /// Which.
        message: MessageId,
        /// Id.
        stanza_id: StanzaId,
    },
    /// Conversation row.
    Conversation {
        /// Which.
        id: ConversationId,
        /// Title, for rooms.
        title: Option<String>,
        /// First unread message.
        first_unread: Option<MessageId>,
        /// Unread count.
        unread: u32,
        /// Pinned.
        pinned: bool,
        /// A room that we are in and want to be in again after a restart.
        joined: bool,
    },
    /// Draft; empty deletes.
    Draft {
        /// Where.
        conversation: ConversationId,
        /// Text.
        text: Private,
    },
    /// Replace the roster cache.
    Roster {
        /// Items.
        items: Vec<RosterItem>,
        /// Version.
        version: Option<String>,
    },
    /// One item of the roster cache changed or is gone.
    RosterItem {
        /// Item.
        item: RosterItem,
        /// Gone.
        removed: bool,
        /// Version.
        version: Option<String>,
    },
    /// Position in an archive.
    ArchivePosition {
        /// `None` = own account.
        archive: Option<BareJid>,
        /// Last id taken over.
        last: StanzaId,
    },
    /// Delete messages older than this.
    DeleteOlderThan {
        /// Limit.
        before: Timestamp,
    },
}

/// A question to the store.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreQuery {
    /// State at start.
    Load,
    /// Newest messages, or those before `before`.
    Timeline {
        /// Which conversation.
        conversation: ConversationId,
        /// Only with a smaller `sort`.
        before: Option<i64>,
        /// At most (1 … 200).
        limit: u32,
    },
    /// Full-text search, newest first.
    Search {
        /// Id.
        query: QueryId,
        /// What the person typed.
        text: Private,
        /// Only within.
        conversation: Option<ConversationId>,
        /// At most.
        limit: u32,
    },
}
