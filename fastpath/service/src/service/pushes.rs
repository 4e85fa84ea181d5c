//! Queue pushes: places to customers, figures to agents. Changes are collected, so that a burst is told once.

use super::{Service, Wake};
use crate::xml::{ms, presence};
use flint_fastpath_protocol::{NotifyQueue, NotifyQueueDetails, QueueState, WaitingUser};
use flint_fastpath_routing::{SessionId, Timestamp, WorkgroupName, WorkgroupState};
use jid::{FullJid, Jid};
use std::collections::{BTreeMap, BTreeSet};

/// Shortest time between two pushes of one queue, in milliseconds.
const EVERY_MS: u64 = 250;
/// What each addressee adds to it, so that long queues and large teams don't multiply into a flood.
const PER_ADDRESSEE_MS: u64 = 2;

/// What was pushed when, and what is to be.
#[derive(Default)]
pub(super) struct Pushes {
    /// When the service was last configured or connected: the `lastModified` of its workgroups.
    pub(super) started: Timestamp,
    dirty: BTreeSet<(WorkgroupName, String)>,
    /// When each queue may be pushed again.
    next: BTreeMap<(WorkgroupName, String), Timestamp>,
}

impl Service {
    pub(super) fn queue_changed(&mut self, workgroup: WorkgroupName, queue: String) {
        self.pushes.dirty.insert((workgroup, queue));
    }

    pub(super) fn everything_changed(&mut self, now: Timestamp) {
        self.pushes.started = now;
        for workgroup in &self.config.workgroups {
            for queue in &workgroup.queues {
                self.pushes.dirty.insert((WorkgroupName(workgroup.name.clone()), queue.name.clone()));
            }
        }
    }

    /// At the end of a turn: pushes what may be pushed now and plans the rest.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        for key in std::mem::take(&mut self.pushes.dirty) {
            match self.pushes.next.get(&key).copied().filter(|at| *at > now) {
                Some(at) => {
                    let (workgroup, queue) = key;
                    self.set_timer(Wake::Push { workgroup, queue }, at);
                }
                None => self.push(&key.0, &key.1, now),
            }
        }
    }

    pub(super) fn push_due(&mut self, workgroup: &WorkgroupName, queue: &str, now: Timestamp) {
        self.push(workgroup, queue, now);
    }

    fn push(&mut self, workgroup: &WorkgroupName, queue: &str, now: Timestamp) {
        let Some(view) = self.router.queue(workgroup, queue, usize::MAX) else { return };
        let waiting: Vec<SessionId> = view.waiting.iter().map(|(session, ..)| (*session).clone()).collect();
        let mut addressees = waiting.len();
        for (index, session) in waiting.iter().enumerate() {
            self.tell_position(session, index as u32 + 1);
        }
        let agents: Vec<FullJid> = self
            .router
            .agents_in(workgroup)
            .into_iter()
            .filter(|agent| self.serves(workgroup, queue, agent.client))
            .map(|agent| agent.client.clone())
            .collect();
        addressees += agents.len();
        for agent in &agents {
            self.send_queue(workgroup, queue, agent);
        }
        let pause = EVERY_MS + PER_ADDRESSEE_MS * addressees as u64;
        self.pushes.next.insert((workgroup.clone(), queue.to_owned()), now.plus(pause));
    }

    fn serves(&self, workgroup: &WorkgroupName, queue: &str, client: &FullJid) -> bool {
        self.config
            .workgroup(&workgroup.0)
            .and_then(|config| config.queues.iter().find(|candidate| candidate.name == queue))
            .is_some_and(|queue| queue.agents.contains(&client.to_bare()))
    }

    /// What an agent sees on joining, which is also the acknowledgement that Spark waits for.
    pub(super) fn welcome(&mut self, agent: &FullJid, workgroup: &str) {
        let name = WorkgroupName(workgroup.to_owned());
        let Some(config) = self.config.workgroup(workgroup) else { return };
        let queues: Vec<String> = config.queues.iter().map(|queue| queue.name.clone()).collect();
        for queue in queues {
            if self.serves(&name, &queue, agent) {
                self.send_queue(&name, &queue, agent);
            }
        }
    }

    /// `notify-queue` and `notify-queue-details`, the latter with at most so many customers as the configuration says.
    fn send_queue(&mut self, workgroup: &WorkgroupName, queue: &str, to: &FullJid) {
        let limit = self.config.details_limit as usize;
        let Some(view) = self.router.queue(workgroup, queue, limit) else { return };
        let Some(from) = self.address(&workgroup.0).and_then(|bare| bare.with_resource_str(queue).ok())
        else {
            return;
        };
        let open = self.router.workgroup_state(workgroup) == Some(WorkgroupState::Open);
        // Smack knows no `ready`.
        let state = match (open, view.count) {
            (true, _) => QueueState::Open,
            (false, 0) => QueueState::Closed,
            (false, _) => QueueState::Active,
        };
        let seconds = |ms: u64| Some(u32::try_from(ms / 1_000).unwrap_or(u32::MAX));
        let figures = NotifyQueue {
            count: view.count,
            oldest: view.oldest.map(ms),
            time_s: seconds(view.average_wait_ms),
            state,
        };
        let users = view.waiting.iter().zip(0_u32..).map(|((_, client, joined), position)| WaitingUser {
            jid: Jid::from((*client).clone()),
            position,
            time_s: seconds((u64::from(position) + 1) * view.per_place_ms),
            joined: Some(ms(*joined)),
        });
        let details = NotifyQueueDetails { users: users.collect() };
        let kind = (!open).then_some("unavailable");
        let stanzas = [figures.element(), details.element()]
            .map(|child| presence(from.as_str(), to.as_str(), kind).child(child).build());
        self.out.extend(stanzas);
    }
}
