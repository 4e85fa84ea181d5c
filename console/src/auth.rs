//! Who is there: a Kerberos ticket, a console session, or a one-time password.

use crate::metrics::Metrics;
use crate::server::App;
use crate::store::{Session, StoreError};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flint_kerberos::{Acceptor, Failure, Principal};
use jid::BareJid;
use sha2::{Digest, Sha256};
use std::sync::Arc;

pub mod limit;
pub mod password;

/// Most tickets that are checked at once: each takes a thread.
pub(crate) const CHECKS: usize = 16;
/// How long a console session lasts.
const SESSION_MS: u64 = 8 * 60 * 60 * 1000;
/// Name of the session's cookie; `__Host-` binds it to this host, TLS and path `/` (RFC 6265bis §4.1.3.2).
const COOKIE: &str = "__Host-flint";

/// Checks SPNEGO tokens. [`Acceptor`] in production; tests bring their own.
pub trait TicketCheck: Send + Sync {
    /// The person, and the token that proves the server to the client. Blocking.
    ///
    /// # Errors
    /// Why the ticket is refused.
    fn check(&self, token: &[u8]) -> Result<(Principal, Option<Vec<u8>>), Failure>;
}

impl TicketCheck for Acceptor {
    fn check(&self, token: &[u8]) -> Result<(Principal, Option<Vec<u8>>), Failure> {
        let accepted = self.accept(token)?;
        Ok((accepted.principal, accepted.reply))
    }
}

/// Somebody who proved a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Account by the table of realms.
    pub account: BareJid,
    /// Value for `WWW-Authenticate` in the answer (RFC 4559 §5): proves the server.
    pub reply: Option<HeaderValue>,
}

/// Why nobody is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoTicket {
    /// None was sent, or no Kerberos is configured.
    Missing,
    /// It is refused; the sentence is for the sender.
    Refused(String),
    /// It is good, but of a realm or kind that is not mapped to an account.
    NotMapped(String),
}

/// Looks at `Authorization: Negotiate`.
///
/// # Errors
/// Why nobody is there.
pub async fn ticket(app: &App, headers: &HeaderMap) -> Result<Ticket, NoTicket> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = value
        .and_then(|value| value.split_once(' '))
        .and_then(|(scheme, token)| scheme.eq_ignore_ascii_case("negotiate").then_some(token.trim()))
    else {
        return Err(NoTicket::Missing);
    };
    if app.tickets.is_none() {
        return Err(NoTicket::Missing);
    }
    let Ok(token) = STANDARD.decode(token) else {
        return Err(refused(app, "The Negotiate token is not base64.".to_owned()));
    };
    // Held by the check itself: whoever hangs up does not make room for one more.
    let Ok(turn) = Arc::clone(&app.checks).acquire_owned().await else { return Err(NoTicket::Missing) };
    let Some(check) = app.tickets.clone() else { return Err(NoTicket::Missing) };
    let checked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        check.check(&token)
    });
    let checked = checked.await;
    let (principal, reply) = match checked {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(failure)) => {
            tracing::info!(code = failure.kind.code(), detail = %failure.detail, "ticket refused");
            let text = format!("{} {}", failure.kind.reason(), failure.kind.next_step());
            return Err(refused(app, text));
        }
        Err(_) => return Err(refused(app, "The ticket could not be checked. Try again.".to_owned())),
    };
    let account = app.config().account(&principal.name, &principal.realm);
    let Some(account) = account else {
        Metrics::count(&app.metrics.sign_ins_refused);
        tracing::info!(principal = %principal, "principal is not mapped to an account");
        return Err(NoTicket::NotMapped(format!(
            "The principal {principal} belongs to no account here. Ask the administrator to map its realm to the domain."
        )));
    };
    let reply =
        reply.and_then(|token| HeaderValue::try_from(format!("Negotiate {}", STANDARD.encode(token))).ok());
    Ok(Ticket { account, reply })
}

fn refused(app: &App, text: String) -> NoTicket {
    Metrics::count(&app.metrics.sign_ins_refused);
    NoTicket::Refused(text)
}

/// The console session of a request's cookie.
///
/// # Errors
/// The database failed.
pub async fn session(app: &App, headers: &HeaderMap) -> Result<Option<(Session, [u8; 32])>, StoreError> {
    let Some(token) = cookie(headers, COOKIE) else { return Ok(None) };
    let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    Ok(app.store.session(app.now(), &digest).await?.map(|session| (session, digest)))
}

/// Begins a session; gives the `Set-Cookie` value.
///
/// # Errors
/// The database failed.
pub async fn begin_session(app: &App, who: &str, how: &str) -> Result<HeaderValue, StoreError> {
    let token = random_token();
    let digest = Sha256::digest(token.as_bytes());
    let now = app.now();
    let session = Session { who: who.to_owned(), csrf: random_token(), expires: now + SESSION_MS };
    app.store.add_session(now, &digest, &session, how).await?;
    Ok(session_cookie(&token, SESSION_MS / 1000))
}

/// Makes the browser forget the session.
pub fn forget_session() -> HeaderValue {
    session_cookie("", 0)
}

/// `Lax`, so that a link from another site (a wiki, a mail) finds the session: a `Strict` cookie is held back on the
/// way from there, and each answer to the ticket would send the browser to the same page again, without end. What
/// changes anything is a POST with the form's token.
fn session_cookie(value: &str, seconds: u64) -> HeaderValue {
    cookie_for(COOKIE, value, seconds, "Lax")
}

/// A `Set-Cookie` value for a cookie that scripts and other sites can't use.
pub fn set_cookie(name: &str, value: &str, seconds: u64) -> HeaderValue {
    cookie_for(name, value, seconds, "Strict")
}

fn cookie_for(name: &str, value: &str, seconds: u64, same_site: &str) -> HeaderValue {
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite={same_site}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A cookie of the request.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// 256 random bits as text.
///
/// # Panics
/// When the system has no randomness.
pub fn random_token() -> String {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Compares two secrets without telling by the time where they differ.
pub fn same(left: &str, right: &str) -> bool {
    Sha256::digest(left.as_bytes()) == Sha256::digest(right.as_bytes())
}
