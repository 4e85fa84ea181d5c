//! The store's own task: writes and questions one after the other, so that a slow disk holds up nobody else.
//!
//! Writes that failed stay in front and are tried again: a position in an archive that is written after a gap would
//! hide that gap for good.

use flint_core::effect::{Persist, StoreQuery};
use flint_core::input::StoreReply;
use flint_store::{Store, StoreError};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Writes that share a transaction at most.
const BATCH: usize = 500;
/// Writes that wait for a store that fails.
const MAX_PENDING: usize = 20_000;
/// When failed writes are tried again at the latest.
const AGAIN: Duration = Duration::from_secs(5);
/// Failures in a row after which the writes are tried one by one, to find the one that can't be written.
const TOGETHER: u32 = 3;

/// Something for the store to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Write.
    Persist(Persist),
    /// Answer.
    Query(StoreQuery),
}

/// What is written to and asked; the real one, and one for tests that fails when told.
pub(crate) trait Storage: Send {
    fn persist(&self, writes: Vec<Persist>) -> impl Future<Output = Result<(), String>> + Send;
    fn query(&self, query: StoreQuery) -> impl Future<Output = StoreReply> + Send;
}

impl Storage for Store {
    async fn persist(&self, writes: Vec<Persist>) -> Result<(), String> {
        Store::persist(self, writes).await.map_err(|error| error.to_string())
    }

    async fn query(&self, query: StoreQuery) -> StoreReply {
        let reply = Store::query(self, query).await;
        reply.unwrap_or_else(|error| StoreReply::Failed { reason: error.to_string() })
    }
}

/// Carries out jobs in order until their sender is gone, then closes the store. `told` gets sentences about what the
/// person should know.
pub(crate) async fn run(
    file: PathBuf,
    jobs: mpsc::UnboundedReceiver<Job>,
    replies: mpsc::UnboundedSender<StoreReply>,
    told: mpsc::UnboundedSender<String>,
) {
    match open(&file, &told).await {
        Some(store) => {
            work(&store, jobs, replies).await;
            store.close().await;
        }
        None => refuse(jobs, replies).await,
    }
}

/// Without a store every question fails and nothing is kept; the person has been told.
async fn refuse(mut jobs: mpsc::UnboundedReceiver<Job>, replies: mpsc::UnboundedSender<StoreReply>) {
    while let Some(job) = jobs.recv().await {
        if matches!(job, Job::Query(_)) {
            let reason = "The message store could not be opened.".to_owned();
            // The client may be on its way out.
            let _ = replies.send(StoreReply::Failed { reason });
        }
    }
}

async fn work(
    store: &impl Storage,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    replies: mpsc::UnboundedSender<StoreReply>,
) {
    let mut writes = Writes::default();
    loop {
        let job = if writes.pending.is_empty() {
            jobs.recv().await
        } else {
            // Time is up: only try again.
            match timeout(AGAIN, jobs.recv()).await {
                Ok(job) => job,
                Err(_) => {
                    writes.flush(store, &replies).await;
                    continue;
                }
            }
        };
        let Some(job) = job else { break };
        let mut query = None;
        match job {
            Job::Query(asked) => query = Some(asked),
            Job::Persist(write) => {
                writes.push(write);
                while writes.pending.len() < BATCH {
                    match jobs.try_recv() {
                        Ok(Job::Persist(write)) => writes.push(write),
                        Ok(Job::Query(asked)) => {
                            query = Some(asked);
                            break;
                        }
                        Err(_) => break,
                    }
                }
            }
        }
        writes.flush(store, &replies).await;
        if let Some(query) = query {
            // The client may be on its way out.
            let _ = replies.send(store.query(query).await);
        }
    }
    writes.flush(store, &replies).await;
}

/// Writes that have not been carried out.
#[derive(Default)]
struct Writes {
    pending: Vec<Persist>,
    failures: u32,
    /// Something was thrown away: positions in archives are not moved any more in this run, so that the next one asks
    /// for what is missing.
    overflowed: bool,
}

impl Writes {
    fn push(&mut self, write: Persist) {
        if self.overflowed && matches!(write, Persist::ArchivePosition { .. }) {
            return;
        }
        if self.pending.len() >= MAX_PENDING {
            if !self.overflowed {
                tracing::error!("too many writes wait for the message store; later ones are lost");
            }
            self.overflowed = true;
            return;
        }
        self.pending.push(write);
    }

    /// Tries everything that waits. The first failure in a row is told.
    async fn flush(&mut self, store: &impl Storage, replies: &mpsc::UnboundedSender<StoreReply>) {
        while !self.pending.is_empty() {
            let batch = self.pending[..self.pending.len().min(BATCH)].to_vec();
            let count = batch.len();
            let Err(reason) = store.persist(batch).await else {
                self.pending.drain(..count);
                self.failures = 0;
                continue;
            };
            tracing::error!(reason, "message store");
            self.failures = self.failures.saturating_add(1);
            if self.failures == 1 {
                // The client may be on its way out.
                let _ = replies.send(StoreReply::Failed { reason });
            }
            if self.failures < TOGETHER || !self.one_by_one(store, count).await {
                return;
            }
        }
    }

    /// Carries out what can be; a write that fails while others don't is thrown away. False when nothing works.
    async fn one_by_one(&mut self, store: &impl Storage, count: usize) -> bool {
        let mut bad = Vec::new();
        for index in 0..count {
            if store.persist(vec![self.pending[index].clone()]).await.is_err() {
                bad.push(index);
            }
        }
        if bad.len() == count {
            return false;
        }
        tracing::error!(writes = bad.len(), "the message store can't hold these; they are lost");
        self.pending.drain(..count);
        self.failures = 0;
        true
    }
}

/// Opens the store. A damaged file was put aside by then, so a second attempt begins a new one.
async fn open(file: &Path, told: &mpsc::UnboundedSender<String>) -> Option<Store> {
    let mut opened = Store::open(file, None).await;
    if let Err(error @ StoreError::Damaged { .. }) = &opened {
        // Whoever is gone need not be told.
        let _ = told.send(error.to_string());
        opened = Store::open(file, None).await;
    }
    match opened {
        Ok(store) => Some(store),
        Err(error) => {
            tracing::error!(%error, "no message store");
            let _ = told.send(format!("{error} Until then nothing is kept on this computer."));
            None
        }
    }
}

#[cfg(test)]
mod tests;
