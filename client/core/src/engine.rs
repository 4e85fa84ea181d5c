//! The engine: one owner of all client state. This file holds what is shared by all areas; each area has its own.

mod account;
mod archive;
mod chat;
mod gates;
mod history;
mod known;
mod outbox;
mod people;
mod policy;
mod receive;
mod room;

#[cfg(test)]
mod tests;

use crate::capability::Capability;
use crate::effect::{Effect, Outbound, Persist, StoreQuery};
use crate::ids::{MessageId, QueryId, SendToken, Timestamp};
use crate::input::{Input, LoadedState, SessionEvent, StoreReply, TimerId};
use crate::model::{ConnectionState, ConversationId};
use crate::update::{AccountUpdate, ChatUpdate, PeopleUpdate, Rejection, RoomUpdate, Update};
use jid::BareJid;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Longest message text, in bytes.
pub const MAX_BODY: usize = 65_536;
/// Longest name, title, nickname, group or subject, in bytes.
pub const MAX_NAME: usize = 1024;
/// Longest status text, in bytes.
pub const MAX_STATUS: usize = 1024;
/// Most contacts in a roster.
pub const MAX_ROSTER: usize = 100_000;
/// Most occupants kept of one room.
pub const MAX_OCCUPANTS: usize = 10_000;
/// Most rooms known.
pub const MAX_ROOMS: usize = 10_000;
/// Most conversations held; more can't be begun by strangers.
const MAX_CHATS: usize = 200_000;
/// Most inputs kept while the store is being read.
const MAX_EARLY: usize = 20_000;

/// What the engine is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// Own bare JID.
    pub account: BareJid,
    /// 128 random bits, fresh at every start, from which message ids are derived (they are unique, not secret).
    pub id_seed: [u8; 16],
}

/// The answer to one input, to be carried out in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    /// Orders to the outside.
    pub effects: Vec<Effect>,
    /// What has to be shown.
    pub updates: Vec<Update>,
}

/// What was asked for and is not done yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// Own messages that the server is not known to have. They are kept.
    pub messages: usize,
    /// Other requests without an answer.
    pub others: bool,
    /// The sign-in was refused: by itself nothing goes on.
    pub refused: bool,
}

/// One owner of all client state; pure.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    now: Timestamp,
    out: Output,
    ids: u64,
    tokens: u64,
    /// Inputs that came before the stored state; `None` once that is there.
    early: Option<Vec<Input>>,
    account: account::Account,
    people: people::People,
    chats: HashMap<ConversationId, chat::Conversation>,
    outbox: outbox::Outbox,
    rooms: BTreeMap<BareJid, room::Room>,
    archive: archive::Archive,
    policy: policy::Policy,
    /// Requests whose failure the person has to hear of.
    requests: HashMap<SendToken, &'static str>,
    /// Searches that the store has not answered.
    searches: BTreeSet<QueryId>,
}

impl Engine {
    /// A new engine; the first output asks the store for its state. Until that is there, inputs are kept back.
    pub fn new(config: EngineConfig, now: Timestamp) -> (Self, Output) {
        let account = account::Account::new(&config.account);
        let mut engine = Self {
            config,
            now,
            out: Output::default(),
            ids: 0,
            tokens: 0,
            early: Some(Vec::new()),
            account,
            people: people::People::default(),
            chats: HashMap::new(),
            outbox: outbox::Outbox::default(),
            rooms: BTreeMap::new(),
            archive: archive::Archive::default(),
            policy: policy::Policy::default(),
            requests: HashMap::new(),
            searches: BTreeSet::new(),
        };
        engine.effect(Effect::Query(StoreQuery::Load));
        let first = std::mem::take(&mut engine.out);
        (engine, first)
    }

    /// Own bare JID.
    pub fn account(&self) -> &BareJid {
        &self.config.account
    }

    /// What is allowed now.
    pub fn capabilities(&self) -> &crate::Capabilities {
        self.policy.capabilities()
    }

    /// What was asked for and is not done yet.
    pub fn unfinished(&self) -> Unfinished {
        Unfinished {
            messages: self.outbox.unsent(),
            others: self.early.is_some() || !self.requests.is_empty() || !self.searches.is_empty(),
            refused: matches!(self.account.connection, ConnectionState::Refused { .. }),
        }
    }

    /// Handles one input at the moment `now`.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Output {
        self.now = now;
        match (&mut self.early, input) {
            (Some(_), Input::Store(StoreReply::Loaded(state))) => self.start(*state),
            (Some(_), Input::Store(StoreReply::Failed { reason })) => {
                self.reject("read stored messages", reason, None);
                self.start(LoadedState::default());
            }
            (Some(early), input) => {
                // A policy always gets in: whoever resolved it relies on it being known here.
                if early.len() < MAX_EARLY || matches!(input, Input::PolicyResolved(_)) {
                    early.push(input);
                }
            }
            (None, input) => self.dispatch(input),
        }
        std::mem::take(&mut self.out)
    }

    fn start(&mut self, state: LoadedState) {
        let mut early = self.early.take().unwrap_or_default();
        // Policy that is there already counts before anything is shown: no lock may flash open.
        for input in early.extract_if(.., |input| matches!(input, Input::PolicyResolved(_))) {
            if let Input::PolicyResolved(resolved) = input {
                self.policy.adopt(*resolved);
            }
        }
        self.load_people(state.roster, state.roster_version);
        self.archive.load(state.archive_positions);
        self.load_conversations(state.conversations, state.recent, state.outbox);
        if self.policy.keeps_since(self.now).is_some() {
            self.apply_retention();
        }
        self.show_everything();
        self.effect(Effect::Connect);
        for input in early {
            self.dispatch(input);
        }
    }

    /// Everything that a reader needs who lost what was told so far: all lists as resets. Open timelines are read from
    /// the store anew (effects), and their resets follow.
    pub fn snapshot(&mut self, now: Timestamp) -> Output {
        self.now = now;
        if self.early.is_none() {
            self.show_everything();
            if self.may(Capability::Chat) {
                self.show_open_timelines();
            }
        }
        std::mem::take(&mut self.out)
    }

    fn show_everything(&mut self) {
        self.show_identity();
        self.update(Update::Account(AccountUpdate::Connection(self.account.connection.clone())));
        self.show_own_presence();
        self.update(Update::Capabilities(self.policy.capabilities().clone()));
        if let Some(report) = self.policy.report() {
            self.update(Update::Policy(report.clone()));
        }
        if !self.may(Capability::Chat) {
            self.update(Update::People(PeopleUpdate::Reset { people: Vec::new() }));
            self.update(Update::Chat(ChatUpdate::ListReset { conversations: Vec::new() }));
            self.update(Update::Room(RoomUpdate::Reset { rooms: Vec::new() }));
            return;
        }
        self.update(Update::People(PeopleUpdate::Reset { people: self.people_rows() }));
        self.show_subscription_requests();
        self.update(Update::Chat(ChatUpdate::ListReset { conversations: self.conversation_rows() }));
        self.update(Update::Room(RoomUpdate::Reset { rooms: self.room_rows() }));
    }

    fn dispatch(&mut self, input: Input) {
        match input {
            Input::Command(command) => self.command(command),
            Input::Session(SessionEvent::Written(token)) => self.written(token),
            Input::Session(SessionEvent::Acked(token)) => self.acked(token),
            Input::Session(SessionEvent::Lost(token)) => self.lost(token),
            Input::Session(event) => self.session_changed(event),
            // Neither shown nor kept nor answered: the server has it, and its archive is read when chat opens.
            Input::Remote(_) if !self.may(Capability::Chat) => {}
            Input::Remote(event) => self.remote(event),
            Input::Store(reply) => self.store_replied(reply),
            Input::TimerFired(TimerId::TypingPaused(_)) if !self.may(Capability::Chat) => {}
            Input::TimerFired(TimerId::TypingPaused(conversation)) => self.typing_paused(&conversation),
            Input::TimerFired(TimerId::PeerTypingStale(conversation)) => {
                self.peer_typing_stale(&conversation)
            }
            Input::TimerFired(TimerId::RoomJoinTimeout(room)) => self.room_timeout(&room),
            Input::TimerFired(TimerId::Retention) => self.apply_retention(),
            Input::PolicyResolved(resolved) => self.policy_resolved(*resolved),
        }
    }

    fn store_replied(&mut self, reply: StoreReply) {
        match reply {
            StoreReply::Loaded(_) => {}
            StoreReply::Timeline { conversation, messages, has_older, newest } => {
                self.timeline_loaded(conversation, messages, has_older, newest);
            }
            StoreReply::Hits { query, hits } => self.hits(query, hits),
            StoreReply::Failed { reason } => {
                self.reject("store messages", reason, None);
                self.settle_timelines();
                self.settle_searches();
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }

    fn persist(&mut self, write: Persist) {
        self.effect(Effect::Persist(write));
    }

    fn update(&mut self, update: Update) {
        self.out.updates.push(update);
    }

    fn reject(&mut self, what: &str, reason: impl Into<String>, policy: Option<String>) {
        let rejection = Rejection { what: what.to_owned(), reason: reason.into(), policy };
        self.update(Update::Rejected(rejection));
    }

    fn send(&mut self, stanza: Outbound) -> SendToken {
        self.tokens += 1;
        let token = SendToken(self.tokens);
        self.effect(Effect::Send { token, stanza });
        token
    }

    fn timer(&mut self, id: TimerId, after_ms: u64) {
        self.effect(Effect::SetTimer { id, after_ms });
    }

    fn new_id(&mut self) -> MessageId {
        self.ids += 1;
        let seed = u128::from_be_bytes(self.config.id_seed);
        // An odd multiplier is a bijection: ids of one seed never meet.
        let id =
            seed.wrapping_add(u128::from(self.ids)).wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645);
        MessageId(format!("{id:032x}"))
    }
}

/// Cuts a text to at most `max` bytes at a character's boundary.
fn cap(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
    }
    text
}

/// The part of a JID before the `@`, or its domain.
fn local_part(jid: &BareJid) -> String {
    jid.node().map_or_else(|| jid.domain().as_str().to_owned(), |node| node.as_str().to_owned())
}
