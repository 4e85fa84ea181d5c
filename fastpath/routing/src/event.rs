//! What happened: the router's inputs, which are also the journal's records.

use crate::config::RoutingConfig;
use jid::{BareJid, FullJid};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment plus so many milliseconds.
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds since `earlier`; zero when that lies in the future.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Localpart of a workgroup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkgroupName(pub String);

impl fmt::Display for WorkgroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Id of one customer's visit: request id, chat session id and the localpart of its room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub String);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the customer filled in, by field. `Debug` shows only how many fields there are.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(pub Vec<(String, Vec<String>)>);

impl Answers {
    /// First value of a field.
    pub fn first(&self, field: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name == field)
            .and_then(|(_, values)| values.first())
            .map(String::as_str)
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answers({} fields)", self.0.len())
    }
}

/// An agent's words to a colleague. `Debug` shows only how long they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Words(pub String);

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({} bytes)", self.0.len())
    }
}

/// To whom a running chat is handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "to")]
pub enum HandoverTarget {
    /// This agent, who gets an invitation into the room.
    Person {
        /// Who.
        agent: BareJid,
    },
    /// Whoever of this queue is free.
    Queue {
        /// Workgroup.
        workgroup: WorkgroupName,
        /// Queue.
        queue: String,
    },
    /// Whoever is free of the queue that the customer's answers lead to.
    Workgroup {
        /// Workgroup.
        workgroup: WorkgroupName,
    },
}

/// What an agent asks for: somebody else in a running chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverRequest {
    /// The chat.
    pub session: SessionId,
    /// Who hands on.
    pub inviter: FullJid,
    /// To whom.
    pub target: HandoverTarget,
    /// The customer goes over; otherwise somebody only comes in addition.
    pub transfer: bool,
    /// Why.
    pub reason: Words,
}

/// One event together with the moment at which it was handled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// Everything that can happen to the queues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The administrator's configuration, at the start and after each change.
    Configured {
        /// The whole of it.
        config: RoutingConfig,
    },
    /// The connection to the server is up, for the first time or again. What was on its way may be lost: open offers are
    /// withdrawn and made anew, and every agent has to prove that it is still there.
    Connected,
    /// A customer asks for help.
    CustomerJoined {
        /// Fresh id of the visit.
        session: SessionId,
        /// Where.
        workgroup: WorkgroupName,
        /// Who.
        customer: FullJid,
        /// Identity under which past chats are filed, when it is not the JID.
        user: Option<String>,
        /// Larger goes first; 0 is usual.
        priority: i32,
        /// The form.
        answers: Answers,
    },
    /// The customer leaves the queue.
    CustomerDeparted {
        /// Visit.
        session: SessionId,
    },
    /// The customer's client is gone.
    CustomerVanished {
        /// Visit.
        session: SessionId,
    },
    /// An agent takes part in a workgroup, or changed availability or limit.
    AgentUpdated {
        /// Who, with the resource that takes the offers.
        agent: FullJid,
        /// Where.
        workgroup: WorkgroupName,
        /// Takes offers.
        available: bool,
        /// Chats at once; absent means unchanged, or the workgroup's default for a newcomer.
        max_chats: Option<u32>,
    },
    /// The agent's client answered after a lost connection.
    AgentAlive {
        /// Who.
        agent: FullJid,
    },
    /// An agent left one workgroup, or all of them.
    AgentGone {
        /// Who.
        agent: FullJid,
        /// Where; `None` is everywhere.
        workgroup: Option<WorkgroupName>,
    },
    /// An agent takes the customer.
    OfferAccepted {
        /// Visit.
        session: SessionId,
        /// Who.
        agent: FullJid,
        /// Number of the offer; `None` when the agent named only the session.
        fence: Option<u32>,
    },
    /// An agent doesn't take the customer.
    OfferDeclined {
        /// Visit.
        session: SessionId,
        /// Who.
        agent: FullJid,
        /// Number of the offer; `None` when the agent named only the session.
        fence: Option<u32>,
    },
    /// The agent's client showed the offer. From now on this client is expected to do so.
    OfferSeen {
        /// Visit.
        session: SessionId,
        /// Who.
        agent: FullJid,
    },
    /// An agent wants somebody else in a running chat, in addition or instead.
    HandoverAsked {
        /// Fresh id of the handover, under which it is offered.
        id: SessionId,
        /// What is asked.
        #[serde(flatten)]
        request: HandoverRequest,
    },
    /// A timer ran out.
    TimerFired {
        /// Which.
        timer: Timer,
    },
    /// An agent came into the room of the chat.
    AgentEntered {
        /// Visit.
        session: SessionId,
        /// Who.
        agent: FullJid,
    },
    /// An agent left the room of the chat.
    AgentLeftRoom {
        /// Visit.
        session: SessionId,
        /// Who.
        agent: FullJid,
    },
    /// The customer came into the room.
    CustomerEntered {
        /// Visit.
        session: SessionId,
    },
    /// The customer left the room.
    CustomerLeftRoom {
        /// Visit.
        session: SessionId,
    },
    /// The room could not be made, or was destroyed by somebody, which ended a chat. Only journals of older versions
    /// have it; what they ended stays ended.
    RoomFailed {
        /// Visit.
        session: SessionId,
    },
    /// The room could not be made, or was destroyed by somebody. Whoever was in it waits again.
    RoomLost {
        /// Visit.
        session: SessionId,
    },
    /// The room service had forgotten the room; it was made anew and is empty.
    RoomRenewed {
        /// Visit.
        session: SessionId,
    },
}

/// Timers. Each has an absolute deadline that is part of the router's state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "timer")]
pub enum Timer {
    /// The agent has not answered the offer.
    Offer {
        /// Visit.
        session: SessionId,
        /// Number of the offer.
        fence: u32,
    },
    /// The agent's client has not shown the offer.
    Seen {
        /// Visit.
        session: SessionId,
        /// Number of the offer.
        fence: u32,
    },
    /// The customer has waited as long as the workgroup allows.
    Request {
        /// Visit.
        session: SessionId,
    },
    /// An agent who declined may be asked again.
    Pause {
        /// Visit.
        session: SessionId,
        /// Who.
        agent: BareJid,
    },
    /// The agent accepted and has not entered the room.
    Enter {
        /// Visit.
        session: SessionId,
        /// Number of the offer that was accepted.
        fence: u32,
    },
    /// The customer was invited and has not entered the room.
    InviteAgain {
        /// Visit.
        session: SessionId,
    },
    /// The last agent left the room a moment ago: by choice, or because the connection broke?
    Close {
        /// Visit.
        session: SessionId,
    },
    /// The agent has not answered after a lost connection.
    Alive {
        /// Who.
        agent: BareJid,
    },
}
