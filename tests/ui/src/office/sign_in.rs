//! What keeps Ann out, and the checks that found it.

use super::{core, jid};
use crate::stage::NOW;
use flint_runtime::Update;
use flint_runtime::core::model::ConnectionState;
use flint_runtime::core::update::AccountUpdate;
use flint_runtime::doctor::{Check, CheckId, Outcome, Report};

/// A refused sign-in.
pub fn no_ticket() -> Update {
    refused(
        "no-ticket",
        "Flint signs you in with the ticket of your desktop, and there is none.",
        "Lock the screen and unlock it again, or run kinit ann@EXAMPLE.TEST in a terminal.",
    )
}

/// A server that shows the certificate of another one.
pub fn wrong_certificate() -> Update {
    refused(
        "certificate-wrong-name",
        "The certificate is made out to mail.example.test, not to example.test.",
        "The certificate of example.test must name example.test. Nothing was sent to this server.",
    )
}

fn refused(kind: &str, reason: &str, next_step: &str) -> Update {
    core(AccountUpdate::Connection(ConnectionState::Refused {
        kind: kind.into(),
        reason: reason.into(),
        next_step: next_step.into(),
    }))
}

/// The network is gone.
pub fn network_down() -> Update {
    let reason = "The network is down.".into();
    core(AccountUpdate::Connection(ConnectionState::Waiting { reason, retry_at: NOW.plus(12_000) }))
}

/// The checks after the first so many; all of them when they are `CheckId::ALL.len()`.
pub fn checks(done: usize) -> Update {
    let check = |id: CheckId, outcome, detail: &str| Check {
        id,
        title: id.title().into(),
        outcome,
        code: None,
        detail: Some(detail.into()),
        next_step: None,
    };
    let not_tried = "Not tried: there is no ticket for the server.";
    let checks = [
        check(CheckId::Ticket, Outcome::Passed, "ann@EXAMPLE.TEST, valid until 18:30"),
        check(CheckId::ServerName, Outcome::Passed, "chat.example.test:5222"),
        check(CheckId::Connection, Outcome::Passed, "chat.example.test:5222 answers in 4 ms"),
        check(CheckId::Certificate, Outcome::Passed, "TLS 1.3, the certificate is good for 61 days"),
        check(CheckId::Mechanisms, Outcome::Passed, "GSSAPI"),
        Check {
            code: Some("unknown-service".into()),
            next_step: Some("Ask your administrator for the principal xmpp/chat.example.test.".into()),
            ..check(
                CheckId::ServiceTicket,
                Outcome::Failed,
                "Kerberos knows no service xmpp/chat.example.test.",
            )
        },
        check(CheckId::SignIn, Outcome::Skipped, not_tried),
    ];
    let checks: Vec<Check> = checks.into_iter().take(done).collect();
    let finished = checks.len() == CheckId::ALL.len();
    Update::Doctor(Report { account: Some(jid("ann").to_string()), checks, finished })
}

/// A server that Kerberos does not know.
pub fn unknown_service() -> Update {
    refused(
        "unknown-service",
        "Kerberos knows no service xmpp/chat.example.test.",
        "Ask your administrator for the principal xmpp/chat.example.test.",
    )
}
