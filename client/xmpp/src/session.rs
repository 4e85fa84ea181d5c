//! The task that keeps an account signed in: connect, resume, back off, give up when trying again makes no sense.

mod link;
#[cfg(test)]
mod tests;

use crate::backoff::{Backoff, PROVEN};
use crate::output::{Bound, SessionCommand, SessionOutput};
use crate::translate::{Step, Translator, presence};
use flint_core::input::SessionEvent;
use flint_core::model::Show;
use flint_core::secret::Private;
use flint_core::{SendToken, Timestamp};
use flint_stream::{ConnectError, ConnectParams, Event, StreamEnd};
use link::{Connector, Link, Network};
use std::collections::VecDeque;
use std::fmt;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// What the session takes from outside so that tests can decide it. Waiting is tokio's, which tests can pause.
pub struct Environment {
    /// The present time, for showing when the next attempt begins.
    pub now: Box<dyn Fn() -> Timestamp + Send>,
    /// Uniform over all `u64`: jitter, and the prefix of request ids.
    pub random: Box<dyn FnMut() -> u64 + Send>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// Runs until [`SessionCommand::Shutdown`], or until one of the channels is closed. Nothing is tried before
/// [`SessionCommand::Connect`].
///
/// A full `outputs` holds back the reading of the stream, and with it the server.
pub async fn run(
    params: ConnectParams,
    environment: Environment,
    commands: mpsc::UnboundedReceiver<SessionCommand>,
    outputs: mpsc::Sender<SessionOutput>,
) {
    let account = params.account.clone();
    Task::new(Network::new(params), account, environment, commands, outputs).run().await;
}

/// What a command means for the state the task is in.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing changes.
    Stay,
    /// Try now.
    Connect,
    /// Go offline.
    Offline,
    /// End the task.
    End,
}

struct Task<C: Connector> {
    connector: C,
    environment: Environment,
    commands: mpsc::UnboundedReceiver<SessionCommand>,
    outputs: mpsc::Sender<SessionOutput>,
    translator: Translator,
    backoff: Backoff,
    resume: Option<<C::Link as Link>::Resume>,
    /// A module's stanzas, kept over a break that may end in a resumption.
    kept: VecDeque<Private>,
    /// Stanzas that wait until the server has acknowledged others. How long is the stream's matter: it ends when no
    /// acknowledgement comes in time. How many says nothing about the server.
    held: VecDeque<SessionCommand>,
}

/// Stanzas of modules that are kept over a break.
const MAX_KEPT: usize = 256;

impl<C: Connector> Task<C> {
    fn new(
        connector: C,
        account: flint_core::BareJid,
        mut environment: Environment,
        commands: mpsc::UnboundedReceiver<SessionCommand>,
        outputs: mpsc::Sender<SessionOutput>,
    ) -> Self {
        let prefix = (environment.random)();
        let translator = Translator::new(account, prefix, Instant::now());
        Self {
            connector,
            environment,
            commands,
            outputs,
            translator,
            backoff: Backoff::default(),
            resume: None,
            kept: VecDeque::new(),
            held: VecDeque::new(),
        }
    }

    async fn run(mut self) {
        loop {
            let turn = match self.commands.recv().await {
                Some(command) => self.offline_command(command),
                None => Turn::End,
            };
            self.tell_steps().await;
            let turn = match turn {
                Turn::Connect => self.stay_online().await,
                Turn::Offline => {
                    self.tell(SessionEvent::SignedOut).await;
                    Turn::Stay
                }
                other => other,
            };
            if turn == Turn::End {
                break;
            }
        }
        for (cause, count) in self.translator.dropped().iter() {
            tracing::info!(cause, count, "stanzas dropped in this run");
        }
    }

    /// Connects and reconnects until it is told otherwise or it makes no sense.
    async fn stay_online(&mut self) -> Turn {
        self.backoff.reset();
        loop {
            self.tell(SessionEvent::Connecting).await;
            let error = match self.attempt().await {
                Ok(link) => match self.on_line(link).await {
                    Ok(turn) => return turn,
                    Err(error) => error,
                },
                Err(Attempt::Turned(Turn::Connect)) => continue,
                Err(Attempt::Turned(turn)) => return self.depart(turn).await,
                Err(Attempt::Failed(error)) => error,
            };
            if is_final(&error) {
                self.give_up("The sign-in was refused.").await;
                let (kind, reason, next_step) = words(&error);
                self.tell(SessionEvent::Refused { kind, reason, next_step }).await;
                return Turn::Stay;
            }
            match self.wait(&error).await {
                Turn::Connect | Turn::Stay => {}
                turn => return self.depart(turn).await,
            }
        }
    }

    /// One attempt to connect. Commands are heard meanwhile; new credentials begin it anew.
    async fn attempt(&mut self) -> Result<C::Link, Attempt> {
        loop {
            let resume = self.resume.clone();
            let mut failed = None;
            let command = {
                let mut connecting = std::pin::pin!(self.connector.connect(resume));
                tokio::select! {
                    outcome = &mut connecting => match outcome {
                        Ok(link) => return Ok(link),
                        Err((error, resume)) => {
                            tracing::info!(kind = error.kind(), detail = error.detail(), "not connected");
                            failed = Some((error, resume));
                            None
                        }
                    },
                    command = self.commands.recv() => command,
                }
            };
            if let Some((error, resume)) = failed {
                self.resume = resume;
                return Err(Attempt::Failed(error));
            }
            let Some(command) = command else { return Err(Attempt::Turned(Turn::End)) };
            let turn = self.offline_command(command);
            self.tell_steps().await;
            match turn {
                Turn::Stay | Turn::Connect => {}
                turn => return Err(Attempt::Turned(turn)),
            }
        }
    }

    /// Waits for the next attempt.
    async fn wait(&mut self, error: &ConnectError) -> Turn {
        let wait = self.backoff.next((self.environment.random)());
        let retry_at = (self.environment.now)().plus(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        self.tell(SessionEvent::Interrupted { reason: error.reason(), retry_at }).await;
        let until = Instant::now() + wait;
        loop {
            let command = tokio::select! {
                () = sleep_until(until) => return Turn::Connect,
                command = self.commands.recv() => command,
            };
            let Some(command) = command else { return Turn::End };
            let turn = self.offline_command(command);
            self.tell_steps().await;
            if turn == Turn::Connect {
                self.backoff.reset();
            }
            if turn != Turn::Stay {
                return turn;
            }
        }
    }

    /// Signed out or ended while there was no stream.
    async fn depart(&mut self, turn: Turn) -> Turn {
        self.give_up("You signed out.").await;
        self.tell(SessionEvent::SignedOut).await;
        turn
    }

    /// There will be no resumption: what was under way is lost.
    async fn give_up(&mut self, reason: &str) {
        let resume = self.resume.take();
        self.kept.clear();
        self.translator.lost(reason);
        self.tell_steps().await;
        let Some(resume) = resume else { return };
        for token in C::Link::acked(&resume) {
            self.tell(SessionEvent::Acked(SendToken(token))).await;
        }
        for token in C::Link::unacked(&resume) {
            self.tell(SessionEvent::Lost(SendToken(token))).await;
        }
    }

    /// An open stream until it ends: by a command (`Ok`) or by itself.
    async fn on_line(&mut self, mut link: C::Link) -> Result<Turn, ConnectError> {
        let since = Instant::now();
        let Bound { jid, mechanism, resumed } = link.bound();
        self.resume = None;
        if resumed {
            self.tell(SessionEvent::Resumed { jid, mechanism }).await;
            for xml in std::mem::take(&mut self.kept) {
                self.translator.outbound_extension(&xml.0, Instant::now());
            }
        } else {
            self.kept.clear();
            self.translator.lost("The connection to the server was lost.");
            self.tell_steps().await;
            for token in link.take_lost() {
                self.tell(SessionEvent::Lost(SendToken(token))).await;
            }
            self.tell(SessionEvent::Online { jid: jid.clone(), mechanism }).await;
            self.translator.online(jid, Instant::now());
        }
        let end = loop {
            if !link.is_full()
                && let Some(command) = self.held.pop_front()
            {
                self.online_command(Some(command));
            }
            if let Err(end) = self.carry_out(&mut link).await {
                break end;
            }
            if !self.held.is_empty() && !link.is_full() {
                continue;
            }
            let deadline = self.translator.deadline();
            tokio::select! {
                event = link.next() => match event {
                    Ok(event) => self.heard(event).await,
                    Err(end) => break end,
                },
                command = self.commands.recv() => match self.hold(command, link.is_full()) {
                    Turn::Stay | Turn::Connect => {}
                    turn => {
                        return Ok(self.close(link, turn).await);
                    }
                },
                () = sleep_until(deadline.unwrap_or(since)), if deadline.is_some() => {
                    if link.is_within_stanza() {
                        self.translator.put_off(Instant::now());
                    } else {
                        self.translator.expire(Instant::now());
                    }
                }
            }
        };
        tracing::info!(%end, "stream ended");
        self.drain(&mut link).await;
        if since.elapsed() >= PROVEN {
            self.backoff.reset();
        }
        self.resume = link.into_resume();
        self.release_held().await;
        Err(ConnectError::from(end))
    }

    /// A stanza for a server that is behind with acknowledging waits; everything else is heard at once.
    fn hold(&mut self, command: Option<SessionCommand>, full: bool) -> Turn {
        match command {
            Some(command @ (SessionCommand::Send { .. } | SessionCommand::SendExtension(_)))
                if full || !self.held.is_empty() =>
            {
                self.held.push_back(command);
                Turn::Stay
            }
            command => self.online_command(command),
        }
    }

    /// The stream is over: what waited for it has not left.
    async fn release_held(&mut self) {
        for command in std::mem::take(&mut self.held) {
            self.offline_command(command);
        }
        self.tell_steps().await;
    }

    /// What had come in before a sending found the end: the server counts it as delivered and will not send it again.
    async fn drain(&mut self, link: &mut C::Link) {
        while let Ok(event) = link.next().await {
            self.heard(event).await;
        }
        // Answers to it can't leave any more, or wait for the resumption.
        let _ = self.carry_out(link).await;
    }

    async fn heard(&mut self, event: Event) {
        match event {
            Event::Stanza(stanza) => self.translator.inbound(&stanza, Instant::now()),
            Event::Acked(tokens) => {
                for token in tokens {
                    self.tell(SessionEvent::Acked(SendToken(token))).await;
                }
            }
            // What a later version of the stream may report beside these.
            _ => {}
        }
    }

    /// Leaves in good order.
    async fn close(&mut self, mut link: C::Link, turn: Turn) -> Turn {
        self.release_held().await;
        if self.carry_out(&mut link).await.is_ok() {
            // A stream that breaks now is closed as well.
            let _ = link.send(&presence::own(Show::Offline, ""), None).await;
            for token in link.close().await {
                self.tell(SessionEvent::Acked(SendToken(token))).await;
            }
        }
        self.depart(turn).await
    }

    /// Does what translating has led to.
    async fn carry_out(&mut self, link: &mut C::Link) -> Result<(), StreamEnd> {
        let mut ended = None;
        for step in self.translator.take_steps() {
            match step {
                Step::Tell(output) => self.output(output).await,
                // After the end, too: the stream keeps what it is given for its resumption.
                Step::Send(stanza, token) => {
                    match (link.send(&stanza, token.map(|token| token.0)).await, token) {
                        (Ok(()), Some(token)) => {
                            self.tell(SessionEvent::Written(token)).await;
                            if !link.is_resumable() {
                                // Without XEP-0198 nobody will say more than that.
                                self.tell(SessionEvent::Acked(token)).await;
                            }
                        }
                        (Ok(()), None) => {}
                        (Err(end), token) => {
                            if let Some(token) = token.filter(|_| !link.is_resumable()) {
                                self.tell(SessionEvent::Lost(token)).await;
                            }
                            ended.get_or_insert(end);
                        }
                    }
                }
            }
        }
        ended.map_or(Ok(()), Err)
    }

    async fn tell_steps(&mut self) {
        for step in self.translator.take_steps() {
            if let Step::Tell(output) = step {
                self.output(output).await;
            }
        }
    }

    async fn tell(&mut self, event: SessionEvent) {
        self.output(SessionOutput::State(event)).await;
    }

    async fn output(&mut self, output: SessionOutput) {
        if self.outputs.send(output).await.is_err() {
            // Nobody listens any more: hear no further commands, so that the task ends.
            self.commands.close();
        }
    }

    fn offline_command(&mut self, command: SessionCommand) -> Turn {
        match command {
            SessionCommand::Send { token, stanza } => {
                self.translator.undeliverable(token, &stanza);
                Turn::Stay
            }
            // Else the module learns from going offline that its stanzas did not leave.
            SessionCommand::SendExtension(xml) => {
                if self.resume.is_some() && self.kept.len() < MAX_KEPT {
                    self.kept.push_back(xml);
                }
                Turn::Stay
            }
            other => self.any_command(other),
        }
    }

    fn online_command(&mut self, command: Option<SessionCommand>) -> Turn {
        match command {
            None => Turn::End,
            Some(SessionCommand::Send { token, stanza }) => {
                self.translator.outbound(token, &stanza, Instant::now());
                Turn::Stay
            }
            Some(SessionCommand::SendExtension(xml)) => {
                self.translator.outbound_extension(&xml.0, Instant::now());
                Turn::Stay
            }
            Some(other) => self.any_command(other),
        }
    }

    fn any_command(&mut self, command: SessionCommand) -> Turn {
        match command {
            SessionCommand::Connect => return Turn::Connect,
            SessionCommand::Disconnect => return Turn::Offline,
            SessionCommand::Shutdown => return Turn::End,
            SessionCommand::ClaimDomain(domain) => self.translator.claim_domain(&domain),
            SessionCommand::ClaimRoom(room) => self.translator.claim_room(room),
            SessionCommand::ReleaseRoom(room) => self.translator.release_room(&room),
            SessionCommand::SetCredentials(credentials) => self.connector.set_credentials(credentials),
            SessionCommand::SetClientState(state) => self.translator.set_client_state(state),
            SessionCommand::Send { .. } | SessionCommand::SendExtension(_) => {}
        }
        Turn::Stay
    }
}

enum Attempt {
    Failed(ConnectError),
    Turned(Turn),
}

/// RFC 6120 §4.9.3.3: another client took this one's resource; coming back would throw that one out in turn.
fn is_conflict(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Stream { condition, .. } if condition == "conflict")
}

fn is_final(error: &ConnectError) -> bool {
    error.is_final() || is_conflict(error)
}

fn words(error: &ConnectError) -> (String, String, String) {
    if is_conflict(error) {
        let reason = "Another program signed in to this account in the place of this one.";
        let next_step = "Close the other program, then sign in again.";
        return ("conflict".to_owned(), reason.to_owned(), next_step.to_owned());
    }
    (error.kind().to_owned(), error.reason(), error.next_step())
}
