//! `run` and `watch`: updates out, commands in.

use crate::{Failure, print, show, text};
use flint_runtime::core::model::ConnectionState;
use flint_runtime::core::update::AccountUpdate;
use flint_runtime::{Client, Command, Update, core};
use std::io::{BufRead, Write};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Longest line of a command, in bytes.
const MAX_LINE: usize = 1 << 20;

/// Takes commands until the end of standard input.
pub(crate) async fn run(client: Client, json: bool) -> Result<(), Failure> {
    let (sender, lines) = mpsc::channel(64);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            // The client may have ended.
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    play(client, json, Some(lines)).await
}

/// Shows what arrives.
pub(crate) async fn watch(client: Client, json: bool) -> Result<(), Failure> {
    play(client, json, None).await
}

async fn play(client: Client, json: bool, mut lines: Option<mpsc::Receiver<String>>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("Signals can't be handled: {error}."));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let updates = client.updates();
    let mut number = 0_u64;
    let takes_commands = lines.is_some();
    let mut asked_to_end = false;
    let mut failure = Failure::Failed("The client has ended.".to_owned());
    loop {
        tokio::select! {
            update = updates.recv() => {
                let update = update.unwrap_or(Update::Ended);
                tell(json, &update)?;
                match update {
                    Update::Ended if asked_to_end => return Ok(()),
                    Update::Ended => return Err(failure),
                    Update::Fatal(sentence) => failure = Failure::Failed(sentence),
                    Update::Core(core::Update::Account(AccountUpdate::Connection(
                        ConnectionState::Refused { kind, reason, next_step },
                    ))) if !takes_commands && !asked_to_end => {
                        // Nobody here could sign in in another way.
                        failure = Failure::Refused { kind, reason, next_step };
                        client.send(Command::Quit);
                    }
                    _ => {}
                }
            },
            line = next(&mut lines) => match line {
                Some(line) => {
                    number += 1;
                    asked_to_end |= command(&client, &line, number);
                }
                None => {
                    lines = None;
                    asked_to_end = true;
                    client.send(Command::Quit);
                }
            },
            _ = interrupt.recv() => { asked_to_end = true; client.send(Command::Quit); }
            _ = terminate.recv() => { asked_to_end = true; client.send(Command::Quit); }
        }
    }
}

/// The next line; waits for ever when none is expected any more.
async fn next(lines: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

fn tell(json: bool, update: &Update) -> Result<(), Failure> {
    let line = if json { show::line(update).map(Some) } else { Ok(text::update(update)) };
    let printed = line.and_then(|line| line.map_or(Ok(()), |line| print(&line)));
    printed.map_err(|error| Failure::Failed(format!("{error:#}")))
}

/// Carries out a line; true when it asks for the end. One that can't be understood is named on standard error and the
/// others are carried out.
fn command(client: &Client, line: &str, number: u64) -> bool {
    if line.trim().is_empty() {
        return false;
    }
    let problem = if line.len() > MAX_LINE {
        "it is longer than 1 MiB".to_owned()
    } else {
        match serde_json::from_str::<Command>(line) {
            Ok(command) => {
                let asks_to_end = command == Command::Quit;
                client.send(command);
                return asks_to_end;
            }
            Err(error) => without_values(&error.to_string()),
        }
    };
    // Nobody to tell when even this fails.
    let _ = writeln!(std::io::stderr(), "flint-cli: line {number} is no command: {problem}");
    false
}

/// What serde says about a line, without the values in it: they may be what somebody wrote.
fn without_values(problem: &str) -> String {
    match problem.rfind(", expected ") {
        Some(at) if problem.starts_with("invalid ") => problem[at + 2..].to_owned(),
        _ => problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_what_is_expected_and_not_what_was_written() {
        let problem =
            |line: &str| without_values(&serde_json::from_str::<Command>(line).unwrap_err().to_string());
        for line in [
            r#""secret""#,
            r#"{"to":"core","ask":"secret, expected a joke"}"#,
            r#"{"to":"core","ask":{"area":"chat","command":{"do":"open","conversation":"secret"}}}"#,
        ] {
            let problem = problem(line);
            assert!(problem.starts_with("expected ") && problem.contains(" at line 1 "), "{problem}");
            assert!(!problem.contains("secret"), "{problem}");
        }
        assert!(problem(r#"{"to":"nowhere"}"#).contains("unknown variant `nowhere`"));
    }
}
