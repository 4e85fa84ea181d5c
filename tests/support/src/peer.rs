//! A scripted peer: it reads what it is sent, element by element, and sends what the script says, byte by byte.

use minidom::Element;
use rxml::error::EndOrError;
use rxml::{Event, Namespace, Parse, Parser};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Namespace of a stream's root.
pub const STREAMS: &str = "http://etherx.jabber.org/streams";

/// Any connection.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// What came in.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// A stream header, as an element without children.
    Header(Element),
    /// A whole element below the root.
    Element(Element),
    /// End of the stream.
    End,
    /// End of the connection.
    HangUp,
}

/// The server's end of a stream.
pub struct Peer {
    io: Box<dyn Connection>,
    parser: Parser,
    stack: Vec<Element>,
    opened: bool,
    received: VecDeque<Received>,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("received", &self.received).finish()
    }
}

impl Peer {
    /// A peer at this end of a connection.
    pub fn new(io: impl Connection + 'static) -> Self {
        Self {
            io: Box::new(io),
            parser: Parser::new(),
            stack: Vec::new(),
            opened: false,
            received: VecDeque::new(),
        }
    }

    /// The connection, to put TLS on it.
    pub fn into_io(self) -> Box<dyn Connection> {
        self.io
    }

    /// The client begins a new stream on the same connection.
    pub fn restart(&mut self) {
        assert!(
            self.received.is_empty(),
            "the client sent more than the script expected: {:?}",
            self.received
        );
        self.parser = Parser::new();
        self.stack.clear();
        self.opened = false;
    }

    /// For scripts that begin after the client's header: reads as if it had come.
    pub fn assume_open(&mut self) {
        let header = format!("<stream:stream xmlns='jabber:client' xmlns:stream='{STREAMS}'>");
        self.parse(header.as_bytes());
        self.received.clear();
    }

    /// Sends these bytes as they are. A client that has hung up is no error: the script will notice when it reads.
    pub async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    /// Like [`Peer::send`].
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.io.write_all(bytes).await;
        let _ = self.io.flush().await;
    }

    /// Sends a stream header with this id, and features if given.
    pub async fn open(&mut self, id: &str, features: Option<&str>) {
        let mut text = format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='{STREAMS}' id='{id}' \
             from='example.test' version='1.0'>"
        );
        if let Some(features) = features {
            text.push_str(&format!("<stream:features>{features}</stream:features>"));
        }
        self.send(&text).await;
    }

    /// Waits for whatever comes next.
    pub async fn receive(&mut self) -> Received {
        loop {
            if let Some(received) = self.received.pop_front() {
                return received;
            }
            let mut buffer = [0; 4096];
            match self.io.read(&mut buffer).await {
                Ok(0) | Err(_) => return Received::HangUp,
                Ok(count) => self.parse(&buffer[..count]),
            }
        }
    }

    /// Waits for the client's header.
    pub async fn header(&mut self) -> Element {
        match self.receive().await {
            Received::Header(header) => header,
            other => panic!("a stream header was expected, not {other:?}"),
        }
    }

    /// Waits for an element.
    pub async fn element(&mut self) -> Element {
        match self.receive().await {
            Received::Element(element) => element,
            other => panic!("an element was expected, not {other:?}"),
        }
    }

    /// Waits for an element of this name.
    pub async fn expect(&mut self, name: &str) -> Element {
        let element = self.element().await;
        assert_eq!(element.name(), name, "{element:?}");
        element
    }

    /// Waits for the end of the client's stream; stanzas before it are skipped.
    pub async fn end(&mut self) {
        loop {
            match self.receive().await {
                Received::End => return,
                Received::Element(_) => {}
                other => panic!("the end of the stream was expected, not {other:?}"),
            }
        }
    }

    /// True when nothing comes within this time. For paused time only.
    pub async fn is_silent(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.receive()).await.is_err()
    }

    fn parse(&mut self, mut bytes: &[u8]) {
        loop {
            let event = match self.parser.parse(&mut bytes, false) {
                Ok(Some(event)) => event,
                Ok(None) | Err(EndOrError::NeedMoreData) => return,
                Err(EndOrError::Error(error)) => {
                    panic!("the client sent XML that is not well-formed: {error}")
                }
            };
            match event {
                Event::XmlDeclaration(..) => {}
                Event::StartElement(_, (namespace, name), attributes) => {
                    let mut element = Element::bare(name.as_str(), namespace.as_str());
                    *element.attrs_mut() = attributes;
                    if self.opened {
                        self.stack.push(element);
                    } else {
                        assert!(element.is("stream", STREAMS), "the client began with {element:?}");
                        self.opened = true;
                        self.received.push_back(Received::Header(element));
                    }
                }
                Event::EndElement(_) => match (self.stack.pop(), self.stack.last_mut()) {
                    (Some(element), Some(parent)) => {
                        parent.append_child(element);
                    }
                    (Some(element), None) => self.received.push_back(Received::Element(element)),
                    (None, _) => self.received.push_back(Received::End),
                },
                Event::Text(_, text) => {
                    if let Some(element) = self.stack.last_mut() {
                        element.append_text(text.as_str());
                    }
                }
            }
        }
    }
}

/// An attribute of an element, or the empty text.
pub fn attribute<'a>(element: &'a Element, name: &str) -> &'a str {
    let found = element.attrs().iter().find(|((ns, key), _)| **ns == Namespace::NONE && key.as_str() == name);
    found.map_or("", |(_, value)| value.as_str())
}
