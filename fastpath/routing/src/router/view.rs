//! Looking at the state without changing it.

use super::{CustomerPresence, Phase, Router};
use crate::config::RoutingConfig;
use crate::event::{Answers, SessionId, Timestamp, WorkgroupName};
use jid::{BareJid, FullJid};

/// Seconds per place until there are figures, as Fastpath says.
const GUESS_MS: u64 = 15_000;

/// Whether a workgroup takes customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkgroupState {
    /// Somebody takes offers.
    Open,
    /// Switched on, nobody takes offers.
    Ready,
    /// Switched off.
    Closed,
}

/// One visit.
#[derive(Debug, Clone, Copy)]
pub struct CustomerView<'a> {
    /// Workgroup.
    pub workgroup: &'a WorkgroupName,
    /// Queue.
    pub queue: &'a str,
    /// The customer's client.
    pub client: &'a FullJid,
    /// Identity for past chats, when it is not the JID.
    pub user: Option<&'a str>,
    /// The form.
    pub answers: &'a Answers,
    /// When the customer joined.
    pub joined_at: Timestamp,
    /// Where the visit stands.
    pub phase: &'a Phase,
    /// A room was made for it.
    pub has_room: bool,
    /// The customer is in the room.
    pub customer_inside: bool,
}

/// One agent.
#[derive(Debug, Clone)]
pub struct AgentView<'a> {
    /// The client that takes the offers.
    pub client: &'a FullJid,
    /// Takes offers.
    pub available: bool,
    /// Chats at once.
    pub max_chats: u32,
    /// Chats now, over all workgroups.
    pub chats: Vec<&'a SessionId>,
}

/// One queue.
#[derive(Debug, Clone)]
pub struct QueueView<'a> {
    /// Waiting customers.
    pub count: u32,
    /// When the first of them joined.
    pub oldest: Option<Timestamp>,
    /// Average time to the accept, in milliseconds; 0 without figures.
    pub average_wait_ms: u64,
    /// Milliseconds to wait per place.
    pub per_place_ms: u64,
    /// The first of the waiting, in order.
    pub waiting: Vec<(&'a SessionId, &'a FullJid, Timestamp)>,
}

impl Router {
    /// The configuration in force.
    pub fn config(&self) -> &RoutingConfig {
        &self.config
    }

    /// Whether a workgroup takes customers; `None` when there is none of this name.
    pub fn workgroup_state(&self, workgroup: &WorkgroupName) -> Option<WorkgroupState> {
        let routing = self.routing(workgroup)?;
        if !routing.open {
            return Some(WorkgroupState::Closed);
        }
        let served = routing.queues.iter().flat_map(|queue| &queue.agents).any(|agent| {
            let joined = self.agents.get(agent).and_then(|state| state.joined.get(workgroup));
            joined.is_some_and(|joined| joined.available)
        });
        Some(if served { WorkgroupState::Open } else { WorkgroupState::Ready })
    }

    /// One visit that is not over.
    pub fn customer(&self, session: &SessionId) -> Option<CustomerView<'_>> {
        self.customers.get(session).map(|customer| CustomerView {
            workgroup: &customer.workgroup,
            queue: &customer.queue,
            client: &customer.client,
            user: customer.user.as_deref(),
            answers: &customer.answers,
            joined_at: customer.place.joined,
            phase: &customer.phase,
            has_room: customer.room,
            customer_inside: customer.presence == CustomerPresence::Inside,
        })
    }

    /// All visits that are not over, by id.
    pub fn sessions(&self) -> impl Iterator<Item = &SessionId> {
        self.customers.keys()
    }

    /// Visits of this client.
    pub fn visits(&self, client: &FullJid) -> impl Iterator<Item = &SessionId> {
        self.clients.get(client).into_iter().flatten()
    }

    /// The visit of this client in a workgroup that forbids another one: waiting, or chatting and not yet left.
    pub fn visit_of(&self, client: &FullJid, workgroup: &WorkgroupName) -> Option<&SessionId> {
        self.visits(client).find(|session| {
            self.customers.get(*session).is_some_and(|customer| {
                customer.workgroup == *workgroup && customer.presence != CustomerPresence::Left
            })
        })
    }

    /// The place of a waiting customer, from 1.
    pub fn position(&self, session: &SessionId) -> Option<u32> {
        let customer = self.customers.get(session)?;
        let line = self.lines.get(&customer.workgroup)?.get(&customer.queue)?;
        line.order.contains(&customer.place).then(|| line.order.range(..=&customer.place).count() as u32)
    }

    /// Waiting customers of a workgroup.
    pub fn waiting_in(&self, workgroup: &WorkgroupName) -> usize {
        self.lines.get(workgroup).map_or(0, |lines| lines.values().map(|line| line.order.len()).sum())
    }

    /// One queue with at most `limit` of its customers.
    pub fn queue(&self, workgroup: &WorkgroupName, queue: &str, limit: usize) -> Option<QueueView<'_>> {
        self.routing(workgroup)?.queues.iter().find(|candidate| candidate.name == queue)?;
        let Some(line) = self.lines.get(workgroup).and_then(|lines| lines.get(queue)) else {
            return Some(QueueView {
                count: 0,
                oldest: None,
                average_wait_ms: 0,
                per_place_ms: GUESS_MS,
                waiting: Vec::new(),
            });
        };
        let waiting = line.order.iter().take(limit).filter_map(|place| {
            self.customers
                .get(&place.session)
                .map(|customer| (&place.session, &customer.client, place.joined))
        });
        Some(QueueView {
            count: line.order.len() as u32,
            oldest: line.order.iter().map(|place| place.joined).min(),
            average_wait_ms: line.average_wait_ms,
            per_place_ms: if line.served == 0 { GUESS_MS } else { line.per_place_ms },
            waiting: waiting.collect(),
        })
    }

    /// An agent's part in a workgroup.
    pub fn agent(&self, agent: &BareJid, workgroup: &WorkgroupName) -> Option<AgentView<'_>> {
        let state = self.agents.get(agent)?;
        let joined = state.joined.get(workgroup)?;
        Some(AgentView {
            client: &state.client,
            available: joined.available,
            max_chats: joined.max_chats,
            chats: state.chats.iter().collect(),
        })
    }

    /// Agents who take part in some workgroup.
    pub fn agents_joined(&self) -> usize {
        self.agents.values().filter(|state| !state.joined.is_empty()).count()
    }

    /// Agents who take part in a workgroup.
    pub fn agents_in(&self, workgroup: &WorkgroupName) -> Vec<AgentView<'_>> {
        self.agents.keys().filter_map(|agent| self.agent(agent, workgroup)).collect()
    }

    /// This client takes part in some workgroup.
    pub fn is_joined(&self, client: &FullJid) -> bool {
        self.agents
            .get(&client.to_bare())
            .is_some_and(|state| state.client == *client && !state.joined.is_empty())
    }

    /// Workgroups in which this client takes part.
    pub fn workgroups_of(&self, client: &FullJid) -> Vec<&WorkgroupName> {
        self.agents
            .get(&client.to_bare())
            .filter(|state| state.client == *client)
            .map_or_else(Vec::new, |state| state.joined.keys().collect())
    }

    /// Offers open at this client.
    pub fn offers_of(&self, client: &FullJid) -> impl Iterator<Item = &SessionId> {
        self.agents
            .get(&client.to_bare())
            .filter(|state| state.client == *client)
            .into_iter()
            .flat_map(|it| &it.offered)
    }
}
