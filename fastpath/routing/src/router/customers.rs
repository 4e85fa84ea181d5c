//! Customers come, wait and go.

use super::{Customer, CustomerPresence, Phase, Place, Router, Turn, WorkgroupState};
use crate::config::WorkgroupRouting;
use crate::decision::{Decision, EndReason, Reply, RevokeReason};
use crate::event::{Answers, SessionId, Timer, WorkgroupName};
use jid::FullJid;
use std::collections::{BTreeMap, BTreeSet};

/// A customer at the door.
pub(super) struct Arrival {
    pub(super) session: SessionId,
    pub(super) workgroup: WorkgroupName,
    pub(super) client: FullJid,
    pub(super) user: Option<String>,
    pub(super) priority: i32,
    pub(super) answers: Answers,
}

impl Router {
    pub(super) fn customer_joined(&mut self, arrival: Arrival, turn: &mut Turn) {
        let Arrival { session, workgroup, client, user, priority, answers } = arrival;
        let Some(routing) = self.routing(&workgroup) else { return turn.reply(Reply::UnknownWorkgroup) };
        if let Some(session) = self.visit_of(&client, &workgroup) {
            return turn.reply(Reply::AlreadyQueued { session: session.clone() });
        }
        if self.customers.contains_key(&session) {
            return turn.reply(Reply::AlreadyQueued { session });
        }
        if self.workgroup_state(&workgroup) != Some(WorkgroupState::Open) {
            return turn.reply(Reply::NotOpen);
        }
        if self.waiting_in(&workgroup) >= routing.max_waiting as usize {
            return turn.reply(Reply::Full);
        }
        let Some(queue) = self.choose_queue(routing, &answers) else { return turn.reply(Reply::NotOpen) };
        let request_deadline =
            (routing.request_timeout_ms > 0).then(|| turn.now.plus(routing.request_timeout_ms));
        self.touch();
        self.joins += 1;
        let place = Place {
            rank: -i64::from(priority),
            joined: turn.now,
            number: self.joins,
            session: session.clone(),
        };
        let line = self.line(&workgroup, &queue);
        line.order.insert(place.clone());
        let position = line.order.range(..=&place).count() as u32;
        self.clients.entry(client.clone()).or_default().insert(session.clone());
        turn.reply(Reply::Joined { position });
        if let Some(at) = request_deadline {
            turn.set(Timer::Request { session: session.clone() }, at);
        }
        turn.changed.insert((workgroup.clone(), queue.clone()));
        turn.dispatch.insert((workgroup.clone(), queue.clone()));
        let customer = Customer {
            workgroup,
            queue,
            client,
            user,
            answers,
            place,
            joined_position: position,
            fence: 0,
            phase: Phase::Waiting,
            pauses: BTreeMap::new(),
            request_deadline,
            invite_again: None,
            room: false,
            presence: CustomerPresence::NotYet,
            early: BTreeSet::new(),
            leaving: BTreeSet::new(),
        };
        self.customers.insert(session, customer);
    }

    /// The queue meant for these answers; else, of those without conditions, one with an agent and the fewest
    /// waiting; the first one decides ties.
    pub(super) fn choose_queue(&self, routing: &WorkgroupRouting, answers: &Answers) -> Option<String> {
        if let Some(queue) = routing.queues.iter().find(|queue| queue.wants(answers)) {
            return Some(queue.name.clone());
        }
        let waiting = |name: &str| {
            self.lines.get(&routing.name).and_then(|lines| lines.get(name)).map_or(0, |line| line.order.len())
        };
        let staffed = |agents: &[jid::BareJid]| {
            agents.iter().any(|agent| {
                self.agents.get(agent).is_some_and(|state| state.joined.contains_key(&routing.name))
            })
        };
        let general = routing.queues.iter().filter(|queue| queue.when.is_empty());
        general
            .min_by_key(|queue| (!staffed(&queue.agents), waiting(&queue.name)))
            .or(routing.queues.first())
            .map(|queue| queue.name.clone())
    }

    pub(super) fn customer_departed(&mut self, session: &SessionId, turn: &mut Turn) {
        let waits = self
            .customers
            .get(session)
            .is_some_and(|customer| !matches!(customer.phase, Phase::Active { .. }));
        if !waits {
            return turn.reply(Reply::NotQueued);
        }
        turn.reply(Reply::Departed);
        self.end(session, EndReason::Departed, turn);
    }

    pub(super) fn customer_vanished(&mut self, session: &SessionId, turn: &mut Turn) {
        // In a chat the room itself says who has left it.
        if self.customers.get(session).is_some_and(|customer| !matches!(customer.phase, Phase::Active { .. }))
        {
            self.end(session, EndReason::Vanished, turn);
        }
    }

    pub(super) fn request_timed_out(&mut self, session: &SessionId, turn: &mut Turn) {
        let Some(customer) = self.customers.get(session) else { return };
        let due = customer.request_deadline.is_some_and(|at| at <= turn.now);
        if due && matches!(customer.phase, Phase::Waiting | Phase::Offered { .. }) {
            self.end(session, EndReason::TimedOut, turn);
        }
    }

    pub(super) fn pause_over(&mut self, session: &SessionId, agent: &jid::BareJid, turn: &mut Turn) {
        let Some(customer) = self.customers.get_mut(session) else { return };
        if customer.pauses.get(agent).is_none_or(|until| *until > turn.now) {
            return;
        }
        customer.pauses.remove(agent);
        turn.dispatch.insert((customer.workgroup.clone(), customer.queue.clone()));
        self.touch();
    }

    /// Ends a visit in whatever phase it is.
    pub(super) fn end(&mut self, session: &SessionId, reason: EndReason, turn: &mut Turn) {
        if !self.customers.contains_key(session) {
            return;
        }
        self.touch();
        self.drop_handovers(session, turn);
        self.leave_phase(session, Some(RevokeReason::CustomerGone), turn);
        let Some(customer) = self.customers.remove(session) else { return };
        for agent in customer.pauses.keys() {
            turn.cancel(Timer::Pause { session: session.clone(), agent: agent.clone() });
        }
        if customer.request_deadline.is_some() {
            turn.cancel(Timer::Request { session: session.clone() });
        }
        if customer.invite_again.is_some() {
            turn.cancel(Timer::InviteAgain { session: session.clone() });
        }
        if let Some(visits) = self.clients.get_mut(&customer.client) {
            visits.remove(session);
            if visits.is_empty() {
                self.clients.remove(&customer.client);
            }
        }
        if self.line(&customer.workgroup, &customer.queue).order.remove(&customer.place) {
            turn.changed.insert((customer.workgroup.clone(), customer.queue.clone()));
        }
        turn.say(Decision::Ended { session: session.clone(), reason });
    }

    /// Takes a visit out of its phase, which becomes `Waiting` without a place in the queue being added: stops the
    /// phase's timers and releases its agent. A withdrawn offer is announced when `revoke` says why.
    pub(super) fn leave_phase(&mut self, session: &SessionId, revoke: Option<RevokeReason>, turn: &mut Turn) {
        let Some(customer) = self.customers.get_mut(session) else { return };
        let phase = std::mem::replace(&mut customer.phase, Phase::Waiting);
        let agent = match phase {
            Phase::Waiting => return,
            Phase::Offered { agent, fence, seen_deadline, .. } => {
                turn.cancel(Timer::Offer { session: session.clone(), fence });
                if seen_deadline.is_some() {
                    turn.cancel(Timer::Seen { session: session.clone(), fence });
                }
                if let Some(reason) = revoke {
                    turn.say(Decision::Revoke {
                        session: session.clone(),
                        agent: agent.clone(),
                        fence,
                        reason,
                    });
                }
                agent
            }
            Phase::Reserved { agent, fence, .. } => {
                turn.cancel(Timer::Enter { session: session.clone(), fence });
                agent
            }
            Phase::Active { agent, closing, .. } => {
                if closing.is_some() {
                    turn.cancel(Timer::Close { session: session.clone() });
                }
                agent
            }
        };
        self.release(&agent.to_bare(), session, turn);
    }

    /// The agent has nothing more to do with this visit.
    pub(super) fn release(&mut self, agent: &jid::BareJid, session: &SessionId, turn: &mut Turn) {
        if let Some(state) = self.agents.get_mut(agent) {
            let chatted = state.chats.remove(session);
            state.offered.remove(session);
            state.idle_since = turn.now;
            if chatted {
                self.agent_looks_different(agent, turn);
            }
            self.agent_freed(agent, turn);
        }
    }
}
