//! The client as its window sees it: commands in, updates out.

use crate::in_time;
use crate::server::Server;
use flint_runtime::core::command::{AccountCommand, ChatCommand, Command, HistoryCommand};
use flint_runtime::core::model::{ConnectionState, ConversationId, DeliveryState, MessageRow, SearchHit};
use flint_runtime::core::update::{AccountUpdate, ChatUpdate, HistoryUpdate, PeopleUpdate, RoomUpdate};
use flint_runtime::core::{BareJid, MessageId, QueryId, Update as CoreUpdate};
use flint_runtime::{AccountOptions, Client, Connect, Options, Paths, Security, SignIn, Update};
use std::path::Path;

/// A bare JID of the script.
pub fn jid(text: &str) -> BareJid {
    text.parse().expect("scripts hold valid addresses")
}

/// The conversation with a person.
pub fn person(text: &str) -> ConversationId {
    ConversationId::Person(jid(text))
}

/// A running client.
#[derive(Debug)]
pub struct Flint {
    client: Client,
    updates: async_channel::Receiver<Update>,
    searches: u64,
}

impl Flint {
    /// Ann's client with its files below `dir` (`state`, `machine`), signing in with `password`.
    pub fn start_with(dir: &Path, server: &Server, password: &str) -> Self {
        let options = Options {
            paths: Paths { machine: dir.join("machine"), state: dir.join("state") },
            account: AccountOptions {
                jid: Some(jid("ann@example.test")),
                sign_in: SignIn::Password(password.into()),
                connect: Some(Connect {
                    host: "127.0.0.1".to_owned(),
                    port: server.port,
                    security: Security::Direct,
                }),
                ca_files: vec![server.ca.clone()],
                ..AccountOptions::default()
            },
        };
        let client = Client::start(options).expect("the directory is ours");
        let updates = client.updates();
        Self { client, updates, searches: 0 }
    }

    /// Ann's client with the right password.
    pub fn start(dir: &Path, server: &Server) -> Self {
        Self::start_with(dir, server, "pencil")
    }

    /// Asks for something.
    pub fn ask(&self, command: impl Into<flint_runtime::Command>) {
        assert!(self.client.send(command), "the client has ended");
    }

    /// Opens a conversation and returns what it shows.
    pub async fn open(&mut self, conversation: &ConversationId) -> Vec<MessageRow> {
        self.ask(Command::Chat(ChatCommand::Open { conversation: conversation.clone() }));
        self.chat("the timeline", |update| match update {
            ChatUpdate::TimelineReset { conversation: of, messages, .. } if of == conversation => {
                Some(messages.clone())
            }
            _ => None,
        })
        .await
    }

    /// Says something in an open conversation and returns the message's id.
    pub async fn say(&mut self, conversation: &ConversationId, text: &str) -> MessageId {
        self.ask(Command::Chat(ChatCommand::Send { conversation: conversation.clone(), body: text.into() }));
        self.chat("the local echo", |update| match update {
            ChatUpdate::TimelineChanged { message } if message.body.0 == text => Some(message.id.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for an update for which `pick` returns something.
    pub async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&CoreUpdate) -> Option<T>) -> T {
        let mut last = Vec::new();
        let found = tokio::time::timeout(crate::PATIENCE, async {
            loop {
                match self.updates.recv().await {
                    Ok(Update::Core(update)) => {
                        if let Some(found) = pick(&update) {
                            return found;
                        }
                        last.push(update);
                    }
                    Ok(Update::Fatal(sentence)) => panic!("{what} was expected, not a breakdown: {sentence}"),
                    Ok(_) => {}
                    Err(_) => panic!("{what} was expected, but the client has ended"),
                }
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("{what} did not come; what came: {last:#?}"),
        }
    }

    /// [`Flint::until`] for conversations.
    pub async fn chat<T>(&mut self, what: &str, mut pick: impl FnMut(&ChatUpdate) -> Option<T>) -> T {
        self.until(what, |update| match update {
            CoreUpdate::Chat(update) => pick(update),
            _ => None,
        })
        .await
    }

    /// [`Flint::until`] for the roster.
    pub async fn people<T>(&mut self, what: &str, mut pick: impl FnMut(&PeopleUpdate) -> Option<T>) -> T {
        self.until(what, |update| match update {
            CoreUpdate::People(update) => pick(update),
            _ => None,
        })
        .await
    }

    /// [`Flint::until`] for rooms.
    pub async fn room<T>(&mut self, what: &str, mut pick: impl FnMut(&RoomUpdate) -> Option<T>) -> T {
        self.until(what, |update| match update {
            CoreUpdate::Room(update) => pick(update),
            _ => None,
        })
        .await
    }

    /// Waits for a state of the connection.
    pub async fn connection<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(&ConnectionState) -> Option<T>,
    ) -> T {
        self.until(what, |update| match update {
            CoreUpdate::Account(AccountUpdate::Connection(state)) => pick(state),
            _ => None,
        })
        .await
    }

    /// Waits until it is signed in; true when an earlier stream was resumed.
    pub async fn online(&mut self) -> bool {
        self.connection("the sign-in", |state| match state {
            ConnectionState::Online { resumed, .. } => Some(*resumed),
            _ => None,
        })
        .await
    }

    /// Waits until it waits for another attempt.
    pub async fn waiting(&mut self) {
        self.connection("the break", |state| matches!(state, ConnectionState::Waiting { .. }).then_some(()))
            .await;
    }

    /// Waits until a message has got as far as this.
    pub async fn delivered(&mut self, id: &MessageId, wanted: DeliveryState) {
        self.chat(&format!("{wanted:?}"), |update| match update {
            ChatUpdate::DeliveryChanged { message, delivery, .. } if message == id => {
                (*delivery == wanted).then_some(())
            }
            _ => None,
        })
        .await;
    }

    /// Waits for a message with this text from somebody else.
    pub async fn arrived(&mut self, text: &str) -> MessageRow {
        self.chat(&format!("the message {text:?}"), |update| match update {
            ChatUpdate::Arrived { message, .. } if message.body.0 == text => Some(message.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until the own archive is taken over; the number of messages that were new.
    pub async fn caught_up(&mut self) -> u32 {
        self.until("the end of the catch-up", |update| match update {
            CoreUpdate::History(HistoryUpdate::CatchUp { messages, complete: true }) => Some(*messages),
            _ => None,
        })
        .await
    }

    /// Searches the stored messages.
    pub async fn search(&mut self, text: &str) -> Vec<SearchHit> {
        self.searches += 1;
        let query = QueryId(self.searches);
        let command = HistoryCommand::Search { query, text: text.into(), conversation: None, limit: 50 };
        self.ask(Command::History(command));
        self.until("the hits", |update| match update {
            CoreUpdate::History(HistoryUpdate::Results { query: of, hits }) if *of == query => {
                Some(hits.clone())
            }
            _ => None,
        })
        .await
    }

    /// Tries again after a refusal.
    pub fn sign_in(&self) {
        self.ask(Command::Account(AccountCommand::SignIn));
    }

    /// Ends the client and waits until its files are free again.
    pub async fn quit(self) {
        self.ask(flint_runtime::Command::Quit);
        in_time("the end of the client", async { while self.updates.recv().await.is_ok() {} }).await;
    }
}

/// Texts of messages.
pub fn texts(messages: &[MessageRow]) -> Vec<&str> {
    messages.iter().map(|message| message.body.0.as_str()).collect()
}
