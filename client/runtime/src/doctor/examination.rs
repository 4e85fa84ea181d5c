//! Carries the checks out: the ticket first, then one ordinary sign-in that is watched step by step.

use super::{Check, CheckId, Outcome, Report};
use crate::client::obey;
use crate::{Options, SignIn, StartError, account};
use flint_core::BareJid;
use flint_kerberos::{Failure, Ticket, default_ticket};
use flint_stream::{ConnectError, Progress, Stage};
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// Examines the sign-in of these options. `told` gets the report each time when a check is over, and at the end.
/// Dropping the future ends it.
pub async fn examine(options: &Options, told: &mut (dyn FnMut(&Report) + Send)) -> Report {
    let mut course = Course { report: Report::default(), told };
    let mut options = options.clone();
    // What policy says of a sign-in holds for this one too: first of all, whether a password may leave the computer.
    if matches!(options.account.sign_in, SignIn::Password(_))
        && let Ok(account) = account::resolve(&options.account)
    {
        obey(&mut options, &account);
    }
    if let Some(account) = course.ticket(&options).await {
        obey(&mut options, &account);
        course.report.account = Some(account.to_string());
        course.sign_in(&options, &account).await;
    }
    course.finish()
}

/// Examines on a thread of its own and sends every report; dropping the receiver ends it. For callers without tokio,
/// also before anybody is signed in.
pub fn start(options: Options) -> async_channel::Receiver<Report> {
    let (sender, receiver) = async_channel::unbounded();
    let reports = sender.clone();
    let run = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let mut tell = |report: &Report| {
                // Whoever has gone is noticed below.
                let _ = reports.try_send(report.clone());
            };
            tokio::select! {
                _ = examine(&options, &mut tell) => {}
                () = reports.closed() => {}
            }
        });
        // A look-up or a KDC that hangs in a system library must not keep the thread.
        runtime.shutdown_background();
    };
    if std::thread::Builder::new().name("flint-doctor".to_owned()).spawn(run).is_err() {
        let mut nobody = |_: &Report| {};
        let mut course = Course { report: Report::default(), told: &mut nobody };
        let detail = "This computer starts no more threads.".to_owned();
        course.fail(CheckId::Ticket, "no-thread", detail, "Close other programs, then try again.".to_owned());
        let _ = sender.try_send(course.finish());
    }
    receiver
}

struct Course<'a> {
    report: Report,
    told: &'a mut (dyn FnMut(&Report) + Send),
}

impl Course<'_> {
    /// Whose sign-in it is; `None` when it ends here.
    async fn ticket(&mut self, options: &Options) -> Option<BareJid> {
        if matches!(options.account.sign_in, SignIn::Password(_)) {
            self.skip(CheckId::Ticket, "Not needed: a password is used.".to_owned());
            let found = account::resolve(&options.account);
            return found.map_err(|error| self.no_account(&error)).ok();
        }
        // The cache may be kept by a service that does not answer soon.
        let ticket = match tokio::task::spawn_blocking(default_ticket).await {
            Ok(Ok(ticket)) => ticket,
            Ok(Err(failure)) => {
                self.refused_ticket(&failure);
                return None;
            }
            Err(_) => {
                let step = "Start Flint again; if it happens again, tell your administrator.".to_owned();
                self.fail(CheckId::Ticket, "kerberos-failure", "The ticket can't be read.".to_owned(), step);
                return None;
            }
        };
        let found = match &options.account.jid {
            Some(_) => account::resolve(&options.account),
            None => account::of_principal(&ticket.principal),
        };
        match found {
            Ok(account) => {
                self.pass(CheckId::Ticket, describe(&ticket));
                Some(account)
            }
            Err(error) => {
                self.no_account(&error);
                None
            }
        }
    }

    fn no_account(&mut self, error: &StartError) {
        let step = "Name the account, for example ann@example.test.".to_owned();
        self.fail(CheckId::Ticket, "no-account", error.to_string(), step);
    }

    fn refused_ticket(&mut self, failure: &Failure) {
        self.fail(CheckId::Ticket, failure.kind.code(), failure.kind.reason(), failure.kind.next_step());
    }

    async fn sign_in(&mut self, options: &Options, account: &BareJid) {
        let mut params = match options.account.connect_params(account) {
            Ok(params) => params,
            Err(error) => {
                self.fail(
                    CheckId::Certificate,
                    "certificate-file",
                    error.to_string(),
                    "Correct the file with the certificate authority, or leave it out.".to_owned(),
                );
                return;
            }
        };
        // It must not take the place of a client that is signed in.
        params.resource = None;
        let uses_password = matches!(options.account.sign_in, SignIn::Password(_));
        let (sender, mut steps) = mpsc::unbounded_channel();
        let observer = move |step: Progress| {
            // The receiver lives as long as the attempt.
            let _ = sender.send(step);
        };
        let mut attempt = Attempt::new(uses_password);
        let mut signing_in = Box::pin(flint_stream::examine(&params, &observer));
        let outcome = loop {
            tokio::select! {
                biased;
                Some(step) = steps.recv() => self.step(&mut attempt, step),
                outcome = &mut signing_in => break outcome,
            }
        };
        while let Ok(step) = steps.try_recv() {
            self.step(&mut attempt, step);
        }
        if let Err(error) = outcome {
            self.refused(&attempt, &error);
        }
    }

    fn step(&mut self, attempt: &mut Attempt, step: Progress) {
        attempt.take(step);
        let done = self.report.checks.iter().filter(|check| check.outcome != Outcome::Failed);
        let ticket: Vec<Check> = done.filter(|check| check.id == CheckId::Ticket).cloned().collect();
        self.report.checks = ticket.into_iter().chain(attempt.checks()).collect();
        (self.told)(&self.report);
    }

    fn refused(&mut self, attempt: &Attempt, error: &ConnectError) {
        let at = attempt.failed_at(error);
        self.report.checks.retain(|check| check.id < at);
        self.fail(at, error.kind(), error.reason(), error.next_step());
    }

    fn pass(&mut self, id: CheckId, detail: String) {
        self.push(check(id, Outcome::Passed, Some(detail)));
    }

    fn skip(&mut self, id: CheckId, why: String) {
        self.push(check(id, Outcome::Skipped, Some(why)));
    }

    fn fail(&mut self, id: CheckId, code: &str, detail: String, next_step: String) {
        let failed = check(id, Outcome::Failed, Some(detail));
        self.push(Check { code: Some(code.to_owned()), next_step: Some(next_step), ..failed });
    }

    fn push(&mut self, check: Check) {
        self.report.checks.push(check);
        self.report.checks.sort_by_key(|check| check.id);
        (self.told)(&self.report);
    }

    /// What is left was not tried.
    fn finish(self) -> Report {
        let Self { mut report, told } = self;
        let why = report.failure().map(|failed| format!("Not tried, because “{}” failed.", failed.title));
        for id in CheckId::ALL {
            if report.checks.iter().all(|check| check.id != id) {
                report.checks.push(check(id, Outcome::Skipped, why.clone()));
            }
        }
        report.checks.sort_by_key(|check| check.id);
        report.finished = true;
        told(&report);
        report
    }
}

/// How far the sign-in has come. When a second server is tried, its steps take the place of the first one's.
struct Attempt {
    uses_password: bool,
    passed: BTreeMap<CheckId, String>,
    at: CheckId,
}

impl Attempt {
    fn new(uses_password: bool) -> Self {
        Self { uses_password, passed: BTreeMap::new(), at: CheckId::ServerName }
    }

    fn take(&mut self, step: Progress) {
        match step {
            Progress::Begun(stage) => {
                self.at = id(stage);
                let at = self.at;
                self.passed.retain(|id, _| *id < at);
            }
            Progress::Passed(stage, detail) => {
                self.passed.insert(id(stage), detail);
            }
        }
    }

    fn checks(&self) -> impl Iterator<Item = Check> + '_ {
        self.passed.iter().map(|(id, detail)| match id {
            CheckId::ServiceTicket if self.uses_password => {
                check(*id, Outcome::Skipped, Some("Not needed: a password is used.".to_owned()))
            }
            id => check(*id, Outcome::Passed, Some(detail.clone())),
        })
    }

    /// The check that an error belongs to.
    fn failed_at(&self, error: &ConnectError) -> CheckId {
        match error {
            ConnectError::Dns { .. } | ConnectError::NotOffered { .. } => CheckId::ServerName,
            ConnectError::Mechanism { .. } => CheckId::Mechanisms,
            _ => self.at,
        }
    }
}

fn id(stage: Stage) -> CheckId {
    match stage {
        Stage::ServerName => CheckId::ServerName,
        Stage::Connection => CheckId::Connection,
        Stage::Certificate => CheckId::Certificate,
        Stage::Mechanisms => CheckId::Mechanisms,
        Stage::ServiceTicket => CheckId::ServiceTicket,
        Stage::SignIn => CheckId::SignIn,
    }
}

fn check(id: CheckId, outcome: Outcome, detail: Option<String>) -> Check {
    let title = id.title().to_owned();
    Check { id, title, outcome, code: None, detail, next_step: None }
}

fn describe(ticket: &Ticket) -> String {
    let minutes = ticket.lifetime.as_secs() / 60;
    format!("{}, valid for {} h {:02} min", ticket.principal, minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests;
