//! Typing notices (XEP-0085).

use super::Translator;
use crate::xml::{el, stanza};
use flint_core::Jid;
use flint_core::input::RemoteEvent;
use flint_core::model::ConversationId;
use minidom::Element;

/// Namespace.
pub(crate) const NS: &str = "http://jabber.org/protocol/chatstates";

/// `<active/>`, which belongs into every message with text (§5.1).
pub(crate) fn active() -> Element {
    el("active", NS).build()
}

/// A typing notice of its own. It is not worth storing (XEP-0334).
pub(crate) fn notice(conversation: &ConversationId, typing: bool) -> Element {
    stanza("message")
        .attr("to", conversation.jid().to_string())
        .attr("type", super::message::kind_of(conversation))
        .child(el(if typing { "composing" } else { "active" }, NS))
        .child(el("no-store", super::message::HINTS))
        .build()
}

/// The typing notice in a live message of a contact or occupant.
pub(crate) fn read(translator: &mut Translator, from: &Jid, in_room: bool, message: &Element) {
    let Some(state) = message.children().find(|child| child.ns() == NS) else { return };
    let typing = match state.name() {
        "composing" => true,
        "active" | "paused" | "inactive" | "gone" => false,
        _ => return translator.dropped.count("chat-state-unknown"),
    };
    translator.tell(RemoteEvent::TypingChanged { from: from.clone(), in_room, typing });
}
