//! What has to be done: the router's outputs.

use crate::event::{HandoverRequest, SessionId, Timer, Timestamp, WorkgroupName};
use jid::FullJid;

/// One decision. Those of one event are carried out in order, after the event is in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The answer to whoever caused the event. An event of an agent or customer has exactly one.
    Reply(Reply),
    /// Offer the customer to the agent.
    Offer {
        /// Visit.
        session: SessionId,
        /// Addressee, the only one who may accept.
        agent: FullJid,
        /// Number of the offer within the visit, from 1.
        fence: u32,
        /// When it ends.
        deadline: Timestamp,
    },
    /// Withdraw an offer.
    Revoke {
        /// Visit.
        session: SessionId,
        /// Addressee.
        agent: FullJid,
        /// Number of the offer.
        fence: u32,
        /// Why.
        reason: RevokeReason,
    },
    /// Bring agent and customer together: make the room if it isn't there and invite both.
    Invite {
        /// Visit.
        session: SessionId,
        /// The agent who won.
        agent: FullJid,
    },
    /// The connection was lost meanwhile: enter the room of this visit again.
    Rejoin {
        /// Visit.
        session: SessionId,
    },
    /// Invite the customer once more.
    InviteAgain {
        /// Visit.
        session: SessionId,
    },
    /// The agent who accepted is lost and the customer waits again at the old place: tell the customer.
    Requeued {
        /// Visit.
        session: SessionId,
    },
    /// The visit is over: tell the customer and close the room.
    Ended {
        /// Visit.
        session: SessionId,
        /// Why.
        reason: EndReason,
    },
    /// Withdraw the offer of a running chat.
    RevokeHandover {
        /// Handover.
        id: SessionId,
        /// What was asked.
        request: HandoverRequest,
        /// The workgroup that made the offer.
        workgroup: WorkgroupName,
        /// Addressee.
        agent: FullJid,
        /// Number of the offer.
        fence: u32,
        /// Why.
        reason: RevokeReason,
    },
    /// The invitation of the person for whom this handover is may be lost: send it again.
    CallAgain {
        /// Handover.
        id: SessionId,
    },
    /// The customer was given to somebody who is there now: show this agent out of the room.
    ShowOut {
        /// Visit.
        session: SessionId,
        /// Who gave the customer away.
        agent: FullJid,
    },
    /// Nobody comes: tell the one who called.
    HandoverFailed {
        /// What was asked.
        request: HandoverRequest,
        /// Why.
        reason: HandoverFailure,
    },
    /// Who waits in this queue has changed: positions and the agents' view of it are stale.
    QueueChanged {
        /// Workgroup.
        workgroup: WorkgroupName,
        /// Queue.
        queue: String,
    },
    /// The workgroup opened or closed.
    WorkgroupChanged {
        /// Workgroup.
        workgroup: WorkgroupName,
    },
    /// An agent's availability, limit or chats changed: tell the colleagues.
    AgentChanged {
        /// Workgroup.
        workgroup: WorkgroupName,
        /// Who.
        agent: FullJid,
    },
    /// An agent no longer takes part: tell the colleagues.
    AgentLeft {
        /// Workgroup.
        workgroup: WorkgroupName,
        /// Who.
        agent: FullJid,
    },
    /// Another client of the same agent took over: tell this one.
    Displaced {
        /// Workgroup.
        workgroup: WorkgroupName,
        /// The client that lost its place.
        agent: FullJid,
    },
    /// Ask this agent's client whether it is still there.
    AskAlive {
        /// Who.
        agent: FullJid,
    },
    /// Start a timer, in place of an older one of the same name.
    SetTimer {
        /// Which.
        timer: Timer,
        /// Absolute deadline.
        at: Timestamp,
    },
    /// Stop a timer.
    CancelTimer {
        /// Which.
        timer: Timer,
    },
}

/// The answer to the one who caused an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The customer waits.
    Joined {
        /// Place, from 1.
        position: u32,
    },
    /// The same client already waits or chats in this workgroup.
    AlreadyQueued {
        /// Visit that it has.
        session: SessionId,
    },
    /// No such workgroup.
    UnknownWorkgroup,
    /// Nobody serves this workgroup now.
    NotOpen,
    /// Too many wait already, or are called into this chat.
    Full,
    /// The customer left the queue.
    Departed,
    /// There is nothing to leave.
    NotQueued,
    /// The agent takes part.
    Welcome,
    /// Not an agent of this workgroup.
    NotAnAgent,
    /// The agent left.
    Goodbye,
    /// The agent has the customer. Saying it twice changes nothing.
    Accepted,
    /// The agent has not got the customer.
    Lost(LostReason),
    /// The offer goes on to somebody else.
    Declined,
    /// The agent holds no such offer; nothing changed.
    NothingToDecline,
    /// Somebody is called into the chat.
    HandingOver,
    /// There is no such chat, or it has not begun or is over.
    UnknownChat,
    /// There is no such workgroup or queue.
    UnknownQueue,
}

/// Why a handover came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandoverFailure {
    /// Nobody of the queue is there, or nobody wanted.
    NobodyFree,
    /// Whoever was called did not come into the room.
    DidNotCome,
}

/// Why an accept lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostReason {
    /// There is no such visit, or it is over.
    Unknown,
    /// Somebody else has or is offered the customer.
    Taken,
    /// The offer ran out or was withdrawn.
    Expired,
    /// It was never this agent's offer.
    NotAddressee,
}

/// Why an offer is withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeReason {
    /// Its time is over.
    TimedOut,
    /// The customer is gone.
    CustomerGone,
    /// The service was restarted, or the agent no longer serves the queue.
    Withdrawn,
}

/// Why a visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The customer left the queue.
    Departed,
    /// The customer's client disappeared.
    Vanished,
    /// The workgroup's limit of waiting was reached.
    TimedOut,
    /// The agent left the room.
    AgentLeft,
    /// The workgroup was deleted.
    WorkgroupGone,
}

impl EndReason {
    /// Stable name for logs and metrics.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Departed => "departed",
            Self::Vanished => "vanished",
            Self::TimedOut => "timed-out",
            Self::AgentLeft => "agent-left",
            Self::WorkgroupGone => "workgroup-gone",
        }
    }
}
