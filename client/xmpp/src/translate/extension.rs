//! Payloads that the engine does not know: which stanzas belong to a module, and how they reach it.

use super::{Step, Translator, muc};
use crate::output::SessionOutput;
use crate::xml::id_attr;
use flint_core::secret::Private;
use flint_core::{BareJid, Extension, Jid, StanzaKind};
use minidom::Element;
use std::collections::BTreeSet;

/// Longest stanza that is handed out, in bytes of XML.
const MAX_XML: usize = 65_536;
const MAX_CLAIMS: usize = 256;

/// The two namespaces of workgroups.
const WORKGROUP: [&str; 2] =
    ["http://jabber.org/protocol/workgroup", "http://jivesoftware.com/protocol/workgroup"];

/// A payload of a workgroup.
pub(crate) fn is_workgroup(payload: &Element) -> bool {
    WORKGROUP.contains(&payload.ns().as_str())
}

/// What modules have claimed. Claims outlive the stream: the module releases them.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    domains: BTreeSet<String>,
    rooms: BTreeSet<BareJid>,
}

impl Claims {
    /// Sent by somebody of a claimed domain or from a claimed room.
    pub(crate) fn covers(&self, from: Option<&Jid>) -> bool {
        self.covers_service(from) || from.is_some_and(|from| self.rooms.contains(&from.to_bare()))
    }

    /// Sent by somebody of a claimed domain. Only those may ask a module something: in a room, that would be anybody.
    pub(crate) fn covers_service(&self, from: Option<&Jid>) -> bool {
        from.is_some_and(|from| self.domains.contains(from.domain().as_str()))
    }
}

impl Translator {
    /// A module claims a domain.
    pub(crate) fn claim_domain(&mut self, domain: &str) {
        // Never the own domain: then the engine would hear nothing any more.
        let good = BareJid::new(domain)
            .is_ok_and(|jid| jid.node().is_none() && jid.domain() != self.account.domain());
        if good && self.claims.domains.len() < MAX_CLAIMS {
            self.claims.domains.insert(domain.to_ascii_lowercase());
        } else {
            tracing::warn!("a module claimed a domain that it may not have");
        }
    }

    /// A module claims a room.
    pub(crate) fn claim_room(&mut self, room: BareJid) {
        if room.node().is_some() && room != self.account && self.claims.rooms.len() < MAX_CLAIMS {
            self.claims.rooms.insert(room);
        } else {
            tracing::warn!("a module claimed a room that it may not have");
        }
    }

    /// The room is no longer claimed.
    pub(crate) fn release_room(&mut self, room: &BareJid) {
        self.claims.rooms.remove(room);
    }

    /// A message or presence that belongs to a module.
    pub(super) fn is_for_module(&self, stanza: &Element, from: Option<&Jid>) -> bool {
        if self.claims.covers(from) {
            return true;
        }
        // Workgroup payloads in a room that the engine has joined say nothing to a module.
        if from.is_some_and(|from| self.is_room(&from.to_bare())) {
            return false;
        }
        stanza.children().any(is_workgroup)
            || (stanza.name() == "message"
                && muc::inviter(stanza, from)
                    .is_some_and(|by| self.claims.domains.contains(by.domain().as_str())))
    }

    /// Hands a stanza to the module.
    pub(super) fn hand_out(&mut self, stanza: &Element, from: Option<&Jid>) {
        let kind = match (stanza.name(), stanza.attr("type")) {
            ("message", _) => StanzaKind::Message,
            ("presence", _) => StanzaKind::Presence,
            (_, Some("get")) => StanzaKind::IqGet,
            (_, Some("set")) => StanzaKind::IqSet,
            (_, Some("result")) => StanzaKind::IqResult,
            _ => StanzaKind::IqError,
        };
        let mut xml = Vec::new();
        if stanza.write_to(&mut xml).is_err() || xml.len() > MAX_XML {
            return self.dropped.count("extension-too-large");
        }
        let Ok(xml) = String::from_utf8(xml) else {
            return self.dropped.count("extension-too-large");
        };
        let extension = Extension {
            from: from.cloned().unwrap_or_else(|| Jid::from(self.account.clone())),
            kind,
            stanza_type: stanza
                .attr("type")
                .filter(|_| matches!(kind, StanzaKind::Message | StanzaKind::Presence))
                .map(str::to_owned),
            id: id_attr(stanza, "id"),
            xml: Private(xml),
        };
        self.steps.push(Step::Tell(SessionOutput::Extension(extension)));
    }
}
