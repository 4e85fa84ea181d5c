//! The client's session on flint-stream: one task that keeps an account signed in, tracks requests, and translates
//! between stanzas and the engine's words.
//!
//! [`run`] owns the stream. It is told [`SessionCommand`]s and tells [`SessionOutput`]s; nothing else is shared.

mod backoff;
mod output;
mod session;
mod translate;
mod xml;

pub use output::{Dropped, PolicySignal, SessionCommand, SessionOutput};
pub use session::{Environment, run};

/// How this software calls itself to others.
pub const CLIENT_NAME: &str = "Flint";
