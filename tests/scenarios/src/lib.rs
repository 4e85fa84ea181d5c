//! The whole client (runtime, engine, session, store) against a scripted server over TLS on loopback, and the engine
//! over a real store without a network ([`desk`]).
//!
//! [`server`] plays the domain: it signs the client in, answers the requests that every sign-in makes, and does what the
//! test orders. [`client`] is the client as its window sees it. Both panic with a sentence when something does not
//! come within [`PATIENCE`]; nothing sleeps.

pub mod client;
pub mod desk;
pub mod server;

pub use desk::Desk;

use std::time::Duration;

/// Deadline for anything that a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for what must come.
///
/// # Panics
/// When it does not come in time.
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}
