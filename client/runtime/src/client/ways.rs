//! The channels between the client's task and those that it has started. None of them makes it wait.

use crate::storage::Job;
use flint_core::input::StoreReply;
use flint_xmpp::SessionCommand;
use tokio::sync::mpsc;

/// The client's ends.
pub(crate) struct Ways {
    pub(crate) session: mpsc::UnboundedSender<SessionCommand>,
    /// `None` once everything has been ordered.
    pub(crate) store: Option<mpsc::UnboundedSender<Job>>,
    pub(crate) replies: mpsc::UnboundedReceiver<StoreReply>,
    /// Sentences of the store that a person should read.
    pub(crate) told: mpsc::UnboundedReceiver<String>,
}

/// The other ends.
pub(crate) struct OtherEnds {
    pub(crate) session: mpsc::UnboundedReceiver<SessionCommand>,
    pub(crate) store: mpsc::UnboundedReceiver<Job>,
    pub(crate) replies: mpsc::UnboundedSender<StoreReply>,
    pub(crate) told: mpsc::UnboundedSender<String>,
}

impl Ways {
    pub(crate) fn new() -> (Self, OtherEnds) {
        let (session, session_end) = mpsc::unbounded_channel();
        let (store, store_end) = mpsc::unbounded_channel();
        let (replies_end, replies) = mpsc::unbounded_channel();
        let (told_end, told) = mpsc::unbounded_channel();
        let ends = OtherEnds { session: session_end, store: store_end, replies: replies_end, told: told_end };
        (Self { session, store: Some(store), replies, told }, ends)
    }

    /// Orders something of the session. After its breakdown nobody hears, which the client has been told by then.
    pub(crate) fn session(&self, command: SessionCommand) {
        let _ = self.session.send(command);
    }

    /// Orders something of the store; the same holds.
    pub(crate) fn store(&self, job: Job) {
        if let Some(store) = &self.store {
            let _ = store.send(job);
        }
    }
}
