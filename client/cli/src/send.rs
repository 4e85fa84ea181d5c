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
    online: bool,
    /// Why there is no chat: this computer must be managed and no policy is held.
    closed: Option<String>,
    /// Why there is no connection now.
    cause: Option<String>,
}

type Updates = async_channel::Receiver<Update>;

/// How long writing a message down may take.
const KEEP: Duration = Duration::from_secs(5);
/// How long messages of earlier runs may take.
const OTHERS_SECONDS: u16 = 3;

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
    let mut sending = Sending::new(conversation, text);
    let updates = client.updates();
    let outcome = timeout(Duration::from_secs(seconds), sending.play(&client, &updates, Next::Wait)).await;
    let outcome = match outcome {
        Ok(outcome) => outcome.map_err(|failure| sending.explained(failure)),
        Err(_) => {
            let waits = sending.closed.is_none() && !sending.opened;
            if let (ConversationId::Person(_), true) = (&sending.conversation, waits) {
                // Handed over now, it waits in the outbox for the next start.
                let next = sending.open();
                let handed_over = sending.play_until_kept(&client, &updates, next);
                // Else it is not kept, and that is said.
                let _ = timeout(KEEP, handed_over).await;
            }
            Err(Failure::TimedOut(sending.time_is_up(seconds)))
        }
    };
    // What waited from an earlier run goes out, too, if there is time.
    client.send(if outcome.is_ok() { Command::Finish { seconds: OTHERS_SECONDS } } else { Command::Quit });
    // The goodbye is polite; what was asked has been decided.
    let _ = timeout(Duration::from_secs(15), async {
        while !matches!(updates.recv().await, Ok(Update::Ended) | Err(_)) {}
    })
    .await;
    outcome
}

impl Sending {
    fn new(conversation: ConversationId, text: String) -> Self {
        Self {
            conversation,
            text,
            online: false,
            closed: None,
            opened: false,
            asked: false,
            message: None,
            cause: None,
        }
    }

    /// Goes on until the server has the message.
    async fn play(&mut self, client: &Client, updates: &Updates, first: Next) -> Result<(), Failure> {
        self.order(client, first);
        loop {
            let update =
                updates.recv().await.map_err(|_| Failure::Failed("The client has ended.".to_owned()))?;
            match self.take(&update)? {
                Next::Done => return Ok(()),
                next => self.order(client, next),
            }
        }
    }

    /// Goes on until the message is written down.
    async fn play_until_kept(&mut self, client: &Client, updates: &Updates, first: Next) {
        self.order(client, first);
        while self.message.is_none() {
            let Ok(update) = updates.recv().await else { return };
            let Ok(next) = self.take(&update) else { return };
            self.order(client, next);
        }
    }

    fn order(&self, client: &Client, next: Next) {
        let conversation = self.conversation.clone();
        let command = match next {
            Next::Wait | Next::Done => return,
            Next::Join => {
                let room = conversation.jid().clone();
                core::Command::Room(RoomCommand::Join { room, nick: None, password: None })
            }
            Next::Open => core::Command::Chat(ChatCommand::Open { conversation }),
            Next::Send => {
                core::Command::Chat(ChatCommand::Send { conversation, body: Private(self.text.clone()) })
            }
        };
        client.send(command);
    }

    /// What has become of the message when it is not at the server.
    fn fate(&self) -> &'static str {
        if self.message.is_some() {
            "The message is kept and sent at the next start."
        } else {
            "The message was not sent."
        }
    }

    fn explained(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Refused { kind, reason, next_step } => {
                Failure::Refused { kind, reason: format!("{} {reason}", self.fate()), next_step }
            }
            Failure::Failed(reason) if !self.asked => Failure::Failed(format!("{reason} {}", self.fate())),
            other => other,
        }
    }

    fn time_is_up(&self, seconds: u64) -> String {
        if let Some(closed) = &self.closed {
            return format!("{closed} {}", self.fate());
        }
        let state = match &self.conversation {
            _ if !self.online => format!("No connection was made within {seconds} seconds."),
            ConversationId::Room(room) if !self.asked => {
                format!("{room} did not let you in within {seconds} seconds; it may not be a room.")
            }
            _ => format!("The server did not confirm the message within {seconds} seconds."),
        };
        let cause = match &self.cause {
            Some(cause) => format!(" {cause}"),
            None if !self.online => " The server or its name service has not answered yet.".to_owned(),
            None => String::new(),
        };
        format!("{state}{cause} {}", self.fate())
    }

    /// With a connection and an open chat there is something to do.
    fn begin(&mut self) -> Next {
        match self.conversation {
            _ if self.opened || !self.online || self.closed.is_some() => Next::Wait,
            ConversationId::Room(_) => Next::Join,
            ConversationId::Person(_) => self.open(),
        }
    }

    fn take(&mut self, update: &Update) -> Result<Next, Failure> {
        match update {
            Update::Core(core::Update::Capabilities(capabilities)) => {
                let before = self.closed.take();
                self.closed = capabilities.management.missing().map(str::to_owned);
                // The policy has come, and with it the chat.
                Ok(if before.is_some() { self.begin() } else { Next::Wait })
            }
            Update::Core(core::Update::Account(AccountUpdate::Connection(connection))) => match connection {
                ConnectionState::Online { .. } => {
                    self.online = true;
                    self.cause = None;
                    Ok(self.begin())
                }
                ConnectionState::Waiting { reason, .. } => {
                    self.online = false;
                    self.cause = Some(reason.clone());
                    Ok(Next::Wait)
                }
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
                    RoomState::Failed { reason } => {
                        Err(Failure::Failed(format!("{} can't be joined: {reason}", room.jid)))
                    }
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
            Update::Core(core::Update::Rejected(rejection))
                if self.asked || (self.online && !self.opened) =>
            {
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
        Sending::new(conversation(), "hi".to_owned())
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
    fn without_the_policy_that_must_be_there_nothing_is_sent_until_it_comes() {
        let capabilities = |management| {
            let capabilities = core::Capabilities { management, ..core::Capabilities::default() };
            Update::Core(core::Update::Capabilities(capabilities))
        };
        let mut sending = sending();
        let missing = core::capability::Management::Missing { reason: "No policy.".to_owned() };
        assert_eq!(sending.take(&capabilities(missing)).unwrap(), Next::Wait);
        assert_eq!(sending.take(&online()).unwrap(), Next::Wait);
        assert_eq!(sending.time_is_up(9), "No policy. The message was not sent.");
        let managed = core::capability::Management::Managed { by: "example.test".to_owned() };
        assert_eq!(sending.take(&capabilities(managed)).unwrap(), Next::Open);
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
