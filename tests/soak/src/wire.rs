//! The connection between the service and the world.

use flint_fastpath_service::{Connect, Link};
use flint_stream::{ConnectError, StreamEnd};
use minidom::Element;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::mpsc;

/// What the world may know of the service: whether it waits for something to do.
#[derive(Debug, Default)]
pub(crate) struct Mood {
    pub(crate) idle: AtomicBool,
    /// Stanzas that may still leave before the process dies.
    pub(crate) breath: AtomicU64,
    pub(crate) dead: AtomicBool,
}

/// One end of the channel.
pub(crate) struct Wire {
    pub(crate) from_world: mpsc::UnboundedReceiver<Element>,
    pub(crate) to_world: mpsc::UnboundedSender<Element>,
    pub(crate) mood: Arc<Mood>,
}

impl Link for Wire {
    async fn next(&mut self) -> Result<Element, StreamEnd> {
        match self.from_world.try_recv() {
            Ok(stanza) => Ok(stanza),
            Err(mpsc::error::TryRecvError::Disconnected) => Err(StreamEnd::ClosedByServer),
            Err(mpsc::error::TryRecvError::Empty) => {
                self.mood.idle.store(true, Ordering::Relaxed);
                let next = self.from_world.recv().await.ok_or(StreamEnd::ClosedByServer);
                self.mood.idle.store(false, Ordering::Relaxed);
                next
            }
        }
    }

    async fn send(&mut self, stanza: &Element) -> Result<(), StreamEnd> {
        self.mood.idle.store(false, Ordering::Relaxed);
        let breath = self.mood.breath.load(Ordering::Relaxed);
        if breath == 0 {
            self.mood.dead.store(true, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }
        self.mood.breath.store(breath.saturating_sub(u64::from(breath != u64::MAX)), Ordering::Relaxed);
        self.to_world.send(stanza.clone()).map_err(|_| StreamEnd::ClosedByServer)
    }

    async fn close(self) {}
}

/// Hands out the connections that the world prepared.
pub(crate) struct Listener(pub(crate) mpsc::UnboundedReceiver<Wire>);

impl Connect for Listener {
    type Link = Wire;

    async fn connect(&mut self) -> Result<Wire, ConnectError> {
        match self.0.recv().await {
            Some(wire) => Ok(wire),
            None => std::future::pending().await,
        }
    }
}
