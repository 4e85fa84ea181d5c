//! What a stream is opened with: account, server, credentials, limits.

use crate::proxy::Proxy;
use jid::BareJid;
use rustls::RootCertStore;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// A password or shared secret. Cleared when dropped; `Debug` hides it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Zeroizing::new(secret.into()))
    }

    /// The secret itself: for the computation only, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self::new(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How an account proves who it is.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// The Kerberos ticket of the process's credential cache (SASL GSSAPI, RFC 4752). Nothing else is tried.
    Ticket,
    /// A password (SCRAM-SHA-256 or SCRAM-SHA-1, never PLAIN).
    Password(Secret),
}

/// Where the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// SRV records of the account's domain (RFC 6120 §3.2, XEP-0368), else the domain on port 5222.
    Srv,
    /// This host; the certificate is still checked against the account's domain.
    Fixed {
        /// Name or address.
        host: String,
        /// TCP port.
        port: u16,
        /// How TLS begins.
        security: Security,
    },
}

/// How TLS begins. There is no stream without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// In the stream (RFC 6120 §5); refused when the server does not offer it.
    StartTls,
    /// Before the stream (XEP-0368).
    Direct,
}

/// What the Guard lets through. A stanza beyond any of these ends the stream before anything is built from it; on a
/// component's stream, where the stanzas are of many senders, it is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one stanza as sent. Default 8 MiB: the roster of a large organisation comes in one stanza.
    pub stanza_bytes: usize,
    /// Nesting of elements, the stanza being 1. Default 64.
    pub depth: usize,
    /// Attributes of one element, namespace declarations included. Default 64.
    pub attributes: usize,
    /// Namespace declarations of one stanza, and its attributes with a prefix: each of these costs the built tree half a
    /// kilobyte. Default 4,096.
    pub namespaces: usize,
    /// Bytes of one namespace. Default 256.
    pub namespace_bytes: usize,
    /// Elements of one stanza. Default 131,072.
    pub elements: usize,
    /// Bytes of one tag, attribute values included. Default 64 KiB.
    pub tag_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stanza_bytes: 8 << 20,
            depth: 64,
            attributes: 64,
            namespaces: 4096,
            namespace_bytes: 256,
            elements: 131_072,
            tag_bytes: 64 << 10,
        }
    }
}

/// How long a stream waits. The defaults suit a desktop on an office or home network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// For each step of opening (look-up, connection, TLS, each SASL round, binding). Default 30 s.
    pub step: Duration,
    /// For the connection to one address before the next one is tried. Default 10 s.
    pub address: Duration,
    /// Silence after which the server is asked for a sign of life. Default 60 s.
    pub idle: Duration,
    /// Wait for that sign, or for room in the socket while sending, before the stream counts as dead. Default 30 s.
    pub answer: Duration,
    /// For a stanza that has begun to come in, and a second more for each 16 KiB of it. Default 120 s.
    pub stanza: Duration,
    /// For an acknowledgement (XEP-0198) that was asked for, whatever else comes in meanwhile: then it is asked for once
    /// more, and after the same time again the stream counts as dead. Within a stanza that comes in it does not run out.
    /// Default 60 s.
    pub acknowledgement: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            step: Duration::from_secs(30),
            address: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            answer: Duration::from_secs(30),
            stanza: Duration::from_secs(120),
            acknowledgement: Duration::from_secs(60),
        }
    }
}

/// Everything to open a client's stream with.
#[derive(Debug, Clone)]
pub struct ConnectParams {
    /// The account that must be bound; another one is refused.
    pub account: BareJid,
    /// Wanted resource; `None` lets the server choose.
    pub resource: Option<String>,
    /// Where the server is.
    pub location: Location,
    /// Host part of the Kerberos service principal, if it is neither the server's host nor the domain.
    pub service_host: Option<String>,
    /// DNS server to ask in place of the system's.
    pub dns: Option<SocketAddr>,
    /// Proxy between here and the server; the look-up of SRV records does not go through it.
    pub proxy: Option<Proxy>,
    /// Certificate authorities to trust, see [`root_store`].
    pub roots: Arc<RootCertStore>,
    /// Ticket or password.
    pub credentials: Credentials,
    /// What the Guard lets through.
    pub limits: Limits,
    /// How long to wait.
    pub timing: Timing,
}

impl ConnectParams {
    /// Ticket, SRV, default limits.
    pub fn new(account: BareJid, roots: Arc<RootCertStore>) -> Self {
        Self {
            account,
            resource: None,
            location: Location::Srv,
            service_host: None,
            dns: None,
            proxy: None,
            roots,
            credentials: Credentials::Ticket,
            limits: Limits::default(),
            timing: Timing::default(),
        }
    }
}

/// Everything to open a component's stream with (XEP-0114).
#[derive(Debug, Clone)]
pub struct ComponentParams {
    /// The component's own domain.
    pub domain: String,
    /// Host of the server's component port.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Shared secret.
    pub secret: Secret,
    /// What the Guard lets through.
    pub limits: Limits,
    /// How long to wait.
    pub timing: Timing,
}

/// Why certificate authorities could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// A file can't be read or holds no certificate in PEM form.
    #[error("The certificate file {} can't be used: {detail}. Give a readable file with certificates in PEM form.", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Neither the system nor the files have any certificate.
    #[error("This computer has no trusted certificate authorities. Install the package ca-certificates.")]
    Empty,
}

/// The system's certificate authorities and those of these PEM files.
///
/// # Errors
/// When a file can't be used, or when there is no authority at all. Unreadable ones of the system are skipped.
pub fn root_store(extra_pem_files: &[PathBuf]) -> Result<Arc<RootCertStore>, RootsError> {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for file in extra_pem_files {
        let refuse = |detail: String| RootsError::File { file: file.clone(), detail };
        let before = roots.len();
        let certificates = CertificateDer::pem_file_iter(file).map_err(|error| refuse(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
            roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(refuse("it holds no certificate".to_owned()));
        }
    }
    if roots.is_empty() { Err(RootsError::Empty) } else { Ok(Arc::new(roots)) }
}
