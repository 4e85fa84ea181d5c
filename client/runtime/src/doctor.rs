//! Why signing in does not work, found by doing it: each step in order, what it brought, and what to do next.
//!
//! The steps are those of the ordinary sign-in, taken by the same code; the report only shows them one by one.

mod examination;

pub use examination::{examine, start};

use serde::Serialize;

/// One step of the sign-in, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckId {
    /// The Kerberos ticket of the desktop.
    Ticket,
    /// Name service: which servers the domain has.
    ServerName,
    /// The connection to a server, through the proxy if there is one.
    Connection,
    /// TLS and the server's certificate.
    Certificate,
    /// The ways to sign in that the server offers.
    Mechanisms,
    /// The ticket for the server.
    ServiceTicket,
    /// The sign-in itself, and whose account it gave.
    SignIn,
}

impl CheckId {
    /// Every check, in order.
    pub const ALL: [Self; 7] = [
        Self::Ticket,
        Self::ServerName,
        Self::Connection,
        Self::Certificate,
        Self::Mechanisms,
        Self::ServiceTicket,
        Self::SignIn,
    ];

    /// What is checked, for a row's heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ticket => "Kerberos ticket",
            Self::ServerName => "Server name",
            Self::Connection => "Connection",
            Self::Certificate => "Encryption and certificate",
            Self::Mechanisms => "Ways to sign in",
            Self::ServiceTicket => "Ticket for the server",
            Self::SignIn => "Sign-in",
        }
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All is well.
    Passed,
    /// This is what keeps the person out.
    Failed,
    /// Not needed, or not tried after a failure; the detail says which.
    Skipped,
}

impl Outcome {
    /// The sign in front of a row.
    pub fn sign(self) -> char {
        match self {
            Self::Passed => '✓',
            Self::Failed => '✗',
            Self::Skipped => '–',
        }
    }
}

/// One check that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which one.
    pub id: CheckId,
    /// What was checked, for people.
    pub title: String,
    /// How it came out.
    pub outcome: Outcome,
    /// Stable word for a failure, e.g. `ticket-expired`; the `kind` of a refused sign-in.
    pub code: Option<String>,
    /// What was found: one sentence when it failed or was skipped.
    pub detail: Option<String>,
    /// What to do, one sentence; only when it failed.
    pub next_step: Option<String>,
}

/// The checks that are over. Holds no secret: neither password nor ticket comes near it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The account, once it is known.
    pub account: Option<String>,
    /// In order; all of [`CheckId::ALL`] when `finished`.
    pub checks: Vec<Check>,
    /// Nothing more will come.
    pub finished: bool,
}

impl Report {
    /// The check that failed.
    pub fn failure(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.outcome == Outcome::Failed)
    }

    /// The report as text, for the clipboard or a terminal.
    pub fn to_text(&self) -> String {
        let mut text = match &self.account {
            Some(account) => format!("Flint {} signing in as {account}\n", env!("CARGO_PKG_VERSION")),
            None => format!("Flint {} signing in\n", env!("CARGO_PKG_VERSION")),
        };
        for check in &self.checks {
            text.push_str(&check.to_text());
            text.push('\n');
        }
        text
    }
}

impl Check {
    /// The row as text, without a line's end.
    pub fn to_text(&self) -> String {
        let mut text = format!("{} {}", self.outcome.sign(), self.title);
        if let Some(detail) = &self.detail {
            text.push_str(": ");
            text.push_str(detail);
        }
        if let Some(code) = &self.code {
            text.push_str(&format!(" ({code})"));
        }
        if let Some(next_step) = &self.next_step {
            text.push_str("\n  → ");
            text.push_str(next_step);
        }
        text
    }
}
