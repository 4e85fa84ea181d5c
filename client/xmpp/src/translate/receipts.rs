//! Delivery receipts (XEP-0184).

use super::Translator;
use crate::xml::{el, id_attr, stanza};
use flint_core::Jid;
use flint_core::input::RemoteEvent;
use flint_xep::sender::FromContact;
use minidom::Element;

/// Namespace.
pub(crate) const NS: &str = "urn:xmpp:receipts";

/// The sender of this message asks for a receipt (§5.1).
pub(crate) fn is_wanted(message: &Element) -> bool {
    message.has_child("request", NS)
}

/// `<request/>`
pub(crate) fn request() -> Element {
    el("request", NS).build()
}

/// A receipt (§5.4: of type `chat`, stored so that it reaches a sender who is away).
pub(crate) fn receipt(to: &Jid, id: &str) -> Element {
    stanza("message")
        .attr("to", to.to_string())
        .attr("type", "chat")
        .child(el("received", NS).attr("id", id))
        .child(el("store", super::message::HINTS))
        .build()
}

/// A receipt for one of our messages. Its sender is a contact: a room's occupants could all claim it.
pub(crate) fn read(translator: &mut Translator, from: &FromContact, message: &Element) {
    if let Some(id) = message.get_child("received", NS).and_then(|received| id_attr(received, "id")) {
        translator.tell(RemoteEvent::ReceiptReceived { from: from.jid().clone(), id });
    }
}
