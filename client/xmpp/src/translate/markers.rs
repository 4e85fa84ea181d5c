//! Displayed markers (XEP-0333).

use super::Translator;
use crate::xml::{el, id_attr, stanza};
use flint_core::Jid;
use flint_core::input::RemoteEvent;
use flint_core::model::ConversationId;
use minidom::Element;

/// Namespace.
pub(crate) const NS: &str = "urn:xmpp:chat-markers:0";

/// The sender wants to know when this message was displayed.
pub(crate) fn is_markable(message: &Element) -> bool {
    message.has_child("markable", NS)
}

/// `<markable/>`
pub(crate) fn markable() -> Element {
    el("markable", NS).build()
}

/// `<displayed/>` in a message of its own.
pub(crate) fn displayed(conversation: &ConversationId, id: &str) -> Element {
    stanza("message")
        .attr("to", conversation.jid().to_string())
        .attr("type", super::message::kind_of(conversation))
        .child(el("displayed", NS).attr("id", id))
        .child(el("store", super::message::HINTS))
        .build()
}

/// A marker for one of our messages, by a contact or an occupant.
pub(crate) fn read(translator: &mut Translator, from: &Jid, message: &Element) {
    if let Some(id) = message.get_child("displayed", NS).and_then(|displayed| id_attr(displayed, "id")) {
        translator.tell(RemoteEvent::DisplayedReceived { from: from.clone(), id });
    }
}
