//! What clients and monitoring ask: signed policies, health, figures.

use crate::auth::{self, NoTicket, Ticket};
use crate::metrics::Metrics;
use crate::policy::documents;
use crate::server::App;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Routes under `/api/policy/v1`.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/root", get(newest_root))
        .route("/root/{version}", get(root))
        .route("/document", get(document))
}

/// `GET /healthz`: the process runs and its database answers.
pub async fn health(State(app): State<Arc<App>>) -> Response {
    match app.store.ping().await {
        Ok(()) => "ok\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "The database does not answer.\n").into_response()
        }
    }
}

/// `GET /metrics`.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let online = match app.store.clients_online().await {
        Ok(online) => online,
        Err(error) => return failed(&error.to_string()),
    };
    let queue = &app.queue_metrics;
    let workgroup = app.workgroups.as_ref().map(|_| queue.connected.load(Ordering::Relaxed) == 1);
    let mut text = app.metrics.render(*app.version.borrow(), online, workgroup);
    if workgroup.is_some() {
        queue.render("flint_workgroup_", &mut text);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn newest_root(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    answer_root(&app, &headers, None).await
}

async fn root(State(app): State<Arc<App>>, Path(version): Path<String>, headers: HeaderMap) -> Response {
    match version.parse() {
        Ok(version) => answer_root(&app, &headers, Some(version)).await,
        Err(_) => problem(StatusCode::NOT_FOUND, "A root document's version is a whole number."),
    }
}

async fn answer_root(app: &App, headers: &HeaderMap, version: Option<u64>) -> Response {
    let ticket = match auth::ticket(app, headers).await {
        Ok(ticket) => ticket,
        Err(none) => return no_ticket(none),
    };
    let response = match app.keys.root(version) {
        Some(envelope) => json(envelope.to_vec()),
        None => problem(StatusCode::NOT_FOUND, "There is no root document of this version."),
    };
    prove(response, ticket)
}

async fn document(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let ticket = match auth::ticket(&app, &headers).await {
        Ok(ticket) => ticket,
        Err(none) => return no_ticket(none),
    };
    let document = match documents::for_person(&app, &ticket.account).await {
        Ok(document) => document,
        Err(error) => {
            tracing::error!(%error, "can't make a policy document");
            return prove(failed("The policies can't be read now. Try again later."), ticket);
        }
    };
    let tag = format!("\"{}-{}\"", document.epoch, document.version);
    let held = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let mut tags = held.flat_map(|value| value.split(',')).map(str::trim);
    let mut response = if tags.any(|held| held.trim_start_matches("W/") == tag) {
        Metrics::count(&app.metrics.policy_not_modified);
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Metrics::count(&app.metrics.policy_fetches);
        json(document.envelope)
    };
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    prove(response, ticket)
}

fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Adds the token by which the client knows that this is the server (RFC 4559 §5).
fn prove(mut response: Response, ticket: Ticket) -> Response {
    if let Some(reply) = ticket.reply {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, reply);
    }
    response
}

fn no_ticket(none: NoTicket) -> Response {
    let (status, text) = match none {
        NoTicket::Missing => (
            StatusCode::UNAUTHORIZED,
            "This address needs a Kerberos ticket. Sign in to the desktop or run kinit, then try again."
                .to_owned(),
        ),
        NoTicket::Refused(text) => (StatusCode::UNAUTHORIZED, text),
        NoTicket::NotMapped(text) => (StatusCode::FORBIDDEN, text),
    };
    let mut response = problem(status, &text);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Negotiate"));
    }
    response
}

fn failed(text: &str) -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, text)
}

fn problem(status: StatusCode, text: &str) -> Response {
    (status, Json(serde_json::json!({ "error": text }))).into_response()
}
