//! The agent's state machine.

use crate::wire::{AgentInput, AgentOutput};
use flint_core::ids::Timestamp;
use jid::BareJid;

/// One owner of the desk's state; pure.
#[derive(Debug)]
pub struct Agent {
    account: BareJid,
}

impl Agent {
    /// A new module for this account; `id_seed` makes stanza ids unique.
    pub fn new(account: BareJid, _id_seed: [u8; 16]) -> Self {
        Self { account }
    }

    /// Own bare JID.
    pub fn account(&self) -> &BareJid {
        &self.account
    }

    /// Handles one input at the moment `now`.
    pub fn handle(&mut self, _input: AgentInput, now: Timestamp) -> AgentOutput {
        AgentOutput { at: now, ..AgentOutput::default() }
    }
}
