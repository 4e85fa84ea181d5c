//! `invite` and `transfer`: somebody else comes into a running chat, a person or whoever of a queue is free.

use super::Service;
use super::agents::offer_id;
use super::customers::metadata;
use super::room::Stage;
use crate::xml::{Condition, Request, iq_set};
use flint_fastpath_protocol::room::{self, Handover, HandoverKind};
use flint_fastpath_protocol::{Offer, OfferKind, Session};
use flint_fastpath_routing::{
    Event, HandoverFailure, HandoverRequest, HandoverTarget, Reply, SessionId, Timestamp, Words,
    WorkgroupName,
};
use jid::{BareJid, FullJid, Jid};

impl Service {
    /// An agent asks. Whatever can be known at once is refused at once; Openfire says yes and then fails in silence, or
    /// runs in circles (trap 5).
    pub(super) fn hand_over(&mut self, request: &Request, workgroup: &str, agent: &FullJid, now: Timestamp) {
        let asked = match room::HandoverRequest::read(&request.payload) {
            Ok(asked) => asked,
            Err(problem) => return self.refuse_malformed(request, problem),
        };
        let session = SessionId(asked.session.id);
        // Being there is proof enough: a chat that was taken over may be of another workgroup.
        let inside =
            self.rooms.get(&session).is_some_and(|room| room.occupants.values().any(|it| it.jid == *agent));
        if !inside {
            return self.refuse(request, Condition::ItemNotFound, Some("You are not in such a chat."));
        }
        let target = match self.target(&asked.invitee, workgroup) {
            Ok(target) => target,
            Err(text) => return self.refuse(request, Condition::ItemNotFound, Some(text)),
        };
        let invitee = asked.invitee.to_bare();
        let Some(target) = target else {
            if asked.transfer {
                let text = "Customers can be handed to agents only. Invite this person instead.";
                return self.refuse(request, Condition::NotAllowed, Some(text));
            }
            self.invite_person(&session, agent, invitee, asked.reason.0);
            return self.send(request.result(None));
        };
        let Some(id) = self.surroundings.new_id().map(SessionId) else {
            return self.refuse(request, Condition::InternalServerError, None);
        };
        let handover = HandoverRequest {
            session: session.clone(),
            inviter: agent.clone(),
            target: target.clone(),
            transfer: asked.transfer,
            reason: Words(asked.reason.0.clone()),
        };
        // The answer goes first: Spark's window stands still until it is there.
        let before = self.out.len();
        let reply = self.tell(Event::HandoverAsked { id, request: handover }, now);
        let effects = self.out.split_off(before);
        match reply {
            Some(Reply::HandingOver) => self.send(request.result(None)),
            Some(Reply::Full) => {
                let text = "Several people are being called into this chat already. Wait for them.";
                return self.refuse(request, Condition::ResourceConstraint, Some(text));
            }
            Some(Reply::UnknownQueue) => {
                return self.refuse(request, Condition::ItemNotFound, Some("Specified queue was not found."));
            }
            _ => return self.refuse(request, Condition::ItemNotFound, Some("This chat is over.")),
        }
        self.out.extend(effects);
        if let HandoverTarget::Person { agent: colleague } = target {
            let there = self.rooms.get(&session).and_then(|room| {
                room.occupants.values().map(|it| &it.jid).find(|jid| jid.to_bare() == colleague).cloned()
            });
            match there {
                Some(agent) => {
                    self.tell(Event::AgentEntered { session, agent }, now);
                }
                None => self.invite_person(&session, agent, colleague, asked.reason.0),
            }
        }
    }

    /// Whom an address means. The address decides and not the `type`, because Spark takes a colleague's address, which
    /// is one of ours, for a workgroup's. `None`: a person who is no agent.
    fn target(&self, invitee: &Jid, workgroup: &str) -> Result<Option<HandoverTarget>, &'static str> {
        let bare = invitee.to_bare();
        if bare.domain().as_str() != self.config.domain {
            return Ok(self.config.is_agent(&bare).then_some(HandoverTarget::Person { agent: bare }));
        }
        if let Some(agent) = self.behind(&bare, workgroup) {
            return Ok(Some(HandoverTarget::Person { agent }));
        }
        let Some((config, _)) = self.addressed(invitee) else {
            return Err("Specified workgroup was not found.");
        };
        let workgroup = WorkgroupName(config.name.clone());
        Ok(Some(match invitee.resource() {
            Some(queue) => HandoverTarget::Queue { workgroup, queue: queue.as_str().to_owned() },
            None => HandoverTarget::Workgroup { workgroup },
        }))
    }

    /// The offer of a running chat, from the workgroup whose queue is asked.
    pub(super) fn send_handover_offer(&mut self, id: &SessionId, agent: &FullJid, fence: u32, seconds: u64) {
        let Some(handover) = self.router.handover(id).cloned() else { return };
        let request = handover.request;
        let Some(view) = self.router.customer(&request.session) else { return };
        let Some(from) = handover.queue.and_then(|(workgroup, _)| self.address(&workgroup.0)) else { return };
        let room = format!("{}@{}", request.session, self.config.conference);
        let Ok(room) = BareJid::new(&room) else { return };
        let kind = match request.target {
            HandoverTarget::Person { .. } => HandoverKind::User,
            HandoverTarget::Queue { .. } => HandoverKind::Queue,
            HandoverTarget::Workgroup { .. } => HandoverKind::Workgroup,
        };
        let handover = Handover {
            kind,
            inviter: Jid::from(request.inviter),
            room,
            reason: flint_fastpath_protocol::Hidden(request.reason.0),
        };
        let offer = Offer {
            id: offer_id(id, fence),
            customer: Jid::from(view.client.clone()),
            metadata: metadata(view.answers),
            timeout_s: i64::try_from(seconds).unwrap_or(i64::MAX),
            session: Session { id: request.session.0, workgroup: self.address(&view.workgroup.0) },
            kind: if request.transfer {
                OfferKind::Transfer(handover)
            } else {
                OfferKind::Invitation(handover)
            },
            user: view.user.map(str::to_owned),
        };
        self.count(|metrics| &metrics.offers_total);
        let id = format!("offer:{}", offer.id);
        let stanza = iq_set(&Jid::from(from), &Jid::from(agent.clone()), &id, offer.element());
        self.send(stanza);
    }

    /// A person's invitation may be lost.
    pub(super) fn call_again(&mut self, id: SessionId) {
        let Some(session) = self.router.handover(&id).map(|it| it.request.session.clone()) else { return };
        let Some(room) = self.rooms.get_mut(&session) else { return };
        room.call.push(id);
        if room.stage == Stage::Ready {
            self.call_people(&session);
        }
    }

    /// The room is ready: whoever is to be called once more is, unless it came meanwhile.
    pub(super) fn call_people(&mut self, session: &SessionId) {
        let Some(room) = self.rooms.get_mut(session) else { return };
        for id in std::mem::take(&mut room.call) {
            let Some(request) = self.router.handover(&id).map(|it| it.request.clone()) else { continue };
            if let HandoverTarget::Person { agent } = request.target {
                self.invite_person(session, &request.inviter, agent, request.reason.0);
            }
        }
    }

    /// The colleague is there: whoever handed over is shown out, as Fastpath does.
    pub(super) fn show_out(&mut self, session: &SessionId, agent: &FullJid) {
        let Some(room) = self.rooms.get(session) else { return };
        let (own, jid) = (Jid::from(room.own.clone()), Jid::from(room.jid.clone()));
        let Some(nick) = room.occupants.iter().find(|(_, it)| it.jid == *agent).map(|(nick, _)| nick) else {
            return;
        };
        let kick = room::kick(nick, "Transfer was successful");
        let stanza = iq_set(&own, &jid, &format!("kick:{session}"), kick);
        self.send(stanza);
    }

    /// Nobody comes: whoever called is told, as Fastpath should but does not.
    pub(super) fn handover_failed(&mut self, request: HandoverRequest, reason: HandoverFailure) {
        let Some(visit) = self.visits.get(&request.session) else { return };
        // By a workgroup that is the agent's own, if there is one: agents' programs listen to no other.
        let inviter = request.inviter.to_bare();
        let home = &visit.summary.workgroup;
        let own = self.config.workgroups.iter().map(|it| &it.name);
        let own = std::iter::once(home).chain(own).find(|it| self.config.is_agent_of(it, &inviter));
        let Some(from) = self.address(own.unwrap_or(home)) else { return };
        let (kind, invitee) = match request.target {
            HandoverTarget::Person { agent } => (HandoverKind::User, Some(Jid::from(agent))),
            HandoverTarget::Queue { workgroup, queue } => {
                let address = self.address(&workgroup.0).and_then(|it| it.with_resource_str(&queue).ok());
                (HandoverKind::Queue, address.map(Jid::from))
            }
            HandoverTarget::Workgroup { workgroup } => {
                (HandoverKind::Workgroup, self.address(&workgroup.0).map(Jid::from))
            }
        };
        let Some(invitee) = invitee else { return };
        let sentence = match reason {
            HandoverFailure::NobodyFree => "No agent is free to come into this chat.",
            HandoverFailure::DidNotCome => "Agent or user failed to join the room.",
        };
        let to = Jid::from(request.inviter);
        let asked = room::HandoverRequest {
            transfer: request.transfer,
            kind,
            session: Session { id: request.session.0, workgroup: None },
            invitee,
            reason: flint_fastpath_protocol::Hidden(request.reason.0),
        };
        let stanza = super::invitations::addressed(&Jid::from(from), &to, asked.failure(&to, sentence));
        self.send(stanza);
    }
}
