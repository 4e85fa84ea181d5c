//! The command line of flintd.

use clap::{Parser, Subcommand};
use flintd::admin::{self, AdminCommand};
use flintd::config::EXAMPLE;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Manages Flint's clients: policies, console, workgroups.
#[derive(Debug, Parser)]
#[command(name = "flintd", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until SIGTERM; SIGHUP reads the configuration again.
    ///
    /// When everything listens, one line of JSON goes to standard output; the log goes to standard error, a JSON object
    /// per line (RUST_LOG chooses what). Besides the console and the policies, the HTTPS address serves /healthz (200
    /// while the database answers) and /metrics (Prometheus text); neither needs a sign-in nor names a person.
    #[command(after_long_help = format!("A configuration file:\n\n{EXAMPLE}"))]
    Run {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Change things, whether the server runs or not.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run { config } => {
            flintd::log::start();
            runtime().and_then(|runtime| runtime.block_on(flintd::run(&config)).map_err(Into::into))
        }
        Command::Admin { command } => {
            runtime().and_then(|runtime| runtime.block_on(admin::run(command)).map_err(Into::into))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// The one sentence for the person who started it.
fn complain(error: &anyhow::Error) {
    // Nobody is left to tell when even that fails; the exit code says it.
    let _ = writeln!(std::io::stderr(), "flintd: {error}");
}
