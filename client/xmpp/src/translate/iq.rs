//! Requests and answers (RFC 6120 §8.2.3): ours are tracked until the asked address answers or time is up; those of
//! others are answered at once.

use super::{Step, Translator, disco, mam, policy, roster, vcard};
use crate::xml::{CLIENT, STANZA_ERRORS, el, error_sentence, stanza};
use flint_core::input::RemoteEvent;
use flint_core::{BareJid, Jid, SendToken};
use flint_xep::sender::{FromAccount, FromServer};
use minidom::Element;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long an answer may take.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);

const MAX_OPEN: usize = 512;
const PING: &str = "urn:xmpp:ping";
const VERSION: &str = "jabber:iq:version";

/// What an answer is for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    /// The roster.
    Roster(SendToken),
    /// Only success or failure matters.
    Report(SendToken),
    /// Own vCard.
    OwnName(SendToken),
    /// A page of an archive.
    Archive(mam::Query),
    /// A room's name.
    RoomInfo(BareJid),
    /// Looking through the own domain.
    Discovery(disco::Question),
    /// A room that we have just created is to be opened (XEP-0045 §10.1.2).
    UnlockRoom,
    /// A module asked.
    Module,
}

#[derive(Debug)]
struct Open {
    to: Option<Jid>,
    request: Request,
    deadline: Instant,
}

/// Our requests that wait for an answer.
#[derive(Debug)]
pub(crate) struct Requests {
    prefix: u64,
    counter: u64,
    open: HashMap<String, Open>,
}

impl Requests {
    pub(crate) fn new(prefix: u64) -> Self {
        Self { prefix, counter: 0, open: HashMap::new() }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.open.values().map(|open| open.deadline).min()
    }

    /// Gives what is open as much time as a request that is made now.
    pub(crate) fn put_off(&mut self, now: Instant) {
        for open in self.open.values_mut() {
            open.deadline = now + ANSWER;
        }
    }

    /// The archive query of this id, when its answer may come from `from`.
    pub(crate) fn archive(&self, id: &str, from: Option<&Jid>, account: &BareJid) -> Option<&mam::Query> {
        match self.open.get(id) {
            Some(Open { to, request: Request::Archive(query), .. })
                if may_answer(to.as_ref(), from, account) =>
            {
                Some(query)
            }
            _ => None,
        }
    }

    fn next_id(&mut self) -> String {
        self.counter += 1;
        format!("f{:x}-{}", self.prefix, self.counter)
    }

    /// The request that this answer belongs to. An answer from elsewhere leaves it open: it is a forgery.
    fn take(&mut self, id: &str, from: Option<&Jid>, account: &BareJid) -> Result<Request, &'static str> {
        let open = self.open.get(id).ok_or("answer-unasked")?;
        if !may_answer(open.to.as_ref(), from, account) {
            return Err("answer-from-elsewhere");
        }
        self.open.remove(id).map(|open| open.request).ok_or("answer-unasked")
    }
}

/// RFC 6120 §8.1.2.1, §10.3.3: without `to`, the server answers for the account; else the asked address itself.
fn may_answer(to: Option<&Jid>, from: Option<&Jid>, account: &BareJid) -> bool {
    let of_server = FromAccount::check(from, account).is_some() || FromServer::check(from, account).is_some();
    match to {
        // Not another device of the account: that one is not the server.
        None => of_server,
        Some(to) if from.is_none() => {
            FromAccount::check(Some(to), account).is_some() || FromServer::check(Some(to), account).is_some()
        }
        Some(to) => from == Some(to),
    }
}

impl Translator {
    /// Sends a request and remembers what it is for. False when too many are open.
    pub(super) fn ask(
        &mut self,
        kind: &'static str,
        to: Option<Jid>,
        request: Request,
        payload: impl FnOnce(&str) -> Element,
    ) {
        let id = self.requests.next_id();
        let payload = payload(&id);
        let iq = stanza("iq")
            .attr("type", kind)
            .attr("id", id.as_str())
            .opt("to", to.as_ref().map(Jid::to_string))
            .child(payload)
            .build();
        if self.remember(id, to, request) {
            self.send(iq);
        }
    }

    /// Remembers an open request. When there are too many, it fails at once.
    pub(super) fn remember(&mut self, id: String, to: Option<Jid>, request: Request) -> bool {
        if self.requests.open.len() >= MAX_OPEN {
            self.failed(request, "Too many requests wait for an answer of the server.");
            return false;
        }
        let deadline = self.now + ANSWER;
        self.requests.open.insert(id, Open { to, request, deadline });
        true
    }

    pub(super) fn expire_requests(&mut self) {
        let now = self.now;
        let late: Vec<String> = self
            .requests
            .open
            .iter()
            .filter(|(_, open)| open.deadline <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in late {
            if let Some(open) = self.requests.open.remove(&id) {
                self.failed(open.request, "The server did not answer in time.");
            }
        }
    }

    pub(super) fn fail_requests(&mut self, reason: &str) {
        let open = std::mem::take(&mut self.requests.open);
        for (_, open) in open {
            self.failed(open.request, reason);
        }
    }

    pub(super) fn inbound_iq(&mut self, iq: &Element, from: Option<&Jid>) {
        let Some(id) = iq.attr("id") else {
            self.dropped.count("iq-without-id");
            return;
        };
        match iq.attr("type") {
            Some("get") => self.inbound_request(iq, id, from, false),
            Some("set") => self.inbound_request(iq, id, from, true),
            Some(kind @ ("result" | "error")) => match self.requests.take(id, from, &self.account) {
                Ok(Request::Module) => self.hand_out(iq, from),
                Ok(request) if kind == "result" => self.answered(request, iq),
                Ok(request) => {
                    let reason = error_sentence(iq, "The request");
                    self.failed(request, &reason);
                }
                Err(cause) => self.dropped.count(cause),
            },
            _ => self.dropped.count("iq-type"),
        }
    }

    fn answered(&mut self, request: Request, iq: &Element) {
        match request {
            Request::Roster(_) => roster::received(self, iq),
            Request::Report(token) => self.tell(RemoteEvent::RequestAnswered { token, result: Ok(()) }),
            Request::OwnName(token) => vcard::received(self, iq, token),
            Request::Archive(query) => mam::finished(self, query, iq),
            Request::RoomInfo(room) => disco::room_info(self, room, iq),
            Request::Discovery(question) => disco::answered(self, question, Some(iq)),
            Request::UnlockRoom | Request::Module => {}
        }
    }

    pub(super) fn failed(&mut self, request: Request, reason: &str) {
        match request {
            Request::Roster(token) | Request::Report(token) | Request::OwnName(token) => {
                self.tell(RemoteEvent::RequestAnswered { token, result: Err(reason.to_owned()) });
            }
            Request::Archive(query) => {
                self.tell(RemoteEvent::ArchiveFailed { archive: query.archive, reason: reason.to_owned() });
            }
            Request::Discovery(question) => disco::answered(self, question, None),
            Request::RoomInfo(_) | Request::UnlockRoom | Request::Module => {}
        }
    }

    /// Somebody asks us (RFC 6120 §8.2.3: every request gets exactly one answer).
    fn inbound_request(&mut self, iq: &Element, id: &str, from: Option<&Jid>, set: bool) {
        let Some(payload) = iq.children().next() else {
            self.refuse(id, from, "modify", "bad-request");
            return;
        };
        match (set, payload.name(), payload.ns().as_str()) {
            (true, "query", roster::NS) => match FromAccount::check(from, &self.account) {
                Some(account) => {
                    roster::pushed(self, &account, payload);
                    self.reply(id, from, None);
                }
                None => {
                    self.dropped.count("roster-push-from-elsewhere");
                    self.refuse(id, from, "cancel", "service-unavailable");
                }
            },
            (false, "ping", PING) => self.reply(id, from, None),
            (false, "query", disco::INFO) => match disco::own_info(payload.attr("node")) {
                Some(info) => self.reply(id, from, Some(info)),
                None => self.refuse(id, from, "cancel", "item-not-found"),
            },
            (false, "query", VERSION) => self.reply(id, from, Some(version())),
            _ if self.claims.covers_service(from) => self.hand_out(iq, from),
            _ => self.refuse(id, from, "cancel", "service-unavailable"),
        }
    }

    fn reply(&mut self, id: &str, to: Option<&Jid>, payload: Option<Element>) {
        let iq = stanza("iq")
            .attr("type", "result")
            .attr("id", id)
            .opt("to", to.map(Jid::to_string))
            .maybe(payload)
            .build();
        self.steps.push(Step::Send(iq, None));
    }

    fn refuse(&mut self, id: &str, to: Option<&Jid>, kind: &'static str, condition: &'static str) {
        let iq = stanza("iq")
            .attr("type", "error")
            .attr("id", id)
            .opt("to", to.map(Jid::to_string))
            .child(el("error", CLIENT).attr("type", kind).child(el(condition, STANZA_ERRORS)))
            .build();
        self.steps.push(Step::Send(iq, None));
    }

    /// Sends a module's stanza; requests are remembered so that their answers are handed out.
    pub(crate) fn outbound_extension(&mut self, xml: &str, now: Instant) {
        self.now = now;
        let Ok(element) = xml.parse::<Element>() else {
            tracing::warn!("a module wanted to send XML that is not well-formed");
            return;
        };
        if element.ns() != CLIENT || !matches!(element.name(), "iq" | "message" | "presence") {
            tracing::warn!("a module wanted to send something that is no stanza");
            return;
        }
        let Ok(to) = element.attr("to").map(Jid::new).transpose() else {
            tracing::warn!("a module wanted to send to an address that is not valid");
            return;
        };
        if element.name() == "iq" && matches!(element.attr("type"), Some("get" | "set")) {
            let Some(id) = element.attr("id") else {
                tracing::warn!("a module wanted to ask without an id");
                return;
            };
            if !self.remember(id.to_owned(), to, Request::Module) {
                return;
            }
        }
        self.send(element);
    }

    /// What to say to the policy service about this client, now and at each sign-in.
    pub(crate) fn set_client_state(&mut self, state: flint_xep::policy::ClientState) {
        policy::announce(self, state);
    }
}

fn version() -> Element {
    let text = |name, text| el(name, VERSION).text(text);
    el("query", VERSION)
        .child(text("name", crate::CLIENT_NAME))
        .child(text("version", env!("CARGO_PKG_VERSION")))
        .child(text("os", std::env::consts::OS))
        .build()
}
