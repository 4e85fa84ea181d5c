//! A server in the test's hand: routes stanzas between people, a conference service and the service under test, which
//! runs in virtual time over a channel.

use crate::rooms::Rooms;
use flint_fastpath_service::conformance::MemoryJournal;
use flint_fastpath_service::{
    Connect, Link, Metrics, ServiceConfig, ServiceError, Surroundings, WorkgroupConfig, run_over,
};
use flint_stream::{ConnectError, StreamEnd};
use jid::{BareJid, Jid};
use minidom::Element;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub(crate) const SERVICE: &str = "workgroup.example.test";
pub(crate) const SUPPORT: &str = "support@workgroup.example.test";

/// One end of the channel.
pub(crate) struct Wire {
    from_server: mpsc::UnboundedReceiver<Element>,
    to_server: mpsc::UnboundedSender<Element>,
}

impl Link for Wire {
    async fn next(&mut self) -> Result<Element, StreamEnd> {
        self.from_server.recv().await.ok_or(StreamEnd::ClosedByServer)
    }

    async fn send(&mut self, stanza: &Element) -> Result<(), StreamEnd> {
        self.to_server.send(stanza.clone()).map_err(|_| StreamEnd::ClosedByServer)
    }

    async fn close(self) {}
}

/// Hands out the connections that the test prepared.
struct Listener(mpsc::UnboundedReceiver<Result<Wire, ConnectError>>);

impl Connect for Listener {
    type Link = Wire;

    async fn connect(&mut self) -> Result<Wire, ConnectError> {
        match self.0.recv().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

pub(crate) struct Office {
    to_service: mpsc::UnboundedSender<Element>,
    from_service: mpsc::UnboundedReceiver<Element>,
    listener: mpsc::UnboundedSender<Result<Wire, ConnectError>>,
    pub(crate) rooms: Rooms,
    inboxes: BTreeMap<String, VecDeque<Element>>,
    /// Whose client is there; only they answer.
    pub(crate) online: BTreeSet<String>,
    pub(crate) journal: MemoryJournal,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) config: watch::Sender<ServiceConfig>,
    cancel: watch::Sender<bool>,
    pub(crate) task: JoinHandle<Result<(), ServiceError>>,
    ids: u32,
}

pub(crate) fn config() -> ServiceConfig {
    let agents = |names: &[&str]| -> Vec<BareJid> {
        names.iter().map(|name| format!("{name}@example.test").parse().unwrap()).collect()
    };
    let mut support = WorkgroupConfig::new("support", agents(&["ann", "bob"]));
    support.description = "First-line help".to_owned();
    support.agent_names.insert("bob@example.test".parse().unwrap(), "Bob Byrne".to_owned());
    ServiceConfig {
        domain: SERVICE.to_owned(),
        conference: "conference.example.test".to_owned(),
        xmpp_domain: "example.test".to_owned(),
        workgroups: vec![support, WorkgroupConfig::new("sales", agents(&["cleo"]))],
        offers_per_agent: 1,
        details_limit: 5,
    }
}

fn wires() -> (Wire, mpsc::UnboundedSender<Element>, mpsc::UnboundedReceiver<Element>) {
    let (to_service, from_server) = mpsc::unbounded_channel();
    let (to_server, from_service) = mpsc::unbounded_channel();
    (Wire { from_server, to_server }, to_service, from_service)
}

impl Office {
    pub(crate) fn open() -> Self {
        Self::open_with(config(), MemoryJournal::new(), Rooms::default())
    }

    pub(crate) fn open_with(first: ServiceConfig, journal: MemoryJournal, rooms: Rooms) -> Self {
        let (wire, to_service, from_service) = wires();
        let (listener, connections) = mpsc::unbounded_channel();
        listener.send(Ok(wire)).unwrap();
        let (config, config_rx) = watch::channel(first);
        let (cancel, cancel_rx) = watch::channel(false);
        let metrics = Arc::new(Metrics::default());
        let task = tokio::spawn(run_over(
            config_rx,
            Listener(connections),
            journal.clone(),
            cancel_rx,
            Arc::clone(&metrics),
            Surroundings::default(),
        ));
        Self {
            to_service,
            from_service,
            listener,
            rooms,
            inboxes: BTreeMap::new(),
            online: BTreeSet::new(),
            journal,
            metrics,
            config,
            cancel,
            task,
            ids: 0,
        }
    }

    /// The process dies; what the disk and the rooms held is what the next one finds.
    pub(crate) fn kill(mut self) -> Self {
        self.task.abort();
        self.settle_rooms();
        let mut next = Self::open_with(self.config.borrow().clone(), self.journal.copy(), self.rooms);
        next.online = self.online;
        next.inboxes = self.inboxes;
        next.ids = self.ids;
        next
    }

    /// What the dead process had sent still arrives.
    fn settle_rooms(&mut self) {
        while let Ok(stanza) = self.from_service.try_recv() {
            self.route(stanza);
        }
    }

    /// The stream breaks; the next connection attempt succeeds.
    pub(crate) fn cut(&mut self) {
        let (wire, to_service, from_service) = wires();
        self.to_service = to_service;
        self.from_service = from_service;
        self.listener.send(Ok(wire)).unwrap();
    }

    /// The stream breaks and no other is offered.
    pub(crate) fn unplug(&mut self) {
        let (_, to_service, from_service) = wires();
        self.to_service = to_service;
        self.from_service = from_service;
    }

    pub(crate) fn refuse_next(&mut self, error: ConnectError) {
        self.listener.send(Err(error)).unwrap();
    }

    pub(crate) async fn stop(self) {
        self.cancel.send_replace(true);
        self.task.await.unwrap().unwrap();
    }

    /// Sends as somebody: the stanza without `from` and namespace.
    pub(crate) fn send(&mut self, who: &str, xml: &str) {
        self.send_stanza(who, parse(xml));
    }

    /// Sends as somebody.
    pub(crate) fn send_stanza(&mut self, who: &str, mut stanza: Element) {
        stanza.set_attr(
            minidom::rxml::Namespace::NONE,
            minidom::rxml::NcName::try_from("from").unwrap(),
            who.to_owned(),
        );
        self.online.insert(who.to_owned());
        self.route(stanza);
    }

    fn route(&mut self, stanza: Element) {
        let to = Jid::new(stanza.attr("to").expect("every stanza has an addressee")).unwrap();
        match to.domain().as_str() {
            SERVICE => {
                let _ = self.to_service.send(stanza);
            }
            "conference.example.test" => {
                for out in self.rooms.handle(&stanza) {
                    self.route(out);
                }
            }
            _ => self.deliver(to.as_str().to_owned(), stanza),
        }
    }

    fn deliver(&mut self, to: String, stanza: Element) {
        let kind = stanza.attr("type").map(str::to_owned);
        let asks = stanza.name() == "iq" && matches!(kind.as_deref(), Some("get" | "set"));
        let ping = asks && stanza.children().any(|child| child.name() == "ping");
        if asks {
            let (from, id) = (stanza.attr("from").unwrap(), stanza.attr("id").unwrap());
            let answer = if self.online.contains(&to) {
                format!("<iq type='result' id='{id}' from='{to}' to='{from}'/>")
            } else {
                format!(
                    "<iq type='error' id='{id}' from='{to}' to='{from}'><error type='cancel'>\
                     <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
                )
            };
            self.route(parse(&answer));
        }
        if !ping && self.online.contains(&to) {
            self.inboxes.entry(to).or_default().push_back(stanza);
        }
    }

    /// The next stanza for somebody that fits; others before it stay for later.
    pub(crate) async fn expect(&mut self, who: &str, what: &str, fits: impl Fn(&Element) -> bool) -> Element {
        let end = tokio::time::Instant::now() + Duration::from_secs(900);
        loop {
            let inbox = self.inboxes.entry(who.to_owned()).or_default();
            if let Some(at) = inbox.iter().position(&fits) {
                return inbox.remove(at).unwrap();
            }
            let next = tokio::time::timeout_at(end, self.from_service.recv()).await;
            match next {
                Ok(Some(stanza)) => self.route(stanza),
                _ => panic!("{who} waits for {what} and has {:?}", self.inboxes.get(who).map(texts)),
            }
        }
    }

    /// The next stanza with this payload.
    pub(crate) async fn payload(&mut self, who: &str, name: &str) -> Element {
        self.expect(who, name, |stanza| stanza.children().any(|child| child.name() == name)).await
    }

    /// Asks and waits for the answer.
    pub(crate) async fn ask(&mut self, who: &str, kind: &str, to: &str, payload: &str) -> Element {
        self.ids += 1;
        let id = format!("q{}", self.ids);
        self.send(who, &format!("<iq type='{kind}' id='{id}' to='{to}'>{payload}</iq>"));
        let answer = self
            .expect(who, &id, |it| {
                it.attr("id") == Some(id.as_str()) && matches!(it.attr("type"), Some("result" | "error"))
            })
            .await;
        assert_eq!(answer.attr("from"), Some(to));
        answer
    }

    /// Takes everything that is on its way, without letting time pass.
    pub(crate) async fn quiet(&mut self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
            while let Ok(stanza) = self.from_service.try_recv() {
                self.route(stanza);
            }
        }
    }

    /// Lets time pass.
    pub(crate) async fn pass(&mut self, seconds: u64) {
        let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
        while let Ok(Some(stanza)) = tokio::time::timeout_at(end, self.from_service.recv()).await {
            self.route(stanza);
        }
    }

    /// Everything that somebody has got and nobody took yet.
    pub(crate) fn drain(&mut self, who: &str) -> Vec<Element> {
        self.inboxes.remove(who).unwrap_or_default().into()
    }

    pub(crate) async fn agent(&mut self, who: &str, max: u32) {
        self.send(
            who,
            &format!(
                "<presence to='{SUPPORT}'><agent-status xmlns='http://jabber.org/protocol/workgroup'>\
                 <max-chats>{max}</max-chats></agent-status></presence>"
            ),
        );
        self.payload(who, "notify-queue").await;
        self.payload(who, "notify-queue-details").await;
    }

    /// Joins and returns the session.
    pub(crate) async fn join(&mut self, who: &str) -> String {
        let answer = self.ask(who, "set", SUPPORT, &join_form(who)).await;
        assert_eq!(answer.attr("type"), Some("result"), "{}", String::from(&answer));
        let status = self.payload(who, "queue-status").await;
        session_of(&status)
    }

    pub(crate) async fn offered(&mut self, who: &str) -> Offer {
        let fits = |it: &Element| it.name() == "iq" && it.children().any(|child| child.name() == "offer");
        let stanza = self.expect(who, "an offer", fits).await;
        let offer = stanza.children().next().unwrap();
        Offer { id: offer.attr("id").unwrap().to_owned(), session: session_of(&stanza) }
    }

    pub(crate) async fn accept(&mut self, who: &str, id: &str) -> Element {
        let payload = format!("<offer-accept xmlns='http://jabber.org/protocol/workgroup' id='{id}'/>");
        self.ask(who, "set", SUPPORT, &payload).await
    }

    pub(crate) fn enter(&mut self, who: &str, session: &str, nick: &str) {
        self.send(
            who,
            &format!(
                "<presence to='{session}@conference.example.test/{nick}'>\
                 <x xmlns='http://jabber.org/protocol/muc'/></presence>"
            ),
        );
    }

    pub(crate) fn leave(&mut self, who: &str, session: &str, nick: &str) {
        self.send(
            who,
            &format!("<presence type='unavailable' to='{session}@conference.example.test/{nick}'/>"),
        );
    }

    /// From the offer to both being in the room.
    pub(crate) async fn chat(&mut self, agent: &str, customer: &str) -> String {
        let offer = self.offered(agent).await;
        assert_eq!(self.accept(agent, &offer.id).await.attr("type"), Some("result"));
        for (who, nick) in [(agent, "agent"), (customer, "customer")] {
            self.expect(who, "the invitation", is_invitation).await;
            self.enter(who, &offer.session, nick);
        }
        self.quiet().await;
        offer.session
    }
}

pub(crate) struct Offer {
    pub(crate) id: String,
    pub(crate) session: String,
}

fn texts(stanzas: &VecDeque<Element>) -> Vec<String> {
    stanzas.iter().map(String::from).collect()
}

pub(crate) fn parse(xml: &str) -> Element {
    let end = xml.find([' ', '>', '/']).unwrap();
    let (name, rest) = xml.split_at(end);
    format!("{name} xmlns='jabber:client'{rest}").parse().unwrap_or_else(|error| panic!("{error}: {xml}"))
}

pub(crate) fn join_form(who: &str) -> String {
    format!(
        "<join-queue xmlns='http://jabber.org/protocol/workgroup'><queue-notifications/>\
         <x xmlns='jabber:x:data' type='submit'>\
         <field var='username'><value>Wanda</value></field>\
         <field var='email'><value>{}</value></field>\
         <field var='question'><value>My phone is dead</value></field></x></join-queue>",
        who.split('/').next().unwrap()
    )
}

pub(crate) fn session_of(stanza: &Element) -> String {
    fn find(element: &Element) -> Option<String> {
        if element.name() == "session" {
            return element.attr("id").map(str::to_owned);
        }
        element.children().find_map(find)
    }
    find(stanza).expect("a session")
}

pub(crate) fn is_invitation(stanza: &Element) -> bool {
    stanza.name() == "message"
        && stanza
            .get_child("x", "http://jabber.org/protocol/muc#user")
            .is_some_and(|x| x.children().any(|child| child.name() == "invite"))
}

/// The condition of an error.
pub(crate) fn condition(stanza: &Element) -> String {
    let error = stanza.children().find(|child| child.name() == "error").unwrap_or_else(|| {
        panic!("an error: {}", String::from(stanza));
    });
    error.children().next().unwrap().name().to_owned()
}
