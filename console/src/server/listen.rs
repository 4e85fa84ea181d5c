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
/// Longest TLS handshake, and longest time for a request's head.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a stopping server waits for requests that run.
const PARTING: Duration = Duration::from_secs(5);

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
pub async fn serve(listener: TcpListener, tls: Tls, router: Router, mut stop: watch::Receiver<bool>) {
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
            connection(stream, address, acceptor, router, stop).await;
            drop(permit);
        });
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(PARTING, tracker.wait()).await.is_err() {
        tracing::warn!("requests were cut off by the stop");
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: TlsAcceptor,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small: don't wait to fill packets. A failure only costs speed.
    let _ = stream.set_nodelay(true);
    let stream = match tokio::time::timeout(HEAD_TIME, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => return tracing::debug!("TLS handshake took too long"),
    };
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(address.ip()));
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(64 * 1024)
        .keep_alive_interval(Duration::from_secs(60));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}
