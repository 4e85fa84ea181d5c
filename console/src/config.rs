//! The configuration file: read strictly, because a key that is silently ignored is a setting that silently fails.

use crate::files::{self, FileError};
use flint_stream::Secret;
use jid::BareJid;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A whole configuration, as the help shows it.
pub const EXAMPLE: &str = r#"domain = "example.org"
state = "/var/lib/flintd"                  # database and keys
administrators = ["admin@example.org"]     # may use the console, by their tickets

[http]
listen = "0.0.0.0:8443"
public_url = "https://flint.example.org:8443/"
certificate = "/etc/flintd/tls.pem"
key = "/etc/flintd/tls.key"                # mode 0600

[kerberos]
keytab = "/etc/flintd/http.keytab"         # of HTTP/flint.example.org
realms = { "EXAMPLE.ORG" = "example.org" }

[xmpp]
host = "127.0.0.1"
port = 5347                                # for components (XEP-0114)

[[components]]
kind = "policy"                            # or "client-control", "workgroup"
domain = "flint.example.org"
secret_file = "/etc/flintd/flint.secret"   # mode 0600
"#;

/// Why the configuration can't be used. The text is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("The configuration file {} can't be read: {source}. Give the right path with --config.", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is not the TOML that is expected; the text names the key and the line.
    #[error("The configuration file {} is wrong: {detail}. Correct it and start again.", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// What is wrong, with the key.
        detail: String,
    },
    /// A value can't be used.
    #[error("The setting '{key}' in the configuration is wrong: {problem}. Correct it and start again.")]
    Value {
        /// Dotted key.
        key: String,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// A secret's file can't be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Everything that flintd is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The XMPP domain that is managed.
    pub domain: String,
    /// Directory for the database and the keys.
    pub state: PathBuf,
    /// Who may use the console.
    #[serde(default)]
    pub administrators: BTreeSet<BareJid>,
    /// HTTPS.
    pub http: Http,
    /// Kerberos; without it people can't fetch policies and administrators need one-time passwords.
    pub kerberos: Option<Kerberos>,
    /// The XMPP server's component port.
    pub xmpp: Option<Xmpp>,
    /// Components of the XMPP server.
    #[serde(default)]
    pub components: Vec<ComponentConfig>,
}

/// HTTPS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port.
    pub listen: SocketAddr,
    /// The address under which people reach it: `https://…/`.
    pub public_url: String,
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM, mode 0600.
    pub key: PathBuf,
}

/// Kerberos.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kerberos {
    /// Keytab with `HTTP/host`; without it the library's own default.
    pub keytab: Option<PathBuf>,
    /// Which realm's people are which domain's accounts. Others are refused.
    pub realms: BTreeMap<String, String>,
}

/// The XMPP server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Xmpp {
    /// Host of the component port.
    pub host: String,
    /// Component port.
    pub port: u16,
    /// The room service, for chats of workgroups. Default: `conference.` + domain.
    pub conference: Option<String>,
}

/// One component.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentConfig {
    /// What it does.
    pub kind: ComponentKind,
    /// Its domain.
    pub domain: String,
    /// File with the shared secret, mode 0600.
    pub secret_file: PathBuf,
}

/// What a component does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentKind {
    /// `flint.DOMAIN`: tells clients where the policies are and that they changed.
    Policy,
    /// `manager.DOMAIN`: Openfire's Client Control, for Spark.
    ClientControl,
    /// `workgroup.DOMAIN`: Fastpath.
    Workgroup,
}

impl ComponentKind {
    /// The kind as it is written in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::ClientControl => "client-control",
            Self::Workgroup => "workgroup",
        }
    }
}

impl Config {
    /// Reads and checks a file. Relative paths are taken from the file's directory.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
        let mut config = Self::parse(&text).map_err(|error| match error {
            ConfigError::Syntax { detail, .. } => ConfigError::Syntax { file: file.to_owned(), detail },
            other => other,
        })?;
        let base = file.parent().unwrap_or(Path::new("."));
        for path in [&mut config.state, &mut config.http.certificate, &mut config.http.key]
            .into_iter()
            .chain(config.kerberos.as_mut().and_then(|kerberos| kerberos.keytab.as_mut()))
            .chain(config.components.iter_mut().map(|component| &mut component.secret_file))
        {
            *path = base.join(&*path);
        }
        Ok(config)
    }

    /// Parses and checks the text.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|error| ConfigError::Syntax { file: PathBuf::new(), detail: flat(text, &error) })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, problem: String| Err(ConfigError::Value { key: key.to_owned(), problem });
        if !is_domain(&self.domain) {
            return wrong("domain", format!("'{}' is not a domain in lower case", self.domain));
        }
        for administrator in &self.administrators {
            if administrator.node().is_none() {
                let problem = format!("'{administrator}' is not an account like admin@{}", self.domain);
                return wrong("administrators", problem);
            }
        }
        let url = &self.http.public_url;
        if !(url.starts_with("https://") && url.ends_with('/')) || url.contains(char::is_whitespace) {
            return wrong("http.public_url", format!("'{url}' has to begin with https:// and end with /"));
        }
        if self.kerberos.as_ref().is_some_and(|kerberos| kerberos.realms.is_empty()) {
            return wrong("kerberos.realms", "no realm is mapped to a domain".to_owned());
        }
        for domain in self.kerberos.iter().flat_map(|kerberos| kerberos.realms.values()) {
            if *domain != self.domain {
                let problem = format!("'{domain}' is not the managed domain {}", self.domain);
                return wrong("kerberos.realms", problem);
            }
        }
        if !self.components.is_empty() && self.xmpp.is_none() {
            return wrong("xmpp", "components need the host and port of the XMPP server".to_owned());
        }
        let mut kinds = BTreeSet::new();
        let mut domains = BTreeSet::new();
        for component in &self.components {
            if !is_domain(&component.domain) || component.domain == self.domain {
                let problem = format!("'{}' is not a domain of its own in lower case", component.domain);
                return wrong("components.domain", problem);
            }
            if !kinds.insert(component.kind) {
                let problem = format!("'{}' occurs twice", component.kind.name());
                return wrong("components.kind", problem);
            }
            if !domains.insert(&component.domain) {
                return wrong("components.domain", format!("'{}' occurs twice", component.domain));
            }
        }
        Ok(())
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.state.join("flintd.sqlite")
    }

    /// The socket on which a running flintd is told about changes.
    pub fn control_socket(&self) -> PathBuf {
        self.state.join("control.sock")
    }

    /// The room service's domain.
    pub fn conference(&self) -> String {
        let named = self.xmpp.as_ref().and_then(|xmpp| xmpp.conference.clone());
        named.unwrap_or_else(|| format!("conference.{}", self.domain))
    }

    /// The account of a Kerberos principal, by the table of realms.
    ///
    /// Only plain principals are people: `ann@REALM`, not `HTTP/host@REALM` and not `ann/admin@REALM`.
    pub fn account(&self, name: &str, realm: &str) -> Option<BareJid> {
        let domain = self.kerberos.as_ref()?.realms.get(realm)?;
        if name.contains(['/', '@', '\\']) {
            return None;
        }
        let account = BareJid::new(&format!("{name}@{domain}")).ok()?;
        // The preparation of an address (RFC 7622 §3.3) makes one of many look-alikes; a directory holds them apart.
        // Only the case of letters may differ, which directories ignore, too.
        let same = account.node().is_some_and(|node| node.as_str() == name.to_ascii_lowercase());
        same.then_some(account)
    }
}

impl ComponentConfig {
    /// Reads the shared secret.
    ///
    /// # Errors
    /// The file is missing, open to others, or empty.
    pub fn secret(&self) -> Result<Secret, FileError> {
        let text = files::read_secret(&self.secret_file)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(FileError::Empty { file: self.secret_file.clone() });
        }
        Ok(Secret::new(text.to_owned()))
    }
}

fn is_domain(text: &str) -> bool {
    !text.contains(['@', '/'])
        && !text.chars().any(char::is_uppercase)
        && BareJid::new(text).is_ok_and(|jid| jid.node().is_none())
}

/// The parser's message in one line, with the line's number.
fn flat(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    match error.span() {
        Some(span) => {
            let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
            format!("line {line}: {message}")
        }
        None => message,
    }
}

#[cfg(test)]
mod tests;
