//! What a person, a script or a module asks the engine to do. Commands are imperative.

use crate::ids::{MessageId, QueryId};
use crate::model::{ConversationId, Show};
use crate::secret::Private;
use jid::BareJid;
use serde::{Deserialize, Serialize};

/// Every command of the chat engine, one nested enum per area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "area", content = "command")]
pub enum Command {
    /// Signing in and out, own presence.
    Account(AccountCommand),
    /// The roster.
    People(PeopleCommand),
    /// One-to-one and room conversations.
    Chat(ChatCommand),
    /// Rooms.
    Room(RoomCommand),
    /// Stored history.
    History(HistoryCommand),
}

/// Signing in and out, own presence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum AccountCommand {
    /// Sign in, or try again after a refusal, or now instead of at the end of the back-off.
    SignIn,
    /// Sign out and stay out.
    SignOut,
    /// Change own presence.
    SetPresence {
        /// Availability; `Offline` is not allowed here, use `SignOut`.
        show: Show,
        /// Status text, may be empty.
        status: String,
    },
}

/// The roster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum PeopleCommand {
    /// Add a contact and ask to see their presence (RFC 6121 §3.1). Gated by `Capability::AddContact`.
    AddContact {
        /// Who.
        jid: BareJid,
        /// Name to store.
        name: Option<String>,
        /// Groups to put them into.
        groups: Vec<String>,
    },
    /// Remove a contact (RFC 6121 §2.5).
    RemoveContact {
        /// Who.
        jid: BareJid,
    },
    /// Answer somebody's request to see our presence.
    AnswerSubscription {
        /// Who asked.
        jid: BareJid,
        /// True to let them.
        allow: bool,
    },
}

/// One-to-one and room conversations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum ChatCommand {
    /// Open a conversation: answers with `ChatUpdate::TimelineReset` of the newest messages.
    Open {
        /// Which.
        conversation: ConversationId,
    },
    /// Close the timeline: no more timeline updates for it.
    Close {
        /// Which.
        conversation: ConversationId,
    },
    /// Load older messages above the oldest one shown (`ChatUpdate::TimelinePrepended`).
    LoadOlder {
        /// Which.
        conversation: ConversationId,
    },
    /// Send text. Answers at once with a local echo in state `Queued`.
    Send {
        /// To whom.
        conversation: ConversationId,
        /// Plain text, 1 … 65,536 bytes.
        body: Private,
    },
    /// Send a failed message again.
    Retry {
        /// Which message.
        message: MessageId,
    },
    /// The composer's text changed: keeps the draft and tells the peer that we type (XEP-0085).
    SetDraft {
        /// Where.
        conversation: ConversationId,
        /// Text; empty clears it.
        text: Private,
    },
    /// Everything up to now was seen (clears unread, sends XEP-0333 `displayed`).
    MarkRead {
        /// Which.
        conversation: ConversationId,
    },
    /// Pin to the top or unpin.
    SetPinned {
        /// Which.
        conversation: ConversationId,
        /// Pinned or not.
        pinned: bool,
    },
}

/// Rooms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum RoomCommand {
    /// Join a room (XEP-0045 §7.2).
    Join {
        /// Room.
        room: BareJid,
        /// Nickname; ours by default.
        nick: Option<String>,
        /// Password of a protected room.
        password: Option<Private>,
    },
    /// Leave a room.
    Leave {
        /// Room.
        room: BareJid,
    },
}

/// Stored history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum HistoryCommand {
    /// Full-text search, newest first; answers with `HistoryUpdate::Results` carrying the same id.
    Search {
        /// Chosen by the asker.
        query: QueryId,
        /// Words; each is matched as a prefix, `"…"` as a phrase.
        text: Private,
        /// Only within this conversation.
        conversation: Option<ConversationId>,
        /// At most this many hits (1 … 200).
        limit: u32,
    },
}
