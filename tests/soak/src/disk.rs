//! A journal that the process dies around, and what a reader of the disk knows at every moment.

use flint_fastpath_routing::SessionId;
use flint_fastpath_service::{
    Journal, JournalError, JournalRecord, Line, SessionFilter, SessionSummary, Snapshot, Text,
};
use jid::BareJid;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// At which write the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// At none.
    Never,
    /// Before the write of this number, counted from 0: nothing of it is on the disk.
    Before(u64),
    /// After it: all of it is on the disk, and nobody was told.
    After(u64),
    /// The write of this number fails, and the process lives.
    Fails(u64),
}

/// What the outside knows of the disk.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// What a process that starts now would read.
    pub(crate) state: Snapshot,
    /// Summaries that were written.
    pub(crate) summaries: BTreeMap<SessionId, SessionSummary>,
    /// All visits in the order in which they came, with the moment.
    pub(crate) joined: Vec<(SessionId, u64)>,
    /// Writes so far.
    pub(crate) writes: u64,
    /// State records so far.
    pub(crate) records: u64,
    /// Calls that the disk has not answered yet.
    pub(crate) busy: u64,
    /// Writes that failed while the process lived.
    pub(crate) failures: u64,
    /// The process has died at a write.
    pub(crate) dead: bool,
    /// What differed when the disk was read.
    pub(crate) problem: Option<String>,
}

/// The journal. Clones are the same disk.
#[derive(Debug)]
pub struct Disk<J> {
    inner: J,
    plan: Arc<Mutex<Plan>>,
    known: Arc<Mutex<Known>>,
}

impl<J: Clone> Clone for Disk<J> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), plan: self.plan.clone(), known: self.known.clone() }
    }
}

impl<J> Disk<J> {
    pub(crate) fn new(inner: J, plan: Plan) -> Self {
        Self { inner, plan: Arc::new(Mutex::new(plan)), known: Arc::default() }
    }

    pub(crate) fn look<T>(&self, f: impl FnOnce(&mut Known) -> T) -> T {
        f(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_plan(&self, plan: Plan) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    /// Nobody waits for the disk.
    pub(crate) fn is_quiet(&self) -> bool {
        self.look(|known| known.busy == 0)
    }

    fn plan(&self) -> Plan {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Journal> Disk<J> {
    async fn die(&mut self) -> ! {
        self.set_plan(Plan::Never);
        self.look(|known| known.dead = true);
        std::future::pending().await
    }
}

impl<J: Journal> Journal for Disk<J> {
    async fn append(&mut self, records: &[JournalRecord]) -> Result<(), JournalError> {
        let number = self.look(|known| known.writes);
        match self.plan() {
            Plan::Before(at) if at <= number => self.die().await,
            Plan::Fails(at) if at <= number => {
                self.set_plan(Plan::Never);
                self.look(|known| known.failures += 1);
                return Err(JournalError("the disk is full".to_owned()));
            }
            _ => {}
        }
        wait(self.known.clone(), self.inner.append(records)).await?;
        self.look(|known| known.take(records));
        if matches!(self.plan(), Plan::After(at) if at <= number) {
            self.die().await;
        }
        Ok(())
    }

    async fn load(&mut self) -> Result<Vec<JournalRecord>, JournalError> {
        let records = wait(self.known.clone(), self.inner.load()).await?;
        let read = Snapshot::rebuild(records.clone());
        self.look(|known| {
            if read != known.state {
                known.problem = Some("what is read from the disk is not what was written".to_owned());
            }
        });
        Ok(records)
    }

    async fn compact(&mut self, snapshot: &JournalRecord) -> Result<(), JournalError> {
        wait(self.known.clone(), self.inner.compact(snapshot)).await?;
        self.look(|known| {
            if !matches!(snapshot, JournalRecord::Snapshot(state) if **state == known.state) {
                known.problem = Some("the snapshot is not the state of the log".to_owned());
            }
        });
        Ok(())
    }

    async fn transcript(&mut self, session: &SessionId, limit: usize) -> Result<Vec<Line>, JournalError> {
        wait(self.known.clone(), self.inner.transcript(session, limit)).await
    }

    async fn sessions(&mut self, filter: &SessionFilter) -> Result<Vec<SessionSummary>, JournalError> {
        wait(self.known.clone(), self.inner.sessions(filter)).await
    }

    async fn notes(&mut self, session: &SessionId) -> Result<Option<Text>, JournalError> {
        wait(self.known.clone(), self.inner.notes(session)).await
    }

    async fn macros(&mut self, agent: &BareJid) -> Result<Option<Text>, JournalError> {
        wait(self.known.clone(), self.inner.macros(agent)).await
    }
}

/// Waits for the disk, and says so meanwhile.
async fn wait<T>(known: Arc<Mutex<Known>>, answer: impl Future<Output = T>) -> T {
    let add = |busy: i64| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        known.busy = known.busy.saturating_add_signed(busy);
    };
    add(1);
    let answer = answer.await;
    add(-1);
    answer
}

impl Known {
    fn take(&mut self, records: &[JournalRecord]) {
        self.writes += 1;
        for record in records {
            if let JournalRecord::Session(summary) = record {
                self.summaries.insert(summary.session.clone(), summary.clone());
            }
            self.records += u64::from(record.is_state());
            self.state.apply(record.clone());
            if let JournalRecord::Routing(record) = record
                && let flint_fastpath_routing::Event::CustomerJoined { session, .. } = &record.event
                && let Some(view) = self.state.router.customer(session)
            {
                self.joined.push((session.clone(), view.joined_at.0));
            }
        }
    }
}
