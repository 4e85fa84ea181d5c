//! The HTTPS side: what the handlers share, the routes, and the answers' headers.

use crate::auth::TicketCheck;
use crate::auth::limit::Limit;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::policy::keys::Keys;
use crate::store::{Millis, Store, StoreError};
use crate::{api, pages};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use flint_fastpath_service::{Metrics as QueueMetrics, ServiceConfig};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

pub mod listen;

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 256 * 1024;
/// Longest time for an answer.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Nothing but our own files, no inline code, no frames.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What all handlers and components share.
pub struct App {
    config: RwLock<Arc<Config>>,
    /// Database.
    pub store: Store,
    /// Keys that sign policies.
    pub keys: Keys,
    /// Checks tickets; `None` without Kerberos.
    pub tickets: Option<Arc<dyn TicketCheck>>,
    /// Whose turn it is to have a ticket checked.
    pub checks: Arc<tokio::sync::Semaphore>,
    /// Counters.
    pub metrics: Metrics,
    /// Attempts with one-time passwords.
    pub limit: Limit,
    /// Lines of the audit about somebody who may not.
    pub refusals: Limit,
    /// The newest version of the policies; components push it.
    pub version: watch::Sender<u64>,
    /// Configuration of the workgroup service, when there is one.
    pub workgroups: Option<watch::Sender<ServiceConfig>>,
    /// Counters of the workgroup service.
    pub queue_metrics: Arc<QueueMetrics>,
    /// Clock.
    pub clock: fn() -> Millis,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("store", &self.store).finish_non_exhaustive()
    }
}

impl App {
    /// An application that is not connected to anything yet.
    pub fn new(config: Config, store: Store, keys: Keys, tickets: Option<Arc<dyn TicketCheck>>) -> Self {
        let service = config.service_config();
        Self {
            config: RwLock::new(Arc::new(config)),
            store,
            keys,
            tickets,
            checks: Arc::new(tokio::sync::Semaphore::new(crate::auth::CHECKS)),
            metrics: Metrics::default(),
            limit: Limit::default(),
            refusals: Limit::default(),
            version: watch::Sender::new(0),
            workgroups: service.map(watch::Sender::new),
            queue_metrics: Arc::default(),
            clock: crate::time::now,
        }
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another configuration in force.
    pub fn set_config(&self, config: Config) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }

    /// Now, in milliseconds since 1970.
    pub fn now(&self) -> Millis {
        (self.clock)()
    }

    /// Reads what may have changed in the database and tells the components.
    ///
    /// # Errors
    /// The database failed.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let version = self.store.newest_version().await?.version;
        self.version.send_if_modified(|old| std::mem::replace(old, version) != version);
        if let Some(sender) = &self.workgroups {
            let workgroups = self.store.workgroups().await?;
            sender.send_if_modified(|config| {
                let changed = config.workgroups != workgroups;
                config.workgroups = workgroups;
                changed
            });
        }
        Ok(())
    }
}

/// The address of the other side, put into each request by the listener.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", axum::routing::get(api::health))
        .route("/metrics", axum::routing::get(api::metrics))
        .nest("/api/policy/v1", api::routes())
        .merge(pages::routes(&app))
        .fallback(pages::not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(app.clone(), around))
        .with_state(app)
}

/// Time limit, headers, counters for every answer.
async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = match tokio::time::timeout(ANSWER_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "The answer took too long. Try again.\n").into_response(),
    };
    app.metrics.answered(response.status().as_u16());
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
