//! Applies updates to the models. What names something unknown is ignored: a late update must never break a window.

use crate::projection::layout::Entry;
use crate::projection::session::{ConversationObject, RoomObject, Session, Topic};
use flint_runtime::Update;
use flint_runtime::agent::AgentUpdate;
use flint_runtime::agent::update::OfferEnd;
use flint_runtime::core::model::{ConnectionState, ConversationRow, MessageRow, OccupantRow, RoomRow};
use flint_runtime::core::update::{AccountUpdate, ChatUpdate, HistoryUpdate, PeopleUpdate, RoomUpdate};
use flint_runtime::core::{self as core, MessageId};
use gtk::prelude::*;
use std::cmp::Ordering;
use std::rc::Rc;

impl Session {
    /// Applies one update and tells the listeners.
    pub fn apply(&self, update: Update) {
        match update {
            Update::Core(update) => self.apply_core(update),
            Update::Agent(update) => self.apply_agent(update),
            Update::Fatal(sentence) => self.tell(&Topic::Told(sentence)),
            // The window is closing.
            Update::Doctor(report) => {
                self.0.state.borrow_mut().doctor = Some(report);
                self.tell(&Topic::Doctor);
            }
            Update::Unsent(_) => {}
            Update::Ended => self.tell(&Topic::Ended),
        }
    }

    fn apply_core(&self, update: core::Update) {
        match update {
            core::Update::Account(update) => self.apply_account(update),
            core::Update::People(update) => self.apply_people(update),
            core::Update::Chat(update) => self.apply_chat(update),
            core::Update::Room(update) => self.apply_room(update),
            core::Update::History(HistoryUpdate::Results { query, hits }) => {
                self.tell(&Topic::Found { query, hits: Rc::new(hits) });
            }
            core::Update::History(HistoryUpdate::CatchUp { .. }) => {}
            core::Update::Capabilities(capabilities) => {
                self.0.state.borrow_mut().capabilities = capabilities;
                self.tell(&Topic::Capabilities);
            }
            core::Update::Policy(report) => {
                self.0.state.borrow_mut().policy = Some(report);
                self.tell(&Topic::Policy);
            }
            core::Update::Rejected(rejection) => self.tell(&Topic::Told(rejection.reason)),
        }
    }

    fn apply_account(&self, update: AccountUpdate) {
        let topic = {
            let mut state = self.0.state.borrow_mut();
            match update {
                AccountUpdate::Identity { jid, name, organization } => {
                    state.jid = Some(jid);
                    state.name = name;
                    state.organization = organization;
                    Topic::Identity
                }
                AccountUpdate::Connection(connection) => {
                    state.was_online |= matches!(connection, ConnectionState::Online { .. });
                    state.connection = connection;
                    Topic::Connection
                }
                AccountUpdate::Presence { show, status } => {
                    state.show = show;
                    state.status = status;
                    Topic::Presence
                }
            }
        };
        self.tell(&topic);
    }

    fn apply_people(&self, update: PeopleUpdate) {
        match update {
            PeopleUpdate::Reset { people } => self.people().reset(people),
            PeopleUpdate::Changed { person } => self.people().change(person),
            PeopleUpdate::Removed { jid } => self.people().remove(&jid),
            PeopleUpdate::SubscriptionRequested { jid } => {
                return self.tell(&Topic::SubscriptionRequested(jid));
            }
        }
        self.tell(&Topic::People);
    }

    fn apply_chat(&self, update: ChatUpdate) {
        match update {
            ChatUpdate::ListReset { conversations } => {
                let objects: Vec<_> = conversations.into_iter().map(ConversationObject::new).collect();
                let store = self.conversations();
                store.splice(0, store.n_items(), &objects);
                self.0.state.borrow_mut().conversations_loaded = true;
                self.tell(&Topic::Conversations);
            }
            ChatUpdate::ListChanged { conversation } => {
                self.change_conversation(conversation);
                self.tell(&Topic::Conversations);
            }
            ChatUpdate::TimelineReset { conversation, messages, has_older, first_unread, draft } => {
                if let Some(timeline) = self.timeline(&conversation) {
                    timeline.set_draft(&draft.0);
                    let entries = messages.into_iter().map(|message| self.entry(message)).collect();
                    timeline.reset(entries, has_older, first_unread.map(|MessageId(id)| id));
                    self.tell(&Topic::Timeline(conversation));
                }
            }
            ChatUpdate::TimelinePrepended { conversation, messages, has_older } => {
                if let Some(timeline) = self.timeline(&conversation) {
                    timeline.prepend(
                        messages.into_iter().map(|message| self.entry(message)).collect(),
                        has_older,
                    );
                    self.tell(&Topic::Timeline(conversation));
                }
            }
            ChatUpdate::TimelineChanged { message } => {
                let conversation = message.conversation.clone();
                if let Some(timeline) = self.timeline(&conversation) {
                    timeline.change(self.entry(message));
                    self.tell(&Topic::Timeline(conversation));
                }
            }
            ChatUpdate::DeliveryChanged { conversation, message, delivery } => {
                if let Some(timeline) = self.timeline(&conversation) {
                    timeline.deliver(&message.0, delivery);
                }
            }
            ChatUpdate::Typing { conversation, names } => {
                if let Some(timeline) = self.timeline(&conversation) {
                    timeline.set_typing(names);
                    self.tell(&Topic::Typing(conversation));
                }
            }
            ChatUpdate::Arrived { message, title } => {
                self.tell(&Topic::Arrived { message: Box::new(message), title });
            }
        }
    }

    /// Own messages carry our name, whatever nickname they were written under, and one look. A message is ours when
    /// we sent it or when the room vouches for our address; a nickname proves nothing.
    fn entry(&self, message: MessageRow) -> Entry {
        let state = self.0.state.borrow();
        let sender = message.sender.clone();
        let mut entry = Entry::from(message);
        entry.own |= sender.is_some() && sender == state.jid;
        if entry.own && !state.name.is_empty() {
            entry.sender.clone_from(&state.name);
        }
        entry
    }

    fn timeline(&self, id: &core::model::ConversationId) -> Option<crate::projection::Timeline> {
        self.0.timelines.borrow().get(id).cloned()
    }

    /// Changes a row in place when its place stays right, else moves it.
    fn change_conversation(&self, row: ConversationRow) {
        let store = self.conversations();
        let known = store
            .iter::<ConversationObject>()
            .filter_map(Result::ok)
            .position(|object| object.with(|held| held.id == row.id));
        let before = |one: &ConversationRow, two: &ConversationRow| {
            two.pinned.cmp(&one.pinned).then_with(|| two.last_at.cmp(&one.last_at))
        };
        if let Some(index) = known.and_then(|index| u32::try_from(index).ok()) {
            let neighbour = |index: u32| store.item(index).and_downcast::<ConversationObject>();
            let after_previous = index == 0
                || neighbour(index - 1)
                    .is_none_or(|object| object.with(|held| before(held, &row)) != Ordering::Greater);
            let before_next = neighbour(index + 1)
                .is_none_or(|object| object.with(|held| before(&row, held)) != Ordering::Greater);
            if after_previous && before_next {
                if let Some(object) = neighbour(index) {
                    object.set(row);
                }
                return;
            }
            store.remove(index);
        }
        let place = store
            .iter::<ConversationObject>()
            .filter_map(Result::ok)
            .position(|object| object.with(|held| before(&row, held)) == Ordering::Less);
        let place = place.and_then(|place| u32::try_from(place).ok()).unwrap_or_else(|| store.n_items());
        store.insert(place, &ConversationObject::new(row));
    }

    fn apply_room(&self, update: RoomUpdate) {
        match update {
            RoomUpdate::Reset { rooms } => {
                let objects: Vec<_> = rooms.into_iter().map(RoomObject::new).collect();
                self.rooms().splice(0, self.rooms().n_items(), &objects);
                self.0.state.borrow_mut().rooms_loaded = true;
            }
            RoomUpdate::Changed { room } => self.change_room(room),
            RoomUpdate::OccupantChanged { room, occupant } => self.change_occupants(&room, |occupants| {
                occupants.retain(|known| known.nick != occupant.nick);
                let place = occupants.partition_point(|known| known.nick < occupant.nick);
                occupants.insert(place, occupant);
            }),
            RoomUpdate::OccupantLeft { room, nick } => {
                self.change_occupants(&room, |occupants| occupants.retain(|known| known.nick != nick));
            }
            RoomUpdate::Invited { room, by, .. } => {
                let by = by.map(|by| by.to_string());
                return self.tell(&Topic::Invited { room, by });
            }
        }
        self.tell(&Topic::Rooms);
    }

    fn change_occupants(&self, room: &core::BareJid, change: impl FnOnce(&mut Vec<OccupantRow>)) {
        if let Some(object) = self.room(room) {
            let mut row = object.with(Clone::clone);
            change(&mut row.occupants);
            object.set(row);
        }
    }

    fn change_room(&self, row: RoomRow) {
        match self.room(&row.jid) {
            Some(object) => object.set(row),
            None => {
                let name = row.name.to_lowercase();
                let place = self
                    .rooms()
                    .iter::<RoomObject>()
                    .filter_map(Result::ok)
                    .position(|object| object.with(|held| held.name.to_lowercase() > name));
                let place = place
                    .and_then(|place| u32::try_from(place).ok())
                    .unwrap_or_else(|| self.rooms().n_items());
                self.rooms().insert(place, &RoomObject::new(row));
            }
        }
    }

    fn apply_agent(&self, update: AgentUpdate) {
        let desk = self.desk();
        match update {
            AgentUpdate::Workgroups { workgroups } => {
                desk.set_workgroups(workgroups);
                self.tell(&Topic::Workgroups);
            }
            AgentUpdate::WorkgroupChanged { workgroup } => {
                desk.change_workgroup(workgroup);
                self.tell(&Topic::Workgroups);
            }
            AgentUpdate::Offer { offer } => {
                let id = offer.id.clone();
                let is_new = desk.change_offer(offer);
                self.tell(&Topic::Offers(is_new.then_some(id)));
            }
            AgentUpdate::OfferClosed { offer, reason } => {
                if let Some(row) = desk.close_offer(&offer) {
                    self.tell(&Topic::Offers(None));
                    let name = crate::text::one_line(&row.customer_name, 60);
                    match reason {
                        OfferEnd::Accepted | OfferEnd::Declined => {}
                        OfferEnd::TimedOut => {
                            self.tell(&Topic::Told(format!(
                                "The offer of {name} ran out unanswered: the workgroup asks the next agent."
                            )));
                        }
                        OfferEnd::Revoked => {
                            self.tell(&Topic::Told(format!("The offer of {name} was taken back: answered by somebody else, or the customer left.")));
                        }
                    }
                }
            }
            AgentUpdate::Chat { chat } => {
                let session = chat.session.clone();
                let is_new = desk.change_chat(chat);
                self.tell(&Topic::Chats(is_new.then_some(session)));
            }
            AgentUpdate::ChatLine { session, line } => {
                if desk.chat(&session).is_some() {
                    desk.add_line(&session, line);
                    self.tell(&Topic::ChatLines(session));
                }
            }
            AgentUpdate::Transcript { session, lines } => {
                let timeline = desk.transcript(lines);
                self.tell(&Topic::Transcript { session, timeline });
            }
            AgentUpdate::Rejected { reason, .. } => self.tell(&Topic::Told(reason)),
        }
    }
}
