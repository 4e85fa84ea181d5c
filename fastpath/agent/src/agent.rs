//! The agent's state machine.
//!
//! Trust: a workgroup is believed only when its bare address is in the list that the own server's workgroup service
//! gave; a room only after a workgroup invited us into it for an offer that we took, or when it is a room of the own
//! server into which a joined workgroup calls us; colleagues' presences only when the workgroup listed the colleague.
//! Everything else is dropped and counted.

mod called;
mod chats;
mod desk;
mod handover;
mod offers;
mod stanza;
#[cfg(test)]
mod tests;
mod transcript;

use crate::command::AgentCommand;
use crate::update::AgentUpdate;
use crate::wire::{AgentEffect, AgentInput, AgentOutput, AgentTimer, Extension, StanzaKind};
use chats::Chat;
use desk::Desk;
use flint_core::ids::Timestamp;
use flint_core::model::Show;
use flint_core::secret::Private;
use flint_fastpath_protocol::Condition;
use jid::{BareJid, FullJid, Jid};
use minidom::Element;
use offers::{Accepted, OpenOffer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Chats at once until the agent says otherwise.
const DEFAULT_MAX_CHATS: u32 = 4;
/// How long an answer may take.
const ANSWER_MS: u64 = 20_000;

/// What we asked and wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Request {
    /// Services of the domain.
    DomainItems,
    /// Is this item a workgroup service?
    ServiceInfo(String),
    /// Our workgroups at this service.
    Workgroups(String),
    /// Name of a workgroup.
    WorkgroupCard(BareJid),
    /// Labels of a workgroup's form.
    Form(BareJid),
    /// Colleagues.
    Colleagues(BareJid),
    /// Our own name.
    OwnName(BareJid),
    /// Who is in a chat's room, by session id.
    Occupants(String),
    /// Taking an offer.
    Accept(String),
    /// Declining one.
    Decline,
    /// Somebody else in a chat: a transfer, or an invitation.
    HandOver {
        /// Transfer.
        transfer: bool,
    },
    /// A transcript.
    Transcript {
        /// Workgroup.
        workgroup: BareJid,
        /// Session id.
        session: String,
    },
}

/// One owner of the desk's state; pure.
#[derive(Debug)]
pub struct Agent {
    account: BareJid,
    prefix: String,
    counter: u64,
    me: Option<FullJid>,
    services: BTreeSet<String>,
    desks: BTreeMap<BareJid, Desk>,
    show: Show,
    max_chats: u32,
    offers: BTreeMap<String, OpenOffer>,
    accepted: BTreeMap<String, Accepted>,
    chats: BTreeMap<String, Chat>,
    requests: BTreeMap<String, Request>,
    dropped: u64,
}

impl Agent {
    /// A new module for this account; `id_seed` makes stanza ids unique.
    pub fn new(account: BareJid, id_seed: [u8; 16]) -> Self {
        let mut prefix = String::from("desk-");
        for byte in &id_seed[..8] {
            // Writing to a string can't fail.
            let _ = write!(prefix, "{byte:02x}");
        }
        Self {
            account,
            prefix,
            counter: 0,
            me: None,
            services: BTreeSet::new(),
            desks: BTreeMap::new(),
            show: Show::Available,
            max_chats: DEFAULT_MAX_CHATS,
            offers: BTreeMap::new(),
            accepted: BTreeMap::new(),
            chats: BTreeMap::new(),
            requests: BTreeMap::new(),
            dropped: 0,
        }
    }

    /// Own bare JID.
    pub fn account(&self) -> &BareJid {
        &self.account
    }

    /// How many stanzas were dropped, because their sender has no say here or because they were malformed.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The present state, for a reader that has missed updates: workgroups with their queues, offers, chats. Lines are not
    /// kept here.
    pub fn snapshot_updates(&self) -> Vec<AgentUpdate> {
        let mut updates = vec![AgentUpdate::Workgroups { workgroups: self.rows() }];
        updates.extend(self.offers.values().map(|open| AgentUpdate::Offer { offer: open.row.clone() }));
        updates.extend(self.chats.values().map(|chat| AgentUpdate::Chat { chat: chat.row.clone() }));
        updates
    }

    /// Handles one input at the moment `now`.
    pub fn handle(&mut self, input: AgentInput, now: Timestamp) -> AgentOutput {
        let mut out = AgentOutput { at: now, ..AgentOutput::default() };
        match input {
            AgentInput::Command(command) => self.command(command, &mut out),
            AgentInput::Online(me) => self.online(me, &mut out),
            AgentInput::Offline => self.offline(&mut out),
            AgentInput::Extension(extension) => self.extension(extension, &mut out),
            AgentInput::TimerFired(AgentTimer::Offer(offer)) => self.offer_ran_out(&offer, &mut out),
            AgentInput::TimerFired(AgentTimer::Request(name)) => self.request_timer(&name, &mut out),
        }
        out
    }

    fn command(&mut self, command: AgentCommand, out: &mut AgentOutput) {
        match command {
            AgentCommand::JoinWorkgroup { workgroup } => self.join_workgroup(&workgroup, out),
            AgentCommand::LeaveWorkgroup { workgroup } => self.leave_workgroup(&workgroup, out),
            AgentCommand::SetStatus { show, max_chats } => self.set_status(show, max_chats, out),
            AgentCommand::AcceptOffer { offer } => self.accept_offer(&offer, out),
            AgentCommand::DeclineOffer { offer } => self.decline_offer(&offer, out),
            AgentCommand::SendToCustomer { session, body } => self.say(&session, &body, out),
            AgentCommand::HandOver { session, transfer, to, reason } => {
                self.hand_over(&session, transfer, to, &reason, out);
            }
            AgentCommand::EndChat { session } => self.end_chat(&session, out),
            AgentCommand::GetTranscript { workgroup, session } => {
                self.get_transcript(&workgroup, session, out)
            }
        }
    }

    fn online(&mut self, me: FullJid, out: &mut AgentOutput) {
        self.me = Some(me);
        self.discover(out);
        self.rejoin_rooms(out);
    }

    fn offline(&mut self, out: &mut AgentOutput) {
        self.me = None;
        for id in std::mem::take(&mut self.requests).into_keys() {
            out.effects.push(AgentEffect::CancelTimer(AgentTimer::Request(id)));
        }
        self.offers_lost(out);
        self.desks_offline(out);
        self.chats_offline(out);
    }

    fn extension(&mut self, extension: Extension, out: &mut AgentOutput) {
        let Ok(stanza) = extension.xml.0.parse::<Element>() else {
            self.drop_stanza();
            return;
        };
        match extension.kind {
            StanzaKind::IqResult | StanzaKind::IqError => self.answer(&extension, &stanza, out),
            StanzaKind::IqGet | StanzaKind::IqSet => self.asked(&extension, &stanza, out),
            StanzaKind::Message => self.message(&extension, &stanza, out),
            StanzaKind::Presence => self.presence(&extension, &stanza, out),
        }
    }

    /// An answer counts only when it comes from where we asked: the id is ours, and the session matches senders.
    fn answer(&mut self, extension: &Extension, stanza: &Element, out: &mut AgentOutput) {
        let Some((id, request)) = extension.id.as_ref().and_then(|id| self.requests.remove_entry(id)) else {
            self.drop_stanza();
            return;
        };
        out.effects.push(AgentEffect::CancelTimer(AgentTimer::Request(id)));
        let result = if extension.kind == StanzaKind::IqResult {
            Ok(stanza.children().next())
        } else {
            Err(Condition::read(stanza))
        };
        match request {
            Request::DomainItems => self.domain_items(result.ok().flatten(), out),
            Request::ServiceInfo(service) => self.service_info(service, result.ok().flatten(), out),
            Request::Workgroups(service) => self.workgroups(&service, result.ok().flatten(), out),
            Request::WorkgroupCard(workgroup) => self.workgroup_card(&workgroup, result.ok().flatten(), out),
            Request::Form(workgroup) => self.form(&workgroup, result.ok().flatten(), out),
            Request::Colleagues(workgroup) => self.colleagues(&workgroup, result, out),
            Request::OwnName(workgroup) => self.own_name(&workgroup, result.ok().flatten()),
            Request::Occupants(session) => self.occupants(&session, result.ok().flatten(), out),
            Request::Accept(offer) => self.accept_answered(&offer, result.map(|_| ()), out),
            Request::Decline => {}
            Request::HandOver { transfer } => handover::answered(transfer, result.map(|_| ()), out),
            Request::Transcript { workgroup, session } => self.transcript(&workgroup, session, result, out),
        }
    }

    /// Somebody asks us: every question of a workgroup service is answered, no other one.
    fn asked(&mut self, extension: &Extension, stanza: &Element, out: &mut AgentOutput) {
        if !self.services.contains(extension.from.domain().as_str()) {
            self.drop_stanza();
            return;
        }
        let workgroup = extension.from.to_bare();
        let payload = stanza.children().next();
        let name = payload.map(Element::name).unwrap_or_default();
        let known = extension.kind == StanzaKind::IqSet && self.desks.contains_key(&workgroup);
        let verdict = match (payload, name) {
            (Some(payload), "offer") if known => self.offer(&workgroup, payload, out),
            (Some(payload), "offer-revoke") if known => self.offer_revoked(&workgroup, payload, out),
            (Some(payload), "agent-status-request") if known => self.colleague_push(&workgroup, payload, out),
            _ => Err(Condition::ServiceUnavailable),
        };
        if verdict.is_err() {
            self.drop_stanza();
        }
        // The answer goes first: the workgroup may wait for it.
        let answer = stanza::answer(&extension.from, extension.id.as_deref(), verdict.err());
        out.effects.insert(0, send(&answer));
    }

    fn message(&mut self, extension: &Extension, stanza: &Element, out: &mut AgentOutput) {
        let room = extension.from.to_bare();
        if self.desks.contains_key(&room) && extension.stanza_type.as_deref() == Some("error") {
            return self.handover_failed(stanza, out);
        }
        if let Some(session) = self.chat_of_room(&room) {
            self.room_message(&session, extension, stanza, out);
        } else {
            self.invitation(extension, stanza, out);
        }
    }

    fn presence(&mut self, extension: &Extension, stanza: &Element, out: &mut AgentOutput) {
        let bare = extension.from.to_bare();
        if let Some(session) = self.chat_of_room(&bare) {
            self.room_presence(&session, extension, stanza, out);
        } else if self.desks.contains_key(&bare) {
            self.workgroup_presence(&bare, extension, stanza, out);
        } else {
            self.colleague_presence(&extension.from, extension.stanza_type.as_deref(), stanza, out);
        }
    }

    fn request_timer(&mut self, name: &str, out: &mut AgentOutput) {
        if let Some(request) = self.requests.remove(name) {
            match request {
                Request::Workgroups(service) => self.workgroups(&service, None, out),
                Request::Occupants(session) => self.occupants(&session, None, out),
                Request::HandOver { transfer } => handover::unanswered(transfer, out),
                Request::Transcript { .. } => out.updates.push(rejected(
                    "Show the transcript",
                    "The workgroup did not answer. Try again in a moment.",
                )),
                _ => {}
            }
            return;
        }
        match name.split_once(':') {
            Some(("join", workgroup)) => self.join_unanswered(workgroup, out),
            Some(("check", workgroup)) => self.check_desk(workgroup, out),
            Some(("accept", offer)) => self.accept_unanswered(offer, out),
            Some(("room", session)) => self.room_unanswered(session, out),
            Some(("leave", session)) => self.release(session, out),
            Some(("typing", session)) => self.typing(session, false, out),
            Some(("say", rest)) => self.line_unsettled(rest, out),
            _ => {}
        }
    }

    fn next_id(&mut self) -> String {
        self.counter += 1;
        format!("{}-{}", self.prefix, self.counter)
    }

    /// Sends a question and remembers what it was.
    fn ask(&mut self, kind: &str, to: &Jid, payload: Element, request: Request, out: &mut AgentOutput) {
        let id = self.next_id();
        out.effects.push(send(&stanza::iq(kind, to, &id, payload)));
        out.effects.push(AgentEffect::SetTimer { id: AgentTimer::Request(id.clone()), after_ms: ANSWER_MS });
        self.requests.insert(id, request);
    }

    fn drop_stanza(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
    }
}

fn send(stanza: &Element) -> AgentEffect {
    AgentEffect::Send { xml: Private(String::from(stanza)) }
}

fn timer(kind: &str, name: &str, after_ms: u64) -> AgentEffect {
    AgentEffect::SetTimer { id: AgentTimer::Request(format!("{kind}:{name}")), after_ms }
}

fn cancel(kind: &str, name: &str) -> AgentEffect {
    AgentEffect::CancelTimer(AgentTimer::Request(format!("{kind}:{name}")))
}

fn rejected(what: &str, reason: &str) -> AgentUpdate {
    AgentUpdate::Rejected { what: what.to_owned(), reason: reason.to_owned() }
}
