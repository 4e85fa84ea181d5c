//! The wish to stop, as every task waits for it.

use tokio::sync::watch;

/// Returns when the server stops. Cancel-safe.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stop.wait_for(|stop| *stop).await;
}
