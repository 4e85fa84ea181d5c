//! Who is offered to whom.

use super::{Agent, Phase, Place, Router, Turn};
use crate::event::{SessionId, WorkgroupName};
use jid::BareJid;
use std::collections::BTreeSet;

impl Router {
    /// Offers waiting customers of these queues to free agents, in the order of their places over all the queues, so
    /// that an agent of several queues gets whoever has waited longest.
    pub(super) fn dispatch(&mut self, queues: &BTreeSet<(WorkgroupName, String)>, turn: &mut Turn) {
        let mut fronts: Vec<Front> = Vec::new();
        for (workgroup, queue) in queues {
            let Some(routing) = self.routing(workgroup) else { continue };
            let Some(queue) = routing.queues.iter().find(|candidate| candidate.name == *queue) else {
                continue;
            };
            let free: Vec<BareJid> =
                queue.agents.iter().filter(|agent| self.is_free(agent, workgroup)).cloned().collect();
            if !free.is_empty() {
                let mut front = Front {
                    workgroup: workgroup.clone(),
                    queue: queue.name.clone(),
                    free,
                    next: None,
                    done: false,
                };
                front.advance(self);
                fronts.push(front);
            }
        }
        loop {
            fronts.retain(|front| front.next.is_some() && !front.free.is_empty());
            let Some(front) = fronts.iter_mut().min_by(|a, b| a.next.cmp(&b.next)) else { return };
            let Some(session) = front.next.as_ref().map(|place| place.session.clone()) else { return };
            let best = self.best_agent(&session, &front.free);
            front.advance(self);
            let Some(agent) = best else { continue };
            let workgroup = front.workgroup.clone();
            self.offer(&session, &agent, turn);
            // An agent may serve several of these queues, and may have room for more than one offer.
            for front in &mut fronts {
                if !self.is_free(&agent, &front.workgroup) {
                    front.free.retain(|candidate| *candidate != agent);
                }
            }
            debug_assert!(self.agents.get(&agent).is_some_and(|state| state.joined.contains_key(&workgroup)));
        }
    }

    /// The least busy of these agents who may be asked, then the one who has been idle longest.
    fn best_agent(&self, session: &SessionId, free: &[BareJid]) -> Option<BareJid> {
        let customer = self.customers.get(session)?;
        free.iter()
            .filter(|agent| !customer.pauses.contains_key(*agent))
            .filter_map(|agent| self.agents.get(agent).map(|state| (agent, state)))
            .min_by_key(|(agent, state)| (state.load(), state.idle_since, (*agent).clone()))
            .map(|(agent, _)| agent.clone())
    }

    /// This agent may get one more offer from this workgroup.
    pub(super) fn is_free(&self, agent: &BareJid, workgroup: &WorkgroupName) -> bool {
        let Some(state) = self.agents.get(agent) else { return false };
        let Some(joined) = state.joined.get(workgroup) else { return false };
        joined.available
            && state.alive_deadline.is_none()
            && state.offered.len() < self.config.offers_per_agent.max(1) as usize
            && state.load() < joined.max_chats as usize
    }
}

impl Agent {
    /// Customers that this agent has, or is being asked to take.
    pub(super) fn load(&self) -> usize {
        self.chats.len() + self.offered.len()
    }
}

/// How far the dispatch has come in one queue.
struct Front {
    workgroup: WorkgroupName,
    queue: String,
    free: Vec<BareJid>,
    /// The first waiting customer that was not looked at.
    next: Option<Place>,
    done: bool,
}

impl Front {
    fn advance(&mut self, router: &Router) {
        if self.done {
            return;
        }
        let line = router.lines.get(&self.workgroup).and_then(|lines| lines.get(&self.queue));
        let waiting = |place: &&Place| {
            router.customers.get(&place.session).is_some_and(|customer| customer.phase == Phase::Waiting)
        };
        let found = line.and_then(|line| match &self.next {
            None => line.order.iter().find(waiting),
            Some(last) => {
                use std::ops::Bound::{Excluded, Unbounded};
                line.order.range((Excluded(last), Unbounded)).find(waiting)
            }
        });
        self.next = found.cloned();
        self.done = self.next.is_none();
    }
}
