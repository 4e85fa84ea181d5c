//! Sign-in by SASL (RFC 6120 §6): GSSAPI for a ticket, SCRAM for a password. Never anything that shows the password.

mod gssapi;
mod scram;

use crate::error::{ConnectError, StreamEnd};
use crate::params::{ConnectParams, Credentials};
use crate::progress::{Observer, Progress, Stage};
use crate::steps::within;
use crate::wire::{Wire, defined_condition};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minidom::Element;

const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const CHANNEL_BINDING: &str = "urn:xmpp:sasl-cb:0";
const DOMAIN_BASED_NAME: &str = "urn:xmpp:domain-based-name:1";
/// Challenges before it is no longer believed that the server wants to come to an end.
const MAX_ROUNDS: usize = 16;
const MAX_MECHANISMS: usize = 64;

/// What a sign-in needs to know of the connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// Host that was connected to: SRV target or configured.
    pub(crate) host: String,
    /// Keying material for channel binding.
    pub(crate) exporter: Option<Vec<u8>>,
}

/// One mechanism in progress. It may block (KDC, key derivation), so it lives on a thread for blocking work.
trait Mechanism: Send {
    fn name(&self) -> &str;
    /// What [`Mechanism::initial`] had to get first, in a few words.
    fn prepared(&self) -> String {
        String::new()
    }
    /// The first message.
    fn initial(&mut self) -> Result<Vec<u8>, ConnectError>;
    /// The answer to a challenge.
    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ConnectError>;
    /// The server says that all is well: may it be believed?
    fn success(&mut self, data: &[u8]) -> Result<(), ConnectError>;
}

/// What the server offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Offer {
    mechanisms: Vec<String>,
    /// Channel bindings by XEP-0440.
    bindings: Vec<String>,
    /// Host part of the service principal by XEP-0233.
    hostname: Option<String>,
}

/// Signs in; the name of the mechanism. A new stream must follow.
pub(crate) async fn authenticate(
    wire: &mut Wire,
    features: &Element,
    params: &ConnectParams,
    surroundings: &Surroundings,
    observer: Observer<'_>,
) -> Result<String, ConnectError> {
    let offer = Offer::read(features);
    let chosen: Box<dyn Mechanism> = match &params.credentials {
        Credentials::Ticket => Box::new(gssapi::choose(&offer, params, surroundings)?),
        Credentials::Password(password) => {
            Box::new(scram::choose(&offer, params, password.clone(), surroundings.exporter.as_deref())?)
        }
    };
    observer(Progress::Passed(Stage::Mechanisms, offer.mechanisms.join(", ")));
    observer(Progress::Begun(Stage::ServiceTicket));
    let (mut mechanism, first) = blocking(params, chosen, |mechanism| mechanism.initial()).await?;
    let name = mechanism.name().to_owned();
    observer(Progress::Passed(Stage::ServiceTicket, mechanism.prepared()));
    observer(Progress::Begun(Stage::SignIn));
    let data = if first.is_empty() { "=".to_owned() } else { STANDARD.encode(first) };
    wire.queue(format!("<auth xmlns='{SASL}' mechanism='{name}'>{data}</auth>").as_bytes());
    for _ in 0..MAX_ROUNDS {
        wire.flush(params.timing.step).await?;
        let element = within(params.timing.step, "the sign-in", wire.next()).await?;
        match element.name() {
            "challenge" if element.has_ns(SASL) => {
                let challenge = decode(&element)?;
                let response;
                (mechanism, response) =
                    blocking(params, mechanism, move |mechanism| mechanism.respond(&challenge)).await?;
                wire.queue(
                    format!("<response xmlns='{SASL}'>{}</response>", STANDARD.encode(response)).as_bytes(),
                );
            }
            "success" if element.has_ns(SASL) => {
                mechanism.success(&decode(&element)?)?;
                return Ok(name);
            }
            "failure" if element.has_ns(SASL) => {
                let (condition, text) = defined_condition(&element, SASL);
                return Err(ConnectError::NotAuthorized { mechanism: name, condition, text });
            }
            other => return Err(StreamEnd::Protocol(format!("<{other}/> during the sign-in")).into()),
        }
    }
    Err(ConnectError::Protocol("a sign-in without an end".to_owned()))
}

/// Runs one step where it may block. A step that outlives its time or its caller ends by itself and is forgotten.
async fn blocking<T: Send + 'static>(
    params: &ConnectParams,
    mut mechanism: Box<dyn Mechanism>,
    step: impl FnOnce(&mut dyn Mechanism) -> Result<T, ConnectError> + Send + 'static,
) -> Result<(Box<dyn Mechanism>, T), ConnectError> {
    let task = tokio::task::spawn_blocking(move || {
        let result = step(mechanism.as_mut());
        (mechanism, result)
    });
    match tokio::time::timeout(params.timing.step, task).await {
        Ok(Ok((mechanism, result))) => Ok((mechanism, result?)),
        Ok(Err(error)) => Err(ConnectError::Protocol(format!("the sign-in broke down: {error}"))),
        Err(_) => Err(ConnectError::TimedOut { step: "the sign-in" }),
    }
}

fn decode(element: &Element) -> Result<Vec<u8>, ConnectError> {
    let text = element.text();
    match text.trim() {
        // RFC 6120 §6.4.2: "=" is no data.
        "" | "=" => Ok(Vec::new()),
        text => STANDARD
            .decode(text)
            .map_err(|_| ConnectError::Protocol("a sign-in that is not base64".to_owned())),
    }
}

impl Offer {
    fn read(features: &Element) -> Self {
        let mut offer = Self::default();
        if let Some(mechanisms) = features.get_child("mechanisms", SASL) {
            let named = mechanisms.children().filter(|child| child.is("mechanism", SASL));
            offer.mechanisms = named
                .take(MAX_MECHANISMS)
                .map(|child| child.text().trim().to_owned())
                .filter(|name| is_mechanism(name))
                .collect();
            offer.hostname = mechanisms
                .get_child("hostname", DOMAIN_BASED_NAME)
                .map(|hostname| hostname.text().trim().to_owned())
                .filter(|hostname| is_host(hostname));
        }
        if let Some(bindings) = features.get_child("sasl-channel-binding", CHANNEL_BINDING) {
            offer.bindings = bindings
                .children()
                .filter(|child| child.is("channel-binding", CHANNEL_BINDING))
                .filter_map(|child| child.attr("type").map(str::to_owned))
                .take(MAX_MECHANISMS)
                .collect();
        }
        offer
    }

    fn has(&self, mechanism: &str) -> bool {
        self.mechanisms.iter().any(|offered| offered == mechanism)
    }

    fn refuse(&self, wanted: &str) -> ConnectError {
        ConnectError::Mechanism { wanted: wanted.to_owned(), offered: self.mechanisms.clone() }
    }
}

/// The name of a mechanism (RFC 4422 §3.1). People are shown it: anything else could pass for a sentence of ours.
fn is_mechanism(name: &str) -> bool {
    let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    (1..=20).contains(&name.len()) && name.chars().all(good)
}

/// A host name that may become part of a principal: no realm, no other service can be smuggled in.
fn is_host(host: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !host.is_empty() && host.len() <= 253 && host.chars().all(good)
}

#[cfg(test)]
mod tests;
