//! What passes between this module and the runtime.

use crate::command::AgentCommand;
use crate::update::AgentUpdate;
use flint_core::Command;
use flint_core::ids::Timestamp;
use flint_core::secret::Private;
use jid::{BareJid, FullJid};

pub use flint_core::extension::{Extension, StanzaKind};

/// One input of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentInput {
    /// The agent asks.
    Command(AgentCommand),
    /// Signed in on a new stream as this JID.
    Online(FullJid),
    /// The stream is gone.
    Offline,
    /// Something of ours arrived: workgroup payloads, answers to our requests, MUC traffic of our chats' rooms.
    Extension(Extension),
    /// A timer ran out.
    TimerFired(AgentTimer),
}

/// Timers of the module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentTimer {
    /// An offer's own clock (a server may forget the revoke).
    Offer(String),
    /// Requests without an answer.
    Request(String),
}

/// One order of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentEffect {
    /// Send a stanza. `xml` is the whole stanza without `from`, in namespace `jabber:client`.
    Send {
        /// XML text.
        xml: Private,
    },
    /// From now on hand to the module whatever comes from this domain (a workgroup service and its workgroups), and
    /// room invitations (XEP-0045 §7.8.2) whose inviter is of this domain.
    ClaimDomain(String),
    /// From now on hand traffic from this room to the module and not to the engine.
    ClaimRoom(BareJid),
    /// The room is no longer ours.
    ReleaseRoom(BareJid),
    /// Ask the engine.
    Core(Command),
    /// Start (or restart) a timer.
    SetTimer {
        /// Which.
        id: AgentTimer,
        /// After how many milliseconds.
        after_ms: u64,
    },
    /// Stop a timer.
    CancelTimer(AgentTimer),
}

/// The answer to one input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentOutput {
    /// Orders.
    pub effects: Vec<AgentEffect>,
    /// What has to be shown.
    pub updates: Vec<AgentUpdate>,
    /// Moment of this output.
    pub at: Timestamp,
}
