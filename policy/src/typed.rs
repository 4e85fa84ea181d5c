//! Values that are more than a number or a text, as the rest of Flint takes them.

use std::fmt;

use serde::{Serialize, Serializer};

#[cfg(test)]
mod tests;

/// What stands in place of a value that is not shown.
pub const MASK: &str = "••••••••";
/// Most characters of an address.
const MAX_ADDRESS: usize = 2000;

/// A text that neither `Debug` nor serialisation gives away.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// `SCHEME://HOST:PORT`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The scheme, e.g. `socks5`.
    pub scheme: String,
    /// The name or the address; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// Reads it. Nothing may follow the port, not even a `/`.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (host, port) = rest.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(address) => {
                let address = address.strip_suffix(']')?;
                address.parse::<std::net::Ipv6Addr>().ok()?;
                address
            }
            None => Some(host).filter(|host| is_host(host))?,
        };
        let port = Some(port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
        (port != 0).then(|| Self { scheme: scheme.to_owned(), host: host.to_owned(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// The proxy to the chat server: address and credentials always come from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proxy {
    /// Where it is; the scheme is `http` or `socks5`.
    pub address: Endpoint,
    /// Who signs in to it.
    pub user: Option<String>,
    /// With what.
    pub password: Option<SecretText>,
}

/// A file elsewhere, and how to know that it is the right one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReference {
    /// Where it is; begins with `https://`.
    pub url: String,
    /// The SHA-256 of its content, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Largest content that is taken, in octets.
    pub max_size: u32,
}

/// An address of a file, which may come over verified TLS only.
pub(crate) fn is_https(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0) => host,
        Some(_) => return false,
        None => authority,
    };
    url.len() <= MAX_ADDRESS
        && is_host(host)
        && !url.contains('#')
        && url.bytes().all(|b| b.is_ascii_graphic())
}

/// A digest in its normal form.
pub(crate) fn sha256(text: &str) -> Option<String> {
    let digits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    digits.then(|| text.to_ascii_lowercase())
}

fn is_host(host: &str) -> bool {
    (1..=253).contains(&host.len())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        && host.starts_with(|c: char| c.is_ascii_alphanumeric())
}
