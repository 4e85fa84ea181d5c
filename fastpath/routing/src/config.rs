//! What the router has to know of the administrator's configuration.

use crate::event::{Answers, WorkgroupName};
use jid::BareJid;
use serde::{Deserialize, Serialize};

/// Configuration of the routing, already validated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoutingConfig {
    /// Workgroups.
    pub workgroups: Vec<WorkgroupRouting>,
    /// Open offers that one agent may have over all workgroups; at least 1. More than one breaks Spark's pop-ups.
    pub offers_per_agent: u32,
}

/// One workgroup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkgroupRouting {
    /// Name.
    pub name: WorkgroupName,
    /// Takes customers at all.
    pub open: bool,
    /// How long an agent may think about an offer, in milliseconds.
    pub offer_timeout_ms: u64,
    /// How long a customer may wait in all, in milliseconds; 0 is without end.
    pub request_timeout_ms: u64,
    /// How long an agent who declined isn't asked again for the same customer, in milliseconds.
    pub decline_pause_ms: u64,
    /// How long an agent who accepted may take to enter the room, in milliseconds.
    pub enter_timeout_ms: u64,
    /// Chats at once of an agent who names no limit.
    pub max_chats: u32,
    /// Largest limit that an agent may name.
    pub max_chats_cap: u32,
    /// Customers that may wait at the same time.
    pub max_waiting: u32,
    /// Queues, the first is the default.
    pub queues: Vec<QueueRouting>,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRouting {
    /// Name, unique in its workgroup.
    pub name: String,
    /// Agents.
    pub agents: Vec<BareJid>,
    /// Conditions on the customer's answers, all of which must hold. A queue without any takes who fits nowhere else.
    #[serde(default)]
    pub when: Vec<Condition>,
}

/// A condition on one answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Field of the form.
    pub field: String,
    /// Value that one of the answers must equal, without regard to ASCII case.
    pub value: String,
}

impl QueueRouting {
    /// The customer's answers were meant for this queue in particular.
    pub fn wants(&self, answers: &Answers) -> bool {
        !self.when.is_empty()
            && self.when.iter().all(|condition| {
                answers
                    .0
                    .iter()
                    .filter(|(field, _)| *field == condition.field)
                    .flat_map(|(_, values)| values)
                    .any(|value| value.eq_ignore_ascii_case(&condition.value))
            })
    }

    /// This agent serves the queue.
    pub fn serves(&self, agent: &BareJid) -> bool {
        self.agents.contains(agent)
    }
}

impl WorkgroupRouting {
    /// This agent serves one of the queues.
    pub fn serves(&self, agent: &BareJid) -> bool {
        self.queues.iter().any(|queue| queue.serves(agent))
    }
}

impl RoutingConfig {
    /// The workgroup of this name.
    pub fn workgroup(&self, name: &WorkgroupName) -> Option<&WorkgroupRouting> {
        self.workgroups.iter().find(|workgroup| workgroup.name == *name)
    }
}
