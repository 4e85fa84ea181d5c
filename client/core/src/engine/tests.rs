//! The engine from outside: inputs in, effects and updates out.

mod archive;
mod chat;
mod delivery;
mod gates;
mod people;
mod policy;
mod room;

use super::*;
use crate::command::{AccountCommand, ChatCommand, Command, PeopleCommand, RoomCommand};
use crate::ids::StanzaId;
use crate::input::{
    IncomingMessage, KnownMessage, Origin, PolicyResolved, RemoteEvent, RosterItem, StoredConversation,
};
use crate::model::{
    ConversationRow, DeliveryState, Direction, MessageRow, OccupantRow, PersonRow, RoomRow, RoomState,
    ServerPolicyState, Show, Subscription,
};
use crate::secret::Private;
use jid::{FullJid, Jid};

/// Noon of a day, in milliseconds.
const NOON: i64 = 1_800_000_000_000;

fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

fn bob() -> BareJid {
    bare("bob@example.test")
}

fn lobby() -> BareJid {
    bare("lobby@conference.example.test")
}

fn with_bob() -> ConversationId {
    ConversationId::Person(bob())
}

fn in_lobby() -> ConversationId {
    ConversationId::Room(lobby())
}

fn contact(jid: &BareJid, subscription: Subscription) -> RosterItem {
    RosterItem { jid: jid.clone(), name: None, groups: Vec::new(), subscription, asked: false }
}

fn policy_of(json: &str) -> Input {
    let mut inputs = flint_policy::Inputs::default();
    let file = flint_policy::read_machine_file(json, "/etc/flint/policies/managed/test.json");
    inputs.add_machine_file(flint_policy::Level::Mandatory, file);
    let effective = flint_policy::resolve(&inputs);
    assert!(effective.messages.is_empty(), "{:?}", effective.messages);
    let server = ServerPolicyState::default();
    Input::PolicyResolved(Box::new(PolicyResolved {
        effective,
        managed_by: Some("example.test".into()),
        server,
        missing: None,
        brand_image: None,
    }))
}

fn text(from: &str, body: &str) -> IncomingMessage {
    IncomingMessage {
        origin: Origin::Person { from: Jid::new(from).unwrap() },
        id: None,
        origin_id: None,
        stanza_id: None,
        body: body.into(),
        delayed: None,
        wants_receipt: false,
        markable: false,
        archived: false,
    }
}

fn spoken(nick: &str, own: bool, body: &str, stanza_id: &str) -> IncomingMessage {
    let origin = Origin::Occupant { room: lobby(), nick: Some(nick.into()), own };
    IncomingMessage { origin, stanza_id: Some(StanzaId(stanza_id.into())), ..text("x@y", body) }
}

fn message(incoming: IncomingMessage) -> Input {
    Input::Remote(RemoteEvent::MessageReceived(incoming))
}

fn sends(output: &Output) -> Vec<(SendToken, Outbound)> {
    let effects = output.effects.iter().filter_map(|effect| match effect {
        Effect::Send { token, stanza } => Some((*token, stanza.clone())),
        _ => None,
    });
    effects.collect()
}

fn stanzas(output: &Output) -> Vec<Outbound> {
    sends(output).into_iter().map(|(_, stanza)| stanza).collect()
}

fn writes(output: &Output) -> Vec<Persist> {
    let effects = output.effects.iter().filter_map(|effect| match effect {
        Effect::Persist(write) => Some(write.clone()),
        _ => None,
    });
    effects.collect()
}

fn rejected(output: &Output) -> Vec<Rejection> {
    let updates = output.updates.iter().filter_map(|update| match update {
        Update::Rejected(rejection) => Some(rejection.clone()),
        _ => None,
    });
    updates.collect()
}

fn arrived(output: &Output) -> Vec<String> {
    let updates = output.updates.iter().filter_map(|update| match update {
        Update::Chat(ChatUpdate::Arrived { message, .. }) => Some(message.body.0.clone()),
        _ => None,
    });
    updates.collect()
}

fn shown(output: &Output) -> Vec<MessageRow> {
    let updates = output.updates.iter().filter_map(|update| match update {
        Update::Chat(ChatUpdate::TimelineChanged { message }) => Some(message.clone()),
        _ => None,
    });
    updates.collect()
}

/// The last row of a conversation in an output.
fn row(output: &Output, id: &ConversationId) -> Option<ConversationRow> {
    let mut rows = output.updates.iter().rev().filter_map(|update| match update {
        Update::Chat(ChatUpdate::ListChanged { conversation }) if conversation.id == *id => {
            Some(conversation.clone())
        }
        _ => None,
    });
    rows.next()
}

/// An engine with a clock that goes on by a second at each input.
struct Rig {
    engine: Engine,
    now: i64,
}

impl Rig {
    fn new() -> Self {
        let config = EngineConfig { account: bare("ann@example.test"), id_seed: [7; 16] };
        let (engine, output) = Engine::new(config, Timestamp(NOON));
        assert_eq!(output.effects, [Effect::Query(StoreQuery::Load)]);
        Self { engine, now: NOON }
    }

    fn loaded(state: LoadedState) -> Self {
        let mut rig = Self::new();
        rig.give(policy_of("{}"));
        rig.give(Input::Store(StoreReply::Loaded(Box::new(state))));
        rig
    }

    /// Signed in, with Bob as a mutual contact.
    fn online() -> Self {
        let roster = vec![contact(&bob(), Subscription::Both)];
        let mut rig = Self::loaded(LoadedState { roster, ..LoadedState::default() });
        rig.sign_in();
        rig
    }

    fn give(&mut self, input: Input) -> Output {
        self.now += 1000;
        self.engine.handle(input, Timestamp(self.now))
    }

    fn sign_in(&mut self) -> Output {
        let jid = FullJid::new("ann@example.test/desk").unwrap();
        self.give(Input::Session(SessionEvent::Online { jid, mechanism: "GSSAPI".into() }))
    }

    fn resume(&mut self) -> Output {
        let jid = FullJid::new("ann@example.test/desk").unwrap();
        self.give(Input::Session(SessionEvent::Resumed { jid, mechanism: "GSSAPI".into() }))
    }

    fn interrupt(&mut self) -> Output {
        let retry_at = Timestamp(self.now + 5000);
        self.give(Input::Session(SessionEvent::Interrupted { reason: "Cable out.".into(), retry_at }))
    }

    fn remote(&mut self, event: RemoteEvent) -> Output {
        self.give(Input::Remote(event))
    }

    fn people(&mut self, command: PeopleCommand) -> Output {
        self.give(Input::Command(Command::People(command)))
    }

    fn chat(&mut self, command: ChatCommand) -> Output {
        self.give(Input::Command(Command::Chat(command)))
    }

    fn room(&mut self, command: RoomCommand) -> Output {
        self.give(Input::Command(Command::Room(command)))
    }

    /// Sends to Bob; the id and, when it went out, the token.
    fn say(&mut self, conversation: ConversationId, body: &str) -> (MessageId, Option<SendToken>, Output) {
        let output = self.chat(ChatCommand::Send { conversation, body: body.into() });
        let id = writes(&output)
            .into_iter()
            .find_map(|write| match write {
                Persist::Message { message, .. } => Some(message.id),
                _ => None,
            })
            .expect("a sent message is written down");
        let token = sends(&output)
            .into_iter()
            .find_map(|(token, stanza)| matches!(stanza, Outbound::Message { .. }).then_some(token));
        (id, token, output)
    }

    fn receive(&mut self, incoming: IncomingMessage) -> Output {
        self.give(message(incoming))
    }

    /// Opens a conversation whose store holds nothing.
    fn open_empty(&mut self, conversation: ConversationId) {
        self.chat(ChatCommand::Open { conversation: conversation.clone() });
        let reply =
            StoreReply::Timeline { conversation, messages: Vec::new(), has_older: false, newest: true };
        self.give(Input::Store(reply));
    }

    /// In the lobby as `ann`, history over.
    fn in_lobby() -> Self {
        let mut rig = Self::online();
        rig.room(RoomCommand::Join { room: lobby(), nick: None, password: None });
        rig.remote(RemoteEvent::RoomJoined { room: lobby(), nick: "ann".into() });
        rig.remote(RemoteEvent::RoomSubject { room: lobby(), subject: "Tea".into() });
        rig
    }
}
