//! Archives (XEP-0313), page by page (XEP-0059).
//!
//! A result counts only with the id of a query of ours, and only from the archive that was asked (§4.1): else anybody
//! could write into our history.

use super::carbons::forwarded;
use super::message::{Content, DELAY, format_stamp, stamp};
use super::{Translator, markers, receipts};
use crate::xml::{DATA_FORMS, el, form_field, id_attr};
use flint_core::ids::{StanzaId, Timestamp};
use flint_core::input::{Origin, RemoteEvent};
use flint_core::{BareJid, Jid};
use flint_xep::sender::{FromContact, FromOccupant};
use minidom::Element;

/// Namespace.
pub(crate) const NS: &str = "urn:xmpp:mam:2";

const RSM: &str = "http://jabber.org/protocol/rsm";

/// A query that was sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    /// Archive; `None` is the own account's.
    pub(crate) archive: Option<BareJid>,
    /// The newest page was asked for: nothing comes after it.
    pub(crate) newest: bool,
}

/// The payload of a query.
pub(crate) fn query(id: &str, after: Option<&StanzaId>, since: Option<Timestamp>, max: u32) -> Element {
    let newest = after.is_none() && since.is_none();
    let form =
        el("x", DATA_FORMS).attr("type", "submit").child(form_field("FORM_TYPE", Some("hidden"), NS)).maybe(
            since.filter(|_| after.is_none()).map(|since| form_field("start", None, &format_stamp(since))),
        );
    let page = el("set", RSM)
        .child(el("max", RSM).text(&max.clamp(1, 200).to_string()))
        .maybe(after.map(|after| el("after", RSM).text(&after.0).build()))
        .maybe(newest.then(|| el("before", RSM).build()));
    el("query", NS).attr("queryid", id).child(form).child(page).build()
}

/// One result, on its way in a message.
pub(crate) fn result(translator: &mut Translator, from: Option<&Jid>, result: &Element) {
    let query = result
        .attr("queryid")
        .and_then(|id| translator.requests.archive(id, from, &translator.account))
        .cloned();
    let Some(query) = query else { return translator.dropped.count("archive-result-unasked") };
    let entry = id_attr(result, "id").map(StanzaId).zip(forwarded(result));
    let Some((id, (wrapper, message))) = entry else {
        return translator.dropped.count("archive-result-malformed");
    };
    let at = wrapper.get_child("delay", DELAY).and_then(|delay| stamp(delay.attr("stamp")?));
    let Some(at) = at else { return translator.dropped.count("archive-result-malformed") };
    match query.archive {
        None => of_account(translator, id, at, message),
        Some(room) => of_room(translator, &room, id, at, message),
    }
}

fn of_account(translator: &mut Translator, id: StanzaId, at: Timestamp, message: &Element) {
    let address = |name| message.attr(name).and_then(|value| Jid::new(value).ok());
    if matches!(message.attr("type"), Some("groupchat" | "error")) {
        return translator.dropped.count("archive-kind");
    }
    let from = address("from");
    let origin = match &from {
        Some(from) if from.to_bare() == translator.account => {
            let to = address("to").map_or_else(|| translator.account.clone(), |to| to.to_bare());
            Origin::OwnDevice { to }
        }
        Some(from) => {
            // The archive is the account's own, so its word on the sender counts.
            if let Some(contact) = FromContact::check(Some(from), &translator.account, |_| false) {
                receipts::read(translator, &contact, message);
                markers::read(translator, contact.jid(), message);
            }
            Origin::Person { from: from.clone() }
        }
        None => return translator.dropped.count("archive-result-malformed"),
    };
    if let Some(content) = Content::read(message) {
        let incoming = content.into_message(origin, Some(id), Some(at), true);
        translator.tell(RemoteEvent::MessageReceived(incoming));
    }
}

fn of_room(translator: &mut Translator, room: &BareJid, id: StanzaId, at: Timestamp, message: &Element) {
    let from = message.attr("from").and_then(|value| Jid::new(value).ok());
    let (nick, own) = match FromOccupant::check(from.as_ref(), |stated| stated == room) {
        Some(occupant) => (Some(occupant.nick().to_string()), translator.rooms.is_own(&occupant)),
        None if from.as_ref().is_some_and(|from| from.resource().is_none() && from.to_bare() == *room) => {
            (None, false)
        }
        None => return translator.dropped.count("archive-sender"),
    };
    if let Some(content) = Content::read(message) {
        let origin = Origin::Occupant { room: room.clone(), nick, own };
        let incoming = content.into_message(origin, Some(id), Some(at), true);
        translator.tell(RemoteEvent::MessageReceived(incoming));
    }
}

/// The answer that ends a page.
pub(crate) fn finished(translator: &mut Translator, query: Query, iq: &Element) {
    let Some(fin) = iq.get_child("fin", NS) else {
        let reason = "The server's answer about the archive could not be read.".to_owned();
        return translator.tell(RemoteEvent::ArchiveFailed { archive: query.archive, reason });
    };
    let last = fin
        .get_child("set", RSM)
        .and_then(|set| set.get_child("last", RSM))
        .map(Element::text)
        .filter(|last| !last.is_empty() && last.len() <= crate::xml::MAX_ID)
        .map(StanzaId);
    let complete = query.newest || last.is_none() || matches!(fin.attr("complete"), Some("true" | "1"));
    translator.tell(RemoteEvent::ArchivePage { archive: query.archive, last, complete });
}
