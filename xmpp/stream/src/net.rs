//! From a host's name to a TCP connection, whichever of its addresses answers first.

use crate::error::{ConnectError, DnsProblem, Unreached};
use crate::params::Timing;
use hickory_resolver::TokioResolver;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long a clean end of a stream may take.
pub(crate) const PARTING: Duration = Duration::from_secs(3);
/// Wait before a second address is tried beside the first.
const STAGGER: Duration = Duration::from_millis(250);
/// Addresses of one host that are tried.
const MAX_ADDRESSES: usize = 8;

/// Connects to the first address of `host` that answers. `resolver` replaces the system's look-up.
pub(crate) async fn connect_host(
    host: &str,
    port: u16,
    resolver: Option<&TokioResolver>,
    timing: &Timing,
) -> Result<TcpStream, ConnectError> {
    let addresses = look_up(host, port, resolver, timing).await?;
    connect(host, port, addresses, timing).await
}

/// The addresses of `host`.
pub(crate) async fn look_up(
    host: &str,
    port: u16,
    resolver: Option<&TokioResolver>,
    timing: &Timing,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let failed = |(problem, detail)| ConnectError::Dns { name: host.to_owned(), problem, detail };
    match timeout(timing.step, addresses(host, port, resolver)).await {
        Ok(found) => found.map_err(failed),
        Err(_) => Err(failed((DnsProblem::NoAnswer, "no answer in time".to_owned()))),
    }
}

/// Connects to the first of the addresses of `host` that answers.
pub(crate) async fn connect(
    host: &str,
    port: u16,
    addresses: Vec<SocketAddr>,
    timing: &Timing,
) -> Result<TcpStream, ConnectError> {
    match race(addresses, timing.address, TcpStream::connect).await {
        Ok(stream) => {
            // Chat stanzas are small and wait for answers. A socket that can't be tuned still works.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Err((problem, detail)) => {
            Err(ConnectError::Unreachable { server: server_name(host, port), problem, detail })
        }
    }
}

/// The first address that answers. The next one is tried as soon as one fails, or has not answered for a moment
/// (RFC 8305 §5): a network that swallows IPv6 costs a quarter of a second, not a time-out.
async fn race<T: Send + 'static, F>(
    addresses: Vec<SocketAddr>,
    limit: Duration,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<T, (Unreached, String)>
where
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut waiting = addresses.into_iter().take(MAX_ADDRESSES);
    // Dropping the set ends the attempts that are left.
    let mut attempts = JoinSet::new();
    let mut failed = (Unreached::Other, "it has no address".to_owned());
    loop {
        if let Some(address) = waiting.next() {
            attempts.spawn(timeout(limit, connect(address)));
        } else if attempts.is_empty() {
            return Err(failed);
        }
        let more = waiting.len() > 0;
        tokio::select! {
            Some(attempt) = attempts.join_next() => match attempt {
                Ok(Ok(Ok(stream))) => return Ok(stream),
                Ok(Ok(Err(error))) => failed = (unreached(&error), error.to_string()),
                Ok(Err(_)) => failed = (Unreached::Silent, "no answer".to_owned()),
                Err(error) => failed = (Unreached::Other, error.to_string()),
            },
            () = sleep(STAGGER), if more => {}
        }
    }
}

/// What a failed connection means.
fn unreached(error: &io::Error) -> Unreached {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Unreached::Refused,
        io::ErrorKind::TimedOut => Unreached::Silent,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Unreached::Reset,
        _ => Unreached::Other,
    }
}

/// Host and port as one reads them.
pub(crate) fn server_name(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Why a resolver brought nothing.
pub(crate) fn dns_problem(error: &hickory_resolver::ResolveError) -> DnsProblem {
    use hickory_resolver::proto::ProtoErrorKind;
    use hickory_resolver::proto::op::ResponseCode;
    match error.proto().map(|error| error.kind()) {
        Some(ProtoErrorKind::Timeout | ProtoErrorKind::Io(_) | ProtoErrorKind::NoConnections) => {
            DnsProblem::NoAnswer
        }
        // A refusal and a failed server count as no records, too, for the library.
        Some(ProtoErrorKind::NoRecordsFound { response_code, .. })
            if !matches!(*response_code, ResponseCode::NoError | ResponseCode::NXDomain) =>
        {
            DnsProblem::Failed
        }
        _ if error.is_no_records_found() => DnsProblem::NoRecord,
        _ => DnsProblem::Failed,
    }
}

async fn addresses(
    host: &str,
    port: u16,
    resolver: Option<&TokioResolver>,
) -> Result<Vec<SocketAddr>, (DnsProblem, String)> {
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    if let Some(resolver) = resolver {
        let found =
            resolver.lookup_ip(host).await.map_err(|error| (dns_problem(&error), error.to_string()))?;
        return Ok(found.iter().map(|address| SocketAddr::new(address, port)).collect());
    }
    match tokio::net::lookup_host((host, port)).await {
        Ok(found) => Ok(found.collect()),
        Err(error) => {
            // EAI_AGAIN: the system has no number for it that it would tell.
            let text = error.to_string();
            let silent = text.contains("Temporary failure");
            Err((if silent { DnsProblem::NoAnswer } else { DnsProblem::NoRecord }, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_live_one() {
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (live_at, dead_at) = (live.local_addr().unwrap(), dead.local_addr().unwrap());
        drop(dead);
        let limit = Duration::from_secs(10);
        let stream = race(vec![dead_at, dead_at, live_at, dead_at], limit, TcpStream::connect).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live_at);
        assert!(race(vec![dead_at, dead_at], limit, TcpStream::connect).await.is_err());
        assert!(race(Vec::new(), limit, TcpStream::connect).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_costs_a_moment_only() {
        let addresses = [1, 2, 3].map(|port| SocketAddr::new("127.0.0.1".parse().unwrap(), port)).to_vec();
        let begin = tokio::time::Instant::now();
        let answers = |address: SocketAddr| async move {
            if address.port() < 3 {
                std::future::pending::<()>().await;
            }
            Ok(address.port())
        };
        assert_eq!(race(addresses.clone(), Duration::from_secs(10), answers).await, Ok(3));
        assert_eq!(begin.elapsed(), STAGGER * 2);
        let silent = |_| std::future::pending::<io::Result<()>>();
        assert_eq!(
            race(addresses, Duration::from_secs(10), silent).await,
            Err((Unreached::Silent, "no answer".to_owned()))
        );
        assert_eq!(begin.elapsed(), STAGGER * 4 + Duration::from_secs(10));
    }

    #[tokio::test]
    async fn errors_name_the_server() {
        let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = dead.local_addr().unwrap().port();
        drop(dead);
        let error = connect_host("127.0.0.1", port, None, &Timing::default()).await.unwrap_err();
        assert_eq!(error.kind(), "server-refused");
        assert!(error.reason().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert_eq!(server_name("::1", 5222), "[::1]:5222");
    }
}
