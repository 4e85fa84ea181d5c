//! Arbitrary histories, with duplicates, forgeries and crashes, against what must always hold.

use super::*;
use crate::event::{HandoverRequest, HandoverTarget, Words};
use crate::router::handovers::HandoverPhase;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Debug, Clone)]
enum Step {
    Join {
        who: usize,
        group: usize,
        priority: i32,
        router: bool,
    },
    Depart {
        session: usize,
    },
    Vanish {
        session: usize,
    },
    Online {
        who: usize,
        phone: bool,
        group: usize,
        available: bool,
        max: Option<u32>,
    },
    Gone {
        who: usize,
        phone: bool,
        group: Option<usize>,
    },
    Alive {
        who: usize,
        phone: bool,
    },
    /// By the addressee if `right`, else by whoever.
    Accept {
        session: usize,
        right: bool,
        who: usize,
        fence: Option<u32>,
    },
    Decline {
        session: usize,
        right: bool,
        who: usize,
        fence: Option<u32>,
    },
    Seen {
        session: usize,
    },
    Enter {
        session: usize,
        right: bool,
        who: usize,
    },
    LeaveRoom {
        session: usize,
        right: bool,
        who: usize,
    },
    CustomerEnters {
        session: usize,
    },
    CustomerLeaves {
        session: usize,
    },
    RoomFails {
        session: usize,
    },
    RoomRenewed {
        session: usize,
    },
    /// By the holder if `right`, to a person or a workgroup.
    HandOver {
        session: usize,
        right: bool,
        who: usize,
        transfer: bool,
        person: Option<usize>,
        group: usize,
    },
    /// The addressee of a handover if `right` accepts, declines or comes into the room.
    Answer {
        handover: usize,
        right: bool,
        who: usize,
        answer: usize,
    },
    Pass {
        ms: u64,
    },
    Forged {
        session: usize,
        fence: u32,
    },
    Connected,
    Configure {
        variant: usize,
    },
    /// The process dies and reads its journal.
    Crash,
}

const AGENTS: [&str; 4] = ["ann", "bob", "cleo", "dan"];
const GROUPS: [&str; 2] = ["support", "sales"];

fn step() -> impl Strategy<Value = Step> {
    let s = 0..8usize;
    let a = 0..4usize;
    let g = 0..2usize;
    let fence = proptest::option::weighted(0.3, 1..4u32);
    prop_oneof![
        8 => (0..8usize, g.clone(), prop_oneof![4 => Just(0), 1 => -1..3i32], any::<bool>())
            .prop_map(|(who, group, priority, router)| Step::Join { who, group, priority, router }),
        1 => s.clone().prop_map(|session| Step::Depart { session }),
        1 => s.clone().prop_map(|session| Step::Vanish { session }),
        6 => (a.clone(), prop::bool::weighted(0.1), g.clone(), prop::bool::weighted(0.8), proptest::option::of(0..5u32))
            .prop_map(|(who, phone, group, available, max)| Step::Online { who, phone, group, available, max }),
        1 => (a.clone(), prop::bool::weighted(0.1), proptest::option::of(g.clone()))
            .prop_map(|(who, phone, group)| Step::Gone { who, phone, group }),
        2 => (a.clone(), prop::bool::weighted(0.1)).prop_map(|(who, phone)| Step::Alive { who, phone }),
        6 => (s.clone(), prop::bool::weighted(0.8), a.clone(), fence.clone())
            .prop_map(|(session, right, who, fence)| Step::Accept { session, right, who, fence }),
        3 => (s.clone(), prop::bool::weighted(0.8), a.clone(), fence)
            .prop_map(|(session, right, who, fence)| Step::Decline { session, right, who, fence }),
        1 => s.clone().prop_map(|session| Step::Seen { session }),
        5 => (s.clone(), prop::bool::weighted(0.9), a.clone())
            .prop_map(|(session, right, who)| Step::Enter { session, right, who }),
        4 => (s.clone(), prop::bool::weighted(0.9), a.clone())
            .prop_map(|(session, right, who)| Step::LeaveRoom { session, right, who }),
        2 => s.clone().prop_map(|session| Step::CustomerEnters { session }),
        2 => s.clone().prop_map(|session| Step::CustomerLeaves { session }),
        1 => s.clone().prop_map(|session| Step::RoomFails { session }),
        1 => s.clone().prop_map(|session| Step::RoomRenewed { session }),
        4 => (s.clone(), prop::bool::weighted(0.9), a.clone(), prop::bool::weighted(0.7),
            proptest::option::weighted(0.3, a.clone()), g.clone())
            .prop_map(|(session, right, who, transfer, person, group)|
                Step::HandOver { session, right, who, transfer, person, group }),
        6 => (0..4usize, prop::bool::weighted(0.9), a.clone(), 0..3usize)
            .prop_map(|(handover, right, who, answer)| Step::Answer { handover, right, who, answer }),
        4 => prop_oneof![Just(0), Just(500), Just(2_000), Just(20_000), Just(70_000), 0..30_000u64]
            .prop_map(|ms| Step::Pass { ms }),
        1 => (s, 0..4u32).prop_map(|(session, fence)| Step::Forged { session, fence }),
        1 => Just(Step::Connected),
        1 => (0..3usize).prop_map(|variant| Step::Configure { variant }),
        1 => Just(Step::Crash),
    ]
}

fn variant(number: usize) -> RoutingConfig {
    let mut config = config();
    match number {
        0 => {}
        1 => {
            config.workgroups[0].queues.pop();
            config.workgroups[0].request_timeout_ms = 30_000;
            config.offers_per_agent = 2;
        }
        _ => {
            config.workgroups.pop();
        }
    }
    config
}

/// What an outside observer has seen.
#[derive(Default)]
struct Seen {
    joined: BTreeSet<SessionId>,
    ended: BTreeSet<SessionId>,
    /// Open offers: visit → addressee, number.
    offered: BTreeMap<SessionId, (FullJid, u32)>,
    fences: BTreeMap<SessionId, u32>,
}

struct World {
    desk: Desk,
    seen: Seen,
    names: Vec<String>,
    handovers: u32,
}

impl World {
    fn session(&self, index: usize) -> SessionId {
        // From the end, so that most steps concern the newest visits.
        let count = self.names.len();
        if index < count { id(&self.names[count - 1 - index]) } else { id("nosuch") }
    }

    fn new() -> Self {
        Self { desk: Desk::new(config()), seen: Seen::default(), names: Vec::new(), handovers: 0 }
    }

    /// From the end, as the visits are.
    fn handover(&self, index: usize) -> SessionId {
        id(&format!("h{}", i64::from(self.handovers) - index as i64))
    }

    /// What the addressee of a handover does, or somebody else.
    fn answer(&self, handover: usize, right: bool, who: usize, answer: usize) -> Event {
        let session = self.handover(handover);
        let known = self.desk.router.handover(&session);
        let addressee = known.and_then(|it| match &it.phase {
            HandoverPhase::Waiting => None,
            HandoverPhase::Offered { agent, .. } => Some(agent.clone()),
            HandoverPhase::Taken { agent: taker, .. } => Some(agent(taker.node().unwrap().as_str())),
        });
        let agent = addressee.filter(|_| right).unwrap_or_else(|| agent(AGENTS[who]));
        match answer {
            0 => Event::OfferAccepted { session, agent, fence: None },
            1 => Event::OfferDeclined { session, agent, fence: None },
            _ => {
                let session = known.map_or_else(|| id("nosuch"), |it| it.request.session.clone());
                Event::AgentEntered { session, agent }
            }
        }
    }

    /// The addressee or holder if there is one and it is wanted.
    fn somebody(&self, session: &SessionId, right: bool, who: usize) -> FullJid {
        let holder = self.desk.router.customer(session).and_then(|view| match view.phase {
            Phase::Waiting => None,
            Phase::Offered { agent, .. } | Phase::Reserved { agent, .. } | Phase::Active { agent, .. } => {
                Some(agent.clone())
            }
        });
        holder.filter(|_| right).unwrap_or_else(|| agent(AGENTS[who]))
    }

    fn take(&mut self, step: Step) {
        let client =
            |who: usize, phone: bool| agent(&format!("{}{}", AGENTS[who], if phone { "/phone" } else { "" }));
        let event = match step {
            Step::Join { who, group, priority, router } => {
                self.names.push(format!("s{}", self.names.len()));
                let product = if router { "router" } else { "phone" };
                Event::CustomerJoined {
                    session: self.session(0),
                    workgroup: name(GROUPS[group]),
                    customer: customer(&format!("c{who}")),
                    user: None,
                    priority,
                    answers: Answers(vec![("product".to_owned(), vec![product.to_owned()])]),
                }
            }
            Step::Depart { session } => Event::CustomerDeparted { session: self.session(session) },
            Step::Vanish { session } => Event::CustomerVanished { session: self.session(session) },
            Step::Online { who, phone, group, available, max } => Event::AgentUpdated {
                agent: client(who, phone),
                workgroup: name(GROUPS[group]),
                available,
                max_chats: max,
            },
            Step::Gone { who, phone, group } => Event::AgentGone {
                agent: client(who, phone),
                workgroup: group.map(|group| name(GROUPS[group])),
            },
            Step::Alive { who, phone } => Event::AgentAlive { agent: client(who, phone) },
            Step::Accept { session, right, who, fence } => {
                let session = self.session(session);
                Event::OfferAccepted { agent: self.somebody(&session, right, who), session, fence }
            }
            Step::Decline { session, right, who, fence } => {
                let session = self.session(session);
                Event::OfferDeclined { agent: self.somebody(&session, right, who), session, fence }
            }
            Step::Seen { session } => {
                let session = self.session(session);
                Event::OfferSeen { agent: self.somebody(&session, true, 0), session }
            }
            Step::Enter { session, right, who } => {
                let session = self.session(session);
                Event::AgentEntered { agent: self.somebody(&session, right, who), session }
            }
            Step::LeaveRoom { session, right, who } => {
                let session = self.session(session);
                Event::AgentLeftRoom { agent: self.somebody(&session, right, who), session }
            }
            Step::CustomerEnters { session } => Event::CustomerEntered { session: self.session(session) },
            Step::CustomerLeaves { session } => Event::CustomerLeftRoom { session: self.session(session) },
            Step::RoomFails { session } => Event::RoomLost { session: self.session(session) },
            Step::RoomRenewed { session } => Event::RoomRenewed { session: self.session(session) },
            Step::HandOver { session, right, who, transfer, person, group } => {
                self.handovers += 1;
                let session = self.session(session);
                let workgroup = name(GROUPS[group]);
                let target = match person {
                    Some(person) => HandoverTarget::Person { agent: agent(AGENTS[person]).to_bare() },
                    None => HandoverTarget::Workgroup { workgroup },
                };
                let inviter = self.somebody(&session, right, who);
                let reason = Words(String::new());
                Event::HandoverAsked {
                    id: self.handover(0),
                    request: HandoverRequest { session, inviter, target, transfer, reason },
                }
            }
            Step::Answer { handover, right, who, answer } => self.answer(handover, right, who, answer),
            Step::Pass { ms } => return self.pass(ms),
            Step::Forged { session, fence } => {
                Event::TimerFired { timer: Timer::Offer { session: self.session(session), fence } }
            }
            Step::Connected => Event::Connected,
            Step::Configure { variant: number } => Event::Configured { config: variant(number) },
            Step::Crash => return self.crash(),
        };
        self.tell(event);
    }

    fn pass(&mut self, ms: u64) {
        let end = self.desk.now.plus(ms);
        loop {
            let next = self.desk.timers.iter().map(|(timer, at)| (*at, timer.clone())).min();
            let Some((at, timer)) = next.filter(|(at, _)| *at <= end) else { break };
            self.desk.now = self.desk.now.max(at);
            self.desk.timers.remove(&timer);
            self.tell(Event::TimerFired { timer });
        }
        self.desk.now = end;
    }

    /// Only the journal's text survives; the timers are armed from it.
    fn crash(&mut self) {
        let text = serde_json::to_string(&self.desk.journal).unwrap();
        let records: Vec<Record> = serde_json::from_str(&text).unwrap();
        let router = Router::new().replay(&records);
        assert_eq!(router, self.desk.router, "replay differs");
        let snapshot: Router = serde_json::from_str(&serde_json::to_string(&router).unwrap()).unwrap();
        assert_eq!(snapshot, router, "snapshot differs");
        self.desk.router = snapshot;
        self.desk.timers = self.desk.router.timers().into_iter().collect();
        self.tell(Event::Connected);
    }

    fn tell(&mut self, event: Event) {
        let at = self.desk.router.clamp(self.desk.now);
        let wants_reply = matches!(
            event,
            Event::CustomerJoined { .. }
                | Event::CustomerDeparted { .. }
                | Event::AgentUpdated { .. }
                | Event::OfferAccepted { .. }
                | Event::OfferDeclined { .. }
                | Event::HandoverAsked { .. }
        );
        let accepted = if let Event::OfferAccepted { session, agent, .. } = &event {
            Some((session.clone(), agent.clone()))
        } else {
            None
        };
        let declined =
            if let Event::OfferDeclined { session, .. } = &event { Some(session.clone()) } else { None };
        let entered =
            if let Event::AgentEntered { session, .. } = &event { Some(session.clone()) } else { None };
        let came = entered.is_some();
        if let Event::CustomerJoined { session, .. } = &event {
            let session = session.clone();
            let decisions = self.desk.tell(event);
            if matches!(reply(&decisions), Reply::Joined { .. }) {
                self.seen.joined.insert(session);
            }
            return self.observe(&decisions, at);
        }
        let decisions = self.desk.tell(event);
        if wants_reply {
            reply(&decisions);
        }
        if let Some((session, agent)) = accepted
            && *reply(&decisions) == Reply::Accepted
            && let Some((addressee, _)) = self.seen.offered.remove(&session)
        {
            assert_eq!(addressee, agent, "somebody else took an open offer");
        }
        if let Some(session) = declined
            && *reply(&decisions) == Reply::Declined
        {
            self.seen.offered.remove(&session).expect("a declined offer was open");
        }
        if let Some(session) = entered
            && matches!(self.desk.phase(&session.0), Some(Phase::Active { .. }))
        {
            self.seen.offered.remove(&session);
        }
        if came {
            let router = &self.desk.router;
            let open = |id: &SessionId| router.customers.contains_key(id) || router.handover(id).is_some();
            self.seen.offered.retain(|id, _| open(id));
        }
        self.observe(&decisions, at);
    }

    fn observe(&mut self, decisions: &[Decision], now: Timestamp) {
        for decision in decisions {
            match decision {
                Decision::Offer { session, agent, fence, deadline } => {
                    let old = self.seen.offered.insert(session.clone(), (agent.clone(), *fence));
                    assert_eq!(old, None, "{session} is offered twice");
                    let last = self.seen.fences.insert(session.clone(), *fence).unwrap_or(0);
                    assert!(*fence > last, "an old number");
                    assert!(*deadline >= now);
                }
                Decision::Revoke { session, agent, fence, .. } => {
                    if let Some(open) = self.seen.offered.remove(session) {
                        assert_eq!(open, (agent.clone(), *fence), "the wrong offer is withdrawn");
                    }
                }
                Decision::RevokeHandover { id, agent, fence, .. } => {
                    let open = self.seen.offered.remove(id);
                    assert!(open.is_none_or(|open| open == (agent.clone(), *fence)), "the wrong handover");
                }
                Decision::Ended { session, .. } => {
                    assert!(self.seen.ended.insert(session.clone()), "{session} ended twice");
                    assert!(!self.seen.offered.contains_key(session));
                }
                _ => {}
            }
        }
        self.check(decisions);
    }

    fn check(&self, decisions: &[Decision]) {
        let router = &self.desk.router;
        // Nobody who joined is lost, nobody appears from nowhere.
        let alive: BTreeSet<_> = router.sessions().cloned().collect();
        let expected: BTreeSet<_> = self.seen.joined.difference(&self.seen.ended).cloned().collect();
        assert_eq!(alive, expected);
        // The timers that were announced are those that a restart would arm.
        let timers: BTreeMap<_, _> = router.timers().into_iter().collect();
        assert_eq!(timers, self.desk.timers);
        // The offers that were announced are those that are open.
        let mut holders: BTreeMap<BareJid, (u32, u32)> = BTreeMap::new();
        for session in &alive {
            let customer = &router.customers[session];
            let in_line = router
                .lines
                .get(&customer.workgroup)
                .and_then(|lines| lines.get(&customer.queue))
                .is_some_and(|line| line.order.contains(&customer.place));
            let queued = matches!(customer.phase, Phase::Waiting | Phase::Offered { .. });
            assert_eq!(in_line, queued, "{session} {:?}", customer.phase);
            match &customer.phase {
                Phase::Waiting => assert!(!self.seen.offered.contains_key(session)),
                Phase::Offered { agent, fence, .. } => {
                    assert_eq!(self.seen.offered.get(session), Some(&(agent.clone(), *fence)));
                    let state = &router.agents[&agent.to_bare()];
                    assert!(
                        state.offered.contains(session) && state.joined.contains_key(&customer.workgroup)
                    );
                    assert_eq!(state.client, *agent);
                    holders.entry(agent.to_bare()).or_default().0 += 1;
                }
                Phase::Reserved { agent, .. } | Phase::Active { agent, .. } => {
                    assert!(!self.seen.offered.contains_key(session));
                    holders.entry(agent.to_bare()).or_default().1 += 1;
                    {
                        let state = &router.agents[&agent.to_bare()];
                        assert!(state.chats.contains(session));
                    }
                }
            }
        }
        for (id, handover) in &router.handovers {
            let customer = router.customers.get(&handover.request.session);
            assert!(
                matches!(customer.map(|it| &it.phase), Some(Phase::Active { .. } | Phase::Reserved { .. })),
                "{id} would bring a second agent to a customer that nobody has: {customer:?}"
            );
            match &handover.phase {
                HandoverPhase::Offered { agent, .. } => {
                    assert_eq!(self.seen.offered.get(id), Some(&(agent.clone(), handover.fence)));
                    assert!(router.agents[&agent.to_bare()].offered.contains(id));
                    holders.entry(agent.to_bare()).or_default().0 += 1;
                }
                HandoverPhase::Taken { agent, .. } => {
                    // A person who was invited has promised nothing.
                    assert!(!self.seen.offered.contains_key(id));
                    if handover.queue.is_some() {
                        holders.entry(agent.clone()).or_default().1 += 1;
                    }
                }
                HandoverPhase::Waiting => assert!(!self.seen.offered.contains_key(id)),
            }
        }
        assert!(
            self.seen.offered.keys().all(|id| alive.contains(id) || router.handover(id).is_some()),
            "an offer of what is over"
        );
        let lines: usize =
            router.lines.values().flat_map(BTreeMap::values).map(|line| line.order.len()).sum();
        let waiting = router
            .customers
            .values()
            .filter(|customer| matches!(customer.phase, Phase::Waiting | Phase::Offered { .. }))
            .count();
        assert_eq!(lines, waiting);
        for (agent, state) in &router.agents {
            let (offered, chats) = holders.get(agent).copied().unwrap_or_default();
            assert_eq!((state.offered.len() as u32, state.chats.len() as u32), (offered, chats), "{agent}");
            // With a limit that was lowered meanwhile the offers that are out stay out, so only new ones count.
            if decisions
                .iter()
                .any(|it| matches!(it, Decision::Offer { agent: to, .. } if to.to_bare() == *agent))
            {
                assert!(offered <= router.config.offers_per_agent, "{agent} has {offered} offers");
                let limit = state.joined.values().map(|joined| joined.max_chats).max().unwrap_or(0);
                assert!(state.load() as u32 <= limit, "{agent} is over the limit");
            }
        }
        self.check_order(decisions);
    }

    /// No free agent while somebody waits whom it may be asked to take; and whoever was offered was the first of
    /// those whom that agent could take.
    fn check_order(&self, decisions: &[Decision]) {
        let router = &self.desk.router;
        let eligible = |agent: &BareJid, customer: &crate::router::Customer| {
            router
                .routing(&customer.workgroup)
                .and_then(|routing| routing.queues.iter().find(|queue| queue.name == customer.queue))
                .is_some_and(|queue| queue.serves(agent))
                && !customer.pauses.contains_key(agent)
        };
        for customer in router.customers.values().filter(|customer| customer.phase == Phase::Waiting) {
            for agent in router.agents.keys() {
                let free = router.is_free(agent, &customer.workgroup);
                assert!(!(free && eligible(agent, customer)), "{agent} is free and {customer:?} waits");
            }
        }
        for decision in decisions {
            let Decision::Offer { session, agent, .. } = decision else { continue };
            let Some(offered) = router.customers.get(session) else { continue };
            if !matches!(offered.phase, Phase::Offered { .. }) {
                continue;
            }
            let agent = agent.to_bare();
            for other in router.customers.values().filter(|other| other.phase == Phase::Waiting) {
                let same = other.workgroup == offered.workgroup;
                let earlier = other.place < offered.place;
                assert!(
                    !(same && earlier && eligible(&agent, other)),
                    "{other:?} was passed over for {session}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_keeps_the_promises(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for who in AGENTS {
            for group in GROUPS {
                world.desk.online(who, group, 2);
            }
        }
        for step in steps {
            world.take(step);
        }
        world.crash();
    }

    #[test]
    fn every_prefix_of_the_journal_is_a_state(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        let mut router = Router::new();
        for (count, record) in world.desk.journal.iter().enumerate() {
            prop_assert_eq!(&Router::new().replay(&world.desk.journal[..count]), &router);
            router.handle(record.event.clone(), record.at);
        }
        prop_assert_eq!(router, world.desk.router);
    }
}
