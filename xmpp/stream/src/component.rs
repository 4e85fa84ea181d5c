//! The server side's end: a component on the server's component port (XEP-0114).

use crate::error::{ConnectError, StreamEnd};
use crate::params::ComponentParams;
use minidom::Element;

/// An open component stream. One task owns it.
#[derive(Debug)]
pub struct Component {}

/// Connects and authenticates a component.
///
/// # Errors
/// Why it failed. Reconnecting is the caller's.
pub async fn connect_component(params: &ComponentParams) -> Result<Component, ConnectError> {
    let _ = params;
    Err(ConnectError::Network("not connected".to_owned()))
}

impl Component {
    /// Waits for the next stanza, mapped to `jabber:client`. Cancel-safe.
    ///
    /// # Errors
    /// How the stream ended; every later call says the same.
    pub async fn next(&mut self) -> Result<Element, StreamEnd> {
        Err(StreamEnd::ClosedByServer)
    }

    /// Sends a stanza, given in `jabber:client`.
    ///
    /// # Errors
    /// How the stream ended.
    pub async fn send(&mut self, stanza: &Element) -> Result<(), StreamEnd> {
        let _ = stanza;
        Err(StreamEnd::ClosedByServer)
    }

    /// Ends the stream in good order.
    pub async fn close(self) {}
}
