//! Message carbons (XEP-0280): what the person's other devices send and receive.
//!
//! A carbon counts only when it comes from the own bare address (§11): whoever else could forge one could put words
//! into anybody's mouth. The caller checks that; here it shows as [`FromAccount`].

use super::Translator;
use super::message::{Content, stanza_id};
use crate::xml::{CLIENT, el};
use flint_core::Jid;
use flint_core::input::{Origin, RemoteEvent};
use flint_xep::sender::{FromAccount, FromContact};
use minidom::Element;

const NS: &str = "urn:xmpp:carbons:2";
const FORWARD: &str = "urn:xmpp:forward:0";

/// A carbon's wrapper.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carbon<'a> {
    sent: bool,
    wrapper: &'a Element,
}

/// The request that switches carbons on.
pub(crate) fn enable() -> Element {
    el("enable", NS).build()
}

/// The carbon in this message, if it is one.
pub(crate) fn of(message: &Element) -> Option<Carbon<'_>> {
    let wrapper = message.children().find(|child| child.ns() == NS && child.name() != "private")?;
    Some(Carbon { sent: wrapper.name() == "sent", wrapper })
}

/// The message inside `<forwarded/>` (XEP-0297).
pub(crate) fn forwarded(wrapper: &Element) -> Option<(&Element, &Element)> {
    let forwarded = wrapper.get_child("forwarded", FORWARD)?;
    Some((forwarded, forwarded.get_child("message", CLIENT)?))
}

/// Takes over a carbon.
pub(crate) fn inbound(translator: &mut Translator, account: &FromAccount, carbon: Carbon<'_>) {
    let Some((_, message)) = forwarded(carbon.wrapper) else {
        return translator.dropped.count("carbon-malformed");
    };
    let address = |name| message.attr(name).and_then(|value| Jid::new(value).ok());
    if matches!(message.attr("type"), Some("groupchat" | "error")) {
        return translator.dropped.count("carbon-kind");
    }
    if !carbon.sent {
        return match FromContact::check(address("from").as_ref(), account.account(), |room| {
            translator.is_room(room)
        }) {
            Some(contact) => translator.contact_message(&contact, message),
            None => translator.dropped.count("carbon-sender"),
        };
    }
    let (Some(from), Some(to)) = (address("from"), address("to")) else {
        return translator.dropped.count("carbon-malformed");
    };
    if from.to_bare() != *account.account() {
        return translator.dropped.count("carbon-sender");
    }
    let to = to.to_bare();
    if translator.is_room(&to) {
        return translator.dropped.count("private-message-in-room");
    }
    let Some(content) = Content::read(message) else { return };
    let incoming =
        content.into_message(Origin::OwnDevice { to }, stanza_id(message, account.account()), None, false);
    translator.tell(RemoteEvent::MessageReceived(incoming));
}
