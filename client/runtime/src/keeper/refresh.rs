//! When to fetch the signed policy. Pure: moments and randomness come in.
//!
//! Every 3 h with up to 5 min of salt, at once when the service says so, 5 min doubling up to 3 h after errors. While a
//! fetch runs, whatever asks for another one is kept and joined into one that follows. A clock that is set back does not
//! put the next fetch off by more than one interval.

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

    /// The clock says this. No fetch is ever planned later than an interval and its salt from now, so one that is was
    /// planned by another clock.
    pub(crate) fn clock(&mut self, now: Timestamp) {
        let latest = now.plus(INTERVAL_MS + SALT_MS);
        self.due = self.due.map(|due| due.min(latest));
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
mod tests;
