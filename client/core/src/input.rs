//! Everything that can happen to the engine, as one closed enum. Events are past tense.

use crate::command::Command;
use crate::ids::{MessageId, QueryId, SendToken, StanzaId, Timestamp};
use crate::model::{
    ConversationId, DeliveryState, MessageRow, OccupantRow, SearchHit, ServerPolicyState, Show, Subscription,
};
use crate::secret::Private;
use flint_policy::EffectivePolicy;
use jid::{BareJid, FullJid, Jid};

/// One input of the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A person, a script or a module asks.
    Command(Command),
    /// The session's state changed.
    Session(SessionEvent),
    /// Something arrived from the server, translated and with its sender's trust checked.
    Remote(RemoteEvent),
    /// The store answered.
    Store(StoreReply),
    /// A timer that an effect set ran out.
    TimerFired(TimerId),
    /// Policy was resolved anew.
    PolicyResolved(Box<PolicyResolved>),
}

/// A newly resolved policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyResolved {
    /// Values with provenance.
    pub effective: EffectivePolicy,
    /// Who manages this account.
    pub managed_by: Option<String>,
    /// Why no verified policy of the server is held, with what to do next; `None` when one is.
    pub missing: Option<String>,
    /// File with the organisation's picture, verified.
    pub brand_image: Option<std::path::PathBuf>,
    /// State of the signed server policy.
    pub server: ServerPolicyState,
}

/// Timers that the engine sets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerId {
    /// We stopped typing (XEP-0085 §5.1: paused after 30 s at most).
    TypingPaused(ConversationId),
    /// A peer's typing notice goes stale.
    PeerTypingStale(ConversationId),
    /// A room join got no answer.
    RoomJoinTimeout(BareJid),
    /// Delete messages that are older than the retention.
    Retention,
}

/// The session's state changed.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEvent {
    /// An attempt to sign in began.
    Connecting,
    /// Signed in on a new stream: everything has to be asked for again.
    Online {
        /// The JID that the server bound.
        jid: FullJid,
        /// SASL mechanism used.
        mechanism: String,
    },
    /// The earlier stream was resumed (XEP-0198 §5): nothing was lost.
    Resumed {
        /// The JID that the server bound.
        jid: FullJid,
        /// SASL mechanism used.
        mechanism: String,
    },
    /// The network failed; the session retries by itself.
    Interrupted {
        /// One sentence.
        reason: String,
        /// When the next try starts.
        retry_at: Timestamp,
    },
    /// Final until the user or policy acts.
    Refused {
        /// Kind, kebab-case.
        kind: String,
        /// What happened.
        reason: String,
        /// What to do next.
        next_step: String,
    },
    /// Signed out on request.
    SignedOut,
    /// A stanza was written to the stream.
    Written(SendToken),
    /// A stanza was acknowledged (XEP-0198 §4).
    Acked(SendToken),
    /// A stanza was lost with its stream and could not be resent.
    Lost(SendToken),
}

/// One roster item as the server states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterItem {
    /// Contact.
    pub jid: BareJid,
    /// Name.
    pub name: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Subscription.
    pub subscription: Subscription,
    /// `ask='subscribe'`.
    pub asked: bool,
}

/// Where an incoming message came from, with the trust that was checked by the translator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A contact or stranger wrote to us, one to one.
    Person {
        /// Full or bare JID of the sender.
        from: Jid,
    },
    /// Another device of ours wrote to somebody (XEP-0280 sent carbon, verified to come from our bare JID).
    OwnDevice {
        /// To whom it was written.
        to: BareJid,
    },
    /// An occupant spoke in a room.
    Occupant {
        /// Room.
        room: BareJid,
        /// Nickname; `None` for the room itself.
        nick: Option<String>,
        /// True when this is our own message reflected.
        own: bool,
    },
}

/// A message with text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingMessage {
    /// Where from.
    pub origin: Origin,
    /// `id` attribute.
    pub id: Option<String>,
    /// Origin-id (XEP-0359 §3).
    pub origin_id: Option<String>,
    /// Id in the archive of our account or of the room, only if its `by` is trusted (XEP-0359 §5).
    pub stanza_id: Option<StanzaId>,
    /// Text, at most 65,536 bytes.
    pub body: Private,
    /// Stamp of a trusted delay (XEP-0203) or archive entry.
    pub delayed: Option<Timestamp>,
    /// The sender asks for a receipt (XEP-0184).
    pub wants_receipt: bool,
    /// The sender wants to know when it was displayed (XEP-0333).
    pub markable: bool,
    /// Came from the archive (XEP-0313) rather than live.
    pub archived: bool,
}

/// Something arrived from the server. The translator has checked who may say it.
#[derive(Debug, Clone, PartialEq)]
pub enum RemoteEvent {
    /// The whole roster.
    RosterReceived {
        /// Items; `None` when our version is still right (RFC 6121 §2.6).
        items: Option<Vec<RosterItem>>,
        /// Version.
        version: Option<String>,
    },
    /// A roster push from our own account (RFC 6121 §2.1.6).
    RosterPushed {
        /// Item; `removed` says that it is gone.
        item: RosterItem,
        /// `subscription='remove'`.
        removed: bool,
        /// New version.
        version: Option<String>,
    },
    /// Presence of one resource.
    PresenceChanged {
        /// Whose.
        from: FullJid,
        /// Availability.
        show: Show,
        /// Status text.
        status: String,
        /// Priority −128 … 127.
        priority: i8,
    },
    /// All resources of a bare JID are gone.
    PresenceGone {
        /// Whose.
        from: BareJid,
    },
    /// Somebody asks to see our presence.
    SubscriptionRequested {
        /// Who.
        from: BareJid,
    },
    /// A message with text.
    MessageReceived(IncomingMessage),
    /// A peer types or stopped (XEP-0085).
    TypingChanged {
        /// Who, occupant JID in a room.
        from: Jid,
        /// True for a room occupant.
        in_room: bool,
        /// Types now.
        typing: bool,
    },
    /// A peer's device received our message (XEP-0184).
    ReceiptReceived {
        /// By whom.
        from: Jid,
        /// `id` of our message.
        id: String,
    },
    /// A peer displayed our messages up to this one (XEP-0333).
    DisplayedReceived {
        /// By whom.
        from: Jid,
        /// `id` of our message.
        id: String,
    },
    /// Our message bounced.
    MessageFailed {
        /// From whom the error came.
        from: Jid,
        /// `id` of our message.
        id: String,
        /// One sentence.
        reason: String,
    },
    /// Own presence in a room with status 110: we are in.
    RoomJoined {
        /// Room.
        room: BareJid,
        /// Our nickname as the room states it.
        nick: String,
    },
    /// The join failed.
    RoomJoinFailed {
        /// Room.
        room: BareJid,
        /// True when somebody else has the nickname (`<conflict/>`, XEP-0045 §7.2.8): another one is tried once.
        nick_taken: bool,
        /// One sentence.
        reason: String,
    },
    /// An occupant is there or changed.
    OccupantChanged {
        /// Room.
        room: BareJid,
        /// Who.
        occupant: OccupantRow,
    },
    /// An occupant left.
    OccupantLeft {
        /// Room.
        room: BareJid,
        /// Nickname.
        nick: String,
    },
    /// We are out of the room: left, kicked, banned, or it was destroyed.
    RoomLeft {
        /// Room.
        room: BareJid,
        /// Why, when not by our own wish.
        reason: Option<String>,
    },
    /// The room's subject.
    RoomSubject {
        /// Room.
        room: BareJid,
        /// Text.
        subject: String,
    },
    /// The name of a room from its disco#info.
    RoomNamed {
        /// Room.
        room: BareJid,
        /// Name.
        name: String,
    },
    /// The rooms that the service lists (XEP-0045 §6.3).
    RoomsListed {
        /// (room, name).
        rooms: Vec<(BareJid, String)>,
    },
    /// An invitation (mediated or direct).
    RoomInvited {
        /// Room.
        room: BareJid,
        /// Inviter.
        by: Option<Jid>,
        /// Reason, trimmed.
        reason: String,
        /// Password.
        password: Option<Private>,
    },
    /// One page of the archive (XEP-0313), oldest first. Messages came before as `MessageReceived { archived }`.
    ArchivePage {
        /// Archive: `None` = own account, else a room.
        archive: Option<BareJid>,
        /// Last id of the page, for paging on.
        last: Option<StanzaId>,
        /// Nothing more after this page.
        complete: bool,
    },
    /// The archive can't be asked.
    ArchiveFailed {
        /// Archive.
        archive: Option<BareJid>,
        /// One sentence.
        reason: String,
    },
    /// An answer to an `Outbound` IQ that only reports success or failure.
    RequestAnswered {
        /// Token of the request.
        token: SendToken,
        /// `Err` holds one sentence.
        result: Result<(), String>,
    },
    /// Name from our own vCard.
    OwnNameReceived {
        /// Full name.
        name: String,
    },
}

/// The store answered an `Effect::Query`.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreReply {
    /// State at start.
    Loaded(Box<LoadedState>),
    /// A window of a timeline.
    Timeline {
        /// Which conversation.
        conversation: ConversationId,
        /// Oldest first.
        messages: Vec<MessageRow>,
        /// More before these.
        has_older: bool,
        /// True for `Open`, false for `LoadOlder`.
        newest: bool,
    },
    /// Search hits, newest first.
    Hits {
        /// Id of the search.
        query: QueryId,
        /// Hits.
        hits: Vec<SearchHit>,
    },
    /// A write failed: the disk is full or the file is damaged.
    Failed {
        /// One sentence.
        reason: String,
    },
}

/// What the store holds at start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadedState {
    /// Cached roster with its version.
    pub roster: Vec<RosterItem>,
    /// Roster version.
    pub roster_version: Option<String>,
    /// Conversations with their last message, unread count, pin and draft.
    pub conversations: Vec<StoredConversation>,
    /// Own messages not yet acknowledged, oldest first: to be sent again with the same origin-id.
    pub outbox: Vec<MessageRow>,
    /// Last known id per archive (`None` = own account).
    pub archive_positions: Vec<(Option<BareJid>, StanzaId)>,
    /// The newest messages of each conversation (at most 50 of one, 5,000 of all), by which what arrives a second
    /// time is known again. Oldest first within a conversation.
    pub recent: Vec<KnownMessage>,
}

/// What de-duplication and receipts need to know about a stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownMessage {
    /// Identity within the account.
    pub id: MessageId,
    /// Where it was said.
    pub conversation: ConversationId,
    /// Name of who said it, nickname in a room; `None` for our own messages.
    pub sender_name: Option<String>,
    /// Its `id` attribute on the wire.
    pub wire_id: Option<String>,
    /// Id in the archive.
    pub stanza_id: Option<StanzaId>,
    /// Delivery state of an own message; `None` for incoming ones.
    pub delivery: Option<DeliveryState>,
    /// Position in the conversation.
    pub sort: i64,
}

/// One conversation as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredConversation {
    /// Which.
    pub id: ConversationId,
    /// Name, for rooms.
    pub title: Option<String>,
    /// Last message.
    pub last: Option<MessageRow>,
    /// First unread message.
    pub first_unread: Option<MessageId>,
    /// Unread count.
    pub unread: u32,
    /// Pinned.
    pub pinned: bool,
    /// Draft.
    pub draft: Option<Private>,
    /// A room that we were in: joined again at the next sign-in.
    pub joined: bool,
}
