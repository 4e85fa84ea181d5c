//! Owns tokio and assembles engine, modules and adapters into one running client.
//!
//! The only place that names both the chat engine and the support-agent module; window and command line see their
//! types as re-exports of this crate.

mod account;
mod client;
pub mod doctor;
pub mod joint;
mod keeper;
pub mod offline;
pub mod options;
mod outlet;
mod state_dir;
mod storage;
mod timers;

pub use joint::{Command, PolicyCommand, Update};
pub use options::{AccountOptions, Connect, Options, Paths, Security, SignIn};

pub use flint_core as core;
#[cfg(feature = "fastpath")]
pub use flint_fastpath_agent as agent;
pub use flint_policy as policy;
pub use flint_stream::{InvalidProxy, Proxy, Secret};

use std::thread;

/// Updates that the channel holds before they wait in the client.
const UPDATES: usize = 1024;

/// A running client. Dropping it ends it as [`Command::Quit`] does, without waiting for that.
#[derive(Debug)]
pub struct Client {
    commands: async_channel::Sender<Command>,
    updates: async_channel::Receiver<Update>,
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
    /// A client runs for this account already.
    #[error("{0}")]
    AlreadyRunning(String),
}

impl Client {
    /// Starts the client on its own threads. Sign-in begins by itself. Returns at once; everything that follows
    /// arrives as updates.
    ///
    /// # Errors
    /// When no account is known, the state directory can't be used, or a client runs for the account already.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let account = account::resolve(&options.account)?;
        let directory = state_dir::AccountDir::open(&options.paths.state, &account)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_name("flint-blocking")
            .build()
            .map_err(|error| {
                StartError::Files(format!("No more threads or files can be opened: {error}."))
            })?;
        let (commands, command_receiver) = async_channel::unbounded();
        let (update_sender, updates) = async_channel::bounded(UPDATES);
        let breakdown = update_sender.clone();
        thread::Builder::new()
            .name("flint-client".to_owned())
            .spawn(move || {
                let running = client::run(options, account, directory, command_receiver, update_sender);
                let ended =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(running)));
                if ended.is_err() {
                    // Nothing is left that could wait for a full channel.
                    let sentence = "Flint stopped because of an internal error. Restart it.".to_owned();
                    let _ = breakdown.force_send(Update::Fatal(sentence));
                    let _ = breakdown.force_send(Update::Ended);
                }
                breakdown.close();
                // A look-up that hangs in a system library must not keep the thread.
                runtime.shutdown_background();
            })
            .map_err(|error| StartError::Files(format!("No thread could be started: {error}.")))?;
        Ok(Self { commands, updates })
    }

    /// A client without an engine behind it, for fixtures and tests of a window: whoever holds the other ends plays
    /// the engine.
    pub fn from_parts(
        commands: async_channel::Sender<Command>,
        updates: async_channel::Receiver<Update>,
    ) -> Self {
        Self { commands, updates }
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

impl Drop for Client {
    fn drop(&mut self) {
        self.commands.close();
    }
}
