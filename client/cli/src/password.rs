//! The password, from a file or standard input. Never from the command line, where everybody on the computer can read it.

use anyhow::{anyhow, bail};
use flint_runtime::Secret;
use flint_runtime::core::secret::Private;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::Path;

const MAX: u64 = 4096;

/// The first line of a file.
pub(crate) fn from_file(path: &Path) -> anyhow::Result<Private> {
    let failed = |error| anyhow!("The password file {} can't be read: {error}.", path.display());
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(MAX).read_to_string(&mut text).map_err(failed)?;
    checked(&text)
}

/// Name and password for a proxy: `NAME:PASSWORD` on the first line of a file.
pub(crate) fn login_from_file(path: &Path) -> anyhow::Result<(String, Secret)> {
    let line = from_file(path)?;
    match line.0.split_once(':') {
        Some((user, password)) if !user.is_empty() => Ok((user.to_owned(), Secret::new(password))),
        _ => bail!("The file {} does not read NAME:PASSWORD.", path.display()),
    }
}

/// The first line of standard input; on a terminal it is asked for and not shown.
pub(crate) fn from_stdin() -> anyhow::Result<Private> {
    let stdin = std::io::stdin();
    let shown = if stdin.is_terminal() { Some(tcgetattr(&stdin)?) } else { None };
    if let Some(shown) = &shown {
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
        // The prompt is a courtesy.
        let _ = write!(std::io::stderr(), "Password: ");
    }
    let mut text = String::new();
    let read = read_line(&mut text);
    if let Some(shown) = &shown {
        tcsetattr(&stdin, OptionalActions::Now, shown)?;
        let _ = writeln!(std::io::stderr());
    }
    read.map_err(|error| anyhow!("Standard input can't be read: {error}."))?;
    checked(&text)
}

/// One line, byte by byte from the shared buffer: what follows are commands.
fn read_line(text: &mut String) -> std::io::Result<()> {
    let mut line = Vec::new();
    std::io::stdin().lock().take(MAX).read_until(b'\n', &mut line)?;
    text.push_str(&String::from_utf8(line).map_err(std::io::Error::other)?);
    Ok(())
}

fn checked(text: &str) -> anyhow::Result<Private> {
    let password = text.lines().next().unwrap_or_default();
    if password.is_empty() {
        bail!("The password is empty.");
    }
    Ok(Private::from(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts() {
        for (text, expected) in
            [("secret\n", Some("secret")), ("a b \nrest", Some("a b ")), ("", None), ("\nx", None)]
        {
            assert_eq!(checked(text).ok().map(|password| password.0).as_deref(), expected, "{text:?}");
        }
    }
}
