//! A domain as a script: its listener, and streams that answer by themselves what every sign-in asks.

use crate::in_time;
use flint_test_support::certificates::{Validity, accept};
use flint_test_support::peer::{Received, attribute};
use flint_test_support::signin::{BIND_AND_SM, mechanisms, sasl};
use flint_test_support::{Account, Authority, Peer};
use minidom::Element;
use rustls::ServerConfig;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

const CARBONS: &str = "urn:xmpp:carbons:2";
const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
const MAM: &str = "urn:xmpp:mam:2";
const ROSTER: &str = "jabber:iq:roster";
const RSM: &str = "http://jabber.org/protocol/rsm";
const SM: &str = "urn:xmpp:sm:3";
const VCARD: &str = "vcard-temp";

/// One message in the account's archive.
#[derive(Debug, Clone)]
pub struct Archived {
    /// Its id there.
    pub id: String,
    /// When, in XEP-0082 form.
    pub stamp: String,
    /// The message as it was sent.
    pub message: String,
}

impl Archived {
    /// Text that a contact sent on a day of June 2026.
    pub fn of(id: &str, day: u8, from: &str, text: &str) -> Self {
        Self {
            id: id.to_owned(),
            stamp: format!("2026-06-{day:02}T12:00:00Z"),
            message: format!(
                "<message xmlns='jabber:client' type='chat' from='{from}/phone' to='ann@example.test' id='w-{id}'>\
                 <body>{text}</body></message>"
            ),
        }
    }
}

/// What the domain knows. A stream answers by it.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// `<item/>`s of the roster.
    pub roster: String,
    /// The account's archive, oldest first.
    pub archive: Vec<Archived>,
    /// At most this many messages a page, however many the client wants.
    pub page: Option<usize>,
    /// Ids that the archive has forgotten: a query after one of them is refused (XEP-0313 §4.3.3).
    pub forgotten: Vec<String>,
}

impl World {
    /// Bob and Carla are in the roster, seen and seeing.
    pub fn office() -> Self {
        let item = |jid: &str, name: &str| {
            format!("<item jid='{jid}' name='{name}' subscription='both'><group>Legal</group></item>")
        };
        Self {
            roster: item("bob@example.test", "Bob Stone") + &item("carla@example.test", "Carla Rossi"),
            ..Self::default()
        }
    }
}

/// The domain's listener.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    account: Account,
    /// TCP port on 127.0.0.1; TLS from the first byte.
    pub port: u16,
    /// PEM file of the authority that its certificate comes from.
    pub ca: PathBuf,
}

/// What outlives a connection: both counters of XEP-0198, and what was sent.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// Stanzas of the client that the server has dealt with.
    pub handled: u32,
    /// Stanzas for the client, in order. Whatever is added here waits for the resumption.
    pub sent: Vec<String>,
}

impl Server {
    /// Listens, with a certificate for `name` and the authority's certificate in `dir`.
    pub async fn start_as(dir: &Path, name: &str) -> Self {
        let authority = Authority::default();
        let ca = dir.join("ca.pem");
        std::fs::write(&ca, authority.pem()).expect("the directory is ours");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        Self { listener, tls: authority.server(name, Validity::Now), account: Account::default(), port, ca }
    }

    /// The server of `example.test`.
    pub async fn start(dir: &Path) -> Self {
        Self::start_as(dir, "example.test").await
    }

    /// Waits for the next connection; `None` when the client does not like the certificate.
    pub async fn accept(&self) -> Option<Peer> {
        let (socket, _) = in_time("a connection", self.listener.accept()).await.expect("the listener works");
        accept(self.tls.clone(), Box::new(socket)).await.map(Peer::new)
    }

    /// True when nobody connects within this time.
    pub async fn is_left_alone(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.listener.accept()).await.is_err()
    }

    /// Waits for a connection and a new sign-in on it.
    pub async fn online(&self, world: &World) -> Stream {
        let mut peer = self.accept().await.expect("the client trusts the certificate");
        in_time("the sign-in", peer.sign_in(&self.account)).await;
        Stream::begin(peer, world.clone(), Past::default())
    }

    /// Waits for a connection and resumes the earlier stream on it: what the client missed is sent again.
    pub async fn resumed(&self, world: &World, past: Past) -> Stream {
        let mut peer = self.accept().await.expect("the client trusts the certificate");
        in_time("the sign-in", peer.authenticate(&self.account, BIND_AND_SM)).await;
        let resume = in_time("the resumption", peer.expect("resume")).await;
        assert_eq!(attribute(&resume, "previd"), "sm1");
        let seen: usize = attribute(&resume, "h").parse().expect("h is a number");
        assert!(seen <= past.sent.len(), "the client claims {seen} stanzas of {}", past.sent.len());
        peer.send(&format!("<resumed xmlns='{SM}' previd='sm1' h='{}'/>", past.handled)).await;
        for stanza in &past.sent[seen..] {
            peer.send(stanza).await;
        }
        Stream::begin(peer, world.clone(), past)
    }

    /// Waits for a connection and refuses the resumption asked for on it; a new stream begins.
    pub async fn forgot(&self, world: &World) -> Stream {
        let mut peer = self.accept().await.expect("the client trusts the certificate");
        in_time("the sign-in", peer.authenticate(&self.account, BIND_AND_SM)).await;
        in_time("the resumption", peer.expect("resume")).await;
        peer.send(&format!(
            "<failed xmlns='{SM}'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
        ))
        .await;
        peer.bind(&self.account).await;
        peer.expect("enable").await;
        peer.send(&format!("<enabled xmlns='{SM}' id='sm1' resume='true'/>")).await;
        Stream::begin(peer, world.clone(), Past::default())
    }

    /// Waits for a connection, offers these mechanisms, and ends the stream when the client wants none of them.
    pub async fn offer(&self, names: &[&str]) {
        let mut peer = self.accept().await.expect("the client trusts the certificate");
        peer.header().await;
        peer.open("s1", Some(&mechanisms(names))).await;
        in_time("the client's good-bye", hung_up(&mut peer)).await;
    }

    /// Waits for a connection and refuses the password with this condition (RFC 6120 §6.5).
    pub async fn refuse(&self, condition: &str) {
        let mut peer = self.accept().await.expect("the client trusts the certificate");
        peer.header().await;
        peer.open("s1", Some(&mechanisms(&["SCRAM-SHA-1"]))).await;
        let auth = peer.expect("auth").await;
        let mut scram = flint_test_support::ScramServer::new("SCRAM-SHA-1", "not the password");
        let challenge = scram.challenge(&flint_test_support::signin::decoded(&auth));
        peer.send(&sasl("challenge", &challenge)).await;
        peer.expect("response").await;
        peer.send(&format!("<failure xmlns='{}'><{condition}/></failure>", flint_test_support::signin::SASL))
            .await;
        in_time("the client's good-bye", hung_up(&mut peer)).await;
    }
}

async fn hung_up(peer: &mut Peer) {
    while peer.receive().await != Received::HangUp {}
}

enum Order {
    Send(String),
    Deaf,
    End(oneshot::Sender<Past>),
}

/// An open stream. Requests that every sign-in makes are answered by themselves, acknowledgements too.
#[derive(Debug)]
pub struct Stream {
    orders: mpsc::UnboundedSender<Order>,
    seen: mpsc::UnboundedReceiver<Received>,
}

impl Stream {
    fn begin(peer: Peer, world: World, past: Past) -> Self {
        let (orders, ordered) = mpsc::unbounded_channel();
        let (tell, seen) = mpsc::unbounded_channel();
        tokio::spawn(Task { peer, world, past, deaf: false, tell }.run(ordered));
        Self { orders, seen }
    }

    fn order(&self, order: Order) {
        assert!(self.orders.send(order).is_ok(), "the stream has ended");
    }

    /// Sends one stanza.
    pub fn send(&self, stanza: impl Into<String>) {
        self.order(Order::Send(stanza.into()));
    }

    /// From now on nothing of the client is heard, as on a line that is dead before anybody knows.
    pub fn go_deaf(&self) {
        self.order(Order::Deaf);
    }

    /// Cuts the connection without a word.
    pub async fn cut(self) -> Past {
        let (answer, past) = oneshot::channel();
        self.order(Order::End(answer));
        past.await.expect("the stream tells its past when it ends")
    }

    /// Waits for a stanza of the client for which `pick` returns something.
    pub async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&Element) -> Option<T>) -> T {
        in_time(what, async {
            loop {
                match self.seen.recv().await {
                    Some(Received::Element(element)) => {
                        if let Some(found) = pick(&element) {
                            return found;
                        }
                    }
                    other => panic!("{what} was expected, not the end of the stream ({other:?})"),
                }
            }
        })
        .await
    }

    /// Waits for the next message with text and returns (id, text).
    pub async fn message(&mut self) -> (String, String) {
        self.until("a message with text", text_of).await
    }

    /// Every message with text up to a stanza that `is_last`.
    pub async fn messages_until(
        &mut self,
        what: &str,
        is_last: impl Fn(&Element) -> bool,
    ) -> Vec<(String, String)> {
        let mut messages = Vec::new();
        self.until(what, |stanza| {
            messages.extend(text_of(stanza));
            is_last(stanza).then_some(())
        })
        .await;
        messages
    }

    /// Waits for the answer to a request of ours.
    pub async fn answer(&mut self, id: &str) -> Element {
        self.until("an answer", |stanza| {
            (stanza.name() == "iq" && attribute(stanza, "id") == id).then(|| stanza.clone())
        })
        .await
    }

    /// Waits until the client ends the stream or hangs up, and cuts the rest.
    pub async fn ended_by_client(mut self) -> Past {
        in_time("the end of the stream", async {
            loop {
                match self.seen.recv().await {
                    Some(Received::End | Received::HangUp) | None => return,
                    Some(_) => {}
                }
            }
        })
        .await;
        self.cut().await
    }
}

fn text_of(stanza: &Element) -> Option<(String, String)> {
    let body = stanza.get_child("body", "jabber:client")?;
    Some((attribute(stanza, "id").to_owned(), body.text()))
}

struct Task {
    peer: Peer,
    world: World,
    past: Past,
    deaf: bool,
    tell: mpsc::UnboundedSender<Received>,
}

impl Task {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut open = true;
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Send(stanza)) => self.send(stanza).await,
                    Some(Order::Deaf) => self.deaf = true,
                    Some(Order::End(answer)) => {
                        let _ = answer.send(self.past);
                        return;
                    }
                    None => return,
                },
                received = self.peer.receive(), if open => {
                    open = !matches!(received, Received::End | Received::HangUp);
                    if received == Received::End {
                        self.peer.send("</stream:stream>").await;
                    }
                    if !self.deaf {
                        self.handle(&received).await;
                        // A test that no longer looks has let go of the stream.
                        let _ = self.tell.send(received);
                    }
                }
            }
        }
    }

    async fn send(&mut self, stanza: String) {
        self.peer.send(&stanza).await;
        self.past.sent.push(stanza);
    }

    async fn handle(&mut self, received: &Received) {
        let Received::Element(element) = received else { return };
        match element.name() {
            "message" | "presence" => self.past.handled += 1,
            "iq" => {
                self.past.handled += 1;
                if matches!(attribute(element, "type"), "get" | "set") {
                    for stanza in answer(&self.world, element) {
                        self.send(stanza).await;
                    }
                }
            }
            "r" => self.peer.send(&format!("<a xmlns='{SM}' h='{}'/>", self.past.handled)).await,
            _ => {}
        }
    }
}

/// What the domain says to a request; nothing where the test answers itself.
fn answer(world: &World, iq: &Element) -> Vec<String> {
    let Some(payload) = iq.children().next() else { return Vec::new() };
    let (id, to) = (attribute(iq, "id"), attribute(iq, "to"));
    let from = if to.is_empty() { String::new() } else { format!("from='{to}'") };
    let result = |content: &str| vec![format!("<iq type='result' {from} id='{id}'>{content}</iq>")];
    match (payload.name(), payload.ns().as_str()) {
        ("query", ROSTER) if attribute(iq, "type") == "get" => {
            result(&format!("<query xmlns='{ROSTER}'>{}</query>", world.roster))
        }
        ("query", ROSTER) | ("enable", CARBONS) => result(""),
        ("query", DISCO_ITEMS) => result(&format!("<query xmlns='{DISCO_ITEMS}'/>")),
        ("query", DISCO_INFO) => result(&format!(
            "<query xmlns='{DISCO_INFO}'><identity category='conference' type='text' name='Water cooler'/></query>"
        )),
        ("vCard", VCARD) => result(&format!("<vCard xmlns='{VCARD}'><FN>Ann Meyer</FN></vCard>")),
        ("query", MAM) if to.is_empty() => archive(world, id, payload),
        _ => vec![format!(
            "<iq type='error' {from} id='{id}'><error type='cancel'>\
             <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )],
    }
}

/// A page of the account's archive (XEP-0313 §4, XEP-0059).
fn archive(world: &World, id: &str, query: &Element) -> Vec<String> {
    let set = query.get_child("set", RSM);
    let of_set = |name| set.and_then(|set| set.get_child(name, RSM)).map(Element::text);
    let wanted: usize = of_set("max").and_then(|max| max.parse().ok()).unwrap_or(100);
    let size = world.page.unwrap_or(wanted).min(wanted);
    let all = &world.archive;
    let (page, complete) = match of_set("after") {
        Some(after) if world.forgotten.contains(&after) => {
            return vec![format!(
                "<iq type='error' id='{id}'><error type='cancel'>\
                 <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            )];
        }
        Some(after) => {
            let start = all.iter().position(|entry| entry.id == after).map_or(0, |found| found + 1);
            let end = all.len().min(start + size);
            (&all[start..end], end == all.len())
        }
        None if of_set("before").is_some() => (&all[all.len().saturating_sub(size)..], all.len() <= size),
        None => (&all[..all.len().min(size)], all.len() <= size),
    };
    let query_id = attribute(query, "queryid");
    let mut stanzas: Vec<String> = page.iter().map(|entry| result(query_id, entry)).collect();
    let last = page.last().map(|entry| format!("<last>{}</last>", entry.id)).unwrap_or_default();
    stanzas.push(format!(
        "<iq type='result' id='{id}'><fin xmlns='{MAM}' complete='{complete}'><set xmlns='{RSM}'>{last}</set></fin></iq>"
    ));
    stanzas
}

/// One result of a query.
pub fn result(query_id: &str, entry: &Archived) -> String {
    format!(
        "<message to='ann@example.test/r1' from='ann@example.test'><result xmlns='{MAM}' queryid='{query_id}' id='{}'>\
         <forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='{}'/>{}</forwarded>\
         </result></message>",
        entry.id, entry.stamp, entry.message
    )
}
