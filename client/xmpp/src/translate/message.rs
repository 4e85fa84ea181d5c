//! Messages (RFC 6121 §5): who may say what, and what of it is taken over. XEP-0359 ids, XEP-0203 delays.

use super::{Translator, carbons, chatstates, mam, markers, muc, policy, receipts};
use crate::xml::{CLIENT, MAX_BODY, cut, el, error_sentence, id_attr, stanza};
use chrono::DateTime;
use flint_core::ids::{MessageId, StanzaId, Timestamp};
use flint_core::input::{IncomingMessage, Origin, RemoteEvent};
use flint_core::model::ConversationId;
use flint_core::secret::Private;
use flint_core::{BareJid, Jid};
use flint_xep::sender::{FromAccount, FromContact, FromOccupant, FromRoom, FromServer};
use minidom::Element;

/// Processing hints (XEP-0334).
pub(crate) const HINTS: &str = "urn:xmpp:hints";
/// Stanza-id and origin-id.
pub(crate) const SID: &str = "urn:xmpp:sid:0";
/// Delay.
pub(crate) const DELAY: &str = "urn:xmpp:delay";

/// `type` of a message in this conversation.
pub(crate) fn kind_of(conversation: &ConversationId) -> &'static str {
    match conversation {
        ConversationId::Person(_) => "chat",
        ConversationId::Room(_) => "groupchat",
    }
}

/// A message with text. Sent again it is the same, so that archives and peers recognise it by its ids.
pub(crate) fn text(conversation: &ConversationId, id: &MessageId, body: &Private) -> Element {
    let is_person = matches!(conversation, ConversationId::Person(_));
    stanza("message")
        .attr("to", conversation.jid().to_string())
        .attr("type", kind_of(conversation))
        .attr("id", id.0.as_str())
        .child(el("body", CLIENT).text(&body.0))
        .child(el("origin-id", SID).attr("id", id.0.as_str()))
        .child(chatstates::active())
        .maybe(is_person.then(receipts::request))
        .child(markers::markable())
        .build()
}

/// The ids and marks of a message, read once for live, carbon and archive alike.
pub(crate) struct Content {
    pub(crate) body: Private,
    pub(crate) id: Option<String>,
    pub(crate) origin_id: Option<String>,
    pub(crate) wants_receipt: bool,
    pub(crate) markable: bool,
}

impl Content {
    /// `None` without text.
    pub(crate) fn read(message: &Element) -> Option<Self> {
        let body = body(message)?;
        Some(Self {
            body: Private(cut(&body, MAX_BODY).to_owned()),
            id: id_attr(message, "id"),
            origin_id: message.get_child("origin-id", SID).and_then(|origin| id_attr(origin, "id")),
            wants_receipt: receipts::is_wanted(message),
            markable: markers::is_markable(message),
        })
    }

    pub(crate) fn into_message(
        self,
        origin: Origin,
        stanza_id: Option<StanzaId>,
        delayed: Option<Timestamp>,
        archived: bool,
    ) -> IncomingMessage {
        IncomingMessage {
            origin,
            id: self.id,
            origin_id: self.origin_id,
            stanza_id,
            body: self.body,
            delayed,
            wants_receipt: self.wants_receipt,
            markable: self.markable,
            archived,
        }
    }
}

/// The first body without a language, else the first (RFC 6121 §5.2.3). Not empty.
fn body(message: &Element) -> Option<String> {
    let bodies = || message.children().filter(|child| child.is("body", CLIENT));
    let plain = bodies().find(|body| body.attrs().is_empty());
    plain.or_else(|| bodies().next()).map(Element::text).filter(|text| !text.is_empty())
}

/// The id that `by` assigned (XEP-0359 §5: any other could be forged by the sender).
pub(crate) fn stanza_id(message: &Element, by: &BareJid) -> Option<StanzaId> {
    message
        .children()
        .filter(|child| child.is("stanza-id", SID))
        .find(|child| child.attr("by").is_some_and(|stated| BareJid::new(stated).as_ref() == Ok(by)))
        .and_then(|child| id_attr(child, "id"))
        .map(StanzaId)
}

/// The stamp of the delay that one of the trusted parties added.
pub(crate) fn delay(message: &Element, is_trusted: impl Fn(&Jid) -> bool) -> Option<Timestamp> {
    message
        .children()
        .filter(|child| child.is("delay", DELAY))
        .find(|child| {
            child.attr("from").and_then(|from| Jid::new(from).ok()).is_some_and(|from| is_trusted(&from))
        })
        .and_then(|child| stamp(child.attr("stamp")?))
}

/// A moment in XEP-0082 form.
pub(crate) fn stamp(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| Timestamp(moment.timestamp_millis()))
}

/// A moment as XEP-0082 wants it.
pub(crate) fn format_stamp(at: Timestamp) -> String {
    DateTime::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

impl Translator {
    pub(super) fn inbound_message(&mut self, message: &Element, from: Option<&Jid>) {
        if message.attr("type") == Some("error") {
            return self.bounced(message, from);
        }
        if let Some(carbon) = carbons::of(message) {
            return match FromAccount::check(from, &self.account) {
                Some(account) => carbons::inbound(self, &account, carbon),
                None => self.dropped.count("carbon-from-elsewhere"),
            };
        }
        if let Some(result) = message.get_child("result", mam::NS) {
            return mam::result(self, from, result);
        }
        if let Some(service) = self.policy.check(from) {
            return policy::pushed(self, &service, message);
        }
        if let Some(invitation) = muc::mediated_invitation(message, from) {
            return self.tell(invitation);
        }
        if let Some(occupant) = FromOccupant::check(from, |room| self.is_room(room)) {
            return self.occupant_message(&occupant, message);
        }
        if let Some(room) = FromRoom::check(from, |room| self.is_room(room)) {
            return muc::room_message(self, &room, message);
        }
        if let Some(contact) = FromContact::check(from, &self.account, |room| self.is_room(room)) {
            return self.contact_message(&contact, message);
        }
        if let Some(server) = FromServer::check(from, &self.account) {
            return self.server_message(&server, message);
        }
        self.dropped.count("message-sender");
    }

    fn bounced(&mut self, message: &Element, from: Option<&Jid>) {
        let Some(id) = id_attr(message, "id") else { return self.dropped.count("error-without-id") };
        let from = from.cloned().unwrap_or_else(|| Jid::from(self.account.clone()));
        let reason = error_sentence(message, "The message");
        self.tell(RemoteEvent::MessageFailed { from, id, reason });
    }

    fn occupant_message(&mut self, from: &FromOccupant, message: &Element) {
        if message.attr("type") != Some("groupchat") {
            // A private message through a room (XEP-0045 §7.5): its sender is not a contact, and who they are is hidden.
            return self.dropped.count("private-message-in-room");
        }
        let room = from.room();
        let own = self.rooms.is_own(from);
        muc::subject(self, &room, message);
        if !own {
            let jid = Jid::from(from.jid().clone());
            if message.children().all(|child| child.name() != "delay") {
                chatstates::read(self, &jid, true, message);
            }
            markers::read(self, &jid, message);
        }
        let Some(content) = Content::read(message) else { return };
        let origin = Origin::Occupant { room: room.clone(), nick: Some(from.nick().to_string()), own };
        let delayed = muc::delay(message, &room);
        let incoming = content.into_message(origin, stanza_id(message, &room), delayed, false);
        self.tell(RemoteEvent::MessageReceived(incoming));
    }

    /// A live message of a person, also as a received carbon.
    pub(super) fn contact_message(&mut self, from: &FromContact, message: &Element) {
        if message.attr("type") == Some("groupchat") {
            return self.dropped.count("groupchat-not-joined");
        }
        if let Some(invitation) = muc::direct_invitation(message, from) {
            return self.tell(invitation);
        }
        let own = from.is_own(&self.account);
        if !own {
            chatstates::read(self, from.jid(), false, message);
            receipts::read(self, from, message);
            markers::read(self, from.jid(), message);
        }
        let Some(content) = Content::read(message) else { return };
        let origin = if own {
            Origin::OwnDevice { to: self.account.clone() }
        } else {
            Origin::Person { from: from.jid().clone() }
        };
        let delayed = delay(message, |by| self.is_server_or_account(by));
        let incoming = content.into_message(origin, stanza_id(message, &self.account), delayed, false);
        self.tell(RemoteEvent::MessageReceived(incoming));
    }

    /// An announcement of the own server.
    fn server_message(&mut self, from: &FromServer, message: &Element) {
        let Some(content) = Content::read(message) else { return };
        let from = Jid::from(from.domain().to_owned());
        let delayed = delay(message, |by| self.is_server_or_account(by));
        let incoming =
            content.into_message(Origin::Person { from }, stanza_id(message, &self.account), delayed, false);
        self.tell(RemoteEvent::MessageReceived(IncomingMessage { wants_receipt: false, ..incoming }));
    }

    pub(super) fn is_server_or_account(&self, by: &Jid) -> bool {
        FromServer::check(Some(by), &self.account).is_some()
            || FromAccount::check(Some(by), &self.account).is_some()
    }
}
