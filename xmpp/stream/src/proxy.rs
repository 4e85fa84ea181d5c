//! The way out of an organisation's network: HTTP CONNECT (RFC 9110 §9.3.6) and SOCKS5 (RFC 1928, RFC 1929).
//!
//! A proxy carries bytes and nothing else. TLS goes through it to the server and is verified against the account's
//! domain, so that a proxy that reads along is a wrong certificate.

use crate::error::{ConnectError, ProxyProblem};
use crate::net::{self, Names};
use crate::params::{Secret, Timing};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::str::FromStr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Longest answer of an HTTP proxy, up to the empty line.
const MAX_HEAD: usize = 8 << 10;
/// Longest name and password of SOCKS5.
const MAX_FIELD: usize = 255;

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// `http://`, by CONNECT.
    Http,
    /// `socks5://`; names are looked up by the proxy.
    Socks5,
}

/// A proxy. `Debug` hides the password.
#[derive(Debug, Clone)]
pub struct Proxy {
    kind: ProxyKind,
    host: String,
    port: u16,
    login: Option<(String, Secret)>,
}

/// The text names no proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("A proxy reads http://HOST:PORT or socks5://HOST:PORT, without a password.")]
pub struct InvalidProxy;

impl Proxy {
    /// The same proxy, with a name and password for it.
    #[must_use]
    pub fn with_login(mut self, user: impl Into<String>, password: Secret) -> Self {
        self.login = Some((user.into(), password));
        self
    }

    /// How it is spoken to.
    pub fn kind(&self) -> ProxyKind {
        self.kind
    }

    /// Name and password for it.
    pub fn login(&self) -> Option<(&str, &Secret)> {
        self.login.as_ref().map(|(user, password)| (user.as_str(), password))
    }

    fn fails(&self, problem: ProxyProblem, detail: impl Into<String>) -> ConnectError {
        ConnectError::Proxy { proxy: net::server_name(&self.host, self.port), problem, detail: detail.into() }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}", net::server_name(&self.host, self.port))
    }
}

impl FromStr for Proxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidProxy)?;
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyKind::Http,
            "socks5" | "socks5h" => ProxyKind::Socks5,
            _ => return Err(InvalidProxy),
        };
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or(InvalidProxy)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(InvalidProxy)?;
        let bare = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').filter(|ip| ip.parse::<IpAddr>().is_ok()),
            None => Some(host).filter(|host| is_host(host)),
        };
        Ok(Self { kind, host: bare.ok_or(InvalidProxy)?.to_owned(), port, login: None })
    }
}

/// A host name or an IPv4 address; nothing that could end a line or begin something else.
fn is_host(host: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !host.is_empty() && host.len() <= MAX_FIELD && host.chars().all(good)
}

/// A connection to `host` through the proxy.
pub(crate) async fn connect(
    proxy: &Proxy,
    host: &str,
    port: u16,
    names: Names<'_>,
    timing: &Timing,
) -> Result<TcpStream, ConnectError> {
    let mut stream = net::connect_host(&proxy.host, proxy.port, names, timing)
        .await
        .map_err(|error| proxy.fails(ProxyProblem::Unreachable, error.detail().unwrap_or("no answer")))?;
    let talk = async {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if !is_host(host) && host.parse::<IpAddr>().is_err() {
            return Err(proxy.fails(ProxyProblem::NoWay, format!("{host} is no host name")));
        }
        match proxy.kind {
            ProxyKind::Http => http(&mut stream, proxy, &net::server_name(host, port)).await,
            ProxyKind::Socks5 => socks5(&mut stream, proxy, host, port).await,
        }
    };
    match timeout(timing.step, talk).await {
        Ok(Ok(())) => Ok(stream),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(proxy.fails(ProxyProblem::Broken, "no answer")),
    }
}

async fn http(stream: &mut TcpStream, proxy: &Proxy, server: &str) -> Result<(), ConnectError> {
    let mut request = Zeroizing::new(format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n"));
    if let Some((user, password)) = &proxy.login {
        let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
        let coded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&coded);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let broken = |error: io::Error| proxy.fails(ProxyProblem::Broken, error.to_string());
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    // Byte by byte: what follows the empty line belongs to the server.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(proxy.fails(ProxyProblem::Broken, "an answer without an end"));
        }
        head.push(stream.read_u8().await.map_err(broken)?);
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words = printable(line);
    match status(line) {
        Some(200..=299) => Ok(()),
        Some(407) if proxy.login.is_some() => Err(proxy.fails(ProxyProblem::WrongPassword, words)),
        Some(407) => Err(proxy.fails(ProxyProblem::WantsPassword, words)),
        Some(502..=504) => Err(proxy.fails(ProxyProblem::NoWay, format!("{server}: {words}"))),
        Some(_) => Err(proxy.fails(ProxyProblem::Refused, format!("{server}: {words}"))),
        None => Err(proxy.fails(ProxyProblem::Broken, "it does not speak HTTP")),
    }
}

/// The number in `HTTP/1.1 200 OK`.
fn status(line: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(line).ok()?;
    let (version, rest) = line.split_once(' ')?;
    let number = rest.split(' ').next()?;
    (version.starts_with("HTTP/1.") && number.len() == 3).then(|| number.parse().ok()).flatten()
}

/// What the proxy says, short and without anything that steers a terminal.
fn printable(line: &[u8]) -> String {
    let clean = |byte: &u8| if matches!(byte, 0x20..=0x7e) { char::from(*byte) } else { '?' };
    line.iter().take(80).map(clean).collect()
}

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;

async fn socks5(stream: &mut TcpStream, proxy: &Proxy, host: &str, port: u16) -> Result<(), ConnectError> {
    let broken = |error: io::Error| proxy.fails(ProxyProblem::Broken, error.to_string());
    let odd = || proxy.fails(ProxyProblem::Broken, "it does not speak SOCKS5");
    let greeting: &[u8] = match proxy.login {
        Some(_) => &[VERSION, 2, NO_LOGIN, LOGIN],
        None => &[VERSION, 1, NO_LOGIN],
    };
    stream.write_all(greeting).await.map_err(broken)?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await.map_err(broken)?;
    match (chosen, &proxy.login) {
        ([VERSION, NO_LOGIN], _) => {}
        ([VERSION, LOGIN], Some((user, password))) => {
            let (user, password) = (user.as_bytes(), password.expose().as_bytes());
            let (Ok(user_length), Ok(password_length)) =
                (u8::try_from(user.len()), u8::try_from(password.len()))
            else {
                return Err(proxy.fails(ProxyProblem::WrongPassword, "longer than SOCKS5 allows"));
            };
            let mut login = Zeroizing::new(Vec::with_capacity(3 + user.len() + password.len()));
            login.extend_from_slice(&[1, user_length]);
            login.extend_from_slice(user);
            login.push(password_length);
            login.extend_from_slice(password);
            stream.write_all(&login).await.map_err(broken)?;
            let mut answer = [0; 2];
            stream.read_exact(&mut answer).await.map_err(broken)?;
            if answer[1] != 0 {
                return Err(proxy.fails(ProxyProblem::WrongPassword, "the login was refused"));
            }
        }
        ([VERSION, 0xff], None) => return Err(proxy.fails(ProxyProblem::WantsPassword, "no other way in")),
        ([VERSION, 0xff], Some(_)) => {
            return Err(proxy.fails(ProxyProblem::WrongPassword, "it takes no name and password"));
        }
        _ => return Err(odd()),
    }
    let mut request = vec![VERSION, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.octets());
        }
        Err(_) => {
            let length = u8::try_from(host.len()).map_err(|_| odd())?;
            request.extend_from_slice(&[3, length]);
            request.extend_from_slice(host.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    stream.write_all(&request).await.map_err(broken)?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.map_err(broken)?;
    let [VERSION, reply, _, kind] = answer else { return Err(odd()) };
    let server = net::server_name(host, port);
    match reply {
        0 => {}
        2 => return Err(proxy.fails(ProxyProblem::Refused, format!("{server}: not allowed"))),
        3 | 4 => return Err(proxy.fails(ProxyProblem::NoWay, format!("{server}: no way to it"))),
        5 => return Err(proxy.fails(ProxyProblem::NoWay, format!("{server}: connection refused"))),
        6 => return Err(proxy.fails(ProxyProblem::NoWay, format!("{server}: no answer"))),
        code => return Err(proxy.fails(ProxyProblem::Refused, format!("{server}: failure {code}"))),
    }
    // The address at which the proxy goes on is of no interest.
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await.map_err(broken)?),
        _ => return Err(odd()),
    };
    let mut rest = [0; MAX_FIELD + 2];
    stream.read_exact(&mut rest[..length + 2]).await.map_err(broken)?;
    Ok(())
}

#[cfg(test)]
mod tests;
