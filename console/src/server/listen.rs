//! TLS and connections: at least TLS 1.2, slow ones dropped, a bounded number at a time, ended in good order.

use super::Peer;
use crate::config::Http;
use crate::files;
use crate::stop::stopped;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Most connections at the same time.
const MAX_CONNECTIONS: usize = 2_048;

/// How long the other side may take.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// For the TLS handshake, for the first request, and for each request's head.
    head: Duration,
    /// Between two requests. Short, since whoever is connected keeps others out.
    idle: Duration,
    /// For requests that run when the connection is to end.
    parting: Duration,
}

const TIMES: Times =
    Times { head: Duration::from_secs(10), idle: Duration::from_secs(20), parting: Duration::from_secs(5) };

/// Why HTTPS can't start. One sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The port is not free.
    #[error(
        "The address {address} is in use by another program. Stop that program or set another http.listen."
    )]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The address can't be used for another reason.
    #[error("flintd can't listen on {address}: {source}. Set another http.listen.")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The certificate or key can't be used.
    #[error("The certificate {} and its key can't be used: {detail}. Give a PEM chain and the key that belongs to it.", file.display())]
    Certificate {
        /// The certificate's file.
        file: std::path::PathBuf,
        /// The library's text.
        detail: String,
    },
    /// The key's file is missing or open.
    #[error(transparent)]
    File(#[from] files::FileError),
}

/// The TLS side, whose certificate can be exchanged while it runs.
#[derive(Debug, Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

impl Tls {
    /// Loads certificate and key.
    ///
    /// # Errors
    /// They can't be used.
    pub fn load(http: &Http) -> Result<Self, ListenError> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(server_config(http)?)))))
    }

    /// Loads them again; the old ones stay when that fails.
    ///
    /// # Errors
    /// They can't be used.
    pub fn reload(&self, http: &Http) -> Result<(), ListenError> {
        let config = Arc::new(server_config(http)?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn server_config(http: &Http) -> Result<ServerConfig, ListenError> {
    let refuse = |detail: String| ListenError::Certificate { file: http.certificate.clone(), detail };
    let key = files::read_secret_bytes(&http.key)?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| refuse(error.to_string()))?;
    let chain = CertificateDer::pem_file_iter(&http.certificate)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(|error| refuse(error.to_string()))?;
    if chain.is_empty() {
        return Err(refuse("the file holds no certificate".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| refuse(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| refuse(error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Takes the port.
///
/// # Errors
/// It can't be had.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => ListenError::InUse { address },
        _ => ListenError::Listen { address, source },
    })
}

/// Serves until `stop` becomes true, then lets running requests end.
pub async fn serve(listener: TcpListener, tls: Tls, router: Router, stop: watch::Receiver<bool>) {
    serve_with(listener, tls, router, stop, TIMES).await;
}

async fn serve_with(
    listener: TcpListener,
    tls: Tls,
    router: Router,
    mut stop: watch::Receiver<bool>,
    times: Times,
) {
    let tracker = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let permit = tokio::select! {
            permit = slots.clone().acquire_owned() => permit.expect("the semaphore is never closed"),
            () = stopped(&mut stop) => break,
        };
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, most likely: wait for some to come back.
                    tracing::warn!(%error, "can't accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = stopped(&mut stop) => break,
        };
        let (acceptor, router, stop) = (tls.acceptor(), router.clone(), stop.clone());
        tracker.spawn(async move {
            connection(stream, address, acceptor, router, stop, times).await;
            drop(permit);
        });
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(times.parting, tracker.wait()).await.is_err() {
        tracing::warn!("requests were cut off by the stop");
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: TlsAcceptor,
    router: Router,
    mut stop: watch::Receiver<bool>,
    times: Times,
) {
    // Answers are small: don't wait to fill packets. A failure only costs speed.
    let _ = stream.set_nodelay(true);
    let stream = match tokio::time::timeout(times.head, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => return tracing::debug!("TLS handshake took too long"),
    };
    let (running, mut requests) = watch::channel(0_usize);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(address.ip()));
        let running = Running::new(&running);
        let answer = router.clone().oneshot(request.map(Body::new));
        async move {
            let answer = answer.await;
            drop(running);
            answer
        }
    });
    // The handshake says which protocol it is. Without that the builder would wait for the first bytes without end.
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = if http2 { builder.http2_only() } else { builder.http1_only() };
    builder.http1().timer(TokioTimer::new()).header_read_timeout(times.head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(64 * 1024)
        .keep_alive_interval(Duration::from_secs(60));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => Ok(result),
        () = stopped(&mut stop) => Err("stop"),
        () = idle(&mut requests, times) => Err("idle"),
    };
    let result = match result {
        Ok(result) => result,
        Err(why) => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(times.parting, connection).await {
                Ok(result) => result,
                Err(_) => return tracing::debug!(why, "connection cut off"),
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}

/// Returns when no request ran for too long. Cancel-safe.
async fn idle(requests: &mut watch::Receiver<usize>, times: Times) {
    let mut limit = times.head;
    loop {
        if requests.wait_for(|running| *running == 0).await.is_err() {
            // The connection is ending by itself.
            return std::future::pending().await;
        }
        match tokio::time::timeout(limit, requests.changed()).await {
            Ok(_) => limit = times.idle,
            Err(_) => return,
        }
    }
}

/// A request that is being answered.
struct Running(watch::Sender<usize>);

impl Running {
    fn new(running: &watch::Sender<usize>) -> Self {
        running.send_modify(|running| *running += 1);
        Self(running.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

#[cfg(test)]
mod tests;
