//! The command line of the window.

use clap::{Parser, ValueEnum};
use flint_runtime::core::BareJid;
use flint_runtime::{AccountOptions, Connect, Options, Paths, Security, SignIn};
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Longest password read from standard input, in bytes.
const LONGEST_PASSWORD: u64 = 4_096;

/// Chat and support desk of your organisation.
#[derive(Debug, Parser)]
#[command(name = "flint", version)]
pub struct Arguments {
    /// Account, such as ann@example.test; by default that of your Kerberos ticket
    #[arg(long, value_name = "JID")]
    pub account: Option<BareJid>,
    /// Host to connect to instead of what DNS says
    #[arg(long, requires = "port")]
    pub host: Option<String>,
    /// Port to connect to
    #[arg(long, requires = "host")]
    pub port: Option<u16>,
    /// How TLS begins with --host
    #[arg(long, default_value = "starttls")]
    pub security: SecurityArgument,
    /// Host in the Kerberos service name xmpp@HOST
    #[arg(long, value_name = "HOST")]
    pub service_host: Option<String>,
    /// DNS server to ask
    #[arg(long, value_name = "IP:PORT")]
    pub dns: Option<SocketAddr>,
    /// PEM file with a further certificate authority; may be repeated
    #[arg(long, value_name = "FILE")]
    pub ca: Vec<PathBuf>,
    /// Directory for the database and other state
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Directory of the machine's policy
    #[arg(long, value_name = "DIR", hide = true)]
    pub machine: Option<PathBuf>,
    /// Read a password from standard input instead of using a ticket
    #[arg(long)]
    pub password_stdin: bool,
}

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SecurityArgument {
    /// STARTTLS
    #[value(name = "starttls")]
    StartTls,
    /// TLS from the first byte
    #[value(name = "direct")]
    Direct,
}

impl Arguments {
    /// The client's options.
    ///
    /// # Errors
    /// When standard input can't be read.
    pub fn into_options(self) -> anyhow::Result<Options> {
        let sign_in = if self.password_stdin {
            let mut password = String::new();
            std::io::stdin().take(LONGEST_PASSWORD).read_to_string(&mut password)?;
            SignIn::Password(password.trim_end_matches(['\r', '\n']).into())
        } else {
            SignIn::Ticket
        };
        let security = match self.security {
            SecurityArgument::StartTls => Security::StartTls,
            SecurityArgument::Direct => Security::Direct,
        };
        let standard = Paths::default();
        Ok(Options {
            paths: Paths {
                machine: self.machine.unwrap_or(standard.machine),
                state: self.state.unwrap_or(standard.state),
            },
            account: AccountOptions {
                jid: self.account,
                sign_in,
                connect: self.host.zip(self.port).map(|(host, port)| Connect { host, port, security }),
                service_host: self.service_host,
                dns: self.dns,
                proxy: None,
                ca_files: self.ca,
                resource: None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_becomes_options() {
        let line = "flint --account ann@example.test --host localhost --port 5222 --security direct \
                    --dns 127.0.0.1:53 --ca one.pem --ca two.pem --state /tmp/flint";
        let options = Arguments::try_parse_from(line.split_whitespace()).expect("a good line").into_options();
        let options = options.expect("options");
        assert_eq!(options.account.jid.map(|jid| jid.to_string()).as_deref(), Some("ann@example.test"));
        let connect = Connect { host: "localhost".into(), port: 5222, security: Security::Direct };
        assert_eq!(options.account.connect, Some(connect));
        assert_eq!(options.account.ca_files.len(), 2);
        assert_eq!(options.paths.state, PathBuf::from("/tmp/flint"));
    }

    #[test]
    fn a_bad_line_is_refused() {
        for line in
            ["flint --host localhost", "flint --account @", "flint --security none", "flint --port 70000"]
        {
            assert!(Arguments::try_parse_from(line.split_whitespace()).is_err(), "{line}");
        }
    }
}
