//! Stanza tables: what comes in becomes exactly this, what is spoofed becomes nothing and is counted.

mod inbound;
mod requests;
mod rooms;

use super::{Step, Translator};
use crate::output::{PolicySignal, SessionOutput};
use flint_core::Extension;
use flint_core::input::RemoteEvent;
use minidom::Element;
use tokio::time::Instant;

/// A translator for ann@example.test/desk, past its discovery, with what it sent for that thrown away.
pub(crate) fn translator() -> Translator {
    let now = Instant::now();
    let mut translator = Translator::new("ann@example.test".parse().unwrap(), 0xf00, now);
    translator.online("ann@example.test/desk".parse().unwrap(), now);
    translator.take_steps();
    translator
}

/// An element in `jabber:client`.
pub(crate) fn xml(text: &str) -> Element {
    let end = text.find([' ', '>', '/']).expect("a tag");
    let text = format!("{} xmlns='jabber:client'{}", &text[..end], &text[end..]);
    text.parse().unwrap_or_else(|error| panic!("{error}: {text}"))
}

impl Translator {
    /// Takes over a stanza and gives all steps.
    pub(crate) fn feed(&mut self, text: &str) -> Vec<Step> {
        self.inbound(&xml(text), Instant::now());
        self.take_steps()
    }

    /// Takes over a stanza that leads to events only.
    pub(crate) fn events(&mut self, text: &str) -> Vec<RemoteEvent> {
        let steps = self.feed(text);
        steps
            .into_iter()
            .map(|step| match step {
                Step::Tell(SessionOutput::Remote(event)) => event,
                other => panic!("{other:?} from {text}"),
            })
            .collect()
    }

    /// Takes over a stanza that must be dropped for this cause.
    pub(crate) fn drops(&mut self, cause: &str, text: &str) {
        let before = self.dropped().get(cause);
        let steps = self.feed(text);
        let told: Vec<&Step> = steps.iter().filter(|step| matches!(step, Step::Tell(_))).collect();
        assert!(told.is_empty(), "{text} led to {told:?}");
        assert_eq!(self.dropped().get(cause), before + 1, "{text}: {:?}", self.dropped());
    }

    /// The one stanza that was sent.
    pub(crate) fn sent(&mut self) -> Element {
        let mut stanzas = sent(self.take_steps());
        assert_eq!(stanzas.len(), 1, "{stanzas:?}");
        stanzas.remove(0)
    }

    /// The rooms that are joined in a test.
    pub(crate) fn enter(&mut self, room: &str) {
        let room = room.parse().unwrap();
        super::muc::join(self, &room, "ann", None, None);
        self.take_steps();
        self.feed(&format!(
            "<presence from='{room}/ann'><x xmlns='http://jabber.org/protocol/muc#user'>\
             <item affiliation='member' role='participant'/><status code='110'/></x></presence>"
        ));
    }
}

/// Stanzas among these steps.
pub(crate) fn sent(steps: Vec<Step>) -> Vec<Element> {
    steps
        .into_iter()
        .filter_map(|step| match step {
            Step::Send(stanza, _) => Some(stanza),
            Step::Tell(_) => None,
        })
        .collect()
}

/// What was handed to a module.
pub(crate) fn handed_out(steps: Vec<Step>) -> Vec<Extension> {
    steps
        .into_iter()
        .filter_map(|step| match step {
            Step::Tell(SessionOutput::Extension(extension)) => Some(extension),
            _ => None,
        })
        .collect()
}

/// What was told about the policy service.
pub(crate) fn signals(steps: Vec<Step>) -> Vec<PolicySignal> {
    steps
        .into_iter()
        .filter_map(|step| match step {
            Step::Tell(SessionOutput::Policy(signal)) => Some(signal),
            _ => None,
        })
        .collect()
}
