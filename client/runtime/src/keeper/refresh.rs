//! When to fetch the signed policy. Pure: moments and randomness come in.
//!
//! Every 3 h with up to 5 min of salt, at once when the service says so, 5 min doubling up to 3 h after errors. While a
//! fetch runs, whatever asks for another one is kept and joined into one that follows.

use flint_core::Timestamp;

/// Between two successful fetches, in milliseconds.
pub(crate) const INTERVAL_MS: i64 = 3 * 3_600_000;
/// Salt, in milliseconds.
pub(crate) const SALT_MS: i64 = 5 * 60_000;
/// After the first error, in milliseconds.
pub(crate) const RETRY_MS: i64 = 5 * 60_000;

/// The schedule of one account.
#[derive(Debug, Default)]
pub(crate) struct Refresh {
    due: Option<Timestamp>,
    running: bool,
    again: bool,
    failures: u32,
}

impl Refresh {
    /// When the next fetch begins; `None` while one runs or when nobody is to be asked.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        if self.running { None } else { self.due }
    }

    /// Something calls for a fetch now: the service was found, a push, the person.
    pub(crate) fn wanted(&mut self, now: Timestamp) {
        if self.running {
            self.again = true;
        } else {
            self.due = Some(now);
        }
    }

    /// Begins a fetch if it is time.
    pub(crate) fn begin(&mut self, now: Timestamp) -> bool {
        let begins = self.due().is_some_and(|due| due <= now);
        if begins {
            self.running = true;
            self.due = None;
        }
        begins
    }

    /// The fetch has ended. `random` is uniform over all `u64`.
    pub(crate) fn ended(&mut self, now: Timestamp, succeeded: bool, random: u64) {
        self.running = false;
        if succeeded {
            self.failures = 0;
            let salt = i64::try_from(random % (SALT_MS.unsigned_abs() + 1)).unwrap_or(0);
            self.due = Some(now.plus(INTERVAL_MS + salt));
        } else {
            let wait = RETRY_MS.saturating_mul(1 << self.failures.min(10)).min(INTERVAL_MS);
            self.failures = self.failures.saturating_add(1);
            self.due = Some(now.plus(wait));
        }
        if std::mem::take(&mut self.again) {
            self.due = Some(now);
        }
    }

    /// Nobody is to be asked any more.
    pub(crate) fn stop(&mut self) {
        self.due = None;
        self.again = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn nothing_is_fetched_before_there_is_somebody_to_ask() {
        let mut refresh = Refresh::default();
        assert_eq!(refresh.due(), None);
        assert!(!refresh.begin(Timestamp(i64::MAX)));
    }

    #[test]
    fn successes_are_three_hours_and_some_salt_apart() {
        let mut refresh = Refresh::default();
        refresh.wanted(Timestamp(0));
        assert!(refresh.begin(Timestamp(0)));
        refresh.ended(Timestamp(1_000), true, 0);
        assert_eq!(refresh.due(), Some(Timestamp(1_000 + 180 * MINUTE)));
        assert!(!refresh.begin(Timestamp(180 * MINUTE)));
        assert!(refresh.begin(Timestamp(1_000 + 180 * MINUTE)));
        for random in [1, 300_000, u64::MAX] {
            refresh.ended(Timestamp(0), true, random);
            let due = refresh.due().unwrap().0;
            assert!((180 * MINUTE..=185 * MINUTE).contains(&due), "{random}: {due}");
            assert!(refresh.begin(Timestamp(due)));
        }
    }

    #[test]
    fn errors_double_the_wait_and_a_success_forgets_them() {
        let mut refresh = Refresh::default();
        refresh.wanted(Timestamp(0));
        let mut now = Timestamp(0);
        for minutes in [5, 10, 20, 40, 80, 160, 180, 180] {
            assert!(refresh.begin(now));
            refresh.ended(now, false, 7);
            assert_eq!(refresh.due(), Some(now.plus(minutes * MINUTE)));
            now = now.plus(minutes * MINUTE);
        }
        assert!(refresh.begin(now));
        refresh.ended(now, true, 0);
        now = now.plus(180 * MINUTE);
        assert!(refresh.begin(now));
        refresh.ended(now, false, 0);
        assert_eq!(refresh.due(), Some(now.plus(5 * MINUTE)));
    }

    #[test]
    fn pushes_during_a_fetch_become_one_more() {
        let mut refresh = Refresh::default();
        refresh.wanted(Timestamp(0));
        assert!(refresh.begin(Timestamp(0)));
        (1..5).for_each(|now| refresh.wanted(Timestamp(now)));
        assert_eq!(refresh.due(), None);
        refresh.ended(Timestamp(9), true, 0);
        assert!(refresh.begin(Timestamp(9)));
        assert!(!refresh.begin(Timestamp(9)));
        refresh.ended(Timestamp(10), true, 0);
        assert_eq!(refresh.due(), Some(Timestamp(10 + INTERVAL_MS)));
    }

    #[test]
    fn a_push_does_not_wait_for_the_end_of_a_back_off() {
        let mut refresh = Refresh::default();
        refresh.wanted(Timestamp(0));
        assert!(refresh.begin(Timestamp(0)));
        refresh.ended(Timestamp(0), false, 0);
        refresh.wanted(Timestamp(3));
        assert!(refresh.begin(Timestamp(3)));
    }
}
