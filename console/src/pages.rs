//! The administrators' console: pages made on the server, complete without scripts.

use crate::auth::{self, NoTicket};
use crate::server::{App, Peer};
use crate::store::{Session, StoreError};
use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub mod assets;
pub mod flash;
pub mod history;
pub mod lists;
pub mod login;
pub mod policies;

/// Largest form of the sign-in, in bytes: the only body that is read from just anybody.
const MAX_SIGN_IN: usize = 4 * 1024;

/// Routes of the console. All but the sign-in and the files need an administrator.
pub fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let inside = Router::new()
        .route("/", get(|| async { Redirect::to("/policies") }))
        .route("/policies", get(policies::show))
        .route("/policies/preview", post(policies::preview).get(|| async { Redirect::to("/policies") }))
        .route("/policies/publish", post(policies::publish).get(|| async { Redirect::to("/policies") }))
        .route("/policies/revert", post(history::revert).get(|| async { Redirect::to("/policies/history") }))
        .route("/policies/history", get(history::show))
        .route("/groups", get(lists::groups))
        .route("/groups/{id}", get(lists::group))
        .route("/clients", get(lists::clients))
        .route("/workgroups", get(lists::workgroups))
        .route("/audit", get(lists::audit))
        .route("/logout", post(login::sign_out))
        .layer(middleware::from_fn_with_state(app.clone(), administrators_only));
    Router::new()
        .merge(inside)
        .route("/login", get(login::show).post(login::sign_in).layer(DefaultBodyLimit::max(MAX_SIGN_IN)))
        .route("/static/{file}", get(assets::file))
}

/// Somebody who may use the console.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Session.
    pub session: Session,
    /// Digest of its token.
    pub digest: [u8; 32],
}

/// Session first, then ticket; else the page to sign in. A ticket becomes a session, and the page is asked for again.
async fn administrators_only(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    match auth::session(&app, request.headers()).await {
        Ok(Some((session, digest))) if still_permitted(&app, &session.who) => {
            if request.method() == Method::POST && is_foreign(request.headers()) {
                return forged(&app);
            }
            request.extensions_mut().insert(SignedIn { session, digest });
            return next.run(request).await;
        }
        Ok(_) => {}
        Err(error) => return failed(&app, &error),
    }
    let ticket = match auth::ticket(&app, request.headers()).await {
        Ok(ticket) => ticket,
        Err(NoTicket::Missing) => return login::ask(&app, None),
        Err(NoTicket::Refused(text)) => return login::ask(&app, Some(text)),
        Err(NoTicket::NotMapped(text)) => return not_permitted(&app, &text),
    };
    let who = ticket.account.to_string();
    let mut response = if !app.config().administrators.contains(&ticket.account) {
        let text = format!(
            "You are {who}, who is not an administrator here. Ask an administrator to add you to 'administrators' in the configuration of flintd."
        );
        // Anybody with a ticket can come again and again; the audit hears of it, but is not filled with it.
        let peer = request.extensions().get::<Peer>().map(|Peer(address)| *address);
        if peer.is_some_and(|peer| app.refusals.allows(peer, app.now()))
            && let Err(error) = app.store.audit(app.now(), &who, "refused", "Not an administrator").await
        {
            tracing::error!(%error, "can't write to the audit");
        }
        not_permitted(&app, &text)
    } else {
        match auth::begin_session(&app, &who, "By Kerberos ticket").await {
            Ok(cookie) => {
                let again = match (request.method(), request.uri().path_and_query()) {
                    (&Method::GET, Some(path)) => path.as_str().to_owned(),
                    _ => "/policies".to_owned(),
                };
                ([(header::SET_COOKIE, cookie)], Redirect::to(&again)).into_response()
            }
            Err(error) => failed(&app, &error),
        }
    };
    if let Some(reply) = ticket.reply {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, reply);
    }
    response
}

/// Whoever is taken off the list of administrators is out with the next request.
fn still_permitted(app: &App, who: &str) -> bool {
    who == login::BY_PASSWORD
        || app.config().administrators.iter().any(|administrator| administrator.as_str() == who)
}

/// The browser says that another site sends this (Fetch Metadata). The token in the form is the real guard.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

fn forged(app: &App) -> Response {
    let text = "The form was not sent from this console, or you signed in again since. Nothing was changed; open the page again.";
    notice(app, StatusCode::FORBIDDEN, "Not taken", text)
}

/// The fields of a form whose token was checked.
#[derive(Debug)]
pub struct Fields(HashMap<String, String>);

impl Fields {
    /// A field's text; empty when it is missing.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl FromRequest<Arc<App>> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let Some(signed_in) = request.extensions().get::<SignedIn>().cloned() else {
            return Err(login::ask(app, None));
        };
        let form = Form::<HashMap<String, String>>::from_request(request, app).await;
        let Form(fields) = form.map_err(IntoResponse::into_response)?;
        let token = fields.get("csrf").map_or("", String::as_str);
        if !auth::same(token, &signed_in.session.csrf) {
            return Err(forged(app));
        }
        Ok(Self(fields))
    }
}

/// What is around every page.
#[derive(Debug)]
pub struct Frame {
    domain: String,
    who: String,
    csrf: String,
    links: Vec<Link>,
    audit: bool,
    flash: Option<flash::Flash>,
}

#[derive(Debug)]
struct Link {
    href: &'static str,
    label: &'static str,
    count: Option<String>,
    current: bool,
    support: bool,
}

impl Frame {
    /// The frame of the page at `current`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn new(
        app: &App,
        signed_in: &SignedIn,
        headers: &HeaderMap,
        current: &str,
    ) -> Result<Self, StoreError> {
        let groups = app.store.groups().await?.len();
        let online = app.store.clients_online().await?;
        let waiting = app.queue_metrics.waiting.load(Ordering::Relaxed);
        let link = |href, label, count: Option<u64>, support| Link {
            href,
            label,
            count: count.map(grouped),
            current: href == current,
            support,
        };
        let links = vec![
            link("/policies", "Policies", Some(flint_policy::catalog::CATALOG.len() as u64), false),
            link("/groups", "Groups", Some(groups as u64), false),
            link("/clients", "Clients", Some(online), false),
            link("/workgroups", "Workgroups", (waiting > 0).then_some(waiting), true),
        ];
        Ok(Self {
            domain: app.config().domain.clone(),
            who: signed_in.session.who.clone(),
            csrf: signed_in.session.csrf.clone(),
            links,
            audit: current == "/audit",
            flash: flash::read(headers),
        })
    }
}

/// 4812 → "4,812".
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "1 person", "2 people".
pub fn people(number: u64) -> String {
    if number == 1 { "1 person".to_owned() } else { format!("{} people", grouped(number)) }
}

/// A page out of its template. A flash that was shown is taken away.
fn page(template: &impl Template, status: StatusCode) -> Response {
    match template.render() {
        Ok(text) => (status, [(header::SET_COOKIE, flash::forget())], Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "can't make a page");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page can't be made.\n").into_response()
        }
    }
}

#[derive(Template)]
#[template(path = "notice.html")]
struct Notice<'a> {
    domain: &'a str,
    title: &'a str,
    text: &'a str,
    /// Whether to show the way to the policies.
    link: bool,
}

fn notice(app: &App, status: StatusCode, title: &str, text: &str) -> Response {
    page(&Notice { domain: &app.config().domain, title, text, link: true }, status)
}

/// For somebody who may see nothing here: without a way to go on.
fn not_permitted(app: &App, text: &str) -> Response {
    let notice = Notice { domain: &app.config().domain, title: "Not permitted", text, link: false };
    page(&notice, StatusCode::FORBIDDEN)
}

fn failed(app: &App, error: &StoreError) -> Response {
    tracing::error!(%error, "a page failed");
    notice(app, StatusCode::INTERNAL_SERVER_ERROR, "It did not work", &error.to_string())
}

/// Any other address.
pub async fn not_found(State(app): State<Arc<App>>) -> Response {
    notice(
        &app,
        StatusCode::NOT_FOUND,
        "There is nothing here",
        "The address is wrong, or what it showed is gone.",
    )
}

fn redirect(to: &str, cookie: HeaderValue) -> Response {
    ([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response()
}
