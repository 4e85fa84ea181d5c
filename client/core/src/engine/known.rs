//! What is already there: by which ids a message that arrives a second time is recognised (live, carbon, archive,
//! room history, reflection).

use crate::ids::{MessageId, StanzaId};
use std::collections::{HashMap, VecDeque};

/// Messages remembered of one conversation; older ones are known by the store's unique stanza-id.
const REMEMBERED: usize = 1000;

/// Recently seen messages of one conversation.
#[derive(Debug, Default)]
pub(super) struct Known {
    by_stanza_id: HashMap<StanzaId, MessageId>,
    /// By sender and wire id. A wire id is the sender's word: it counts only together with who sent it.
    by_wire_id: HashMap<(Option<String>, String), MessageId>,
    stanza_id_of: HashMap<MessageId, StanzaId>,
    order: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: MessageId,
    wire: Option<(Option<String>, String)>,
}

/// What is known about an arrival.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Never seen.
    New,
    /// Seen, nothing to add.
    Again,
    /// Seen, but now with the archive's id.
    Settles(MessageId),
}

impl Known {
    pub(super) fn look_up(
        &self,
        stanza_id: Option<&StanzaId>,
        sender: Option<&str>,
        wire_ids: &[String],
    ) -> Seen {
        if stanza_id.is_some_and(|id| self.by_stanza_id.contains_key(id)) {
            return Seen::Again;
        }
        for wire_id in wire_ids {
            let Some(id) = self.by_wire_id.get(&(sender.map(str::to_owned), wire_id.clone())) else {
                continue;
            };
            match (stanza_id, self.stanza_id_of.get(id)) {
                // Two places in the archive: the sender used an id twice, these are two messages.
                (Some(_), Some(_)) => {}
                (Some(_), None) => return Seen::Settles(id.clone()),
                (None, _) => return Seen::Again,
            }
        }
        Seen::New
    }

    pub(super) fn remember(
        &mut self,
        id: MessageId,
        stanza_id: Option<StanzaId>,
        sender: Option<String>,
        wire_id: Option<String>,
    ) {
        let wire = wire_id.map(|wire_id| (sender, wire_id));
        if let Some(wire) = &wire {
            self.by_wire_id.insert(wire.clone(), id.clone());
        }
        if let Some(stanza_id) = stanza_id {
            self.settle(id.clone(), stanza_id);
        }
        self.order.push_back(Entry { id, wire });
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some(stanza_id) = self.stanza_id_of.remove(&oldest.id) {
                self.by_stanza_id.remove(&stanza_id);
            }
            if let Some(wire) = oldest.wire
                && self.by_wire_id.get(&wire) == Some(&oldest.id)
            {
                self.by_wire_id.remove(&wire);
            }
        }
    }

    pub(super) fn settle(&mut self, id: MessageId, stanza_id: StanzaId) {
        self.by_stanza_id.insert(stanza_id.clone(), id.clone());
        self.stanza_id_of.insert(id, stanza_id);
    }
}
