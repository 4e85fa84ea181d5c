//! Service discovery (XEP-0030): what we are, what the own domain offers, what a room is called.

use super::{Translator, iq, policy};
use crate::xml::{MAX_LINE, cut, el};
use base64::Engine;
use flint_core::input::RemoteEvent;
use flint_core::{BareJid, Jid, SendToken};
use minidom::Element;
use sha1::{Digest, Sha1};
use std::sync::LazyLock;

/// Namespace of disco#info.
pub(crate) const INFO: &str = "http://jabber.org/protocol/disco#info";
const ITEMS: &str = "http://jabber.org/protocol/disco#items";
const CAPS: &str = "http://jabber.org/protocol/caps";
/// Names this software in capabilities (XEP-0115 §4).
const NODE: &str = "https://flint.example/caps";

/// Sorted, as XEP-0115 §5.1 needs them.
const FEATURES: &[&str] = &[
    CAPS,
    super::chatstates::NS,
    INFO,
    "http://jabber.org/protocol/muc",
    "jabber:iq:version",
    "jabber:x:conference",
    super::markers::NS,
    "urn:xmpp:ping",
    super::receipts::NS,
];

const MAX_SERVICES: usize = 50;
const MAX_ROOMS: usize = 2_000;

/// What of the domain's discovery an answer is for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Question {
    /// Services of the domain.
    Services,
    /// What one of them is.
    Service(BareJid),
    /// Rooms of one of them.
    Rooms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Progress {
    #[default]
    NotBegun,
    Running,
    Done,
}

/// What is known about the own domain.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    progress: Progress,
    open: usize,
    conferences: Vec<BareJid>,
    wanted: bool,
    open_lists: usize,
    rooms: Vec<(BareJid, String)>,
}

/// Hash over identity and features (XEP-0115 §5.1, SHA-1 as that document fixes it).
static VERIFICATION: LazyLock<String> = LazyLock::new(|| {
    let mut text = format!("client/pc//{}<", crate::CLIENT_NAME);
    for feature in FEATURES {
        text.push_str(feature);
        text.push('<');
    }
    base64::engine::general_purpose::STANDARD.encode(Sha1::digest(text.as_bytes()))
});

/// The `<c/>` of our presence.
pub(crate) fn caps() -> Element {
    el("c", CAPS).attr("hash", "sha-1").attr("node", NODE).attr("ver", VERIFICATION.as_str()).build()
}

/// Our answer to disco#info; `None` for a node that we do not have.
pub(crate) fn own_info(node: Option<&str>) -> Option<Element> {
    if node.is_some_and(|node| node != format!("{NODE}#{}", *VERIFICATION)) {
        return None;
    }
    let identity =
        el("identity", INFO).attr("category", "client").attr("type", "pc").attr("name", crate::CLIENT_NAME);
    let mut query = el("query", INFO).opt("node", node).child(identity);
    for feature in FEATURES {
        query = query.child(el("feature", INFO).attr("var", *feature));
    }
    Some(query.build())
}

/// Asks what somebody is.
pub(crate) fn info_query() -> Element {
    el("query", INFO).build()
}

fn items_query() -> Element {
    el("query", ITEMS).build()
}

fn has_feature(query: &Element, feature: &str) -> bool {
    query.children().any(|child| child.is("feature", INFO) && child.attr("var") == Some(feature))
}

/// A room's disco#info: its name.
pub(crate) fn room_info(translator: &mut Translator, room: BareJid, iq: &Element) {
    let name = iq
        .get_child("query", INFO)
        .and_then(|query| query.get_child("identity", INFO))
        .and_then(|identity| identity.attr("name"))
        .map(|name| cut(name.trim(), MAX_LINE).to_owned());
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        translator.tell(RemoteEvent::RoomNamed { room, name });
    }
}

/// Takes over one answer of the discovery; `None` when there was none.
pub(crate) fn answered(translator: &mut Translator, question: Question, iq: Option<&Element>) {
    match question {
        Question::Services => {
            let services = iq.map(services).unwrap_or_default();
            translator.discovery.open = services.len();
            for service in services {
                let request = iq::Request::Discovery(Question::Service(service.clone()));
                translator.ask("get", Some(service.into()), request, |_| info_query());
            }
            translator.services_known();
        }
        Question::Service(service) => {
            translator.discovery.open = translator.discovery.open.saturating_sub(1);
            if let Some(query) = iq.and_then(|iq| iq.get_child("query", INFO)) {
                let is_conference = query.children().any(|child| {
                    child.is("identity", INFO)
                        && child.attr("category") == Some("conference")
                        && child.attr("type") == Some("text")
                });
                if is_conference && has_feature(query, "http://jabber.org/protocol/muc") {
                    translator.discovery.conferences.push(service.clone());
                }
                if has_feature(query, flint_xep::policy::NS) {
                    policy::found(translator, service, query);
                }
            }
            translator.services_known();
        }
        // Of the stream before.
        Question::Rooms if translator.discovery.progress != Progress::Done => {}
        Question::Rooms => {
            if let Some(query) = iq.and_then(|iq| iq.get_child("query", ITEMS)) {
                let rooms = query.children().filter(|child| child.is("item", ITEMS)).filter_map(|item| {
                    let jid = BareJid::new(item.attr("jid")?).ok().filter(|jid| jid.node().is_some())?;
                    let name = cut(item.attr("name").unwrap_or_default().trim(), MAX_LINE);
                    let name = if name.is_empty() { jid.node()?.as_str() } else { name };
                    Some((jid.clone(), name.to_owned()))
                });
                let room = MAX_ROOMS.saturating_sub(translator.discovery.rooms.len());
                translator.discovery.rooms.extend(rooms.take(room));
            }
            translator.discovery.open_lists = translator.discovery.open_lists.saturating_sub(1);
            translator.rooms_known();
        }
    }
}

fn services(iq: &Element) -> Vec<BareJid> {
    let Some(query) = iq.get_child("query", ITEMS) else { return Vec::new() };
    let mut found: Vec<BareJid> = Vec::new();
    for item in query.children().filter(|child| child.is("item", ITEMS)) {
        let jid = item.attr("jid").and_then(|jid| BareJid::new(jid).ok());
        // Services are domains; a domain may also list its people.
        if let Some(jid) = jid.filter(|jid| jid.node().is_none() && !found.contains(jid))
            && found.len() < MAX_SERVICES
        {
            found.push(jid);
        }
    }
    found
}

impl Translator {
    /// Begins to look through the own domain.
    pub(super) fn discover(&mut self) {
        self.discovery = Discovery { progress: Progress::Running, ..Discovery::default() };
        let domain = Jid::from(self.account.domain().to_owned());
        let request = iq::Request::Discovery(Question::Services);
        self.ask("get", Some(domain), request, |_| items_query());
    }

    /// The engine wants the rooms of the domain's conference services.
    pub(super) fn list_rooms(&mut self, token: SendToken) {
        match self.discovery.progress {
            Progress::NotBegun => {
                let result = Err("Rooms can be listed only while signed in.".to_owned());
                self.tell(RemoteEvent::RequestAnswered { token, result });
            }
            Progress::Running => self.discovery.wanted = true,
            Progress::Done if self.discovery.open_lists > 0 => {}
            Progress::Done => self.ask_for_rooms(),
        }
    }

    fn services_known(&mut self) {
        if self.discovery.open > 0 || self.discovery.progress != Progress::Running {
            return;
        }
        self.discovery.progress = Progress::Done;
        if !self.policy.is_found() {
            policy::not_found(self);
        }
        if self.discovery.wanted {
            self.ask_for_rooms();
        }
    }

    fn ask_for_rooms(&mut self) {
        self.discovery.wanted = false;
        self.discovery.rooms.clear();
        let services = self.discovery.conferences.clone();
        self.discovery.open_lists = services.len();
        for service in services {
            let request = iq::Request::Discovery(Question::Rooms);
            self.ask("get", Some(service.into()), request, |_| items_query());
        }
        self.rooms_known();
    }

    fn rooms_known(&mut self) {
        if self.discovery.open_lists == 0 {
            let rooms = std::mem::take(&mut self.discovery.rooms);
            self.tell(RemoteEvent::RoomsListed { rooms });
        }
    }
}
