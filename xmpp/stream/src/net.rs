//! From a host's name to a TCP connection: addresses one after the other, each with a limit of time.

use crate::error::ConnectError;
use crate::params::Timing;
use hickory_resolver::TokioResolver;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a clean end of a stream may take.
pub(crate) const PARTING: Duration = Duration::from_secs(3);
/// Addresses of one host that are tried.
const MAX_ADDRESSES: usize = 8;

/// Connects to the first address of `host` that answers. `resolver` replaces the system's look-up.
pub(crate) async fn connect_host(
    host: &str,
    port: u16,
    resolver: Option<&TokioResolver>,
    timing: &Timing,
) -> Result<TcpStream, ConnectError> {
    let addresses = match timeout(timing.step, addresses(host, port, resolver)).await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => return Err(ConnectError::Dns { name: host.to_owned(), detail: error.to_string() }),
        Err(_) => return Err(ConnectError::TimedOut { step: "the look-up of its address" }),
    };
    let mut detail = "it has no address".to_owned();
    for address in addresses.into_iter().take(MAX_ADDRESSES) {
        match timeout(timing.address, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Chat stanzas are small and wait for answers. A socket that can't be tuned still works.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => detail = error.to_string(),
            Err(_) => detail = "no answer".to_owned(),
        }
    }
    Err(ConnectError::Unreachable { server: server_name(host, port), detail })
}

/// Host and port as one reads them.
pub(crate) fn server_name(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

async fn addresses(host: &str, port: u16, resolver: Option<&TokioResolver>) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    if let Some(resolver) = resolver {
        let found = resolver.lookup_ip(host).await.map_err(io::Error::other)?;
        return Ok(found.iter().map(|address| SocketAddr::new(address, port)).collect());
    }
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}
