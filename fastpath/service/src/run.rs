//! The task: connection, journal, timers.

use crate::config::ServiceConfig;
use crate::journal::{Journal, JournalError, LineKind, SessionFilter, Snapshot};
use crate::link::{Connect, Link};
use crate::metrics::Metrics;
use crate::service::{Answer, Kind, MAX_LINES, Past, Query, Service, Work, room};
use flint_fastpath_routing::Timestamp;
use flint_stream::{ComponentParams, StreamEnd};
use futures::FutureExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::Instant;

/// Stanzas that share one commit of the journal.
const BATCH: usize = 256;
/// Records after which the journal's log is replaced by a snapshot, unless the state itself is larger.
const COMPACT_AFTER: usize = 2_000;
/// First pause before connecting again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause before connecting again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why the service gave up. A lost or refused connection is not among the reasons: it is made again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The configuration can't be used.
    #[error("the workgroup service can't start: {0}. Correct the configuration and start again")]
    Config(String),
}

/// Runs the workgroup service until `cancel` becomes true (or its sender is dropped); then what is pending is written
/// and the connection ends in good order.
///
/// The newest value of `config` counts: changing it changes the running service; one with problems is logged and the
/// old one stays. `domain` and `conference` are taken at the start only.
///
/// # Errors
/// Why it can't run at all.
pub async fn run<J: Journal>(
    config: watch::Receiver<ServiceConfig>,
    component: ComponentParams,
    journal: J,
    cancel: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
) -> Result<(), ServiceError> {
    run_over(config, component, journal, cancel, metrics, Surroundings::default()).await
}

/// [`run`] over any kind of connection, in any surroundings.
///
/// # Errors
/// Why it can't run at all.
pub async fn run_over<C: Connect, J: Journal>(
    mut config: watch::Receiver<ServiceConfig>,
    connect: C,
    journal: J,
    mut cancel: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
    surroundings: Surroundings,
) -> Result<(), ServiceError> {
    let first = config.borrow_and_update().clone();
    if let Some(problem) = first.problems().first() {
        return Err(ServiceError::Config(problem.to_string()));
    }
    let mut task = Task {
        config,
        current: first,
        connect,
        journal,
        metrics,
        surroundings,
        pause: Pause::default(),
        since: 0,
        last: None,
    };
    let stopped = async move {
        // A dropped sender means that nobody is left who could stop us in any other way.
        let _ = cancel.wait_for(|stop| *stop).await;
    };
    tokio::pin!(stopped);
    loop {
        let mut service = tokio::select! {
            biased;
            () = &mut stopped => return Ok(()),
            service = task.load() => service,
        };
        // One service lives as long as the journal agrees with it, over any number of connections.
        loop {
            let link = tokio::select! {
                biased;
                () = &mut stopped => return Ok(()),
                link = task.connect() => link,
            };
            Metrics::set(&task.metrics.connected, 1);
            Metrics::add(&task.metrics.connects_total, 1);
            let end = task.serve(&mut service, link, &mut stopped).await;
            Metrics::set(&task.metrics.connected, 0);
            match end {
                End::Stopped => return Ok(()),
                End::Stream(end) => {
                    tracing::warn!(domain = %task.current.domain, ?end, "the connection to the XMPP server ended");
                }
                End::Journal(error) => {
                    task.journal_failed(&error);
                    break;
                }
            }
        }
    }
}

struct Task<C, J> {
    config: watch::Receiver<ServiceConfig>,
    current: ServiceConfig,
    connect: C,
    journal: J,
    metrics: Arc<Metrics>,
    surroundings: Surroundings,
    pause: Pause,
    /// State records since the last snapshot.
    since: usize,
    /// The clock of the last connection.
    last: Option<Clock>,
}

enum End {
    Stopped,
    Stream(StreamEnd),
    Journal(JournalError),
}

impl<C: Connect, J: Journal> Task<C, J> {
    /// Reads the journal until that works.
    async fn load(&mut self) -> Service {
        loop {
            match self.try_load().await {
                Ok(service) => return service,
                Err(error) => self.journal_failed(&error),
            }
            self.pause.wait(self.surroundings).await;
        }
    }

    async fn try_load(&mut self) -> Result<Service, JournalError> {
        let records = self.journal.load().await?;
        self.since = records.len();
        let state = Snapshot::rebuild(records);
        let mut past = Vec::new();
        for session in state.router.sessions() {
            // Whoever only waits is known to the router in full.
            let Some(view) = state.router.customer(session).filter(|view| view.has_room) else { continue };
            let filter = SessionFilter {
                workgroups: vec![view.workgroup.0.clone()],
                session: Some(session.clone()),
                limit: 1,
                ..SessionFilter::default()
            };
            if let Some(summary) = self.journal.sessions(&filter).await?.pop() {
                let lines = self.journal.transcript(session, room::MAX_STORED).await?;
                let last_line = lines.iter().map(|line| line.at).max().unwrap_or_default();
                let said = lines.iter().filter(|line| line.kind == LineKind::Message).count();
                let moves = lines.len() - said;
                past.push(Past { summary, said, moves, last_line, recent: room::recent(&lines) });
            }
        }
        let metrics = Arc::clone(&self.metrics);
        Ok(Service::new(self.current.clone(), state, past, metrics, self.surroundings))
    }

    /// Connects until that works. A refusal may end as well: a server that starts does not know its components yet,
    /// and a wrong secret is corrected on its side. It is only not tried in a hurry.
    async fn connect(&mut self) -> C::Link {
        loop {
            self.pause.wait(self.surroundings).await;
            match self.connect.connect().await {
                Ok(link) => return link,
                Err(error) => {
                    if error.is_final() {
                        self.pause.lengthen();
                    }
                    tracing::warn!(
                        domain = %self.current.domain,
                        kind = error.kind(),
                        "not connected: {} {}",
                        error.reason(),
                        error.next_step()
                    );
                }
            }
        }
    }

    async fn serve<S>(&mut self, service: &mut Service, mut link: C::Link, stopped: &mut S) -> End
    where
        S: Future<Output = ()> + Unpin,
    {
        let clock = Clock::after(self.last, (self.surroundings.wall)());
        self.last = Some(clock);
        let connected_at = Instant::now();
        service.connected(clock.now());
        loop {
            service.settle(clock.now());
            if let Err(end) = self.work_off(service, &mut link, &clock).await {
                return end;
            }
            if connected_at.elapsed() > LONGEST_PAUSE {
                self.pause = Pause::default();
            }
            let wake = service.next_wake();
            let timer = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(clock.instant(at)).await,
                    None => std::future::pending().await,
                }
            };
            let mut ended = None;
            // In this order, so that a run can be repeated; timers are looked at below in any case.
            tokio::select! {
                biased;
                () = &mut *stopped => {
                    link.close().await;
                    return End::Stopped;
                }
                changed = self.config.changed() => match changed {
                    Ok(()) => self.reconfigure(service, clock.now()),
                    // Nobody will change it any more; the service goes on with what it has.
                    Err(_) => self.config = watch::channel(self.current.clone()).1,
                },
                stanza = link.next() => match stanza {
                    Ok(stanza) => service.stanza(&stanza, clock.now()),
                    Err(end) => ended = Some(end),
                },
                () = timer => {}
            }
            service.wake(clock.now());
            // What else is there already shares the commit.
            for _ in 1..BATCH {
                if ended.is_some() {
                    break;
                }
                match link.next().now_or_never() {
                    Some(Ok(stanza)) => service.stanza(&stanza, clock.now()),
                    Some(Err(end)) => ended = Some(end),
                    None => break,
                }
            }
            if let Some(end) = ended {
                // What the last stanzas changed is kept, what they caused is sent anew after the next connection.
                return match self.write(&service.work()).await {
                    Ok(()) => End::Stream(end),
                    Err(error) => End::Journal(error),
                };
            }
        }
    }

    /// Journal first, then stanzas, then what the journal is asked; until nothing is left.
    async fn work_off(
        &mut self,
        service: &mut Service,
        link: &mut C::Link,
        clock: &Clock,
    ) -> Result<(), End> {
        loop {
            let work = service.work();
            if work.records.is_empty() && work.stanzas.is_empty() && work.queries.is_empty() {
                return self.compact(service).await.map_err(End::Journal);
            }
            self.write(&work).await.map_err(End::Journal)?;
            for stanza in &work.stanzas {
                link.send(stanza).await.map_err(End::Stream)?;
            }
            Metrics::add(&self.metrics.stanzas_out_total, work.stanzas.len() as u64);
            for query in work.queries {
                let answer = match self.ask(&query).await {
                    Ok(answer) => Some(answer),
                    Err(error) => {
                        Metrics::add(&self.metrics.journal_errors_total, 1);
                        tracing::error!(%error, "a request could not be answered");
                        None
                    }
                };
                service.answer(query, answer);
            }
            service.settle(clock.now());
        }
    }

    async fn write(&mut self, work: &Work) -> Result<(), JournalError> {
        if work.records.is_empty() {
            return Ok(());
        }
        self.journal.append(&work.records).await?;
        self.since += work.records.iter().filter(|record| record.is_state()).count();
        Metrics::add(&self.metrics.journal_commits_total, 1);
        Metrics::add(&self.metrics.journal_records_total, work.records.len() as u64);
        Ok(())
    }

    async fn compact(&mut self, service: &Service) -> Result<(), JournalError> {
        if self.since > COMPACT_AFTER.max(4 * service.size()) {
            self.journal.compact(&service.snapshot()).await?;
            self.since = 0;
        }
        Ok(())
    }

    async fn ask(&mut self, query: &Query) -> Result<Answer, JournalError> {
        let mut answer = Answer { sessions: Vec::new(), lines: Vec::new(), text: None };
        if let Kind::Macros(agent) = &query.kind {
            answer.text = self.journal.macros(agent).await?;
            return Ok(answer);
        }
        if query.filter.workgroups.is_empty() {
            return Ok(answer);
        }
        answer.sessions = self.journal.sessions(&query.filter).await?;
        match &query.kind {
            Kind::Transcript(session) if !answer.sessions.is_empty() => {
                // One more than is shown tells that there are more.
                answer.lines = self.journal.transcript(session, MAX_LINES + 1).await?;
            }
            Kind::Notes(session) if !answer.sessions.is_empty() => {
                answer.text = self.journal.notes(session).await?
            }
            _ => {}
        }
        Ok(answer)
    }

    fn reconfigure(&mut self, service: &mut Service, now: Timestamp) {
        let new = self.config.borrow_and_update().clone();
        if let Some(problem) = new.problems().first() {
            tracing::error!(%problem, "the new configuration of the workgroups is not used");
            return;
        }
        self.current = new.clone();
        service.configured(new, now);
    }

    fn journal_failed(&self, error: &JournalError) {
        Metrics::add(&self.metrics.journal_errors_total, 1);
        tracing::error!(domain = %self.current.domain, %error, "the journal failed; the service reads it again");
    }
}

/// What the service takes from the machine. A test gives it its own, so that a run can be repeated.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// The clock on the wall, which somebody may set back.
    pub wall: fn() -> Timestamp,
    /// Fills with randomness; false when the system has none.
    pub random: fn(&mut [u8]) -> bool,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { wall, random: |bytes| getrandom::fill(bytes).is_ok() }
    }
}

impl Surroundings {
    /// A random id of 25 letters and digits, which is more than 120 bits: it names a room that only the invited may
    /// find. `None` when the system has no randomness: a name that can be guessed would be worse than none.
    pub(crate) fn new_id(self) -> Option<String> {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut bytes = [0_u8; 25];
        let random = (self.random)(&mut bytes);
        random.then(|| bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
    }
}

fn wall() -> Timestamp {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Timestamp(u64::try_from(wall).unwrap_or(u64::MAX))
}

/// Wall time that never goes back, and that a test's virtual time moves. Each connection sets it anew.
#[derive(Clone, Copy)]
struct Clock {
    wall: u64,
    started: Instant,
}

impl Clock {
    /// Set by the system's clock, which may have been set back since `last`.
    fn after(last: Option<Self>, wall: Timestamp) -> Self {
        Self { wall: last.map_or(wall, |last| wall.max(last.now())).0, started: Instant::now() }
    }

    fn now(&self) -> Timestamp {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.wall.saturating_add(elapsed))
    }

    fn instant(&self, at: Timestamp) -> Instant {
        // A millisecond more, so that the moment has passed when it is looked at.
        self.started + Duration::from_millis(at.0.saturating_sub(self.wall).saturating_add(1))
    }
}

/// The pause before the next attempt: none at first, then doubling, with jitter so that services don't come back in
/// step.
#[derive(Default)]
struct Pause {
    attempts: u32,
}

impl Pause {
    /// The next pause is one of the longest.
    fn lengthen(&mut self) {
        self.attempts = self.attempts.max(10);
    }

    async fn wait(&mut self, surroundings: Surroundings) {
        self.attempts += 1;
        if self.attempts > 1 {
            let doubled = FIRST_PAUSE.saturating_mul(1 << (self.attempts - 2).min(10)).min(LONGEST_PAUSE);
            let mut random = [0_u8; 1];
            let jitter = if (surroundings.random)(&mut random) { u32::from(random[0]) } else { 128 };
            // Between half of it and one and a half.
            tokio::time::sleep(doubled / 2 + doubled * jitter / 255).await;
        }
    }
}
