//! Why a ticket did not work. The library reports two numbers; a person needs a reason and something to do about it.

use std::fmt;

#[cfg(test)]
mod tests;

/// One failed Kerberos operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} ({detail})", kind.reason())]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The library's own text, for a log or a details row. It holds no secrets.
    pub detail: String,
}

/// The kinds of failure that a person or an administrator can act upon.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// There is no ticket cache, or there is no usable ticket in it.
    NoTicket,
    /// The ticket is too old.
    TicketExpired,
    /// The clocks of this computer and of the realm differ by more than the realm accepts (usually five minutes).
    ClockSkew,
    /// No KDC of the realm answered.
    KdcUnreachable,
    /// The KDC does not know the service.
    UnknownService {
        /// The service principal that was asked for, e.g. `xmpp/example.test`.
        principal: String,
    },
    /// This computer does not know which realm the server belongs to, or knows nothing about that realm.
    RealmNotMapped,
    /// The other side sent something that is no valid token, or a token for somebody else.
    BadToken,
    /// The other side did not prove who it is.
    NotMutual,
    /// The server's keytab can't be used.
    Keytab {
        /// Path of the keytab, or `the default keytab`.
        keytab: String,
    },
    /// Anything else; see [`Failure::detail`].
    Other,
}

impl FailureKind {
    /// A stable word for logs, JSON output and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoTicket => "no-ticket",
            Self::TicketExpired => "ticket-expired",
            Self::ClockSkew => "clock-skew",
            Self::KdcUnreachable => "kdc-unreachable",
            Self::UnknownService { .. } => "unknown-service",
            Self::RealmNotMapped => "realm-not-mapped",
            Self::BadToken => "bad-token",
            Self::NotMutual => "not-mutual",
            Self::Keytab { .. } => "keytab",
            Self::Other => "kerberos-failure",
        }
    }

    /// What happened, as one English sentence.
    pub fn reason(&self) -> String {
        match self {
            Self::NoTicket => "There is no Kerberos ticket for you on this computer.".into(),
            Self::TicketExpired => "Your Kerberos ticket has expired.".into(),
            Self::ClockSkew => {
                "The clock of this computer differs too much from the clock of your organisation.".into()
            }
            Self::KdcUnreachable => "The Kerberos server (KDC) of your organisation can't be reached.".into(),
            Self::UnknownService { principal } => {
                format!("The Kerberos server does not know the service “{principal}”.")
            }
            Self::RealmNotMapped => {
                "This computer does not know which Kerberos realm the server belongs to.".into()
            }
            Self::BadToken => "The other side sent a Kerberos token that can't be accepted.".into(),
            Self::NotMutual => "The server did not prove its identity.".into(),
            Self::Keytab { keytab } => format!("The keytab {keytab} has no key that can be used."),
            Self::Other => "Kerberos failed for a reason that Flint does not know.".into(),
        }
    }

    /// What to do next, as one English sentence.
    pub fn next_step(&self) -> String {
        match self {
            Self::NoTicket => "Sign in to your organisation again, or run “kinit” in a terminal.".into(),
            Self::TicketExpired => "Lock and unlock your screen to renew it, or run “kinit” in a terminal.".into(),
            Self::ClockSkew => "Set the clock of this computer, or switch on its synchronisation.".into(),
            Self::KdcUnreachable => "Check the network or the VPN, then try again.".into(),
            Self::UnknownService { principal } => format!(
                "Ask your administrator to create the principal “{principal}”, or to tell you the right service host."
            ),
            Self::RealmNotMapped => {
                "Ask your administrator to add the server to [domain_realm] and its realm to [realms] of krb5.conf."
                    .into()
            }
            Self::BadToken => "Try again; if it happens again, ask your administrator to check the server's keytab.".into(),
            Self::NotMutual => "Don't continue on this network, and tell your administrator.".into(),
            Self::Keytab { .. } => {
                "Export the service's key into this file with “ktadd”, and make it readable for the service only.".into()
            }
            Self::Other => "Show the details to your administrator.".into(),
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason())
    }
}

/// What was being done when the library failed. The same numbers mean different things to different people.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Doing<'a> {
    /// Reading the person's tickets.
    ReadTickets,
    /// Talking to this service, `service/host`.
    Initiate(&'a str),
    /// Reading the server's keys.
    ReadKeytab(&'a str),
    /// Checking a client's token.
    Accept,
}

// Routine errors of RFC 2744 §3.9.1: a number in bits 16 to 23, although libgssapi calls them flags.
const BAD_NAME: u32 = 2;
const BAD_SIG: u32 = 6;
const NO_CRED: u32 = 7;
const DEFECTIVE_TOKEN: u32 = 9;
const DEFECTIVE_CREDENTIAL: u32 = 10;
const CREDENTIALS_EXPIRED: u32 = 11;
const CONTEXT_EXPIRED: u32 = 12;

// Minor codes of MIT's krb5.h.
const SERVICE_UNKNOWN: i32 = -1765328377;
const NEVER_VALID: i32 = -1765328373;
const BAD_INTEGRITY: i32 = -1765328353;
const TICKET_EXPIRED: i32 = -1765328352;
const TICKET_NOT_YET_VALID: i32 = -1765328351;
const REPEATED: i32 = -1765328350;
const NOT_US: i32 = -1765328349;
const SKEW: i32 = -1765328347;
const MODIFIED: i32 = -1765328343;
const CACHE_NOT_FOUND: i32 = -1765328243;
const NO_TICKET_SUPPLIED: i32 = -1765328241;
const REPLY_SKEW: i32 = -1765328236;
const REALM_UNKNOWN: i32 = -1765328230;
const KDC_UNREACHABLE: i32 = -1765328228;
const KEYTAB_NOT_FOUND: i32 = -1765328203;
const CACHE_NO_FILE: i32 = -1765328189;
const CACHE_NO_PERMISSION: i32 = -1765328190;
const HOST_REALM_UNKNOWN: i32 = -1765328167;
const REALM_CANT_RESOLVE: i32 = -1765328164;
const NO_DEFAULT_REALM: i32 = -1765328160;
const KEY_VERSION_NOT_FOUND: i32 = -1765328154;

/// The table. The minor code knows more than the routine error, so it is asked first.
pub(crate) fn classify(major: u32, minor: u32, doing: Doing<'_>) -> FailureKind {
    let routine = (major >> 16) & 0xff;
    let minor = minor.cast_signed();
    match (minor, doing) {
        // A server without a key has another problem than a person without a ticket.
        (KEYTAB_NOT_FOUND | KEY_VERSION_NOT_FOUND, Doing::Accept) => return FailureKind::BadToken,
        (_, Doing::ReadKeytab(keytab)) => return FailureKind::Keytab { keytab: keytab.to_owned() },
        (SERVICE_UNKNOWN, Doing::Initiate(principal)) => {
            return FailureKind::UnknownService { principal: principal.to_owned() };
        }
        _ => {}
    }
    match minor {
        TICKET_EXPIRED => FailureKind::TicketExpired,
        NEVER_VALID | TICKET_NOT_YET_VALID | SKEW | REPLY_SKEW => FailureKind::ClockSkew,
        KDC_UNREACHABLE => FailureKind::KdcUnreachable,
        CACHE_NOT_FOUND | CACHE_NO_FILE | CACHE_NO_PERMISSION | NO_TICKET_SUPPLIED => FailureKind::NoTicket,
        HOST_REALM_UNKNOWN | REALM_UNKNOWN | REALM_CANT_RESOLVE | NO_DEFAULT_REALM => {
            FailureKind::RealmNotMapped
        }
        BAD_INTEGRITY | REPEATED | NOT_US | MODIFIED => FailureKind::BadToken,
        _ => match (routine, doing) {
            (CREDENTIALS_EXPIRED | CONTEXT_EXPIRED, _) => FailureKind::TicketExpired,
            (NO_CRED, Doing::Accept) => FailureKind::BadToken,
            (NO_CRED | DEFECTIVE_CREDENTIAL, _) => FailureKind::NoTicket,
            (BAD_NAME, Doing::Initiate(_)) => FailureKind::RealmNotMapped,
            // SPNEGO replaces the minor code by a number of its own, so all that is known is that the client's token
            // could not be used; the detail has the library's reason.
            (BAD_SIG | DEFECTIVE_TOKEN, _) | (_, Doing::Accept) => FailureKind::BadToken,
            _ => FailureKind::Other,
        },
    }
}

/// For a host of a foreign domain the KDC is asked for a ticket of another realm. When it is that `krbtgt/…` which is
/// unknown, the name is no service of ours: the realm is missing. The numbers are the same; the principal is not translated.
fn unless_referred(kind: FailureKind, text: &str) -> FailureKind {
    match kind {
        FailureKind::UnknownService { .. } if text.contains("krbtgt/") => FailureKind::RealmNotMapped,
        kind => kind,
    }
}

impl Failure {
    /// From the library's error. Has to be called on the thread that got it: the text is kept per thread.
    pub(crate) fn from_library(error: &libgssapi::error::Error, doing: Doing<'_>) -> Self {
        let (major, minor) = (error.major.bits(), error.minor);
        let text: String = error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let detail = format!("{} [{}/{}]", text.trim(), (major >> 16) & 0xff, minor.cast_signed());
        Self { kind: unless_referred(classify(major, minor, doing), &text), detail }
    }

    /// A failure that the protocol above the library found.
    pub(crate) fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}
