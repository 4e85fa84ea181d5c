//! SCRAM (RFC 5802, RFC 7677), with channel binding by `tls-exporter` (RFC 9266) where the server says it has it.

use super::{Mechanism, Offer};
use crate::error::ConnectError;
use crate::params::{ConnectParams, Secret};
use sasl::client::mechanisms::Scram as Scheme;
use sasl::common::ChannelBinding;
use sasl::common::scram::{Sha1, Sha256};

/// Below, a stolen answer is guessed too quickly (RFC 7677 §4); above, the server makes us compute for minutes.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4096..=1_000_000;

/// One sign-in.
pub(super) struct Scram {
    name: String,
    scheme: Box<dyn sasl::client::Mechanism + Send>,
    nonce: String,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    First,
    Challenged,
    /// The signature came in a challenge, `<success/>` is empty.
    Verified,
}

/// The strongest one that is offered.
pub(super) fn choose(
    offer: &Offer,
    params: &ConnectParams,
    password: Secret,
    exporter: Option<&[u8]>,
) -> Result<Scram, ConnectError> {
    let username = params.account.node().map(|node| escape(node.as_str())).unwrap_or_default();
    let password = stringprep::saslprep(password.expose())
        .map_err(|_| ConnectError::NotAuthorized {
            mechanism: "SCRAM".to_owned(),
            condition: "malformed-request".to_owned(),
            text: Some("the password has characters that no password may have".to_owned()),
        })?
        .into_owned();
    let usable = exporter.filter(|_| offer.bindings.iter().any(|binding| binding == "tls-exporter"));
    let any_plus = offer.mechanisms.iter().any(|name| name.starts_with("SCRAM-") && name.ends_with("-PLUS"));
    for name in ["SCRAM-SHA-256", "SCRAM-SHA-1"] {
        let plus = format!("{name}-PLUS");
        let (name, binding) = match usable {
            Some(exporter) if offer.has(&plus) => (plus, ChannelBinding::TlsExporter(exporter.to_vec())),
            _ if !offer.has(name) => continue,
            // We can't bind here, or the server binds in another way: "n" (RFC 5802 §6).
            _ if any_plus || exporter.is_none() => (name.to_owned(), ChannelBinding::None),
            // We could, it does not: "y", so that it notices when somebody has removed its offer.
            _ => (name.to_owned(), ChannelBinding::Unsupported),
        };
        let broken = |_| ConnectError::Protocol("no random numbers".to_owned());
        let scheme: Box<dyn sasl::client::Mechanism + Send> = if name.starts_with("SCRAM-SHA-256") {
            Box::new(Scheme::<Sha256>::new(username, password, binding).map_err(broken)?)
        } else {
            Box::new(Scheme::<Sha1>::new(username, password, binding).map_err(broken)?)
        };
        return Ok(Scram { name, scheme, nonce: String::new(), stage: Stage::First });
    }
    Err(offer.refuse("SCRAM-SHA-256 or SCRAM-SHA-1"))
}

/// RFC 5802 §5.1: "," and "=" in a name.
fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

impl Scram {
    fn distrust(&self, detail: impl Into<String>) -> ConnectError {
        ConnectError::ServerNotAuthenticated { mechanism: self.name.clone(), detail: detail.into() }
    }

    /// What the `sasl` crate does not look at: that the nonce begins with ours, that no extension is demanded, that
    /// the iterations are sane.
    fn check(&self, challenge: &[u8]) -> Result<(), ConnectError> {
        let text =
            std::str::from_utf8(challenge).map_err(|_| self.distrust("a challenge that is not UTF-8"))?;
        let mut parts = text.split(',');
        let nonce = parts.next().and_then(|part| part.strip_prefix("r="));
        if !nonce.is_some_and(|nonce| nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce)) {
            return Err(self.distrust("a challenge for somebody else"));
        }
        if !parts.next().is_some_and(|part| part.len() > 2 && part.starts_with("s=")) {
            return Err(self.distrust("a challenge without salt"));
        }
        let iterations = parts.next().and_then(|part| part.strip_prefix("i=")?.parse::<u32>().ok());
        if !iterations.is_some_and(|iterations| ITERATIONS.contains(&iterations)) {
            return Err(self.distrust("a challenge with too few or too many iterations"));
        }
        Ok(())
    }
}

impl Mechanism for Scram {
    fn name(&self) -> &str {
        &self.name
    }

    fn initial(&mut self) -> Result<Vec<u8>, ConnectError> {
        let first = self.scheme.initial();
        // Header and name hold no "," outside of their places, so the nonce is the last part.
        let text = String::from_utf8_lossy(&first);
        self.nonce = text.rsplit_once(",r=").map(|(_, nonce)| nonce.to_owned()).unwrap_or_default();
        if self.nonce.is_empty() {
            return Err(ConnectError::Protocol("no random numbers".to_owned()));
        }
        Ok(first)
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ConnectError> {
        match self.stage {
            Stage::First => {
                self.check(challenge)?;
                self.stage = Stage::Challenged;
                self.scheme.response(challenge).map_err(|error| self.distrust(error.to_string()))
            }
            Stage::Challenged => {
                self.success(challenge)?;
                self.stage = Stage::Verified;
                Ok(Vec::new())
            }
            Stage::Verified => Err(self.distrust("a challenge after the end")),
        }
    }

    fn success(&mut self, data: &[u8]) -> Result<(), ConnectError> {
        match self.stage {
            Stage::First => Err(self.distrust("success before the end")),
            Stage::Challenged => self.scheme.success(data).map_err(|error| self.distrust(error.to_string())),
            Stage::Verified => Ok(()),
        }
    }
}
