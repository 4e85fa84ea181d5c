//! The way out to the window or script: a bounded channel, and what happens to a reader who falls behind.
//!
//! Updates that do not fit wait here. When too many wait, all of them are thrown away, and as soon as the reader takes
//! something again it gets the whole present state: one reset in place of a backlog that would only grow.

use crate::Update;
use async_channel::Sender;
use std::collections::VecDeque;

/// What no snapshot can bring back, and must be told even to a reader that fell behind: breakdowns, and what happens on
/// the support desk. The desk's queues are state and come with the snapshot.
fn is_kept(update: &Update) -> bool {
    match update {
        Update::Fatal(_) => true,
        #[cfg(feature = "fastpath")]
        Update::Agent(update) => !matches!(
            update,
            flint_fastpath_agent::AgentUpdate::Workgroups { .. }
                | flint_fastpath_agent::AgentUpdate::WorkgroupChanged { .. }
        ),
        _ => false,
    }
}

/// Updates that may wait beside those in the channel.
const MAX_WAITING: usize = 4_096;

/// The updates' sender.
#[derive(Debug)]
pub(crate) struct Outlet {
    sender: Sender<Update>,
    waiting: VecDeque<Update>,
    behind: bool,
}

/// What flushing has led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Go on.
    Fine,
    /// The reader fell behind and has room again: call [`Outlet::reset`] with the present state.
    NeedsReset,
    /// Nobody reads any more.
    Gone,
}

impl Outlet {
    pub(crate) fn new(sender: Sender<Update>) -> Self {
        Self { sender, waiting: VecDeque::new(), behind: false }
    }

    /// Hands out an update, now or when there is room. Never blocks.
    pub(crate) fn push(&mut self, update: Update) {
        if self.behind {
            if is_kept(&update) && self.waiting.len() < MAX_WAITING {
                self.waiting.push_back(update);
            }
            return;
        }
        if self.waiting.is_empty() {
            match self.sender.try_send(update) {
                Ok(()) | Err(async_channel::TrySendError::Closed(_)) => return,
                Err(async_channel::TrySendError::Full(update)) => self.waiting.push_back(update),
            }
        } else {
            self.waiting.push_back(update);
        }
        if self.waiting.len() > MAX_WAITING {
            tracing::warn!("the reader of the updates fell behind; it gets the present state instead");
            self.waiting.retain(is_kept);
            self.behind = true;
        }
    }

    /// True when [`Outlet::flush`] has something to do.
    pub(crate) fn has_waiting(&self) -> bool {
        self.behind || !self.waiting.is_empty()
    }

    /// Waits until one update fits, and hands it out. Cancel-safe.
    pub(crate) async fn flush(&mut self) -> Flushed {
        if let Some(update) = self.waiting.front() {
            if self.sender.send(update.clone()).await.is_err() {
                return Flushed::Gone;
            }
            self.waiting.pop_front();
            return if self.behind && self.waiting.is_empty() { Flushed::NeedsReset } else { Flushed::Fine };
        }
        // The channel can't be asked for room without putting something in; a full reset may be told twice.
        if self.behind { Flushed::NeedsReset } else { Flushed::Fine }
    }

    /// The present state, in place of what was thrown away.
    pub(crate) fn reset(&mut self, state: Vec<Update>) {
        self.behind = false;
        self.waiting.extend(state);
    }

    /// Hands out the rest and the end, waiting for a reader who still reads.
    pub(crate) async fn finish(mut self) {
        while !self.waiting.is_empty() {
            if self.flush().await == Flushed::Gone {
                return;
            }
        }
        // A reader that is gone does not need the end.
        let _ = self.sender.send(Update::Ended).await;
        self.sender.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_core::update::HistoryUpdate;

    fn update(number: u32) -> Update {
        Update::Core(flint_core::Update::History(HistoryUpdate::CatchUp {
            messages: number,
            complete: false,
        }))
    }

    #[tokio::test]
    async fn updates_come_in_order_through_a_full_channel() {
        let (sender, receiver) = async_channel::bounded(2);
        let mut outlet = Outlet::new(sender);
        (0..6).for_each(|number| outlet.push(update(number)));
        for number in 0..6 {
            assert_eq!(receiver.recv().await, Ok(update(number)));
            if outlet.has_waiting() {
                assert_eq!(outlet.flush().await, Flushed::Fine);
            }
        }
        assert!(!outlet.has_waiting());
    }

    #[tokio::test]
    async fn a_reader_that_fell_behind_gets_the_state_and_then_only_what_is_newer() {
        let (sender, receiver) = async_channel::bounded(2);
        let mut outlet = Outlet::new(sender);
        let many = u32::try_from(MAX_WAITING).unwrap() + 10;
        (0..many).for_each(|number| outlet.push(update(number)));
        outlet.push(Update::Fatal("told all the same".to_owned()));
        assert_eq!(receiver.recv().await, Ok(update(0)));
        assert_eq!(outlet.flush().await, Flushed::NeedsReset);
        outlet.reset(vec![update(9_000), update(9_001)]);
        outlet.push(update(9_002));
        let reader = tokio::spawn(async move {
            let mut got = Vec::new();
            while let Ok(update) = receiver.recv().await {
                got.push(update);
            }
            got
        });
        outlet.finish().await;
        let fatal = Update::Fatal("told all the same".to_owned());
        let expected = vec![update(1), fatal, update(9_000), update(9_001), update(9_002), Update::Ended];
        assert_eq!(reader.await.unwrap(), expected);
    }
}
