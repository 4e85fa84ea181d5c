//! A client's session: a stream that is signed in and bound, with XEP-0198.

pub(crate) mod begin;

use crate::alive::{Alive, Next};
use crate::dial;
use crate::error::{ConnectError, StreamEnd};
use crate::frames::is_counted;
use crate::management::{Management, SM, TooHigh};
use crate::net;
use crate::params::{ConnectParams, Timing};
use crate::progress::unobserved;
use crate::wire::Wire;
use jid::FullJid;
use minidom::Element;
use std::collections::VecDeque;
use std::fmt;
use tokio::time::{Instant, timeout_at};

const PING: &str = "urn:xmpp:ping";
const PING_ID: &str = "flint-alive";
/// Bytes that may wait to be written before a request for an acknowledgement is passed over.
const MAX_BACKLOG: usize = 64 << 10;
/// Unacknowledged stanzas from which on a caller should wait with more.
const FULL: usize = 1024;
/// Unacknowledged stanzas that end the stream: the answers to what the server sends can't wait.
const TOO_MANY: usize = 8 * FULL;

/// What a session reports. `Debug` shows no content.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A message, presence or iq, in `jabber:client`.
    Stanza(Element),
    /// The server has taken over the stanzas that were sent with these tokens (XEP-0198), in order.
    Acked(Vec<u64>),
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stanza(stanza) => write!(f, "Stanza(<{}/>)", stanza.name()),
            Self::Acked(tokens) => f.debug_tuple("Acked").field(tokens).finish(),
        }
    }
}

/// A stream could not be opened.
#[derive(Debug)]
pub struct ConnectFailed {
    /// Why.
    pub error: ConnectError,
    /// What was to be resumed, given back for the next attempt.
    pub resume: Option<ResumeState>,
}

/// What is needed to go on with a broken stream: the server's id for it, counters, unacknowledged stanzas.
///
/// Kept in memory only. Clone it before [`connect`] if that future may be dropped.
#[derive(Debug, Clone)]
pub struct ResumeState {
    jid: FullJid,
    management: Management,
    /// Tokens that were acknowledged and have not been told yet: the next session's first event.
    acked: Vec<u64>,
}

impl ResumeState {
    /// Sent stanzas that the server has not acknowledged, oldest first, with the tokens they were sent with.
    pub fn unacked(&self) -> Vec<(Option<u64>, Element)> {
        self.management.unacked().cloned().collect()
    }

    /// Tokens that the server has acknowledged, which no [`Event::Acked`] could tell any more. The next session does; who
    /// gives up resuming has to look here.
    pub fn acked(&self) -> &[u64] {
        &self.acked
    }

    /// Full address of the session.
    pub fn jid(&self) -> &FullJid {
        &self.jid
    }
}

/// An open session. One task owns it.
#[derive(Debug)]
pub struct Session {
    wire: Wire,
    jid: FullJid,
    mechanism: String,
    resumed: bool,
    /// `None` when the server has no XEP-0198.
    management: Option<Management>,
    lost: Vec<(Option<u64>, Element)>,
    pending: VecDeque<Event>,
    alive: Alive,
    timing: Timing,
    /// Since when an acknowledgement is awaited, and whether it has been asked for twice.
    awaited: Option<(Instant, bool)>,
    ended: Option<StreamEnd>,
}

/// Opens a stream: look-up, connection, TLS, sign-in, then resumption of `resume` or a new binding with XEP-0198.
///
/// Dropping the future cancels at any point. If resumption is refused, the session is a new one
/// ([`Session::resumed`] is false) and [`Session::take_lost`] has what was not acknowledged.
///
/// # Errors
/// Why it failed, and `resume` back.
pub async fn connect(params: &ConnectParams, resume: Option<ResumeState>) -> Result<Session, ConnectFailed> {
    match dial::dial(params, &unobserved).await {
        Ok(signed_in) => begin::begin(signed_in, params, resume).await,
        Err(error) => Err(ConnectFailed { error, resume }),
    }
}

impl Session {
    /// Full address that the server bound.
    pub fn jid(&self) -> &FullJid {
        &self.jid
    }

    /// SASL mechanism of the sign-in.
    pub fn mechanism(&self) -> &str {
        &self.mechanism
    }

    /// True when this session goes on with the one before.
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// True when the server acknowledges stanzas (XEP-0198); without it no [`Event::Acked`] comes.
    pub fn acknowledges(&self) -> bool {
        self.management.is_some()
    }

    /// True when so much is not acknowledged that more should wait until an [`Event::Acked`] has come.
    pub fn is_full(&self) -> bool {
        self.outstanding() >= FULL
    }

    /// True while a stanza comes in that has not ended: whatever else the server has to say waits behind it.
    pub fn is_within_stanza(&self) -> bool {
        self.wire.is_within_stanza()
    }

    /// Stanzas of the session before that the server did not acknowledge, when it refused to resume. Empties it.
    pub fn take_lost(&mut self) -> Vec<(Option<u64>, Element)> {
        std::mem::take(&mut self.lost)
    }

    /// Waits for the next event. Cancel-safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// How the stream ended; every later call says the same.
    pub async fn next(&mut self) -> Result<Event, StreamEnd> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(event);
            }
            if let Some(end) = &self.ended {
                return Err(end.clone());
            }
            let stanza = self.wire.stanza_deadline(self.timing.stanza);
            let awaited = self.awaited.map(|(since, _)| since + self.timing.acknowledgement);
            let alive = self.alive.deadline(self.wire.heard());
            let deadline = [stanza, awaited].into_iter().flatten().fold(alive, Instant::min);
            match timeout_at(deadline, self.wire.next()).await {
                Ok(Ok(element)) => {
                    if let Err(end) = self.take(element) {
                        // What the server is told about it.
                        let _ = self.wire.flush(net::PARTING).await;
                        return Err(end);
                    }
                }
                Ok(Err(end)) => {
                    let end = self.end(end);
                    if self.management.as_ref().is_none_or(|management| management.id.is_none()) {
                        self.wire.refuse(net::PARTING).await;
                    }
                    return Err(end);
                }
                Err(_) if self.wire.is_stanza_late(self.timing.stanza) => {
                    return Err(self.end(StreamEnd::Network("the server does not end a stanza".to_owned())));
                }
                Err(_) if awaited.is_some_and(|awaited| awaited <= Instant::now()) => self.ask_again()?,
                Err(_) => match self.alive.passed(self.wire.heard(), Instant::now()) {
                    Next::Ask => self.ask(),
                    Next::Dead => {
                        return Err(self.end(StreamEnd::Network("the server does not answer".to_owned())));
                    }
                    Next::Wait => {}
                },
            }
        }
    }

    /// Sends a stanza (`jabber:client`). `token` comes back in [`Event::Acked`]. When the future is dropped the stanza
    /// counts as sent and leaves with the next call.
    ///
    /// # Errors
    /// How the stream ended. With XEP-0198 the stanza is then among [`ResumeState::unacked`].
    pub async fn send(&mut self, stanza: &Element, token: Option<u64>) -> Result<(), StreamEnd> {
        let request = match &mut self.management {
            Some(management) if is_counted(stanza) => management.sent(stanza.clone(), token),
            _ => false,
        };
        if let Some(end) = &self.ended {
            return Err(end.clone());
        }
        if self.outstanding() > TOO_MANY {
            return Err(self.end(silent()));
        }
        self.wire.element(stanza);
        if request {
            self.request();
        }
        self.wire.flush(self.timing.answer).await.map_err(|end| self.end(end))
    }

    /// Ends the stream in good order: last acknowledgement, end of stream, then waits briefly for the server's.
    ///
    /// Returns the tokens of the stanzas that the server has acknowledged and no [`Event::Acked`] has told.
    pub async fn close(mut self) -> Vec<u64> {
        let mut acked = self.untold();
        if self.ended.is_some() {
            return acked;
        }
        self.acknowledge();
        if self.management.as_ref().is_some_and(|management| management.unacked().next().is_some()) {
            self.request();
        }
        let management = &mut self.management;
        let wait = self.timing.answer.min(net::PARTING);
        self.wire
            .close(wait, |element| {
                if let (true, Some(management)) = (element.is("a", SM), management.as_mut()) {
                    let tokens = count(element).and_then(|claimed| management.acknowledge(claimed).ok());
                    acked.extend(tokens.unwrap_or_default());
                }
            })
            .await;
        acked
    }

    /// After the stream has ended: what is needed to resume it. `None` if there was nothing to resume.
    pub fn into_resume_state(mut self) -> Option<ResumeState> {
        let acked = self.untold();
        let mut management = self.management?;
        match self.ended {
            // Its session is over, what it has not acknowledged is not.
            Some(StreamEnd::ClosedByServer) => management.id = None,
            // The server would send the same stanza again on resumption, for ever: it counts as dealt with.
            Some(StreamEnd::Limit(_) | StreamEnd::Protocol(_)) if self.wire.broke_in_counted_stanza() => {
                management.received();
            }
            // A resumed stream could begin with the very thing that ended this one.
            Some(StreamEnd::Protocol(_)) => management.id = None,
            _ => {}
        }
        let idle = management.is_idle() && acked.is_empty();
        (!idle).then_some(ResumeState { jid: self.jid, management, acked })
    }

    /// Acknowledgements that wait to be told.
    fn untold(&mut self) -> Vec<u64> {
        let mut acked = Vec::new();
        for event in self.pending.drain(..) {
            if let Event::Acked(tokens) = event {
                acked.extend(tokens);
            }
        }
        acked
    }

    /// One element that came in.
    fn take(&mut self, element: Element) -> Result<(), StreamEnd> {
        if is_counted(&element) {
            if let Some(management) = &mut self.management {
                management.received();
            }
            if !self.is_own_ping(&element) {
                self.pending.push_back(Event::Stanza(element));
            }
        } else if element.is("r", SM) {
            // A server that asks and does not read gets no answers piled up for it.
            if self.wire.backlog() < MAX_BACKLOG {
                self.acknowledge();
            }
        } else if element.is("a", SM) {
            return self.acknowledged(&element);
        }
        // Anything else is of an extension that was not negotiated (RFC 6120 §8.4 leaves it to the receiver).
        Ok(())
    }

    /// The server acknowledges.
    fn acknowledged(&mut self, answer: &Element) -> Result<(), StreamEnd> {
        let Some(management) = &mut self.management else { return Ok(()) };
        let Some(claimed) = count(answer) else {
            return Err(self.end(StreamEnd::Protocol("an acknowledgement without a count".to_owned())));
        };
        let before = management.unacked().len();
        match management.acknowledge(claimed) {
            Ok(tokens) => {
                let after = management.unacked().len();
                // Whoever says the same as before is asked again when the time is over, not at once and for ever.
                if after == 0 || after < before {
                    self.awaited = None;
                    if management.answered() {
                        self.request();
                    }
                }
                if !tokens.is_empty() {
                    self.pending.push_back(Event::Acked(tokens));
                }
                Ok(())
            }
            Err(TooHigh { claimed, sent }) => {
                let application =
                    format!("<handled-count-too-high xmlns='{SM}' h='{claimed}' send-count='{sent}'/>");
                self.wire.stream_error("undefined-condition", &application);
                Err(self.end(too_high(TooHigh { claimed, sent })))
            }
        }
    }

    /// Queues how many stanzas have come in; it leaves with the next read or write.
    fn acknowledge(&mut self) {
        if let Some(management) = &self.management {
            let answer = format!("<a xmlns='{SM}' h='{}'/>", management.inbound);
            self.wire.queue(answer.as_bytes());
        }
    }

    /// Queues a request for an acknowledgement. A server that is gone is so noticed soon after something was sent.
    fn request(&mut self) {
        let now = Instant::now();
        self.alive.asked(self.wire.heard(), now);
        self.awaited.get_or_insert((now, false));
        self.wire.queue(format!("<r xmlns='{SM}'/>").as_bytes());
    }

    /// The server talks, but has not acknowledged in time. What it is just sending comes before any acknowledgement.
    fn ask_again(&mut self) -> Result<(), StreamEnd> {
        if let (Some((since, _)), true) = (&mut self.awaited, self.wire.is_within_stanza()) {
            *since = Instant::now();
            return Ok(());
        }
        if matches!(self.awaited, Some((_, true))) {
            return Err(self.end(silent()));
        }
        self.awaited = Some((Instant::now(), true));
        self.request();
        Ok(())
    }

    /// Stanzas that are not acknowledged.
    fn outstanding(&self) -> usize {
        self.management.as_ref().map_or(0, |management| management.unacked().len())
    }

    /// Asks a silent server for a sign of life.
    fn ask(&mut self) {
        if self.management.is_some() {
            self.request();
        } else {
            let ping = format!("<iq type='get' id='{PING_ID}'><ping xmlns='{PING}'/></iq>");
            self.wire.queue(ping.as_bytes());
        }
    }

    fn is_own_ping(&self, element: &Element) -> bool {
        let answer = matches!(element.attr("type"), Some("result" | "error"));
        element.name() == "iq" && answer && element.attr("id") == Some(PING_ID)
    }

    fn end(&mut self, end: StreamEnd) -> StreamEnd {
        self.ended = Some(end.clone());
        end
    }
}

fn silent() -> StreamEnd {
    StreamEnd::Network("the server does not acknowledge what it was sent".to_owned())
}

/// The count of an `<a/>`, `<resumed/>` or `<failed/>`.
fn count(element: &Element) -> Option<u32> {
    element.attr("h")?.parse().ok()
}

fn too_high(TooHigh { claimed, sent }: TooHigh) -> StreamEnd {
    StreamEnd::Protocol(format!("it acknowledges {claimed} stanzas, {sent} were sent"))
}

#[cfg(test)]
mod tests;
