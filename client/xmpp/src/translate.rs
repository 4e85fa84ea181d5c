//! Stanza ↔ domain. One file per area; this one decides which area a stanza belongs to and who its sender is.
//!
//! Pure but for the moment that is handed in: elements come in, [`Step`]s come out. Whatever an area takes over was
//! checked against a sender type of flint-xep; the rest is dropped and counted, and a request is answered by an error.

pub(crate) mod carbons;
pub(crate) mod chatstates;
pub(crate) mod disco;
pub(crate) mod extension;
pub(crate) mod iq;
pub(crate) mod mam;
pub(crate) mod markers;
pub(crate) mod message;
pub(crate) mod muc;
pub(crate) mod outbound;
pub(crate) mod policy;
pub(crate) mod presence;
pub(crate) mod receipts;
pub(crate) mod roster;
pub(crate) mod vcard;

use crate::output::{Dropped, SessionOutput};
use crate::xml::CLIENT;
use flint_core::input::{RemoteEvent, SessionEvent};
use flint_core::{BareJid, FullJid, Jid, SendToken};
use minidom::Element;
use tokio::time::Instant;

/// What translating has led to, to be done in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Tell this.
    Tell(SessionOutput),
    /// Send this stanza. The token is there for messages, whose fate is reported.
    Send(Element, Option<SendToken>),
}

/// All that must be known to tell whose word counts.
#[derive(Debug)]
pub(crate) struct Translator {
    account: BareJid,
    jid: Option<FullJid>,
    rooms: muc::Rooms,
    claims: extension::Claims,
    requests: iq::Requests,
    discovery: disco::Discovery,
    policy: policy::Policy,
    dropped: Dropped,
    now: Instant,
    steps: Vec<Step>,
}

impl Translator {
    /// `prefix` makes the ids of our requests unguessable from outside.
    pub(crate) fn new(account: BareJid, prefix: u64, now: Instant) -> Self {
        Self {
            account,
            jid: None,
            rooms: muc::Rooms::default(),
            claims: extension::Claims::default(),
            requests: iq::Requests::new(prefix),
            discovery: disco::Discovery::default(),
            policy: policy::Policy::default(),
            dropped: Dropped::default(),
            now,
            steps: Vec::new(),
        }
    }

    /// What has to be done now; empties it.
    pub(crate) fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// What was dropped.
    pub(crate) fn dropped(&self) -> &Dropped {
        &self.dropped
    }

    /// A new stream: nothing of the one before is valid any more. Begins to look through the domain.
    pub(crate) fn online(&mut self, jid: FullJid, now: Instant) {
        self.now = now;
        self.jid = Some(jid);
        self.rooms.clear();
        self.discover();
    }

    /// The stream is gone and will not be resumed: every open request has failed.
    pub(crate) fn lost(&mut self, reason: &str) {
        self.jid = None;
        self.rooms.clear();
        self.discovery = disco::Discovery::default();
        self.policy.forget_service();
        self.fail_requests(reason);
    }

    /// Requests without an answer until now have failed.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.now = now;
        self.expire_requests();
    }

    /// The server is in the middle of a stanza: an answer behind it, or in it, has its time from now on.
    pub(crate) fn put_off(&mut self, now: Instant) {
        self.requests.put_off(now);
    }

    /// When [`Translator::expire`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.requests.deadline()
    }

    /// Takes over one stanza from the stream.
    pub(crate) fn inbound(&mut self, stanza: &Element, now: Instant) {
        self.now = now;
        let Ok(from) = stanza.attr("from").map(Jid::new).transpose() else {
            self.dropped.count("sender-malformed");
            return;
        };
        match stanza.name() {
            _ if stanza.ns() != CLIENT => self.dropped.count("namespace"),
            "iq" => self.inbound_iq(stanza, from.as_ref()),
            "message" if self.is_for_module(stanza, from.as_ref()) => self.hand_out(stanza, from.as_ref()),
            "message" => self.inbound_message(stanza, from.as_ref()),
            "presence" if self.is_for_module(stanza, from.as_ref()) => self.hand_out(stanza, from.as_ref()),
            "presence" => self.inbound_presence(stanza, from.as_ref()),
            _ => self.dropped.count("stanza-kind"),
        }
    }

    fn tell(&mut self, event: RemoteEvent) {
        self.steps.push(Step::Tell(SessionOutput::Remote(event)));
    }

    fn tell_state(&mut self, event: SessionEvent) {
        self.steps.push(Step::Tell(SessionOutput::State(event)));
    }

    fn send(&mut self, stanza: Element) {
        self.steps.push(Step::Send(stanza, None));
    }

    /// A room that we are in. An address that we only try to enter may be a person's, who must still be heard.
    fn is_room(&self, jid: &BareJid) -> bool {
        self.rooms.is_joined(jid)
    }
}

#[cfg(test)]
pub(crate) mod tests;
