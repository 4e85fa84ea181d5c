//! How often an address may do what has to be limited: try a password, be refused with a line in the audit.

use crate::store::Millis;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Attempts of one address in one window.
const ATTEMPTS: u32 = 5;
/// The window.
const WINDOW_MS: Millis = 5 * 60 * 1000;
/// Addresses remembered; when there are more, everybody waits for the next window.
const MAX_ADDRESSES: usize = 10_000;

/// Counts attempts by address.
#[derive(Debug, Default)]
pub struct Limit {
    attempts: Mutex<HashMap<IpAddr, (Millis, u32)>>,
}

impl Limit {
    /// True when this address may try once more now; counts it.
    pub fn allows(&self, address: IpAddr, now: Millis) -> bool {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.retain(|_, (begun, _)| now.saturating_sub(*begun) < WINDOW_MS);
        let address = network(address);
        if attempts.len() >= MAX_ADDRESSES && !attempts.contains_key(&address) {
            return false;
        }
        let (_, count) = attempts.entry(address).or_insert((now, 0));
        *count += 1;
        *count <= ATTEMPTS
    }
}

/// Somebody with IPv6 has a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_attempt_waits_for_the_next_window() {
        let limit = Limit::default();
        let (one, other): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        for _ in 0..ATTEMPTS {
            assert!(limit.allows(one, 1_000));
        }
        let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
        assert!(!limit.allows(neighbour, 1_000 + WINDOW_MS - 1));
        assert!(limit.allows(other, 1_000));
        assert!(limit.allows(one, 1_000 + WINDOW_MS));
    }
}
