//! The state and the entry point.

mod agents;
mod customers;
mod dispatch;
mod handovers;
mod offers;
mod sessions;
mod view;

#[cfg(test)]
mod tests;

use crate::config::{RoutingConfig, WorkgroupRouting};
use crate::decision::{Decision, Reply};
use crate::event::{Answers, Event, Record, SessionId, Timer, Timestamp, WorkgroupName};
use jid::{BareJid, FullJid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use handovers::Handover;
pub use view::{AgentView, CustomerView, QueueView, WorkgroupState};

/// How long a client that shows its offers may take to do so, in milliseconds. A Spark that is logged out of the
/// workgroup still answers the offer and shows nothing.
const SEEN_MS: u64 = 2_000;
/// When the customer is invited once more, in milliseconds.
const INVITE_AGAIN_MS: u64 = 10_000;
/// How long to wait, after the last agent left the room, for the news that the agent's connection broke.
const CLOSE_MS: u64 = 1_000;
/// How long an agent's client may take to answer after a lost connection, in milliseconds.
const ALIVE_MS: u64 = 10_000;

/// The whole state of the queues of one service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Router {
    config: RoutingConfig,
    agents: BTreeMap<BareJid, Agent>,
    customers: BTreeMap<SessionId, Customer>,
    /// Visits of a client, over all workgroups.
    clients: BTreeMap<FullJid, BTreeSet<SessionId>>,
    lines: BTreeMap<WorkgroupName, BTreeMap<String, Line>>,
    /// Chats that are being handed on. Their ids and those of the visits are of one kind.
    #[serde(default)]
    handovers: BTreeMap<SessionId, Handover>,
    /// Which workgroups were open when last looked at.
    open: BTreeSet<WorkgroupName>,
    joins: u64,
    revision: u64,
    clock: Timestamp,
}

/// The waiting customers of one queue, and its figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Line {
    order: BTreeSet<Place>,
    /// Moving average of the time from joining to the agent's accept, in milliseconds.
    average_wait_ms: u64,
    /// Moving average of that time divided by the place at joining, in milliseconds.
    per_place_ms: u64,
    served: u64,
}

/// A customer's place: sorted by priority, then by time, then by order of arrival within the same millisecond.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place {
    /// Negated priority, so that larger goes first.
    rank: i64,
    joined: Timestamp,
    number: u64,
    session: SessionId,
}

/// One visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Customer {
    workgroup: WorkgroupName,
    queue: String,
    client: FullJid,
    user: Option<String>,
    answers: Answers,
    place: Place,
    joined_position: u32,
    /// Number of the newest offer.
    fence: u32,
    phase: Phase,
    /// Agents who are not asked before this moment.
    pauses: BTreeMap<BareJid, Timestamp>,
    request_deadline: Option<Timestamp>,
    invite_again: Option<Timestamp>,
    /// A room was made for this visit.
    room: bool,
    presence: CustomerPresence,
    /// Agents in the room while nobody holds the customer: guests of whoever comes to do so.
    #[serde(default)]
    early: BTreeSet<FullJid>,
    /// Agents in the room who gave the customer away and are to be shown out.
    #[serde(default)]
    leaving: BTreeSet<FullJid>,
}

/// Whether the customer is in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CustomerPresence {
    NotYet,
    Inside,
    Left,
}

/// Where a visit stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "phase")]
pub enum Phase {
    /// In the queue, nobody is asked at the moment.
    Waiting,
    /// In the queue, one agent is asked.
    Offered {
        /// Addressee.
        agent: FullJid,
        /// Number of the offer.
        fence: u32,
        /// When the offer ends.
        deadline: Timestamp,
        /// Until when the agent's client has to show it, if it is known to do so.
        seen_deadline: Option<Timestamp>,
    },
    /// The agent accepted and is expected in the room.
    Reserved {
        /// The agent.
        agent: FullJid,
        /// Number of the offer that was accepted.
        fence: u32,
        /// Until when the agent has to come.
        deadline: Timestamp,
    },
    /// The agent is in the room.
    Active {
        /// The agent who holds the customer.
        agent: FullJid,
        /// Number of the offer that was accepted.
        fence: u32,
        /// Other agents in the room, in the order of their JIDs.
        guests: BTreeSet<FullJid>,
        /// The agent left a moment ago; the chat ends at this time unless the reason was a broken connection.
        closing: Option<Timestamp>,
    },
}

/// One agent, kept also while not taking part so that fairness has a memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Agent {
    client: FullJid,
    joined: BTreeMap<WorkgroupName, Joined>,
    /// Until when the client has to answer after a lost connection; no offers meanwhile.
    alive_deadline: Option<Timestamp>,
    /// The client asks for the form when it shows an offer, so silence means that nobody sees it.
    shows_offers: bool,
    offered: BTreeSet<SessionId>,
    chats: BTreeSet<SessionId>,
    /// When the last offer or chat ended; zero for a newcomer.
    idle_since: Timestamp,
    /// When the agent left the last workgroup.
    gone_at: Option<Timestamp>,
}

/// An agent's part in one workgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Joined {
    available: bool,
    max_chats: u32,
}

/// What one event has caused so far.
struct Turn {
    now: Timestamp,
    decisions: Vec<Decision>,
    /// Queues in which somebody may now be offered.
    dispatch: BTreeSet<(WorkgroupName, String)>,
    /// Queues whose order changed.
    changed: BTreeSet<(WorkgroupName, String)>,
    /// Workgroups that may have opened or closed.
    watch: BTreeSet<WorkgroupName>,
    /// Agents whose state the colleagues see.
    agents: BTreeSet<(WorkgroupName, FullJid)>,
}

impl Turn {
    fn say(&mut self, decision: Decision) {
        self.decisions.push(decision);
    }

    fn reply(&mut self, reply: Reply) {
        self.decisions.push(Decision::Reply(reply));
    }

    fn set(&mut self, timer: Timer, at: Timestamp) {
        self.decisions.push(Decision::SetTimer { timer, at });
    }

    fn cancel(&mut self, timer: Timer) {
        self.decisions.push(Decision::CancelTimer { timer });
    }
}

impl Router {
    /// An empty router: no workgroup, no agent, no customer.
    pub fn new() -> Self {
        Self::default()
    }

    /// A router as it was after these records.
    pub fn replay<'a>(self, records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut router = self;
        for record in records {
            router.handle(record.event.clone(), record.at);
        }
        router
    }

    /// Changes with each event that changed anything. An event that left it as it was needs no place in the journal.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The moment at which an event that arrives at `now` is handled: a clock that was set back doesn't turn time
    /// back.
    pub fn clamp(&self, now: Timestamp) -> Timestamp {
        now.max(self.clock)
    }

    /// Handles one event and says what has to be done, in order.
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Vec<Decision> {
        let mut turn = Turn {
            now: self.clamp(now),
            decisions: Vec::new(),
            dispatch: BTreeSet::new(),
            changed: BTreeSet::new(),
            watch: BTreeSet::new(),
            agents: BTreeSet::new(),
        };
        let revision = self.revision;
        match event {
            Event::Configured { config } => self.configured(config, &mut turn),
            Event::Connected => self.connected(&mut turn),
            Event::CustomerJoined { session, workgroup, customer, user, priority, answers } => {
                let arrival =
                    customers::Arrival { session, workgroup, client: customer, user, priority, answers };
                self.customer_joined(arrival, &mut turn);
            }
            Event::CustomerDeparted { session } => self.customer_departed(&session, &mut turn),
            Event::CustomerVanished { session } => self.customer_vanished(&session, &mut turn),
            Event::AgentUpdated { agent, workgroup, available, max_chats } => {
                self.agent_updated(agent, workgroup, available, max_chats, &mut turn);
            }
            Event::AgentAlive { agent } => self.agent_alive(&agent, &mut turn),
            Event::AgentGone { agent, workgroup } => self.agent_gone(&agent, workgroup.as_ref(), &mut turn),
            Event::OfferAccepted { session, agent, fence } if self.handovers.contains_key(&session) => {
                self.handover_accepted(&session, &agent, fence, &mut turn);
            }
            Event::OfferDeclined { session, agent, fence } if self.handovers.contains_key(&session) => {
                self.handover_declined(&session, &agent, fence, &mut turn);
            }
            Event::OfferAccepted { session, agent, fence } => {
                self.accepted(&session, &agent, fence, &mut turn)
            }
            Event::OfferDeclined { session, agent, fence } => {
                self.declined(&session, &agent, fence, &mut turn)
            }
            Event::OfferSeen { session, agent } => self.seen(&session, &agent, &mut turn),
            Event::HandoverAsked { id, request } => self.handover_asked(id, request, &mut turn),
            Event::TimerFired { timer } => self.fired(timer, &mut turn),
            Event::AgentEntered { session, agent } => {
                self.agent_entered(&session, &agent, &mut turn);
                self.handovers_settled(&session, &agent, &mut turn);
                self.shown_out_again(&session, &agent, &mut turn);
            }
            Event::AgentLeftRoom { session, agent } => self.agent_left_room(&session, &agent, &mut turn),
            Event::CustomerEntered { session } => self.customer_entered(&session, &mut turn),
            Event::CustomerLeftRoom { session } => self.customer_left_room(&session, &mut turn),
            Event::RoomFailed { session } => self.room_failed(&session, &mut turn),
            Event::RoomLost { session } => self.room_lost(&session, &mut turn),
            Event::RoomRenewed { session } => self.room_renewed(&session, &mut turn),
        }
        if self.revision != revision {
            self.clock = turn.now;
        }
        self.finish(turn)
    }

    /// Notes that this event changes something.
    fn touch(&mut self) {
        self.revision += 1;
    }

    /// Offers whoever can be offered and adds the news of the turn.
    fn finish(&mut self, mut turn: Turn) -> Vec<Decision> {
        let mut queues = BTreeSet::new();
        while !turn.dispatch.is_empty() {
            // A handover that comes to nothing may put its customer back in line.
            let more = std::mem::take(&mut turn.dispatch);
            self.dispatch_handovers(&more, &mut turn);
            queues.extend(more);
        }
        self.dispatch(&queues, &mut turn);
        for (workgroup, queue) in std::mem::take(&mut turn.changed) {
            turn.say(Decision::QueueChanged { workgroup, queue });
        }
        for (workgroup, agent) in std::mem::take(&mut turn.agents) {
            turn.say(Decision::AgentChanged { workgroup, agent });
        }
        for workgroup in std::mem::take(&mut turn.watch) {
            let open = self.workgroup_state(&workgroup) == Some(WorkgroupState::Open);
            let was = if open { !self.open.insert(workgroup.clone()) } else { self.open.remove(&workgroup) };
            if open != was {
                turn.say(Decision::WorkgroupChanged { workgroup });
            }
        }
        turn.decisions
    }

    fn fired(&mut self, timer: Timer, turn: &mut Turn) {
        match timer {
            Timer::Offer { session, fence } if self.handovers.contains_key(&session) => {
                self.handover_offer_timed_out(&session, fence, turn);
            }
            Timer::Request { session } if self.handovers.contains_key(&session) => {
                self.handover_timed_out(&session, turn);
            }
            Timer::Enter { session, fence } if self.handovers.contains_key(&session) => {
                self.handover_enter_timed_out(&session, fence, turn);
            }
            Timer::Offer { session, fence } => self.offer_timed_out(&session, fence, turn),
            Timer::Seen { session, fence } => self.offer_unseen(&session, fence, turn),
            Timer::Request { session } => self.request_timed_out(&session, turn),
            Timer::Pause { session, agent } => self.pause_over(&session, &agent, turn),
            Timer::Enter { session, fence } => self.enter_timed_out(&session, fence, turn),
            Timer::InviteAgain { session } => self.invite_again(&session, turn),
            Timer::Close { session } => self.close_timed_out(&session, turn),
            Timer::Alive { agent } => self.alive_timed_out(&agent, turn),
        }
    }

    /// All running timers with their deadlines: what a service sets up after reading its journal.
    pub fn timers(&self) -> Vec<(Timer, Timestamp)> {
        let mut timers = Vec::new();
        for (session, customer) in &self.customers {
            let id = || session.clone();
            match &customer.phase {
                Phase::Waiting => {}
                Phase::Offered { fence, deadline, seen_deadline, .. } => {
                    timers.push((Timer::Offer { session: id(), fence: *fence }, *deadline));
                    if let Some(at) = seen_deadline {
                        timers.push((Timer::Seen { session: id(), fence: *fence }, *at));
                    }
                }
                Phase::Reserved { fence, deadline, .. } => {
                    timers.push((Timer::Enter { session: id(), fence: *fence }, *deadline));
                }
                Phase::Active { closing, .. } => {
                    timers.extend(closing.map(|at| (Timer::Close { session: id() }, at)));
                }
            }
            timers.extend(customer.request_deadline.map(|at| (Timer::Request { session: id() }, at)));
            timers.extend(customer.invite_again.map(|at| (Timer::InviteAgain { session: id() }, at)));
            for (agent, at) in &customer.pauses {
                timers.push((Timer::Pause { session: id(), agent: agent.clone() }, *at));
            }
        }
        timers.extend(self.handover_timers());
        for (agent, state) in &self.agents {
            timers.extend(state.alive_deadline.map(|at| (Timer::Alive { agent: agent.clone() }, at)));
        }
        timers
    }

    fn routing(&self, workgroup: &WorkgroupName) -> Option<&WorkgroupRouting> {
        self.config.workgroup(workgroup)
    }

    fn line(&mut self, workgroup: &WorkgroupName, queue: &str) -> &mut Line {
        self.lines.entry(workgroup.clone()).or_default().entry(queue.to_owned()).or_default()
    }

    /// After any change to an agent: every queue it serves may have work for it.
    fn agent_freed(&self, agent: &BareJid, turn: &mut Turn) {
        let Some(state) = self.agents.get(agent) else { return };
        for workgroup in state.joined.keys() {
            let Some(routing) = self.routing(workgroup) else { continue };
            for queue in routing.queues.iter().filter(|queue| queue.serves(agent)) {
                turn.dispatch.insert((workgroup.clone(), queue.name.clone()));
            }
        }
    }

    /// Colleagues in every workgroup see this agent differently now.
    fn agent_looks_different(&self, agent: &BareJid, turn: &mut Turn) {
        let Some(state) = self.agents.get(agent) else { return };
        for workgroup in state.joined.keys() {
            turn.agents.insert((workgroup.clone(), state.client.clone()));
        }
    }
}
