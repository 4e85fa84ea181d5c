//! The client's side of SASL GSSAPI (RFC 4752) over [`Initiator`]. No security layer: the stream is in TLS already.

use crate::{Failure, FailureKind, Initiator, Mechanism};

#[cfg(test)]
mod tests;

/// The bit of "no security layer" (RFC 4752 §3.3).
const NO_LAYER: u8 = 1;

enum State {
    /// Tokens go to and fro.
    Context,
    /// The server's offer of layers is awaited.
    Layer,
    /// The choice has been sent.
    Done,
}

/// One authentication with mechanism `GSSAPI` towards an XMPP server.
pub struct SaslGssapi {
    initiator: Initiator,
    state: State,
    authzid: Option<String>,
}

impl std::fmt::Debug for SaslGssapi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SaslGssapi").field("initiator", &self.initiator).finish_non_exhaustive()
    }
}

impl SaslGssapi {
    /// Name of the mechanism in the stream features.
    pub const NAME: &'static str = "GSSAPI";

    /// Towards the service `xmpp/host`. `authzid` is the identity to act as; `None` lets the server derive it from the
    /// ticket.
    ///
    /// # Errors
    /// If the host can't be part of a principal.
    pub fn new(host: &str, authzid: Option<&str>) -> Result<Self, Failure> {
        let initiator = Initiator::new(Mechanism::Krb5, "xmpp", host)?;
        Ok(Self { initiator, state: State::Context, authzid: authzid.map(str::to_owned) })
    }

    /// The service that is asked for, as `xmpp/host`.
    pub fn service(&self) -> &str {
        self.initiator.service()
    }

    /// The initial response (RFC 4752 §3.1).
    ///
    /// # Errors
    /// See [`FailureKind`]; asks the KDC.
    pub fn initial(&mut self) -> Result<Vec<u8>, Failure> {
        self.context(None)
    }

    /// The response to a challenge. May be empty.
    ///
    /// # Errors
    /// See [`FailureKind`]. After an error the authentication has to be aborted.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Failure> {
        match self.state {
            State::Context => self.context(Some(challenge)),
            State::Layer => {
                let offer = self.initiator.unwrap(challenge)?;
                let choice = choose_layer(&offer, self.authzid.as_deref())?;
                let response = self.initiator.wrap(&choice)?;
                self.state = State::Done;
                Ok(response)
            }
            State::Done => Err(Failure::new(FailureKind::BadToken, "a challenge after the layer was chosen")),
        }
    }

    /// True when the server has proved who it is and the layer is agreed. Only then may `<success/>` be believed.
    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::Done) && self.initiator.is_mutual()
    }

    fn context(&mut self, token: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
        let output = self.initiator.step(token)?;
        if self.initiator.is_complete() {
            self.state = State::Layer;
        }
        // RFC 4752 §3.1: when the context is complete and there is nothing to send, the response is empty.
        Ok(output.unwrap_or_default())
    }
}

/// The answer to the server's offer: four octets, a bit mask of layers and the largest size it can receive. The size is
/// of no interest because no layer is chosen; RFC 4752 §3.1 then demands zero as our own.
fn choose_layer(offer: &[u8], authzid: Option<&str>) -> Result<Vec<u8>, Failure> {
    let &[layers, _, _, _] = offer else {
        return Err(Failure::new(
            FailureKind::BadToken,
            format!("an offer of security layers has 4 octets, this one has {}", offer.len()),
        ));
    };
    if layers & NO_LAYER == 0 {
        return Err(Failure::new(
            FailureKind::Other,
            format!(
                "the server insists on a SASL security layer (offer {layers:#04x}), which is not used inside TLS"
            ),
        ));
    }
    let mut choice = vec![NO_LAYER, 0, 0, 0];
    choice.extend_from_slice(authzid.unwrap_or_default().as_bytes());
    Ok(choice)
}
