//! Chats' rooms: invitations of agent and customer, handing a chat on, who is inside.

use crate::element::{
    attr, bare_attr, child, child_text, children, expect, jid, jid_attr, leaf, name, need_attr, need_text,
};
use crate::error::{Condition, Malformed};
use crate::metadata::{Metadata, Session, user, user_inside};
use crate::text::{Hidden, clean};
use crate::{CLIENT, JWG, WG, limits, stamp};
use jid::{BareJid, Jid};
use minidom::Element;

const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
const MUC_ADMIN: &str = "http://jabber.org/protocol/muc#admin";

/// To whom an invitation is addressed, by the extension it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvitationKind {
    /// The agent who took the offer: `<offer jid='CUSTOMER'/>`.
    Agent {
        /// The customer.
        customer: Option<Jid>,
    },
    /// The customer, or a person whom a colleague calls in: `<workgroup jid='…'/>`.
    Person {
        /// The workgroup.
        workgroup: BareJid,
    },
    /// Neither: a server in between dropped the extension, or an ordinary invitation.
    Plain,
}

/// A mediated invitation (XEP-0045 §7.8.2) with what Fastpath adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The room.
    pub room: BareJid,
    /// Who invites; a workgroup.
    pub inviter: Option<Jid>,
    /// Text; the session's id for an agent, by which Spark recognises it.
    pub reason: String,
    /// Password of the room.
    pub password: Option<Hidden>,
    /// The chat.
    pub session: Option<Session>,
    /// For whom.
    pub kind: InvitationKind,
    /// What is known about the customer; makes Spark ask and show it.
    pub metadata: Option<Metadata>,
    /// Identity of an anonymous customer.
    pub user: Option<String>,
}

impl Invitation {
    /// Reads a message as the room service delivers it; the room is its sender. `Ok(None)`: no invitation inside.
    pub fn read(message: &Element) -> Result<Option<Self>, Malformed> {
        let Some(x) = message.get_child("x", MUC_USER) else { return Ok(None) };
        let Some(invite) = x.get_child("invite", MUC_USER) else { return Ok(None) };
        let room = bare_attr(message, "from")?.ok_or(Malformed::Missing("from"))?;
        let muc_text = |parent: &Element, name: &'static str| {
            parent
                .get_child(name, MUC_USER)
                .map(|child| crate::element::text(child, name, limits::TEXT))
                .transpose()
        };
        let kind = if let Some(offer) = child(message, "offer") {
            InvitationKind::Agent { customer: jid_attr(offer, "jid")? }
        } else if let Some(workgroup) = child(message, "workgroup") {
            InvitationKind::Person {
                workgroup: bare_attr(workgroup, "jid")?.ok_or(Malformed::Missing("jid"))?,
            }
        } else {
            InvitationKind::Plain
        };
        Ok(Some(Self {
            room,
            inviter: jid_attr(invite, "from")?,
            reason: muc_text(invite, "reason")?.unwrap_or_default(),
            password: muc_text(x, "password")?.filter(|password| !password.is_empty()).map(Hidden),
            session: Session::inside(message)?,
            kind,
            metadata: child(message, "metadata").map(Metadata::read).transpose()?,
            user: user_inside(message)?,
        }))
    }

    /// Ids by which the chat may be known, best first: the session, the reason, the room's localpart.
    pub fn session_ids(&self) -> impl Iterator<Item = &str> {
        self.session
            .as_ref()
            .map(|session| session.id.as_str())
            .into_iter()
            .chain((!self.reason.is_empty()).then_some(self.reason.as_str()))
            .chain(self.room.node().map(|node| node.as_str()))
    }

    /// The message to the room that invites `invitee`. The sender sets `from`; `inviter` is not written.
    pub fn message(&self, invitee: &Jid) -> Element {
        let x = Element::builder("x", MUC_USER)
            .append(
                Element::builder("invite", MUC_USER)
                    .attr(name!("to"), invitee.to_string())
                    .append(leaf("reason", MUC_USER, &self.reason))
                    .build(),
            )
            .append_all(self.password.as_ref().map(|password| leaf("password", MUC_USER, &password.0)))
            .build();
        Element::builder("message", CLIENT)
            .attr(name!("to"), self.room.to_string())
            .append(x)
            .append_all(self.extensions())
            .build()
    }

    /// The extensions alone, for another carrier than a mediated invitation.
    pub fn extensions(&self) -> Vec<Element> {
        let mut parts = Vec::new();
        match &self.kind {
            InvitationKind::Agent { customer } => parts.push(
                Element::builder("offer", WG)
                    .attr(name!("jid"), customer.as_ref().map(ToString::to_string))
                    .build(),
            ),
            InvitationKind::Person { workgroup } => {
                parts.push(
                    Element::builder("workgroup", WG).attr(name!("jid"), workgroup.to_string()).build(),
                );
            }
            InvitationKind::Plain => {}
        }
        parts.extend(self.session.as_ref().map(Session::element));
        parts.extend(self.metadata.as_ref().map(Metadata::element));
        parts.extend(self.user.as_deref().map(user));
        parts
    }
}

/// To whom a chat is handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandoverKind {
    /// A person.
    User,
    /// The agents of a queue.
    Queue,
    /// A workgroup, whose rules choose the queue.
    Workgroup,
}

/// `<invite/>` or `<transfer/>` inside an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// How it was addressed.
    pub kind: HandoverKind,
    /// The colleague.
    pub inviter: Jid,
    /// The room of the running chat.
    pub room: BareJid,
    /// The colleague's words.
    pub reason: Hidden,
}

impl Handover {
    pub(crate) fn read(element: &Element) -> Result<Self, Malformed> {
        Ok(Self {
            kind: HandoverKind::read(element.attr("type"))?,
            inviter: jid(&need_text(element, "inviter", limits::JID)?, "inviter")?,
            room: jid(&need_text(element, "room", limits::JID)?, "room")?.into_bare(),
            reason: Hidden(child_text(element, "reason", limits::TEXT)?.unwrap_or_default()),
        })
    }

    pub(crate) fn element(&self, name: &str, metadata: &Metadata) -> Element {
        Element::builder(name, WG)
            .attr(name!("type"), self.kind.name())
            .append(leaf("inviter", WG, &self.inviter.to_string()))
            .append(leaf("room", WG, &self.room.to_string()))
            .append(metadata.element())
            .append(leaf("reason", WG, &self.reason.0))
            .build()
    }
}

/// `<invite/>` or `<transfer/>` as an agent sends it: bring somebody in, or hand the chat on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoverRequest {
    /// Hand it on and leave, or only bring somebody in.
    pub transfer: bool,
    /// How the invitee is meant.
    pub kind: HandoverKind,
    /// The chat; Smack and Spark send no workgroup.
    pub session: Session,
    /// A person, or a workgroup, or a workgroup with its queue as resource.
    pub invitee: Jid,
    /// For the invitee. Fastpath fails without one: it is required here.
    pub reason: Hidden,
}

impl HandoverRequest {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        let transfer = crate::element::is(element, "transfer");
        if !transfer {
            expect(element, "invite")?;
        }
        Ok(Self {
            transfer,
            kind: HandoverKind::read(element.attr("type"))?,
            session: Session::inside(element)?.ok_or(Malformed::Missing("session"))?,
            invitee: jid(&need_text(element, "invitee", limits::JID)?, "invitee")?,
            reason: Hidden(need_text(element, "reason", limits::TEXT)?),
        })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder(self.name(), WG)
            .attr(name!("type"), self.kind.name())
            .append(self.session.element())
            .append(leaf("invitee", WG, &self.invitee.to_string()))
            .append(leaf("reason", WG, &self.reason.0))
            .build()
    }

    /// The message that tells the inviter that it did not work; `from` and `to` are the sender's.
    pub fn failure(&self, inviter: &Jid, sentence: &str) -> Element {
        Element::builder("message", CLIENT)
            .attr(name!("type"), "error")
            .append(Condition::RecipientUnavailable.element(None))
            .append(leaf("body", CLIENT, sentence))
            .append(
                Element::builder(self.name(), WG)
                    .attr(name!("type"), self.kind.name())
                    .append(self.session.element())
                    .append(leaf("inviter", WG, &inviter.to_string()))
                    .append(leaf("invitee", WG, &self.invitee.to_string()))
                    .build(),
            )
            .build()
    }

    fn name(&self) -> &'static str {
        if self.transfer { "transfer" } else { "invite" }
    }
}

/// One person in a room, by `occupants-info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// Real address.
    pub jid: Jid,
    /// Nickname.
    pub nick: String,
    /// Since when (milliseconds).
    pub joined: Option<i64>,
}

/// `<occupants-info/>`: who is in a chat's room, with real addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OccupantsInfo {
    /// Session id.
    pub session: String,
    /// People; empty in the question.
    pub occupants: Vec<Occupant>,
}

impl OccupantsInfo {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "occupants-info")?;
        let occupants = children(element, "occupant", limits::ROWS)?
            .into_iter()
            .map(|occupant| {
                let joined = child_text(occupant, "joined", 64)?.filter(|text| !text.is_empty());
                Ok(Occupant {
                    jid: jid(&need_text(occupant, "jid", limits::JID)?, "jid")?,
                    nick: child_text(occupant, "nickname", limits::NAME)?.unwrap_or_default(),
                    joined: joined
                        .map(|text| stamp::read(&text).ok_or(Malformed::BadValue("joined")))
                        .transpose()?,
                })
            })
            .collect::<Result<_, Malformed>>()?;
        Ok(Self { session: need_attr(element, "roomID", limits::ID)?, occupants })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("occupants-info", JWG)
            .attr(name!("roomID"), clean(&self.session))
            .append_all(self.occupants.iter().map(|occupant| {
                Element::builder("occupant", JWG)
                    .append(leaf("jid", JWG, &occupant.jid.to_string()))
                    .append(leaf("nickname", JWG, &occupant.nick))
                    .append_all(occupant.joined.map(|at| leaf("joined", JWG, &stamp::legacy(at))))
                    .build()
            }))
            .build()
    }
}

/// The payload that puts an occupant out of the room, by nickname as every room service understands it
/// (XEP-0045 §8.2).
pub fn kick(nick: &str, reason: &str) -> Element {
    Element::builder("query", MUC_ADMIN)
        .append(
            Element::builder("item", MUC_ADMIN)
                .attr(name!("nick"), clean(nick))
                .attr(name!("role"), "none")
                .append(leaf("reason", MUC_ADMIN, reason))
                .build(),
        )
        .build()
}

/// The payload that gives somebody an affiliation with a room (XEP-0045 §9.3): `owner` for a monitor, `member` to let
/// a person into a room for members.
pub fn affiliation(jid: &BareJid, affiliation: &str) -> Element {
    Element::builder("query", MUC_ADMIN)
        .append(
            Element::builder("item", MUC_ADMIN)
                .attr(name!("jid"), jid.to_string())
                .attr(name!("affiliation"), clean(affiliation))
                .build(),
        )
        .build()
}

/// Session id in `<makeOwner sessionID='…'/>` inside `<monitor/>`, when somebody asks to listen to a chat.
pub fn read_make_owner(monitor: &Element) -> Result<Option<String>, Malformed> {
    expect(monitor, "monitor")?;
    match child(monitor, "makeOwner") {
        Some(owner) => attr(owner, "sessionID", limits::ID),
        None => Ok(None),
    }
}
