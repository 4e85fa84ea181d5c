//! From parameters to a stream that is signed in: servers in turn, TLS, SASL.

use crate::error::{ConnectError, DnsProblem, StreamEnd};
use crate::frames::{CLIENT, STREAMS};
use crate::net::{self, Names};
use crate::params::{ConnectParams, Security};
use crate::progress::{Observer, Progress, Stage};
use crate::proxy;
use crate::sasl::{self, Surroundings};
use crate::srv::{self, Target};
use crate::steps::within;
use crate::tls;
use crate::wire::{Io, Wire};
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
pub(crate) async fn dial(params: &ConnectParams, observer: Observer<'_>) -> Result<SignedIn, ConnectError> {
    observer(Progress::Begun(Stage::ServerName));
    let resolver = srv::resolver(params);
    let targets = match timeout(params.timing.step, srv::targets(params, resolver.as_ref())).await {
        Ok(targets) => targets?,
        Err(_) => {
            let (name, detail) = (params.account.domain().to_string(), "no answer in time".to_owned());
            return Err(ConnectError::Dns { name, problem: DnsProblem::NoAnswer, detail });
        }
    };
    let names = match &resolver {
        Some(resolver) if params.dns.is_some() => Names::Given(resolver),
        system => Names::System(system.as_ref()),
    };
    in_turn(params, &targets, names, observer).await
}

/// Tries these servers, whose names are known, until one works.
async fn in_turn(
    params: &ConnectParams,
    targets: &[Target],
    names: Names<'_>,
    observer: Observer<'_>,
) -> Result<SignedIn, ConnectError> {
    let mut failed = None;
    for (number, target) in targets.iter().enumerate() {
        // Again after a name without an address: that was this server's, not the next one's.
        if matches!(failed, None | Some(ConnectError::Dns { .. })) {
            observer(Progress::Passed(Stage::ServerName, named(&targets[number..])));
        }
        match try_target(params, target, names, observer).await {
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

/// The servers, for people.
fn named(targets: &[Target]) -> String {
    let names: Vec<String> =
        targets.iter().map(|target| net::server_name(&target.host, target.port)).collect();
    names.join(", ")
}

async fn try_target(
    params: &ConnectParams,
    target: &Target,
    names: Names<'_>,
    observer: Observer<'_>,
) -> Result<SignedIn, ConnectError> {
    let domain = srv::ascii(params.account.domain().as_str())?;
    observer(Progress::Begun(Stage::Connection));
    let (host, port) = (target.host.as_str(), target.port);
    let tcp: Box<dyn Io> = Box::new(match &params.proxy {
        Some(proxy) => proxy::connect(proxy, host, port, names, &params.timing).await?,
        None => {
            let addresses = net::look_up(host, port, names, &params.timing).await.inspect_err(|_| {
                // The look-up of the server's address is a matter of names, too.
                observer(Progress::Begun(Stage::ServerName));
            })?;
            net::connect(host, port, addresses, &params.timing).await?
        }
    });
    let through = params.proxy.as_ref().map(|proxy| format!(" through {proxy}")).unwrap_or_default();
    observer(Progress::Passed(Stage::Connection, format!("{}{through}", net::server_name(host, port))));
    observer(Progress::Begun(Stage::Certificate));
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
    observer(Progress::Passed(Stage::Certificate, domain));
    let surroundings = Surroundings { host: target.host.clone(), exporter: encrypted.exporter };
    sign_in(encrypted.io, params, &surroundings, observer).await
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
    observer: Observer<'_>,
) -> Result<SignedIn, ConnectError> {
    observer(Progress::Begun(Stage::Mechanisms));
    let from = params.account.to_string();
    let mut wire = Wire::new(io, CLIENT, params.limits);
    let outcome = async {
        let features = open(&mut wire, params, Some(&from)).await?;
        let mechanism = sasl::authenticate(&mut wire, &features, params, surroundings, observer).await?;
        wire.restart()?;
        let features = open(&mut wire, params, Some(&from)).await?;
        Ok((features, mechanism))
    }
    .await;
    match outcome {
        Ok((features, mechanism)) => Ok(SignedIn { wire, features, mechanism }),
        Err(error) => {
            wire.refuse(net::PARTING).await;
            Err(error)
        }
    }
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
