//! Checked senders, and payloads that client and server half both speak.
//!
//! Pure: no I/O, no clock. Whoever handles an inbound stanza takes one of the sender types of [`sender`], which only a
//! check can make, never a bare address.

pub mod policy;
pub mod sender;

pub use sender::{FromAccount, FromAgent, FromContact, FromCustomer, FromOccupant, FromRoom, FromServer};
