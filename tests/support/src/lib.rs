//! The other side for tests: a scripted XMPP peer over any connection, throwaway certificates, a SCRAM server, a DNS
//! server.
//!
//! The peer is not built on `flint-stream`: it must not repeat its mistakes. Everything here panics with a sentence
//! when the script does not come true.

pub mod certificates;
mod dns;
pub mod peer;
pub mod signin;

pub use certificates::Authority;
pub use dns::dns;
pub use peer::Peer;
pub use signin::{Account, ScramServer};
