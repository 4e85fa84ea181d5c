//! Kerberos for both halves of Flint, and the only crate that names the GSSAPI library.
//!
//! [`Initiator`] and [`SaslGssapi`] are the client's side, [`Acceptor`] is the server's, and [`Failure`] tells the
//! reasons apart for which a sign-in by ticket fails, each with a next step that a person can take.
//!
//! Every call may block on a file or on the KDC: asynchronous callers use `spawn_blocking`.

mod acceptor;
mod failure;
mod initiator;
mod keytab;
mod principal;
mod sasl;

pub use acceptor::{Accepted, Acceptor};
pub use failure::{Failure, FailureKind};
pub use initiator::{Initiator, Mechanism, Ticket, default_principal, default_ticket};
pub use principal::{InvalidPrincipal, Principal};
pub use sasl::SaslGssapi;

/// Largest token that is handed to the library, in octets. Real ones are below 2 KiB; with the group list of a large
/// Active Directory (PAC) they reach 48 KiB.
pub const MAX_TOKEN: usize = 64 * 1024;
