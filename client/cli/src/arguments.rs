//! The command line.

use crate::password;
use clap::{Parser, Subcommand, ValueEnum};
use flint_runtime::core::BareJid;
use flint_runtime::{AccountOptions, Connect, Options, Paths, Proxy, Security, SignIn};
use std::net::SocketAddr;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  flint-cli send bob@example.test 'Lunch at noon?'
      signs in by the desktop's ticket, sends, waits until the server has it
  flint-cli watch
      shows what arrives until Ctrl-C
  flint-cli --account ann@example.test --password-file ~/.pw run --json
      commands as JSON lines on standard input, updates as JSON lines on standard output; for example
      {\"to\":\"core\",\"ask\":{\"area\":\"chat\",\"command\":{\"do\":\"send\",\"conversation\":{\"kind\":\"person\",\"jid\":\"bob@example.test\"},\"body\":\"hi\"}}}
  flint-cli history search 'quarterly report'
  flint-cli policy show --json
  flint-cli doctor
      checks ticket, name service, connection, certificate and sign-in one after the other; exit code 1 if one fails

At the end of standard input, run waits at most 15 seconds until what was asked is done and the server has every message.

Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 sign-in refused, 4 no answer in time, 5 already running.";

/// Flint without a display.
#[derive(Debug, Parser)]
#[command(name = "flint-cli", version, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Account; that of the ticket by default
    #[arg(long, visible_alias = "jid", value_name = "JID", value_parser = address)]
    account: Option<BareJid>,
    /// Server in place of the domain's SRV records
    #[arg(long, requires = "port")]
    host: Option<String>,
    /// Its port
    #[arg(long, requires = "host")]
    port: Option<u16>,
    /// How TLS begins at that port
    #[arg(long, value_enum, default_value = "starttls", requires = "host")]
    security: SecurityArgument,
    /// Host of the Kerberos service xmpp@HOST, if it is not the server's
    #[arg(long, value_name = "HOST")]
    service_host: Option<String>,
    /// DNS server in place of the system's
    #[arg(long, value_name = "IP:PORT")]
    dns: Option<SocketAddr>,
    /// Proxy to the server and its policy service: http://HOST:PORT or socks5://HOST:PORT
    #[arg(long, value_name = "URL")]
    proxy: Option<Proxy>,
    /// Name and password for the proxy, in this file as NAME:PASSWORD
    #[arg(long, value_name = "FILE", requires = "proxy")]
    proxy_login_file: Option<PathBuf>,
    /// File with a further certificate authority (PEM); may be repeated
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// Directory of messages and caches
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Sign in by the password in this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    password_file: Option<PathBuf>,
    /// Sign in by the password on the first line of standard input (asked for on a terminal)
    #[arg(long)]
    password_stdin: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SecurityArgument {
    Starttls,
    Direct,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Action {
    /// Take commands as JSON lines on standard input until its end, and carry them out
    Run {
        /// Updates as JSON lines
        #[arg(long)]
        json: bool,
    },
    /// Show what arrives until Ctrl-C
    Watch {
        /// Updates as JSON lines
        #[arg(long)]
        json: bool,
    },
    /// Send a message and wait until the server has it
    Send {
        /// Person or room
        #[arg(value_parser = address)]
        to: BareJid,
        /// Text
        #[arg(value_parser = words)]
        text: String,
        /// TO is a room: join it first
        #[arg(long)]
        room: bool,
        /// Seconds to wait
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
        timeout: u64,
    },
    /// Check every step of the sign-in and say what to do when one fails
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Messages on this computer
    History {
        /// What to do with them.
        #[command(subcommand)]
        action: HistoryAction,
    },
    /// Policy on this computer
    Policy {
        /// What to do with it.
        #[command(subcommand)]
        action: PolicyAction,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum HistoryAction {
    /// Search all messages, newest first
    Search {
        /// Words; "…" for a phrase
        text: String,
        /// At most this many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PolicyAction {
    /// Show what is in force and where it comes from; needs no connection
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// An address of a person or a room. A word without `@` would be taken as that of a whole server.
fn address(text: &str) -> Result<BareJid, String> {
    BareJid::new(text)
        .ok()
        .filter(|jid| jid.node().is_some())
        .ok_or_else(|| "An address reads name@organisation, for example bob@example.test.".to_owned())
}

/// The text of a message: something, and nothing that XML can't carry.
fn words(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("There is nothing to send. Write a text.".to_owned());
    }
    let control = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'));
    match control {
        Some(c) => Err(format!(
            "It holds a control character (U+{:04X}), which can't be sent. Leave it out.",
            u32::from(c)
        )),
        None => Ok(text.to_owned()),
    }
}

impl Arguments {
    /// What the client is started with. Asks for the password if that is wanted.
    pub(crate) fn options(self) -> anyhow::Result<Options> {
        let mut paths = Paths::default();
        if let Some(state) = self.state {
            paths.state = state;
        }
        let sign_in = match (self.password_file, self.password_stdin) {
            (Some(file), _) => SignIn::Password(password::from_file(&file)?),
            (None, true) => SignIn::Password(password::from_stdin()?),
            (None, false) => SignIn::Ticket,
        };
        let security = match self.security {
            SecurityArgument::Starttls => Security::StartTls,
            SecurityArgument::Direct => Security::Direct,
        };
        let proxy = match (self.proxy, self.proxy_login_file) {
            (Some(proxy), Some(file)) => {
                let (user, password) = password::login_from_file(&file)?;
                Some(proxy.with_login(user, password))
            }
            (proxy, _) => proxy,
        };
        let connect = self.host.zip(self.port).map(|(host, port)| Connect { host, port, security });
        let account = AccountOptions {
            jid: self.account,
            sign_in,
            connect,
            service_host: self.service_host,
            dns: self.dns,
            proxy,
            ca_files: self.ca,
            resource: None,
        };
        Ok(Options { paths, account })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_come_through() {
        let line = "flint-cli --account ann@example.test --host 127.0.0.1 --port 5223 --security direct --ca a --ca b \
                    --state /tmp/x send bob@example.test hi";
        let arguments = Arguments::try_parse_from(line.split_whitespace()).unwrap();
        assert!(
            matches!(&arguments.action, Action::Send { to, room: false, .. } if to.as_str() == "bob@example.test")
        );
        let options = arguments.options().unwrap();
        assert_eq!(options.account.connect.map(|connect| connect.security), Some(Security::Direct));
        assert_eq!(options.account.ca_files.len(), 2);
        assert_eq!(options.paths.state, PathBuf::from("/tmp/x"));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_at_once() {
        for (to, text, expected) in [
            ("bob", "hi", "name@organisation"),
            ("", "hi", "name@organisation"),
            ("no jid@@", "hi", "name@organisation"),
            ("bob@example.test", " ", "nothing to send"),
            ("bob@example.test", "a\u{1b}[2J", "U+001B"),
            ("bob@example.test", "a\u{9b}", "U+009B"),
        ] {
            let refused = Arguments::try_parse_from(["flint-cli", "send", to, text]).unwrap_err().to_string();
            assert!(refused.contains(expected), "{to} {text}: {refused}");
        }
        assert!(Arguments::try_parse_from(["flint-cli", "send", "bob@example.test", "a\n\tb 🙂"]).is_ok());
    }

    #[test]
    fn wrong_lines_are_refused() {
        for line in [
            "flint-cli",
            "flint-cli --host x watch",
            "flint-cli --password hunter2 watch",
            "flint-cli --proxy http://ann:hunter2@proxy:3128 watch",
            "flint-cli --proxy-login-file x watch",
            "flint-cli send not@@a@jid hi",
            "flint-cli history search --limit 0 x",
        ] {
            assert!(Arguments::try_parse_from(line.split_whitespace()).is_err(), "{line}");
        }
    }
}
