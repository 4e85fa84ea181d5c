//! The one task that owns engine, support desk, policy and timers, and carries out what they order.

mod fetches;
mod module;
mod rules;
#[cfg(test)]
mod tests;
mod ways;

use crate::doctor;
use crate::joint::{Command, PolicyCommand, Update};
use crate::keeper::PolicyKeeper;
use crate::keeper::fetch::Http;
use crate::keeper::watch::Watch;
use crate::outlet::{Flushed, Outlet};
use crate::state_dir::AccountDir;
use crate::storage::{self, Job};
use crate::timers::Timers;
use crate::{AccountOptions, Options, Paths, SignIn};
use fetches::Fetches;
use flint_core::command::AccountCommand;
use flint_core::effect::Effect;
use flint_core::engine::EngineConfig;
use flint_core::input::{Input, PolicyResolved, SessionEvent, TimerId};
use flint_core::{BareJid, Engine, Timestamp, capability};
use flint_stream::{ConnectParams, Credentials, Secret};
use flint_xep::policy::ClientState;
use flint_xmpp::{Environment, SessionCommand, SessionOutput};
use module::Desk;
use rules::Rules;
pub(crate) use rules::{is_withheld, obey};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use ways::Ways;

/// Outputs of the session that may wait before it stops reading.
const SESSION_OUTPUTS: usize = 256;
/// How long saying goodbye to the server, and to the reader of the updates, may take.
const GOODBYE: Duration = Duration::from_secs(10);
const READER: Duration = Duration::from_secs(3);

/// Names of timers: the engine's and the desk's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Timer {
    Core(TimerId),
    #[cfg(feature = "fastpath")]
    Agent(flint_fastpath_agent::wire::AgentTimer),
}

struct Client {
    /// `None` after a breakdown.
    engine: Option<Engine>,
    desk: Desk,
    policy: PolicyKeeper,
    /// What the engine was told last.
    told_policy: Option<PolicyResolved>,
    http: Result<Http, String>,
    watch: Watch,
    timers: Timers<Timer>,
    outlet: Outlet,
    device: String,
    ways: Ways,
    options: Options,
    rules: Rules,
    /// The examination that runs; dropping it ends it.
    doctor: Option<async_channel::Receiver<doctor::Report>>,
    /// The end was asked for; it comes when all is done, or then.
    finish: Option<Instant>,
}

/// Runs a client to its end. The account's lock is held until then.
pub(crate) async fn run(
    mut options: Options,
    account: BareJid,
    directory: AccountDir,
    commands: async_channel::Receiver<Command>,
    updates: async_channel::Sender<Update>,
) {
    let mut outlet = Outlet::new(updates);
    let at = now();
    let Paths { machine, state } = &options.paths;
    let policy = PolicyKeeper::open(account.clone(), machine, state, Some(&directory.policy()), at);
    // What policy says of the connection holds for the first one.
    let rules = Rules::before_start(&policy.resolved(), &mut options.account);
    let (params, id_seed, environment) = match prepare(&options.account, &account) {
        Ok(prepared) => prepared,
        Err(problem) => {
            outlet.push(Update::Fatal(problem));
            outlet.finish().await;
            return;
        }
    };
    let (ways, ends) = Ways::new();
    let (outputs, session_outputs) = mpsc::channel(SESSION_OUTPUTS);
    let session = tokio::spawn(flint_xmpp::run(params, environment, ends.session, outputs));
    let store = tokio::spawn(storage::run(directory.history(), ends.store, ends.replies, ends.told));

    let mut watch = Watch::new(&options.paths.machine);
    watch.set(policy.watched());
    let config = EngineConfig { account: account.clone(), id_seed };
    let (engine, first) = Engine::new(config, at);
    let mut client = Client {
        desk: Desk::new(account, id_seed),
        engine: Some(engine),
        policy,
        told_policy: None,
        http: Http::new(&options.account),
        watch,
        timers: Timers::new(),
        outlet,
        device: directory.device.clone(),
        ways,
        options,
        rules,
        doctor: None,
        finish: None,
    };
    // The policy is the engine's first input: nothing is shown before it rules.
    client.policy_changed();
    client.carry_out(first);
    let outlet = client.work(commands, session_outputs, session, store).await;
    // Whoever hears of the end may start anew at once.
    drop(directory);
    // A reader that has stopped reading must not keep the program alive.
    let _ = timeout(READER, outlet.finish()).await;
}

/// What the session needs, an id seed, and the session's randomness.
fn prepare(
    options: &AccountOptions,
    account: &BareJid,
) -> Result<(ConnectParams, [u8; 16], Environment), String> {
    let params = options.connect_params(account).map_err(|error| error.to_string())?;
    let seed = crate::state_dir::random()
        .map_err(|error| format!("This computer gives no random numbers ({error}). Restart it."))?;
    let environment = Environment { now: Box::new(now), random: Box::new(random) };
    Ok((params, seed, environment))
}

impl Client {
    async fn work(
        mut self,
        commands: async_channel::Receiver<Command>,
        mut session_outputs: mpsc::Receiver<SessionOutput>,
        mut session: JoinHandle<()>,
        store: JoinHandle<()>,
    ) -> Outlet {
        let mut fetches = Fetches::default();
        let mut session_ended = false;
        loop {
            self.begin_fetches(&mut fetches);
            if self.is_finished() {
                break;
            }
            let timer = self.next_wake();
            tokio::select! {
                // What is near to a person goes first; the outlet never starves because a full channel only waits.
                biased;
                command = commands.recv() => match command {
                    Ok(Command::Quit) | Err(_) => break,
                    Ok(command) => self.command(command),
                },
                flushed = self.outlet.flush(), if self.outlet.has_waiting() => match flushed {
                    Flushed::Fine => {}
                    Flushed::NeedsReset => self.reset_reader(),
                    Flushed::Gone => break,
                },
                Some(reply) = self.ways.replies.recv() => self.input(Input::Store(reply)),
                Some(sentence) = self.ways.told.recv() => self.outlet.push(Update::Fatal(sentence)),
                Some(output) = session_outputs.recv() => self.session_output(output),
                report = examined(&mut self.doctor) => match report {
                    Some(report) => self.outlet.push(Update::Doctor(report)),
                    None => self.doctor = None,
                },
                fetched = fetches.next() => self.fetched(fetched),
                () = self.watch.changed() => {
                    self.policy.machine_changed(now());
                    self.watch.set(self.policy.watched());
                    self.policy_changed();
                }
                _ = &mut session, if !session_ended => {
                    session_ended = true;
                    self.session_broke();
                }
                () = sleep_until(timer.unwrap_or_else(Instant::now)), if timer.is_some() => self.wake(),
            }
        }
        self.quit(session_outputs, (!session_ended).then_some(session), store).await
    }

    /// Says goodbye to the server and writes everything down; the end itself is left to tell.
    async fn quit(
        mut self,
        mut session_outputs: mpsc::Receiver<SessionOutput>,
        session: Option<JoinHandle<()>>,
        store: JoinHandle<()>,
    ) -> Outlet {
        self.ways.session(SessionCommand::Shutdown);
        let drained = timeout(GOODBYE, async {
            while let Some(output) = session_outputs.recv().await {
                self.session_output(output);
            }
        });
        if drained.await.is_err() {
            tracing::warn!("the server did not let go in time");
        }
        if let Some(session) = session {
            session.abort();
        }
        let unsent = self.engine.as_ref().map_or(0, |engine| engine.unfinished().messages);
        if unsent > 0 {
            self.outlet.push(Update::Unsent(unsent));
        }
        self.ways.store = None;
        if timeout(GOODBYE, store).await.is_err() {
            tracing::error!("the message store did not finish in time");
        }
        self.outlet
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Core(command) => self.input(Input::Command(command)),
            #[cfg(feature = "fastpath")]
            Command::Agent(_) if self.told_policy.as_ref().is_some_and(is_withheld) => {
                self.refuse("use the support desk", capability::MANAGEMENT);
            }
            #[cfg(feature = "fastpath")]
            Command::Agent(command) => {
                self.desk_input(flint_fastpath_agent::wire::AgentInput::Command(command));
            }
            Command::Policy(PolicyCommand::Refresh) => {
                if !self.policy.wanted(now()) {
                    let reason = "No policy service is known for this account. Sign in first, or ask your administrator.";
                    let rejection = flint_core::update::Rejection {
                        what: "fetch the policy".to_owned(),
                        reason: reason.to_owned(),
                        policy: None,
                    };
                    self.outlet.push(Update::Core(flint_core::Update::Rejected(rejection)));
                }
            }
            Command::Doctor => self.doctor = Some(doctor::start(self.options.clone())),
            Command::SignInWithPassword { .. } if self.rules.ticket_only => {
                self.refuse("sign in with a password", capability::SINGLE_SIGN_ON);
            }
            Command::SignInWithPassword { password } => {
                self.options.account.sign_in = SignIn::Password(password.clone());
                let credentials = Credentials::Password(Secret::new(password.0));
                self.ways.session(SessionCommand::SetCredentials(credentials));
                self.input(Input::Command(flint_core::Command::Account(AccountCommand::SignIn)));
            }
            Command::Finish { seconds } => {
                self.finish = Some(Instant::now() + Duration::from_secs(u64::from(seconds)));
            }
            // The loop ends before it comes here.
            Command::Quit => {}
        }
    }

    /// Somebody waits for the end, and there is nothing more to do or no more time.
    fn is_finished(&self) -> bool {
        let Some(deadline) = self.finish else { return false };
        let done = self.engine.as_ref().is_none_or(|engine| {
            let left = engine.unfinished();
            left.refused || (left.messages == 0 && !left.others)
        });
        (done && self.doctor.is_none()) || deadline <= Instant::now()
    }

    fn session_output(&mut self, output: SessionOutput) {
        match output {
            SessionOutput::State(event) => {
                if let SessionEvent::Online { mechanism, .. } | SessionEvent::Resumed { mechanism, .. } =
                    &event
                {
                    self.policy.signed_in(mechanism, now());
                }
                self.rules.heard(&event);
                if matches!(event, SessionEvent::Online { .. } | SessionEvent::Resumed { .. })
                    && self.end_forbidden_stream()
                {
                    return;
                }
                if !self.told_policy.as_ref().is_some_and(is_withheld) {
                    self.desk_session(&event);
                }
                self.input(Input::Session(event));
            }
            SessionOutput::Remote(event) => self.input(Input::Remote(event)),
            SessionOutput::Extension(_) if self.told_policy.as_ref().is_some_and(is_withheld) => {}
            SessionOutput::Extension(extension) => self.desk_extension(extension),
            SessionOutput::Policy(signal) => {
                self.policy.signal(signal, now());
                self.policy_changed();
            }
        }
    }

    /// Gives the engine one input. A breakdown ends the engine, not the program.
    fn input(&mut self, input: Input) {
        let Some(engine) = &mut self.engine else { return };
        match catch_unwind(AssertUnwindSafe(|| engine.handle(input, now()))) {
            Ok(output) => self.carry_out(output),
            Err(_) => {
                self.engine = None;
                self.ways.session(SessionCommand::Disconnect);
                self.outlet.push(Update::Fatal(
                    "The chat stopped because of an internal error. What was written is kept; restart Flint."
                        .to_owned(),
                ));
            }
        }
    }

    /// Carries out the engine's orders in order, then shows what changed.
    fn carry_out(&mut self, output: flint_core::engine::Output) {
        let mut refused = false;
        for effect in output.effects {
            match effect {
                Effect::Send { token, stanza } => self.ways.session(SessionCommand::Send { token, stanza }),
                Effect::Persist(write) => self.ways.store(Job::Persist(write)),
                Effect::Query(query) => self.ways.store(Job::Query(query)),
                Effect::SetTimer { id, after_ms } => self.timers.set(Timer::Core(id), after_ms),
                Effect::CancelTimer(id) => self.timers.cancel(&Timer::Core(id)),
                Effect::Connect if std::mem::take(&mut self.rules.password_refused) => refused = true,
                Effect::Connect => self.ways.session(SessionCommand::Connect),
                Effect::Disconnect => self.ways.session(SessionCommand::Disconnect),
            }
        }
        for update in output.updates {
            self.outlet.push(Update::Core(update));
        }
        if refused {
            self.input(Input::Session(rules::password_refused()));
        }
    }

    /// Tells the engine what is in force, and the policy service what is applied.
    fn policy_changed(&mut self) {
        let resolved = self.policy.resolved();
        if self.told_policy.as_ref() == Some(&resolved) {
            return;
        }
        let was_withheld = self.told_policy.as_ref().is_some_and(is_withheld);
        let withheld = is_withheld(&resolved);
        self.told_policy = Some(resolved.clone());
        self.ticket_rule_changed(&resolved);
        self.input(Input::PolicyResolved(Box::new(resolved)));
        match (was_withheld, withheld, self.rules.online()) {
            // Nothing of the desk goes on behind a closed chat.
            (false, true, _) => self.desk_session(&SessionEvent::SignedOut),
            (true, false, Some(online)) => self.desk_session(&online),
            _ => {}
        }
        self.ways.session(SessionCommand::SetClientState(ClientState {
            device: self.device.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            applied: self.policy.applied(),
        }));
    }

    /// The next moment at which [`Client::wake`] has something to do.
    fn next_wake(&self) -> Option<Instant> {
        let at = now();
        let policy = self.policy.next(at).map(|due| {
            let wait = u64::try_from(due.0.saturating_sub(at.0)).unwrap_or(0);
            Instant::now() + Duration::from_millis(wait.min(86_400_000))
        });
        [self.timers.next(), policy, self.finish].into_iter().flatten().min()
    }

    fn wake(&mut self) {
        for timer in self.timers.take_due(Instant::now()) {
            match timer {
                Timer::Core(id) => self.input(Input::TimerFired(id)),
                #[cfg(feature = "fastpath")]
                Timer::Agent(id) => self.desk_input(flint_fastpath_agent::wire::AgentInput::TimerFired(id)),
            }
        }
        if self.policy.expire(now()) {
            self.policy_changed();
        }
    }

    fn reset_reader(&mut self) {
        self.outlet.reset(self.desk.snapshot());
        if let Some(engine) = &mut self.engine {
            let present = engine.snapshot(now());
            self.carry_out(present);
        }
    }

    fn session_broke(&mut self) {
        self.outlet.push(Update::Fatal(
            "The connection stopped because of an internal error. What was written is kept; restart Flint."
                .to_owned(),
        ));
        self.desk_session(&SessionEvent::SignedOut);
        self.input(Input::Session(SessionEvent::SignedOut));
    }
}

/// The next report of an examination, `None` after its last; waits for ever when none runs.
async fn examined(doctor: &mut Option<async_channel::Receiver<doctor::Report>>) -> Option<doctor::Report> {
    match doctor {
        Some(reports) => reports.recv().await.ok(),
        None => std::future::pending().await,
    }
}

/// The present time.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Uniform over all `u64`. Without the system's randomness, which every start has asked for once, the clock is enough
/// for jitter.
fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| now().0.unsigned_abs())
}
