//! The joining enums: everything a window or script can ask, everything it can be told.

use serde::{Deserialize, Serialize};

/// Everything that can be asked of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "to", content = "ask")]
pub enum Command {
    /// The chat engine.
    Core(flint_core::Command),
    /// The support desk.
    #[cfg(feature = "fastpath")]
    Agent(flint_fastpath_agent::AgentCommand),
    /// Policy.
    Policy(PolicyCommand),
    /// Check every step of the sign-in; [`Update::Doctor`] tells each as it ends. Asked again, it starts anew.
    Doctor,
    /// Sign in with this password instead of a ticket, kept in memory only.
    SignInWithPassword {
        /// The password.
        password: flint_core::secret::Private,
    },
    /// Do as [`Command::Quit`] does once everything asked before is done and the server has every message, or at the
    /// latest after this time. [`Update::Unsent`] tells what could not be sent.
    Finish {
        /// Seconds to wait at most.
        seconds: u16,
    },
    /// Leave every room, close the stream, write everything down, end.
    Quit,
}

/// Commands about policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum PolicyCommand {
    /// Fetch the server's policy now.
    Refresh,
}

/// Everything that a client tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "from", content = "tell")]
pub enum Update {
    /// The chat engine.
    Core(flint_core::Update),
    /// The support desk.
    #[cfg(feature = "fastpath")]
    Agent(flint_fastpath_agent::AgentUpdate),
    /// The checks of [`Command::Doctor`] that are over by now; the last one is `finished`.
    Doctor(crate::doctor::Report),
    /// A feature broke down; the rest goes on. One sentence.
    Fatal(String),
    /// The client is about to end, and this many own messages are not at the server. They are kept and sent at the next
    /// start.
    Unsent(usize),
    /// The client has ended.
    Ended,
}

impl From<flint_core::Command> for Command {
    fn from(command: flint_core::Command) -> Self {
        Self::Core(command)
    }
}

#[cfg(feature = "fastpath")]
impl From<flint_fastpath_agent::AgentCommand> for Command {
    fn from(command: flint_fastpath_agent::AgentCommand) -> Self {
        Self::Agent(command)
    }
}
