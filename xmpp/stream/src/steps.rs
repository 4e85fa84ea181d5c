//! One step of opening a stream, with its limit of time.

use crate::error::{ConnectError, StreamEnd};
use std::future::Future;
use std::time::Duration;
use tokio::time::timeout;

/// Waits for a step at most for `limit`; `step` is its name for a person.
pub(crate) async fn within<T>(
    limit: Duration,
    step: &'static str,
    future: impl Future<Output = Result<T, StreamEnd>>,
) -> Result<T, ConnectError> {
    match timeout(limit, future).await {
        Ok(result) => result.map_err(ConnectError::from),
        Err(_) => Err(ConnectError::TimedOut { step }),
    }
}
