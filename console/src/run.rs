//! Start, signals, stop.

use crate::auth::TicketCheck;
use crate::component::control::ControlComponent;
use crate::component::policy::PolicyComponent;
use crate::component::{self};
use crate::config::{ComponentKind, Config, ConfigError};
use crate::control::{self, ControlError};
use crate::files::{self, FileError};
use crate::policy::documents;
use crate::policy::keys::{KeyError, Keys};
use crate::server::listen::{self, ListenError, Tls};
use crate::server::{self, App};
use crate::stop::stopped;
use crate::store::{DatabaseJournal, Store, StoreError};
use flint_kerberos::Acceptor;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often it is looked whether the documents have to be renewed.
const RENEWAL: Duration = Duration::from_secs(60 * 60);
/// How long components may take to end.
const PARTING: Duration = Duration::from_secs(10);

/// Why flintd can't run. One sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// HTTPS.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Control socket.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Kerberos.
    #[error("Kerberos can't be used: {0}")]
    Kerberos(String),
    /// The system refuses signals or standard output.
    #[error("flintd can't start: {0}.")]
    System(#[from] std::io::Error),
}

/// Runs flintd with this configuration file until SIGTERM or SIGINT.
///
/// When everything listens, one line of JSON goes to standard output: `{"event":"ready","http":"https://…"}`.
///
/// # Errors
/// Why it can't start.
pub async fn run(file: &Path) -> Result<(), RunError> {
    let config = Config::read(file)?;
    files::make_state_directory(&config.state)?;
    let socket = config.control_socket();
    let control = control::bind(&socket).await?;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let result = start(file, config, control, &stopped, &mut tasks).await;
    if result.is_ok() {
        tracing::info!("stopping");
    }
    stop.send_replace(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(PARTING, all).await.is_err() {
        tracing::warn!("some tasks did not end in time");
    }
    // Nobody answers on it any more; a left-over is replaced at the next start.
    let _ = std::fs::remove_file(socket);
    result?.store.close().await;
    Ok(())
}

async fn start(
    file: &Path,
    config: Config,
    control: tokio::net::UnixListener,
    stop: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Result<Arc<App>, RunError> {
    let mut signals = Signals::new()?;
    let tls = Tls::load(&config.http)?;
    let secrets = config.components.iter().map(|it| Ok((it.clone(), it.secret()?)));
    let secrets = secrets.collect::<Result<Vec<_>, FileError>>()?;
    let store = Store::open(&config.database()).await?;
    let keys = Keys::open(&config.state, &config.domain)?;
    let tickets = match &config.kerberos {
        Some(kerberos) => {
            let acceptor = Acceptor::new(kerberos.keytab.as_deref()).map_err(|failure| {
                RunError::Kerberos(format!("{} {}", failure.kind.reason(), failure.kind.next_step()))
            })?;
            Some(Arc::new(acceptor) as Arc<dyn TicketCheck>)
        }
        None => None,
    };
    let app = Arc::new(App::new(config.clone(), store, keys, tickets));
    documents::renew(&app).await?;
    app.refresh().await?;

    let listener = listen::bind(config.http.listen).await?;
    let address = listener.local_addr()?;
    tasks.spawn(listen::serve(listener, tls.clone(), server::router(app.clone()), stop.clone()));
    tasks.spawn(control::serve(app.clone(), control, stop.clone()));
    tasks.spawn(keep_renewing(app.clone(), stop.clone()));
    for (component, secret) in secrets {
        let Some(xmpp) = &config.xmpp else { continue };
        let params = component::params(&xmpp.host, xmpp.port, &component.domain, secret);
        let (app, stop) = (app.clone(), stop.clone());
        match component.kind {
            ComponentKind::Policy => {
                let handler = PolicyComponent::new(app.clone(), component.domain);
                tasks.spawn(component::keep(app, params, handler, stop));
            }
            ComponentKind::ClientControl => {
                let handler = ControlComponent::new(app.clone(), component.domain);
                tasks.spawn(component::keep(app, params, handler, stop));
            }
            ComponentKind::Workgroup => {
                tasks.spawn(workgroups(app, params, stop));
            }
        }
    }
    say_ready(&format!("https://{address}/"))?;
    tracing::info!(%address, domain = config.domain, "ready");

    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.hang_up.recv() => reload(&app, file, &tls).await,
        }
    }
    Ok(app)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}

/// SIGHUP: certificate, administrators, realms and public address are read again, and the database is looked at.
async fn reload(app: &App, file: &Path, tls: &Tls) {
    let config = match Config::read(file) {
        Ok(config) => config,
        Err(error) => return tracing::error!(%error, "the configuration is not taken; the old one stays"),
    };
    let old = app.config();
    let fixed = |config: &Config| {
        let Config { domain, state, http, kerberos, xmpp, components, .. } = config;
        let keytab = kerberos.as_ref().map(|kerberos| kerberos.keytab.clone());
        (domain.clone(), state.clone(), http.listen, keytab, xmpp.clone(), components.clone())
    };
    if fixed(&config) != fixed(&old) {
        tracing::error!(
            "domain, state, http.listen, kerberos.keytab, xmpp or components changed; the old configuration stays: restart flintd"
        );
        return;
    }
    if let Err(error) = tls.reload(&config.http) {
        return tracing::error!(%error, "the certificate is not taken; the old configuration stays");
    }
    app.set_config(config);
    if let Err(error) = app.refresh().await {
        return tracing::error!(%error, "the database can't be read");
    }
    tracing::info!("configuration read again");
}

async fn keep_renewing(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut timer = tokio::time::interval(RENEWAL);
    loop {
        tokio::select! {
            _ = timer.tick() => {
                if let Err(error) = documents::renew(&app).await {
                    tracing::error!(%error, "the policies can't be renewed");
                }
            }
            () = stopped(&mut stop) => return,
        }
    }
}

async fn workgroups(app: Arc<App>, params: flint_stream::ComponentParams, stop: watch::Receiver<bool>) {
    let Some(config) = app.workgroups.as_ref().map(watch::Sender::subscribe) else { return };
    let journal = DatabaseJournal::new(app.store.clone());
    let metrics = app.queue_metrics.clone();
    if let Err(error) = flint_fastpath_service::run(config, params, journal, stop, metrics).await {
        tracing::error!(%error, "the workgroup service ended");
    }
}

fn say_ready(url: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::json!({ "event": "ready", "http": url }))?;
    out.flush()
}
