//! The client's support-agent module: workgroups, offers, chats with customers, queue views.
//!
//! Pure like the engine beside which it runs: [`Agent::handle`](agent::Agent::handle) takes one [`AgentInput`] and the
//! present time and returns orders and updates. The runtime carries them between this module, the engine and the
//! session; neither names the other.

pub mod agent;
pub mod command;
pub mod update;
pub mod wire;

pub use agent::Agent;
pub use command::AgentCommand;
pub use update::AgentUpdate;
pub use wire::{AgentEffect, AgentInput, Extension, StanzaKind};
