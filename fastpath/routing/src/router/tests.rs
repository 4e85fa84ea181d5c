//! A desk in virtual time: scenarios by hand in `scenarios` and `handovers`, old journals in `journals`, arbitrary histories against a reference in `model`.

mod handovers;
mod journals;
mod model;
mod scenarios;

use super::{Phase, Router};
use crate::config::{Condition, QueueRouting, RoutingConfig, WorkgroupRouting};
use crate::decision::{Decision, Reply};
use crate::event::{Answers, Event, Record, SessionId, Timer, Timestamp, WorkgroupName};
use jid::{BareJid, FullJid};
use std::collections::BTreeMap;

/// The router with the parts that a service has: a clock, timers, a journal.
struct Desk {
    router: Router,
    now: Timestamp,
    timers: BTreeMap<Timer, Timestamp>,
    journal: Vec<Record>,
    joins: u32,
}

fn name(workgroup: &str) -> WorkgroupName {
    WorkgroupName(workgroup.to_owned())
}

fn id(session: &str) -> SessionId {
    SessionId(session.to_owned())
}

fn agent(text: &str) -> FullJid {
    let (local, resource) = text.split_once('/').unwrap_or((text, "desk"));
    FullJid::new(&format!("{local}@example.test/{resource}")).unwrap()
}

fn customer(local: &str) -> FullJid {
    FullJid::new(&format!("{local}@visitors.test/home")).unwrap()
}

fn queue(name: &str, agents: &[&str]) -> QueueRouting {
    let agents = agents.iter().map(|local| BareJid::new(&format!("{local}@example.test")).unwrap()).collect();
    QueueRouting { name: name.to_owned(), agents, when: Vec::new() }
}

fn workgroup(text: &str, queues: Vec<QueueRouting>) -> WorkgroupRouting {
    WorkgroupRouting {
        name: name(text),
        open: true,
        offer_timeout_ms: 20_000,
        request_timeout_ms: 0,
        decline_pause_ms: 20_000,
        enter_timeout_ms: 60_000,
        max_chats: 4,
        max_chats_cap: 10,
        max_waiting: 1_000,
        queues,
    }
}

/// Two workgroups: `support` with a general queue of ann and bob and one for routers of bob and cleo, and `sales` of
/// cleo and dan.
fn config() -> RoutingConfig {
    let mut routers = queue("Routers", &["bob", "cleo"]);
    routers.when = vec![Condition { field: "product".to_owned(), value: "router".to_owned() }];
    RoutingConfig {
        workgroups: vec![
            workgroup("support", vec![queue("General", &["ann", "bob"]), routers]),
            workgroup("sales", vec![queue("Default Queue", &["cleo", "dan"])]),
        ],
        offers_per_agent: 1,
    }
}

impl Desk {
    fn new(config: RoutingConfig) -> Self {
        let now = Timestamp(1_795_423_277_000);
        let mut desk =
            Self { router: Router::new(), now, timers: BTreeMap::new(), journal: Vec::new(), joins: 0 };
        desk.tell(Event::Configured { config });
        desk
    }

    /// One event; its effects on timers and journal are carried out and the rest of the decisions returned.
    fn tell(&mut self, event: Event) -> Vec<Decision> {
        let before = self.router.clone();
        let at = self.router.clamp(self.now);
        let decisions = self.router.handle(event.clone(), self.now);
        if self.router.revision() == before.revision() {
            assert_eq!(self.router, before, "a change without a new revision, by {event:?}");
        } else {
            self.journal.push(Record { at, event });
        }
        for decision in &decisions {
            match decision {
                Decision::SetTimer { timer, at } => {
                    self.timers.insert(timer.clone(), *at);
                }
                Decision::CancelTimer { timer } => {
                    self.timers.remove(timer);
                }
                _ => {}
            }
        }
        decisions
            .into_iter()
            .filter(|it| !matches!(it, Decision::SetTimer { .. } | Decision::CancelTimer { .. }))
            .collect()
    }

    /// Time passes; timers fire in order.
    fn pass(&mut self, ms: u64) -> Vec<Decision> {
        let end = self.now.plus(ms);
        let mut decisions = Vec::new();
        loop {
            let next = self.timers.iter().map(|(timer, at)| (*at, timer.clone())).min();
            let Some((at, timer)) = next.filter(|(at, _)| *at <= end) else { break };
            self.now = self.now.max(at);
            self.timers.remove(&timer);
            decisions.extend(self.tell(Event::TimerFired { timer }));
        }
        self.now = end;
        decisions
    }

    fn online(&mut self, who: &str, group: &str, max: u32) -> Vec<Decision> {
        let workgroup = name(group);
        self.tell(Event::AgentUpdated { agent: agent(who), workgroup, available: true, max_chats: Some(max) })
    }

    fn join(&mut self, who: &str, group: &str) -> Vec<Decision> {
        self.join_with(who, group, 0, &[])
    }

    fn join_with(
        &mut self,
        who: &str,
        group: &str,
        priority: i32,
        answers: &[(&str, &str)],
    ) -> Vec<Decision> {
        self.joins += 1;
        let answers =
            answers.iter().map(|(field, value)| ((*field).to_owned(), vec![(*value).to_owned()])).collect();
        self.tell(Event::CustomerJoined {
            session: id(&format!("{who}{}", self.joins)),
            workgroup: name(group),
            customer: customer(who),
            user: None,
            priority,
            answers: Answers(answers),
        })
    }

    fn accept(&mut self, session: &str, who: &str) -> Vec<Decision> {
        self.tell(Event::OfferAccepted { session: id(session), agent: agent(who), fence: None })
    }

    /// Accepts and enters the room.
    fn begin(&mut self, session: &str, who: &str) {
        assert!(self.accept(session, who).contains(&Decision::Reply(Reply::Accepted)));
        self.tell(Event::AgentEntered { session: id(session), agent: agent(who) });
        self.tell(Event::CustomerEntered { session: id(session) });
    }

    fn phase(&self, session: &str) -> Option<Phase> {
        self.router.customer(&id(session)).map(|view| view.phase.clone())
    }
}

/// Offers among the decisions: (session, agent's localpart/resource).
fn offers(decisions: &[Decision]) -> Vec<(String, String)> {
    decisions
        .iter()
        .filter_map(|decision| match decision {
            Decision::Offer { session, agent, .. } => {
                Some((session.0.clone(), format!("{}/{}", agent.node().unwrap(), agent.resource())))
            }
            _ => None,
        })
        .collect()
}

fn reply(decisions: &[Decision]) -> &Reply {
    let replies: Vec<_> = decisions
        .iter()
        .filter_map(|it| if let Decision::Reply(reply) = it { Some(reply) } else { None })
        .collect();
    assert_eq!(replies.len(), 1, "exactly one reply in {decisions:?}");
    replies[0]
}

fn to(session: &str, who: &str) -> Vec<(String, String)> {
    vec![(session.to_owned(), format!("{who}/desk"))]
}
