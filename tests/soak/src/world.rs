//! Customers, agents, server and network of one run, and the steps that they take.

use crate::disk::{Disk, Plan};
use crate::observer::{Observer, session_of};
use crate::rooms::Rooms;
use crate::wire::{Listener, Mood, Wire};
use crate::{Broken, Dice, Report, random, seed_service};
use flint_fastpath_routing::{Phase, SessionId, Timestamp};
use flint_fastpath_service::{
    Journal, Metrics, QueueConfig, ServiceConfig, Surroundings, WorkgroupConfig, run_over,
};
use jid::BareJid;
use minidom::Element;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

const SERVICE: &str = "workgroup.example.test";
const ROOMS: &str = "conference.example.test";
const WG: &str = "http://jabber.org/protocol/workgroup";
const AGENTS: [&str; 3] = ["ann", "bob", "cleo"];
const GROUPS: [&str; 2] = ["support", "sales"];
const CUSTOMERS: u64 = 8;

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Virtual time as the wall clock of the world.
fn wall() -> Timestamp {
    let start = START.get().unwrap_or_else(Instant::now);
    Timestamp(1_800_000_000_000 + u64::try_from(start.elapsed().as_millis()).unwrap_or(0))
}

/// A stanza from text, in `jabber:client`.
pub(crate) fn parse(xml: &str) -> Element {
    let end = xml.find([' ', '>', '/']).unwrap_or(xml.len());
    let (name, rest) = xml.split_at(end);
    format!("{name} xmlns='jabber:client'{rest}").parse().expect("the stanzas of this world are well-formed")
}

fn agents(names: &[&str]) -> Vec<BareJid> {
    let bare = |name: &&str| BareJid::new(&format!("{name}@example.test")).expect("a well-formed address");
    names.iter().map(bare).collect()
}

/// The configuration number so-and-so.
fn config(variant: u64) -> ServiceConfig {
    let mut support = WorkgroupConfig::new("support", agents(&["ann", "bob"]));
    if variant != 1 {
        let when = Vec::new();
        support.queues.push(QueueConfig { name: "Second".to_owned(), agents: agents(&["cleo"]), when });
    }
    let mut sales = WorkgroupConfig::new("sales", agents(&["cleo", "bob"]));
    sales.request_timeout_s = 600;
    let mut workgroups = vec![support, sales];
    if variant == 2 {
        workgroups.pop();
    }
    ServiceConfig {
        domain: SERVICE.to_owned(),
        conference: ROOMS.to_owned(),
        xmpp_domain: "example.test".to_owned(),
        workgroups,
        offers_per_agent: 1,
        details_limit: 5,
    }
}

struct World<J> {
    dice: Dice,
    disk: Disk<J>,
    mood: Arc<Mood>,
    task: JoinHandle<()>,
    listener: mpsc::UnboundedSender<Wire>,
    to_service: mpsc::UnboundedSender<Element>,
    from_service: mpsc::UnboundedReceiver<Element>,
    config: watch::Sender<ServiceConfig>,
    stop: watch::Sender<bool>,
    rooms: Rooms,
    /// Clients that answer.
    online: BTreeSet<String>,
    /// Stanzas that the network holds back.
    held: Vec<Element>,
    /// When the server was restarted last.
    forgotten: Option<Instant>,
    seen: Observer,
    /// Answers since the last question.
    answers: Vec<Element>,
    report: Report,
}

fn wires(mood: &Arc<Mood>) -> (Wire, mpsc::UnboundedSender<Element>, mpsc::UnboundedReceiver<Element>) {
    let (to_service, from_world) = mpsc::unbounded_channel();
    let (to_world, from_service) = mpsc::unbounded_channel();
    mood.idle.store(false, Ordering::Relaxed);
    (Wire { from_world, to_world, mood: Arc::clone(mood) }, to_service, from_service)
}

/// Starts the process.
#[allow(clippy::type_complexity, reason = "the ends of one process")]
fn start<J: Journal + Clone>(
    disk: &Disk<J>,
    config: watch::Receiver<ServiceConfig>,
    stop: watch::Receiver<bool>,
    mood: &Arc<Mood>,
) -> (
    JoinHandle<()>,
    mpsc::UnboundedSender<Wire>,
    mpsc::UnboundedSender<Element>,
    mpsc::UnboundedReceiver<Element>,
) {
    mood.breath.store(u64::MAX, Ordering::Relaxed);
    mood.dead.store(false, Ordering::Relaxed);
    let (wire, to_service, from_service) = wires(mood);
    let (listener, connections) = mpsc::unbounded_channel();
    let _ = listener.send(wire);
    let (disk, surroundings) = (disk.clone(), Surroundings { wall, random });
    let task = tokio::spawn(async move {
        let metrics = Arc::new(Metrics::default());
        let ended = run_over(config, Listener(connections), disk, stop, metrics, surroundings).await;
        assert!(ended.is_ok(), "{ended:?}");
    });
    (task, listener, to_service, from_service)
}

/// Plays one world to its end, in which everybody is served.
pub(crate) async fn play<J: Journal + Clone>(
    seed: u64,
    steps: u64,
    plan: Plan,
    journal: J,
) -> Result<Report, Broken> {
    seed_service(seed);
    START.set(Some(Instant::now()));
    let disk = Disk::new(journal, plan);
    let mood = Arc::new(Mood::default());
    let ((config, config_rx), (stop, stop_rx)) = (watch::channel(config(0)), watch::channel(false));
    let (task, listener, to_service, from_service) = start(&disk, config_rx, stop_rx, &mood);
    let mut world = World {
        dice: Dice::new(seed),
        disk,
        mood,
        task,
        listener,
        to_service,
        from_service,
        config,
        stop,
        rooms: Rooms::default(),
        online: BTreeSet::new(),
        held: Vec::new(),
        forgotten: None,
        seen: Observer::default(),
        answers: Vec::new(),
        report: Report::default(),
    };
    let broken = |step: u64, what: String| Broken { seed, steps, plan, step, what };
    for customer in 0..CUSTOMERS {
        world.online.insert(format!("c{customer}@example.test/home"));
    }
    world.settle().await;
    for step in 0..steps {
        world.report.steps += 1;
        world.step().await.map_err(|what| broken(step, what))?;
        world.settle().await;
        world.check().map_err(|what| broken(step, what))?;
    }
    world.serve_all().await.map_err(|what| broken(steps, what))?;
    world.report.writes = world.disk.look(|known| known.writes);
    world.report.visits = world.disk.look(|known| known.joined.len() as u64);
    Ok(world.report)
}

impl<J: Journal + Clone> World<J> {
    fn check(&mut self) -> Result<(), String> {
        if self.task.is_finished() {
            return Err("the service has ended".to_owned());
        }
        let now = self.mood.idle.load(Ordering::Relaxed).then(wall);
        let Self { seen, disk, .. } = self;
        disk.look(|known| seen.check(known, now))
    }

    /// Lets the service do what it can do without time passing.
    async fn settle(&mut self) {
        let mut patience = 0;
        loop {
            tokio::task::yield_now().await;
            let mut got = false;
            loop {
                match self.from_service.try_recv() {
                    Ok(stanza) => {
                        got = true;
                        self.route(stanza);
                    }
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => {
                        self.reconnect();
                        break;
                    }
                }
            }
            if self.disk.look(|known| known.dead) || self.mood.dead.load(Ordering::Relaxed) {
                self.restart();
                continue;
            }
            patience = if got { 0 } else { patience + 1 };
            // The disk may be slow: then the process is not idle, and not asleep either.
            let idle = self.mood.idle.load(Ordering::Relaxed) && self.disk.is_quiet();
            if !got && ((idle && patience > 2) || (patience > 20 && self.disk.is_quiet())) {
                return;
            }
        }
    }

    /// Lets time pass.
    async fn pass(&mut self, ms: u64) {
        let end = Instant::now() + Duration::from_millis(ms);
        loop {
            match tokio::time::timeout_at(end, self.from_service.recv()).await {
                Ok(Some(stanza)) => self.route(stanza),
                Ok(None) => self.reconnect(),
                Err(_) => return,
            }
            self.settle().await;
        }
    }

    /// The next connection is ready to be taken.
    fn reconnect(&mut self) {
        self.seen.broke();
        let (wire, to_service, from_service) = wires(&self.mood);
        self.to_service = to_service;
        self.from_service = from_service;
        let _ = self.listener.send(wire);
    }

    /// The process is gone; what it had sent arrives, and another one starts.
    fn restart(&mut self) {
        self.task.abort();
        self.report.crashes += 1;
        while let Ok(stanza) = self.from_service.try_recv() {
            self.route(stanza);
        }
        self.disk.look(|known| (known.dead, known.busy) = (false, 0));
        self.seen.broke();
        // Server and process within a minute: whether the agent left or the room is new can't be told any more.
        if self.forgotten.is_some_and(|at| at.elapsed() < Duration::from_secs(60)) {
            let chats = self.disk.look(|known| {
                let router = &known.state.router;
                let sessions =
                    router.sessions().filter(|it| router.customer(it).is_some_and(|view| view.has_room));
                sessions.map(|it| it.0.clone()).collect::<Vec<_>>()
            });
            self.seen.may_end.extend(chats);
        }
        let (config, stop) = (self.config.subscribe(), self.stop.subscribe());
        let (task, listener, to_service, from_service) = start(&self.disk, config, stop, &self.mood);
        (self.task, self.listener) = (task, listener);
        (self.to_service, self.from_service) = (to_service, from_service);
    }

    /// Sends as somebody, over a network that loses nothing and is otherwise bad.
    fn send(&mut self, who: &str, xml: &str) {
        let mut stanza = parse(xml);
        let name = minidom::rxml::NcName::try_from("from").expect("a literal that is a name");
        stanza.set_attr(minidom::rxml::Namespace::NONE, name, who.to_owned());
        if self.dice.in_hundred(4) {
            self.held.push(stanza.clone());
            if self.dice.in_hundred(50) {
                return;
            }
        }
        self.route(stanza);
    }

    fn route(&mut self, stanza: Element) {
        let to = stanza.attr("to").unwrap_or_default().to_owned();
        let domain = to.split('/').next().and_then(|bare| bare.rsplit('@').next()).unwrap_or_default();
        match domain {
            SERVICE => {
                self.mood.idle.store(false, Ordering::Relaxed);
                let _ = self.to_service.send(stanza);
            }
            ROOMS => {
                for out in self.rooms.handle(&stanza) {
                    self.route(out);
                }
            }
            _ => self.deliver(&to, stanza),
        }
    }

    fn deliver(&mut self, to: &str, stanza: Element) {
        let from = stanza.attr("from").unwrap_or_default().to_owned();
        let id = stanza.attr("id").unwrap_or_default().to_owned();
        let kind = stanza.attr("type").unwrap_or_default().to_owned();
        let here = self.online.contains(to);
        let gone =
            "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
        if here {
            self.seen.received(to, &stanza);
        }
        match (stanza.name(), kind.as_str()) {
            ("iq", "get" | "set") => {
                let answer = if here { ("result", "") } else { ("error", gone) };
                let (kind, inside) = answer;
                self.route(parse(&format!(
                    "<iq type='{kind}' id='{id}' from='{to}' to='{from}'>{inside}</iq>"
                )));
            }
            ("iq", _) => self.answers.push(stanza),
            ("message", "error") => {}
            ("message", _) if !here && to.contains('/') && from.contains(SERVICE) => {
                self.route(parse(&format!("<message type='error' from='{to}' to='{from}'>{gone}</message>")));
            }
            ("message", _) if here => {
                let invited = stanza.children().any(|x| x.children().any(|child| child.name() == "invite"));
                let loyal = ["c0", "c1", "c2", "c3"].iter().any(|name| to.starts_with(name));
                if invited && (loyal || self.dice.in_hundred(80)) {
                    self.enter(to, &from);
                }
            }
            _ => {}
        }
    }

    fn enter(&mut self, who: &str, room: &str) {
        if !who.starts_with('c') || who.starts_with("cleo") {
            let session = room.split('@').next().unwrap_or_default().to_owned();
            self.seen.open.retain(|visit, shown| *visit != session || shown.agent != who);
            *self.seen.taken.entry(session).or_default() += 1;
        }
        let nick = who.split('@').next().unwrap_or_default();
        let enter = format!(
            "<presence from='{who}' to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        );
        self.route(parse(&enter));
    }

    fn leave_rooms(&mut self, who: &str) {
        for room in self.rooms.of(who) {
            for out in self.rooms.leave(&room, who, "") {
                self.route(out);
            }
        }
    }

    fn somebody(&mut self) -> String {
        let agent = AGENTS[usize::try_from(self.dice.below(3)).unwrap_or(0)];
        let place = if self.dice.in_hundred(8) { "phone" } else { "desk" };
        format!("{agent}@example.test/{place}")
    }

    fn group(&mut self) -> String {
        format!("{}@{SERVICE}", if self.dice.in_hundred(70) { GROUPS[0] } else { GROUPS[1] })
    }

    fn attend(&mut self, agent: &str, group: &str, show: &str, max: u64) {
        self.online.insert(agent.to_owned());
        self.send(
            agent,
            &format!(
                "<presence to='{group}'>{show}<agent-status xmlns='{WG}'><max-chats>{max}</max-chats></agent-status></presence>"
            ),
        );
    }

    fn join(&mut self, who: &str, group: &str) {
        let form = format!(
            "<join-queue xmlns='{WG}'><queue-notifications/><x xmlns='jabber:x:data' type='submit'>\
             <field var='username'><value>Wanda</value></field><field var='email'><value>w@x.test</value></field>\
             <field var='question'><value>Why?</value></field></x></join-queue>"
        );
        self.send(who, &format!("<iq type='set' id='j' to='{group}'>{form}</iq>"));
    }

    async fn step(&mut self) -> Result<(), String> {
        let customer = self.dice.below(CUSTOMERS);
        let who = format!("c{customer}@example.test/home");
        let (group, agent) = (self.group(), self.somebody());
        match self.dice.below(100) {
            0..=15 => self.join(&who, &group),
            16..=18 if customer > 3 => {
                self.send(
                    &who,
                    &format!("<iq type='set' id='d' to='{group}'><depart-queue xmlns='{WG}'/></iq>"),
                );
            }
            19..=20 if customer > 3 => {
                self.online.remove(&who);
                self.leave_rooms(&who);
                if self.dice.in_hundred(50) {
                    self.send(&who, &format!("<presence type='unavailable' to='{group}'/>"));
                }
            }
            21..=22 => {
                self.online.insert(who);
            }
            23 if customer > 3 => self.leave_rooms(&who),
            24..=33 => {
                let show = if self.dice.in_hundred(15) { "<show>away</show>" } else { "" };
                let max = self.dice.below(4);
                self.seen.open.retain(|_, shown| {
                    shown.agent == agent || shown.agent.split('/').next() != agent.split('/').next()
                });
                self.attend(&agent, &group, show, max);
            }
            34..=36 => self.agent_goes(&agent),
            37..=52 => return self.accept().await,
            53..=57 => self.reject(),
            58..=61 => self.leave_chat(&agent),
            62..=76 => {
                let most =
                    [50, 1_200, 5_000, 25_000, 70_000][usize::try_from(self.dice.below(5)).unwrap_or(0)];
                let ms = self.dice.below(most);
                self.pass(ms).await;
            }
            77..=79 => self.release(),
            80..=83 => return self.forge().await,
            84..=85 => {
                self.report.cuts += 1;
                self.reconnect();
            }
            86 => self.server_restarts().await,
            87..=88 => self.restart(),
            89..=93 => {
                let at = self.disk.look(|known| known.writes) + self.dice.below(6);
                let plan = [Plan::Before(at), Plan::After(at), Plan::Fails(at)];
                self.disk.set_plan(plan[usize::try_from(self.dice.below(3)).unwrap_or(0)]);
            }
            94..=95 => self.mood.breath.store(self.dice.below(30), Ordering::Relaxed),
            96 => self.rooms.broken = self.dice.in_hundred(40),
            97 => {
                let variant = self.dice.below(8);
                self.seen.deleted |= variant == 2;
                self.config.send_replace(config(variant));
            }
            _ => self.talk(&agent),
        }
        Ok(())
    }

    /// An agent's client ends in good order, or just is not there any more.
    fn agent_goes(&mut self, agent: &str) {
        self.online.remove(agent);
        self.seen.closed(agent);
        for room in self.rooms.of(agent) {
            self.seen.may_end.insert(room.split('@').next().unwrap_or_default().to_owned());
        }
        self.leave_rooms(agent);
        if self.dice.in_hundred(60) {
            for group in GROUPS {
                self.send(agent, &format!("<presence type='unavailable' to='{group}@{SERVICE}'/>"));
            }
        }
    }

    fn leave_chat(&mut self, agent: &str) {
        if let Some(room) = self.rooms.of(agent).first().cloned() {
            self.seen.may_end.insert(room.split('@').next().unwrap_or_default().to_owned());
            for out in self.rooms.leave(&room, agent, "") {
                self.route(out);
            }
        }
    }

    fn talk(&mut self, agent: &str) {
        if let Some(room) = self.rooms.of(agent).first().cloned() {
            self.send(agent, &format!("<message type='groupchat' to='{room}'><body>Hello</body></message>"));
        }
    }

    /// Somebody accepts: mostly the addressee, sometimes too late, sometimes a stranger.
    async fn accept(&mut self) -> Result<(), String> {
        let open: Vec<_> = self.seen.open.iter().map(|(session, it)| (session.clone(), it.clone())).collect();
        let Some((session, shown)) = self.dice.one_of(&open).cloned() else { return Ok(()) };
        let agent = if self.dice.in_hundred(85) { shown.agent.clone() } else { self.somebody() };
        let id = match self.dice.below(10) {
            0 => format!("{session}-{}", 1 + self.dice.below(6)),
            1 => session.clone(),
            _ => shown.id.clone(),
        };
        let fence = id.rsplit_once('-').and_then(|(_, fence)| fence.parse::<u32>().ok());
        let phase = self.disk.look(|known| {
            let view = known.state.router.customer(&SessionId(session.clone()))?;
            Some((view.workgroup.0.clone(), view.phase.clone()))
        });
        let (group, wins) = match &phase {
            Some((
                group,
                Phase::Offered { agent: own, fence: number, .. }
                | Phase::Reserved { agent: own, fence: number, .. }
                | Phase::Active { agent: own, fence: number, .. },
            )) => (group.clone(), own.as_str() == agent && fence.is_none_or(|fence| fence == *number)),
            Some((group, Phase::Waiting)) => (group.clone(), false),
            None => (GROUPS[0].to_owned(), false),
        };
        if !self.online.contains(&agent) || !self.mood.idle.load(Ordering::Relaxed) {
            return Ok(());
        }
        let due = self.disk.look(|known| known.state.router.timers().iter().any(|(_, at)| *at <= wall()));
        self.answers.clear();
        let before = (self.report.crashes, self.disk.look(|known| known.failures));
        let stanza = format!(
            "<iq type='set' id='a' from='{agent}' to='{group}@{SERVICE}'><offer-accept xmlns='{WG}' id='{id}'/></iq>"
        );
        if self.dice.in_hundred(10) {
            self.held.push(parse(&stanza));
        }
        self.route(parse(&stanza));
        *self.seen.taken.entry(session.clone()).or_default() += 1;
        self.settle().await;
        let is_answer = |it: &&Element| it.attr("id") == Some("a") && it.attr("to") == Some(&agent);
        let answer = self.answers.iter().find(is_answer).map(|it| it.attr("type") == Some("result"));
        if answer == Some(true) {
            self.seen.open.remove(&session);
        }
        match answer {
            Some(won) if won != wins && !due => {
                Err(format!("{agent} accepts {id}: won is {won}, should be {wins} ({phase:?})"))
            }
            // Only a process that died or a disk that failed keeps an answer back.
            None if before == (self.report.crashes, self.disk.look(|known| known.failures))
                && self.mood.idle.load(Ordering::Relaxed) =>
            {
                Err(format!("{agent} accepts {id} and gets no answer ({phase:?})"))
            }
            _ => Ok(()),
        }
    }

    fn reject(&mut self) {
        let open: Vec<_> = self.seen.open.iter().map(|(session, it)| (session.clone(), it.clone())).collect();
        let Some((session, shown)) = self.dice.one_of(&open).cloned() else { return };
        self.seen.open.remove(&session);
        for group in GROUPS {
            let reject = format!("<offer-reject xmlns='{WG}' id='{}'/>", shown.id);
            self.send(&shown.agent, &format!("<iq type='set' id='r' to='{group}@{SERVICE}'>{reject}</iq>"));
        }
    }

    /// Something that the network held back arrives, in any order.
    fn release(&mut self) {
        for _ in 0..self.dice.below(4) {
            if self.held.is_empty() {
                return;
            }
            let at = usize::try_from(self.dice.below(self.held.len() as u64)).unwrap_or(0);
            let stanza = self.held.swap_remove(at);
            let name = stanza.children().next().map_or("", Element::name);
            // An answer of an agent that comes late closes what it shows.
            if matches!(name, "offer-reject" | "offer-accept") || stanza.name() == "presence" {
                let who = stanza.attr("from").unwrap_or_default().to_owned();
                let bare = who.split('/').next().unwrap_or_default().to_owned();
                self.seen.open.retain(|_, shown| shown.agent.split('/').next() != Some(bare.as_str()));
                if let Some(session) = session_of(&stanza) {
                    *self.seen.taken.entry(session).or_default() += 1;
                }
            }
            self.route(stanza);
        }
    }

    /// The XMPP server restarts: rooms and clients are gone, and the clients come back.
    async fn server_restarts(&mut self) {
        let online = std::mem::take(&mut self.online);
        self.rooms.forget();
        self.forgotten = Some(Instant::now());
        self.held.clear();
        self.reconnect();
        let away = self.dice.below(12_000);
        self.pass(away).await;
        self.online.extend(online.iter().cloned());
        self.seen.open.clear();
        for agent in online.iter().filter(|who| !who.starts_with("c") || who.starts_with("cleo")) {
            for group in GROUPS {
                self.attend(agent, &format!("{group}@{SERVICE}"), "", 2);
            }
        }
    }

    /// Somebody claims to be somebody else.
    async fn forge(&mut self) -> Result<(), String> {
        self.settle().await;
        let due = self.disk.look(|known| known.state.router.timers().iter().any(|(_, at)| *at <= wall()));
        if due || !self.mood.idle.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.report.forged += 1;
        let (records, session) = self.disk.look(|known| {
            let session = known.state.router.sessions().next().map_or("nosuch".to_owned(), |it| it.0.clone());
            (known.records, session)
        });
        let gone =
            "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
        let forger = ["mallory@evil.test/x", "zoe@example.test/home", "ann@evil.test/desk"];
        let forger = forger[usize::try_from(self.dice.below(3)).unwrap_or(0)];
        let xml = match self.dice.below(9) {
            0 => format!(
                "<iq type='set' id='f' to='support@{SERVICE}'><offer-accept xmlns='{WG}' id='{session}'/></iq>"
            ),
            1 => format!(
                "<iq type='set' id='f' to='support@{SERVICE}'><offer-reject xmlns='{WG}' id='{session}'/></iq>"
            ),
            2 => format!("<iq type='set' id='f' to='support@{SERVICE}'><depart-queue xmlns='{WG}'/></iq>"),
            3 => format!("<presence type='unavailable' to='support@{SERVICE}'/>"),
            4 => format!("<iq type='error' id='offer:{session}' to='support@{SERVICE}'>{gone}</iq>"),
            5 => format!(
                "<iq type='error' id='ping-{}' to='support@{SERVICE}'>{gone}</iq>",
                self.dice.below(30)
            ),
            6 => format!("<message type='error' to='support@{SERVICE}'>{gone}</message>"),
            7 => format!(
                "<presence to='support@{SERVICE}'><agent-status xmlns='{WG}'><max-chats>9</max-chats></agent-status></presence>"
            ),
            _ => format!(
                "<presence type='unavailable' to='support@{SERVICE}'><x xmlns='http://jabber.org/protocol/muc#user'>\
                 <item jid='ann@example.test/desk'/><status code='110'/></x></presence>"
            ),
        };
        let mut stanza = parse(&xml);
        let name = minidom::rxml::NcName::try_from("from").expect("a literal that is a name");
        stanza.set_attr(minidom::rxml::Namespace::NONE, name, forger);
        self.route(stanza);
        let before = self.report.crashes;
        self.settle().await;
        if before == self.report.crashes && self.disk.look(|known| known.records) != records {
            return Err(format!("a stanza of {forger} changed something: {xml}"));
        }
        Ok(())
    }

    /// From here on all goes well, and everybody is served.
    async fn serve_all(&mut self) -> Result<(), String> {
        self.held.clear();
        self.rooms.broken = false;
        self.disk.set_plan(Plan::Never);
        self.mood.breath.store(u64::MAX, Ordering::Relaxed);
        self.settle().await;
        self.pass(120_000).await;
        for agent in AGENTS {
            for group in GROUPS {
                self.online.insert(format!("{agent}@example.test/desk"));
                let from = format!("{agent}@example.test/desk");
                self.route(parse(&format!(
                    "<presence from='{from}' to='{group}@{SERVICE}'><agent-status xmlns='{WG}'><max-chats>5</max-chats></agent-status></presence>"
                )));
            }
        }
        self.seen.open.clear();
        for _ in 0..200 {
            self.settle().await;
            self.check()?;
            if self.disk.look(|known| known.state.router.sessions().next().is_none()) {
                return self.check();
            }
            let offers: Vec<_> = self.seen.open.values().cloned().collect();
            for shown in offers {
                for group in GROUPS {
                    let accept = format!("<offer-accept xmlns='{WG}' id='{}'/>", shown.id);
                    self.route(parse(&format!(
                        "<iq type='set' id='e' from='{}' to='{group}@{SERVICE}'>{accept}</iq>",
                        shown.agent
                    )));
                }
                self.seen.open.retain(|_, other| other.id != shown.id);
                self.settle().await;
            }
            self.pass(3_000).await;
            for agent in AGENTS {
                for place in ["desk", "phone"] {
                    self.leave_chat(&format!("{agent}@example.test/{place}"));
                }
            }
            self.pass(5_000).await;
        }
        let left: Vec<String> = self.disk.look(|known| {
            let router = &known.state.router;
            router
                .sessions()
                .map(|it| format!("{it} {:?}", router.customer(it).map(|view| view.phase.clone())))
                .collect()
        });
        Err(format!("never served: {}", left.join(", ")))
    }
}
