//! What has to survive a crash, and the store that keeps it.

use flint_fastpath_routing::{Record, Router, SessionId, Timestamp};
use jid::BareJid;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;

/// Why a journal failed. The service then forgets what it did not write, reads the journal again and goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal of the workgroup service: {0}")]
pub struct JournalError(pub String);

/// A durable store of records, implemented by the server's database. One task calls it, one call at a time.
pub trait Journal: Send + 'static {
    /// Makes all these records durable, in order, all or none; returns when they are on the disk.
    ///
    /// [`JournalRecord::is_state`] ones are appended to a log that [`load`](Self::load) gives back. The others are
    /// written where the queries below find them: `Session` replaces the summary of the same id, `Line` is appended,
    /// `Notes` and `Macros` replace the text of the same key.
    ///
    /// # Errors
    /// Nothing was written.
    fn append(&mut self, records: &[JournalRecord]) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// All records of the log, in the order in which they were appended.
    ///
    /// # Errors
    /// The log can't be read.
    fn load(&mut self) -> impl Future<Output = Result<Vec<JournalRecord>, JournalError>> + Send;

    /// Replaces the whole log by this one record (a [`JournalRecord::Snapshot`]), in one transaction.
    ///
    /// # Errors
    /// The log is as it was.
    fn compact(&mut self, snapshot: &JournalRecord) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// The newest `limit` lines of one chat, in order.
    ///
    /// # Errors
    /// They can't be read.
    fn transcript(
        &mut self,
        session: &SessionId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Line>, JournalError>> + Send;

    /// Summaries that pass the filter, newest first by start.
    ///
    /// # Errors
    /// They can't be read.
    fn sessions(
        &mut self,
        filter: &SessionFilter,
    ) -> impl Future<Output = Result<Vec<SessionSummary>, JournalError>> + Send;

    /// The agents' notes on one chat.
    ///
    /// # Errors
    /// They can't be read.
    fn notes(
        &mut self,
        session: &SessionId,
    ) -> impl Future<Output = Result<Option<Text>, JournalError>> + Send;

    /// An agent's own canned responses, as the XML that the agent's client stored.
    ///
    /// # Errors
    /// They can't be read.
    fn macros(&mut self, agent: &BareJid) -> impl Future<Output = Result<Option<Text>, JournalError>> + Send;
}

/// One record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "record")]
pub enum JournalRecord {
    /// State: an event of the router.
    Routing(Record),
    /// State: somebody subscribed to a workgroup's presence, or unsubscribed.
    Subscription {
        /// Localpart of the workgroup.
        workgroup: String,
        /// Who.
        jid: BareJid,
        /// Subscribed now.
        subscribed: bool,
    },
    /// State: everything up to here.
    Snapshot(Box<Snapshot>),
    /// A chat began or changed.
    Session(SessionSummary),
    /// Something was said or somebody came or went in a chat.
    Line(Line),
    /// An agent's notes on a chat.
    Notes {
        /// Chat.
        session: SessionId,
        /// Text.
        text: Text,
    },
    /// An agent's own canned responses.
    Macros {
        /// Agent.
        agent: BareJid,
        /// XML.
        text: Text,
    },
}

impl JournalRecord {
    /// Belongs to the log that rebuilds the service's state.
    pub fn is_state(&self) -> bool {
        matches!(self, Self::Routing(_) | Self::Subscription { .. } | Self::Snapshot(_))
    }
}

/// The whole durable state at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Queues, offers, chats.
    pub router: Router,
    /// Subscribers by workgroup.
    pub subscribers: BTreeMap<String, BTreeSet<BareJid>>,
}

impl Snapshot {
    /// The state after these records.
    pub fn rebuild(records: Vec<JournalRecord>) -> Self {
        let mut state = Self::default();
        for record in records {
            state.apply(record);
        }
        state
    }

    /// One record more. A record that is not state is passed over.
    pub fn apply(&mut self, record: JournalRecord) {
        match record {
            JournalRecord::Routing(record) => {
                self.router.handle(record.event, record.at);
            }
            JournalRecord::Subscription { workgroup, jid, subscribed } => {
                let set = self.subscribers.entry(workgroup).or_default();
                if subscribed {
                    set.insert(jid);
                } else {
                    set.remove(&jid);
                }
            }
            JournalRecord::Snapshot(snapshot) => *self = *snapshot,
            JournalRecord::Session(_)
            | JournalRecord::Line(_)
            | JournalRecord::Notes { .. }
            | JournalRecord::Macros { .. } => {}
        }
    }
}

/// Text that people wrote; `Debug` shows only its length.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub String);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// What is known of one chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// Id.
    pub session: SessionId,
    /// Localpart of the workgroup.
    pub workgroup: String,
    /// Identity under which the customer's chats are filed: a bare JID, or what an anonymous customer named.
    pub user: String,
    /// When the customer joined the queue.
    pub joined: Timestamp,
    /// When the first agent accepted.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it ended: `EndReason::kind` of the router.
    pub end: Option<String>,
    /// Agents who took part, in order.
    pub agents: Vec<SessionAgent>,
    /// The form.
    pub answers: flint_fastpath_routing::Answers,
}

/// An agent's part in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionAgent {
    /// Who.
    pub agent: BareJid,
    /// When the agent came.
    pub joined: Timestamp,
    /// When the agent left.
    pub left: Option<Timestamp>,
}

/// Which chats to list. All conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionFilter {
    /// In one of these workgroups; empty lists nothing.
    pub workgroups: Vec<String>,
    /// With this agent.
    pub agent: Option<BareJid>,
    /// Of this customer.
    pub user: Option<String>,
    /// This one.
    pub session: Option<SessionId>,
    /// Joined at this moment or later.
    pub since: Option<Timestamp>,
    /// Only chats that an agent took part in and that have ended.
    pub ended_only: bool,
    /// A word that occurs in an answer of the form or in a line, without regard to case.
    pub text: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// One line of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Chat.
    pub session: SessionId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: LineKind,
    /// Nickname.
    pub nick: String,
    /// Who it is, when the room told.
    pub jid: Option<BareJid>,
    /// What was said; empty unless `kind` is `Message`.
    pub text: Text,
}

/// Kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineKind {
    /// Something was said.
    Message,
    /// Somebody came.
    Joined,
    /// Somebody left.
    Left,
}
