//! What arrives from the server: told apart by area here; messages are recognised, placed, counted and announced.

use super::known::Seen;
use super::{Engine, MAX_BODY, MAX_CHATS, MAX_NAME, cap};
use crate::capability::Capability;
use crate::effect::{Outbound, Persist};
use crate::ids::{MessageId, Timestamp};
use crate::input::{IncomingMessage, Origin, RemoteEvent};
use crate::model::{ConversationId, DeliveryState, Direction, MessageRow};
use crate::secret::Private;
use crate::update::{ChatUpdate, Update};
use jid::{BareJid, Jid};

/// A stamp may be this far in the future of our clock; a later one is taken for this.
const MAX_AHEAD_MS: i64 = 10 * 60 * 1000;
/// Longest id taken from the wire, in bytes.
const MAX_ID: usize = 1024;

/// Who wrote a message, once told apart.
struct Author {
    conversation: ConversationId,
    /// Key for recognising: `None` = ourselves, else the nickname, or nothing for the other person.
    key: Option<String>,
    name: String,
    jid: Option<BareJid>,
    own: bool,
}

impl Engine {
    pub(super) fn remote(&mut self, event: RemoteEvent) {
        match event {
            RemoteEvent::RosterReceived { items, version } => self.roster_received(items, version),
            RemoteEvent::RosterPushed { item, removed, version } => {
                self.roster_pushed(item, removed, version)
            }
            RemoteEvent::PresenceChanged { from, show, status, priority } => {
                self.presence_changed(from, show, status, priority);
            }
            RemoteEvent::PresenceGone { from } => self.presence_gone(&from),
            RemoteEvent::SubscriptionRequested { from } => self.subscription_requested(from),
            RemoteEvent::MessageReceived(message) => self.message_received(message),
            RemoteEvent::TypingChanged { from, in_room, typing } => {
                self.typing_changed(&from, in_room, typing)
            }
            RemoteEvent::ReceiptReceived { from, id } => {
                if let Some(id) = self.own_message_to(&from, id) {
                    self.own_advanced(&id, DeliveryState::Delivered);
                }
            }
            RemoteEvent::DisplayedReceived { from, id } => {
                if let Some(id) = self.own_message_to(&from, id) {
                    self.own_read_up_to(&id);
                }
            }
            RemoteEvent::MessageFailed { from, id, reason } => {
                let id = MessageId(id);
                // A room may bounce what an occupant of it could not.
                if self
                    .outbox
                    .conversation(&id)
                    .is_some_and(|conversation| *conversation.jid() == from.to_bare())
                {
                    self.own_advanced(&id, DeliveryState::Failed { reason });
                }
            }
            RemoteEvent::RoomJoined { room, nick } => self.room_joined(room, nick),
            RemoteEvent::RoomJoinFailed { room, nick_taken, reason } => {
                self.join_failed(room, nick_taken, reason)
            }
            RemoteEvent::OccupantChanged { room, occupant } => self.occupant_changed(room, occupant),
            RemoteEvent::OccupantLeft { room, nick } => self.occupant_left(room, &nick),
            RemoteEvent::RoomLeft { room, reason } => self.room_left(room, reason),
            RemoteEvent::RoomSubject { room, subject } => self.room_subject(room, subject),
            RemoteEvent::RoomNamed { room, name } => self.room_named(room, name),
            RemoteEvent::RoomsListed { rooms } => self.rooms_listed(rooms),
            RemoteEvent::RoomInvited { room, by, reason, password } => {
                self.room_invited(room, by, reason, password)
            }
            RemoteEvent::ArchivePage { archive, last, complete } => {
                self.archive_page(archive, last, complete)
            }
            RemoteEvent::ArchiveFailed { archive, .. } => self.archive_failed(archive),
            RemoteEvent::RequestAnswered { token, result } => self.request_answered(token, result),
            RemoteEvent::OwnNameReceived { name } => self.own_name(name),
        }
    }

    /// Receipts and markers count only from the person the message went to.
    fn own_message_to(&self, from: &Jid, id: String) -> Option<MessageId> {
        let id = MessageId(id);
        let conversation = self.outbox.conversation(&id)?;
        let from_peer = matches!(conversation, ConversationId::Person(jid) if *jid == from.to_bare());
        from_peer.then_some(id)
    }

    fn typing_changed(&mut self, from: &Jid, in_room: bool, typing: bool) {
        let jid = from.to_bare();
        if in_room {
            let Some(nick) = from.resource().map(|nick| nick.as_str().to_owned()) else { return };
            let own = self.rooms.get(&jid).and_then(super::room::Room::nick);
            if own.as_ref() != Some(&nick) {
                self.peer_typing(&ConversationId::Room(jid), nick, typing);
            }
        } else {
            let name = self.people.name(&jid);
            self.peer_typing(&ConversationId::Person(jid), name, typing);
        }
    }

    fn message_received(&mut self, incoming: IncomingMessage) {
        let Some(author) = self.author(&incoming) else { return };
        let taken = self.take_message(&author, &incoming);
        self.note_archived(&author.conversation, incoming.stanza_id.as_ref(), incoming.archived, taken);
    }

    /// True when the message was new.
    fn take_message(&mut self, author: &Author, incoming: &IncomingMessage) -> bool {
        let conversation = author.conversation.clone();
        let stamped = incoming.delayed.map(|at| at.min(self.now.plus(MAX_AHEAD_MS)));
        if incoming.body.0.is_empty() || stamped.is_some_and(|at| self.is_past_retention(at)) {
            return false;
        }
        let wire_ids: Vec<String> =
            incoming.origin_id.iter().chain(&incoming.id).map(|id| cap(id.clone(), MAX_ID)).collect();
        if self.is_known(author, incoming, &wire_ids) {
            return false;
        }

        // Our own id is the message's identity on all our devices; another's id is only a claim.
        let id = match wire_ids.first() {
            Some(id) if author.own && !self.outbox.holds(&MessageId(id.clone())) => MessageId(id.clone()),
            _ => self.new_id(),
        };
        let now = self.now;
        let at = stamped.unwrap_or(now);
        let chat = self.chats.entry(conversation.clone()).or_default();
        chat.heard_at(at);
        let message = MessageRow {
            id: id.clone(),
            conversation: conversation.clone(),
            sender_name: author.name.clone(),
            sender: author.jid.clone(),
            at,
            direction: match author.own {
                true => Direction::Outgoing { delivery: DeliveryState::Acked },
                false => Direction::Incoming,
            },
            body: Private(cap(incoming.body.0.clone(), MAX_BODY)),
            stanza_id: incoming.stanza_id.clone(),
            sort: chat.place(stamped, now),
        };
        let wire_id = wire_ids.first().cloned();
        chat.known.remember(id.clone(), incoming.stanza_id.clone(), author.key.clone(), wire_id);
        for other in wire_ids.iter().skip(1).filter(|other| Some(*other) != wire_ids.first()) {
            chat.known.remember(
                id.clone(),
                incoming.stanza_id.clone(),
                author.key.clone(),
                Some(other.clone()),
            );
        }
        self.persist(Persist::Message {
            message: message.clone(),
            wire_id: incoming.id.clone().or(incoming.origin_id.clone()),
        });
        let room = match &conversation {
            ConversationId::Room(room) => self.rooms.get(room),
            ConversationId::Person(_) => None,
        };
        let room_history = room.is_some() && stamped.is_some();
        let first_visit = room.is_some_and(super::room::Room::is_first_visit);
        let first_look = incoming.archived && self.is_first_look(&conversation);
        self.count(&message, author, first_look || (room_history && first_visit));
        if author.own {
            self.outbox.add(id, conversation.clone(), DeliveryState::Acked, None, true);
        } else {
            self.answer(incoming, &conversation);
            if !incoming.archived && stamped.is_none() {
                self.peer_typing(&conversation, author.name.clone(), false);
            }
        }
        self.show_message(&message);
        self.note_last(&message);
        self.conversation_changed(&conversation);
        if !author.own && !incoming.archived && !room_history {
            let title = self.title(&conversation);
            self.update(Update::Chat(ChatUpdate::Arrived { message, title }));
        }
        true
    }

    /// Tells who speaks where; `None` for what belongs into no conversation.
    fn author(&self, incoming: &IncomingMessage) -> Option<Author> {
        let author = self.author_of(incoming)?;
        let fits = self.chats.len() < MAX_CHATS || self.chats.contains_key(&author.conversation);
        fits.then_some(author)
    }

    fn author_of(&self, incoming: &IncomingMessage) -> Option<Author> {
        Some(match &incoming.origin {
            // Private words through a room have no conversation of their own; shown as the room's they would be
            // answered in public.
            Origin::Person { from } if self.is_room(&from.to_bare()) => return None,
            // A note to ourselves comes back to us.
            Origin::Person { from } if from.to_bare() == self.config.account => {
                self.by_ourselves(from.to_bare())
            }
            Origin::Person { from } => {
                let jid = from.to_bare();
                let name = self.people.name(&jid);
                let conversation = ConversationId::Person(jid.clone());
                Author { conversation, key: Some(String::new()), name, jid: Some(jid), own: false }
            }
            Origin::OwnDevice { to } => self.by_ourselves(to.clone()),
            Origin::Occupant { room, nick, own } => {
                let known = self.rooms.get(room).filter(|_| self.may(Capability::GroupChat))?;
                if !incoming.archived && !known.is_wanted() {
                    return None;
                }
                let nick = nick.clone().map(|nick| cap(nick, MAX_NAME));
                let jid = match own {
                    true => Some(self.config.account.clone()),
                    false => nick.as_ref().and_then(|nick| known.jid_of(nick)),
                };
                let key = (!own).then(|| nick.clone().unwrap_or_default());
                let name = nick.unwrap_or_else(|| self.title(&ConversationId::Room(room.clone())));
                Author { conversation: ConversationId::Room(room.clone()), key, name, jid, own: *own }
            }
        })
    }

    fn by_ourselves(&self, to: BareJid) -> Author {
        let jid = Some(self.config.account.clone());
        let conversation = ConversationId::Person(to);
        Author { conversation, key: None, name: self.account.name.clone(), jid, own: true }
    }

    /// True when the message is there already; then only what is new about it is taken over.
    fn is_known(&mut self, author: &Author, incoming: &IncomingMessage, wire_ids: &[String]) -> bool {
        let stanza_id = incoming.stanza_id.as_ref();
        let chat = self.chats.get(&author.conversation);
        let seen =
            chat.map_or(Seen::New, |chat| chat.known.look_up(stanza_id, author.key.as_deref(), wire_ids));
        if let (Seen::Settles(id), Some(stanza_id)) = (&seen, stanza_id) {
            self.settle(&author.conversation, id.clone(), stanza_id.clone());
        }
        if author.own {
            // The server or the room has our message: reflection, archive copy, or a carbon of it.
            let mine = wire_ids
                .iter()
                .map(|id| MessageId(id.clone()))
                .find(|id| self.outbox.conversation(id) == Some(&author.conversation));
            if let Some(id) = mine {
                if let (Seen::New, Some(stanza_id)) = (&seen, stanza_id) {
                    self.settle(&author.conversation, id.clone(), stanza_id.clone());
                }
                if incoming.archived && !self.outbox.is_proven_by_archive(&id) {
                    return true;
                }
                return self.own_advanced(&id, DeliveryState::Acked);
            }
        }
        seen != Seen::New
    }

    fn settle(&mut self, conversation: &ConversationId, id: MessageId, stanza_id: crate::ids::StanzaId) {
        if let Some(chat) = self.chats.get_mut(conversation) {
            chat.known.settle(id.clone(), stanza_id.clone());
        }
        self.persist(Persist::ArchiveId { message: id, stanza_id });
    }

    /// Unread grows with what others say; what we said ourselves, here or elsewhere, means that we had read what was there
    /// by then. An archive may bring old words of ours after newer ones of others.
    fn count(&mut self, message: &MessageRow, author: &Author, old_history: bool) {
        let Some(chat) = self.chats.get_mut(&message.conversation) else { return };
        let before = chat.unread;
        if author.own && !chat.is_newest(message.sort) {
            return;
        }
        if author.own {
            chat.unread = 0;
            chat.first_unread = None;
            chat.marker = None;
        } else if !old_history {
            chat.unread = chat.unread.saturating_add(1);
            chat.first_unread.get_or_insert_with(|| message.id.clone());
        }
        if chat.unread != before {
            self.persist_conversation(&message.conversation);
        }
    }

    /// Receipt at once, marker when it is read. Both say that we are there, so only those hear it who may see our
    /// presence; and what an archive brings was answered when it arrived.
    fn answer(&mut self, incoming: &IncomingMessage, conversation: &ConversationId) {
        let marker = match conversation {
            ConversationId::Person(_) => incoming.id.clone(),
            ConversationId::Room(_) => incoming.stanza_id.as_ref().map(|id| id.0.clone()),
        };
        if incoming.markable
            && let (Some(marker), Some(chat)) = (marker, self.chats.get_mut(conversation))
        {
            chat.marker = Some(marker);
        }
        if let (Origin::Person { from }, Some(id)) = (&incoming.origin, &incoming.id)
            && incoming.wants_receipt
            && !incoming.archived
            && self.is_online()
            && self.people.sees_us(&from.to_bare())
        {
            self.send(Outbound::Receipt { to: from.clone(), id: id.clone() });
        }
    }

    fn is_past_retention(&self, at: Timestamp) -> bool {
        self.policy.keeps_since(self.now).is_some_and(|limit| at < limit)
    }
}
