//! Conversations: the list, timelines, drafts, typing, what was read, and sending.

use super::known::Known;
use super::{Engine, MAX_BODY, MAX_NAME, cap, local_part};
use crate::command::ChatCommand;
use crate::effect::{Effect, Outbound, Persist, StoreQuery};
use crate::ids::{MessageId, Timestamp};
use crate::input::{KnownMessage, StoredConversation, TimerId};
use crate::model::{ConversationId, ConversationRow, DeliveryState, Direction, MessageRow};
use crate::secret::Private;
use crate::update::{ChatUpdate, Update};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Messages per window of a timeline.
const WINDOW: u32 = 50;
/// Longest preview, in bytes.
const MAX_PREVIEW: usize = 200;
/// We count as typing until this long after the last key (XEP-0085 §5.1 names 30 s at most).
const TYPING_PAUSE_MS: u64 = 10_000;
/// A peer's "composing" that is not renewed ends after this time.
const TYPING_STALE_MS: u64 = 60_000;
/// Most names shown as typing.
const MAX_TYPING: usize = 20;

/// One conversation.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) title: Option<String>,
    pub(super) unread: u32,
    pub(super) first_unread: Option<MessageId>,
    pub(super) known: Known,
    /// Newest incoming message whose sender wants to know that it was displayed.
    pub(super) marker: Option<String>,
    /// A marker that could not be sent for want of a connection.
    owed: Option<String>,
    pub(super) joined: bool,
    /// When the server last brought something of it. What waits to be sent does not count.
    pub(super) heard: Option<Timestamp>,
    pinned: bool,
    draft: String,
    last: Option<Last>,
    /// Largest `sort` in use, and the last one given to something from an archive.
    last_sort: i64,
    last_archived: i64,
    we_type: bool,
    they_type: BTreeSet<String>,
    timeline: Option<Timeline>,
}

#[derive(Debug)]
struct Last {
    sort: i64,
    at: Timestamp,
    preview: String,
}

/// What is on show of an open conversation.
#[derive(Debug)]
struct Timeline {
    /// Smallest `sort` on show; `None` while the first window is being read.
    oldest: Option<i64>,
    has_older: bool,
    asked_older: bool,
    /// What came while the first window was being read.
    meanwhile: Vec<MessageRow>,
}

impl Conversation {
    pub(super) fn heard_at(&mut self, at: Timestamp) {
        self.heard = self.heard.max(Some(at));
    }

    /// True when nothing that is here comes after this place.
    pub(super) fn is_newest(&self, sort: i64) -> bool {
        self.last.as_ref().is_none_or(|last| last.sort <= sort)
    }

    pub(super) fn last_at(&self) -> Option<Timestamp> {
        self.last.as_ref().map(|last| last.at)
    }

    /// The newest moment that anything here is known to be of.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.last_at().max(self.heard)
    }

    /// A place after everything that is there.
    fn place_live(&mut self, now: Timestamp) -> i64 {
        self.last_sort = now.0.saturating_mul(1000).max(self.last_sort.saturating_add(1));
        self.last_sort
    }

    /// A place by the server's stamp, after what the archive gave before within the same millisecond.
    fn place_archived(&mut self, at: Timestamp) -> i64 {
        let place = at.0.saturating_mul(1000);
        let same_millisecond = self.last_archived.div_euclid(1000) == at.0;
        self.last_archived = if same_millisecond { self.last_archived.saturating_add(1) } else { place };
        self.last_sort = self.last_sort.max(self.last_archived);
        self.last_archived
    }

    pub(super) fn place(&mut self, stamped: Option<Timestamp>, now: Timestamp) -> i64 {
        match stamped {
            Some(at) => self.place_archived(at),
            None => self.place_live(now),
        }
    }
}

impl Engine {
    pub(super) fn load_conversations(
        &mut self,
        stored: Vec<StoredConversation>,
        recent: Vec<KnownMessage>,
        outbox: Vec<MessageRow>,
    ) {
        for conversation in stored {
            let chat = self.chats.entry(conversation.id.clone()).or_default();
            chat.title = conversation.title.clone();
            chat.unread = conversation.unread;
            chat.first_unread = conversation.first_unread;
            chat.pinned = conversation.pinned;
            chat.joined = conversation.joined;
            chat.draft = conversation.draft.unwrap_or_default().0;
            if let Some(last) = conversation.last {
                chat.last_sort = last.sort;
                if is_at_server(match &last.direction {
                    Direction::Incoming => None,
                    Direction::Outgoing { delivery } => Some(delivery),
                }) {
                    chat.heard_at(last.at);
                }
                chat.last = Some(last_of(&last));
            }
            if let ConversationId::Room(room) = conversation.id {
                self.load_room(room, conversation.title, conversation.joined);
            }
        }
        for row in &outbox {
            let Direction::Outgoing { delivery } = &row.direction else { continue };
            // It may have been written just before the end: with its old id it can't be taken for a second one.
            self.outbox.add(
                row.id.clone(),
                row.conversation.clone(),
                delivery.clone(),
                Some(row.clone()),
                true,
            );
        }
        for known in recent {
            let chat = self.chats.entry(known.conversation.clone()).or_default();
            if is_at_server(known.delivery.as_ref()) {
                // A place is a moment in microseconds.
                chat.heard_at(Timestamp(known.sort.div_euclid(1000)));
            }
            let sender = match known.conversation {
                ConversationId::Person(_) => known.sender_name.map(|_| String::new()),
                ConversationId::Room(_) => known.sender_name,
            };
            let wire_id = known.wire_id.or_else(|| known.delivery.is_some().then(|| known.id.0.clone()));
            chat.known.remember(known.id.clone(), known.stanza_id, sender, wire_id);
            if let Some(delivery) = known.delivery {
                self.outbox.add(known.id, known.conversation, delivery, None, true);
            }
        }
    }

    pub(super) fn title(&self, id: &ConversationId) -> String {
        match id {
            ConversationId::Person(jid) => self.people.name(jid),
            ConversationId::Room(room) => {
                self.chats.get(id).and_then(|chat| chat.title.clone()).unwrap_or_else(|| local_part(room))
            }
        }
    }

    fn conversation_row(&self, id: &ConversationId) -> Option<ConversationRow> {
        let chat = self.chats.get(id)?;
        Some(ConversationRow {
            id: id.clone(),
            title: self.title(id),
            preview: chat.last.as_ref().map_or_else(Private::default, |last| Private(last.preview.clone())),
            last_at: chat.last_at(),
            unread: chat.unread,
            pinned: chat.pinned,
            show: match id {
                ConversationId::Person(jid) => Some(self.people.show(jid)),
                ConversationId::Room(_) => None,
            },
            typing: !chat.they_type.is_empty(),
            draft: (!chat.draft.is_empty()).then(|| Private(chat.draft.clone())),
        })
    }

    pub(super) fn conversation_rows(&self) -> Vec<ConversationRow> {
        let mut rows: Vec<_> = self.chats.keys().filter_map(|id| self.conversation_row(id)).collect();
        rows.sort_by_cached_key(|row| (!row.pinned, Reverse(row.last_at), row.id.clone()));
        rows
    }

    /// Shows the row again, if there is one.
    pub(super) fn conversation_changed(&mut self, id: &ConversationId) {
        if let Some(conversation) = self.conversation_row(id) {
            self.update(Update::Chat(ChatUpdate::ListChanged { conversation }));
        }
    }

    pub(super) fn persist_conversation(&mut self, id: &ConversationId) {
        let Some(chat) = self.chats.get(id) else { return };
        let write = Persist::Conversation {
            id: id.clone(),
            title: chat.title.clone(),
            first_unread: chat.first_unread.clone(),
            unread: chat.unread,
            pinned: chat.pinned,
            joined: chat.joined,
        };
        self.persist(write);
    }

    pub(super) fn chat_command(&mut self, command: ChatCommand) {
        match command {
            ChatCommand::Open { conversation } => self.open(conversation),
            ChatCommand::Close { conversation } => {
                if let Some(chat) = self.chats.get_mut(&conversation) {
                    chat.timeline = None;
                }
            }
            ChatCommand::LoadOlder { conversation } => self.load_older(conversation),
            ChatCommand::Send { conversation, body } => self.send_text(conversation, body.0),
            ChatCommand::Retry { message } => self.retry(&message),
            ChatCommand::SetDraft { conversation, text } => self.set_draft(conversation, text.0),
            ChatCommand::MarkRead { conversation } => self.mark_read(&conversation),
            ChatCommand::SetPinned { conversation, pinned } => {
                self.chats.entry(conversation.clone()).or_default().pinned = pinned;
                self.persist_conversation(&conversation);
                self.conversation_changed(&conversation);
            }
        }
    }

    fn open(&mut self, conversation: ConversationId) {
        let new = !self.chats.contains_key(&conversation);
        let chat = self.chats.entry(conversation.clone()).or_default();
        chat.timeline =
            Some(Timeline { oldest: None, has_older: false, asked_older: false, meanwhile: Vec::new() });
        if new {
            self.conversation_changed(&conversation);
        }
        self.effect(Effect::Query(StoreQuery::Timeline { conversation, before: None, limit: WINDOW }));
    }

    fn load_older(&mut self, conversation: ConversationId) {
        let Some(timeline) = self.chats.get_mut(&conversation).and_then(|chat| chat.timeline.as_mut()) else {
            return;
        };
        if let (Some(before), true, false) = (timeline.oldest, timeline.has_older, timeline.asked_older) {
            timeline.asked_older = true;
            let before = Some(before);
            self.effect(Effect::Query(StoreQuery::Timeline { conversation, before, limit: WINDOW }));
        }
    }

    pub(super) fn timeline_loaded(
        &mut self,
        conversation: ConversationId,
        mut messages: Vec<MessageRow>,
        has_older: bool,
        newest: bool,
    ) {
        for row in &mut messages {
            self.freshen(row);
        }
        let Some(chat) = self.chats.get_mut(&conversation) else { return };
        let Some(timeline) = chat.timeline.as_mut() else { return };
        timeline.has_older = has_older;
        let oldest = messages.first().map(|row| row.sort);
        if newest {
            for row in std::mem::take(&mut timeline.meanwhile) {
                messages.retain(|known| known.id != row.id);
                messages.push(row);
            }
            messages.sort_by_key(|row| row.sort);
            // Nothing was stored: whatever comes is shown.
            timeline.oldest = Some(oldest.unwrap_or(i64::MIN));
            let first_unread = chat.first_unread.clone();
            let draft = Private(chat.draft.clone());
            let reset = ChatUpdate::TimelineReset { conversation, messages, has_older, first_unread, draft };
            self.update(Update::Chat(reset));
        } else if timeline.asked_older {
            timeline.asked_older = false;
            timeline.oldest = oldest.or(timeline.oldest);
            self.update(Update::Chat(ChatUpdate::TimelinePrepended { conversation, messages, has_older }));
        }
    }

    /// The store failed and does not say at what: timelines that wait for it show what there is.
    pub(super) fn settle_timelines(&mut self) {
        let mut waiting = Vec::new();
        for (id, chat) in &mut self.chats {
            let Some(timeline) = &mut chat.timeline else { continue };
            timeline.asked_older = false;
            if timeline.oldest.is_none() {
                waiting.push(id.clone());
            }
        }
        for id in waiting {
            self.timeline_loaded(id, Vec::new(), false, true);
        }
    }

    /// What is in memory is newer than what was just read; a failed message can be sent again once it is on show.
    fn freshen(&mut self, row: &mut MessageRow) {
        let Direction::Outgoing { delivery } = &mut row.direction else { return };
        if let Some(newer) = self.outbox.delivery(&row.id) {
            *delivery = newer.clone();
        }
        if matches!(delivery, DeliveryState::Failed { .. }) {
            let failed = delivery.clone();
            self.outbox.keep(row.clone(), failed);
        }
    }

    /// Shows a message in its open timeline, if its place is within the window on show.
    pub(super) fn show_message(&mut self, message: &MessageRow) {
        let Some(timeline) =
            self.chats.get_mut(&message.conversation).and_then(|chat| chat.timeline.as_mut())
        else {
            return;
        };
        match timeline.oldest {
            None => timeline.meanwhile.push(message.clone()),
            Some(oldest) if message.sort >= oldest || !timeline.has_older => {
                timeline.oldest = Some(oldest.min(message.sort));
                self.update(Update::Chat(ChatUpdate::TimelineChanged { message: message.clone() }));
            }
            Some(_) => {}
        }
    }

    /// Takes the message as the conversation's last one, if it is.
    pub(super) fn note_last(&mut self, message: &MessageRow) {
        let chat = self.chats.entry(message.conversation.clone()).or_default();
        if chat.is_newest(message.sort) {
            chat.last = Some(last_of(message));
        }
    }

    fn send_text(&mut self, conversation: ConversationId, mut body: String) {
        const WHAT: &str = "send message";
        // Pasted text may hold them, and nobody sees them: what is shown here is what arrives.
        body.retain(is_xml);
        if body.trim().is_empty() {
            return self.reject(WHAT, "There is nothing to send. Write something first.", None);
        }
        if body.len() > MAX_BODY {
            let reason =
                format!("The message is longer than {MAX_BODY} bytes. Send it in parts or as a file.");
            return self.reject(WHAT, reason, None);
        }
        if let ConversationId::Room(room) = &conversation
            && !self.rooms.get(room).is_some_and(super::room::Room::takes_messages)
        {
            return self.reject(WHAT, "You are not in this room. Join it first.", None);
        }
        let id = self.new_id();
        let now = self.now;
        let sender_name = self.own_name_in(&conversation);
        let chat = self.chats.entry(conversation.clone()).or_default();
        let message = MessageRow {
            id: id.clone(),
            conversation: conversation.clone(),
            sender_name,
            sender: Some(self.config.account.clone()),
            at: now,
            direction: Direction::Outgoing { delivery: DeliveryState::Queued },
            body: Private(body),
            stanza_id: None,
            sort: chat.place_live(now),
        };
        chat.known.remember(id.clone(), None, None, Some(id.0.clone()));
        let had_draft = !std::mem::take(&mut chat.draft).is_empty();
        if std::mem::take(&mut chat.we_type) {
            self.effect(Effect::CancelTimer(TimerId::TypingPaused(conversation.clone())));
        }
        self.persist(Persist::Message { message: message.clone(), wire_id: Some(id.0.clone()) });
        if had_draft {
            self.persist(Persist::Draft { conversation: conversation.clone(), text: Private::default() });
        }
        self.outbox.add(
            id.clone(),
            conversation.clone(),
            DeliveryState::Queued,
            Some(message.clone()),
            false,
        );
        self.show_message(&message);
        self.note_last(&message);
        self.conversation_changed(&conversation);
        self.send_what_waits();
    }

    /// Our nickname in a room, else our name.
    pub(super) fn own_name_in(&self, conversation: &ConversationId) -> String {
        let nick = match conversation {
            ConversationId::Room(room) => self.rooms.get(room).and_then(super::room::Room::nick),
            ConversationId::Person(_) => None,
        };
        nick.unwrap_or_else(|| self.account.name.clone())
    }

    fn set_draft(&mut self, conversation: ConversationId, text: String) {
        let text = cap(text, MAX_BODY);
        let tells = self.tells_typing(&conversation);
        let chat = self.chats.entry(conversation.clone()).or_default();
        if chat.draft == text {
            return;
        }
        let typed = !text.is_empty();
        let shown = chat.draft.is_empty() != text.is_empty() || chat.timeline.is_none();
        chat.draft.clone_from(&text);
        let begins = typed && !chat.we_type && tells;
        let ends = !typed && chat.we_type;
        chat.we_type = (chat.we_type || begins) && typed;
        let types = chat.we_type;
        self.persist(Persist::Draft { conversation: conversation.clone(), text: Private(text) });
        if (begins || ends) && tells {
            self.send(Outbound::ChatState { conversation: conversation.clone(), typing: typed });
        }
        if types {
            self.timer(TimerId::TypingPaused(conversation.clone()), TYPING_PAUSE_MS);
        } else if ends {
            self.effect(Effect::CancelTimer(TimerId::TypingPaused(conversation.clone())));
        }
        if shown {
            self.conversation_changed(&conversation);
        }
    }

    /// Only those who may see our presence learn that we type.
    fn tells_typing(&self, conversation: &ConversationId) -> bool {
        self.is_online()
            && match conversation {
                ConversationId::Person(jid) => self.people.sees_us(jid),
                ConversationId::Room(room) => self.rooms.get(room).is_some_and(super::room::Room::is_small),
            }
    }

    pub(super) fn typing_paused(&mut self, conversation: &ConversationId) {
        let tells = self.tells_typing(conversation);
        let Some(chat) = self.chats.get_mut(conversation) else { return };
        if std::mem::take(&mut chat.we_type) && tells {
            self.send(Outbound::ChatState { conversation: conversation.clone(), typing: false });
        }
    }

    /// A peer types or stopped. Only conversations that exist show it: a stranger can't make rows by it.
    pub(super) fn peer_typing(&mut self, conversation: &ConversationId, name: String, typing: bool) {
        let Some(chat) = self.chats.get_mut(conversation) else { return };
        let changed = if !typing {
            chat.they_type.remove(&name)
        } else {
            chat.they_type.len() < MAX_TYPING && chat.they_type.insert(cap(name, MAX_NAME))
        };
        let nobody = chat.they_type.is_empty();
        if typing {
            self.timer(TimerId::PeerTypingStale(conversation.clone()), TYPING_STALE_MS);
        } else if changed && nobody {
            self.effect(Effect::CancelTimer(TimerId::PeerTypingStale(conversation.clone())));
        }
        if changed {
            self.show_typing(conversation);
        }
    }

    pub(super) fn peer_typing_stale(&mut self, conversation: &ConversationId) {
        let Some(chat) = self.chats.get_mut(conversation) else { return };
        if !std::mem::take(&mut chat.they_type).is_empty() {
            self.show_typing(conversation);
        }
    }

    fn show_typing(&mut self, conversation: &ConversationId) {
        let Some(chat) = self.chats.get(conversation) else { return };
        let names = chat.they_type.iter().cloned().collect();
        self.update(Update::Chat(ChatUpdate::Typing { conversation: conversation.clone(), names }));
        self.conversation_changed(conversation);
    }

    pub(super) fn mark_read(&mut self, conversation: &ConversationId) {
        let Some(chat) = self.chats.get_mut(conversation) else { return };
        let was_unread = chat.unread > 0 || chat.first_unread.is_some();
        chat.unread = 0;
        chat.first_unread = None;
        if let Some(marker) = chat.marker.take() {
            chat.owed = Some(marker);
        }
        if was_unread {
            self.persist_conversation(conversation);
            self.conversation_changed(conversation);
        }
        if self.is_online() {
            self.send_owed_marker(conversation);
        }
    }

    pub(super) fn send_owed_markers(&mut self) {
        let owing: Vec<_> =
            self.chats.iter().filter(|(_, chat)| chat.owed.is_some()).map(|(id, _)| id.clone()).collect();
        for id in owing {
            self.send_owed_marker(&id);
        }
    }

    fn send_owed_marker(&mut self, conversation: &ConversationId) {
        let allowed = match conversation {
            ConversationId::Person(jid) => self.people.sees_us(jid),
            ConversationId::Room(room) => self.rooms.get(room).is_some_and(super::room::Room::is_ready),
        };
        let owed = self.chats.get_mut(conversation).filter(|_| allowed).and_then(|chat| chat.owed.take());
        if let Some(id) = owed {
            self.send(Outbound::Displayed { conversation: conversation.clone(), id });
        }
    }

    pub(super) fn show_open_timelines(&mut self) {
        let open: Vec<_> =
            self.chats.iter().filter(|(_, chat)| chat.timeline.is_some()).map(|(id, _)| id.clone()).collect();
        for id in open {
            self.open(id);
        }
    }

    /// After old messages were deleted: previews of deleted ones go, open timelines are read anew.
    pub(super) fn forget_before(&mut self, before: Timestamp) {
        let ids: Vec<_> = self.chats.keys().cloned().collect();
        for id in ids {
            let Some(chat) = self.chats.get_mut(&id) else { continue };
            if chat.last.as_ref().is_some_and(|last| last.at < before) {
                chat.last = None;
                self.conversation_changed(&id);
            }
        }
        self.show_open_timelines();
    }
}

/// True for a character that XML can carry (XML 1.0 §2.2).
fn is_xml(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// True for what came from the server, and for own messages that it has.
fn is_at_server(own: Option<&DeliveryState>) -> bool {
    !matches!(own, Some(DeliveryState::Queued | DeliveryState::Sent | DeliveryState::Failed { .. }))
}

fn last_of(message: &MessageRow) -> Last {
    let text = message.body.0.split_whitespace().collect::<Vec<_>>().join(" ");
    let preview = match &message.conversation {
        ConversationId::Person(_) => text,
        ConversationId::Room(_) => format!("{}: {text}", message.sender_name),
    };
    Last { sort: message.sort, at: message.at, preview: cap(preview, MAX_PREVIEW) }
}
