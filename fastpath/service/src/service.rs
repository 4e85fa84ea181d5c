//! The service itself: stanzas in, stanzas and journal records out. It does no I/O; [`crate::run`] does.

mod agents;
mod customers;
mod decide;
mod discovery;
mod handovers;
mod history;
mod invitations;
mod presence;
mod pushes;
mod requests;
pub(crate) mod room;
mod tools;

use crate::config::{ServiceConfig, WorkgroupConfig};
use crate::journal::{JournalRecord, SessionSummary, Snapshot};
use crate::metrics::Metrics;
use crate::run::Surroundings;
use crate::xml::{CLIENT, Condition, Request, el};
use flint_fastpath_protocol::Malformed;
use flint_fastpath_routing::{
    Decision, Event, Record, Reply, Router, SessionId, Timer, Timestamp, WorkgroupName,
};
use jid::{BareJid, FullJid, Jid};
use minidom::Element;
use room::Room;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub(crate) use history::{Answer, Kind, MAX_LINES, Query};

/// Presences of strangers that are remembered per workgroup.
const MAX_WATCHERS: usize = 10_000;
/// Durable subscribers per workgroup.
const MAX_SUBSCRIBERS: usize = 10_000;
/// Pings that may be open.
const MAX_PINGS: usize = 20_000;
/// Largest stanza that is sent, in bytes: Prosody ends the stream of a component that sends more than 512 KiB
/// (`component_stanza_size_limit`), and then nobody is served.
const MAX_STANZA: usize = 400_000;
/// For how long after a connection is up customers may still be on their way back, in milliseconds: when the server was
/// restarted, their clients connect again as we do, and none of them has left.
const GRACE_MS: u64 = 30_000;
/// How often waiting customers are asked whether they are still there, in milliseconds.
const PING_EVERY_MS: u64 = 60_000;

/// The state of the service. Everything durable is in `router` and `subscribers`.
pub(crate) struct Service {
    config: ServiceConfig,
    router: Router,
    subscribers: BTreeMap<String, BTreeSet<BareJid>>,
    visits: BTreeMap<SessionId, Visit>,
    rooms: BTreeMap<SessionId, Room>,
    /// Who sent presence to a workgroup without being an agent: told when it opens or closes.
    watchers: BTreeMap<String, BTreeSet<FullJid>>,
    deadlines: BTreeSet<(Timestamp, Wake)>,
    timers: BTreeMap<Wake, Timestamp>,
    pings: BTreeMap<String, Pinged>,
    /// Until when nobody counts as gone because a stanza came back.
    grace: Timestamp,
    /// The connection was away for a moment only.
    blinked: bool,
    pushes: pushes::Pushes,
    ids: u64,
    surroundings: Surroundings,
    metrics: Arc<Metrics>,
    /// Stanzas to send once the records are durable.
    out: Vec<Element>,
    records: Vec<JournalRecord>,
    queries: Vec<Query>,
}

/// What the service keeps of one visit besides the router's state.
struct Visit {
    client: FullJid,
    summary: SessionSummary,
    /// Position that the customer was told last.
    told: Option<u32>,
    /// How often something was said so far.
    said: usize,
    /// How often somebody came or left so far.
    moves: usize,
    /// When the last line of the chat was written down.
    last_line: Timestamp,
    /// The newest lines of the chat, by which those that a room repeats are known.
    recent: VecDeque<u64>,
}

/// What the journal knows of a visit that is not over.
pub(crate) struct Past {
    pub(crate) summary: SessionSummary,
    pub(crate) said: usize,
    pub(crate) moves: usize,
    pub(crate) last_line: Timestamp,
    pub(crate) recent: VecDeque<u64>,
}

/// What a timer is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    Router(Timer),
    Push { workgroup: WorkgroupName, queue: String },
    PingCustomers,
}

/// Who was asked whether it is still there.
enum Pinged {
    Agent(FullJid),
    Customer(SessionId, FullJid),
}

/// What one turn of the service leaves to be done, in this order: records, stanzas, then queries.
#[derive(Default)]
pub(crate) struct Work {
    pub(crate) records: Vec<JournalRecord>,
    pub(crate) stanzas: Vec<Element>,
    pub(crate) queries: Vec<Query>,
}

impl Service {
    pub(crate) fn new(
        config: ServiceConfig,
        state: Snapshot,
        past: Vec<Past>,
        metrics: Arc<Metrics>,
        surroundings: Surroundings,
    ) -> Self {
        let mut past: BTreeMap<_, _> =
            past.into_iter().map(|past| (past.summary.session.clone(), past)).collect();
        let router = state.router;
        let mut visits = BTreeMap::new();
        for session in router.sessions() {
            let Some(view) = router.customer(session) else { continue };
            let past = past.remove(session).unwrap_or_else(|| Past {
                summary: SessionSummary {
                    session: session.clone(),
                    workgroup: view.workgroup.0.clone(),
                    user: view.user.map_or_else(|| view.client.to_bare().to_string(), str::to_owned),
                    joined: view.joined_at,
                    started: None,
                    ended: None,
                    end: None,
                    agents: Vec::new(),
                    answers: view.answers.clone(),
                },
                said: 0,
                moves: 0,
                last_line: Timestamp::default(),
                recent: VecDeque::new(),
            });
            let Past { summary, said, moves, last_line, recent } = past;
            visits.insert(
                session.clone(),
                Visit { client: view.client.clone(), summary, told: None, said, moves, last_line, recent },
            );
        }
        let mut service = Self {
            config,
            subscribers: state.subscribers,
            visits,
            rooms: BTreeMap::new(),
            watchers: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            timers: BTreeMap::new(),
            pings: BTreeMap::new(),
            grace: Timestamp::default(),
            blinked: false,
            pushes: pushes::Pushes::default(),
            ids: 0,
            surroundings,
            metrics,
            out: Vec::new(),
            records: Vec::new(),
            queries: Vec::new(),
            router,
        };
        for (timer, at) in service.router.timers() {
            service.set_timer(Wake::Router(timer), at);
        }
        service
    }

    /// A connection is up. What was meant for the old one is void; what counts is sent anew.
    pub(crate) fn connected(&mut self, now: Timestamp) {
        self.out.clear();
        self.rooms.clear();
        self.pings.clear();
        self.watchers.clear();
        let last = self.router.clamp(Timestamp::default());
        self.blinked = now.since(last) < GRACE_MS;
        let routing = self.config.routing();
        self.tell(Event::Configured { config: routing }, now);
        self.tell(Event::Connected, now);
        for visit in self.visits.values_mut() {
            visit.told = None;
        }
        self.grace = now.plus(GRACE_MS);
        self.set_timer(Wake::PingCustomers, self.grace);
        self.everything_changed(now);
    }

    /// The administrator changed something.
    pub(crate) fn configured(&mut self, config: ServiceConfig, now: Timestamp) {
        // The addresses belong to the connection; they change with a restart.
        let (domain, conference) = (self.config.domain.clone(), self.config.conference.clone());
        self.config = ServiceConfig { domain, conference, ..config };
        let routing = self.config.routing();
        self.tell(Event::Configured { config: routing }, now);
        self.everything_changed(now);
    }

    /// A stanza arrived.
    pub(crate) fn stanza(&mut self, stanza: &Element, now: Timestamp) {
        Metrics::add(&self.metrics.stanzas_in_total, 1);
        let address = |name: &str| stanza.attr(name).and_then(|text| Jid::new(text).ok());
        let (Some(from), Some(to)) = (address("from"), address("to")) else { return self.drop_stanza() };
        if stanza.ns() != CLIENT || to.domain().as_str() != self.config.domain {
            return self.drop_stanza();
        }
        if from.domain().as_str() == self.config.conference {
            return self.conference_stanza(stanza, &from, now);
        }
        match (stanza.name(), stanza.attr("type")) {
            ("iq", Some("get" | "set")) => self.iq(stanza, from, to, now),
            ("iq", Some("result" | "error")) => self.iq_answered(stanza, &from, now),
            ("presence", _) => self.presence(stanza, &from, &to, now),
            ("message", Some("error")) => self.bounced(stanza, &from, now),
            // Plain messages to a workgroup are not read: there is no chatbot.
            ("message", _) => {}
            _ => self.drop_stanza(),
        }
    }

    fn iq(&mut self, stanza: &Element, from: Jid, to: Jid, now: Timestamp) {
        let Some(id) = stanza.attr("id").filter(|id| id.len() <= 1_024) else { return self.drop_stanza() };
        let mut payloads = stanza.children();
        let payload = payloads.next().cloned();
        let one = payload.is_some() && payloads.next().is_none();
        let request = Request {
            id: id.to_owned(),
            set: stanza.attr("type") == Some("set"),
            payload: payload.unwrap_or_else(|| el("query", CLIENT).build()),
            from,
            to,
        };
        if !one {
            return self.refuse(&request, Condition::BadRequest, None);
        }
        self.request(request, now);
    }

    /// Timers that are due.
    pub(crate) fn wake(&mut self, now: Timestamp) {
        while let Some((at, wake)) = self.deadlines.first().cloned() {
            if at > now {
                return;
            }
            self.deadlines.pop_first();
            self.timers.remove(&wake);
            match wake {
                Wake::Router(timer) => {
                    self.count_timer(&timer);
                    self.tell(Event::TimerFired { timer }, now);
                }
                Wake::Push { workgroup, queue } => self.push_due(&workgroup, &queue, now),
                Wake::PingCustomers => self.ping_customers(now),
            }
        }
    }

    /// When [`wake`](Self::wake) has something to do next.
    pub(crate) fn next_wake(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// What the last events left to be done.
    pub(crate) fn work(&mut self) -> Work {
        self.gauge();
        let stanzas = std::mem::take(&mut self.out);
        Work {
            records: std::mem::take(&mut self.records),
            stanzas: stanzas.into_iter().filter_map(|stanza| self.in_bounds(stanza)).collect(),
            queries: std::mem::take(&mut self.queries),
        }
    }

    /// The stanza, or what stands for one that is too large: of an error its condition alone, of an answer an error.
    fn in_bounds(&self, stanza: Element) -> Option<Element> {
        if String::from(&stanza).len() <= MAX_STANZA {
            return Some(stanza);
        }
        tracing::warn!(name = stanza.name(), "a stanza is too large to be sent");
        if !matches!(stanza.attr("type"), Some("result" | "error")) {
            Metrics::add(&self.metrics.dropped_total, 1);
            return None;
        }
        let error = stanza.children().find(|child| child.is("error", CLIENT)).cloned();
        let error =
            error.unwrap_or_else(|| Condition::ResourceConstraint.element(Some("The answer is too long.")));
        let address = |name: &str| stanza.attr(name).map(str::to_owned);
        let bare = el(stanza.name(), CLIENT).attr("type", "error").some("id", address("id"));
        Some(bare.some("from", address("from")).some("to", address("to")).child(error).build())
    }

    /// The durable state.
    pub(crate) fn snapshot(&self) -> JournalRecord {
        JournalRecord::Snapshot(Box::new(Snapshot {
            router: self.router.clone(),
            subscribers: self.subscribers.clone(),
        }))
    }

    /// How many visits there are.
    pub(crate) fn size(&self) -> usize {
        self.visits.len()
    }

    /// Gives one event to the router, notes it for the journal and carries out what follows.
    fn tell(&mut self, event: Event, now: Timestamp) -> Option<Reply> {
        let revision = self.router.revision();
        let at = self.router.clamp(now);
        let decisions = self.router.handle(event.clone(), now);
        if self.router.revision() != revision {
            self.records.push(JournalRecord::Routing(Record { at, event }));
        }
        let mut reply = None;
        for decision in decisions {
            match decision {
                Decision::Reply(said) => reply = Some(said),
                Decision::SetTimer { timer, at } => self.set_timer(Wake::Router(timer), at),
                Decision::CancelTimer { timer } => self.cancel_timer(&Wake::Router(timer)),
                other => self.carry_out(other, at),
            }
        }
        reply
    }

    fn set_timer(&mut self, wake: Wake, at: Timestamp) {
        self.cancel_timer(&wake);
        self.timers.insert(wake.clone(), at);
        self.deadlines.insert((at, wake));
    }

    fn cancel_timer(&mut self, wake: &Wake) {
        if let Some(at) = self.timers.remove(wake) {
            self.deadlines.remove(&(at, wake.clone()));
        }
    }

    fn send(&mut self, stanza: impl Into<Element>) {
        self.out.push(stanza.into());
    }

    fn next_id(&mut self, what: &str) -> String {
        self.ids += 1;
        format!("{what}-{}", self.ids)
    }

    /// A stanza of a wrong sender or shape.
    fn drop_stanza(&mut self) {
        Metrics::add(&self.metrics.dropped_total, 1);
    }

    fn refuse(&mut self, request: &Request, condition: Condition, text: Option<&str>) {
        Metrics::add(&self.metrics.refused_total, 1);
        self.send(request.error(condition, text));
    }

    /// A payload of the wrong shape: a cap or a missing part, in words.
    fn refuse_malformed(&mut self, request: &Request, problem: Malformed) {
        self.refuse(request, problem.condition(), Some(&problem.to_string()));
    }

    fn address(&self, workgroup: &str) -> Option<BareJid> {
        BareJid::new(&format!("{workgroup}@{}", self.config.domain)).ok()
    }

    /// The workgroup to which a stanza is addressed, with its address.
    fn addressed(&self, to: &Jid) -> Option<(&WorkgroupConfig, BareJid)> {
        let config = self.config.workgroup(to.node()?.as_str())?;
        Some((config, to.to_bare()))
    }

    fn count(&self, counter: impl Fn(&Metrics) -> &AtomicU64) {
        Metrics::add(counter(&self.metrics), 1);
    }
}
