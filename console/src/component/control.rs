//! `manager.DOMAIN`: Openfire's Client Control, as Spark asks it (recorded: the permitted features are listed, an
//! unknown node is answered with the query and `item-not-found`, anything else with `service-unavailable`).

use super::Handler;
use super::stanza::{self, DISCO_INFO, DISCO_ITEMS, Request, VERSION};
use crate::compat::client_control;
use crate::policy::documents;
use crate::server::App;
use jid::Jid;
use minidom::Element;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The node with the plugins that Spark must not load.
const BLACKLIST: &str = "spark-plugins-blacklist";

/// The component.
#[derive(Debug)]
pub struct ControlComponent {
    app: Arc<App>,
    domain: String,
}

impl ControlComponent {
    /// A component of this domain.
    pub fn new(app: Arc<App>, domain: String) -> Self {
        Self { app, domain }
    }

    async fn answer(&self, request: &Request<'_>) -> Element {
        let info = request.gets("query", DISCO_INFO);
        let items = request.gets("query", DISCO_ITEMS);
        match request.node() {
            None if info => {
                let Some(features) = self.features(request).await else {
                    return request.error("internal-server-error", "500", None);
                };
                let mut children = vec![stanza::identity("manager", "text", Some("Client Control Manager"))];
                children.extend(features.into_iter().map(stanza::feature));
                request.result(Some(stanza::query(DISCO_INFO, None, children)))
            }
            Some(BLACKLIST) if info => {
                let children = vec![stanza::identity("hierarchy", "leaf", None), stanza::feature(DISCO_INFO)];
                request.result(Some(stanza::query(DISCO_INFO, Some(BLACKLIST), children)))
            }
            None if items => {
                let children = vec![stanza::item(&self.domain, BLACKLIST)];
                request.result(Some(stanza::query(DISCO_ITEMS, None, children)))
            }
            Some(BLACKLIST) if items => {
                request.result(Some(stanza::query(DISCO_ITEMS, Some(BLACKLIST), Vec::new())))
            }
            Some(_) if info || items => {
                let echo =
                    request.payload.map(|query| stanza::query(&query.ns(), query.attr("node"), Vec::new()));
                request.error("item-not-found", "404", echo)
            }
            _ if request.gets("query", VERSION) => {
                request.result(Some(stanza::version("Client Control Manager", "3.5")))
            }
            _ => request.unavailable(),
        }
    }

    /// What the sender is permitted. Somebody of another domain gets the same as everybody here.
    async fn features(&self, request: &Request<'_>) -> Option<Vec<&'static str>> {
        let sender = Jid::new(request.iq.attr("from")?).ok()?.to_bare();
        match documents::effective(&self.app, &sender).await {
            Ok(effective) => Some(client_control::permitted(&effective)),
            Err(error) => {
                tracing::error!(%error, "can't resolve policies for Client Control");
                None
            }
        }
    }
}

impl Handler for ControlComponent {
    fn kind(&self) -> &'static str {
        "client-control"
    }

    fn up<'a>(&self, app: &'a App) -> &'a AtomicU64 {
        &app.metrics.control_up
    }

    async fn connected(&mut self) -> Vec<Element> {
        Vec::new()
    }

    async fn stanza(&mut self, stanza: &Element) -> Vec<Element> {
        match Request::read(stanza) {
            Some(request) => vec![self.answer(&request).await],
            None => Vec::new(),
        }
    }

    /// Spark reads the list once, at sign-in.
    async fn changed(&mut self, _version: u64) -> Vec<Element> {
        Vec::new()
    }
}
