//! `flint.DOMAIN`: says where the policies are, keeps the list of clients, tells them of new versions.

use super::Handler;
use super::stanza::{self, CLIENT, DISCO_INFO, DISCO_ITEMS, PING, Request, VERSION};
use crate::metrics::Metrics;
use crate::server::App;
use flint_xep::policy::{self, Changed, ClientState};
use jid::FullJid;
use minidom::Element;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Ids of the pings by which clients are asked whether they are still there.
const STILL_THERE: &str = "flint-still-there";

/// The component.
#[derive(Debug)]
pub struct PolicyComponent {
    app: Arc<App>,
    domain: String,
}

impl PolicyComponent {
    /// A component of this domain.
    pub fn new(app: Arc<App>, domain: String) -> Self {
        Self { app, domain }
    }

    fn answer(&self, request: &Request<'_>) -> Element {
        if request.gets("query", DISCO_INFO) && request.node().is_none() {
            let url = self.app.config().http.public_url.clone();
            let children = vec![
                stanza::identity("component", "generic", Some("Flint policies")),
                stanza::feature(DISCO_INFO),
                stanza::feature(DISCO_ITEMS),
                stanza::feature(PING),
                stanza::feature(VERSION),
                stanza::feature(policy::NS),
                policy::form(&url),
            ];
            return request.result(Some(stanza::query(DISCO_INFO, None, children)));
        }
        if request.gets("query", DISCO_ITEMS) && request.node().is_none() {
            return request.result(Some(stanza::query(DISCO_ITEMS, None, Vec::new())));
        }
        if request.gets("query", DISCO_INFO) || request.gets("query", DISCO_ITEMS) {
            return request.error("item-not-found", "404", None);
        }
        if request.gets("query", VERSION) {
            return request.result(Some(stanza::version("flintd", env!("CARGO_PKG_VERSION"))));
        }
        if request.gets("ping", PING) {
            return request.result(None);
        }
        request.unavailable()
    }

    /// A person's client of our own domain; nobody else is on the list.
    fn sender(&self, stanza: &Element) -> Option<FullJid> {
        let jid = FullJid::new(stanza.attr("from")?).ok()?;
        (jid.node().is_some() && jid.domain().as_str() == self.app.config().domain).then_some(jid)
    }

    async fn presence(&mut self, stanza: &Element) -> Vec<Element> {
        let Some(jid) = self.sender(stanza) else { return self.dropped() };
        let now = self.app.now();
        let written = match stanza.attr("type") {
            None => {
                let Some(state) = stanza.children().find_map(ClientState::read) else {
                    // Ordinary presence, for example by a client that is no Flint.
                    return Vec::new();
                };
                let behind = state.applied < *self.app.version.borrow();
                let written = self.app.store.client_online(now, &jid, &state).await;
                if written.is_ok() && behind {
                    return self.tell([jid]);
                }
                written
            }
            Some("unavailable" | "error") => self.app.store.client_offline(now, &jid).await,
            Some(_) => return Vec::new(),
        };
        if let Err(error) = written {
            tracing::error!(%error, "can't note a client's state");
        }
        Vec::new()
    }

    /// The answer to our question whether a client is still there.
    async fn still_there(&mut self, stanza: &Element) {
        let Some(jid) = self.sender(stanza) else { return };
        let gone = stanza.attr("type") == Some("error")
            && stanza.children().filter(|child| child.is("error", CLIENT)).any(|error| {
                error.children().any(|condition| {
                    matches!(
                        condition.name(),
                        "service-unavailable" | "recipient-unavailable" | "item-not-found"
                    )
                })
            });
        if gone && let Err(error) = self.app.store.client_offline(self.app.now(), &jid).await {
            tracing::error!(%error, "can't note that a client is gone");
        }
    }

    fn tell(&self, clients: impl IntoIterator<Item = FullJid>) -> Vec<Element> {
        let version = *self.app.version.borrow();
        let message = |client: FullJid| {
            Metrics::count(&self.app.metrics.pushes);
            stanza::headline(&self.domain, client.as_str(), Changed { version }.element())
        };
        clients.into_iter().map(message).collect()
    }

    async fn online(&self) -> Vec<FullJid> {
        match self.app.store.clients().await {
            Ok(rows) => rows.into_iter().filter(|row| row.online).map(|row| row.jid).collect(),
            Err(error) => {
                tracing::error!(%error, "can't read the list of clients");
                Vec::new()
            }
        }
    }

    fn dropped(&self) -> Vec<Element> {
        Metrics::count(&self.app.metrics.stanzas_dropped);
        Vec::new()
    }
}

impl Handler for PolicyComponent {
    fn kind(&self) -> &'static str {
        "policy"
    }

    fn up<'a>(&self, app: &'a App) -> &'a AtomicU64 {
        &app.metrics.policy_up
    }

    /// Clients that were online before may have gone while nobody listened, and may have missed a version: each is
    /// asked and told.
    async fn connected(&mut self) -> Vec<Element> {
        let online = self.online().await;
        let mut out: Vec<Element> =
            online.iter().map(|jid| stanza::ping(&self.domain, jid.as_str(), STILL_THERE)).collect();
        out.extend(self.tell(online));
        out
    }

    async fn stanza(&mut self, stanza: &Element) -> Vec<Element> {
        if let Some(request) = Request::read(stanza) {
            return vec![self.answer(&request)];
        }
        if stanza.is("presence", CLIENT) {
            return self.presence(stanza).await;
        }
        if stanza.is("iq", CLIENT) && stanza.attr("id") == Some(STILL_THERE) {
            self.still_there(stanza).await;
            return Vec::new();
        }
        self.dropped()
    }

    async fn changed(&mut self, _version: u64) -> Vec<Element> {
        self.tell(self.online().await)
    }
}
