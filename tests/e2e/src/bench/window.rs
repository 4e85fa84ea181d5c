//! A window under measurement: started by hand signal, read by what it logs of its own pace.

use super::process;
use crate::driver::PATIENCE;
use crate::screen::Screen;
use anyhow::{Context, Result, bail};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// After this long without a longer stall the window is at rest.
const REST: Duration = Duration::from_secs(3);

/// A running window. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Window {
    child: Child,
    program: PathBuf,
    lines: Receiver<(Instant, String)>,
    started: Instant,
    stall: Duration,
}

impl Window {
    /// Starts `program` with what `prepare` adds to its command. The session around it is up before the clock starts.
    pub(super) fn start(screen: &Screen, program: &Path, prepare: impl FnOnce(&mut Command)) -> Result<Self> {
        let mut command = screen.command(Path::new("sh"));
        command.args(["-c", "echo ready >&2; read -r go; exec \"$@\"", "sh"]).arg(program);
        prepare(&mut command);
        // As the peers were measured: without the accessibility bus.
        command.env("GTK_A11Y", "none").env("NO_AT_BRIDGE", "1").env("FLINT_LOG", "flint::pace=debug");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("the window's session can't be started; run `cargo xtask setup`")?;
        let output = BufReader::new(child.stderr.take().context("no standard error")?);
        let mut input = child.stdin.take().context("no standard input")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(std::io::Result::ok) {
                if sender.send((Instant::now(), line)).is_err() {
                    break;
                }
            }
        });
        let mut window = Self {
            child,
            program: program.to_owned(),
            lines,
            started: Instant::now(),
            stall: Duration::ZERO,
        };
        window.wait(|line| line == "ready")?;
        window.started = Instant::now();
        input.write_all(b"go\n")?;
        Ok(window)
    }

    /// Time from the start to the first line that fits.
    pub(super) fn wait(&mut self, fits: impl Fn(&str) -> bool) -> Result<Duration> {
        let deadline = Instant::now() + PATIENCE;
        while let Some((at, line)) = self.next(deadline)? {
            if fits(&line) {
                return Ok(at - self.started);
            }
        }
        bail!("the window did not get that far in {PATIENCE:?}")
    }

    /// The longest time for which the main loop was away, once nothing longer comes.
    pub(super) fn longest_stall(&mut self) -> Result<Duration> {
        while self.next(Instant::now() + REST)?.is_some() {}
        Ok(self.stall)
    }

    /// Process id of the session around the window.
    pub(super) fn session(&self) -> u32 {
        self.child.id()
    }

    fn next(&mut self, deadline: Instant) -> Result<Option<(Instant, String)>> {
        match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((at, line)) => {
                if line.contains("longest stall") {
                    self.stall = Duration::from_millis(number(&line, "milliseconds=").unwrap_or_default());
                }
                Ok(Some((at, line)))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("the window has ended"),
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // The session ends with its program, but not the other way round: a window left over would keep the account.
        let program = process::below(self.child.id(), &self.program).unwrap_or(self.child.id());
        if let Some(pid) = rustix::process::Pid::from_raw(program.cast_signed()) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// The number behind `key` in a line of the log.
pub(super) fn number(line: &str, key: &str) -> Option<u64> {
    let digits = line.split(key).nth(1)?;
    digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
