//! Running chats that are handed on: an agent brings in, or gives the customer to, a colleague or whoever of a queue
//! is free.
//!
//! A handover has an id of its own, under which it is offered like a customer: one addressee, one fence. Each agent is
//! asked once. It lives no longer than its chat.

use super::{Phase, Router, Turn};
use crate::decision::{Decision, HandoverFailure, LostReason, Reply, RevokeReason};
use crate::event::{HandoverRequest, HandoverTarget, SessionId, Timer, Timestamp, WorkgroupName};
use jid::{BareJid, FullJid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How long whoever hands on may wait for somebody, and somebody for the way into the room, in milliseconds.
const HANDOVER_MS: u64 = 60_000;
/// Handovers of one chat at a time.
const MAX_OF_A_CHAT: usize = 5;

/// One chat that is being handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// What was asked.
    pub request: HandoverRequest,
    /// Whose agents are asked; none for a person.
    pub queue: Option<(WorkgroupName, String)>,
    /// Number of the newest offer.
    pub(super) fence: u32,
    pub(super) phase: HandoverPhase,
    /// Agents who were asked, or need not be.
    pub(super) asked: BTreeSet<BareJid>,
    /// When it is given up.
    pub(super) deadline: Timestamp,
}

/// Where a handover stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "phase")]
pub(super) enum HandoverPhase {
    /// Nobody is free at the moment.
    Waiting,
    /// One agent is asked.
    Offered {
        /// Addressee.
        agent: FullJid,
        /// When the offer ends.
        deadline: Timestamp,
    },
    /// Somebody is expected in the room.
    Taken {
        /// Who.
        agent: BareJid,
        /// Until when.
        deadline: Timestamp,
    },
}

impl Router {
    /// A handover that is under way.
    pub fn handover(&self, id: &SessionId) -> Option<&Handover> {
        self.handovers.get(id)
    }

    /// The handover of this chat that this client was offered.
    pub fn handover_offered(&self, session: &SessionId, client: &FullJid) -> Option<&SessionId> {
        self.handovers
            .iter()
            .find(|(_, it)| it.request.session == *session && it.is_offered_to(client))
            .map(|(id, _)| id)
    }

    pub(super) fn handover_asked(&mut self, id: SessionId, request: HandoverRequest, turn: &mut Turn) {
        let Some(customer) = self.customers.get(&request.session) else {
            return turn.reply(Reply::UnknownChat);
        };
        let Phase::Active { agent: holder, guests, .. } = &customer.phase else {
            return turn.reply(Reply::UnknownChat);
        };
        let mut asked: BTreeSet<BareJid> =
            guests.iter().chain([holder, &request.inviter]).map(|client| client.to_bare()).collect();
        let running = self.handovers.values().filter(|it| it.request.session == request.session).count();
        if running >= MAX_OF_A_CHAT || self.handovers.contains_key(&id) {
            return turn.reply(Reply::Full);
        }
        let deadline = turn.now.plus(HANDOVER_MS);
        let (queue, phase) = match &request.target {
            HandoverTarget::Person { agent } => {
                asked.clear();
                (None, HandoverPhase::Taken { agent: agent.clone(), deadline })
            }
            HandoverTarget::Queue { workgroup, queue } => {
                let found =
                    self.routing(workgroup).is_some_and(|it| it.queues.iter().any(|q| q.name == *queue));
                if !found {
                    return turn.reply(Reply::UnknownQueue);
                }
                (Some((workgroup.clone(), queue.clone())), HandoverPhase::Waiting)
            }
            HandoverTarget::Workgroup { workgroup } => {
                let queue = self.routing(workgroup).and_then(|it| self.choose_queue(it, &customer.answers));
                let Some(queue) = queue else { return turn.reply(Reply::UnknownQueue) };
                (Some((workgroup.clone(), queue)), HandoverPhase::Waiting)
            }
        };
        self.touch();
        turn.reply(Reply::HandingOver);
        let waits = phase == HandoverPhase::Waiting;
        let timer = if waits {
            Timer::Request { session: id.clone() }
        } else {
            Timer::Enter { session: id.clone(), fence: 0 }
        };
        turn.set(timer, deadline);
        self.handovers.insert(id.clone(), Handover { request, queue, fence: 0, phase, asked, deadline });
        if waits {
            self.offer_handover(&id, turn);
        }
    }

    /// Handovers to these queues: they go before whoever waits, because a customer is in the chat already.
    pub(super) fn dispatch_handovers(&mut self, queues: &BTreeSet<(WorkgroupName, String)>, turn: &mut Turn) {
        let here = |it: &Handover| it.queue.as_ref().is_some_and(|queue| queues.contains(queue));
        let ids: Vec<SessionId> =
            self.handovers.iter().filter(|(_, it)| here(it)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.offer_handover(&id, turn);
        }
    }

    /// Asks the next free agent. When everybody who is there was asked, it is over.
    fn offer_handover(&mut self, id: &SessionId, turn: &mut Turn) {
        let Some(handover) = self.handovers.get(id) else { return };
        let (HandoverPhase::Waiting, Some((workgroup, queue))) = (&handover.phase, &handover.queue) else {
            return;
        };
        let agents = self
            .routing(workgroup)
            .and_then(|routing| routing.queues.iter().find(|it| it.name == *queue))
            .map_or(&[][..], |queue| queue.agents.as_slice());
        let there: Vec<&BareJid> = agents
            .iter()
            .filter(|agent| !handover.asked.contains(*agent))
            .filter(|agent| {
                let joined = self.agents.get(*agent).and_then(|state| state.joined.get(workgroup));
                joined.is_some_and(|joined| joined.available)
            })
            .collect();
        if there.is_empty() {
            return self.handover_failed(id, HandoverFailure::NobodyFree, turn);
        }
        let best = there
            .into_iter()
            .filter(|agent| self.is_free(agent, workgroup))
            .filter_map(|agent| self.agents.get(agent).map(|state| (agent, state)))
            .min_by_key(|(agent, state)| (state.load(), state.idle_since, (*agent).clone()))
            .map(|(agent, state)| (agent.clone(), state.client.clone()));
        let Some((agent, client)) = best else { return };
        let timeout = self.routing(workgroup).map_or(0, |routing| routing.offer_timeout_ms);
        let Some(handover) = self.handovers.get_mut(id) else { return };
        let deadline = turn.now.plus(timeout).min(handover.deadline);
        handover.fence += 1;
        handover.phase = HandoverPhase::Offered { agent: client.clone(), deadline };
        handover.asked.insert(agent.clone());
        let fence = handover.fence;
        if let Some(state) = self.agents.get_mut(&agent) {
            state.offered.insert(id.clone());
        }
        self.touch();
        turn.say(Decision::Offer { session: id.clone(), agent: client, fence, deadline });
        turn.set(Timer::Offer { session: id.clone(), fence }, deadline);
    }

    pub(super) fn handover_accepted(
        &mut self,
        id: &SessionId,
        agent: &FullJid,
        fence: Option<u32>,
        turn: &mut Turn,
    ) {
        let Some(handover) = self.handovers.get(id) else {
            return turn.reply(Reply::Lost(LostReason::Unknown));
        };
        let fits = fence.is_none_or(|fence| fence == handover.fence);
        match &handover.phase {
            HandoverPhase::Offered { agent: addressee, .. } if addressee == agent && fits => {}
            HandoverPhase::Taken { agent: taker, .. } if *taker == agent.to_bare() && fits => {
                return turn.reply(Reply::Accepted);
            }
            HandoverPhase::Offered { .. } => return turn.reply(Reply::Lost(LostReason::NotAddressee)),
            HandoverPhase::Taken { .. } => return turn.reply(Reply::Lost(LostReason::Taken)),
            HandoverPhase::Waiting => return turn.reply(Reply::Lost(LostReason::Expired)),
        }
        turn.reply(Reply::Accepted);
        self.take_handover_back(id, None, turn);
        // Whoever is on the way has a chat more.
        if let Some(state) = self.agents.get_mut(&agent.to_bare()) {
            state.chats.insert(id.clone());
        }
        turn.cancel(Timer::Request { session: id.clone() });
        let Some(handover) = self.handovers.get_mut(id) else { return };
        let deadline = turn.now.plus(HANDOVER_MS);
        handover.phase = HandoverPhase::Taken { agent: agent.to_bare(), deadline };
        turn.set(Timer::Enter { session: id.clone(), fence: handover.fence }, deadline);
    }

    pub(super) fn handover_declined(
        &mut self,
        id: &SessionId,
        agent: &FullJid,
        fence: Option<u32>,
        turn: &mut Turn,
    ) {
        let holds = self.handovers.get(id).is_some_and(|handover| {
            handover.is_offered_to(agent) && fence.is_none_or(|fence| fence == handover.fence)
        });
        if !holds {
            return turn.reply(Reply::NothingToDecline);
        }
        turn.reply(Reply::Declined);
        self.take_handover_back(id, None, turn);
        self.offer_handover(id, turn);
    }

    /// The offer's time is over: the next one is asked.
    pub(super) fn handover_offer_timed_out(&mut self, id: &SessionId, fence: u32, turn: &mut Turn) {
        let Some(handover) = self.handovers.get(id) else { return };
        let HandoverPhase::Offered { deadline, .. } = &handover.phase else { return };
        if handover.fence == fence && *deadline <= turn.now {
            self.withdraw_handover(id, RevokeReason::TimedOut, turn);
        }
    }

    /// Nobody took it in time.
    pub(super) fn handover_timed_out(&mut self, id: &SessionId, turn: &mut Turn) {
        let Some(handover) = self.handovers.get(id) else { return };
        if handover.deadline <= turn.now && !matches!(handover.phase, HandoverPhase::Taken { .. }) {
            self.take_handover_back(id, Some(RevokeReason::TimedOut), turn);
            self.handover_failed(id, HandoverFailure::NobodyFree, turn);
        }
    }

    /// Whoever took it did not come.
    pub(super) fn handover_enter_timed_out(&mut self, id: &SessionId, fence: u32, turn: &mut Turn) {
        let Some(handover) = self.handovers.get(id) else { return };
        let HandoverPhase::Taken { deadline, .. } = &handover.phase else { return };
        if handover.fence == fence && *deadline <= turn.now {
            self.handover_failed(id, HandoverFailure::DidNotCome, turn);
        }
    }

    /// Until when somebody may still come to whom this chat is given.
    pub(super) fn transfer_until(&self, session: &SessionId) -> Option<Timestamp> {
        let transfers =
            self.handovers.values().filter(|it| it.request.session == *session && it.request.transfer);
        transfers
            .map(|it| match it.phase {
                HandoverPhase::Taken { deadline, .. } => deadline,
                HandoverPhase::Waiting | HandoverPhase::Offered { .. } => it.deadline,
            })
            .max()
    }

    /// Takes an open offer back; the next one is asked. Without blame that may be the same agent, who has perhaps only
    /// gone to another device, so it is done when the turn is over.
    pub(super) fn withdraw_handover(&mut self, id: &SessionId, reason: RevokeReason, turn: &mut Turn) {
        if reason == RevokeReason::Withdrawn
            && let Some(handover) = self.handovers.get_mut(id)
            && let HandoverPhase::Offered { agent, .. } = &handover.phase
        {
            handover.asked.remove(&agent.to_bare());
            turn.dispatch.extend(handover.queue.clone());
            return self.take_handover_back(id, Some(reason), turn);
        }
        self.take_handover_back(id, Some(reason), turn);
        self.offer_handover(id, turn);
    }

    /// Somebody is in the room: whoever was to come has come. A Spark enters without waiting for the answer to its
    /// accept, and it need not have accepted at all.
    pub(super) fn handovers_settled(&mut self, session: &SessionId, agent: &FullJid, turn: &mut Turn) {
        let fits = |it: &Handover| {
            let taken =
                matches!(&it.phase, HandoverPhase::Taken { agent: who, .. } if *who == agent.to_bare());
            it.request.session == *session && (taken || it.is_offered_to(agent))
        };
        let ids: Vec<SessionId> =
            self.handovers.iter().filter(|(_, it)| fits(it)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.take_handover_back(&id, None, turn);
            let Some(Handover { request, .. }) = self.forget_handover(&id, turn) else { continue };
            if request.transfer {
                self.give(session, &request.inviter, agent, turn);
            }
        }
    }

    /// The chat is over, and whatever was to become of it.
    pub(super) fn drop_handovers(&mut self, session: &SessionId, turn: &mut Turn) {
        let ids: Vec<SessionId> = self
            .handovers
            .iter()
            .filter(|(_, it)| it.request.session == *session)
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            self.take_handover_back(&id, Some(RevokeReason::CustomerGone), turn);
            self.forget_handover(&id, turn);
        }
    }

    /// After a change of the configuration: queues and agents may be gone.
    pub(super) fn reconsider_handovers(&mut self, turn: &mut Turn) {
        let ids: Vec<SessionId> = self.handovers.keys().cloned().collect();
        for id in ids {
            let Some(handover) = self.handovers.get(&id) else { continue };
            let Some((workgroup, queue)) = &handover.queue else { continue };
            let serving = self
                .routing(workgroup)
                .and_then(|routing| routing.queues.iter().find(|candidate| candidate.name == *queue));
            match (&handover.phase, serving) {
                (HandoverPhase::Offered { agent, .. }, Some(queue)) if !queue.serves(&agent.to_bare()) => {
                    self.withdraw_handover(&id, RevokeReason::Withdrawn, turn);
                }
                (HandoverPhase::Offered { .. } | HandoverPhase::Waiting, None) => {
                    self.take_handover_back(&id, Some(RevokeReason::Withdrawn), turn);
                    self.handover_failed(&id, HandoverFailure::NobodyFree, turn);
                }
                _ => {}
            }
        }
    }

    /// After a lost connection: an offer may not have arrived, so its agent may be asked once more, and a person is
    /// called once more. Nobody could come meanwhile, so whoever is expected has all the time again.
    pub(super) fn handovers_connected(&mut self, turn: &mut Turn) {
        let ids: Vec<SessionId> = self.handovers.keys().cloned().collect();
        for id in ids {
            let Some(handover) = self.handovers.get_mut(&id) else { continue };
            match &mut handover.phase {
                HandoverPhase::Offered { agent, .. } => {
                    handover.asked.remove(&agent.to_bare());
                    self.take_handover_back(&id, Some(RevokeReason::Withdrawn), turn);
                }
                HandoverPhase::Taken { deadline, .. } => {
                    *deadline = turn.now.plus(HANDOVER_MS);
                    turn.set(Timer::Enter { session: id.clone(), fence: handover.fence }, *deadline);
                    if handover.queue.is_none() {
                        turn.say(Decision::CallAgain { id });
                    }
                }
                HandoverPhase::Waiting => {}
            }
        }
    }

    /// The timers of handovers.
    pub(super) fn handover_timers(&self) -> impl Iterator<Item = (Timer, Timestamp)> {
        self.handovers.iter().flat_map(|(id, handover)| {
            let session = || id.clone();
            let request = (Timer::Request { session: session() }, handover.deadline);
            match &handover.phase {
                HandoverPhase::Waiting => vec![request],
                HandoverPhase::Offered { deadline, .. } => {
                    vec![request, (Timer::Offer { session: session(), fence: handover.fence }, *deadline)]
                }
                HandoverPhase::Taken { deadline, .. } => {
                    vec![(Timer::Enter { session: session(), fence: handover.fence }, *deadline)]
                }
            }
        })
    }

    /// Ends an open offer and frees its agent; the handover waits.
    fn take_handover_back(&mut self, id: &SessionId, revoke: Option<RevokeReason>, turn: &mut Turn) {
        let Some(handover) = self.handovers.get_mut(id) else { return };
        let HandoverPhase::Offered { agent, .. } = handover.phase.clone() else { return };
        handover.phase = HandoverPhase::Waiting;
        let fence = handover.fence;
        turn.cancel(Timer::Offer { session: id.clone(), fence });
        if let (Some(reason), Some((workgroup, _))) = (revoke, handover.queue.clone()) {
            let (id, request, agent) = (id.clone(), handover.request.clone(), agent.clone());
            turn.say(Decision::RevokeHandover { id, request, workgroup, agent, fence, reason });
        }
        self.touch();
        self.release(&agent.to_bare(), id, turn);
    }

    fn handover_failed(&mut self, id: &SessionId, reason: HandoverFailure, turn: &mut Turn) {
        if let Some(handover) = self.forget_handover(id, turn) {
            let session = handover.request.session.clone();
            turn.say(Decision::HandoverFailed { request: handover.request, reason });
            self.transfer_failed(&session, turn);
        }
    }

    fn forget_handover(&mut self, id: &SessionId, turn: &mut Turn) -> Option<Handover> {
        let handover = self.handovers.remove(id)?;
        self.touch();
        if let HandoverPhase::Taken { agent, .. } = &handover.phase
            && self.agents.get(agent).is_some_and(|state| state.chats.contains(id))
        {
            self.release(agent, id, turn);
        }
        turn.cancel(match handover.phase {
            HandoverPhase::Taken { .. } => Timer::Enter { session: id.clone(), fence: handover.fence },
            _ => Timer::Request { session: id.clone() },
        });
        Some(handover)
    }
}

impl Handover {
    fn is_offered_to(&self, client: &FullJid) -> bool {
        matches!(&self.phase, HandoverPhase::Offered { agent, .. } if agent == client)
    }
}
