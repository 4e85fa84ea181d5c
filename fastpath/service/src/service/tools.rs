//! The agents' smaller tools.

use super::Service;
use super::history::{Kind, Query};
use crate::journal::{JournalRecord, SessionFilter, Text};
use crate::macros;
use crate::time::legacy;
use crate::xml::{Condition, JWG, PRIVATE, Request, child_text, el, leaf};
use flint_fastpath_routing::SessionId;
use jid::BareJid;

impl Service {
    /// Nobody may listen in: supervision is not part of this service.
    pub(super) fn monitor(&mut self, request: &Request, set: bool) {
        if set {
            return self.refuse(request, Condition::Forbidden, None);
        }
        let payload = el("monitor", JWG).child(leaf("isMonitor", JWG, "false")).build();
        self.send(request.result(Some(payload)));
    }

    pub(super) fn macros(&mut self, request: &Request, workgroup: &str, agent: &BareJid, set: bool) {
        let personal = child_text(&request.payload, "personal").is_some_and(|text| text != "false");
        if set {
            let text = child_text(&request.payload, "personalMacro").unwrap_or_default();
            return match macros::accept(&text) {
                Some(text) => {
                    self.records.push(JournalRecord::Macros { agent: agent.clone(), text: Text(text) });
                    self.send(request.result(None));
                }
                None => {
                    self.refuse(request, Condition::NotAcceptable, Some("These responses could not be read."))
                }
            };
        }
        if personal {
            let kind = Kind::Macros(agent.clone());
            return self.queries.push(Query {
                request: request.clone(),
                filter: SessionFilter::default(),
                kind,
            });
        }
        let group = self.config.workgroup(workgroup).and_then(|config| config.macros.as_ref());
        let payload = macros::shared(group).build();
        self.send(request.result(Some(payload)));
    }

    pub(super) fn agent_info(&mut self, request: &Request, workgroup: &str, agent: &BareJid, set: bool) {
        if set {
            let text = "Names of agents are set by the administrator.";
            return self.refuse(request, Condition::ServiceUnavailable, Some(text));
        }
        let payload = el("agent-info", JWG)
            .child(leaf("jid", JWG, agent.as_str()))
            .children(self.agent_name(workgroup, agent).map(|name| leaf("name", JWG, name)));
        self.send(request.result(Some(payload.build())));
    }

    /// Who is in the room, with the real addresses that the room itself doesn't show.
    pub(super) fn occupants_info(&mut self, request: &Request, workgroup: &str) {
        let id = request.payload.attr("roomID").unwrap_or_default().to_owned();
        let session = SessionId(id.split('@').next().unwrap_or_default().to_owned());
        let ours = self.visits.get(&session).is_some_and(|visit| visit.summary.workgroup == workgroup);
        let occupants =
            self.rooms.get(&session).filter(|_| ours).into_iter().flat_map(|room| &room.occupants);
        let rows = occupants.map(|(nick, occupant)| {
            el("occupant", JWG)
                .child(leaf("jid", JWG, occupant.jid.as_str()))
                .child(leaf("nickname", JWG, nick.as_str()))
                .child(leaf("joined", JWG, legacy(occupant.joined)))
        });
        let payload = el("occupants-info", JWG).attr("roomID", id.as_str()).children(rows).build();
        self.send(request.result(Some(payload)));
    }

    /// Private storage on a workgroup: nothing is ever stored, as on a real Openfire.
    pub(super) fn private(&mut self, request: &Request, workgroup: &str) {
        let agent = self.agent_of(&request.from, workgroup).is_some();
        let child = request.payload.children().next().map(|child| el(child.name(), &child.ns()));
        match child.filter(|_| agent && !request.set) {
            Some(child) => self.send(request.result(Some(el("query", PRIVATE).child(child).build()))),
            None => self.refuse(request, Condition::NotAllowed, None),
        }
    }
}
