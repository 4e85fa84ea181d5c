//! Bytes in and out of one stream: socket → Guard → parser, and a write buffer.
//!
//! Every method is cancel-safe: what has been read stays in the buffer, what is to be written stays queued.

use crate::alive::Heard;
use crate::error::StreamEnd;
use crate::frames::{CLIENT, Frame, Frames, Header, STREAMS};
use crate::guard::{Guard, Violation};
use crate::params::Limits;
use crate::write::{write_attribute, write_element};
use minidom::Element;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout};

/// Any connection.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

const CHUNK: usize = 16 << 10;
/// Bytes that may wait unread while a write blocks: more would let both sides wait for each other.
const READ_AHEAD: usize = 1 << 20;
/// Bytes per second that a long stanza must bring to be waited for beyond its time: 128 kbit/s.
const SLOWEST: u64 = 16 << 10;
const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
const MAX_TEXT: usize = 500;

/// One stream over one connection.
pub(crate) struct Wire {
    io: Box<dyn Io>,
    /// Default namespace of the stream, `jabber:client` or `jabber:component:accept`.
    namespace: &'static str,
    limits: Limits,
    guard: Guard,
    frames: Frames,
    /// On a component's stream: the stanza that has begun and is not complete.
    held: Option<Vec<u8>>,
    input: Vec<u8>,
    taken: usize,
    violation: Option<Violation>,
    /// The parser has refused what the Guard let through.
    malformed: bool,
    end_of_input: Option<String>,
    output: Vec<u8>,
    written: usize,
    flushed: bool,
    heard: Heard,
    /// Bytes that have come in.
    received: u64,
    /// The stanza that has begun and not ended.
    begun: Option<Begun>,
}

/// A stanza that comes in.
#[derive(Debug, Clone, Copy)]
struct Begun {
    number: u64,
    since: Instant,
    /// Bytes that had come in by then.
    received: u64,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire")
            .field("namespace", &self.namespace)
            .field("queued", &self.output.len())
            .finish()
    }
}

impl Wire {
    /// A component's stream that has not begun: a stanza against the limits is left out, the stream goes on.
    pub(crate) fn component(io: Box<dyn Io>, namespace: &'static str, limits: Limits) -> Self {
        Self { guard: Guard::lenient(limits), held: Some(Vec::new()), ..Self::new(io, namespace, limits) }
    }

    /// A stream that has not begun.
    pub(crate) fn new(io: Box<dyn Io>, namespace: &'static str, limits: Limits) -> Self {
        Self {
            io,
            namespace,
            limits,
            guard: Guard::new(limits),
            frames: Frames::new(&limits, namespace),
            held: None,
            input: Vec::new(),
            taken: 0,
            violation: None,
            malformed: false,
            end_of_input: None,
            output: Vec::new(),
            written: 0,
            flushed: true,
            heard: Heard { at: Instant::now(), reads: 0 },
            received: 0,
            begun: None,
        }
    }

    /// The bare connection, to put TLS on it.
    ///
    /// # Errors
    /// When the peer has sent something behind the last frame: plain text must not be mistaken for something that
    /// came through TLS (RFC 6120 §5.4.3.3).
    pub(crate) fn into_io(self) -> Result<Box<dyn Io>, StreamEnd> {
        self.expect_silence()?;
        Ok(self.io)
    }

    /// Forgets the stream, keeps the connection: after SASL a new stream begins on it (RFC 6120 §6.4.6).
    ///
    /// # Errors
    /// When the peer has sent something behind the last frame.
    pub(crate) fn restart(&mut self) -> Result<(), StreamEnd> {
        self.expect_silence()?;
        self.guard = Guard::new(self.limits);
        self.frames = Frames::new(&self.limits, self.namespace);
        self.input.clear();
        self.taken = 0;
        self.begun = None;
        Ok(())
    }

    fn expect_silence(&self) -> Result<(), StreamEnd> {
        let silent = self.violation.is_none() && self.input[self.taken..].iter().all(u8::is_ascii_whitespace);
        if silent {
            Ok(())
        } else {
            Err(StreamEnd::Protocol("data before the stream was restarted".to_owned()))
        }
    }

    /// Queues our header.
    pub(crate) fn open(&mut self, to: &str, from: Option<&str>, version: bool) {
        let mut header = b"<?xml version='1.0'?><stream:stream".to_vec();
        write_attribute("xmlns", self.namespace, &mut header);
        write_attribute("xmlns:stream", STREAMS, &mut header);
        write_attribute("to", to, &mut header);
        if let Some(from) = from {
            write_attribute("from", from, &mut header);
        }
        if version {
            write_attribute("version", "1.0", &mut header);
        }
        header.push(b'>');
        self.queue(&header);
    }

    /// Queues an element. Stanzas are given in `jabber:client`; without a declaration of their own they are in the
    /// stream's namespace, which is what a component wants too. `jabber:client` deeper inside, as in a forwarded
    /// message (XEP-0297), is declared and so stays what it is.
    pub(crate) fn element(&mut self, element: &Element) {
        let mut bytes = Vec::new();
        write_element(element, CLIENT, &mut bytes);
        self.queue(&bytes);
    }

    /// Queues bytes of our own making.
    pub(crate) fn queue(&mut self, bytes: &[u8]) {
        if self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
        }
        self.output.extend_from_slice(bytes);
        self.flushed = false;
    }

    /// Bytes that wait to be written.
    pub(crate) fn backlog(&self) -> usize {
        self.output.len() - self.written
    }

    /// What has come in so far.
    pub(crate) fn heard(&self) -> Heard {
        self.heard
    }

    /// Bytes that have come in.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// When the stanza that has begun must have ended, if each may take `limit`. Its bytes put that off: a large one over
    /// a slow line is alive. Ask again when it has passed.
    pub(crate) fn stanza_deadline(&self, limit: Duration) -> Option<Instant> {
        self.begun.map(|begun| {
            begun.since + limit + Duration::from_secs((self.received - begun.received) / SLOWEST)
        })
    }

    /// True when the stanza that has begun should have ended by now.
    pub(crate) fn is_stanza_late(&self, limit: Duration) -> bool {
        self.stanza_deadline(limit).is_some_and(|deadline| deadline <= Instant::now())
    }

    /// True while a stanza has begun and not ended.
    pub(crate) fn is_within_stanza(&self) -> bool {
        self.begun.is_some()
    }

    /// After the end by Guard or parser: tells the peer why (RFC 6120 §4.9). Not where the stream is to be resumed, because
    /// the end of a stream is the end of its session.
    pub(crate) async fn refuse(&mut self, wait: Duration) {
        let condition = match self.violation {
            _ if self.malformed => "not-well-formed",
            Some(Violation::Prohibited(_)) => "restricted-xml",
            Some(_) => "policy-violation",
            None => return,
        };
        self.stream_error(condition, "");
        // A peer that does not listen need not know.
        let _ = self.flush(wait).await;
    }

    /// Queues why the stream ends, and its end (RFC 6120 §4.9), with an application-specific condition if there is one.
    pub(crate) fn stream_error(&mut self, condition: &str, application: &str) {
        let error = format!(
            "<stream:error><{condition} xmlns='{STREAM_ERRORS}'/>{application}</stream:error></stream:stream>"
        );
        self.queue(error.as_bytes());
    }

    /// True when Guard or parser have ended the stream within a stanza that XEP-0198 counts.
    pub(crate) fn broke_in_counted_stanza(&self) -> bool {
        if self.malformed {
            self.frames.in_counted_stanza()
        } else {
            self.violation.is_some() && self.guard.in_counted_stanza()
        }
    }

    /// The peer's header.
    pub(crate) async fn header(&mut self) -> Result<Header, StreamEnd> {
        match self.frame().await? {
            Frame::Open(header) => Ok(header),
            Frame::Element(_) | Frame::Close => Err(StreamEnd::Protocol("no stream header".to_owned())),
        }
    }

    /// The next element; a stream error or the end of the stream is an error.
    pub(crate) async fn next(&mut self) -> Result<Element, StreamEnd> {
        match self.frame().await? {
            Frame::Element(element) if element.is("error", STREAMS) => Err(stream_error(&element)),
            Frame::Element(element) => Ok(element),
            Frame::Close => Err(StreamEnd::ClosedByServer),
            Frame::Open(_) => Err(StreamEnd::Protocol("a second stream header".to_owned())),
        }
    }

    /// Writes what is queued, at most for `wait`. Reads ahead meanwhile, so that two full sockets don't wait for each
    /// other.
    pub(crate) async fn flush(&mut self, wait: Duration) -> Result<(), StreamEnd> {
        let done = poll_fn(|cx| {
            if let Poll::Ready(result) = self.poll_write_out(cx) {
                return Poll::Ready(result);
            }
            while self.input.len() - self.taken < READ_AHEAD && self.end_of_input.is_none() {
                if self.poll_read_in(cx).is_pending() {
                    break;
                }
            }
            Poll::Pending
        });
        match timeout(wait, done).await {
            Ok(result) => result,
            Err(_) => Err(StreamEnd::Network("the server takes no more data".to_owned())),
        }
    }

    /// Queues the end of our stream, writes, waits for the peer's end, and ends the connection's sending side. `last` sees
    /// what the peer sends until then.
    pub(crate) async fn close(&mut self, wait: Duration, mut last: impl FnMut(&Element)) {
        self.queue(b"</stream:stream>");
        if self.flush(wait).await.is_ok() {
            let _ = timeout(wait, async {
                while let Ok(element) = self.next().await {
                    last(&element);
                }
                let _ = poll_fn(|cx| Pin::new(&mut self.io).poll_shutdown(cx)).await;
            })
            .await;
        }
    }

    async fn frame(&mut self) -> Result<Frame, StreamEnd> {
        poll_fn(|cx| self.poll_frame(cx)).await
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, StreamEnd>> {
        loop {
            let mut rest = &self.input[self.taken..];
            let before = rest.len();
            let frame = self.frames.next(&mut rest);
            self.taken += before - rest.len();
            match frame {
                Ok(Some(frame)) => return Poll::Ready(Ok(frame)),
                Ok(None) => {}
                Err(detail) => {
                    self.malformed = true;
                    return Poll::Ready(Err(StreamEnd::Protocol(detail)));
                }
            }
            if let Some(violation) = self.violation {
                return Poll::Ready(Err(StreamEnd::Limit(violation.to_string())));
            }
            if let Some(detail) = &self.end_of_input {
                return Poll::Ready(Err(StreamEnd::Network(detail.clone())));
            }
            self.input.clear();
            self.taken = 0;
            // A broken write shows up as a broken read as well, after what has been received is delivered.
            let _ = self.poll_write_out(cx);
            if self.poll_read_in(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn poll_read_in(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut chunk = [0; CHUNK];
        let mut buffer = ReadBuf::new(&mut chunk);
        match Pin::new(&mut self.io).poll_read(cx, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                self.end_of_input = Some("the server hung up".to_owned());
            }
            Poll::Ready(Ok(())) => {
                self.heard = Heard { at: Instant::now(), reads: self.heard.reads + 1 };
                let filled = buffer.filled();
                self.received += filled.len() as u64;
                self.accept(filled);
                self.begun = self.guard.unfinished().map(|number| match self.begun {
                    Some(begun) if begun.number == number => begun,
                    _ => Begun { number, since: self.heard.at, received: self.received },
                });
            }
            Poll::Ready(Err(error)) => self.end_of_input = Some(cause(&error)),
        }
        Poll::Ready(())
    }

    /// Takes what the Guard lets through.
    fn accept(&mut self, bytes: &[u8]) {
        if let Some(held) = &mut self.held {
            self.violation = self.guard.filter(bytes, held, &mut self.input);
            return;
        }
        let (good, violation) = self.guard.scan(bytes);
        self.input.extend_from_slice(&bytes[..good]);
        self.violation = violation;
    }

    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamEnd>> {
        let broken = |error: std::io::Error| StreamEnd::Network(cause(&error));
        while self.written < self.output.len() {
            match Pin::new(&mut self.io).poll_write(cx, &self.output[self.written..]) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(StreamEnd::Network("the server hung up".to_owned())));
                }
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(broken(error))),
            }
        }
        if !self.flushed {
            match Pin::new(&mut self.io).poll_flush(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => self.flushed = true,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(broken(error))),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Why a connection broke, for a person. The TLS library explains a connection that ended without notice by an address
/// on the web.
fn cause(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the server hung up".to_owned(),
        _ => error.to_string(),
    }
}

/// RFC 6120 §4.9.2: condition and text.
fn stream_error(error: &Element) -> StreamEnd {
    let (condition, text) = defined_condition(error, STREAM_ERRORS);
    StreamEnd::ServerError { condition, text }
}

/// The defined condition among the children in `namespace`, and the text beside it, cut to 500 characters.
pub(crate) fn defined_condition(error: &Element, namespace: &str) -> (String, Option<String>) {
    let mut condition = "undefined-condition".to_owned();
    let mut text = None;
    for child in error.children().filter(|child| child.has_ns(namespace)) {
        if child.name() == "text" {
            text = Some(
                child.text().trim().chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect::<String>(),
            );
        } else {
            condition = child.name().chars().take(64).collect();
        }
    }
    (condition, text.filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::cause;
    use std::io::{Error, ErrorKind};

    #[test]
    fn a_person_reads_no_addresses_of_libraries() {
        let tls = "peer closed connection without sending TLS close_notify: https://docs.rs/rustls";
        assert_eq!(cause(&Error::new(ErrorKind::UnexpectedEof, tls)), "the server hung up");
        assert_eq!(cause(&Error::new(ErrorKind::ConnectionReset, "reset by peer")), "reset by peer");
    }
}
