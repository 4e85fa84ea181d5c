//! Invitations into the rooms: of the agent who won, of the customer, of colleagues.

use super::Service;
use super::customers::metadata;
use super::room::Room;
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
        if room.occupants.values().any(|occupant| occupant.jid == *agent) {
            return;
        }
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

    /// A colleague, or anybody, is invited into the running chat, in the workgroup's name.
    pub(super) fn invite_person(
        &mut self,
        session: &SessionId,
        inviter: &FullJid,
        invitee: BareJid,
        reason: String,
    ) {
        let (Some(room), Some(visit)) = (self.rooms.get(session), self.visits.get(session)) else { return };
        let own = room.own.to_bare();
        let mut known = metadata(&visit.summary.answers);
        known.set("inviter", vec![inviter.to_bare().to_string()]);
        let invitation = Invitation {
            reason,
            kind: InvitationKind::Person { workgroup: own.clone() },
            metadata: Some(known),
            ..invitation(room, session)
        };
        let stanza = from(&own, invitation.message(&Jid::from(invitee)));
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
    address(&mut stanza, "from", workgroup.as_str());
    stanza
}

/// A stanza of ours with both its addresses.
pub(super) fn addressed(from: &Jid, to: &Jid, mut stanza: Element) -> Element {
    address(&mut stanza, "from", from.as_str());
    address(&mut stanza, "to", to.as_str());
    stanza
}

fn address(stanza: &mut Element, name: &str, value: &str) {
    let name = minidom::rxml::NcName::try_from(name).expect("a literal that is a name");
    stanza.set_attr(minidom::rxml::Namespace::NONE, name, value);
}
