//! Offers: made, accepted, declined, withdrawn.

use super::{Agent, INVITE_AGAIN_MS, Phase, Router, SEEN_MS, Turn};
use crate::decision::{Decision, LostReason, Reply, RevokeReason};
use crate::event::{SessionId, Timer};
use jid::{BareJid, FullJid};

impl Router {
    /// Makes an offer. The customer waits and the agent is free: the dispatch has seen to both.
    pub(super) fn offer(&mut self, session: &SessionId, agent: &BareJid, turn: &mut Turn) {
        let Some(customer) = self.customers.get_mut(session) else { return };
        let Some(state) = self.agents.get_mut(agent) else { return };
        let timeout =
            self.config.workgroup(&customer.workgroup).map_or(0, |routing| routing.offer_timeout_ms);
        // The request's deadline also ends the offer, so that of two deadlines the earlier always wins.
        let deadline =
            turn.now.plus(timeout).min(customer.request_deadline.unwrap_or(turn.now.plus(timeout)));
        customer.fence += 1;
        let fence = customer.fence;
        let seen_deadline = state.shows_offers.then(|| turn.now.plus(SEEN_MS)).filter(|at| *at < deadline);
        customer.phase = Phase::Offered { agent: state.client.clone(), fence, deadline, seen_deadline };
        state.offered.insert(session.clone());
        turn.say(Decision::Offer { session: session.clone(), agent: state.client.clone(), fence, deadline });
        turn.set(Timer::Offer { session: session.clone(), fence }, deadline);
        if let Some(at) = seen_deadline {
            turn.set(Timer::Seen { session: session.clone(), fence }, at);
        }
    }

    pub(super) fn accepted(
        &mut self,
        session: &SessionId,
        agent: &FullJid,
        fence: Option<u32>,
        turn: &mut Turn,
    ) {
        let Some(customer) = self.customers.get(session) else {
            return turn.reply(Reply::Lost(LostReason::Unknown));
        };
        let fits = |own: u32| fence.is_none_or(|fence| fence == own);
        let lost = match &customer.phase {
            Phase::Offered { agent: addressee, fence: own, .. } if addressee == agent => {
                if fits(*own) {
                    let own = *own;
                    return self.take(session, agent, own, turn);
                }
                LostReason::Expired
            }
            Phase::Reserved { agent: holder, fence: own, .. }
            | Phase::Active { agent: holder, fence: own, .. }
                if holder == agent && fits(*own) =>
            {
                // The reply got lost, or the stanza was sent again.
                return turn.reply(Reply::Accepted);
            }
            Phase::Reserved { .. } | Phase::Active { .. } => LostReason::Taken,
            Phase::Offered { .. } | Phase::Waiting if customer.pauses.contains_key(&agent.to_bare()) => {
                LostReason::Expired
            }
            Phase::Offered { .. } => LostReason::NotAddressee,
            Phase::Waiting => LostReason::Expired,
        };
        turn.reply(Reply::Lost(lost));
    }

    /// The addressee takes the customer.
    pub(super) fn take(&mut self, session: &SessionId, agent: &FullJid, fence: u32, turn: &mut Turn) {
        self.touch();
        turn.reply(Reply::Accepted);
        self.reserve(session, agent, fence, turn);
        turn.say(Decision::Invite { session: session.clone(), agent: agent.clone() });
        turn.set(Timer::InviteAgain { session: session.clone() }, turn.now.plus(INVITE_AGAIN_MS));
        if let Some(customer) = self.customers.get_mut(session) {
            customer.invite_again = Some(turn.now.plus(INVITE_AGAIN_MS));
        }
    }

    /// The customer leaves the queue for this agent.
    pub(super) fn reserve(&mut self, session: &SessionId, agent: &FullJid, fence: u32, turn: &mut Turn) {
        self.leave_phase(session, None, turn);
        let Some(customer) = self.customers.get_mut(session) else { return };
        let workgroup = customer.workgroup.clone();
        let queue = customer.queue.clone();
        let enter = self.config.workgroup(&workgroup).map_or(0, |routing| routing.enter_timeout_ms);
        let deadline = turn.now.plus(enter);
        customer.phase = Phase::Reserved { agent: agent.clone(), fence, deadline };
        customer.room = true;
        for paused in std::mem::take(&mut customer.pauses).into_keys() {
            turn.cancel(Timer::Pause { session: session.clone(), agent: paused });
        }
        if customer.request_deadline.take().is_some() {
            turn.cancel(Timer::Request { session: session.clone() });
        }
        let place = customer.place.clone();
        let waited = turn.now.since(place.joined);
        let position = u64::from(customer.joined_position.max(1));
        let line = self.line(&workgroup, &queue);
        if line.order.remove(&place) {
            line.served += 1;
            let first = line.served == 1;
            let average = |old: u64, sample: u64| if first { sample } else { old - old / 4 + sample / 4 };
            line.average_wait_ms = average(line.average_wait_ms, waited);
            line.per_place_ms = average(line.per_place_ms, waited / position);
            turn.changed.insert((workgroup, queue));
        }
        let state = self.agents.entry(agent.to_bare()).or_insert_with(|| Agent::new(agent.clone()));
        state.chats.insert(session.clone());
        turn.set(Timer::Enter { session: session.clone(), fence }, deadline);
        self.agent_looks_different(&agent.to_bare(), turn);
    }

    pub(super) fn declined(
        &mut self,
        session: &SessionId,
        agent: &FullJid,
        fence: Option<u32>,
        turn: &mut Turn,
    ) {
        match self.customers.get(session).map(|customer| &customer.phase) {
            Some(Phase::Offered { agent: addressee, fence: own, .. })
                if addressee == agent && fence.is_none_or(|fence| fence == *own) =>
            {
                turn.reply(Reply::Declined);
                self.pass_over(session, None, turn);
            }
            _ => turn.reply(Reply::NothingToDecline),
        }
    }

    pub(super) fn offer_timed_out(&mut self, session: &SessionId, fence: u32, turn: &mut Turn) {
        if let Some(Phase::Offered { fence: own, deadline, .. }) =
            self.customers.get(session).map(|it| &it.phase)
            && *own == fence
            && *deadline <= turn.now
        {
            self.pass_over(session, Some(RevokeReason::TimedOut), turn);
        }
    }

    pub(super) fn offer_unseen(&mut self, session: &SessionId, fence: u32, turn: &mut Turn) {
        if let Some(Phase::Offered { fence: own, seen_deadline: Some(at), .. }) =
            self.customers.get(session).map(|it| &it.phase)
            && *own == fence
            && *at <= turn.now
        {
            self.pass_over(session, Some(RevokeReason::TimedOut), turn);
        }
    }

    pub(super) fn seen(&mut self, session: &SessionId, agent: &FullJid, turn: &mut Turn) {
        let Some(customer) = self.customers.get_mut(session) else { return };
        let Phase::Offered { agent: addressee, fence, seen_deadline, .. } = &mut customer.phase else {
            return;
        };
        let Some(state) = self.agents.get_mut(&agent.to_bare()) else { return };
        if addressee != agent || (state.shows_offers && seen_deadline.is_none()) {
            return;
        }
        if seen_deadline.take().is_some() {
            turn.cancel(Timer::Seen { session: session.clone(), fence: *fence });
        }
        state.shows_offers = true;
        self.touch();
    }

    /// This agent doesn't take the customer: not asked again for a while, the next one is.
    fn pass_over(&mut self, session: &SessionId, revoke: Option<RevokeReason>, turn: &mut Turn) {
        let Some(customer) = self.customers.get(session) else { return };
        let Phase::Offered { agent, .. } = &customer.phase else { return };
        let agent = agent.to_bare();
        let (workgroup, queue) = (customer.workgroup.clone(), customer.queue.clone());
        self.touch();
        self.leave_phase(session, revoke, turn);
        self.pause(session, agent, turn);
        turn.dispatch.insert((workgroup, queue));
    }

    pub(super) fn pause(&mut self, session: &SessionId, agent: BareJid, turn: &mut Turn) {
        let Some(customer) = self.customers.get_mut(session) else { return };
        let pause = self.config.workgroup(&customer.workgroup).map_or(0, |routing| routing.decline_pause_ms);
        let until = turn.now.plus(pause);
        customer.pauses.insert(agent.clone(), until);
        turn.set(Timer::Pause { session: session.clone(), agent }, until);
    }

    /// Takes an open offer back without blame; the customer waits on.
    pub(super) fn withdraw(&mut self, session: &SessionId, reason: RevokeReason, turn: &mut Turn) {
        if self.handovers.contains_key(session) {
            return self.withdraw_handover(session, reason, turn);
        }
        let Some(customer) = self.customers.get(session) else { return };
        turn.dispatch.insert((customer.workgroup.clone(), customer.queue.clone()));
        self.leave_phase(session, Some(reason), turn);
    }
}
