//! A Python program that drives something from outside (window, browser, XMPP peer) by JSON lines.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Deadline for anything that a step waits for.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// A running driver. Dropping it closes its input, waits a moment, then ends it.
#[derive(Debug)]
pub struct Driver {
    name: &'static str,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
}

/// The Python of Debian, which has slixmpp and the accessibility bindings.
pub const PYTHON: &str = "/usr/bin/python3";

/// A command that ends when the thread that starts it ends.
pub fn bound_command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program.as_ref());
    command
}

impl Driver {
    /// Starts `command` and reads JSON lines from it.
    pub fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name} can't be started; run `cargo xtask setup`"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("the driver has no standard output")?);
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(std::io::Result::ok) {
                // Whatever else a library prints is not for us.
                if let Ok(value) = serde_json::from_str(&line)
                    && sender.send(value).is_err()
                {
                    break;
                }
            }
        });
        Ok(Self { name, child, input, lines })
    }

    /// True once the program has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Hands a command over without waiting for an answer.
    pub fn tell(&mut self, command: &Value) -> Result<()> {
        self.send_line(&command.to_string())
    }

    /// Hands over a command that is a line of words.
    pub fn send_line(&mut self, command: &str) -> Result<()> {
        let input = self.input.as_mut().context("the driver's input is closed")?;
        writeln!(input, "{command}").with_context(|| format!("{} has ended", self.name))?;
        Ok(())
    }

    /// Hands a command over and returns its answer; `ok: false` is an error.
    pub fn ask(&mut self, command: &Value) -> Result<Value> {
        self.tell(command)?;
        let answer = self.next_within(PATIENCE + PATIENCE)?;
        if answer["ok"] != json!(true) {
            bail!("{}: {} ({command})", self.name, answer["error"].as_str().unwrap_or("no answer"));
        }
        Ok(answer)
    }

    /// Waits for a line for which `wanted` returns something; other lines are passed over.
    pub fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.next_within(left).with_context(|| format!("waiting for {what}"))?;
            if let Some(found) = wanted(&line) {
                return Ok(found);
            }
        }
    }

    fn next_within(&mut self, time: Duration) -> Result<Value> {
        self.lines.recv_timeout(time).map_err(|error| match error {
            RecvTimeoutError::Timeout => anyhow::anyhow!("{} said nothing in time", self.name),
            RecvTimeoutError::Disconnected => anyhow::anyhow!("{} has ended", self.name),
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.input = None;
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
