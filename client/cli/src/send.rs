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
    /// The room is joined, or none is needed: the timeline was asked for.
    opened: bool,
    /// The message was handed to the engine.
    asked: bool,
    message: Option<MessageId>,
}

/// What an update means for the sending.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Wait,
    Join,
    Open,
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
    let mut sending =
        Sending { conversation: conversation.clone(), text, opened: false, asked: false, message: None };
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
                Next::Open => {
                    let conversation = conversation.clone();
                    client.send(core::Command::Chat(ChatCommand::Open { conversation }));
                }
                Next::Send => {
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
                ConnectionState::Online { .. } if !self.opened => Ok(match self.conversation {
                    ConversationId::Room(_) => Next::Join,
                    ConversationId::Person(_) => self.open(),
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
                    RoomState::Joined { .. } if !self.opened => Ok(self.open()),
                    RoomState::Failed { reason } => Err(Failure::Failed(reason.clone())),
                    _ => Ok(Next::Wait),
                }
            }
            // Changes of a timeline are told from here on.
            Update::Core(core::Update::Chat(ChatUpdate::TimelineReset { conversation, .. }))
                if self.opened && !self.asked && *conversation == self.conversation =>
            {
                self.asked = true;
                Ok(Next::Send)
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

    fn open(&mut self) -> Next {
        self.opened = true;
        Next::Open
    }
}

fn arrived(delivery: &DeliveryState) -> Result<Next, Failure> {
    match delivery {
        DeliveryState::Queued | DeliveryState::Sent => Ok(Next::Wait),
        DeliveryState::Acked | DeliveryState::Delivered | DeliveryState::Read => Ok(Next::Done),
        DeliveryState::Failed { reason } => Err(Failure::Failed(reason.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_runtime::core::Timestamp;
    use flint_runtime::core::model::MessageRow;

    fn row(id: &str, text: &str, delivery: DeliveryState) -> Update {
        let message = MessageRow {
            id: MessageId(id.to_owned()),
            conversation: conversation(),
            sender_name: "Ann".to_owned(),
            sender: None,
            at: Timestamp(0),
            direction: Direction::Outgoing { delivery },
            body: Private::from(text),
            stanza_id: None,
            sort: 0,
        };
        Update::Core(core::Update::Chat(ChatUpdate::TimelineChanged { message }))
    }

    fn conversation() -> ConversationId {
        ConversationId::Person("bob@example.test".parse().unwrap())
    }

    fn connection(state: ConnectionState) -> Update {
        Update::Core(core::Update::Account(AccountUpdate::Connection(state)))
    }

    fn reset() -> Update {
        Update::Core(core::Update::Chat(ChatUpdate::TimelineReset {
            conversation: conversation(),
            messages: Vec::new(),
            has_older: false,
            first_unread: None,
            draft: Private::default(),
        }))
    }

    fn delivered(id: &str, delivery: DeliveryState) -> Update {
        let message = MessageId(id.to_owned());
        let change = ChatUpdate::DeliveryChanged { conversation: conversation(), message, delivery };
        Update::Core(core::Update::Chat(change))
    }

    fn sending() -> Sending {
        Sending {
            conversation: conversation(),
            text: "hi".to_owned(),
            opened: false,
            asked: false,
            message: None,
        }
    }

    fn online() -> Update {
        let jid = "ann@example.test/r".parse().unwrap();
        connection(ConnectionState::Online { jid, mechanism: "GSSAPI".to_owned(), resumed: false })
    }

    #[test]
    fn it_is_done_when_the_server_has_this_very_message() {
        let mut sending = sending();
        for (update, expected) in [
            (reset(), Next::Wait),
            (online(), Next::Open),
            (online(), Next::Wait),
            (row("old", "hi", DeliveryState::Acked), Next::Wait),
            (reset(), Next::Send),
            (row("1", "other", DeliveryState::Acked), Next::Wait),
            (row("2", "hi", DeliveryState::Queued), Next::Wait),
            (delivered("1", DeliveryState::Acked), Next::Wait),
            (delivered("2", DeliveryState::Sent), Next::Wait),
            (delivered("2", DeliveryState::Acked), Next::Done),
        ] {
            let shown = format!("{update:?}");
            assert_eq!(sending.take(&update).unwrap(), expected, "{shown}");
        }
    }

    #[test]
    fn refusals_and_failures_have_their_own_codes() {
        let refused = connection(ConnectionState::Refused {
            kind: "no-ticket".to_owned(),
            reason: "No ticket.".to_owned(),
            next_step: "Get one.".to_owned(),
        });
        assert!(matches!(sending().take(&refused), Err(Failure::Refused { .. })));
        let mut asked = Sending { opened: true, asked: true, ..sending() };
        let failed = row("2", "hi", DeliveryState::Failed { reason: "No.".to_owned() });
        assert!(matches!(asked.take(&failed), Err(Failure::Failed(_))));
    }
}
