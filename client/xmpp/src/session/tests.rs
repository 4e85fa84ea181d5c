//! The task over a scripted stream, in paused time.

use super::link::{Connector, Failed, Link};
use super::{Environment, Task};
use crate::output::{Bound, SessionCommand, SessionOutput};
use crate::translate::iq::ANSWER;
use flint_core::effect::Outbound;
use flint_core::ids::{MessageId, SendToken, Timestamp};
use flint_core::input::{RemoteEvent, SessionEvent};
use flint_core::model::ConversationId;
use flint_core::secret::Private;
use flint_stream::{ConnectError, Credentials, Event, Secret, StreamEnd};
use minidom::Element;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What one attempt to connect leads to.
enum Outcome {
    /// It hangs until it is dropped.
    Hangs,
    Fails(ConnectError),
    /// It fails after the server has acknowledged everything.
    Acknowledges(ConnectError),
    Opens {
        resumed: bool,
        resumable: bool,
        lost: Vec<u64>,
        events: mpsc::UnboundedReceiver<Result<Event, StreamEnd>>,
    },
}

/// What the script sees of the task.
#[derive(Debug, PartialEq)]
enum Seen {
    /// An attempt, at this time, with these unacknowledged tokens to be resumed.
    Attempt {
        at: Duration,
        resume: Option<Vec<u64>>,
    },
    Password,
    Sent(String),
    Closed,
}

/// What a stream leaves behind: tokens.
#[derive(Clone, Default)]
struct Kept {
    unacked: Vec<u64>,
    acked: Vec<u64>,
}

struct Script {
    begun: Instant,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
    seen: mpsc::UnboundedSender<Seen>,
    within_stanza: Arc<AtomicBool>,
}

struct Stream {
    resumed: bool,
    resumable: bool,
    lost: Vec<u64>,
    events: mpsc::UnboundedReceiver<Result<Event, StreamEnd>>,
    unacked: Vec<u64>,
    ended: bool,
    seen: mpsc::UnboundedSender<Seen>,
    within_stanza: Arc<AtomicBool>,
}

impl Connector for Script {
    type Link = Stream;

    async fn connect(&mut self, resume: Option<Kept>) -> Result<Stream, Failed<Kept>> {
        let unacked = resume.as_ref().map(|kept| kept.unacked.clone());
        let _ = self.seen.send(Seen::Attempt { at: self.begun.elapsed(), resume: unacked });
        match self.outcomes.recv().await {
            None | Some(Outcome::Hangs) => std::future::pending().await,
            Some(Outcome::Fails(error)) => Err((error, resume)),
            Some(Outcome::Acknowledges(error)) => {
                Err((error, resume.map(|kept| Kept { unacked: Vec::new(), acked: kept.unacked })))
            }
            Some(Outcome::Opens { resumed, resumable, lost, events }) => Ok(Stream {
                resumed,
                resumable,
                lost,
                events,
                unacked: resume.filter(|_| resumed).unwrap_or_default().unacked,
                ended: false,
                seen: self.seen.clone(),
                within_stanza: self.within_stanza.clone(),
            }),
        }
    }

    fn set_credentials(&mut self, credentials: Credentials) {
        assert!(matches!(credentials, Credentials::Password(_)));
        let _ = self.seen.send(Seen::Password);
    }
}

impl Link for Stream {
    type Resume = Kept;

    fn bound(&self) -> Bound {
        let jid = "ann@example.test/desk".parse().unwrap();
        Bound { jid, mechanism: "GSSAPI".to_owned(), resumed: self.resumed }
    }

    fn take_lost(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.lost)
    }

    async fn next(&mut self) -> Result<Event, StreamEnd> {
        if self.ended {
            return Err(StreamEnd::ClosedByServer);
        }
        let event = self.events.recv().await.unwrap_or(Err(StreamEnd::ClosedByServer));
        self.ended |= event.is_err();
        if let Ok(Event::Acked(tokens)) = &event {
            self.unacked.retain(|token| !tokens.contains(token));
        }
        event
    }

    async fn send(&mut self, stanza: &Element, token: Option<u64>) -> Result<(), StreamEnd> {
        self.unacked.extend(token);
        if self.ended {
            return Err(StreamEnd::ClosedByServer);
        }
        let name = stanza
            .children()
            .next()
            .map_or_else(|| stanza.name().to_owned(), |child| child.name().to_owned());
        let _ = self.seen.send(Seen::Sent(name));
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.unacked.len() >= 4
    }

    async fn close(self) -> Vec<u64> {
        let _ = self.seen.send(Seen::Closed);
        self.unacked
    }

    fn is_within_stanza(&self) -> bool {
        self.within_stanza.load(Ordering::Relaxed)
    }

    fn is_resumable(&self) -> bool {
        self.resumable
    }

    fn into_resume(self) -> Option<Kept> {
        self.resumable.then_some(Kept { unacked: self.unacked, acked: Vec::new() })
    }

    fn unacked(resume: &Kept) -> Vec<u64> {
        resume.unacked.clone()
    }

    fn acked(resume: &Kept) -> Vec<u64> {
        resume.acked.clone()
    }
}

struct Stage {
    commands: mpsc::UnboundedSender<SessionCommand>,
    outputs: mpsc::Receiver<SessionOutput>,
    outcomes: mpsc::UnboundedSender<Outcome>,
    seen: mpsc::UnboundedReceiver<Seen>,
    /// Whether the server is in the middle of a stanza.
    within_stanza: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Stage {
    /// Waits are as long as they can be: 1, 2, 4 … 60 s.
    fn new() -> Self {
        let (commands, command_end) = mpsc::unbounded_channel();
        let (output_end, outputs) = mpsc::channel(64);
        let (outcomes, outcome_end) = mpsc::unbounded_channel();
        let (seen_end, seen) = mpsc::unbounded_channel();
        let within_stanza = Arc::new(AtomicBool::new(false));
        let script = Script {
            begun: Instant::now(),
            outcomes: outcome_end,
            seen: seen_end,
            within_stanza: within_stanza.clone(),
        };
        // The first one goes into the ids of requests.
        let mut step = 125;
        let random = move || {
            step = (step * 2_u64).min(30_000);
            step
        };
        let environment = Environment { now: Box::new(|| Timestamp(0)), random: Box::new(random) };
        let account = "ann@example.test".parse().unwrap();
        let task = tokio::spawn(Task::new(script, account, environment, command_end, output_end).run());
        Self { commands, outputs, outcomes, seen, within_stanza, task }
    }

    fn command(&self, command: SessionCommand) {
        self.commands.send(command).unwrap();
    }

    fn send(&self, token: u64) {
        let stanza = Outbound::Message {
            conversation: ConversationId::Person("bob@example.test".parse().unwrap()),
            id: MessageId(format!("m{token}")),
            body: Private::from("hi"),
            resent: false,
        };
        self.command(SessionCommand::Send { token: SendToken(token), stanza });
    }

    fn opens(&self, resumed: bool, lost: &[u64]) -> mpsc::UnboundedSender<Result<Event, StreamEnd>> {
        let (sender, events) = mpsc::unbounded_channel();
        self.outcomes.send(Outcome::Opens { resumed, resumable: true, lost: lost.to_vec(), events }).unwrap();
        sender
    }

    fn fails(&self, error: ConnectError) {
        self.outcomes.send(Outcome::Fails(error)).unwrap();
    }

    /// The next change of state.
    async fn state(&mut self) -> SessionEvent {
        loop {
            match self.outputs.recv().await.expect("the task is there") {
                SessionOutput::State(event) => return event,
                _ => continue,
            }
        }
    }

    /// Waits until a request has failed.
    async fn request_fails(&mut self) {
        loop {
            let output = self.outputs.recv().await.expect("the task is there");
            if matches!(output, SessionOutput::Remote(RemoteEvent::RequestAnswered { result: Err(_), .. })) {
                return;
            }
        }
    }

    /// The next attempt; what was sent before is skipped.
    async fn attempt(&mut self) -> (u64, Option<Vec<u64>>) {
        loop {
            match self.seen.recv().await.expect("the task is there") {
                Seen::Attempt { at, resume } => return (u64::try_from(at.as_millis()).unwrap(), resume),
                _ => continue,
            }
        }
    }

    /// Waits until this was sent.
    async fn sent(&mut self, name: &str) {
        while self.seen.recv().await.expect("the task is there") != Seen::Sent(name.to_owned()) {}
    }
}

fn network() -> ConnectError {
    ConnectError::Network("cut".to_owned())
}

fn is_online(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::Online { .. })
}

#[tokio::test(start_paused = true)]
async fn network_failures_back_off_and_everything_else_is_final() {
    let mut stage = Stage::new();
    stage.command(SessionCommand::Connect);
    let mut at = 0;
    for wait in [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
        stage.fails(network());
        assert_eq!(stage.attempt().await, (at, None));
        assert_eq!(stage.state().await, SessionEvent::Connecting);
        assert!(
            matches!(stage.state().await, SessionEvent::Interrupted { retry_at: Timestamp(ms), .. } if ms == wait)
        );
        at += u64::try_from(wait).unwrap();
    }
    let refused = ConnectError::NotAuthorized {
        mechanism: "GSSAPI".to_owned(),
        condition: "not-authorized".to_owned(),
        text: None,
    };
    stage.fails(refused.clone());
    assert_eq!(stage.attempt().await, (at, None));
    assert_eq!(stage.state().await, SessionEvent::Connecting);
    let (kind, reason, next_step) = super::words(&refused);
    assert_eq!(stage.state().await, SessionEvent::Refused { kind, reason, next_step });
    // Nothing happens by itself any more, however long one waits.
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert!(stage.seen.try_recv().is_err());
    stage.outcomes.send(Outcome::Hangs).unwrap();
    stage.command(SessionCommand::Connect);
    assert_eq!(stage.attempt().await.0, at + 86_400_000);
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_resumed_and_messages_keep_their_tokens() {
    let mut stage = Stage::new();
    let server = stage.opens(false, &[]);
    stage.command(SessionCommand::Connect);
    while !is_online(&stage.state().await) {}
    stage.send(1);
    stage.send(2);
    assert_eq!(stage.state().await, SessionEvent::Written(SendToken(1)));
    assert_eq!(stage.state().await, SessionEvent::Written(SendToken(2)));
    server.send(Err(StreamEnd::Network("cut".to_owned()))).unwrap();
    assert!(matches!(stage.state().await, SessionEvent::Interrupted { .. }));
    // A module's stanza waits for the resumption, a message is given back at once.
    let xml = "<message xmlns='jabber:client' to='x@example.test'><offer-accept/></message>";
    stage.command(SessionCommand::SendExtension(Private::from(xml)));
    stage.send(3);
    assert_eq!(stage.state().await, SessionEvent::Lost(SendToken(3)));
    stage.fails(network());
    stage.outcomes.send(Outcome::Acknowledges(network())).unwrap();
    let server = stage.opens(true, &[]);
    assert_eq!(stage.attempt().await.1, None);
    assert_eq!(stage.attempt().await.1, Some(vec![1, 2]));
    assert_eq!(stage.attempt().await.1, Some(vec![1, 2]));
    assert_eq!(stage.attempt().await.1, Some(vec![]));
    for _ in 0..2 {
        assert_eq!(stage.state().await, SessionEvent::Connecting);
        assert!(matches!(stage.state().await, SessionEvent::Interrupted { .. }));
    }
    assert_eq!(stage.state().await, SessionEvent::Connecting);
    assert!(matches!(stage.state().await, SessionEvent::Resumed { .. }));
    stage.sent("offer-accept").await;
    server.send(Ok(Event::Acked(vec![1, 2]))).unwrap();
    assert_eq!(stage.state().await, SessionEvent::Acked(SendToken(1)));
    assert_eq!(stage.state().await, SessionEvent::Acked(SendToken(2)));
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_is_told_even_when_there_is_no_other_stream() {
    let mut stage = Stage::new();
    let server = stage.opens(false, &[]);
    stage.command(SessionCommand::Connect);
    while !is_online(&stage.state().await) {}
    stage.send(1);
    assert_eq!(stage.state().await, SessionEvent::Written(SendToken(1)));
    stage.outcomes.send(Outcome::Acknowledges(network())).unwrap();
    server.send(Err(StreamEnd::Network("cut".to_owned()))).unwrap();
    for _ in 0..2 {
        while !matches!(stage.state().await, SessionEvent::Interrupted { .. }) {}
    }
    stage.command(SessionCommand::Disconnect);
    assert_eq!(stage.state().await, SessionEvent::Acked(SendToken(1)));
    assert_eq!(stage.state().await, SessionEvent::SignedOut);
}

#[tokio::test(start_paused = true)]
async fn a_refused_resumption_gives_back_what_was_not_acknowledged_before_it_is_online() {
    let mut stage = Stage::new();
    let server = stage.opens(false, &[]);
    stage.command(SessionCommand::Connect);
    while !is_online(&stage.state().await) {}
    stage.send(1);
    stage.command(SessionCommand::Send { token: SendToken(2), stanza: Outbound::EnableCarbons });
    stage.sent("enable").await;
    server.send(Err(StreamEnd::Network("cut".to_owned()))).unwrap();
    let _server = stage.opens(false, &[1]);
    let mut got = Vec::new();
    while !got.last().is_some_and(|output| matches!(output, SessionOutput::State(event) if is_online(event)))
    {
        got.push(stage.outputs.recv().await.unwrap());
    }
    let lost =
        got.iter().position(|output| *output == SessionOutput::State(SessionEvent::Lost(SendToken(1))));
    let failed = got.iter().position(|output| {
        matches!(
            output,
            SessionOutput::Remote(RemoteEvent::RequestAnswered { token: SendToken(2), result: Err(_) })
        )
    });
    assert!(lost.is_some() && failed.is_some(), "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_every_stream_is_not_asked_in_a_tight_loop() {
    let mut stage = Stage::new();
    stage.command(SessionCommand::Connect);
    let mut times = Vec::new();
    for _ in 0..4 {
        let server = stage.opens(false, &[]);
        times.push(stage.attempt().await.0);
        while !is_online(&stage.state().await) {}
        server.send(Err(StreamEnd::ClosedByServer)).unwrap();
    }
    assert_eq!(times, [0, 1_000, 3_000, 7_000]);
    // One that held for a while begins anew.
    let server = stage.opens(false, &[]);
    assert_eq!(stage.attempt().await.0, 15_000);
    while !is_online(&stage.state().await) {}
    tokio::time::sleep(Duration::from_secs(31)).await;
    server.send(Err(StreamEnd::ClosedByServer)).unwrap();
    assert!(stage.attempt().await.0 <= 15_000 + 31_000 + 1_000);
}

#[tokio::test(start_paused = true)]
async fn another_program_in_our_place_is_final() {
    let mut stage = Stage::new();
    let server = stage.opens(false, &[]);
    stage.command(SessionCommand::Connect);
    while !is_online(&stage.state().await) {}
    stage.send(1);
    assert_eq!(stage.state().await, SessionEvent::Written(SendToken(1)));
    server.send(Err(StreamEnd::ServerError { condition: "conflict".to_owned(), text: None })).unwrap();
    assert_eq!(stage.state().await, SessionEvent::Lost(SendToken(1)));
    assert!(matches!(stage.state().await, SessionEvent::Refused { kind, .. } if kind == "conflict"));
}

#[tokio::test(start_paused = true)]
async fn every_wait_can_be_cut_short() {
    let mut stage = Stage::new();
    // While connecting: new credentials begin anew, signing out ends it.
    stage.command(SessionCommand::Connect);
    stage.outcomes.send(Outcome::Hangs).unwrap();
    stage.attempt().await;
    stage.command(SessionCommand::SetCredentials(Credentials::Password(Secret::new("pencil"))));
    assert_eq!(stage.seen.recv().await, Some(Seen::Password));
    stage.attempt().await;
    stage.command(SessionCommand::Disconnect);
    assert_eq!(stage.state().await, SessionEvent::Connecting);
    assert_eq!(stage.state().await, SessionEvent::SignedOut);
    // While waiting for the next attempt: connecting does not wait.
    stage.fails(network());
    stage.command(SessionCommand::Connect);
    let (at, _) = stage.attempt().await;
    assert_eq!(stage.state().await, SessionEvent::Connecting);
    assert!(matches!(stage.state().await, SessionEvent::Interrupted { .. }));
    let server = stage.opens(false, &[]);
    stage.command(SessionCommand::Connect);
    assert_eq!(stage.attempt().await.0, at);
    while !is_online(&stage.state().await) {}
    // While online: in good order.
    stage.send(1);
    assert_eq!(stage.state().await, SessionEvent::Written(SendToken(1)));
    stage.command(SessionCommand::Disconnect);
    while stage.seen.recv().await.unwrap() != Seen::Closed {}
    assert_eq!(stage.state().await, SessionEvent::Acked(SendToken(1)));
    assert_eq!(stage.state().await, SessionEvent::SignedOut);
    drop(server);
    stage.command(SessionCommand::Shutdown);
    assert!(stage.outputs.recv().await.is_none());
    stage.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_acknowledgements_written_is_all_there_is() {
    let mut stage = Stage::new();
    let (_server, events) = mpsc::unbounded_channel();
    stage
        .outcomes
        .send(Outcome::Opens { resumed: false, resumable: false, lost: Vec::new(), events })
        .unwrap();
    stage.command(SessionCommand::Connect);
    while !is_online(&stage.state().await) {}
    stage.send(1);
    assert_eq!(stage.state().await, SessionEvent::Written(SendToken(1)));
    assert_eq!(stage.state().await, SessionEvent::Acked(SendToken(1)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_acknowledge_is_not_sent_ever_more() {
    let mut stage = Stage::new();
    let server = stage.opens(false, &[]);
    stage.command(SessionCommand::Connect);
    while !is_online(&stage.state().await) {}
    for token in 1..=10 {
        stage.send(token);
    }
    for token in 1..=4 {
        assert_eq!(stage.state().await, SessionEvent::Written(SendToken(token)));
    }
    let more = tokio::time::timeout(Duration::from_secs(600), stage.state()).await;
    assert!(more.is_err(), "it is full: {more:?}");
    // What is acknowledged makes room, in order.
    server.send(Ok(Event::Acked(vec![1, 2]))).unwrap();
    for event in [1, 2].map(|token| SessionEvent::Acked(SendToken(token))) {
        assert_eq!(stage.state().await, event);
    }
    for event in [5, 6].map(|token| SessionEvent::Written(SendToken(token))) {
        assert_eq!(stage.state().await, event);
    }
    // A cut gives back what waited, and keeps what was on its way for the resumption.
    server.send(Err(StreamEnd::Network("cut".to_owned()))).unwrap();
    let _server = stage.opens(true, &[]);
    for event in [7, 8, 9, 10].map(|token| SessionEvent::Lost(SendToken(token))) {
        assert_eq!(stage.state().await, event);
    }
    assert_eq!(stage.attempt().await.1, None);
    assert_eq!(stage.attempt().await.1, Some(vec![3, 4, 5, 6]));
}

#[tokio::test(start_paused = true)]
async fn signing_out_is_heard_while_much_waits() {
    let mut stage = Stage::new();
    let _server = stage.opens(false, &[]);
    stage.command(SessionCommand::Connect);
    while !is_online(&stage.state().await) {}
    for token in 1..=5 {
        stage.send(token);
    }
    stage.command(SessionCommand::Disconnect);
    for token in 1..=4 {
        assert_eq!(stage.state().await, SessionEvent::Written(SendToken(token)));
    }
    assert_eq!(stage.state().await, SessionEvent::Lost(SendToken(5)));
    for token in 1..=4 {
        assert_eq!(stage.state().await, SessionEvent::Acked(SendToken(token)));
    }
    assert_eq!(stage.state().await, SessionEvent::SignedOut);
}

#[tokio::test(start_paused = true)]
async fn many_messages_at_once_wait_for_a_healthy_server_and_all_arrive() {
    const MANY: u64 = 10_000;
    let mut stage = Stage::new();
    let server = stage.opens(false, &[]);
    stage.command(SessionCommand::Connect);
    while !is_online(&stage.state().await) {}
    for token in 1..=MANY {
        stage.send(token);
    }
    let (mut written, mut acked) = (Vec::new(), Vec::new());
    while acked.len() < MANY as usize {
        match stage.state().await {
            SessionEvent::Written(SendToken(token)) => written.push(token),
            SessionEvent::Acked(SendToken(token)) => acked.push(token),
            other => panic!("{other:?} after {} acknowledgements", acked.len()),
        }
        // The server takes up to four, and needs a round trip to say so.
        if !written.is_empty() && (written.len() == 4 || acked.len() + written.len() == MANY as usize) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            server.send(Ok(Event::Acked(std::mem::take(&mut written)))).unwrap();
        }
    }
    assert!(acked.into_iter().eq(1..=MANY), "in order");
}

#[tokio::test(start_paused = true)]
async fn requests_run_out_while_nothing_else_happens() {
    let mut stage = Stage::new();
    let _server = stage.opens(false, &[]);
    stage.command(SessionCommand::Connect);
    while !is_online(&stage.state().await) {}
    stage.command(SessionCommand::Send { token: SendToken(1), stanza: Outbound::EnableCarbons });
    let before = Instant::now();
    stage.request_fails().await;
    assert_eq!(before.elapsed(), ANSWER);
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_run_out_while_its_answer_may_be_coming_in() {
    let mut stage = Stage::new();
    let _server = stage.opens(false, &[]);
    stage.command(SessionCommand::Connect);
    while !is_online(&stage.state().await) {}
    stage.within_stanza.store(true, Ordering::Relaxed);
    stage.command(SessionCommand::Send { token: SendToken(1), stanza: Outbound::EnableCarbons });
    let before = Instant::now();
    let early = tokio::time::timeout(ANSWER * 4 + ANSWER / 2, stage.request_fails()).await;
    assert!(early.is_err(), "it ran out after {:?}", before.elapsed());
    stage.within_stanza.store(false, Ordering::Relaxed);
    stage.request_fails().await;
    assert_eq!(before.elapsed(), ANSWER * 5);
}
