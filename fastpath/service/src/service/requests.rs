//! Which request goes where. Every request is answered, at once.

use super::Service;
use crate::xml::{Condition, DISCO_INFO, DISCO_ITEMS, JWG, PING, PRIVATE, Request, VCARD, VERSION, WG};
use flint_fastpath_protocol::settings::{self, WorkgroupProperties};
use flint_fastpath_routing::Timestamp;

impl Service {
    pub(super) fn request(&mut self, request: Request, now: Timestamp) {
        let (name, ns) = (request.payload.name().to_owned(), request.payload.ns());
        // Answered by the service whatever the localpart.
        match (name.as_str(), ns.as_str()) {
            ("query", DISCO_INFO) => return self.disco_info(&request),
            ("query", DISCO_ITEMS) => return self.disco_items(&request),
            ("query", VERSION) => return self.version(&request),
            ("ping", PING) => return self.send(request.result(None)),
            ("workgroups", WG) => return self.workgroups(&request),
            ("transcript-search", JWG | WG) => return self.transcript_search(&request),
            _ => {}
        }
        let Some((workgroup, _)) = self.addressed(&request.to) else {
            let service = request.to.node().is_none();
            let condition = if service { Condition::ServiceUnavailable } else { Condition::NotAuthorized };
            return self.refuse(&request, condition, None);
        };
        let workgroup = workgroup.name.clone();
        let ours = ns == WG || ns == JWG;
        match name.as_str() {
            "vCard" if ns == VCARD => self.vcard(&request, &workgroup),
            "query" if ns == PRIVATE => self.private(&request, &workgroup),
            _ if !ours => self.refuse(&request, Condition::ServiceUnavailable, None),
            "workgroup-form" => self.form(&request, &workgroup, now),
            "workgroup-properties" => {
                let open = WorkgroupProperties { auth_required: false };
                self.send(request.result(Some(open.element())));
            }
            "chat-settings" => self.chat_settings(&request, &workgroup),
            "offline-settings" => self.offline_settings(&request, &workgroup),
            // Nothing of the kind is configured, which clients take for an answer.
            "sound-settings" => self.refuse(&request, Condition::ItemNotFound, None),
            "send-email" => {
                self.refuse(&request, Condition::ServiceUnavailable, Some("This service sends no mail."))
            }
            "join-queue" if request.set => self.join_queue(&request, &workgroup, now),
            "queue-status" if !request.set => self.queue_status(&request, &workgroup),
            "depart-queue" if request.set => self.depart_queue(&request, &workgroup, now),
            "site-user" | "site-invite" | "site-user-history" => {
                self.refuse(&request, Condition::ServiceUnavailable, None);
            }
            _ => self.agent_request(&request, &workgroup, now),
        }
    }

    fn agent_request(&mut self, request: &Request, workgroup: &str, now: Timestamp) {
        let of_chat = matches!(request.payload.name(), "invite" | "transfer" | "occupants-info");
        let guest = || of_chat.then(|| self.guest_of(&request.from, workgroup)).flatten();
        let Some(agent) = self.agent_of(&request.from, workgroup).or_else(guest) else {
            let known = matches!(
                request.payload.name(),
                "offer-accept" | "offer-reject" | "macros" | "agent-status-request" | "search-settings"
            );
            let condition = if known { Condition::ItemNotFound } else { Condition::NotAuthorized };
            return self.refuse(request, condition, None);
        };
        match (request.payload.name(), request.set) {
            ("offer-accept", true) => self.offer_accept(request, workgroup, agent.jid(), now),
            ("offer-reject", true) => self.offer_reject(request, workgroup, agent.jid(), now),
            ("agent-status-request", false) => self.agent_status_request(request, workgroup, agent.jid()),
            ("invite" | "transfer", true) => self.hand_over(request, workgroup, agent.jid(), now),
            ("monitor", set) => self.monitor(request, set),
            ("macros", set) => self.macros(request, workgroup, &agent.bare(), set),
            ("search-settings", false) => {
                self.send(request.result(Some(settings::search_settings(None, None))))
            }
            ("generic-metadata", false) => self.send(request.result(Some(settings::generic_metadata([])))),
            ("agent-info", set) => self.agent_info(request, workgroup, &agent.bare(), set),
            ("occupants-info", false) => self.occupants_info(request, workgroup),
            ("chat-metadata", false) => self.chat_metadata(request, workgroup),
            ("chat-notes", set) => self.chat_notes(request, workgroup, set),
            ("chat-sessions", false) => self.chat_sessions(request, workgroup),
            ("transcripts", false) => self.transcripts(request, workgroup),
            ("transcript", false) => self.transcript(request, workgroup),
            _ => self.refuse(request, Condition::BadRequest, None),
        }
    }
}
