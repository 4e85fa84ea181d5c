//! The client's engine without any input or output: domain types, the state that one task owns, view models and
//! the capability gate.
//!
//! [`Engine::handle`](engine::Engine::handle) takes one [`Input`] and the present time and returns the
//! [`Effect`]s to carry out and the [`Update`]s to show. Time, identifiers and randomness come in from outside, so
//! every behaviour is tested without a clock, a socket or a display.

pub mod capability;
pub mod command;
pub mod effect;
pub mod engine;
pub mod extension;
pub mod ids;
pub mod input;
pub mod model;
pub mod report;
pub mod secret;
pub mod update;

pub use capability::{Capabilities, Capability, Verdict};
pub use command::Command;
pub use effect::Effect;
pub use engine::Engine;
pub use extension::{Extension, StanzaKind};
pub use ids::{MessageId, QueryId, SendToken, StanzaId, Timestamp};
pub use input::Input;
pub use update::Update;

pub use jid::{BareJid, FullJid, Jid};
