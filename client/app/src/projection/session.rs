//! What the window knows of a running client, and its way to ask for things.

use crate::projection::desk::Desk;
use crate::projection::people::PeopleModel;
use crate::projection::row_object::{row_object, row_object_imps};
use crate::projection::timeline::Timeline;
use crate::widgets;
use flint_runtime::core::command::{AccountCommand, ChatCommand, HistoryCommand, RoomCommand};
use flint_runtime::core::model::{
    ConnectionState, ConversationId, ConversationRow, MessageRow, PolicyReport, RoomRow, SearchHit, Show,
};
use flint_runtime::core::{BareJid, Capabilities, QueryId, Timestamp};
use flint_runtime::doctor::Report;
use flint_runtime::{Client, Command};
use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

row_object_imps! {
    ConversationObject, "FlConversation", ConversationRow;
    RoomObject, "FlRoom", RoomRow;
}
row_object!(
    /// One row of the conversation list.
    ConversationObject, ConversationRow
);
row_object!(
    /// One room.
    RoomObject, RoomRow
);

/// Tells the present moment; a fixture's stands still.
pub type Clock = Rc<dyn Fn() -> Timestamp>;

/// What changed; widgets listen for what they show.
#[derive(Debug, Clone)]
pub(crate) enum Topic {
    /// Own name, address or organisation.
    Identity,
    /// The connection.
    Connection,
    /// Own presence.
    Presence,
    /// What is allowed.
    Capabilities,
    /// The policy page.
    Policy,
    /// The checks of the sign-in began or went on.
    Doctor,
    /// The conversation list or one row of it.
    Conversations,
    /// The list of rooms or one of them.
    Rooms,
    /// The roster came, or became empty or not empty.
    People,
    /// The timeline of a conversation was replaced or grew.
    Timeline(ConversationId),
    /// Who types where.
    Typing(ConversationId),
    /// A message deserves a notification.
    Arrived {
        /// The message.
        message: Box<MessageRow>,
        /// Title of its conversation.
        title: String,
    },
    /// A search was answered.
    Found {
        /// Its id.
        query: QueryId,
        /// Hits.
        hits: Rc<Vec<SearchHit>>,
    },
    /// Somebody asks to see our presence.
    SubscriptionRequested(BareJid),
    /// Somebody invited us to a room.
    Invited {
        /// Room.
        room: BareJid,
        /// By whom.
        by: Option<String>,
    },
    /// Workgroups, their queues and colleagues.
    Workgroups,
    /// Offers came, changed or went; the id of a new one.
    Offers(Option<String>),
    /// Chats with customers; the session of a new one.
    Chats(Option<String>),
    /// Something was said to or by a customer.
    ChatLines(String),
    /// A transcript came.
    Transcript {
        /// Session.
        session: String,
        /// Lines.
        timeline: Timeline,
    },
    /// A sentence to be shown for a moment.
    Told(String),
    /// A second went by.
    Tick,
    /// The client has ended.
    Ended,
}

impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Timeline({} messages)", self.len())
    }
}

type Listener = Rc<dyn Fn(&Topic) -> bool>;

/// What the window knows of a running client; cheap to clone, all clones are the same one.
#[derive(Clone)]
pub struct Session(pub(super) Rc<Inner>);

/// A session that does not keep it.
pub(crate) struct WeakSession(Weak<Inner>);

impl WeakSession {
    /// The session, if there still is one.
    pub(crate) fn upgrade(&self) -> Option<Session> {
        self.0.upgrade().map(Session)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Session").field(&self.0.state.borrow().jid).finish()
    }
}

pub(super) struct Inner {
    client: Client,
    clock: Clock,
    pub(super) state: RefCell<State>,
    pub(super) conversations: gio::ListStore,
    pub(super) rooms: gio::ListStore,
    pub(super) people: PeopleModel,
    pub(super) desk: Desk,
    pub(super) timelines: RefCell<HashMap<ConversationId, Timeline>>,
    listeners: RefCell<Vec<Listener>>,
    last_query: Cell<u64>,
}

/// The single values; lists are models of their own.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// Own address.
    pub(crate) jid: Option<BareJid>,
    /// Own name.
    pub(crate) name: String,
    /// Name of the organisation.
    pub(crate) organization: Option<String>,
    /// Connection.
    pub(crate) connection: ConnectionState,
    /// Was online at least once, so that what is shown is worth keeping on screen.
    pub(crate) was_online: bool,
    /// Own availability.
    pub(crate) show: Show,
    /// Own status text.
    pub(crate) status: String,
    /// What is allowed.
    pub(crate) capabilities: Capabilities,
    /// The checks of the sign-in that were asked for last.
    pub(crate) doctor: Option<Report>,
    /// The policy page; `None` until told.
    pub(crate) policy: Option<PolicyReport>,
    /// The conversation list has come.
    pub(crate) conversations_loaded: bool,
    /// The list of rooms has come.
    pub(crate) rooms_loaded: bool,
}

impl State {
    /// Signed in and connected.
    pub(crate) fn is_online(&self) -> bool {
        matches!(self.connection, ConnectionState::Online { .. })
    }

    /// How others see us now, and the words for it. The chosen availability holds only while connected.
    pub(crate) fn seen_as(&self) -> (Show, String) {
        match &self.connection {
            ConnectionState::Online { .. } => (self.show, widgets::show_text(self.show, &self.status)),
            ConnectionState::Connecting => (Show::Offline, "Connecting…".to_owned()),
            ConnectionState::Offline | ConnectionState::Waiting { .. } | ConnectionState::Refused { .. } => {
                (Show::Offline, widgets::show_word(Show::Offline).to_owned())
            }
        }
    }
}

impl Session {
    /// A session around a running client. [`Session::follow`] makes it listen.
    pub fn new(client: Client, clock: Clock) -> Self {
        Self(Rc::new(Inner {
            client,
            clock,
            state: RefCell::new(State {
                jid: None,
                name: String::new(),
                organization: None,
                connection: ConnectionState::Offline,
                was_online: false,
                show: Show::Offline,
                status: String::new(),
                // Nothing is open before the client has said so.
                capabilities: Capabilities::unresolved(),
                doctor: None,
                policy: None,
                conversations_loaded: false,
                rooms_loaded: false,
            }),
            conversations: gio::ListStore::new::<ConversationObject>(),
            rooms: gio::ListStore::new::<RoomObject>(),
            people: PeopleModel::default(),
            desk: Desk::default(),
            timelines: RefCell::default(),
            listeners: RefCell::default(),
            last_query: Cell::default(),
        }))
    }

    /// The system's clock.
    pub fn system_clock() -> Clock {
        Rc::new(|| Timestamp(glib::real_time() / 1000))
    }

    /// Applies every update in order on the main loop, until the client has ended.
    pub fn follow(&self) {
        let updates = self.0.client.updates();
        let session = Rc::downgrade(&self.0);
        glib::spawn_future_local(async move {
            while let Ok(update) = updates.recv().await {
                let Some(inner) = session.upgrade() else { return };
                Session(inner).apply(update);
            }
            if let Some(inner) = session.upgrade() {
                Session(inner).tell(&Topic::Ended);
            }
        });
    }

    /// Hands a command to the client.
    pub(crate) fn send(&self, command: impl Into<Command>) {
        if !self.0.client.send(command) {
            tracing::warn!("the client has ended; a command was dropped");
        }
    }

    /// Asks the client to end; [`Topic::Ended`] follows. False when it has ended already.
    pub(crate) fn quit(&self) -> bool {
        self.0.client.send(Command::Quit)
    }

    /// Sends a chat command.
    pub(crate) fn chat(&self, command: ChatCommand) {
        self.send(flint_runtime::core::Command::Chat(command));
    }

    /// Signs in now.
    pub(crate) fn sign_in(&self) {
        self.send(flint_runtime::core::Command::Account(AccountCommand::SignIn));
    }

    /// Joins a room, or says which policy forbids it; false then. Every way into a room leads through here.
    pub(crate) fn join_room(&self, room: &BareJid) -> bool {
        let denial = self.with(|state| widgets::denial(&state.capabilities.group_chat));
        if let Some(sentence) = denial {
            self.tell(&Topic::Told(sentence));
            return false;
        }
        let join = RoomCommand::Join { room: room.clone(), nick: None, password: None };
        self.send(flint_runtime::core::Command::Room(join));
        true
    }

    /// Checks every step of the sign-in anew; [`Topic::Doctor`] tells how far it is.
    pub(crate) fn examine(&self) {
        self.0.state.borrow_mut().doctor = Some(Report::default());
        self.tell(&Topic::Doctor);
        self.send(Command::Doctor);
    }

    /// The session for as long as somebody else keeps it: what it calls must not keep it.
    pub(crate) fn weak(&self) -> WeakSession {
        WeakSession(Rc::downgrade(&self.0))
    }

    /// Starts a full-text search; `Topic::Found` with the same id answers.
    pub(crate) fn search(&self, text: &str, conversation: Option<ConversationId>) -> QueryId {
        let query = QueryId(self.0.last_query.get() + 1);
        self.0.last_query.set(query.0);
        let search = HistoryCommand::Search { query, text: text.into(), conversation, limit: 50 };
        self.send(flint_runtime::core::Command::History(search));
        query
    }

    /// Calls `listener` at each change for as long as `widget` lives.
    pub(crate) fn listen<W: IsA<glib::Object>>(&self, widget: &W, listener: impl Fn(&W, &Topic) + 'static) {
        let widget = widget.downgrade();
        self.0.listeners.borrow_mut().push(Rc::new(move |topic| match widget.upgrade() {
            Some(widget) => {
                listener(&widget, topic);
                true
            }
            None => false,
        }));
    }

    /// Tells every listener; forgets those whose widget is gone.
    pub(crate) fn tell(&self, topic: &Topic) {
        let listeners = self.0.listeners.borrow().clone();
        let dead: Vec<Listener> = listeners.into_iter().filter(|listener| !listener(topic)).collect();
        if !dead.is_empty() {
            self.0
                .listeners
                .borrow_mut()
                .retain(|listener| !dead.iter().any(|dead| Rc::ptr_eq(dead, listener)));
        }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    /// Reads the single values.
    pub(crate) fn with<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        read(&self.0.state.borrow())
    }

    /// Conversations in order, as `ConversationObject`s.
    pub(crate) fn conversations(&self) -> &gio::ListStore {
        &self.0.conversations
    }

    /// One conversation's row.
    pub(crate) fn conversation(&self, id: &ConversationId) -> Option<ConversationObject> {
        let mut objects = self.0.conversations.iter::<ConversationObject>().filter_map(Result::ok);
        objects.find(|object| object.with(|row| row.id == *id))
    }

    /// Rooms by name, as `RoomObject`s.
    pub(crate) fn rooms(&self) -> &gio::ListStore {
        &self.0.rooms
    }

    /// One room.
    pub(crate) fn room(&self, jid: &BareJid) -> Option<RoomObject> {
        self.0
            .rooms
            .iter::<RoomObject>()
            .filter_map(Result::ok)
            .find(|object| object.with(|row| row.jid == *jid))
    }

    /// The roster.
    pub(crate) fn people(&self) -> &PeopleModel {
        &self.0.people
    }

    /// The support desk.
    pub(crate) fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// Opens a timeline, or gives the one that is open.
    pub(crate) fn open(&self, id: &ConversationId) -> Timeline {
        if let Some(timeline) = self.0.timelines.borrow().get(id) {
            return timeline.clone();
        }
        let timeline = Timeline::default();
        self.0.timelines.borrow_mut().insert(id.clone(), timeline.clone());
        self.chat(ChatCommand::Open { conversation: id.clone() });
        timeline
    }

    /// Closes a timeline.
    pub(crate) fn close(&self, id: &ConversationId) {
        if self.0.timelines.borrow_mut().remove(id).is_some() {
            self.chat(ChatCommand::Close { conversation: id.clone() });
        }
    }

    /// Name to show for a conversation: its row, else the roster or room, else the address.
    pub(crate) fn title(&self, id: &ConversationId) -> String {
        if let Some(row) = self.conversation(id) {
            return row.with(|row| row.title.clone());
        }
        let known = match id {
            ConversationId::Person(jid) => self.people().person(jid).map(|row| row.name),
            ConversationId::Room(jid) => self.room(jid).map(|room| room.with(|row| row.name.clone())),
        };
        known.unwrap_or_else(|| id.jid().to_string())
    }
}
