//! The names that a blind person hears: the accessibility tree of this very process, read from outside.

use crate::Stage;
use anyhow::Context;
use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// A program that reads the tree as a screen reader does; it ends with this value.
pub struct Names {
    reader: Child,
    questions: ChildStdin,
    answers: Receiver<String>,
}

impl Names {
    /// Starts the reader.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start() -> anyhow::Result<Self> {
        let driver = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/names.py");
        let mut reader = Command::new("/usr/bin/python3")
            .args([driver, &std::process::id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("/usr/bin/python3 can't be started; run `cargo xtask setup`")?;
        let questions = reader.stdin.take().context("its input is piped")?;
        let output = BufReader::new(reader.stdout.take().context("its output is piped")?);
        let (answer, answers) = channel();
        // The reader's questions to the tree are answered by the main loop, so nobody may wait for it there.
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| answer.send(line)).ok();
        });
        Ok(Self { reader, questions, answers })
    }

    /// Role and name of everything on screen that takes the focus, in reading order.
    ///
    /// # Errors
    /// When the tree can't be read, for instance without a message bus.
    pub fn focusable(&mut self, stage: &Stage) -> anyhow::Result<Vec<(String, String)>> {
        self.questions.write_all(b"\n").context("the reader has ended")?;
        let answer = RefCell::new(None);
        stage.until("the tree is read", || match self.answers.try_recv() {
            Ok(line) => answer.replace(Some(line)).is_none(),
            Err(end) => end == TryRecvError::Disconnected,
        })?;
        let line = answer.take().context("the accessibility tree can't be read")?;
        serde_json::from_str(&line).context("the reader answers with a list of pairs")
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.reader.kill();
        let _ = self.reader.wait();
    }
}
