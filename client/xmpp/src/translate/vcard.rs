//! Own name from the own vCard (XEP-0054).

use super::Translator;
use crate::xml::{el, line};
use flint_core::SendToken;
use flint_core::input::RemoteEvent;
use minidom::Element;

const NS: &str = "vcard-temp";

/// The request, to the own account.
pub(crate) fn get() -> Element {
    el("vCard", NS).build()
}

/// The answer: full name, else given and family name, else nickname.
pub(crate) fn received(translator: &mut Translator, iq: &Element, token: SendToken) {
    match iq.get_child("vCard", NS).and_then(name) {
        Some(name) => translator.tell(RemoteEvent::OwnNameReceived { name }),
        None => translator.tell(RemoteEvent::RequestAnswered { token, result: Ok(()) }),
    }
}

fn name(vcard: &Element) -> Option<String> {
    let parts = vcard.get_child("N", NS).map(|name| {
        let parts: Vec<String> = ["GIVEN", "FAMILY"].iter().filter_map(|part| line(name, part, NS)).collect();
        parts.join(" ")
    });
    line(vcard, "FN", NS)
        .or_else(|| parts.filter(|name| !name.is_empty()))
        .or_else(|| line(vcard, "NICKNAME", NS))
}
