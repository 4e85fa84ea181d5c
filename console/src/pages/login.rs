//! Sign-in with a one-time password, and sign-out.

use super::{Fields, SignedIn, failed, page, redirect};
use crate::auth::{self, password};
use crate::metrics::Metrics;
use crate::server::{App, Peer};
use askama::Template;
use axum::extract::{Extension, Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Who is signed in by a one-time password: nobody by name.
pub(super) const BY_PASSWORD: &str = "one-time-password";
/// Ties the form to the browser that got it, before there is a session.
const COOKIE: &str = "__Host-flint-login";

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    domain: &'a str,
    csrf: &'a str,
    ticket: bool,
    problem: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Attempt {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    password: String,
}

/// 401 that lets the browser send its ticket, and the form for who has none.
pub(super) fn ask(app: &App, problem: Option<String>) -> Response {
    let mut response = form(app, StatusCode::UNAUTHORIZED, problem, app.tickets.is_some());
    if app.tickets.is_some() {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Negotiate"));
    }
    response
}

/// `ticket`: this is the answer to somebody whose ticket would have been enough.
fn form(app: &App, status: StatusCode, problem: Option<String>, ticket: bool) -> Response {
    let csrf = auth::random_token();
    let mut response = page(&Login { domain: &app.config().domain, csrf: &csrf, ticket, problem }, status);
    response.headers_mut().append(header::SET_COOKIE, auth::set_cookie(COOKIE, &csrf, 60 * 60));
    response
}

/// `GET /login`.
pub async fn show(State(app): State<Arc<App>>) -> Response {
    form(&app, StatusCode::OK, None, false)
}

/// `POST /login`.
pub async fn sign_in(
    State(app): State<Arc<App>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Form(attempt): Form<Attempt>,
) -> Response {
    let typed = Zeroizing::new(attempt.password);
    let held = auth::cookie(&headers, COOKIE).unwrap_or_default();
    if held.is_empty() || !auth::same(held, &attempt.csrf) {
        let text = "The form was too old. Type the password again.".to_owned();
        return form(&app, StatusCode::FORBIDDEN, Some(text), false);
    }
    if !app.limit.allows(peer, app.now()) {
        let text =
            "There were too many attempts from your address. Wait five minutes, then try again.".to_owned();
        return form(&app, StatusCode::TOO_MANY_REQUESTS, Some(text), false);
    }
    match password::redeem(&app.store, app.now(), &typed).await {
        Ok(true) => match auth::begin_session(&app, BY_PASSWORD, "By one-time password").await {
            Ok(cookie) => redirect("/policies", cookie),
            Err(error) => failed(&app, &error),
        },
        Ok(false) => {
            Metrics::count(&app.metrics.sign_ins_refused);
            let detail = format!("Wrong one-time password from {peer}");
            if let Err(error) = app.store.audit(app.now(), "nobody", "refused", &detail).await {
                return failed(&app, &error);
            }
            let text =
                "This password is wrong, was used already, or is older than 24 hours. Make another one.";
            form(&app, StatusCode::FORBIDDEN, Some(text.to_owned()), false)
        }
        Err(error) => failed(&app, &error),
    }
}

/// `POST /logout`.
pub async fn sign_out(
    State(app): State<Arc<App>>,
    Extension(signed_in): Extension<SignedIn>,
    _fields: Fields,
) -> Response {
    match app.store.end_session(app.now(), &signed_in.digest, &signed_in.session.who).await {
        Ok(()) => redirect("/login", auth::forget_session()),
        Err(error) => failed(&app, &error),
    }
}
