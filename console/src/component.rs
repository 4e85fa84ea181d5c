//! Components of the XMPP server (XEP-0114): connected again whenever the connection is lost.

use crate::server::App;
use crate::stop::stopped;
use flint_stream::{Component, ComponentParams, Limits, StreamEnd, Timing, connect_component};
use minidom::Element;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

pub mod control;
pub mod policy;
pub mod stanza;

/// First and longest pause before the next attempt to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a component does with what happens to it. What it returns is sent.
pub trait Handler: Send + 'static {
    /// Its name in the log.
    fn kind(&self) -> &'static str;
    /// 1 while it is connected.
    fn up<'a>(&self, app: &'a App) -> &'a AtomicU64;
    /// The connection is there.
    fn connected(&mut self) -> impl Future<Output = Vec<Element>> + Send;
    /// A stanza came.
    fn stanza(&mut self, stanza: &Element) -> impl Future<Output = Vec<Element>> + Send;
    /// There is another version of the policies.
    fn changed(&mut self, version: u64) -> impl Future<Output = Vec<Element>> + Send;
}

/// Parameters of one component's connection.
pub fn params(host: &str, port: u16, domain: &str, secret: flint_stream::Secret) -> ComponentParams {
    ComponentParams {
        domain: domain.to_owned(),
        host: host.to_owned(),
        port,
        secret,
        limits: Limits::default(),
        timing: Timing::default(),
    }
}

/// Runs a component until `stop` becomes true.
pub async fn keep<H: Handler>(
    app: Arc<App>,
    params: ComponentParams,
    mut handler: H,
    mut stop: watch::Receiver<bool>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let connected = tokio::select! {
            connected = connect_component(&params) => connected,
            () = stopped(&mut stop) => return,
        };
        match connected {
            Ok(component) => {
                pause = FIRST_PAUSE;
                tracing::info!(kind = handler.kind(), domain = params.domain, "component connected");
                handler.up(&app).store(1, Ordering::Relaxed);
                let end = run(&app, component, &mut handler, &mut stop).await;
                handler.up(&app).store(0, Ordering::Relaxed);
                match end {
                    None => return,
                    Some(end) => tracing::warn!(kind = handler.kind(), ?end, "component lost its connection"),
                }
            }
            Err(error) => {
                // A refusal can be cured on the server's side, so it is tried again, but not in a hurry.
                if error.is_final() {
                    pause = LONGEST_PAUSE;
                }
                tracing::warn!(
                    kind = handler.kind(),
                    domain = params.domain,
                    code = error.kind(),
                    reason = error.reason(),
                    next_step = error.next_step(),
                    "component can't connect",
                );
            }
        }
        tokio::select! {
            () = tokio::time::sleep(jitter(pause)) => {}
            () = stopped(&mut stop) => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// `None` when stopped.
async fn run<H: Handler>(
    app: &App,
    mut component: Component,
    handler: &mut H,
    stop: &mut watch::Receiver<bool>,
) -> Option<StreamEnd> {
    let mut version = app.version.subscribe();
    version.mark_unchanged();
    let mut out = handler.connected().await;
    loop {
        for stanza in out.drain(..) {
            if let Err(end) = component.send(&stanza).await {
                return Some(end);
            }
        }
        out = tokio::select! {
            next = component.next() => match next {
                Ok(stanza) => handler.stanza(&stanza).await,
                Err(end) => return Some(end),
            },
            changed = version.changed() => {
                changed.expect("the application holds the sender");
                let version = *version.borrow_and_update();
                handler.changed(version).await
            }
            () = stopped(stop) => {
                component.close().await;
                return None;
            }
        };
    }
}

/// Between half of it and all of it, so that many servers don't come back in step.
fn jitter(pause: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    // Without randomness the pause is just not spread.
    let _ = getrandom::fill(&mut byte);
    pause / 2 + (pause / 2) * u32::from(byte[0]) / 255
}
