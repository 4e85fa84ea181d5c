//! Shared by the tests: parameters, and a session over a pipe.

use crate::dial::sign_in;
use crate::params::{ConnectParams, Credentials, Secret};
use crate::progress::unobserved;
use crate::sasl::Surroundings;
use crate::session::begin::begin;
use crate::session::{ConnectFailed, ResumeState, Session};
use flint_test_support::{Account, Peer};
use rustls::RootCertStore;
use std::sync::Arc;
use tokio::io::DuplexStream;

/// Ann, by password.
pub(crate) fn params() -> ConnectParams {
    let mut params =
        ConnectParams::new("ann@example.test".parse().unwrap(), Arc::new(RootCertStore::empty()));
    params.credentials = Credentials::Password(Secret::new("pencil"));
    params.resource = Some("r1".into());
    params
}

/// The client's part over a pipe that stands for an encrypted connection.
pub(crate) async fn connect_over(
    io: DuplexStream,
    params: &ConnectParams,
    resume: Option<ResumeState>,
) -> Result<Session, ConnectFailed> {
    match sign_in(Box::new(io), params, &Surroundings::default(), &unobserved).await {
        Ok(signed_in) => begin(signed_in, params, resume).await,
        Err(error) => Err(ConnectFailed { error, resume }),
    }
}

/// A session with XEP-0198 and the server's end of it.
pub(crate) async fn session(params: &ConnectParams) -> (Session, Peer) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let server = async {
        let mut peer = Peer::new(theirs);
        peer.sign_in(&Account::default()).await;
        peer
    };
    let (session, peer) = tokio::join!(connect_over(ours, params, None), server);
    (session.unwrap(), peer)
}
