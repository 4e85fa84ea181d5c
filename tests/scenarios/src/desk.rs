//! The engine over a real store, without a network: what a person keeps over restarts, crashes and catch-ups.
//! [`Desk`] carries effects out as the runtime does; the test plays the server.

use flint_core::command::{ChatCommand, Command, HistoryCommand};
use flint_core::effect::{Effect, Outbound};
use flint_core::engine::{Engine, EngineConfig, Output};
use flint_core::ids::{QueryId, SendToken, Timestamp};
use flint_core::input::{Input, PolicyResolved, RemoteEvent, SessionEvent};
use flint_core::model::{ConversationId, ConversationRow, MessageRow, SearchHit, ServerPolicyState};
use flint_core::update::{ChatUpdate, HistoryUpdate, Update};
use flint_core::{BareJid, FullJid};
use flint_store::Store;
use std::collections::VecDeque;
use std::path::Path;

/// A desk: one engine with its store.
#[derive(Debug)]
pub struct Desk {
    engine: Engine,
    store: Store,
    now: i64,
    /// Everything told so far.
    pub updates: Vec<Update>,
    /// Every stanza sent so far.
    pub sent: Vec<(SendToken, Outbound)>,
}

impl Desk {
    /// Starts over the file at the moment `now` (milliseconds); `run` makes the seed of ids differ.
    ///
    /// # Panics
    /// When the store does not open.
    pub async fn start(file: &Path, run: u8, now: i64) -> Self {
        let store = Store::open(file, None).await.expect("the store opens");
        let account = BareJid::new("ann@example.test").expect("a JID");
        let (engine, first) = Engine::new(EngineConfig { account, id_seed: [run; 16] }, Timestamp(now));
        let mut desk = Self { engine, store, now, updates: Vec::new(), sent: Vec::new() };
        desk.policy("{}").await;
        desk.carry_out(first).await;
        desk
    }

    /// Gives one input a second later and carries out all that follows.
    pub async fn give(&mut self, input: Input) {
        self.now += 1000;
        let output = self.engine.handle(input, Timestamp(self.now));
        self.carry_out(output).await;
    }

    async fn carry_out(&mut self, output: Output) {
        let mut outputs = VecDeque::from([output]);
        while let Some(output) = outputs.pop_front() {
            self.updates.extend(output.updates);
            for effect in output.effects {
                match effect {
                    Effect::Persist(write) => self.store.persist(vec![write]).await.expect("the disk holds"),
                    Effect::Query(query) => {
                        let reply = self.store.query(query).await.expect("the disk holds");
                        outputs.push_back(self.engine.handle(Input::Store(reply), Timestamp(self.now)));
                    }
                    Effect::Send { token, stanza } => self.sent.push((token, stanza)),
                    Effect::SetTimer { .. }
                    | Effect::CancelTimer(_)
                    | Effect::Connect
                    | Effect::Disconnect => {}
                }
            }
        }
    }

    /// A machine file's text comes into force.
    pub async fn policy(&mut self, json: &str) {
        let mut inputs = flint_policy::Inputs::default();
        let file = flint_policy::read_machine_file(json, "/etc/flint/policies/managed/test.json");
        inputs.add_machine_file(flint_policy::Level::Mandatory, file);
        let effective = flint_policy::resolve(&inputs);
        let server = ServerPolicyState::default();
        let resolved =
            PolicyResolved { effective, managed_by: None, server, missing: None, brand_image: None };
        self.give(Input::PolicyResolved(Box::new(resolved))).await;
    }

    /// A new stream.
    ///
    /// # Panics
    /// Never: the address is fixed.
    pub async fn sign_in(&mut self) {
        self.sent.clear();
        let jid = FullJid::new("ann@example.test/desk").expect("a JID");
        self.give(Input::Session(SessionEvent::Online { jid, mechanism: "GSSAPI".into() })).await;
    }

    /// Something arrives.
    pub async fn remote(&mut self, event: RemoteEvent) {
        self.give(Input::Remote(event)).await;
    }

    /// Asks for something in a conversation.
    pub async fn chat(&mut self, command: ChatCommand) {
        self.give(Input::Command(Command::Chat(command))).await;
    }

    /// Messages sent on this stream: text and whether it was said that they are sent again.
    pub fn messages_sent(&self) -> Vec<(SendToken, String, bool)> {
        let messages = self.sent.iter().filter_map(|(token, stanza)| match stanza {
            Outbound::Message { body, resent, .. } => Some((*token, body.0.clone(), *resent)),
            _ => None,
        });
        messages.collect()
    }

    /// The newest row of a conversation.
    pub fn row(&self, id: &ConversationId) -> Option<&ConversationRow> {
        self.updates.iter().rev().find_map(|update| match update {
            Update::Chat(ChatUpdate::ListChanged { conversation }) if conversation.id == *id => {
                Some(conversation)
            }
            Update::Chat(ChatUpdate::ListReset { conversations }) => {
                conversations.iter().find(|conversation| conversation.id == *id)
            }
            _ => None,
        })
    }

    /// Opens a conversation and gives what its timeline shows then.
    ///
    /// # Panics
    /// When no timeline comes.
    pub async fn timeline(&mut self, conversation: &ConversationId) -> Vec<MessageRow> {
        self.updates.clear();
        self.chat(ChatCommand::Open { conversation: conversation.clone() }).await;
        let reset = self.updates.iter().find_map(|update| match update {
            Update::Chat(ChatUpdate::TimelineReset { messages, .. }) => Some(messages.clone()),
            _ => None,
        });
        reset.expect("an opened conversation shows its timeline")
    }

    /// Searches everywhere.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn search(&mut self, text: &str) -> Vec<SearchHit> {
        self.updates.clear();
        let (query, conversation) = (QueryId(1), None);
        let search = HistoryCommand::Search { query, text: text.into(), conversation, limit: 50 };
        self.give(Input::Command(Command::History(search))).await;
        let results = self.updates.iter().find_map(|update| match update {
            Update::History(HistoryUpdate::Results { hits, .. }) => Some(hits.clone()),
            _ => None,
        });
        results.expect("every search is answered")
    }
}
