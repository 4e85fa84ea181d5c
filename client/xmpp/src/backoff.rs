//! How long to wait before the next attempt to connect: doubling from 1 s to 60 s, with jitter so that a thousand
//! clients do not come back in the same second after a server's restart.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// An open stream of this length wipes out the failures before it. Shorter ones do not: a server that ends every
/// stream right after the sign-in must not be asked in a tight loop.
pub(crate) const PROVEN: Duration = Duration::from_secs(30);

/// Counts failed attempts in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The connection held for a while: begin anew.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait now. `random` is uniform over all `u64`. Between half of the step and all of it ("equal jitter").
    pub(crate) fn next(&mut self, random: u64) -> Duration {
        let step = FIRST.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let half = step / 2;
        let spread = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
        half + Duration::from_millis(random % (spread + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_keep_within_their_step() {
        let mut low = Backoff::default();
        let mut high = Backoff::default();
        for step in [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
            assert_eq!(low.next(0), Duration::from_millis(step / 2));
            assert_eq!(high.next(step / 2), Duration::from_millis(step));
        }
        for _ in 0..100 {
            assert!(high.next(u64::MAX) <= LONGEST);
        }
        high.reset();
        assert!(high.next(u64::MAX) <= FIRST);
    }
}
