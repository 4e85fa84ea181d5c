//! The client without a display: for scripts, for tests, and for whoever likes a terminal.
//!
//! It runs the very engine that the window runs. Commands and updates are those of flint-runtime, as JSON lines.

mod arguments;
mod doctor;
mod password;
mod play;
mod send;
mod show;
mod text;

use arguments::{Action, Arguments, HistoryAction, PolicyAction};
use clap::Parser;
use flint_runtime::{Client, Options, StartError, offline};
use std::io::Write;
use std::process::ExitCode;

/// How a run ended; each has its exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Code 1: the request could not be carried out.
    #[error("{0}")]
    Failed(String),
    /// Code 3: the sign-in was refused.
    #[error("{reason} {next_step} ({kind})")]
    Refused {
        /// Machine-readable.
        kind: String,
        /// What happened.
        reason: String,
        /// What to do.
        next_step: String,
    },
    /// Code 4: no answer in time.
    #[error("{0}")]
    TimedOut(String),
    /// Code 5: a client runs for this account already.
    #[error("{0}")]
    Busy(String),
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Refused { .. } => 3,
            Self::TimedOut(_) => 4,
            Self::Busy(_) => 5,
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::AlreadyRunning(sentence) => Self::Busy(sentence),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let error = match run(arguments) {
        Ok(code) => return code,
        Err(error) => error,
    };
    let code = error.downcast_ref::<Failure>().map_or(1, Failure::code);
    // Nobody to tell when even this fails.
    let _ = writeln!(std::io::stderr(), "flint-cli: {error:#}");
    ExitCode::from(code)
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let action = arguments.action.clone();
    let options = arguments.options()?;
    match action {
        Action::Policy { action: PolicyAction::Show { json } } => {
            let (account, report) = offline::policy(&options).map_err(Failure::from)?;
            print(&if json { show::json(&report)? } else { show::policy(&account, &report) })?;
        }
        Action::History { action: HistoryAction::Search { text, limit, json } } => {
            let hits = offline::search(&options, &text, limit).map_err(Failure::from)?;
            if json || !hits.is_empty() {
                print(&if json { show::json(&hits)? } else { show::hits(&hits) })?;
            }
            if hits.is_empty() {
                return Err(Failure::Failed("Nothing was found.".to_owned()).into());
            }
        }
        Action::Doctor { json } => return doctor::run(options, json),
        Action::Run { json } => with_client(options, move |client| play::run(client, json))?,
        Action::Watch { json } => with_client(options, move |client| play::watch(client, json))?,
        Action::Send { to, text, room, timeout } => {
            with_client(options, move |client| send::send(client, to, text, room, timeout))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts a client and plays with it until that ends.
fn with_client<F: Future<Output = Result<(), Failure>>>(
    options: Options,
    play: impl FnOnce(Client) -> F,
) -> anyhow::Result<()> {
    let client = Client::start(options).map_err(Failure::from)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("No more threads or files can be opened: {error}.")))?;
    let played = runtime.block_on(play(client));
    // Reading standard input can't be cancelled.
    runtime.shutdown_background();
    Ok(played?)
}

/// Writes to standard output. A reader that has gone (`| head`) is no error: false.
pub(crate) fn print(text: &str) -> Result<bool, Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Failed(format!("Standard output can't be written: {error}."))),
    }
}
