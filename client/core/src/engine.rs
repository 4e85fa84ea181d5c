//! The engine: one owner of all client state.

use crate::effect::Effect;
use crate::ids::Timestamp;
use crate::input::Input;
use crate::update::Update;
use jid::BareJid;

/// What the engine is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// Own bare JID.
    pub account: BareJid,
    /// 128 random bits, from which message ids are derived (they are unique, not secret).
    pub id_seed: [u8; 16],
}

/// The answer to one input, to be carried out in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    /// Orders to the outside.
    pub effects: Vec<Effect>,
    /// What has to be shown.
    pub updates: Vec<Update>,
}

/// One owner of all client state; pure.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
}

impl Engine {
    /// A new engine; the first output asks the store for its state.
    pub fn new(config: EngineConfig, _now: Timestamp) -> (Self, Output) {
        (Self { config }, Output::default())
    }

    /// Own bare JID.
    pub fn account(&self) -> &BareJid {
        &self.config.account
    }

    /// Handles one input at the moment `now`.
    pub fn handle(&mut self, _input: Input, _now: Timestamp) -> Output {
        Output::default()
    }
}
