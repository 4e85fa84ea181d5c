//! One XML stream, for the client and for a component of the server (XEP-0114).
//!
//! ```text
//! socket → TLS → Guard (limits) → parser → negotiation: SASL, binding, XEP-0198 → Session
//!                                        └→ handshake → Component
//! ```
//!
//! The stream is our own because the limits must hold *before* anything is built from what the server sends, because a
//! failed sign-in must end and not be retried, and because every step must be cancellable: dropping a future is always
//! enough. One task owns a [`Session`] or [`Component`]; nothing is shared.

pub mod component;
pub mod error;
pub mod params;
pub mod session;

mod alive;
mod dial;
mod frames;
mod guard;
mod management;
mod net;
mod progress;
mod proxy;
mod sasl;
mod srv;
mod steps;
mod tls;
mod wire;
mod write;

#[cfg(test)]
mod testing;

pub use component::{Component, connect_component};
pub use error::{CertificateProblem, ConnectError, DnsProblem, ProxyProblem, StreamEnd, Unreached};
pub use params::{
    ComponentParams, ConnectParams, Credentials, Limits, Location, RootsError, Secret, Security, Timing,
    root_store,
};
pub use progress::{Progress, Stage, examine};
pub use proxy::{InvalidProxy, Proxy, ProxyKind};
pub use session::{ConnectFailed, Event, ResumeState, Session, connect};
