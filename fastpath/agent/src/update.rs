//! What the support desk has to show.

use flint_core::ids::Timestamp;
use flint_core::model::Show;
use flint_core::secret::Private;
use jid::{BareJid, Jid};
use serde::Serialize;

/// Updates of the support desk.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum AgentUpdate {
    /// Workgroups in which this account is an agent, with their queues. Empty: no desk is shown.
    Workgroups {
        /// Rows sorted by name.
        workgroups: Vec<WorkgroupRow>,
    },
    /// One workgroup changed.
    WorkgroupChanged {
        /// The row.
        workgroup: WorkgroupRow,
    },
    /// An offer arrived or changed.
    Offer {
        /// The offer.
        offer: OfferRow,
    },
    /// An offer is gone.
    OfferClosed {
        /// Offer id.
        offer: String,
        /// Why.
        reason: OfferEnd,
    },
    /// A chat with a customer began or changed.
    Chat {
        /// The chat.
        chat: CustomerChatRow,
    },
    /// A line was said in a chat with a customer.
    ChatLine {
        /// Session id.
        session: String,
        /// The line.
        line: ChatLine,
    },
    /// A transcript that was asked for.
    Transcript {
        /// Session id.
        session: String,
        /// Lines in order.
        lines: Vec<ChatLine>,
    },
    /// A command could not be carried out.
    Rejected {
        /// The command in words.
        what: String,
        /// What happened and what to do next.
        reason: String,
    },
}

/// One workgroup as the agent sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkgroupRow {
    /// JID.
    pub jid: BareJid,
    /// Name shown.
    pub name: String,
    /// We are joined.
    pub joined: bool,
    /// Own availability.
    pub show: Show,
    /// Own limit.
    pub max_chats: u32,
    /// Own chats now.
    pub current_chats: u32,
    /// Queues.
    pub queues: Vec<QueueRow>,
    /// Colleagues.
    pub agents: Vec<AgentRow>,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueRow {
    /// Name.
    pub name: String,
    /// Customers waiting.
    pub waiting: u32,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
    /// Average wait in seconds, if stated.
    pub average_wait_s: Option<u32>,
    /// Customers who wait, in order, as far as the workgroup shows them.
    pub customers: Vec<WaitingRow>,
}

/// One customer who waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingRow {
    /// Who.
    pub jid: Jid,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// One colleague.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentRow {
    /// JID as the workgroup shows it.
    pub jid: BareJid,
    /// Name.
    pub name: String,
    /// Availability.
    pub show: Show,
    /// Chats now and at most.
    pub chats: u32,
    /// Limit.
    pub max_chats: u32,
}

/// An open offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfferRow {
    /// Offer id.
    pub id: String,
    /// Session id.
    pub session: String,
    /// Workgroup.
    pub workgroup: BareJid,
    /// Name of the customer (form's `username`, else the local part).
    pub customer_name: String,
    /// The question (form's `question`), may be empty.
    pub question: Private,
    /// The other answers of the form: (label, answer), in the form's order.
    pub answers: Vec<(String, Private)>,
    /// Since when the customer waits, if the workgroup shows it.
    pub waiting_since: Option<Timestamp>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// We accepted and wait for the invitation.
    pub accepting: bool,
}

/// Why an offer is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferEnd {
    /// We accepted it and the chat began.
    Accepted,
    /// We declined it.
    Declined,
    /// It ran out.
    TimedOut,
    /// The workgroup took it back.
    Revoked,
}

/// One chat with a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CustomerChatRow {
    /// Session id.
    pub session: String,
    /// Workgroup.
    pub workgroup: BareJid,
    /// Room.
    pub room: BareJid,
    /// Name of the customer.
    pub customer_name: String,
    /// The question.
    pub question: Private,
    /// The other answers of the form.
    pub answers: Vec<(String, Private)>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The customer is in the room.
    pub customer_present: bool,
    /// The customer types.
    pub customer_typing: bool,
}

/// One line of a chat with a customer or of its transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChatLine {
    /// Identity of the line within its chat or transcript.
    pub id: String,
    /// Name of who said it, else the nickname; empty for a notice such as "Ms Klein left."
    pub sender: String,
    /// True when we said it.
    pub own: bool,
    /// When.
    pub at: Timestamp,
    /// Text.
    pub body: Private,
}
