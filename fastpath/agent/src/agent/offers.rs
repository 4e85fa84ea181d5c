//! Offers: shown with a clock of their own, taken, declined, gone.

use super::{Agent, Request, cancel, rejected, timer};
use crate::update::{AgentUpdate, OfferEnd, OfferRow};
use crate::wire::{AgentEffect, AgentOutput, AgentTimer, Extension};
use flint_core::ids::Timestamp;
use flint_core::secret::Private;
use flint_fastpath_protocol::form::Form;
use flint_fastpath_protocol::offer::{Offer, OfferAnswer, OfferKind, OfferRef, OfferRevoke};
use flint_fastpath_protocol::room::Invitation;
use flint_fastpath_protocol::{Condition, Metadata};
use jid::{BareJid, Jid};
use minidom::Element;

/// How long the invitation may take after we accepted.
const ACCEPT_MS: u64 = 15_000;
/// How much later than announced an offer is taken from the screen, so that the workgroup's word comes first.
const GRACE_MS: u64 = 1_500;
/// A revoke that comes at most so much before our own clock is the time-out: the offer was under way as well.
const EARLY_MS: i64 = 1_000;
/// Longest time to answer.
const MAX_TIMEOUT_S: i64 = 3_600;
pub(super) const MAX_OFFERS: usize = 50;
const MAX_ACCEPTED: usize = 200;

/// Names that are the service's own business.
const INTERNAL: [&str; 9] =
    ["username", "question", "ignore", "agent", "userID", "inviter", "workgroup", "transfer", "sessionID"];

/// An offer on the screen.
#[derive(Debug)]
pub(super) struct OpenOffer {
    pub(super) row: OfferRow,
    pub(super) offer: Offer,
    /// A colleague called us by name: the room waits, and there is nobody to answer.
    pub(super) called: bool,
}

/// An offer that we took: it entitles its workgroup to invite us into one room.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) offer: String,
    pub(super) workgroup: BareJid,
    pub(super) home: BareJid,
    pub(super) customer: Jid,
    pub(super) row: OfferRow,
}

impl Agent {
    /// An offer of a known workgroup. The answer to the IQ is the returned value.
    pub(super) fn offer(
        &mut self,
        workgroup: &BareJid,
        payload: &Element,
        out: &mut AgentOutput,
    ) -> Result<(), Condition> {
        let offer = Offer::read(payload).map_err(|error| error.condition())?;
        let Some(desk) = self.desks.get(workgroup).filter(|desk| desk.wanted()) else {
            return Err(Condition::NotAllowed);
        };
        if offer.timeout_s <= 0 || self.chats.get(&offer.session.id).is_some_and(super::Chat::runs) {
            return Ok(());
        }
        if let Some(known) = self.offers.get(&offer.id) {
            if known.row.workgroup != *workgroup {
                return Err(Condition::Conflict);
            }
            if known.row.accepting {
                return Ok(());
            }
        } else if self.offers.len() >= MAX_OFFERS {
            return Err(Condition::ResourceConstraint);
        }
        let timeout_ms = offer.timeout_s.min(MAX_TIMEOUT_S) * 1_000;
        let row = OfferRow {
            id: offer.id.clone(),
            session: offer.session.id.clone(),
            workgroup: workgroup.clone(),
            customer_name: customer_name(&offer),
            question: offer.metadata.first("question").unwrap_or_default().into(),
            answers: answers(&offer.metadata, desk.form.as_ref()),
            waiting_since: desk.waits_since(&offer.customer),
            received_at: out.at,
            expires_at: out.at.plus(timeout_ms),
            accepting: false,
        };
        out.effects.push(AgentEffect::SetTimer {
            id: AgentTimer::Offer(offer.id.clone()),
            after_ms: timeout_ms.unsigned_abs() + GRACE_MS,
        });
        out.updates.push(AgentUpdate::Offer { offer: row.clone() });
        self.offers.insert(offer.id.clone(), OpenOffer { row, offer, called: false });
        Ok(())
    }

    pub(super) fn offer_revoked(
        &mut self,
        workgroup: &BareJid,
        payload: &Element,
        out: &mut AgentOutput,
    ) -> Result<(), Condition> {
        let revoke = OfferRevoke::read(payload).map_err(|error| error.condition())?;
        let open = self.offers.get(&revoke.id).filter(|open| open.row.workgroup == *workgroup);
        let Some(row) = open.map(|open| &open.row) else { return Ok(()) };
        let over = has_run_out(row, out.at)
            && ![OfferRevoke::CUSTOMER_GONE, OfferRevoke::WITHDRAWN].contains(&revoke.reason.as_str());
        match (over, row.accepting) {
            (true, true) => self.accepted_too_late(&revoke.id, out),
            (true, false) => self.close_offer(&revoke.id, OfferEnd::TimedOut, out),
            (false, _) => self.close_offer(&revoke.id, OfferEnd::Revoked, out),
        }
        Ok(())
    }

    /// We accepted, but the time was over before the workgroup heard of it.
    fn accepted_too_late(&mut self, id: &str, out: &mut AgentOutput) {
        self.close_offer(id, OfferEnd::TimedOut, out);
        out.updates.push(rejected(
            "Take the customer",
            "Your answer arrived after the offer had run out. If the customer still waits, you will be asked again.",
        ));
    }

    /// The offer's own clock. While we wait for the invitation that wait decides.
    pub(super) fn offer_ran_out(&mut self, offer: &str, out: &mut AgentOutput) {
        let Some(open) = self.offers.get(offer).filter(|open| !open.row.accepting) else { return };
        let (workgroup, called) = (open.row.workgroup.clone(), open.called);
        self.close_offer(offer, OfferEnd::TimedOut, out);
        if called {
            return;
        }
        self.refresh_desk(&workgroup, out);
    }

    pub(super) fn accept_offer(&mut self, id: &str, out: &mut AgentOutput) {
        let Some(open) = self.offers.get_mut(id) else {
            out.updates.push(rejected("Take the customer", "This customer is no longer offered to you."));
            return;
        };
        if open.row.accepting {
            return;
        }
        open.row.accepting = true;
        let row = open.row.clone();
        let accepted = Accepted {
            offer: id.to_owned(),
            workgroup: row.workgroup.clone(),
            home: open.offer.session.workgroup.clone().unwrap_or_else(|| row.workgroup.clone()),
            customer: open.offer.customer.clone(),
            row: row.clone(),
        };
        while self.accepted.len() >= MAX_ACCEPTED {
            self.accepted.pop_first();
        }
        self.accepted.insert(row.session.clone(), accepted);
        if self.offers.get(id).is_some_and(|open| open.called) {
            return self.enter_room_of(id, out);
        }
        let answer = OfferAnswer { accept: true, offer: OfferRef::Id(id.to_owned()) };
        self.ask("set", &row.workgroup.clone().into(), answer.element(), Request::Accept(id.to_owned()), out);
        out.effects.push(AgentEffect::CancelTimer(AgentTimer::Offer(id.to_owned())));
        out.effects.push(timer("accept", id, ACCEPT_MS));
        out.updates.push(AgentUpdate::Offer { offer: row });
    }

    /// The result says only "noted". For a colleague's running chat there is no invitation: the offer named the room.
    pub(super) fn accept_answered(
        &mut self,
        id: &str,
        result: Result<(), Option<Condition>>,
        out: &mut AgentOutput,
    ) {
        let Some(open) = self.offers.get(id) else { return };
        match result {
            Ok(()) => self.enter_room_of(id, out),
            Err(_) => {
                let (session, over) = (open.row.session.clone(), has_run_out(&open.row, out.at));
                self.accepted.remove(&session);
                if over {
                    return self.accepted_too_late(id, out);
                }
                self.close_offer(id, OfferEnd::Revoked, out);
                out.updates.push(rejected(
                    "Take the customer",
                    "Somebody else took this customer, or the customer left. Wait for the next one.",
                ));
            }
        }
    }

    /// Into the room that the offer named, if it did.
    fn enter_room_of(&mut self, id: &str, out: &mut AgentOutput) {
        let Some(open) = self.offers.get(id) else { return };
        if let OfferKind::Invitation(handover) | OfferKind::Transfer(handover) = &open.offer.kind {
            let (room, session) = (handover.room.clone(), open.row.session.clone());
            self.start_chat(&session, room, None, out);
        }
    }

    /// No invitation came. A late one is still followed: the customer waits there.
    pub(super) fn accept_unanswered(&mut self, id: &str, out: &mut AgentOutput) {
        if self.offers.get(id).is_some_and(|open| open.row.accepting) {
            self.close_offer(id, OfferEnd::TimedOut, out);
            out.updates.push(rejected(
                "Take the customer",
                "The workgroup did not open the chat in time. If the customer still waits, you will be asked again.",
            ));
        }
    }

    pub(super) fn decline_offer(&mut self, id: &str, out: &mut AgentOutput) {
        let Some(open) = self.offers.get(id) else { return };
        let (workgroup, called) = (open.row.workgroup.clone(), open.called);
        self.accepted.remove(&open.row.session);
        if !called {
            let answer = OfferAnswer { accept: false, offer: OfferRef::Id(id.to_owned()) };
            self.ask("set", &workgroup.into(), answer.element(), Request::Decline, out);
        }
        self.close_offer(id, OfferEnd::Declined, out);
    }

    /// A room invites us. Only the workgroup whose offer we took may make it do so.
    pub(super) fn invitation(&mut self, extension: &Extension, message: &Element, out: &mut AgentOutput) {
        let invitation = match Invitation::read(message) {
            Ok(Some(invitation)) if invitation.room == extension.from.to_bare() => invitation,
            // A failure notice or a line of the workgroup's bot: nothing to show.
            _ => return self.drop_stanza(),
        };
        let Some(inviter) = invitation.inviter.as_ref().map(Jid::to_bare) else { return self.drop_stanza() };
        let session = invitation.session_ids().find(|id| {
            self.accepted
                .get(*id)
                .is_some_and(|accepted| accepted.workgroup == inviter || accepted.home == inviter)
        });
        let Some(session) = session.map(str::to_owned) else { return self.called(&inviter, invitation, out) };
        if self.services.contains(invitation.room.domain().as_str()) {
            return self.drop_stanza();
        }
        let password = invitation.password.map(|password| Private(password.0));
        self.start_chat(&session, invitation.room, password, out);
    }

    pub(super) fn close_offer(&mut self, id: &str, reason: OfferEnd, out: &mut AgentOutput) {
        if self.offers.remove(id).is_some() {
            out.effects.push(AgentEffect::CancelTimer(AgentTimer::Offer(id.to_owned())));
            out.effects.push(cancel("accept", id));
            out.updates.push(AgentUpdate::OfferClosed { offer: id.to_owned(), reason });
        }
    }

    pub(super) fn close_offers_of(&mut self, workgroup: &BareJid, out: &mut AgentOutput) {
        let ids: Vec<String> = self
            .offers
            .iter()
            .filter(|(_, open)| open.row.workgroup == *workgroup)
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            self.close_offer(&id, OfferEnd::Declined, out);
        }
    }

    /// The stream is gone, and with it our place in the workgroup.
    pub(super) fn offers_lost(&mut self, out: &mut AgentOutput) {
        let ids: Vec<String> = self.offers.keys().cloned().collect();
        for id in ids {
            self.close_offer(&id, OfferEnd::Revoked, out);
        }
        self.accepted.clear();
    }

    /// A queue's details arrived after an offer.
    pub(super) fn note_waits(&mut self, workgroup: &BareJid, out: &mut AgentOutput) {
        let Some(desk) = self.desks.get(workgroup) else { return };
        let open = self.offers.values_mut().filter(|open| open.row.workgroup == *workgroup);
        for open in open.filter(|open| open.row.waiting_since.is_none()) {
            open.row.waiting_since = desk.waits_since(&open.offer.customer);
            if open.row.waiting_since.is_some() {
                out.updates.push(AgentUpdate::Offer { offer: open.row.clone() });
            }
        }
    }

    /// The labels of the form arrived after an offer.
    pub(super) fn relabel(&mut self, workgroup: &BareJid, out: &mut AgentOutput) {
        let form = self.desks.get(workgroup).and_then(|desk| desk.form.as_ref());
        for open in self.offers.values_mut().filter(|open| open.row.workgroup == *workgroup) {
            let labelled = answers(&open.offer.metadata, form);
            if labelled != open.row.answers {
                open.row.answers = labelled;
                out.updates.push(AgentUpdate::Offer { offer: open.row.clone() });
            }
        }
    }
}

/// The offer's time is over, or as good as over.
fn has_run_out(row: &OfferRow, at: Timestamp) -> bool {
    at.plus(EARLY_MS) >= row.expires_at
}

pub(super) fn customer_name(offer: &Offer) -> String {
    match offer.metadata.first("username").map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => offer.customer.node().map_or_else(|| offer.customer.to_string(), |node| node.to_string()),
    }
}

/// Answers with labels: in the form's order, then whatever else was sent along.
pub(super) fn answers(metadata: &Metadata, form: Option<&Form>) -> Vec<(String, Private)> {
    let place = |name: &str| {
        form.and_then(|form| form.fields.iter().position(|field| field.var == name)).unwrap_or(usize::MAX)
    };
    let mut entries: Vec<_> =
        metadata.entries().iter().filter(|(name, _)| !INTERNAL.contains(&name.as_str())).collect();
    entries.sort_by_key(|(name, _)| place(name));
    entries
        .into_iter()
        .map(|(name, values)| {
            let field = form.and_then(|form| form.fields.iter().find(|field| field.var == *name));
            let label =
                field.map(|field| field.label.trim_end_matches(':')).filter(|label| !label.is_empty());
            let shown: Vec<&str> = values
                .iter()
                .map(|value| {
                    let option =
                        field.and_then(|field| field.options.iter().find(|option| option.value == *value));
                    option.map_or(value.as_str(), |option| option.label.as_str())
                })
                .collect();
            (label.unwrap_or(name).to_owned(), Private(shown.join(", ")))
        })
        .collect()
}
