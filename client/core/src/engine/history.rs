//! Search in stored history.

use super::Engine;
use crate::command::HistoryCommand;
use crate::effect::{Effect, StoreQuery};
use crate::ids::QueryId;
use crate::model::SearchHit;
use crate::update::{HistoryUpdate, Update};

/// Most hits of one search.
const MAX_HITS: u32 = 200;
/// Longest search text, in bytes.
const MAX_TEXT: usize = 4096;

impl Engine {
    pub(super) fn history_command(&mut self, command: HistoryCommand) {
        let HistoryCommand::Search { query, text, conversation, limit } = command;
        let text = super::cap(text.0, MAX_TEXT).into();
        let limit = limit.clamp(1, MAX_HITS);
        self.searches.insert(query);
        self.effect(Effect::Query(StoreQuery::Search { query, text, conversation, limit }));
    }

    pub(super) fn hits(&mut self, query: QueryId, hits: Vec<SearchHit>) {
        self.searches.remove(&query);
        self.update(Update::History(HistoryUpdate::Results { query, hits }));
    }

    /// The store failed and does not say at what: whoever waits for hits gets none.
    pub(super) fn settle_searches(&mut self) {
        for query in std::mem::take(&mut self.searches) {
            self.hits(query, Vec::new());
        }
    }
}
