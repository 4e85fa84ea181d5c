//! What an agent asks the module to do.

use flint_core::model::Show;
use flint_core::secret::Private;
use jid::{BareJid, Jid};
use serde::{Deserialize, Serialize};

/// Commands of the support desk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum AgentCommand {
    /// Become available in a workgroup (sends the agent presence).
    JoinWorkgroup {
        /// Workgroup.
        workgroup: BareJid,
    },
    /// Stop taking customers of a workgroup.
    LeaveWorkgroup {
        /// Workgroup.
        workgroup: BareJid,
    },
    /// Availability and how many chats at once (1 … 50).
    SetStatus {
        /// Availability.
        show: Show,
        /// Limit.
        max_chats: u32,
    },
    /// Take the customer.
    AcceptOffer {
        /// Offer id.
        offer: String,
    },
    /// Decline; the customer goes on to somebody else.
    DeclineOffer {
        /// Offer id.
        offer: String,
    },
    /// Say something to the customer.
    SendToCustomer {
        /// Session id.
        session: String,
        /// Text.
        body: Private,
    },
    /// Bring somebody else into the chat, or hand the customer over.
    HandOver {
        /// Session id.
        session: String,
        /// The customer goes over and this agent leaves; otherwise somebody only comes in addition.
        transfer: bool,
        /// A person, a workgroup (`NAME@SERVICE`), or a queue (`NAME@SERVICE/QUEUE`).
        to: Jid,
        /// For whoever is asked; must not be empty.
        reason: Private,
    },
    /// End the chat and leave its room.
    EndChat {
        /// Session id.
        session: String,
    },
    /// Ask for the transcript of an ended chat.
    GetTranscript {
        /// Workgroup.
        workgroup: BareJid,
        /// Session id.
        session: String,
    },
}
