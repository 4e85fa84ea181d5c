//! What every [`Journal`] must do, as one function, and a journal in memory that does it.
//!
//! A test of another journal calls [`check`] with a fresh one, and [`check_reopened`] around closing and opening it.

use crate::journal::{
    Journal, JournalError, JournalRecord, Line, LineKind, SessionAgent, SessionFilter, SessionSummary,
    Snapshot, Text,
};
use flint_fastpath_routing::{Answers, Event, Record, RoutingConfig, SessionId, Timestamp};
use jid::BareJid;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A journal in memory. Clones share what is in it, so a clone is what a restarted service finds.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    shared: Arc<Mutex<Shelves>>,
}

#[derive(Debug, Default)]
struct Shelves {
    log: Vec<JournalRecord>,
    sessions: BTreeMap<SessionId, SessionSummary>,
    lines: Vec<Line>,
    notes: BTreeMap<SessionId, Text>,
    macros: BTreeMap<BareJid, Text>,
    broken: bool,
}

impl MemoryJournal {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every write fails, or works again.
    pub fn break_writes(&self, broken: bool) {
        self.with(|shelves| shelves.broken = broken);
    }

    /// The log as it stands.
    pub fn log(&self) -> Vec<JournalRecord> {
        self.with(|shelves| shelves.log.clone())
    }

    /// Another journal with a copy of everything: what the disk held at this moment.
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        self.with(|from| {
            copy.with(|to| {
                to.log = from.log.clone();
                to.sessions = from.sessions.clone();
                to.lines = from.lines.clone();
                to.notes = from.notes.clone();
                to.macros = from.macros.clone();
            });
        });
        copy
    }

    fn with<T>(&self, f: impl FnOnce(&mut Shelves) -> T) -> T {
        f(&mut self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Journal for MemoryJournal {
    async fn append(&mut self, records: &[JournalRecord]) -> Result<(), JournalError> {
        self.with(|shelves| {
            if shelves.broken {
                return Err(JournalError("broken on purpose".to_owned()));
            }
            for record in records {
                match record.clone() {
                    JournalRecord::Session(summary) => {
                        shelves.sessions.insert(summary.session.clone(), summary);
                    }
                    JournalRecord::Line(line) => shelves.lines.push(line),
                    JournalRecord::Notes { session, text } => {
                        shelves.notes.insert(session, text);
                    }
                    JournalRecord::Macros { agent, text } => {
                        shelves.macros.insert(agent, text);
                    }
                    state => shelves.log.push(state),
                }
            }
            Ok(())
        })
    }

    async fn load(&mut self) -> Result<Vec<JournalRecord>, JournalError> {
        Ok(self.log())
    }

    async fn compact(&mut self, snapshot: &JournalRecord) -> Result<(), JournalError> {
        self.with(|shelves| shelves.log = vec![snapshot.clone()]);
        Ok(())
    }

    async fn transcript(&mut self, session: &SessionId, limit: usize) -> Result<Vec<Line>, JournalError> {
        let lines = |shelves: &mut Shelves| {
            let all: Vec<_> = shelves.lines.iter().filter(|line| line.session == *session).cloned().collect();
            all[all.len().saturating_sub(limit)..].to_vec()
        };
        Ok(self.with(lines))
    }

    async fn sessions(&mut self, filter: &SessionFilter) -> Result<Vec<SessionSummary>, JournalError> {
        Ok(self.with(|shelves| {
            let mut found: Vec<_> =
                shelves.sessions.values().filter(|summary| shelves.fits(summary, filter)).cloned().collect();
            found.sort_by_key(|summary| std::cmp::Reverse((summary.joined, summary.session.clone())));
            found.truncate(filter.limit);
            found
        }))
    }

    async fn notes(&mut self, session: &SessionId) -> Result<Option<Text>, JournalError> {
        Ok(self.with(|shelves| shelves.notes.get(session).cloned()))
    }

    async fn macros(&mut self, agent: &BareJid) -> Result<Option<Text>, JournalError> {
        Ok(self.with(|shelves| shelves.macros.get(agent).cloned()))
    }
}

impl Shelves {
    fn fits(&self, summary: &SessionSummary, filter: &SessionFilter) -> bool {
        let has = |text: &str, word: &str| text.to_lowercase().contains(&word.to_lowercase());
        let said = |word: &str| {
            summary.answers.0.iter().flat_map(|(_, values)| values).any(|value| has(value, word))
                || self.lines.iter().any(|line| line.session == summary.session && has(&line.text.0, word))
        };
        filter.workgroups.contains(&summary.workgroup)
            && filter
                .agent
                .as_ref()
                .is_none_or(|agent| summary.agents.iter().any(|entry| entry.agent == *agent))
            && filter.user.as_ref().is_none_or(|user| summary.user == *user)
            && filter.session.as_ref().is_none_or(|session| summary.session == *session)
            && filter.since.is_none_or(|since| summary.joined >= since)
            && (!filter.ended_only || (summary.ended.is_some() && !summary.agents.is_empty()))
            && filter.text.as_deref().is_none_or(said)
    }
}

fn jid(text: &str) -> BareJid {
    BareJid::new(text).expect("the addresses of this suite are well-formed")
}

fn summary(id: &str, workgroup: &str, joined: u64, ended: bool) -> SessionSummary {
    SessionSummary {
        session: SessionId(id.to_owned()),
        workgroup: workgroup.to_owned(),
        user: "wanda@example.test".to_owned(),
        joined: Timestamp(joined),
        started: Some(Timestamp(joined + 1)),
        ended: ended.then_some(Timestamp(joined + 2)),
        end: ended.then(|| "agent-left".to_owned()),
        agents: vec![SessionAgent {
            agent: jid("ann@example.test"),
            joined: Timestamp(joined + 1),
            left: None,
        }],
        answers: Answers(vec![(
            "question".to_owned(),
            vec![format!("Drücker {id}"), "it's 100% \"broken\"".to_owned()],
        )]),
    }
}

fn line(id: &str, at: u64, text: &str) -> Line {
    Line {
        session: SessionId(id.to_owned()),
        at: Timestamp(at),
        kind: LineKind::Message,
        nick: "Wanda".to_owned(),
        jid: Some(jid("wanda@example.test")),
        text: Text(text.to_owned()),
    }
}

/// Runs the suite on an empty journal.
///
/// # Errors
/// The journal's own.
///
/// # Panics
/// When the journal doesn't do what [`Journal`] says.
pub async fn check<J: Journal>(journal: &mut J) -> Result<(), JournalError> {
    assert_eq!(journal.load().await?, [], "a new journal is empty");
    let event = |at: u64| {
        JournalRecord::Routing(Record {
            at: Timestamp(at),
            event: Event::CustomerDeparted { session: SessionId(format!("s{at}")) },
        })
    };
    let subscription = JournalRecord::Subscription {
        workgroup: "support".to_owned(),
        jid: jid("wanda@example.test"),
        subscribed: true,
    };
    let config = JournalRecord::Routing(Record {
        at: Timestamp(u64::MAX >> 12),
        event: Event::Configured { config: RoutingConfig::default() },
    });
    // The log keeps the order, also of equal records and of times that go back; other records are not in it.
    let state = vec![event(2), subscription, event(1), event(1), config];
    let mut records = state.clone();
    records.insert(1, JournalRecord::Session(summary("a", "support", 10, false)));
    records.insert(3, JournalRecord::Line(line("a", 12, "100% sure")));
    journal.append(&records[..4]).await?;
    journal.append(&[]).await?;
    journal.append(&records[4..]).await?;
    assert_eq!(journal.load().await?, state);
    // A snapshot takes the place of the whole log, and what comes later follows it.
    let snapshot = JournalRecord::Snapshot(Box::new(Snapshot::rebuild(state)));
    journal.compact(&snapshot).await?;
    journal.append(&[event(3)]).await?;
    assert_eq!(journal.load().await?, [snapshot, event(3)]);
    check_chats(journal).await
}

async fn check_chats<J: Journal>(journal: &mut J) -> Result<(), JournalError> {
    let notes =
        |text: &str| JournalRecord::Notes { session: SessionId("a".to_owned()), text: Text(text.to_owned()) };
    let ann = jid("ann@example.test");
    journal
        .append(&[
            JournalRecord::Session(summary("b", "support", 20, true)),
            JournalRecord::Session(summary("c", "sales", 30, true)),
            JournalRecord::Line(line("a", 11, "second, by order of writing")),
            JournalRecord::Line(line("b", 21, "Grüße")),
            notes("old"),
            notes("new"),
            JournalRecord::Macros { agent: ann.clone(), text: Text("<macrogroup/>".to_owned()) },
        ])
        .await?;
    let filter = || SessionFilter {
        workgroups: vec!["support".to_owned(), "sales".to_owned()],
        limit: 10,
        ..SessionFilter::default()
    };
    let some = |text: &str| Some(text.to_owned());
    let table: Vec<(&str, SessionFilter, &[&str])> = vec![
        ("all, newest first", filter(), &["c", "b", "a"]),
        ("limit", SessionFilter { limit: 2, ..filter() }, &["c", "b"]),
        ("no workgroup", SessionFilter { workgroups: Vec::new(), ..filter() }, &[]),
        ("one workgroup", SessionFilter { workgroups: vec!["support".to_owned()], ..filter() }, &["b", "a"]),
        ("agent", SessionFilter { agent: Some(ann.clone()), ..filter() }, &["c", "b", "a"]),
        ("other agent", SessionFilter { agent: Some(jid("nn@example.test")), ..filter() }, &[]),
        ("user", SessionFilter { user: some("wanda@example.test"), ..filter() }, &["c", "b", "a"]),
        ("other user", SessionFilter { user: some("wanda@example.test2"), ..filter() }, &[]),
        ("session", SessionFilter { session: Some(SessionId("b".to_owned())), ..filter() }, &["b"]),
        ("since", SessionFilter { since: Some(Timestamp(20)), ..filter() }, &["c", "b"]),
        ("ended", SessionFilter { ended_only: true, ..filter() }, &["c", "b"]),
        ("text in a line", SessionFilter { text: some("grüße"), ..filter() }, &["b"]),
        ("text in an answer", SessionFilter { text: some("drücker c"), ..filter() }, &["c"]),
        ("text that is a pattern", SessionFilter { text: some("100% s"), ..filter() }, &["a"]),
        ("a pattern is text", SessionFilter { text: some("1_0"), ..filter() }, &[]),
    ];
    for (name, filter, expected) in table {
        let found: Vec<String> =
            journal.sessions(&filter).await?.into_iter().map(|it| it.session.0).collect();
        assert_eq!(found, expected, "{name}");
    }
    let b = SessionFilter { session: Some(SessionId("b".to_owned())), ..filter() };
    assert_eq!(journal.sessions(&b).await?, [summary("b", "support", 20, true)]);
    // A summary replaces the one of the same id.
    journal.append(&[JournalRecord::Session(summary("a", "support", 10, true))]).await?;
    let a = SessionFilter { session: Some(SessionId("a".to_owned())), ..filter() };
    assert_eq!(journal.sessions(&a).await?, [summary("a", "support", 10, true)]);
    let session = SessionId("a".to_owned());
    let lines = [line("a", 12, "100% sure"), line("a", 11, "second, by order of writing")];
    assert_eq!(journal.transcript(&session, 10).await?, lines);
    assert_eq!(journal.transcript(&session, 1).await?, lines[1..], "the newest");
    assert_eq!(journal.transcript(&SessionId("none".to_owned()), 10).await?, []);
    assert_eq!(journal.notes(&session).await?, Some(Text("new".to_owned())));
    assert_eq!(journal.notes(&SessionId("b".to_owned())).await?, None);
    assert_eq!(journal.macros(&ann).await?, Some(Text("<macrogroup/>".to_owned())));
    assert_eq!(journal.macros(&jid("nn@example.test")).await?, None);
    Ok(())
}

/// After [`check`], closed and opened again: everything is still there.
///
/// # Errors
/// The journal's own.
///
/// # Panics
/// When something is missing.
pub async fn check_reopened<J: Journal>(journal: &mut J) -> Result<(), JournalError> {
    let log = journal.load().await?;
    assert!(matches!(log.as_slice(), [JournalRecord::Snapshot(_), JournalRecord::Routing(_)]), "{log:?}");
    let session = SessionId("a".to_owned());
    assert_eq!(journal.transcript(&session, 10).await?.len(), 2);
    assert_eq!(journal.notes(&session).await?, Some(Text("new".to_owned())));
    Ok(())
}
