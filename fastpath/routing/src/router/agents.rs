//! Agents take part, change and go; configuration and connection change.

use super::{ALIVE_MS, Agent, CLOSE_MS, Joined, Phase, Router, Turn};
use crate::config::RoutingConfig;
use crate::decision::{Decision, EndReason, Reply, RevokeReason};
use crate::event::{SessionId, Timer, Timestamp, WorkgroupName};
use jid::{BareJid, FullJid};
use std::collections::{BTreeMap, BTreeSet};

impl Router {
    pub(super) fn agent_updated(
        &mut self,
        client: FullJid,
        workgroup: WorkgroupName,
        available: bool,
        max_chats: Option<u32>,
        turn: &mut Turn,
    ) {
        let agent = client.to_bare();
        let Some(routing) = self.routing(&workgroup).filter(|routing| routing.serves(&agent)) else {
            return turn.reply(Reply::NotAnAgent);
        };
        let (default, cap) = (routing.max_chats, routing.max_chats_cap.max(1));
        if let Some(old) = self.agents.get(&agent)
            && old.client != client
            && !old.joined.is_empty()
        {
            self.displace(&agent, turn);
        }
        let state = self.agents.entry(agent.clone()).or_insert_with(|| Agent::new(client.clone()));
        let before = state.joined.get(&workgroup).copied();
        let limit = max_chats.unwrap_or(before.map_or(default, |joined| joined.max_chats)).clamp(1, cap);
        let now = Joined { available, max_chats: limit };
        turn.reply(Reply::Welcome);
        if before == Some(now) && state.alive_deadline.is_none() {
            return;
        }
        if state.client != client {
            state.client = client;
            state.shows_offers = false;
        }
        state.gone_at = None;
        state.joined.insert(workgroup.clone(), now);
        if state.alive_deadline.take().is_some() {
            turn.cancel(Timer::Alive { agent: agent.clone() });
            self.invite_anew(&agent, turn);
        }
        self.touch();
        turn.watch.insert(workgroup);
        self.agent_looks_different(&agent, turn);
        self.agent_freed(&agent, turn);
    }

    /// Another client of the agent takes over: the old one has no offers and no part any more.
    fn displace(&mut self, agent: &BareJid, turn: &mut Turn) {
        let Some(state) = self.agents.get_mut(agent) else { return };
        let client = state.client.clone();
        let workgroups = std::mem::take(&mut state.joined);
        let offered = state.offered.clone();
        for session in offered {
            self.withdraw(&session, RevokeReason::Withdrawn, turn);
        }
        for workgroup in workgroups.into_keys() {
            turn.watch.insert(workgroup.clone());
            turn.say(Decision::AgentLeft { workgroup: workgroup.clone(), agent: client.clone() });
            turn.say(Decision::Displaced { workgroup, agent: client.clone() });
        }
        self.touch();
    }

    pub(super) fn agent_alive(&mut self, client: &FullJid, turn: &mut Turn) {
        let agent = client.to_bare();
        let Some(state) = self.agents.get_mut(&agent) else { return };
        if state.client != *client || state.alive_deadline.take().is_none() {
            return;
        }
        turn.cancel(Timer::Alive { agent: agent.clone() });
        self.touch();
        self.invite_anew(&agent, turn);
        self.agent_freed(&agent, turn);
    }

    /// The agent is back after a lost connection, with which invitations may have been lost.
    fn invite_anew(&mut self, agent: &BareJid, turn: &mut Turn) {
        let Some(state) = self.agents.get(agent) else { return };
        for session in &state.chats {
            if let Some(Phase::Reserved { agent, .. }) = self.customers.get(session).map(|it| &it.phase) {
                turn.say(Decision::Invite { session: session.clone(), agent: agent.clone() });
            }
        }
    }

    pub(super) fn alive_timed_out(&mut self, agent: &BareJid, turn: &mut Turn) {
        let Some(state) = self.agents.get(agent) else { return };
        if state.alive_deadline.is_some_and(|at| at <= turn.now) {
            let client = state.client.clone();
            self.depart(&client, None, turn);
        }
    }

    pub(super) fn agent_gone(
        &mut self,
        client: &FullJid,
        workgroup: Option<&WorkgroupName>,
        turn: &mut Turn,
    ) {
        turn.reply(Reply::Goodbye);
        self.depart(client, workgroup, turn);
    }

    fn depart(&mut self, client: &FullJid, workgroup: Option<&WorkgroupName>, turn: &mut Turn) {
        let agent = client.to_bare();
        let Some(state) = self.agents.get_mut(&agent).filter(|state| state.client == *client) else { return };
        let leaving: Vec<WorkgroupName> =
            state.joined.keys().filter(|name| workgroup.is_none_or(|only| only == *name)).cloned().collect();
        if leaving.is_empty() {
            return;
        }
        state.joined.retain(|name, _| !leaving.contains(name));
        let everywhere = state.joined.is_empty();
        if everywhere {
            state.gone_at = Some(turn.now);
            if state.alive_deadline.take().is_some() {
                turn.cancel(Timer::Alive { agent: agent.clone() });
            }
        }
        let (offered, chats) = (state.offered.clone(), state.chats.clone());
        self.touch();
        let is_leaving = |router: &Self, session: &SessionId| {
            let customer = router.customers.get(session).map(|customer| &customer.workgroup);
            let handover = router.handovers.get(session).and_then(|it| it.queue.as_ref()).map(|it| &it.0);
            customer.or(handover).is_some_and(|workgroup| leaving.contains(workgroup))
        };
        for session in offered {
            if is_leaving(self, &session) {
                self.withdraw(&session, RevokeReason::Withdrawn, turn);
            }
        }
        for session in chats {
            let Some(customer) = self.customers.get(&session) else { continue };
            match &customer.phase {
                // The agent's connection broke between the accept and the room, or while chatting.
                Phase::Reserved { .. } if everywhere => self.requeue(&session, turn),
                // Whoever waits for a transfer has more time than that.
                Phase::Active { closing: Some(at), .. }
                    if everywhere && turn.now <= *at && at.since(turn.now) <= CLOSE_MS =>
                {
                    self.requeue(&session, turn);
                }
                _ => {}
            }
        }
        for workgroup in leaving {
            turn.watch.insert(workgroup.clone());
            turn.say(Decision::AgentLeft { workgroup, agent: client.clone() });
        }
    }

    pub(super) fn connected(&mut self, turn: &mut Turn) {
        self.touch();
        for (agent, state) in &mut self.agents {
            if !state.joined.is_empty() {
                let at = turn.now.plus(ALIVE_MS);
                state.alive_deadline = Some(at);
                turn.set(Timer::Alive { agent: agent.clone() }, at);
                turn.say(Decision::AskAlive { agent: state.client.clone() });
            }
        }
        let sessions: Vec<SessionId> = self.customers.keys().cloned().collect();
        for session in sessions {
            // The room will say anew who is in it.
            if let Some(customer) = self.customers.get_mut(&session) {
                customer.early.clear();
            }
            let Some(customer) = self.customers.get(&session) else { continue };
            match customer.phase.clone() {
                Phase::Waiting => {
                    if customer.room {
                        turn.say(Decision::Rejoin { session });
                    }
                }
                Phase::Offered { .. } => {
                    let room = customer.room;
                    self.withdraw(&session, RevokeReason::Withdrawn, turn);
                    if room {
                        turn.say(Decision::Rejoin { session });
                    }
                }
                Phase::Reserved { agent, fence, .. } => {
                    // The invitation may be lost: made anew, with all the time to follow it.
                    let enter =
                        self.routing(&customer.workgroup).map_or(0, |routing| routing.enter_timeout_ms);
                    let deadline = turn.now.plus(enter);
                    turn.set(Timer::Enter { session: session.clone(), fence }, deadline);
                    if let Some(customer) = self.customers.get_mut(&session) {
                        customer.phase = Phase::Reserved { agent: agent.clone(), fence, deadline };
                    }
                    // Whoever has to prove to be there is invited then.
                    let asked =
                        self.agents.get(&agent.to_bare()).is_some_and(|it| it.alive_deadline.is_some());
                    if !asked {
                        turn.say(Decision::Invite { session, agent });
                    }
                }
                Phase::Active { .. } => turn.say(Decision::Rejoin { session }),
            }
        }
        // The rooms come first: people are called into them.
        self.handovers_connected(turn);
    }

    pub(super) fn configured(&mut self, config: RoutingConfig, turn: &mut Turn) {
        if config == self.config {
            return;
        }
        self.touch();
        let names: BTreeSet<WorkgroupName> = self
            .config
            .workgroups
            .iter()
            .chain(&config.workgroups)
            .map(|workgroup| workgroup.name.clone())
            .collect();
        self.config = config;
        turn.watch.extend(names);
        self.reconsider_agents(turn);
        self.reconsider_customers(turn);
        self.reconsider_handovers(turn);
        for workgroup in &self.config.workgroups {
            for queue in &workgroup.queues {
                turn.dispatch.insert((workgroup.name.clone(), queue.name.clone()));
                turn.changed.insert((workgroup.name.clone(), queue.name.clone()));
            }
        }
        let config = &self.config;
        self.lines.retain(|name, lines| {
            let routing = config.workgroup(name);
            lines.retain(|queue, _| {
                routing.is_some_and(|it| it.queues.iter().any(|other| other.name == *queue))
            });
            !lines.is_empty()
        });
    }

    /// Agents who no longer serve a workgroup leave it; limits are applied anew.
    fn reconsider_agents(&mut self, turn: &mut Turn) {
        let config = &self.config;
        let mut lost: Vec<(BareJid, FullJid, Vec<WorkgroupName>)> = Vec::new();
        for (agent, state) in &mut self.agents {
            let mut left = Vec::new();
            state.joined.retain(|name, joined| {
                let routing = config.workgroup(name).filter(|routing| routing.serves(agent));
                match routing {
                    Some(routing) => joined.max_chats = joined.max_chats.min(routing.max_chats_cap.max(1)),
                    None => left.push(name.clone()),
                }
                routing.is_some()
            });
            if !left.is_empty() {
                lost.push((agent.clone(), state.client.clone(), left));
            }
        }
        for (agent, client, workgroups) in lost {
            if let Some(state) = self.agents.get_mut(&agent)
                && state.joined.is_empty()
                && state.alive_deadline.take().is_some()
            {
                turn.cancel(Timer::Alive { agent: agent.clone() });
            }
            for workgroup in workgroups {
                turn.say(Decision::AgentLeft { workgroup, agent: client.clone() });
            }
        }
        let config = &self.config;
        self.agents.retain(|agent, state| {
            let known = config.workgroups.iter().any(|workgroup| workgroup.serves(agent));
            known || !state.chats.is_empty() || !state.offered.is_empty()
        });
    }

    /// Customers of a deleted workgroup end, those of a deleted queue move, offers to agents who left are withdrawn.
    fn reconsider_customers(&mut self, turn: &mut Turn) {
        let sessions: Vec<SessionId> = self.customers.keys().cloned().collect();
        for session in sessions {
            let Some(customer) = self.customers.get(&session) else { continue };
            let (workgroup, queue) = (customer.workgroup.clone(), customer.queue.clone());
            let Some(routing) = self.routing(&workgroup) else {
                self.end(&session, EndReason::WorkgroupGone, turn);
                continue;
            };
            let exists = routing.queues.iter().find(|candidate| candidate.name == queue);
            if let Phase::Offered { agent, .. } = &customer.phase
                && !exists.is_some_and(|queue| queue.serves(&agent.to_bare()))
            {
                self.withdraw(&session, RevokeReason::Withdrawn, turn);
            }
            if self.routing(&workgroup).is_some_and(|it| it.queues.iter().any(|other| other.name == queue)) {
                continue;
            }
            let Some(target) =
                self.routing(&workgroup).and_then(|it| it.queues.first()).map(|it| it.name.clone())
            else {
                self.end(&session, EndReason::WorkgroupGone, turn);
                continue;
            };
            let Some(place) = self.customers.get(&session).map(|customer| customer.place.clone()) else {
                continue;
            };
            if self.line(&workgroup, &queue).order.remove(&place) {
                self.line(&workgroup, &target).order.insert(place);
            }
            if let Some(customer) = self.customers.get_mut(&session) {
                customer.queue = target;
            }
        }
    }
}

impl Agent {
    pub(super) fn new(client: FullJid) -> Self {
        Self {
            client,
            joined: BTreeMap::new(),
            alive_deadline: None,
            shows_offers: false,
            offered: BTreeSet::new(),
            chats: BTreeSet::new(),
            idle_since: Timestamp::default(),
            gone_at: None,
        }
    }
}

const _: () = assert!(CLOSE_MS < ALIVE_MS, "an agent is declared lost after its room had the time to say so");
