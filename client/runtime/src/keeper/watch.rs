//! Tells when the computer's policy files may have changed.

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Changes of one editor or package manager come in a row; they are answered once.
const SETTLE: Duration = Duration::from_millis(200);
/// How often to look when the system can't tell.
const POLL: Duration = Duration::from_secs(60);

/// Watches directories; what is watched can be set anew.
pub(crate) struct Watch {
    directory: PathBuf,
    watcher: Option<RecommendedWatcher>,
    events: mpsc::UnboundedReceiver<()>,
    watched: Vec<PathBuf>,
    settled: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(directory: &Path) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let below = directory.to_owned();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let concerns = |event: &notify::Event| {
                !event.kind.is_access() && event.paths.iter().any(|path| path.starts_with(&below))
            };
            if event.as_ref().map_or(true, concerns) {
                // The client may be gone.
                let _ = sender.send(());
            }
        });
        let watcher = watcher
            .inspect_err(
                |error| tracing::warn!(%error, "policy files can't be watched; they are read every minute"),
            )
            .ok();
        Self { directory: directory.to_owned(), watcher, events, watched: Vec::new(), settled: None }
    }

    /// Watches exactly these.
    pub(crate) fn set(&mut self, paths: Vec<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        if paths == self.watched {
            return;
        }
        for path in self.watched.drain(..) {
            // It may have gone with its directory.
            let _ = watcher.unwatch(&path);
        }
        for path in &paths {
            if let Err(error) = watcher.watch(path, RecursiveMode::NonRecursive) {
                tracing::warn!(%error, path = %path.display(), "policy directory can't be watched");
            }
        }
        self.watched = paths;
    }

    /// Waits until something may have changed. Cancel-safe.
    pub(crate) async fn changed(&mut self) {
        if self.watcher.is_none() {
            let until = *self.settled.get_or_insert_with(|| Instant::now() + POLL);
            sleep_until(until).await;
            self.settled = None;
            return;
        }
        if self.settled.is_none() {
            if self.events.recv().await.is_none() {
                tracing::warn!(directory = %self.directory.display(), "watching the policy files has ended");
                return std::future::pending().await;
            }
            self.settled = Some(Instant::now() + SETTLE);
        }
        if let Some(until) = self.settled {
            sleep_until(until).await;
        }
        while self.events.try_recv().is_ok() {}
        self.settled = None;
    }
}
