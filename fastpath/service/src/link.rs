//! The connection to the server, as the service sees it: a component stream, or a test's script.

use flint_stream::{Component, ComponentParams, ConnectError, StreamEnd, connect_component};
use minidom::Element;
use std::future::Future;

/// An open connection. Stanzas are in `jabber:client` in both directions.
pub trait Link: Send {
    /// Waits for the next stanza. Cancel-safe.
    ///
    /// # Errors
    /// How the connection ended.
    fn next(&mut self) -> impl Future<Output = Result<Element, StreamEnd>> + Send;

    /// Sends a stanza.
    ///
    /// # Errors
    /// How the connection ended.
    fn send(&mut self, stanza: &Element) -> impl Future<Output = Result<(), StreamEnd>> + Send;

    /// Ends it in good order.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Makes connections.
pub trait Connect: Send {
    /// What is made.
    type Link: Link;

    /// Makes one.
    ///
    /// # Errors
    /// Why that failed.
    fn connect(&mut self) -> impl Future<Output = Result<Self::Link, ConnectError>> + Send;
}

impl Link for Component {
    async fn next(&mut self) -> Result<Element, StreamEnd> {
        Component::next(self).await
    }

    async fn send(&mut self, stanza: &Element) -> Result<(), StreamEnd> {
        Component::send(self, stanza).await
    }

    async fn close(self) {
        Component::close(self).await;
    }
}

impl Connect for ComponentParams {
    type Link = Component;

    async fn connect(&mut self) -> Result<Component, ConnectError> {
        connect_component(self).await
    }
}
