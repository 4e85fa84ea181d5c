//! Own messages on their way: a delivery state only moves forward, and a message leaves only when the server has it.

use super::Engine;
use crate::effect::{Outbound, Persist};
use crate::ids::{MessageId, SendToken};
use crate::model::{ConversationId, DeliveryState, MessageRow};
use crate::update::{ChatUpdate, Update};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Own messages remembered for receipts and retries; only those that the server has are forgotten.
const REMEMBERED: usize = 10_000;

/// Own messages in the order they were written.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    next: u64,
    messages: BTreeMap<u64, OwnMessage>,
    index: HashMap<MessageId, u64>,
    tokens: HashMap<SendToken, u64>,
}

#[derive(Debug)]
struct OwnMessage {
    id: MessageId,
    conversation: ConversationId,
    delivery: DeliveryState,
    /// On its way on the present stream.
    in_flight: bool,
    /// It may have reached the server before.
    sent_before: bool,
    /// It was refused and goes out once more: what the archive has is the one that was refused.
    refused: bool,
    /// Kept until the peer has it, for sending again.
    row: Option<MessageRow>,
}

impl OwnMessage {
    fn waits(&self) -> bool {
        !self.in_flight && matches!(self.delivery, DeliveryState::Queued | DeliveryState::Sent)
    }
}

/// Progress only: late or repeated news change nothing. A failure is overruled by proof that the message arrived.
fn may_follow(old: &DeliveryState, new: &DeliveryState) -> bool {
    use DeliveryState::{Delivered, Failed, Read};
    match (old, new) {
        (Failed { .. }, Delivered | Read) => true,
        (Failed { .. }, _) => false,
        (Delivered | Read, Failed { .. }) => false,
        (_, Failed { .. }) => true,
        (old, new) => new > old,
    }
}

impl Outbox {
    /// Streams ended: what was on its way waits again.
    pub(super) fn forget_tokens(&mut self) {
        self.tokens.clear();
        for message in self.messages.values_mut() {
            message.in_flight = false;
        }
    }

    /// Messages that the server is not known to have.
    pub(super) fn unsent(&self) -> usize {
        let unsent =
            |message: &&OwnMessage| matches!(message.delivery, DeliveryState::Queued | DeliveryState::Sent);
        self.messages.values().filter(unsent).count()
    }

    pub(super) fn holds(&self, id: &MessageId) -> bool {
        self.index.contains_key(id)
    }

    pub(super) fn conversation(&self, id: &MessageId) -> Option<&ConversationId> {
        self.index.get(id).and_then(|number| self.messages.get(number)).map(|message| &message.conversation)
    }

    /// True when an archive that has this message proves that it arrived.
    pub(super) fn is_proven_by_archive(&self, id: &MessageId) -> bool {
        let message = self.index.get(id).and_then(|number| self.messages.get(number));
        message.is_some_and(|message| !message.refused)
    }

    pub(super) fn delivery(&self, id: &MessageId) -> Option<&DeliveryState> {
        self.index.get(id).and_then(|number| self.messages.get(number)).map(|message| &message.delivery)
    }

    pub(super) fn add(
        &mut self,
        id: MessageId,
        conversation: ConversationId,
        delivery: DeliveryState,
        row: Option<MessageRow>,
        sent_before: bool,
    ) {
        if self.holds(&id) {
            return;
        }
        self.next += 1;
        self.index.insert(id.clone(), self.next);
        let message =
            OwnMessage { id, conversation, delivery, in_flight: false, sent_before, refused: false, row };
        self.messages.insert(self.next, message);
        if self.messages.len() > REMEMBERED {
            self.forget_one();
        }
    }

    /// Keeps the text of a failed message that came on show, so that it can be sent again.
    pub(super) fn keep(&mut self, row: MessageRow, delivery: DeliveryState) {
        match self.index.get(&row.id).and_then(|number| self.messages.get_mut(number)) {
            Some(message) => message.row = message.row.take().or(Some(row)),
            None => self.add(row.id.clone(), row.conversation.clone(), delivery, Some(row), true),
        }
    }

    fn forget_one(&mut self) {
        let settled = |message: &OwnMessage| {
            matches!(message.delivery, DeliveryState::Acked | DeliveryState::Delivered | DeliveryState::Read)
        };
        let oldest = self.messages.iter().find(|(_, message)| settled(message)).map(|(number, _)| *number);
        if let Some(message) = oldest.and_then(|number| self.messages.remove(&number)) {
            self.index.remove(&message.id);
        }
    }
}

impl Engine {
    /// Sends everything that is not on its way and may go now, oldest first.
    ///
    /// What may have reached the server on an earlier stream waits until the archive was asked, which knows; and what
    /// was written after it in the same conversation does not overtake it.
    pub(super) fn send_what_waits(&mut self) {
        if !self.is_online() {
            return;
        }
        let waiting: Vec<u64> = self
            .outbox
            .messages
            .iter()
            .filter(|(_, message)| message.waits())
            .map(|(number, _)| *number)
            .collect();
        let mut held = BTreeSet::new();
        for number in waiting {
            let Some(message) = self.outbox.messages.get(&number) else { continue };
            if held.contains(&message.conversation) {
                continue;
            }
            if message.sent_before && !message.refused && self.is_catching_up(&message.conversation) {
                held.insert(message.conversation.clone());
            } else {
                self.send_message(number);
            }
        }
    }

    fn send_message(&mut self, number: u64) {
        let Some(message) = self.outbox.messages.get(&number) else { return };
        if let ConversationId::Room(room) = &message.conversation
            && !self.rooms.get(room).is_some_and(super::room::Room::is_ready)
        {
            return;
        }
        let (true, Some(row)) = (message.waits(), &message.row) else { return };
        let stanza = Outbound::Message {
            conversation: message.conversation.clone(),
            id: message.id.clone(),
            body: row.body.clone(),
            resent: message.sent_before,
        };
        let token = self.send(stanza);
        self.outbox.tokens.insert(token, number);
        if let Some(message) = self.outbox.messages.get_mut(&number) {
            message.in_flight = true;
            message.sent_before = true;
        }
    }

    pub(super) fn written(&mut self, token: SendToken) {
        if let Some(number) = self.outbox.tokens.get(&token).copied() {
            self.advance(number, DeliveryState::Sent);
        }
    }

    pub(super) fn acked(&mut self, token: SendToken) {
        if let Some(number) = self.outbox.tokens.remove(&token) {
            self.advance(number, DeliveryState::Acked);
            if let Some(message) = self.outbox.messages.get_mut(&number) {
                message.in_flight = false;
            }
        }
    }

    /// Lost with its stream: waits for the next one. A token of an earlier stream is not known here any more, so a
    /// late report does not make a message go out twice.
    pub(super) fn lost(&mut self, token: SendToken) {
        if let Some(what) = self.requests.remove(&token) {
            self.reject(what, "The connection broke before the server answered. Try again.", None);
        }
        if let Some(number) = self.outbox.tokens.remove(&token)
            && let Some(message) = self.outbox.messages.get_mut(&number)
        {
            message.in_flight = false;
        }
    }

    /// The conversation is closed to us: what waits for it says so, and can be sent again by hand.
    pub(super) fn fail_waiting(&mut self, conversation: &ConversationId, reason: &str) {
        let messages = self.outbox.messages.iter();
        let waiting: Vec<u64> = messages
            .filter(|(_, message)| message.waits() && message.conversation == *conversation)
            .map(|(number, _)| *number)
            .collect();
        for number in waiting {
            self.advance(number, DeliveryState::Failed { reason: reason.to_owned() });
        }
    }

    pub(super) fn request_answered(&mut self, token: SendToken, result: Result<(), String>) {
        if let (Some(what), Err(reason)) = (self.requests.remove(&token), result) {
            self.reject(what, reason, None);
        }
    }

    /// What the peer, the archive or the room says about an own message. False when it is not known here.
    pub(super) fn own_advanced(&mut self, id: &MessageId, delivery: DeliveryState) -> bool {
        let Some(number) = self.outbox.index.get(id).copied() else { return false };
        self.advance(number, delivery);
        true
    }

    /// A marker speaks for everything before it, too (XEP-0333 §4).
    pub(super) fn own_read_up_to(&mut self, id: &MessageId) {
        let Some(last) = self.outbox.index.get(id).copied() else { return };
        let Some(conversation) = self.outbox.conversation(id).cloned() else { return };
        let mut read = vec![last];
        for (number, message) in self.outbox.messages.range(..last).rev() {
            if message.conversation != conversation {
                continue;
            }
            match message.delivery {
                DeliveryState::Read => break,
                DeliveryState::Queued | DeliveryState::Failed { .. } => {}
                _ => read.push(*number),
            }
        }
        for number in read.into_iter().rev() {
            self.advance(number, DeliveryState::Read);
        }
    }

    pub(super) fn retry(&mut self, id: &MessageId) {
        let number = self.outbox.index.get(id).copied();
        let message = number.and_then(|number| self.outbox.messages.get_mut(&number));
        match message {
            Some(message)
                if matches!(message.delivery, DeliveryState::Failed { .. }) && message.row.is_some() =>
            {
                message.delivery = DeliveryState::Queued;
                message.in_flight = false;
                message.refused = true;
                self.show_delivery(number.unwrap_or_default());
                if self.is_online() {
                    self.send_message(number.unwrap_or_default());
                }
            }
            Some(_) => {
                self.reject("send again", "This message did not fail; there is nothing to send again.", None)
            }
            None => self.reject(
                "send again",
                "Open the conversation that holds the message, then try again.",
                None,
            ),
        }
    }

    fn advance(&mut self, number: u64, delivery: DeliveryState) {
        let Some(message) = self.outbox.messages.get_mut(&number) else { return };
        if !may_follow(&message.delivery, &delivery) {
            return;
        }
        if matches!(delivery, DeliveryState::Delivered | DeliveryState::Read) {
            message.row = None;
        }
        message.delivery = delivery;
        self.show_delivery(number);
    }

    fn show_delivery(&mut self, number: u64) {
        let Some(message) = self.outbox.messages.get(&number) else { return };
        let (conversation, id, delivery) =
            (message.conversation.clone(), message.id.clone(), message.delivery.clone());
        self.persist(Persist::Delivery { message: id.clone(), delivery: delivery.clone() });
        self.update(Update::Chat(ChatUpdate::DeliveryChanged { conversation, message: id, delivery }));
    }
}
