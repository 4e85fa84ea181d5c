//! XEP-0198 as bookkeeping: what was sent, what is acknowledged, what was received. Pure.

use minidom::Element;
use std::collections::VecDeque;
use std::fmt;

/// Namespace of stream management.
pub(crate) const SM: &str = "urn:xmpp:sm:3";

/// The server claims more than was sent (XEP-0198 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooHigh {
    /// What it claims.
    pub(crate) claimed: u32,
    /// What was sent.
    pub(crate) sent: u32,
}

/// Counters of one stream and what is not acknowledged. All counters wrap at 2^32 (XEP-0198 §4).
#[derive(Clone, Default)]
pub(crate) struct Management {
    /// Id for resumption, if the server grants it.
    pub(crate) id: Option<String>,
    /// Stanzas received.
    pub(crate) inbound: u32,
    /// Stanzas of ours that the server has acknowledged.
    acked: u32,
    unacked: VecDeque<(Option<u64>, Element)>,
    /// An acknowledgement has been asked for and has not come.
    requested: bool,
}

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Management")
            .field("resumable", &self.id.is_some())
            .field("inbound", &self.inbound)
            .field("acked", &self.acked)
            .field("unacked", &self.unacked.len())
            .finish()
    }
}

impl Management {
    /// A new stream; `id` when the server grants resumption.
    pub(crate) fn new(id: Option<String>) -> Self {
        Self { id, ..Self::default() }
    }

    /// A stanza is being sent. True when an acknowledgement should be asked for: one request is under way at a time.
    pub(crate) fn sent(&mut self, stanza: Element, token: Option<u64>) -> bool {
        self.unacked.push_back((token, stanza));
        !std::mem::replace(&mut self.requested, true)
    }

    /// A stanza was received.
    pub(crate) fn received(&mut self) {
        self.inbound = self.inbound.wrapping_add(1);
    }

    /// The server has handled `claimed` stanzas. Returns the tokens that are done.
    pub(crate) fn acknowledge(&mut self, claimed: u32) -> Result<Vec<u64>, TooHigh> {
        let done = claimed.wrapping_sub(self.acked) as usize;
        if done > self.unacked.len() {
            // A vector of more than 2^32 stanzas does not fit into memory.
            let outstanding = u32::try_from(self.unacked.len()).unwrap_or(u32::MAX);
            return Err(TooHigh { claimed, sent: self.acked.wrapping_add(outstanding) });
        }
        self.acked = claimed;
        Ok(self.unacked.drain(..done).filter_map(|(token, _)| token).collect())
    }

    /// The acknowledgement that was asked for has come. True when to ask again, because more was sent meanwhile.
    pub(crate) fn answered(&mut self) -> bool {
        self.requested = !self.unacked.is_empty();
        self.requested
    }

    /// On a new connection: nothing is asked for any more.
    pub(crate) fn reconnected(&mut self) {
        self.requested = !self.unacked.is_empty();
    }

    /// What is not acknowledged, oldest first.
    pub(crate) fn unacked(&self) -> impl ExactSizeIterator<Item = &(Option<u64>, Element)> {
        self.unacked.iter()
    }

    /// Gives up what is not acknowledged.
    pub(crate) fn into_unacked(self) -> Vec<(Option<u64>, Element)> {
        self.unacked.into()
    }

    /// True when there is nothing to resume and nothing to lose.
    pub(crate) fn is_idle(&self) -> bool {
        self.id.is_none() && self.unacked.is_empty()
    }

    /// Counters as if this many stanzas had gone in both directions.
    #[cfg(test)]
    pub(crate) fn at(count: u32) -> Self {
        Self { inbound: count, acked: count, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza() -> Element {
        Element::bare("message", "jabber:client")
    }

    #[test]
    fn counters_wrap_at_2_to_the_32() {
        let mut sm = Management::at(u32::MAX - 1);
        for token in 0..4 {
            sm.sent(stanza(), Some(token));
            sm.received();
        }
        assert_eq!(sm.inbound, 2);
        assert_eq!(sm.acknowledge(u32::MAX), Ok(vec![0]));
        assert_eq!(sm.acknowledge(0), Ok(vec![1]));
        assert_eq!(sm.acknowledge(0), Ok(vec![]));
        assert_eq!(sm.acknowledge(3), Err(TooHigh { claimed: 3, sent: 2 }));
        assert_eq!(sm.acknowledge(u32::MAX), Err(TooHigh { claimed: u32::MAX, sent: 2 }), "backwards");
        assert_eq!(sm.acknowledge(2), Ok(vec![2, 3]));
    }

    #[test]
    fn one_request_is_under_way_at_a_time() {
        let mut sm = Management::default();
        assert!(sm.sent(stanza(), None));
        assert!(!sm.sent(stanza(), Some(7)));
        assert_eq!(sm.acknowledge(1), Ok(vec![]));
        assert!(sm.answered(), "one is still open");
        assert_eq!(sm.acknowledge(2), Ok(vec![7]));
        assert!(!sm.answered());
        assert!(sm.sent(stanza(), None));
    }
}
