//! `run` and `watch`: updates out, commands in.

use crate::{Failure, print, show, text};
use flint_runtime::core::model::ConnectionState;
use flint_runtime::core::update::AccountUpdate;
use flint_runtime::{Client, Command, Update, core};
use std::io::{BufRead, Read, Write};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Longest line of a command with its end, in bytes.
const MAX_LINE: usize = 1 << 20;

/// How long the end waits for what was asked.
const FINISH_SECONDS: u16 = 15;

/// A line of standard input, or what is wrong with it.
type Line = Result<String, &'static str>;

/// Takes commands until the end of standard input, and carries them out.
pub(crate) async fn run(client: Client, json: bool) -> Result<(), Failure> {
    let (sender, lines) = mpsc::channel(64);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let line = match read_line(&mut input) {
                Ok(Some(line)) => line,
                Ok(None) => return,
                Err(error) => return say(&format!("Standard input can't be read: {error}.")),
            };
            // The client may have ended.
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

/// The next line without its end; `None` at the end of the input.
fn read_line(input: &mut impl BufRead) -> std::io::Result<Option<Line>> {
    let mut line = Vec::new();
    let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
    if Read::take(&mut *input, limit).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() == MAX_LINE && !line.ends_with(b"\n") {
        input.skip_until(b'\n')?;
        return Ok(Some(Err("it is longer than 1 MiB")));
    }
    Ok(Some(String::from_utf8(line).map_err(|_| "it is not UTF-8")))
}

async fn play(client: Client, json: bool, mut lines: Option<mpsc::Receiver<Line>>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("Signals can't be handled: {error}."));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let updates = client.updates();
    let mut number = 0_u64;
    let mut course = Course { takes_commands: lines.is_some(), ..Course::default() };
    let mut screen = Some(Screen { json, policy: None });
    loop {
        tokio::select! {
            update = updates.recv() => {
                let update = update.unwrap_or(Update::Ended);
                if let Some(shown) = &mut screen {
                    let told = shown.tell(&update);
                    if !matches!(told, Ok(true)) {
                        // Nobody reads any more.
                        screen = None;
                        course.failure = told.err();
                        course.asked_to_end = true;
                        client.send(Command::Quit);
                    }
                }
                if update == Update::Ended {
                    return course.end();
                }
                if course.take(update) {
                    client.send(Command::Quit);
                }
            },
            line = next(&mut lines) => match line {
                Some(line) => {
                    number += 1;
                    course.asked_to_end |= command(&client, line, number);
                }
                None => {
                    lines = None;
                    course.input_ended = true;
                    client.send(Command::Finish { seconds: FINISH_SECONDS });
                }
            },
            _ = interrupt.recv() => { course.asked_to_end = true; client.send(Command::Quit); }
            _ = terminate.recv() => { course.asked_to_end = true; client.send(Command::Quit); }
        }
    }
}

/// What decides how the program ends.
#[derive(Debug, Default)]
struct Course {
    takes_commands: bool,
    asked_to_end: bool,
    input_ended: bool,
    /// Why there is no connection now.
    cause: Option<Failure>,
    failure: Option<Failure>,
}

impl Course {
    /// True when the client must end.
    fn take(&mut self, update: Update) -> bool {
        match update {
            Update::Fatal(sentence) => self.failure = Some(Failure::Failed(sentence)),
            // Whoever ends it otherwise does not ask for everything to be sent.
            Update::Unsent(messages) if self.input_ended && !self.asked_to_end => {
                let sentence = text::unsent(messages);
                let failure = match self.cause.take() {
                    Some(Failure::Refused { kind, reason, next_step }) => {
                        Failure::Refused { kind, reason: format!("{sentence} {reason}"), next_step }
                    }
                    Some(cause) => Failure::TimedOut(format!("{sentence} {cause}")),
                    None => Failure::TimedOut(sentence),
                };
                self.failure.get_or_insert(failure);
            }
            Update::Core(core::Update::Account(AccountUpdate::Connection(state))) => match state {
                ConnectionState::Refused { kind, reason, next_step } => {
                    let refused = Failure::Refused { kind, reason, next_step };
                    if self.takes_commands || self.asked_to_end {
                        self.cause = Some(refused);
                    } else {
                        // Nobody here could sign in in another way.
                        self.failure = Some(refused);
                        return true;
                    }
                }
                ConnectionState::Waiting { reason, .. } => self.cause = Some(Failure::Failed(reason)),
                ConnectionState::Online { .. } => self.cause = None,
                // The state of the goodbye, and of the next attempt: the cause is still that of the last one.
                ConnectionState::Offline | ConnectionState::Connecting => {}
            },
            _ => {}
        }
        false
    }

    fn end(self) -> Result<(), Failure> {
        match self.failure {
            Some(failure) => Err(failure),
            None if self.asked_to_end || self.input_ended => Ok(()),
            None => Err(Failure::Failed("The client has ended.".to_owned())),
        }
    }
}

/// The next line; waits for ever when none is expected any more.
async fn next(lines: &mut Option<mpsc::Receiver<Line>>) -> Option<Line> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

/// Standard output.
struct Screen {
    json: bool,
    /// What was said of the policy last: news of it come more often than changes.
    policy: Option<String>,
}

impl Screen {
    /// False when nobody reads any more.
    fn tell(&mut self, update: &Update) -> Result<bool, Failure> {
        let line = if self.json {
            let line = show::line(update).map_err(|error| Failure::Failed(format!("{error:#}")))?;
            Some(line)
        } else {
            self.text(update)
        };
        line.map_or(Ok(true), |line| print(&line))
    }

    fn text(&mut self, update: &Update) -> Option<String> {
        let line = text::update(update);
        if matches!(update, Update::Core(core::Update::Policy(_))) {
            let before = std::mem::replace(&mut self.policy, line.clone());
            return line.filter(|line| before.as_ref() != Some(line));
        }
        line
    }
}

/// Carries out a line; true when it asks for the end. One that can't be understood is named on standard error and the
/// others are carried out.
fn command(client: &Client, line: Line, number: u64) -> bool {
    let problem = match line {
        Ok(line) if line.trim().is_empty() => return false,
        Ok(line) => match serde_json::from_str::<Command>(&line) {
            Ok(command) => {
                let asks_to_end = matches!(command, Command::Quit | Command::Finish { .. });
                client.send(command);
                return asks_to_end;
            }
            Err(error) => without_values(&error.to_string()),
        },
        Err(problem) => problem.to_owned(),
    };
    say(&format!("line {number} is no command: {problem}"));
    false
}

/// A line on standard error.
fn say(line: &str) {
    // Nobody to tell when even this fails.
    let _ = writeln!(std::io::stderr(), "flint-cli: {line}");
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
    fn a_bad_line_is_left_out_and_the_next_one_counts() {
        let mut input = b"one\n\xff\n".to_vec();
        input.extend(std::iter::repeat_n(b'x', 2 * MAX_LINE));
        input.extend(b"\n\nlast");
        let mut input = input.as_slice();
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut input).unwrap() {
            lines.push(line);
        }
        let good = |line: &str| Ok(line.to_owned());
        assert_eq!(
            lines,
            [good("one\n"), Err("it is not UTF-8"), Err("it is longer than 1 MiB"), good("\n"), good("last")]
        );
    }

    #[test]
    fn how_it_ends() {
        let connection = |state| Update::Core(core::Update::Account(AccountUpdate::Connection(state)));
        let refused = || {
            connection(ConnectionState::Refused {
                kind: "k".into(),
                reason: "No.".into(),
                next_step: "Go.".into(),
            })
        };
        let waiting = || {
            connection(ConnectionState::Waiting { reason: "No name.".into(), retry_at: core::Timestamp(0) })
        };
        let commands = || Course { takes_commands: true, input_ended: true, ..Course::default() };
        let one = "1 message was not sent. It is kept and sent at the next start.";
        for (course, updates, expected) in [
            (commands(), vec![], None),
            (commands(), vec![refused()], None),
            (commands(), vec![refused(), Update::Unsent(1)], Some((3, format!("{one} No. Go. (k)")))),
            (commands(), vec![waiting(), Update::Unsent(1)], Some((4, format!("{one} No name.")))),
            (commands(), vec![Update::Fatal("Bad CA.".into())], Some((1, "Bad CA.".to_owned()))),
            (Course { asked_to_end: true, ..commands() }, vec![Update::Unsent(1)], None),
            (Course::default(), vec![refused()], Some((3, "No. Go. (k)".to_owned()))),
            (Course::default(), vec![], Some((1, "The client has ended.".to_owned()))),
        ] {
            let mut course = course;
            for update in updates {
                course.take(update);
            }
            let shown = format!("{course:?}");
            let ended = course.end().err().map(|failure| (failure.code(), failure.to_string()));
            assert_eq!(ended, expected, "{shown}");
        }
    }

    #[test]
    fn the_policy_is_told_when_it_changes() {
        let report = |version| {
            let mut report = core::model::PolicyReport::default();
            report.server.version = version;
            Update::Core(core::Update::Policy(report))
        };
        let mut screen = Screen { json: false, policy: None };
        let told: Vec<_> = [0, 1, 1, 2, 2].map(|version| screen.text(&report(version)).is_some()).into();
        assert_eq!(told, [false, true, false, true, false]);
    }

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
