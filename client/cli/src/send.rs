//! `send`: one message, and the end when the server has it.

use crate::Failure;
use flint_runtime::core::command::{ChatCommand, RoomCommand};
use flint_runtime::core::model::{ConnectionState, ConversationId, DeliveryState, Direction, RoomState};
use flint_runtime::core::secret::Private;
use flint_runtime::core::update::{AccountUpdate, ChatUpdate, RoomUpdate};
use flint_runtime::core::{self, BareJid, MessageId};
use flint_runtime::{Client, Command, Update};
use std::time::Duration;
use tokio::time::timeout;

/// How far the sending has come.
#[derive(Debug)]
struct Sending {
    conversation: ConversationId,
    text: String,
    /// The message was handed to the engine.
    asked: bool,
    message: Option<MessageId>,
}

/// What an update means for the sending.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Wait,
    Join,
    Send,
    Done,
}

/// Sends and waits.
pub(crate) async fn send(
    client: Client,
    to: BareJid,
    text: String,
    room: bool,
    seconds: u64,
) -> Result<(), Failure> {
    let conversation = if room { ConversationId::Room(to) } else { ConversationId::Person(to) };
    let mut sending = Sending { conversation: conversation.clone(), text, asked: false, message: None };
    let updates = client.updates();
    let outcome = timeout(Duration::from_secs(seconds), async {
        loop {
            let update = updates.recv().await;
            let update = update.map_err(|_| Failure::Failed("The client has ended.".to_owned()))?;
            match sending.take(&update)? {
                Next::Wait => {}
                Next::Join => {
                    let room = conversation.jid().clone();
                    let join = RoomCommand::Join { room, nick: None, password: None };
                    client.send(core::Command::Room(join));
                }
                Next::Send => {
                    client
                        .send(core::Command::Chat(ChatCommand::Open { conversation: conversation.clone() }));
                    let body = Private(sending.text.clone());
                    let conversation = conversation.clone();
                    client.send(core::Command::Chat(ChatCommand::Send { conversation, body }));
                }
                Next::Done => return Ok(()),
            }
        }
    })
    .await;
    client.send(Command::Quit);
    // The goodbye is polite; what was asked has been decided.
    let _ = timeout(Duration::from_secs(10), async {
        while !matches!(updates.recv().await, Ok(Update::Ended) | Err(_)) {}
    })
    .await;
    outcome.unwrap_or_else(|_| {
        let state =
            if sending.asked { "The server did not confirm the message" } else { "No connection was made" };
        Err(Failure::TimedOut(format!(
            "{state} within {seconds} seconds; it is kept and sent at the next start."
        )))
    })
}

impl Sending {
    fn take(&mut self, update: &Update) -> Result<Next, Failure> {
        match update {
            Update::Core(core::Update::Account(AccountUpdate::Connection(connection))) => match connection {
                ConnectionState::Online { .. } if !self.asked => Ok(match self.conversation {
                    ConversationId::Room(_) => Next::Join,
                    ConversationId::Person(_) => self.ask(),
                }),
                ConnectionState::Refused { kind, reason, next_step } => Err(Failure::Refused {
                    kind: kind.clone(),
                    reason: reason.clone(),
                    next_step: next_step.clone(),
                }),
                _ => Ok(Next::Wait),
            },
            Update::Core(core::Update::Room(RoomUpdate::Changed { room }))
                if room.jid == *self.conversation.jid() =>
            {
                match &room.state {
                    RoomState::Joined { .. } if !self.asked => Ok(self.ask()),
                    RoomState::Failed { reason } => Err(Failure::Failed(reason.clone())),
                    _ => Ok(Next::Wait),
                }
            }
            Update::Core(core::Update::Chat(ChatUpdate::TimelineChanged { message }))
                if self.asked && message.conversation == self.conversation && message.body.0 == self.text =>
            {
                match &message.direction {
                    Direction::Outgoing { delivery } => {
                        self.message.get_or_insert_with(|| message.id.clone());
                        if self.message.as_ref() == Some(&message.id) {
                            arrived(delivery)
                        } else {
                            Ok(Next::Wait)
                        }
                    }
                    Direction::Incoming => Ok(Next::Wait),
                }
            }
            Update::Core(core::Update::Chat(ChatUpdate::DeliveryChanged { message, delivery, .. }))
                if self.message.as_ref() == Some(message) =>
            {
                arrived(delivery)
            }
            Update::Core(core::Update::Rejected(rejection)) if self.asked => {
                Err(Failure::Failed(rejection.reason.clone()))
            }
            Update::Fatal(sentence) => Err(Failure::Failed(sentence.clone())),
            Update::Ended => Err(Failure::Failed("The client has ended.".to_owned())),
            _ => Ok(Next::Wait),
        }
    }

    fn ask(&mut self) -> Next {
        self.asked = true;
        Next::Send
    }
}

fn arrived(delivery: &DeliveryState) -> Result<Next, Failure> {
    match delivery {
        DeliveryState::Queued | DeliveryState::Sent => Ok(Next::Wait),
        DeliveryState::Acked | DeliveryState::Delivered | DeliveryState::Read => Ok(Next::Done),
        DeliveryState::Failed { reason } => Err(Failure::Failed(reason.clone())),
    }
}
