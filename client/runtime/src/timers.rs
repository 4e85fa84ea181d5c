//! Timers by name: setting one again replaces it.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;
use tokio::time::Instant;

/// Running timers.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    due: HashMap<K, Instant>,
}

impl<K: Eq + Hash + Clone> Timers<K> {
    pub(crate) fn new() -> Self {
        Self { due: HashMap::new() }
    }

    /// Starts or restarts a timer.
    pub(crate) fn set(&mut self, id: K, after_ms: u64) {
        // A century is for ever, and keeps the addition below the clock's end.
        let after = Duration::from_millis(after_ms.min(100 * 365 * 86_400_000));
        self.due.insert(id, Instant::now() + after);
    }

    /// Stops a timer.
    pub(crate) fn cancel(&mut self, id: &K) {
        self.due.remove(id);
    }

    /// When the next one runs out.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.values().min().copied()
    }

    /// Those that have run out, the earliest first.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<K> {
        let mut due: Vec<(Instant, K)> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(id, at)| (*at, id.clone())).collect();
        due.sort_by_key(|(at, _)| *at);
        for (_, id) in &due {
            self.due.remove(id);
        }
        due.into_iter().map(|(_, id)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn timers_run_out_in_order_and_a_new_setting_replaces() {
        let mut timers = Timers::new();
        timers.set("late", 300);
        timers.set("early", 100);
        timers.set("moved", 50);
        timers.set("moved", 200);
        timers.set("stopped", 10);
        timers.cancel(&"stopped");
        assert_eq!(timers.next(), Some(Instant::now() + Duration::from_millis(100)));
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(timers.take_due(Instant::now()), ["early", "moved"]);
        tokio::time::advance(Duration::from_millis(50)).await;
        assert_eq!(timers.take_due(Instant::now()), ["late"]);
        assert_eq!(timers.next(), None);
        timers.set("for ever", u64::MAX);
        assert!(timers.next().is_some());
    }
}
