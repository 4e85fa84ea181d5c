//! The agents' smaller tools.

use super::Service;
use super::history::{Kind, Query};
use crate::journal::{JournalRecord, SessionFilter, Text};
use crate::macros;
use crate::xml::{Condition, PRIVATE, Request, el, ms};
use flint_fastpath_protocol::agent::AgentInfo;
use flint_fastpath_protocol::macros::MacrosRequest;
use flint_fastpath_protocol::room::{Occupant, OccupantsInfo};
use flint_fastpath_protocol::settings;
use flint_fastpath_routing::SessionId;
use jid::{BareJid, Jid};

impl Service {
    /// Nobody may listen in: supervision is not part of this service.
    pub(super) fn monitor(&mut self, request: &Request, set: bool) {
        if set {
            return self.refuse(request, Condition::Forbidden, None);
        }
        self.send(request.result(Some(settings::monitor(false))));
    }

    pub(super) fn macros(&mut self, request: &Request, workgroup: &str, agent: &BareJid, set: bool) {
        let wanted = match MacrosRequest::read(&request.payload) {
            Ok(wanted) => wanted,
            Err(problem) => return self.refuse_malformed(request, problem),
        };
        if set {
            let text = wanted.document.unwrap_or_default().0;
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
        if wanted.personal {
            let kind = Kind::Macros(agent.clone());
            return self.queries.push(Query {
                request: request.clone(),
                filter: SessionFilter::default(),
                kind,
            });
        }
        let group = self.config.workgroup(workgroup).and_then(|config| config.macros.as_ref());
        let payload = macros::shared(group);
        self.send(request.result(Some(payload)));
    }

    pub(super) fn agent_info(&mut self, request: &Request, workgroup: &str, agent: &BareJid, set: bool) {
        if set {
            let text = "Names of agents are set by the administrator.";
            return self.refuse(request, Condition::ServiceUnavailable, Some(text));
        }
        let info = AgentInfo { jid: Some(agent.clone()), name: self.agent_name(workgroup, agent) };
        self.send(request.result(Some(info.element())));
    }

    /// Who is in the room, with the real addresses that the room itself doesn't show.
    pub(super) fn occupants_info(&mut self, request: &Request, workgroup: &str) {
        let id = request.payload.attr("roomID").unwrap_or_default().to_owned();
        let session = SessionId(id.split('@').next().unwrap_or_default().to_owned());
        let ours = self.visits.get(&session).is_some_and(|visit| visit.summary.workgroup == workgroup)
            || self.is_inside(&session, &request.from);
        let occupants =
            self.rooms.get(&session).filter(|_| ours).into_iter().flat_map(|room| &room.occupants);
        let rows = occupants.map(|(nick, occupant)| Occupant {
            jid: Jid::from(occupant.jid.clone()),
            nick: nick.clone(),
            joined: Some(ms(occupant.joined)),
        });
        let info = OccupantsInfo { occupants: rows.collect(), session: id };
        self.send(request.result(Some(info.element())));
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
