//! Chats: agent and customer come into the room and leave it.

use super::{Agent, CLOSE_MS, CustomerPresence, INVITE_AGAIN_MS, Phase, Router, Turn};
use crate::decision::{Decision, EndReason, RevokeReason};
use crate::event::{SessionId, Timer};
use jid::FullJid;

impl Router {
    pub(super) fn agent_entered(&mut self, session: &SessionId, agent: &FullJid, turn: &mut Turn) {
        let Some(customer) = self.customers.get_mut(session) else { return };
        match &mut customer.phase {
            Phase::Offered { agent: addressee, fence, .. } if addressee == agent => {
                // A Spark that was offered a transfer enters without waiting for the answer to its accept.
                let fence = *fence;
                self.touch();
                self.reserve(session, agent, fence, turn);
                self.begin(session, agent, fence, turn);
            }
            Phase::Reserved { agent: holder, fence, .. } if holder.to_bare() == agent.to_bare() => {
                let fence = *fence;
                self.touch();
                self.begin(session, agent, fence, turn);
            }
            Phase::Active { agent: holder, closing, .. } if holder == agent => {
                if closing.take().is_some() {
                    turn.cancel(Timer::Close { session: session.clone() });
                    self.touch();
                }
            }
            Phase::Active { agent: holder, closing, guests, .. } => {
                if closing.take().is_some() {
                    // The holder is gone; whoever comes now has the customer.
                    let old = std::mem::replace(holder, agent.clone());
                    turn.cancel(Timer::Close { session: session.clone() });
                    self.touch();
                    self.hand_over(session, &old, agent, turn);
                } else if guests.insert(agent.clone()) {
                    self.touch();
                }
            }
            Phase::Waiting if customer.room => {
                // The agent whose connection broke is back before anybody else was asked.
                let serves = self.agents.contains_key(&agent.to_bare());
                if serves {
                    self.touch();
                    let fence = self.customers.get(session).map_or(0, |customer| customer.fence);
                    self.reserve(session, agent, fence, turn);
                    self.begin(session, agent, fence, turn);
                } else {
                    self.is_early(session, agent);
                }
            }
            Phase::Waiting | Phase::Offered { .. } | Phase::Reserved { .. } => self.is_early(session, agent),
        }
    }

    /// Somebody is in the room before the one who will hold the customer.
    fn is_early(&mut self, session: &SessionId, agent: &FullJid) {
        if let Some(customer) = self.customers.get_mut(session)
            && customer.room
            && customer.early.insert(agent.clone())
        {
            self.touch();
        }
    }

    /// The agent is in the room: the chat begins.
    fn begin(&mut self, session: &SessionId, agent: &FullJid, fence: u32, turn: &mut Turn) {
        turn.cancel(Timer::Enter { session: session.clone(), fence });
        if let Some(customer) = self.customers.get_mut(session) {
            let mut guests = std::mem::take(&mut customer.early);
            guests.remove(agent);
            customer.phase = Phase::Active { agent: agent.clone(), fence, guests, closing: None };
        }
    }

    fn hand_over(&mut self, session: &SessionId, from: &FullJid, to: &FullJid, turn: &mut Turn) {
        self.release(&from.to_bare(), session, turn);
        if let Some(customer) = self.customers.get_mut(session) {
            customer.leaving.remove(to);
        }
        // Somebody without a part in any workgroup may hold a chat, so the entry may be new.
        let state = self.agents.entry(to.to_bare()).or_insert_with(|| Agent::new(to.clone()));
        state.chats.insert(session.clone());
        self.agent_looks_different(&to.to_bare(), turn);
    }

    /// The customer was given to somebody who is there now. Whoever gave it away is a guest until it is shown out.
    pub(super) fn give(&mut self, session: &SessionId, from: &FullJid, to: &FullJid, turn: &mut Turn) {
        let Some(customer) = self.customers.get_mut(session) else { return };
        customer.leaving.remove(to);
        if from == to {
            return;
        }
        if let Phase::Reserved { agent: holder, fence, .. } = &customer.phase
            && holder == from
        {
            // In a room that was made anew the colleague came first.
            let fence = *fence;
            customer.leaving.insert(from.clone());
            self.reserve(session, to, fence, turn);
            return self.begin(session, to, fence, turn);
        }
        let Phase::Active { agent: holder, guests, .. } = &mut customer.phase else { return };
        if holder == from || guests.contains(from) {
            customer.leaving.insert(from.clone());
            turn.say(Decision::ShowOut { session: session.clone(), agent: from.clone() });
        }
        if holder == from && guests.remove(to) {
            let old = std::mem::replace(holder, to.clone());
            guests.insert(old.clone());
            self.hand_over(session, &old, to, turn);
        }
    }

    /// After a lost connection the room repeats who is in it; what was to show an agent out may be lost.
    pub(super) fn shown_out_again(&mut self, session: &SessionId, agent: &FullJid, turn: &mut Turn) {
        if self.customers.get(session).is_some_and(|customer| customer.leaving.contains(agent)) {
            turn.say(Decision::ShowOut { session: session.clone(), agent: agent.clone() });
        }
    }

    /// There is nobody in the room of whom we knew.
    fn nobody_inside(&mut self, session: &SessionId) {
        if let Some(customer) = self.customers.get_mut(session)
            && !(customer.early.is_empty() && customer.leaving.is_empty())
        {
            customer.early.clear();
            customer.leaving.clear();
            self.touch();
        }
    }

    pub(super) fn agent_left_room(&mut self, session: &SessionId, agent: &FullJid, turn: &mut Turn) {
        let now = turn.now;
        let dropped = self.agents.get(&agent.to_bare()).is_some_and(|state| {
            state.joined.is_empty() && state.gone_at.is_some_and(|gone| now.since(gone) <= CLOSE_MS)
        });
        let Some(customer) = self.customers.get_mut(session) else { return };
        if customer.early.remove(agent) | customer.leaving.remove(agent) {
            self.revision += 1;
        }
        let Phase::Active { agent: holder, guests, closing, .. } = &mut customer.phase else { return };
        if holder != agent {
            if guests.remove(agent) {
                self.touch();
            }
            return;
        }
        if let Some(next) = guests.pop_first() {
            let old = std::mem::replace(holder, next.clone());
            self.touch();
            return self.hand_over(session, &old, &next, turn);
        }
        if closing.is_some() {
            return;
        }
        if dropped {
            self.touch();
            return self.requeue(session, turn);
        }
        let at = now.plus(CLOSE_MS);
        *closing = Some(at);
        turn.set(Timer::Close { session: session.clone() }, at);
        self.touch();
    }

    pub(super) fn close_timed_out(&mut self, session: &SessionId, turn: &mut Turn) {
        if let Some(Phase::Active { closing: Some(at), .. }) = self.customers.get(session).map(|it| &it.phase)
            && *at <= turn.now
        {
            // Whoever left had given the customer away: somebody may be on the way.
            match self.transfer_until(session) {
                Some(until) if until > turn.now => {
                    self.touch();
                    if let Some(Phase::Active { closing, .. }) =
                        self.customers.get_mut(session).map(|it| &mut it.phase)
                    {
                        *closing = Some(until);
                    }
                    turn.set(Timer::Close { session: session.clone() }, until);
                }
                Some(_) => {
                    self.touch();
                    self.requeue(session, turn);
                }
                None => self.end(session, EndReason::AgentLeft, turn),
            }
        }
    }

    /// A transfer came to nothing. When its agent has left the room already, the customer waits at the old place.
    pub(super) fn transfer_failed(&mut self, session: &SessionId, turn: &mut Turn) {
        let alone = matches!(
            self.customers.get(session).map(|it| &it.phase),
            Some(Phase::Active { closing: Some(_), .. })
        );
        if alone && self.transfer_until(session).is_none() {
            self.requeue(session, turn);
        }
    }

    pub(super) fn enter_timed_out(&mut self, session: &SessionId, fence: u32, turn: &mut Turn) {
        if let Some(Phase::Reserved { fence: own, deadline, .. }) =
            self.customers.get(session).map(|it| &it.phase)
            && *own == fence
            && *deadline <= turn.now
        {
            self.miss(session, turn);
        }
    }

    /// Of an older journal: a chat without its room was over, and must not come back to life.
    pub(super) fn room_failed(&mut self, session: &SessionId, turn: &mut Turn) {
        match self.customers.get(session).map(|customer| &customer.phase) {
            Some(Phase::Active { .. }) => self.end(session, EndReason::AgentLeft, turn),
            _ => self.room_lost(session, turn),
        }
    }

    pub(super) fn room_lost(&mut self, session: &SessionId, turn: &mut Turn) {
        self.nobody_inside(session);
        match self.customers.get(session).map(|customer| &customer.phase) {
            Some(Phase::Reserved { .. }) => self.miss(session, turn),
            Some(Phase::Active { .. }) => {
                // Nobody left: both were put out. The customer waits at the old place.
                self.touch();
                self.not_inside(session);
                if let Some(customer) = self.customers.get_mut(session) {
                    customer.room = false;
                }
                self.requeue(session, turn);
            }
            Some(Phase::Waiting | Phase::Offered { .. }) => {
                if let Some(customer) = self.customers.get_mut(session)
                    && std::mem::take(&mut customer.room)
                {
                    self.touch();
                }
            }
            None => {}
        }
    }

    /// Whoever was in the room is invited into the new one.
    pub(super) fn room_renewed(&mut self, session: &SessionId, turn: &mut Turn) {
        let Some(customer) = self.customers.get(session) else { return };
        let enter = self.routing(&customer.workgroup).map_or(0, |routing| routing.enter_timeout_ms);
        let left = customer.presence == CustomerPresence::Left;
        let phase = customer.phase.clone();
        self.touch();
        self.nobody_inside(session);
        self.not_inside(session);
        let Phase::Active { agent, fence, closing, .. } = phase else { return };
        if left {
            return self.end(session, EndReason::AgentLeft, turn);
        }
        if closing.is_some() {
            turn.cancel(Timer::Close { session: session.clone() });
        }
        let (deadline, invite_again) = (turn.now.plus(enter), turn.now.plus(INVITE_AGAIN_MS));
        turn.set(Timer::Enter { session: session.clone(), fence }, deadline);
        turn.set(Timer::InviteAgain { session: session.clone() }, invite_again);
        if let Some(customer) = self.customers.get_mut(session) {
            customer.phase = Phase::Reserved { agent: agent.clone(), fence, deadline };
            customer.invite_again = Some(invite_again);
        }
        turn.say(Decision::Invite { session: session.clone(), agent });
    }

    /// The customer is not in the room, and did not leave it either.
    fn not_inside(&mut self, session: &SessionId) {
        if let Some(customer) = self.customers.get_mut(session)
            && customer.presence == CustomerPresence::Inside
        {
            customer.presence = CustomerPresence::NotYet;
        }
    }

    /// The agent who accepted did not come: the customer is offered to somebody else.
    fn miss(&mut self, session: &SessionId, turn: &mut Turn) {
        let Some(customer) = self.customers.get(session) else { return };
        let Phase::Reserved { agent, fence, .. } = customer.phase.clone() else { return };
        self.touch();
        let reason = RevokeReason::TimedOut;
        turn.say(Decision::Revoke { session: session.clone(), agent: agent.clone(), fence, reason });
        self.pause(session, agent.to_bare(), turn);
        self.requeue(session, turn);
    }

    /// Back to the old place, which is the front unless somebody came earlier. Whoever is offered the customer now is
    /// the only one: handovers of the chat that was are over.
    pub(super) fn requeue(&mut self, session: &SessionId, turn: &mut Turn) {
        self.drop_handovers(session, turn);
        let Some(customer) = self.customers.get(session) else { return };
        if customer.presence == CustomerPresence::Left {
            return self.end(session, EndReason::AgentLeft, turn);
        }
        self.leave_phase(session, None, turn);
        let Some(customer) = self.customers.get_mut(session) else { return };
        let key = (customer.workgroup.clone(), customer.queue.clone());
        let place = customer.place.clone();
        if customer.invite_again.take().is_some() {
            turn.cancel(Timer::InviteAgain { session: session.clone() });
        }
        turn.say(Decision::Requeued { session: session.clone() });
        self.line(&key.0, &key.1).order.insert(place);
        turn.changed.insert(key.clone());
        turn.dispatch.insert(key);
    }

    pub(super) fn invite_again(&mut self, session: &SessionId, turn: &mut Turn) {
        let Some(customer) = self.customers.get_mut(session) else { return };
        if customer.invite_again.is_none_or(|at| at > turn.now) {
            return;
        }
        customer.invite_again = None;
        if customer.presence == CustomerPresence::NotYet {
            turn.say(Decision::InviteAgain { session: session.clone() });
        }
        self.touch();
    }

    pub(super) fn customer_entered(&mut self, session: &SessionId, turn: &mut Turn) {
        let Some(customer) = self.customers.get_mut(session) else { return };
        if customer.presence == CustomerPresence::Inside {
            return;
        }
        customer.presence = CustomerPresence::Inside;
        if customer.invite_again.take().is_some() {
            turn.cancel(Timer::InviteAgain { session: session.clone() });
        }
        self.touch();
    }

    pub(super) fn customer_left_room(&mut self, session: &SessionId, turn: &mut Turn) {
        let Some(customer) = self.customers.get_mut(session) else { return };
        if customer.presence != CustomerPresence::Inside {
            return;
        }
        customer.presence = CustomerPresence::Left;
        self.touch();
        // Without an agent there is nobody to go on talking to.
        if !matches!(self.customers.get(session).map(|it| &it.phase), Some(Phase::Active { .. })) {
            self.end(session, EndReason::Departed, turn);
        }
    }
}
