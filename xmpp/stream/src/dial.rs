//! From parameters to a stream that is signed in: servers in turn, TLS, SASL.

use crate::error::{ConnectError, StreamEnd};
use crate::frames::{CLIENT, STREAMS};
use crate::net;
use crate::params::{ConnectParams, Security};
use crate::sasl::{self, Surroundings};
use crate::srv::{self, Target};
use crate::steps::within;
use crate::tls;
use crate::wire::{Io, Wire};
use hickory_resolver::TokioResolver;
use minidom::Element;
use tokio::time::timeout;

const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";

/// A stream after the sign-in, with the features that come then.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) wire: Wire,
    pub(crate) features: Element,
    pub(crate) mechanism: String,
}

/// Tries the servers in turn. What no other server could change (the person is refused, the certificate is wrong) ends
/// it; what the network did does not.
pub(crate) async fn dial(params: &ConnectParams) -> Result<SignedIn, ConnectError> {
    let resolver = srv::resolver(params);
    let targets = match timeout(params.timing.step, srv::targets(params, resolver.as_ref())).await {
        Ok(targets) => targets?,
        Err(_) => return Err(ConnectError::TimedOut { step: "the look-up of the server" }),
    };
    let mut failed = None;
    for target in targets {
        match try_target(params, &target, resolver.as_ref().filter(|_| params.dns.is_some())).await {
            Ok(signed_in) => return Ok(signed_in),
            Err(error) => {
                tracing::info!(
                    host = target.host,
                    port = target.port,
                    kind = error.kind(),
                    "server did not work"
                );
                let is_final = error.is_final();
                failed = Some(error);
                if is_final {
                    break;
                }
            }
        }
    }
    Err(failed.unwrap_or_else(|| ConnectError::NotOffered { domain: params.account.domain().to_string() }))
}

async fn try_target(
    params: &ConnectParams,
    target: &Target,
    resolver: Option<&TokioResolver>,
) -> Result<SignedIn, ConnectError> {
    let domain = srv::ascii(params.account.domain().as_str())?;
    let tcp: Box<dyn Io> =
        Box::new(net::connect_host(&target.host, target.port, resolver, &params.timing).await?);
    let plain = match target.security {
        Security::Direct => tcp,
        Security::StartTls => start_tls(tcp, params, target).await?,
    };
    let direct = target.security == Security::Direct;
    let encrypted =
        match timeout(params.timing.step, tls::encrypt(plain, &domain, &params.roots, direct)).await {
            Ok(encrypted) => encrypted?,
            Err(_) => return Err(ConnectError::TimedOut { step: "the TLS handshake" }),
        };
    let surroundings = Surroundings { host: target.host.clone(), exporter: encrypted.exporter };
    sign_in(encrypted.io, params, &surroundings).await
}

/// RFC 6120 §5: the connection, after the server has agreed.
async fn start_tls(
    io: Box<dyn Io>,
    params: &ConnectParams,
    target: &Target,
) -> Result<Box<dyn Io>, ConnectError> {
    let mut wire = Wire::new(io, CLIENT, params.limits);
    let features = open(&mut wire, params, None).await?;
    if !features.has_child("starttls", TLS) {
        return Err(ConnectError::NoTls { server: net::server_name(&target.host, target.port) });
    }
    wire.queue(format!("<starttls xmlns='{TLS}'/>").as_bytes());
    wire.flush(params.timing.step).await?;
    let answer = within(params.timing.step, "the beginning of encryption", wire.next()).await?;
    if !answer.is("proceed", TLS) {
        return Err(ConnectError::Tls { detail: "the server refuses to begin encryption".to_owned() });
    }
    Ok(wire.into_io()?)
}

/// The sign-in over an encrypted connection.
pub(crate) async fn sign_in(
    io: Box<dyn Io>,
    params: &ConnectParams,
    surroundings: &Surroundings,
) -> Result<SignedIn, ConnectError> {
    let from = params.account.to_string();
    let mut wire = Wire::new(io, CLIENT, params.limits);
    let features = open(&mut wire, params, Some(&from)).await?;
    let mechanism = sasl::authenticate(&mut wire, &features, params, surroundings).await?;
    wire.restart()?;
    let features = open(&mut wire, params, Some(&from)).await?;
    Ok(SignedIn { wire, features, mechanism })
}

/// Headers in both directions, then the features. `from` only where it is encrypted (RFC 6120 §4.7.1).
async fn open(wire: &mut Wire, params: &ConnectParams, from: Option<&str>) -> Result<Element, ConnectError> {
    wire.open(params.account.domain().as_str(), from, true);
    wire.flush(params.timing.step).await?;
    let header = within(params.timing.step, "the beginning of the stream", wire.header()).await?;
    let features = within(params.timing.step, "the beginning of the stream", wire.next()).await?;
    let is_new = header.version.is_some_and(|version| !version.starts_with("0."));
    if !is_new || !features.is("features", STREAMS) {
        return Err(StreamEnd::Protocol("a server older than XMPP 1.0".to_owned()).into());
    }
    Ok(features)
}

#[cfg(test)]
mod tests;
