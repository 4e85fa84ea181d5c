//! A server for whole sign-ins: DNS, TCP, STARTTLS, SCRAM, binding, XEP-0198. It lives in a runtime of its own, so that
//! the client's one has the client's tasks only, and it can stop at any step.

use flint_test_support::certificates::{Validity, accept};
use flint_test_support::peer::{Received, attribute};
use flint_test_support::signin::{BIND, BIND_AND_SM, SASL, decoded, mechanisms, sasl};
use flint_test_support::{Account, Authority, Peer, ScramServer, dns};
use minidom::Element;
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

/// What the client says in the course of a sign-in, in order.
pub(crate) const STEPS: [&str; 9] = [
    "the first header",
    "starttls",
    "TLS",
    "the header over TLS",
    "auth",
    "response",
    "the header after the sign-in",
    "binding",
    "enable",
];

/// What all connections share.
#[derive(Debug)]
struct Script {
    config: Arc<ServerConfig>,
    /// The step that gets no answer.
    hold: Mutex<Option<&'static str>>,
    reached: Notify,
}

/// The running server.
#[derive(Debug)]
pub(crate) struct Server {
    runtime: Runtime,
    script: Arc<Script>,
    /// Who has signed its certificate.
    pub(crate) authority: Authority,
    /// Its DNS server, with a record that leads to it.
    pub(crate) dns: SocketAddr,
}

impl Server {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let authority = Authority::default();
        let config = authority.server("example.test", Validity::Now);
        let script = Arc::new(Script { config, hold: Mutex::new(None), reached: Notify::new() });
        let dns = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let script = Arc::clone(&script);
            tokio::spawn(async move {
                while let Ok((tcp, _)) = listener.accept().await {
                    tokio::spawn(serve(tcp, Arc::clone(&script)));
                }
            });
            dns(vec![("_xmpp-client._tcp.example.test.", "xmpp.example.test.", port, 1)]).await
        });
        Self { runtime, script, authority, dns }
    }

    /// Connections that it has.
    pub(crate) fn connections(&self) -> usize {
        // The listener and DNS are tasks, too.
        self.runtime.metrics().num_alive_tasks() - 2
    }

    /// Gives no answer to this step any more, or to each again.
    pub(crate) fn hold(&self, step: Option<&'static str>) {
        *self.script.hold.lock().unwrap() = step;
    }

    /// Waits for a client to come to the step that gets no answer.
    pub(crate) async fn reached(&self) {
        self.script.reached.notified().await;
    }
}

impl Script {
    fn holds(&self, step: &str) -> bool {
        let holds = *self.hold.lock().unwrap() == Some(step);
        if holds {
            self.reached.notify_one();
        }
        holds
    }

    /// What the client says at this step; `None` when the sign-in is over here.
    async fn hear(&self, peer: &mut Peer, step: &str) -> Option<Element> {
        match peer.receive().await {
            Received::Header(element) | Received::Element(element) if !self.holds(step) => Some(element),
            Received::Header(_) | Received::Element(_) => {
                until_hang_up(peer).await;
                None
            }
            Received::End | Received::HangUp => None,
        }
    }
}

async fn until_hang_up(peer: &mut Peer) {
    while !matches!(peer.receive().await, Received::End | Received::HangUp) {}
}

/// One connection; `None` when it is over before its session.
async fn serve(tcp: TcpStream, script: Arc<Script>) -> Option<()> {
    // Several writes may follow each other; without this the second one waits for the client's kernel.
    tcp.set_nodelay(true).ok()?;
    let mut steps = STEPS.into_iter();
    let mut step = || steps.next().unwrap();
    let mut peer = Peer::new(tcp);
    script.hear(&mut peer, step()).await?;
    peer.open("s0", Some("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")).await;
    script.hear(&mut peer, step()).await?;
    peer.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
    let mut io = peer.into_io();
    if script.holds(step()) {
        let _ = io.read_to_end(&mut Vec::new()).await;
        return None;
    }
    let mut peer = Peer::new(accept(Arc::clone(&script.config), io).await?);

    let account = Account::default();
    script.hear(&mut peer, step()).await?;
    peer.open("s1", Some(&mechanisms(&["SCRAM-SHA-1"]))).await;
    let auth = script.hear(&mut peer, step()).await?;
    let mut scram = ScramServer::new(attribute(&auth, "mechanism"), &account.password);
    peer.send(&sasl("challenge", &scram.challenge(&decoded(&auth)))).await;
    let response = script.hear(&mut peer, step()).await?;
    let Some(signature) = scram.finish(&decoded(&response)) else {
        peer.send(&format!("<failure xmlns='{SASL}'><not-authorized/></failure>")).await;
        until_hang_up(&mut peer).await;
        return None;
    };
    peer.send(&sasl("success", &signature)).await;
    peer.restart();
    script.hear(&mut peer, step()).await?;
    peer.open("s2", Some(BIND_AND_SM)).await;
    let bind = script.hear(&mut peer, step()).await?;
    let (id, jid) = (attribute(&bind, "id"), &account.jid);
    peer.send(&format!("<iq type='result' id='{id}'><bind xmlns='{BIND}'><jid>{jid}</jid></bind></iq>"))
        .await;
    script.hear(&mut peer, step()).await?;
    peer.send("<enabled xmlns='urn:xmpp:sm:3' id='sm1' resume='true'/>").await;
    until_hang_up(&mut peer).await;
    Some(())
}
