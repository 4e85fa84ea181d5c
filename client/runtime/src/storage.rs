//! The store's own task: writes and questions one after the other, so that a slow disk holds up nobody else.

use flint_core::effect::{Persist, StoreQuery};
use flint_core::input::StoreReply;
use flint_store::{Store, StoreError};
use std::path::PathBuf;
use tokio::sync::mpsc;

/// Writes that share a transaction at most.
const BATCH: usize = 500;

/// Something for the store to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Write.
    Persist(Persist),
    /// Answer.
    Query(StoreQuery),
}

/// Carries out jobs in order until their sender is gone, then closes the store. `told` gets sentences about what the
/// person should know.
pub(crate) async fn run(
    file: PathBuf,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    replies: mpsc::UnboundedSender<StoreReply>,
    told: mpsc::UnboundedSender<String>,
) {
    let store = open(&file, &told).await;
    let mut next = jobs.recv().await;
    while let Some(job) = next.take() {
        let reply = match job {
            Job::Persist(first) => {
                let mut writes = vec![first];
                while writes.len() < BATCH {
                    match jobs.try_recv() {
                        Ok(Job::Persist(write)) => writes.push(write),
                        Ok(query) => {
                            next = Some(query);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                match &store {
                    Some(store) => store.persist(writes).await.err().map(failed),
                    None => None,
                }
            }
            Job::Query(query) => match &store {
                Some(store) => Some(store.query(query).await.unwrap_or_else(failed)),
                None => {
                    Some(StoreReply::Failed { reason: "The message store could not be opened.".to_owned() })
                }
            },
        };
        if let Some(reply) = reply {
            // The client may be on its way out; writes still matter then, replies don't.
            let _ = replies.send(reply);
        }
        if next.is_none() {
            next = jobs.recv().await;
        }
    }
    if let Some(store) = store {
        store.close().await;
    }
}

/// Opens the store. A damaged file was put aside by then, so a second attempt begins a new one.
async fn open(file: &std::path::Path, told: &mpsc::UnboundedSender<String>) -> Option<Store> {
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

fn failed(error: StoreError) -> StoreReply {
    tracing::error!(%error, "message store");
    StoreReply::Failed { reason: error.to_string() }
}
