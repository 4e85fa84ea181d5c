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

/// Who is asked for a host's addresses.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Names<'a> {
    /// The system, which knows more names than DNS does. Why it found nothing, it tells in the language of the desktop only:
    /// so this resolver, of the same name servers, is asked for the reason.
    System(Option<&'a TokioResolver>),
    /// This resolver in the system's place.
    Given(&'a TokioResolver),
}

/// Connects to the first address of `host` that answers.
pub(crate) async fn connect_host(
    host: &str,
    port: u16,
    names: Names<'_>,
    timing: &Timing,
) -> Result<TcpStream, ConnectError> {
    let addresses = look_up(host, port, names, timing).await?;
    connect(host, port, addresses, timing).await
}

/// The addresses of `host`.
pub(crate) async fn look_up(
    host: &str,
    port: u16,
    names: Names<'_>,
    timing: &Timing,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let failed = |(problem, detail)| ConnectError::Dns { name: host.to_owned(), problem, detail };
    match timeout(timing.step, addresses(host, port, names)).await {
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
            Some(attempt) = attempts.join_next() => {
                let why = match attempt {
                    Ok(Ok(Ok(stream))) => return Ok(stream),
                    Ok(Ok(Err(error))) => (unreached(&error), error.to_string()),
                    Ok(Err(_)) => (Unreached::Silent, "no answer".to_owned()),
                    Err(error) => (Unreached::Other, error.to_string()),
                };
                if telling(why.0) >= telling(failed.0) {
                    failed = why;
                }
            }
            () = sleep(STAGGER), if more => {}
        }
    }
}

/// How much a failed connection says about the server. That there is no way to its IPv6 address says nothing.
fn telling(why: Unreached) -> u8 {
    match why {
        Unreached::Refused => 3,
        Unreached::Reset => 2,
        Unreached::Silent => 1,
        Unreached::Other => 0,
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

async fn addresses(host: &str, port: u16, names: Names<'_>) -> Result<Vec<SocketAddr>, (DnsProblem, String)> {
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    match names {
        Names::Given(resolver) => {
            let found =
                resolver.lookup_ip(host).await.map_err(|error| (dns_problem(&error), error.to_string()))?;
            Ok(found.iter().map(|address| SocketAddr::new(address, port)).collect())
        }
        Names::System(resolver) => match tokio::net::lookup_host((host, port)).await {
            Ok(found) => Ok(found.collect()),
            Err(error) => Err((why_nothing(host, resolver).await, error.to_string())),
        },
    }
}

/// Why the system has found no address. What nobody can say is not taken for a name that does not exist.
async fn why_nothing(host: &str, resolver: Option<&TokioResolver>) -> DnsProblem {
    let Some(resolver) = resolver else { return DnsProblem::Failed };
    match resolver.lookup_ip(host).await {
        Ok(_) => DnsProblem::Failed,
        Err(error) => dns_problem(&error),
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
    async fn of_several_addresses_the_one_that_says_most_is_told() {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, NetworkUnreachable, TimedOut};
        for (kinds, told) in [
            (vec![ConnectionRefused, NetworkUnreachable], Unreached::Refused),
            (vec![NetworkUnreachable, ConnectionReset, TimedOut], Unreached::Reset),
            (vec![TimedOut, NetworkUnreachable], Unreached::Silent),
            (vec![ConnectionReset, ConnectionRefused, ConnectionReset], Unreached::Refused),
            (vec![NetworkUnreachable], Unreached::Other),
        ] {
            let addresses =
                (0..kinds.len()).map(|port| SocketAddr::from(([127, 0, 0, 1], port as u16))).collect();
            let (list, limit) = (kinds.clone(), Duration::from_secs(10));
            let connect = |address: SocketAddr| {
                let kind = list[usize::from(address.port())];
                async move { Err::<(), _>(io::Error::from(kind)) }
            };
            assert_eq!(race(addresses, limit, connect).await.unwrap_err().0, told, "{kinds:?}");
        }
    }

    #[tokio::test]
    async fn errors_name_the_server() {
        let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = dead.local_addr().unwrap().port();
        drop(dead);
        let error =
            connect_host("127.0.0.1", port, Names::System(None), &Timing::default()).await.unwrap_err();
        assert_eq!(error.kind(), "server-refused");
        assert!(error.reason().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert_eq!(server_name("::1", 5222), "[::1]:5222");
    }

    /// A name server that answers everything with this code (RFC 1035 §4.1.1), and a resolver that asks it.
    async fn answering(code: u8) -> TokioResolver {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut params = crate::testing::params();
        params.dns = Some(socket.local_addr().unwrap());
        tokio::spawn(async move {
            let mut message = [0; 1500];
            while let Ok((count, from)) = socket.recv_from(&mut message).await {
                (message[2], message[3]) = (0x81, 0x80 | code);
                let _ = socket.send_to(&message[..count], from).await;
            }
        });
        crate::srv::resolver(&params).unwrap()
    }

    #[tokio::test]
    async fn why_a_name_has_no_address_is_what_the_name_server_says() {
        for (code, problem) in [
            (0, DnsProblem::NoRecord),
            (2, DnsProblem::Failed),
            (3, DnsProblem::NoRecord),
            (5, DnsProblem::Failed),
        ] {
            let resolver = answering(code).await;
            assert_eq!(why_nothing("chat.example.test", Some(&resolver)).await, problem, "{code}");
        }
    }

    #[tokio::test]
    async fn a_look_up_that_nobody_can_explain_is_not_a_name_that_does_not_exist() {
        // No name server is asked for a name like this.
        let error = look_up("a..b", 5222, Names::System(None), &Timing::default()).await.unwrap_err();
        assert_eq!(error.kind(), "dns-failed");
    }
}
