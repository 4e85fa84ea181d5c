//! The control socket in the state directory: by it `flintd admin` tells a running flintd that the database changed.
//!
//! The socket can be reached by whoever can write to the state directory (mode 0700). One word is understood; the
//! answer comes when the change is in effect.

use crate::server::App;
use crate::stop::stopped;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

const CHANGED: &[u8] = b"changed\n";
const DONE: &[u8] = b"done\n";
const FAILED: &[u8] = b"failed\n";
const WAIT: Duration = Duration::from_secs(10);

/// Why the socket can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Another flintd uses the state directory.
    #[error("Another flintd is running with the state directory {0}. Stop it or set another 'state'.")]
    Running(std::path::PathBuf),
    /// It can't be made.
    #[error(
        "The control socket {0} can't be made: {1}. Use a shorter path for 'state' that flintd can write to."
    )]
    Make(std::path::PathBuf, std::io::Error),
    /// The running flintd did not answer.
    #[error(
        "The change is stored, but the running flintd did not take it: {0}. Send it SIGHUP or restart it."
    )]
    NoAnswer(String),
}

/// Takes the socket. A socket that a killed flintd left behind is replaced.
///
/// # Errors
/// Another flintd answers on it, or it can't be made.
pub async fn bind(path: &Path) -> Result<UnixListener, ControlError> {
    if UnixStream::connect(path).await.is_ok() {
        return Err(ControlError::Running(path.parent().unwrap_or(path).to_owned()));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(ControlError::Make(path.to_owned(), error));
        }
        _ => {}
    }
    UnixListener::bind(path).map_err(|error| ControlError::Make(path.to_owned(), error))
}

/// Answers until `stop` becomes true.
pub async fn serve(app: Arc<App>, listener: UnixListener, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => return,
        };
        match accepted {
            // One after the other: a second one waits its turn, and nobody can pile up tasks.
            Ok((stream, _)) => {
                let _ = tokio::time::timeout(WAIT, answer(&app, stream)).await;
            }
            Err(error) => {
                tracing::warn!(%error, "control socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(app: &App, mut stream: UnixStream) -> std::io::Result<()> {
    let mut word = [0_u8; CHANGED.len()];
    stream.read_exact(&mut word).await?;
    let answer = if word != CHANGED {
        FAILED
    } else if let Err(error) = app.refresh().await {
        tracing::error!(%error, "can't read what changed");
        FAILED
    } else {
        DONE
    };
    stream.write_all(answer).await
}

/// Tells the running flintd, if there is one, that the database changed. True when one took it.
///
/// # Errors
/// One is running but did not take it.
pub async fn tell(path: &Path) -> Result<bool, ControlError> {
    let Ok(mut stream) = UnixStream::connect(path).await else { return Ok(false) };
    let exchange = async {
        stream.write_all(CHANGED).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    match tokio::time::timeout(WAIT, exchange).await {
        Ok(Ok(answer)) if answer == DONE => Ok(true),
        Ok(Ok(_)) => Err(ControlError::NoAnswer("its log says why".to_owned())),
        Ok(Err(error)) => Err(ControlError::NoAnswer(error.to_string())),
        Err(_) => Err(ControlError::NoAnswer("no answer within 10 seconds".to_owned())),
    }
}
