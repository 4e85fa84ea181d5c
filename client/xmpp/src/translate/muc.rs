//! Rooms (XEP-0045) and invitations to them (§7.8, XEP-0249).
//!
//! Only rooms that we have joined or are joining are listened to.

use super::message::{Content, stanza_id};
use super::{Translator, disco, iq};
use crate::xml::{CLIENT, DATA_FORMS, MAX_LINE, cut, el, error_of, line, stanza};
use flint_core::ids::Timestamp;
use flint_core::input::{Origin, RemoteEvent};
use flint_core::model::OccupantRow;
use flint_core::secret::Private;
use flint_core::{BareJid, FullJid, Jid};
use flint_xep::sender::{FromContact, FromOccupant, FromRoom};
use minidom::Element;
use std::collections::BTreeMap;

const NS: &str = "http://jabber.org/protocol/muc";
const USER: &str = "http://jabber.org/protocol/muc#user";
const OWNER: &str = "http://jabber.org/protocol/muc#owner";
const DIRECT: &str = "jabber:x:conference";

/// Our place in one room.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    nick: String,
    joined: bool,
}

/// Rooms that we have joined or are joining.
#[derive(Debug, Default)]
pub(crate) struct Rooms(BTreeMap<BareJid, Place>);

impl Rooms {
    /// A presence from this room: of one that we are in, or an answer to our joining.
    pub(crate) fn concerns(&self, room: &BareJid, presence: &Element) -> bool {
        self.0.get(room).is_some_and(|place| {
            place.joined || presence.has_child("x", USER) || presence.attr("type") == Some("error")
        })
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// This occupant is us.
    pub(crate) fn is_own(&self, occupant: &FromOccupant) -> bool {
        self.0.get(&occupant.room()).is_some_and(|place| place.nick == occupant.nick().as_str())
    }

    pub(crate) fn is_joined(&self, room: &BareJid) -> bool {
        self.0.get(room).is_some_and(|place| place.joined)
    }
}

/// Presence that joins (§7.2), and the note that we are joining.
pub(crate) fn join(
    translator: &mut Translator,
    room: &BareJid,
    nick: &str,
    password: Option<&Private>,
    since: Option<Timestamp>,
) {
    let Ok(occupant) = room.with_resource_str(nick) else {
        let reason = format!("The nickname “{nick}” can't be used; choose another one.");
        return translator.tell(RemoteEvent::RoomJoinFailed {
            room: room.clone(),
            reason,
            nick_taken: false,
        });
    };
    let history =
        since.map(|since| el("history", NS).attr("since", super::message::format_stamp(since)).build());
    let request = el("x", NS)
        .maybe(password.map(|password| el("password", NS).text(&password.0).build()))
        .maybe(history);
    let presence =
        stanza("presence").attr("to", occupant.to_string()).child(request).child(disco::caps()).build();
    let place = Place { nick: occupant.resource().to_string(), joined: translator.rooms.is_joined(room) };
    translator.rooms.0.insert(room.clone(), place);
    translator.send(presence);
}

/// Presence that leaves (§7.14). The room confirms by our own presence.
pub(crate) fn leave(translator: &mut Translator, room: &BareJid, nick: &str) {
    let nick = translator.rooms.0.get(room).map_or(nick, |place| place.nick.as_str());
    let to = room.with_resource_str(nick).map_or_else(|_| room.to_string(), |full| full.to_string());
    let presence = stanza("presence").attr("to", to).attr("type", "unavailable").build();
    // One that never let us in has nothing to confirm.
    if !translator.rooms.is_joined(room) {
        translator.rooms.0.remove(room);
    }
    translator.send(presence);
}

/// Presence of somebody in a room.
pub(crate) fn occupant_presence(
    translator: &mut Translator,
    from: &FromOccupant,
    kind: Option<&str>,
    presence: &Element,
) {
    let user = presence.get_child("x", USER);
    let has = |code: &str| {
        user.is_some_and(|user| {
            user.children().any(|child| child.is("status", USER) && child.attr("code") == Some(code))
        })
    };
    let room = from.room();
    match kind {
        None => {
            let own = has("110");
            if own {
                entered(translator, from, has("201"));
            }
            let occupant = occupant(from, user);
            translator.tell(RemoteEvent::OccupantChanged { room: room.clone(), occupant });
            if own {
                let nick = from.nick().to_string();
                translator.tell(RemoteEvent::RoomJoined { room, nick });
            }
        }
        Some("unavailable") => {
            let renamed = has("303");
            let own = has("110") || translator.rooms.is_own(from);
            if own && renamed {
                let item = user.and_then(|user| user.get_child("item", USER));
                if let (Some(place), Some(nick)) =
                    (translator.rooms.0.get_mut(&room), item.and_then(|item| item.attr("nick")))
                {
                    nick.clone_into(&mut place.nick);
                }
            }
            if own && !renamed {
                translator.rooms.0.remove(&room);
                let reason = user.and_then(|user| removal(user, &has));
                translator.tell(RemoteEvent::RoomLeft { room, reason });
            } else {
                translator.tell(RemoteEvent::OccupantLeft { room, nick: from.nick().to_string() });
            }
        }
        Some("error") => refused(translator, &room, presence),
        Some(_) => translator.dropped.count("presence-type"),
    }
}

/// Presence of a room itself: a refusal.
pub(crate) fn room_presence(
    translator: &mut Translator,
    from: &FromRoom,
    kind: Option<&str>,
    presence: &Element,
) {
    match kind {
        Some("error") => refused(translator, from.room(), presence),
        // A room's own presence carries its avatar (XEP-0153), which is not asked for.
        _ => translator.dropped.count("presence-of-room"),
    }
}

fn entered(translator: &mut Translator, from: &FromOccupant, created: bool) {
    let room = from.room();
    let Some(place) = translator.rooms.0.get_mut(&room) else { return };
    let first = !place.joined;
    place.joined = true;
    place.nick = from.nick().to_string();
    if created {
        let accept = |_: &str| el("query", OWNER).child(el("x", DATA_FORMS).attr("type", "submit")).build();
        translator.ask("set", Some(room.clone().into()), iq::Request::UnlockRoom, accept);
    }
    if first {
        let request = iq::Request::RoomInfo(room.clone());
        translator.ask("get", Some(room.into()), request, |_| disco::info_query());
    }
}

fn occupant(from: &FromOccupant, user: Option<&Element>) -> OccupantRow {
    let item = user.and_then(|user| user.get_child("item", USER));
    let value = |name: &str, known: &[&str]| {
        let stated = item.and_then(|item| item.attr(name)).unwrap_or("none");
        if known.contains(&stated) { stated.to_owned() } else { "none".to_owned() }
    };
    OccupantRow {
        nick: from.nick().to_string(),
        jid: item.and_then(|item| item.attr("jid")).and_then(|jid| FullJid::new(jid).ok()),
        role: value("role", &["moderator", "participant", "visitor"]),
        affiliation: value("affiliation", &["owner", "admin", "member", "outcast"]),
    }
}

/// Why we are out, when it was not our own wish.
fn removal(user: &Element, has: &impl Fn(&str) -> bool) -> Option<String> {
    let stated = user
        .get_child("item", USER)
        .and_then(|item| line(item, "reason", USER))
        .or_else(|| user.get_child("destroy", USER).and_then(|destroy| line(destroy, "reason", USER)));
    let what = if user.has_child("destroy", USER) {
        "The room was closed"
    } else if has("301") {
        "You were banned from the room"
    } else if has("307") {
        "You were removed from the room"
    } else if has("321") || has("322") {
        "You are no longer a member of the room"
    } else if has("332") {
        "The room's server is shutting down"
    } else if has("333") {
        "The connection to the room broke"
    } else {
        return None;
    };
    Some(match stated {
        Some(reason) => format!("{what}: {}.", reason.trim_end_matches('.')),
        None => format!("{what}."),
    })
}

fn refused(translator: &mut Translator, room: &BareJid, presence: &Element) {
    if translator.rooms.is_joined(room) {
        // For example a nickname that is taken: we are still in.
        return translator.dropped.count("room-error-while-joined");
    }
    translator.rooms.0.remove(room);
    let (condition, text) = error_of(presence);
    let reason = match condition.as_str() {
        "not-authorized" => "The room needs a password.",
        "forbidden" => "You are banned from the room.",
        "registration-required" => "The room is for members only; ask its owner to add you.",
        "conflict" => "Somebody in the room has this nickname already; choose another one.",
        "service-unavailable" => "The room is full.",
        "item-not-found" => "The room does not exist.",
        "not-allowed" => "You may not create rooms here.",
        "not-acceptable" => "The room allows only your registered nickname.",
        "remote-server-not-found" | "remote-server-timeout" => "The room's server can't be reached.",
        "jid-malformed" => "The room's address or the nickname is not valid.",
        _ => "The room refused to let you in.",
    };
    let reason = match text {
        Some(text) => format!("{} ({})", reason, text),
        None => reason.to_owned(),
    };
    let nick_taken = condition == "conflict";
    translator.tell(RemoteEvent::RoomJoinFailed { room: room.clone(), reason, nick_taken });
}

/// A message of the room itself.
pub(crate) fn room_message(translator: &mut Translator, from: &FromRoom, message: &Element) {
    if message.attr("type") != Some("groupchat") {
        return translator.dropped.count("message-of-room");
    }
    subject(translator, from.room(), message);
    let Some(content) = Content::read(message) else { return };
    let origin = Origin::Occupant { room: from.room().clone(), nick: None, own: false };
    let delayed = delay(message, from.room());
    let incoming = content.into_message(origin, stanza_id(message, from.room()), delayed, false);
    translator.tell(RemoteEvent::MessageReceived(incoming));
}

/// A subject is a message with `<subject/>` and without `<body/>` (§8.1).
pub(crate) fn subject(translator: &mut Translator, room: &BareJid, message: &Element) {
    if message.has_child("body", CLIENT) {
        return;
    }
    if let Some(subject) = message.get_child("subject", CLIENT) {
        let subject = cut(subject.text().trim(), MAX_LINE).to_owned();
        translator.tell(RemoteEvent::RoomSubject { room: room.clone(), subject });
    }
}

/// The stamp of a message from the room's history: added by the room or its service.
pub(crate) fn delay(message: &Element, room: &BareJid) -> Option<Timestamp> {
    super::message::delay(message, |by| {
        by.to_bare() == *room || (by.node().is_none() && by.domain() == room.domain())
    })
}

/// An invitation through the room (§7.8.2). Its sender is the room's bare address, which no person's client can have:
/// a server stamps those with a resource.
pub(crate) fn mediated_invitation(message: &Element, from: Option<&Jid>) -> Option<RemoteEvent> {
    let user = message.get_child("x", USER)?;
    let invite = user.get_child("invite", USER)?;
    let room = from.filter(|from| from.resource().is_none() && from.node().is_some())?.to_bare();
    Some(RemoteEvent::RoomInvited {
        room,
        by: invite.attr("from").and_then(|by| Jid::new(by).ok()),
        reason: line(invite, "reason", USER).unwrap_or_default(),
        password: line(user, "password", USER).map(Private),
    })
}

/// Who invites, in a message that is an invitation through a room.
pub(crate) fn inviter(message: &Element, from: Option<&Jid>) -> Option<Jid> {
    match mediated_invitation(message, from)? {
        RemoteEvent::RoomInvited { by, .. } => by,
        _ => None,
    }
}

/// An invitation by a person (XEP-0249).
pub(crate) fn direct_invitation(message: &Element, from: &FromContact) -> Option<RemoteEvent> {
    let invitation = message.get_child("x", DIRECT)?;
    let room = BareJid::new(invitation.attr("jid")?).ok().filter(|room| room.node().is_some())?;
    let text = |name: &'static str| {
        let text = cut(invitation.attr(name)?.trim(), MAX_LINE);
        (!text.is_empty()).then(|| text.to_owned())
    };
    Some(RemoteEvent::RoomInvited {
        room,
        by: Some(from.jid().clone()),
        reason: text("reason").unwrap_or_default(),
        password: text("password").map(Private::from),
    })
}
