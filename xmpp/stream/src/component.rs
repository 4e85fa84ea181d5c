//! The server side's end: a component on the server's component port (XEP-0114).
//!
//! Callers see `jabber:client` in both directions. The stream header of such a server may lack `version`, and there is
//! neither TLS nor XEP-0198; the port belongs on the loopback interface or into a protected network.

use crate::alive::{Alive, Next};
use crate::error::{ConnectError, StreamEnd};
use crate::frames::CLIENT;
use crate::net::{self, Names};
use crate::params::ComponentParams;
use crate::steps::within;
use crate::wire::{Io, Wire};
use minidom::Element;
use sha1::{Digest, Sha1};
use std::fmt::Write;
use tokio::time::{Instant, timeout_at};

const ACCEPT: &str = "jabber:component:accept";
const PING: &str = "urn:xmpp:ping";
const PING_ID: &str = "flint-alive";

/// An open component stream. One task owns it.
#[derive(Debug)]
pub struct Component {
    wire: Wire,
    domain: String,
    params: ComponentParams,
    alive: Alive,
    ended: Option<StreamEnd>,
}

/// Connects and authenticates a component. Dropping the future cancels.
///
/// # Errors
/// Why it failed. Reconnecting is the caller's: [`ConnectError::is_final`] tells whether it makes sense.
pub async fn connect_component(params: &ComponentParams) -> Result<Component, ConnectError> {
    let io = net::connect_host(&params.host, params.port, Names::System(None), &params.timing).await?;
    handshake(Box::new(io), params).await
}

/// XEP-0114 §3 over an open connection.
pub(crate) async fn handshake(io: Box<dyn Io>, params: &ComponentParams) -> Result<Component, ConnectError> {
    let wait = params.timing.step;
    let mut wire = Wire::component(io, ACCEPT, params.limits);
    wire.open(&params.domain, None, false);
    wire.flush(wait).await?;
    let header = within(wait, "the beginning of the stream", wire.header()).await?;
    let Some(id) = header.id else {
        // An error may follow a header without an id: let it speak.
        let end = within(wait, "the beginning of the stream", wire.next()).await;
        return Err(end.err().unwrap_or_else(|| ConnectError::Protocol("a stream without an id".to_owned())));
    };
    wire.queue(format!("<handshake>{}</handshake>", digest(&id, params.secret.expose())).as_bytes());
    wire.flush(wait).await?;
    match within(wait, "the component's handshake", wire.next()).await {
        Ok(element) if element.is("handshake", CLIENT) => {}
        Ok(element) => {
            return Err(ConnectError::Protocol(format!("<{}/> in place of the handshake", element.name())));
        }
        Err(ConnectError::Stream { condition, text }) if condition == "not-authorized" => {
            return Err(ConnectError::NotAuthorized { mechanism: "component".to_owned(), condition, text });
        }
        Err(error) => return Err(error),
    }
    Ok(Component {
        wire,
        domain: params.domain.clone(),
        params: params.clone(),
        alive: Alive::new(params.timing),
        ended: None,
    })
}

impl Component {
    /// The component's own domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Waits for the next stanza, mapped to `jabber:client`. Cancel-safe.
    ///
    /// # Errors
    /// How the stream ended; every later call says the same.
    pub async fn next(&mut self) -> Result<Element, StreamEnd> {
        if let Some(end) = &self.ended {
            return Err(end.clone());
        }
        loop {
            let stanza = self.wire.stanza_deadline(self.params.timing.stanza);
            let alive = self.alive.deadline(self.wire.heard());
            match timeout_at(stanza.map_or(alive, |stanza| stanza.min(alive)), self.wire.next()).await {
                Ok(Ok(element)) if self.is_own_ping(&element) => {}
                Ok(Ok(element)) => return Ok(element),
                Ok(Err(end)) => {
                    let end = self.end(end);
                    self.wire.refuse(net::PARTING).await;
                    return Err(end);
                }
                Err(_) if self.wire.is_stanza_late(self.params.timing.stanza) => {
                    return Err(self.end(StreamEnd::Network("the server does not end a stanza".to_owned())));
                }
                Err(_) => match self.alive.passed(self.wire.heard(), Instant::now()) {
                    Next::Ask => self.ping(),
                    Next::Dead => {
                        return Err(self.end(StreamEnd::Network("the server does not answer".to_owned())));
                    }
                    Next::Wait => {}
                },
            }
        }
    }

    /// Sends a stanza, given in `jabber:client`. When the future is dropped the stanza leaves with the next call.
    ///
    /// # Errors
    /// How the stream ended.
    pub async fn send(&mut self, stanza: &Element) -> Result<(), StreamEnd> {
        if let Some(end) = &self.ended {
            return Err(end.clone());
        }
        self.wire.element(stanza);
        self.wire.flush(self.params.timing.answer).await.map_err(|end| self.end(end))
    }

    /// Ends the stream in good order.
    pub async fn close(mut self) {
        if self.ended.is_none() {
            self.wire.close(self.params.timing.answer.min(net::PARTING), |_| {}).await;
        }
    }

    /// A ping to ourselves: the server must route it back, so it proves the way in both directions, and the component
    /// need not know the server's own address.
    fn ping(&mut self) {
        let mut ping = Vec::new();
        ping.extend_from_slice(b"<iq type='get' id='");
        ping.extend_from_slice(PING_ID.as_bytes());
        ping.push(b'\'');
        crate::write::write_attribute("from", &self.domain, &mut ping);
        crate::write::write_attribute("to", &self.domain, &mut ping);
        ping.extend_from_slice(format!("><ping xmlns='{PING}'/></iq>").as_bytes());
        self.wire.queue(&ping);
    }

    /// Our ping that came back, or what the server says about it in our name. Somebody else's request of that id is theirs.
    fn is_own_ping(&self, element: &Element) -> bool {
        element.is("iq", CLIENT)
            && element.attr("id") == Some(PING_ID)
            && element.attr("from") == Some(&self.domain)
            && element.attr("to") == Some(&self.domain)
    }

    fn end(&mut self, end: StreamEnd) -> StreamEnd {
        self.ended = Some(end.clone());
        end
    }
}

/// Hex SHA-1 of stream id and secret (XEP-0114 §3).
fn digest(id: &str, secret: &str) -> String {
    let mut text = String::with_capacity(40);
    for byte in Sha1::new().chain_update(id).chain_update(secret).finalize() {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests;
