//! A client's session: an authenticated, bound stream with XEP-0198.

use crate::error::{ConnectError, StreamEnd};
use crate::params::ConnectParams;
use jid::FullJid;
use minidom::Element;

/// What a session reports.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A message, presence or iq, in `jabber:client`.
    Stanza(Element),
    /// The server has taken over the stanzas that were sent with these tokens (XEP-0198), in order.
    Acked(Vec<u64>),
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
    unacked: Vec<(Option<u64>, Element)>,
}

impl ResumeState {
    /// Sent stanzas that the server has not acknowledged, oldest first, with the tokens they were sent with.
    pub fn unacked(&self) -> Vec<(Option<u64>, Element)> {
        self.unacked.clone()
    }
}

/// An open session. One task owns it.
#[derive(Debug)]
pub struct Session {
    jid: FullJid,
}

/// Opens a stream: look-up, connection, TLS, sign-in, then resumption of `resume` or a new binding with XEP-0198.
///
/// Dropping the future cancels at any point. If resumption is refused, the session is a new one
/// ([`Session::resumed`] is false) and [`Session::take_lost`] has what was not acknowledged.
///
/// # Errors
/// Why it failed, and `resume` back.
pub async fn connect(params: &ConnectParams, resume: Option<ResumeState>) -> Result<Session, ConnectFailed> {
    let _ = params;
    Err(ConnectFailed { error: ConnectError::Network("not connected".to_owned()), resume })
}

impl Session {
    /// Full address that the server bound.
    pub fn jid(&self) -> &FullJid {
        &self.jid
    }

    /// SASL mechanism of the sign-in.
    pub fn mechanism(&self) -> &str {
        ""
    }

    /// True when this session goes on with the one before.
    pub fn resumed(&self) -> bool {
        false
    }

    /// Stanzas of the session before that the server did not acknowledge, when it refused to resume. Empties it.
    pub fn take_lost(&mut self) -> Vec<(Option<u64>, Element)> {
        Vec::new()
    }

    /// Waits for the next event. Cancel-safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// How the stream ended; every later call says the same.
    pub async fn next(&mut self) -> Result<Event, StreamEnd> {
        Err(StreamEnd::ClosedByServer)
    }

    /// Sends a stanza (`jabber:client`). `token` comes back in [`Event::Acked`]. When the future is dropped the stanza
    /// counts as sent and leaves with the next call.
    ///
    /// # Errors
    /// How the stream ended. The stanza is then among [`ResumeState::unacked`].
    pub async fn send(&mut self, stanza: &Element, token: Option<u64>) -> Result<(), StreamEnd> {
        let _ = (stanza, token);
        Err(StreamEnd::ClosedByServer)
    }

    /// Ends the stream in good order: last acknowledgement, end of stream, then waits briefly for the server's.
    pub async fn close(self) {}

    /// After the stream has ended: what is needed to resume it. `None` if there was nothing to resume.
    pub fn into_resume_state(self) -> Option<ResumeState> {
        None
    }
}
