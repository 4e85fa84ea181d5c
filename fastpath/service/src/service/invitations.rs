//! Invitations into the rooms: of the agent who won, of the customer, of colleagues.

use super::Service;
use super::customers::metadata;
use super::room::Room;
use crate::xml::{Condition, Request, iq_set};
use flint_fastpath_protocol::room::{self, HandoverRequest};
use flint_fastpath_protocol::{Invitation, InvitationKind, Session};
use flint_fastpath_routing::SessionId;
use jid::{BareJid, FullJid, Jid};
use minidom::Element;

impl Service {
    pub(super) fn send_invitations(&mut self, session: &SessionId) {
        let Some(room) = self.rooms.get_mut(session) else { return };
        for agent in std::mem::take(&mut room.invite) {
            self.invite_agent(session, &agent);
        }
        self.invite_customer(session);
    }

    /// The agent's invitation: the reason is the session's id, by which Spark knows its own offer again.
    fn invite_agent(&mut self, session: &SessionId, agent: &FullJid) {
        let (Some(room), Some(visit)) = (self.rooms.get(session), self.visits.get(session)) else { return };
        let workgroup = room.own.to_bare();
        let user =
            (visit.summary.user != visit.client.to_bare().as_str()).then(|| visit.summary.user.clone());
        let invitation = Invitation {
            reason: session.0.clone(),
            kind: InvitationKind::Agent { customer: Some(Jid::from(visit.client.clone())) },
            user,
            ..invitation(room, session)
        };
        let stanza = from(&workgroup, invitation.message(&Jid::from(agent.clone())));
        self.send(stanza);
    }

    pub(super) fn invite_customer(&mut self, session: &SessionId) {
        let (Some(room), Some(visit)) = (self.rooms.get(session), self.visits.get(session)) else { return };
        let inside = self.router.customer(session).is_none_or(|view| view.customer_inside);
        if inside || room.stage != super::room::Stage::Ready {
            return;
        }
        let workgroup = room.own.to_bare();
        let text = self
            .config
            .workgroup(&visit.summary.workgroup)
            .and_then(|config| config.texts.get("inviteChat_text"))
            .map_or("Please join me for a chat.", String::as_str);
        let invitation = Invitation {
            reason: text.to_owned(),
            kind: InvitationKind::Person { workgroup: workgroup.clone() },
            session: Some(Session { id: session.0.clone(), workgroup: None }),
            ..invitation(room, session)
        };
        let stanza = from(&workgroup, invitation.message(&Jid::from(visit.client.clone())));
        self.send(stanza);
    }

    /// `invite` and `transfer`: brings a colleague, or anybody, into the running chat.
    pub(super) fn invite_colleague(&mut self, request: &Request, workgroup: &str, agent: &FullJid) {
        let asked = match HandoverRequest::read(&request.payload) {
            Ok(asked) => asked,
            Err(problem) => return self.refuse_malformed(request, problem),
        };
        let (session, invitee) = (SessionId(asked.session.id), asked.invitee);
        let inside =
            self.rooms.get(&session).is_some_and(|room| room.occupants.values().any(|it| it.jid == *agent));
        if !inside || self.visits.get(&session).is_none_or(|visit| visit.summary.workgroup != workgroup) {
            return self.refuse(request, Condition::ItemNotFound, None);
        }
        // A colleague is shown under an address of ours, which Spark then takes for a workgroup.
        let here = invitee.domain().as_str() == self.config.domain;
        let colleague = self.behind(&invitee.to_bare(), workgroup);
        if here && colleague.is_none() {
            let text = "Customers can be handed to persons only. Choose a colleague.";
            return self.refuse(request, Condition::FeatureNotImplemented, Some(text));
        }
        let invitee = colleague.unwrap_or_else(|| invitee.to_bare());
        let transfer = asked.transfer;
        if transfer && !self.config.is_agent(&invitee) {
            let text = "Customers can be handed to agents only. Invite this person instead.";
            return self.refuse(request, Condition::NotAllowed, Some(text));
        }
        let Some(visit) = self.visits.get(&session) else { return };
        let Some(room) = self.rooms.get_mut(&session) else { return };
        if transfer {
            room.transfer = Some((agent.clone(), invitee.clone()));
        }
        let own = room.own.to_bare();
        let mut known = metadata(&visit.summary.answers);
        known.set("inviter", vec![agent.to_bare().to_string()]);
        let invitation = Invitation {
            reason: asked.reason.0,
            kind: InvitationKind::Person { workgroup: own.clone() },
            metadata: Some(known),
            ..invitation(room, &session)
        };
        let stanza = from(&own, invitation.message(&Jid::from(invitee)));
        self.send(stanza);
        self.send(request.result(None));
    }

    /// The colleague is there: whoever handed over is shown out, as Fastpath does.
    pub(super) fn finish_transfer(&mut self, session: &SessionId, from: &FullJid) {
        let Some(room) = self.rooms.get_mut(session) else { return };
        room.transfer = None;
        let Some((nick, _)) = room.occupants.iter().find(|(_, occupant)| occupant.jid == *from) else {
            return;
        };
        let kick = room::kick(nick, "Transfer was successful");
        let (own, jid) = (Jid::from(room.own.clone()), Jid::from(room.jid.clone()));
        let stanza = iq_set(&own, &jid, &format!("kick:{session}"), kick);
        self.send(stanza);
    }
}

/// What every invitation into a room has.
fn invitation(room: &Room, session: &SessionId) -> Invitation {
    Invitation {
        room: room.jid.clone(),
        inviter: None,
        reason: String::new(),
        password: None,
        session: Some(Session { id: session.0.clone(), workgroup: Some(room.own.to_bare()) }),
        kind: InvitationKind::Plain,
        metadata: None,
        user: None,
    }
}

/// Sent by the workgroup's bare address, which is then the inviter as Smack wants it.
fn from(workgroup: &BareJid, mut stanza: Element) -> Element {
    let name = minidom::rxml::NcName::try_from("from").expect("a literal that is a name");
    stanza.set_attr(minidom::rxml::Namespace::NONE, name, workgroup.as_str());
    stanza
}
