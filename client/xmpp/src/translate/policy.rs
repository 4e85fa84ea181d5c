//! The policy service of the own domain (`urn:flint:policy:1`): found by discovery, told about us by directed
//! presence, believed only when it is the very service that was found.

use super::Translator;
use crate::output::{PolicySignal, SessionOutput};
use crate::translate::Step;
use crate::xml::stanza;
use flint_core::{BareJid, Jid};
use flint_xep::policy::{Changed, ClientState, base_url};
use flint_xep::sender::FromServer;
use minidom::Element;

/// What is known about the service, and what it is to be told.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    service: Option<BareJid>,
    state: Option<ClientState>,
}

impl Policy {
    /// The sender, when it is the service.
    pub(crate) fn check(&self, from: Option<&Jid>) -> Option<FromServer> {
        FromServer::component(from, self.service.as_ref()?.domain())
    }

    pub(crate) fn is_found(&self) -> bool {
        self.service.is_some()
    }

    pub(crate) fn forget_service(&mut self) {
        self.service = None;
    }
}

/// A service of the domain has the feature. The list came from the own server, so the first one counts.
pub(crate) fn found(translator: &mut Translator, service: BareJid, info: &Element) {
    if translator.policy.is_found() {
        return translator.dropped.count("second-policy-service");
    }
    let Some(url) = base_url(info) else { return translator.dropped.count("policy-form") };
    translator.policy.service = Some(service.clone());
    tell(translator, PolicySignal::Service { jid: service, url });
    present(translator);
}

/// The whole domain was looked through.
pub(crate) fn not_found(translator: &mut Translator) {
    tell(translator, PolicySignal::NoService);
}

/// A message of the service.
pub(crate) fn pushed(translator: &mut Translator, _from: &FromServer, message: &Element) {
    match message.children().find_map(Changed::read) {
        Some(Changed { version }) => tell(translator, PolicySignal::Changed { version }),
        None => translator.dropped.count("policy-message"),
    }
}

/// What the service is to know from now on.
pub(crate) fn announce(translator: &mut Translator, state: ClientState) {
    if translator.policy.state.as_ref() != Some(&state) {
        translator.policy.state = Some(state);
        present(translator);
    }
}

fn present(translator: &mut Translator) {
    if let (Some(service), Some(state)) = (&translator.policy.service, &translator.policy.state) {
        let presence = stanza("presence").attr("to", service.to_string()).child(state.element()).build();
        translator.send(presence);
    }
}

fn tell(translator: &mut Translator, signal: PolicySignal) {
    translator.steps.push(Step::Tell(SessionOutput::Policy(signal)));
}
