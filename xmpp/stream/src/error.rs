//! Why a stream could not be opened, and why an open one ended, in terms a person can act on.

use jid::BareJid;
use std::fmt;

/// What is wrong with the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateProblem {
    /// No trusted authority has signed it.
    UnknownAuthority,
    /// It is for another name than the account's domain.
    WrongName,
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYetValid,
    /// Anything else: broken, revoked, not for servers.
    Other,
}

/// Why a name could not be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DnsProblem {
    /// No name server answered.
    NoAnswer,
    /// There is no such name, or it has no address.
    NoRecord,
    /// The name server answered that it can't or won't.
    Failed,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unreached {
    /// Nothing listens there, or a firewall says so.
    Refused,
    /// Nobody answered.
    Silent,
    /// It was cut off at once.
    Reset,
    /// No way to that network, no address.
    Other,
}

/// What is wrong with a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyProblem {
    /// No connection to it.
    Unreachable,
    /// It does not let this connection through.
    Refused,
    /// It wants a name and a password, and there is none.
    WantsPassword,
    /// It does not take the name and the password.
    WrongPassword,
    /// It can't reach the server.
    NoWay,
    /// It broke off, or speaks something else.
    Broken,
}

/// Why a stream could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name could not be looked up.
    Dns {
        /// What was looked up.
        name: String,
        /// Why it brought nothing.
        problem: DnsProblem,
        /// The resolver's text.
        detail: String,
    },
    /// The domain says that it offers no XMPP service (SRV target ".").
    NotOffered {
        /// The domain.
        domain: String,
    },
    /// No connection to any address.
    Unreachable {
        /// Host and port, the last one tried.
        server: String,
        /// In which way.
        problem: Unreached,
        /// The system's text.
        detail: String,
    },
    /// The proxy does not lead to the server.
    Proxy {
        /// Host and port of the proxy.
        proxy: String,
        /// What is wrong.
        problem: ProxyProblem,
        /// The proxy's or the system's text.
        detail: String,
    },
    /// The server offers no encryption on this port.
    NoTls {
        /// Host and port.
        server: String,
    },
    /// The TLS handshake failed for a reason other than the certificate.
    Tls {
        /// The library's text.
        detail: String,
    },
    /// The certificate is not good for the account's domain.
    Certificate {
        /// What is wrong with it.
        problem: CertificateProblem,
        /// The name it must have.
        domain: String,
        /// The library's text.
        detail: String,
    },
    /// The server offers none of the mechanisms that the credentials allow.
    Mechanism {
        /// What was wanted.
        wanted: String,
        /// What is offered.
        offered: Vec<String>,
    },
    /// The Kerberos ticket can't be used.
    Ticket {
        /// `no-ticket`, `ticket-expired`, `clock-skew`, `kdc-unreachable`, `unknown-service`, `realm-not-mapped`, …
        code: &'static str,
        /// What happened, one sentence.
        reason: String,
        /// What to do, one sentence.
        next_step: String,
        /// The library's text.
        detail: String,
    },
    /// The server refused the person.
    NotAuthorized {
        /// The mechanism, or `component`.
        mechanism: String,
        /// Defined condition of RFC 6120 §6.5.
        condition: String,
        /// The server's text.
        text: Option<String>,
    },
    /// The server could not prove that it knows the person: it may be somebody else's.
    ServerNotAuthenticated {
        /// The mechanism.
        mechanism: String,
        /// What was wrong.
        detail: String,
    },
    /// The server bound another account than the one asked for.
    WrongAccount {
        /// The account asked for.
        asked: BareJid,
        /// The account that was bound.
        got: BareJid,
    },
    /// The server ended the stream with an error (RFC 6120 §4.9).
    Stream {
        /// Defined condition.
        condition: String,
        /// The server's text.
        text: Option<String>,
    },
    /// The server broke the protocol or a limit.
    Protocol(String),
    /// The connection broke.
    Network(String),
    /// A step took too long.
    TimedOut {
        /// Which one, for a person: "the TLS handshake".
        step: &'static str,
    },
}

impl ConnectError {
    /// True when trying again by itself makes no sense: the person, an administrator or a policy must act first.
    /// False for the network, where trying again later may help.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Dns { .. } | Self::Unreachable { .. } | Self::Tls { .. } | Self::Network(_) => false,
            Self::TimedOut { .. } | Self::Protocol(_) | Self::NotOffered { .. } => false,
            Self::Proxy { problem, .. } => {
                matches!(problem, ProxyProblem::WantsPassword | ProxyProblem::WrongPassword)
            }
            Self::Ticket { code, .. } => *code != "kdc-unreachable",
            Self::NotAuthorized { condition, .. } => condition != "temporary-auth-failure",
            Self::Stream { condition, .. } => {
                matches!(
                    condition.as_str(),
                    "host-unknown" | "host-gone" | "not-authorized" | "unsupported-version"
                )
            }
            Self::NoTls { .. } | Self::Certificate { .. } | Self::Mechanism { .. } => true,
            Self::ServerNotAuthenticated { .. } | Self::WrongAccount { .. } => true,
        }
    }

    /// Stable code, kebab-case.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dns { problem, .. } => match problem {
                DnsProblem::NoAnswer => "dns-no-answer",
                DnsProblem::NoRecord => "dns-no-record",
                DnsProblem::Failed => "dns-failed",
            },
            Self::NotOffered { .. } => "dns-not-offered",
            Self::Unreachable { problem, .. } => match problem {
                Unreached::Refused => "server-refused",
                Unreached::Silent => "server-silent",
                Unreached::Reset => "server-reset",
                Unreached::Other => "server-unreachable",
            },
            Self::Network(_) => "server-reset",
            Self::Proxy { problem, .. } => match problem {
                ProxyProblem::Unreachable => "proxy-unreachable",
                ProxyProblem::Refused => "proxy-refused",
                ProxyProblem::WantsPassword => "proxy-wants-password",
                ProxyProblem::WrongPassword => "proxy-wrong-password",
                ProxyProblem::NoWay => "proxy-no-way",
                ProxyProblem::Broken => "proxy-broken",
            },
            Self::NoTls { .. } | Self::Tls { .. } => "tls",
            Self::Certificate { problem, .. } => match problem {
                CertificateProblem::UnknownAuthority => "certificate-unknown-ca",
                CertificateProblem::WrongName => "certificate-wrong-name",
                CertificateProblem::Expired => "certificate-expired",
                CertificateProblem::NotYetValid => "certificate-not-yet-valid",
                CertificateProblem::Other => "certificate-invalid",
            },
            Self::Mechanism { .. } => "mechanism-not-offered",
            Self::Ticket { code, .. } => code,
            Self::NotAuthorized { .. } => "not-authorized",
            Self::ServerNotAuthenticated { .. } => "server-not-authenticated",
            Self::WrongAccount { .. } => "wrong-account",
            Self::Stream { .. } => "stream-error",
            Self::Protocol(_) => "protocol",
            Self::TimedOut { .. } => "timed-out",
        }
    }

    /// What happened, one English sentence.
    pub fn reason(&self) -> String {
        match self {
            Self::Dns { name, problem, .. } => match problem {
                DnsProblem::NoAnswer => format!("No name server answered when {name} was looked up."),
                DnsProblem::NoRecord => format!("The name service knows no server {name}."),
                DnsProblem::Failed => format!("The name service could not look up {name}."),
            },
            Self::NotOffered { domain } => {
                format!("The domain {domain} says that it offers no chat service.")
            }
            Self::Unreachable { server, problem, detail } => match problem {
                Unreached::Refused => format!("The server {server} refuses connections."),
                Unreached::Silent => format!("The server {server} does not answer."),
                Unreached::Reset => format!("The server {server} cuts connections off at once."),
                Unreached::Other => format!("The server {server} can't be reached ({detail})."),
            },
            Self::Proxy { proxy, problem, detail } => match problem {
                ProxyProblem::Unreachable => format!("The proxy {proxy} can't be reached ({detail})."),
                ProxyProblem::Refused => {
                    format!("The proxy {proxy} does not allow the connection ({detail}).")
                }
                ProxyProblem::WantsPassword => format!("The proxy {proxy} wants a name and a password."),
                ProxyProblem::WrongPassword => {
                    format!("The proxy {proxy} does not take the name and the password.")
                }
                ProxyProblem::NoWay => format!("The proxy {proxy} can't reach the server ({detail})."),
                ProxyProblem::Broken => format!("The proxy {proxy} does not answer as a proxy ({detail})."),
            },
            Self::NoTls { server } => format!("The server {server} offers no encryption."),
            Self::Tls { detail } => format!("No encrypted connection could be set up ({detail})."),
            Self::Certificate { problem, domain, .. } => match problem {
                CertificateProblem::UnknownAuthority => {
                    format!(
                        "The certificate of {domain} is not signed by an authority that this computer trusts."
                    )
                }
                CertificateProblem::WrongName => format!("The server's certificate is not for {domain}."),
                CertificateProblem::Expired => format!("The certificate of {domain} has expired."),
                CertificateProblem::NotYetValid => format!("The certificate of {domain} is not valid yet."),
                CertificateProblem::Other => format!("The certificate of {domain} is not valid."),
            },
            Self::Mechanism { wanted, offered } if offered.is_empty() => {
                format!("The server offers no way to sign in, {wanted} was wanted.")
            }
            Self::Mechanism { wanted, offered } => {
                format!("The server does not offer to sign in by {wanted}, only by {}.", offered.join(", "))
            }
            Self::Ticket { reason, .. } => reason.clone(),
            Self::NotAuthorized { mechanism, condition, text } => {
                let said = match (condition.as_str(), mechanism.starts_with("SCRAM")) {
                    ("not-authorized", true) => "the name or the password is wrong",
                    ("account-disabled", _) => "the account is disabled",
                    ("credentials-expired", _) => "the password has expired",
                    _ => words(condition, text.as_deref()),
                };
                match mechanism.as_str() {
                    "component" => format!("The server refused this component: {said}."),
                    _ => format!("The server refused to sign you in by {mechanism}: {said}."),
                }
            }
            Self::ServerNotAuthenticated { mechanism, .. } => {
                format!("The server could not prove by {mechanism} that it is the right one.")
            }
            Self::WrongAccount { asked, got } => {
                format!("The server signed you in as {got}, not as {asked}.")
            }
            Self::Stream { condition, text } => {
                format!("The server ended the connection: {}.", words(condition, text.as_deref()))
            }
            Self::Protocol(detail) => format!("The server sent something unexpected ({detail})."),
            Self::Network(detail) => format!("The connection to the server broke ({detail})."),
            Self::TimedOut { step } => format!("The server did not answer in time during {step}."),
        }
    }

    /// What to do next, one English sentence.
    pub fn next_step(&self) -> String {
        match self {
            Self::Dns { problem: DnsProblem::NoAnswer, .. } => {
                "Check the network or VPN connection; Flint tries again by itself.".to_owned()
            }
            Self::Dns { problem: DnsProblem::NoRecord, .. } => {
                "Check the domain of the address, or ask your administrator for the server's name.".to_owned()
            }
            Self::Dns { problem: DnsProblem::Failed, .. } => {
                "Try again in a moment; if it happens again, tell your administrator.".to_owned()
            }
            Self::Proxy { problem, .. } => match problem {
                ProxyProblem::Unreachable => "Check the network connection and the proxy's address.",
                ProxyProblem::Refused => "Ask your administrator to allow the chat server at the proxy.",
                ProxyProblem::WantsPassword => {
                    "Give the proxy's name and password, or ask your administrator to set them by policy."
                }
                ProxyProblem::WrongPassword => {
                    "Correct the proxy's name and password, or ask your administrator for them."
                }
                ProxyProblem::NoWay => "Try again in a moment; if it happens again, tell your administrator.",
                ProxyProblem::Broken => "Check the proxy's address and kind: http or socks5.",
            }
            .to_owned(),
            Self::Unreachable { problem: Unreached::Refused, .. } => {
                "Check the server's address and port; if they are right, its service is down: tell your administrator."
                    .to_owned()
            }
            Self::Unreachable { problem: Unreached::Silent, .. } => {
                "Check the network, the VPN and the firewall; Flint tries again by itself.".to_owned()
            }
            Self::NotOffered { .. } => {
                "Check the address, or ask your administrator for the server.".to_owned()
            }
            Self::Unreachable { .. } | Self::Network(_) | Self::TimedOut { .. } => {
                "Check the network connection; Flint tries again by itself.".to_owned()
            }
            Self::NoTls { .. } => {
                "Ask your administrator to switch on TLS, or use the direct TLS port.".to_owned()
            }
            Self::Tls { .. } => "Check that host, port and kind of encryption are right.".to_owned(),
            Self::Certificate { problem, domain, .. } => match problem {
                CertificateProblem::UnknownAuthority => {
                    "Ask your administrator for the organisation's certificate authority and install it."
                        .to_owned()
                }
                CertificateProblem::WrongName => {
                    format!(
                        "Check the server's address, or ask your administrator for a certificate for {domain}."
                    )
                }
                CertificateProblem::Expired | CertificateProblem::NotYetValid => {
                    "Check this computer's clock; if it is right, tell your administrator.".to_owned()
                }
                CertificateProblem::Other => "Tell your administrator.".to_owned(),
            },
            Self::Mechanism { wanted, .. } if wanted == "GSSAPI" => {
                "Sign in with a password, or ask your administrator to switch on Kerberos at the server."
                    .to_owned()
            }
            Self::Mechanism { .. } => "Sign in with a ticket, or ask your administrator.".to_owned(),
            Self::Ticket { next_step, .. } => next_step.clone(),
            Self::NotAuthorized { condition, .. } if condition == "temporary-auth-failure" => {
                "Try again in a moment.".to_owned()
            }
            Self::NotAuthorized { mechanism, .. } if mechanism == "GSSAPI" => {
                "Check this computer's clock, and ask your administrator whether your account exists on the server."
                    .to_owned()
            }
            Self::NotAuthorized { mechanism, .. } if mechanism == "component" => {
                "Check that the component's secret is the same here and at the server.".to_owned()
            }
            Self::NotAuthorized { .. } => "Check the name and the password.".to_owned(),
            Self::ServerNotAuthenticated { .. } => {
                "Do not sign in from here; tell your administrator.".to_owned()
            }
            Self::WrongAccount { got, .. } => {
                format!("Sign in as {got}, or get a ticket for the other account.")
            }
            Self::Stream { .. } | Self::Protocol(_) => {
                "If it happens again, tell your administrator.".to_owned()
            }
        }
    }

    /// The library's or server's own words, for a log; no secrets.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Dns { detail, .. } | Self::Unreachable { detail, .. } => Some(detail),
            Self::Tls { detail } | Self::Proxy { detail, .. } => Some(detail),
            Self::Certificate { detail, .. } | Self::Ticket { detail, .. } => Some(detail),
            Self::ServerNotAuthenticated { detail, .. } | Self::Protocol(detail) | Self::Network(detail) => {
                Some(detail)
            }
            Self::NotAuthorized { text, .. } | Self::Stream { text, .. } => text.as_deref(),
            _ => None,
        }
    }
}

/// What the server says, to be put before a full stop.
fn words<'a>(condition: &'a str, text: Option<&'a str>) -> &'a str {
    text.map(|text| text.trim_end_matches(['.', ' '])).filter(|text| !text.is_empty()).unwrap_or(condition)
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.reason(), self.next_step())
    }
}

impl std::error::Error for ConnectError {}

/// Why an open stream ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamEnd {
    /// The connection broke or went silent.
    #[error("The connection to the server broke ({0}).")]
    Network(String),
    /// The server ended the stream with an error (RFC 6120 §4.9).
    #[error("The server ended the connection: {}.", words(condition, text.as_deref()))]
    ServerError {
        /// Defined condition, for example `conflict`.
        condition: String,
        /// The server's text.
        text: Option<String>,
    },
    /// Something too large or too deep, or XML that a stream may not hold (RFC 6120 §11.1), came in.
    #[error("The server sent something that is not allowed ({0}).")]
    Limit(String),
    /// The server broke the protocol: XML that is not well-formed, an acknowledgement of what was never sent.
    #[error("The server sent something unexpected ({0}).")]
    Protocol(String),
    /// The server closed the stream in good order.
    #[error("The server closed the connection.")]
    ClosedByServer,
}

impl From<StreamEnd> for ConnectError {
    fn from(end: StreamEnd) -> Self {
        match end {
            StreamEnd::Network(detail) => Self::Network(detail),
            StreamEnd::ServerError { condition, text } => Self::Stream { condition, text },
            StreamEnd::Limit(detail) | StreamEnd::Protocol(detail) => Self::Protocol(detail),
            StreamEnd::ClosedByServer => Self::Network("closed by the server".to_owned()),
        }
    }
}
