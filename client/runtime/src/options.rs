//! What a client is started with.

use flint_core::BareJid;
use flint_core::secret::Private;
use flint_stream::{ConnectParams, Credentials, Location, RootsError, Secret, root_store};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything that a client is started with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where files are.
    pub paths: Paths,
    /// Which account and how to reach it.
    pub account: AccountOptions,
}

/// Where files are. `Default` is the XDG layout and `/etc/flint`.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Machine policy, `/etc/flint`: `policies/{managed,recommended}/*.json`, `trust.json`.
    pub machine: PathBuf,
    /// State: database, policy cache, device id. `$XDG_STATE_HOME/flint`.
    pub state: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        let home = || std::env::var_os("HOME").map(PathBuf::from).unwrap_or_else(|| PathBuf::from("/"));
        let state = std::env::var_os("XDG_STATE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .unwrap_or_else(|| home().join(".local/state"));
        Self { machine: PathBuf::from("/etc/flint"), state: state.join("flint") }
    }
}

/// Which account and how to reach it.
#[derive(Debug, Clone, Default)]
pub struct AccountOptions {
    /// Bare JID; `None` takes it from the default ticket (`user@REALM` → `user@realm` in lower case).
    pub jid: Option<BareJid>,
    /// How to sign in.
    pub sign_in: SignIn,
    /// Fixed host instead of SRV.
    pub connect: Option<Connect>,
    /// Host of the service principal `xmpp@HOST`, when it is neither the SRV/configured host nor the domain.
    pub service_host: Option<String>,
    /// DNS server to ask instead of the system's.
    pub dns: Option<SocketAddr>,
    /// Proxy to the server, and to the policy service.
    pub proxy: Option<flint_stream::Proxy>,
    /// PEM files with further certificate authorities.
    pub ca_files: Vec<PathBuf>,
    /// Resource to ask for; the server's choice by default.
    pub resource: Option<String>,
}

/// How to sign in.
#[derive(Debug, Clone, Default)]
pub enum SignIn {
    /// The ticket of the desktop (SASL GSSAPI).
    #[default]
    Ticket,
    /// A password (SASL SCRAM).
    Password(Private),
}

/// Fixed host instead of SRV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How TLS begins.
    pub security: Security,
}

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// STARTTLS, required (RFC 6120 §5).
    StartTls,
    /// TLS from the first byte (XEP-0368).
    Direct,
}

impl AccountOptions {
    /// What a stream of `account` is opened with.
    ///
    /// # Errors
    /// When a file of certificate authorities can't be used.
    pub(crate) fn connect_params(&self, account: &BareJid) -> Result<ConnectParams, RootsError> {
        let mut params = ConnectParams::new(account.clone(), root_store(&self.ca_files)?);
        params.resource.clone_from(&self.resource);
        params.service_host.clone_from(&self.service_host);
        params.dns = self.dns;
        params.proxy.clone_from(&self.proxy);
        if let Some(connect) = &self.connect {
            let security = match connect.security {
                Security::StartTls => flint_stream::Security::StartTls,
                Security::Direct => flint_stream::Security::Direct,
            };
            params.location = Location::Fixed { host: connect.host.clone(), port: connect.port, security };
        }
        params.credentials = match &self.sign_in {
            SignIn::Ticket => Credentials::Ticket,
            SignIn::Password(password) => Credentials::Password(Secret::new(password.0.clone())),
        };
        Ok(params)
    }
}
