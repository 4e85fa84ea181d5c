//! What follows the sign-in: resumption (XEP-0198 §5), or binding (RFC 6120 §7) and XEP-0198 anew.

use super::{ConnectFailed, Event, ResumeState, Session, count, too_high};
use crate::alive::Alive;
use crate::dial::SignedIn;
use crate::error::{ConnectError, StreamEnd};
use crate::frames::{CLIENT, is_counted};
use crate::management::{Management, SM};
use crate::params::ConnectParams;
use crate::steps::within;
use crate::wire::{Wire, defined_condition};
use crate::write::write_text;
use jid::FullJid;
use minidom::Element;
use std::collections::VecDeque;
use tokio::time::Instant;

const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// Stanzas that a server may send before it has answered.
const MAX_EARLY: usize = 1024;
/// Bytes that a server may send until then, in stanzas of the largest size.
const MAX_EARLY_BYTES: u64 = 2;

/// Makes a session of a stream that is signed in.
pub(crate) async fn begin(
    signed_in: SignedIn,
    params: &ConnectParams,
    resume: Option<ResumeState>,
) -> Result<Session, ConnectFailed> {
    let mut opening = Opening {
        begun_at: signed_in.wire.received(),
        wire: signed_in.wire,
        params,
        manages: signed_in.features.has_child("sm", SM),
        pending: VecDeque::new(),
    };
    let mut refused = None;
    if let Some(state) = resume {
        match opening.resume(state).await? {
            Resumption::Resumed(mut state) => {
                opening.tell(&mut state);
                return Ok(opening.into_session(
                    state.jid,
                    signed_in.mechanism,
                    Some(state.management),
                    true,
                ));
            }
            Resumption::Refused(state) => refused = Some(state),
        }
    }
    match opening.bind_and_enable().await {
        Ok((jid, management)) => {
            if let Some(state) = &mut refused {
                opening.tell(state);
            }
            let mut session = opening.into_session(jid, signed_in.mechanism, management, false);
            session.lost = refused.map(|state| state.management.into_unacked()).unwrap_or_default();
            Ok(session)
        }
        // What the server has refused to resume is still not to be lost.
        Err(error) => Err(ConnectFailed { error, resume: refused }),
    }
}

enum Resumption {
    Resumed(ResumeState),
    Refused(ResumeState),
}

struct Opening<'a> {
    wire: Wire,
    /// Bytes that had come in before.
    begun_at: u64,
    params: &'a ConnectParams,
    manages: bool,
    /// What came before the answers, and acknowledgements.
    pending: VecDeque<Event>,
}

impl Opening<'_> {
    async fn resume(&mut self, mut state: ResumeState) -> Result<Resumption, ConnectFailed> {
        let id = match &state.management.id {
            Some(id) if self.manages && state.jid.to_bare() == self.params.account => id.clone(),
            _ => {
                state.management.id = None;
                return Ok(Resumption::Refused(state));
            }
        };
        let h = state.management.inbound;
        let mut request = format!("<resume xmlns='{SM}' h='{h}'").into_bytes();
        crate::write::write_attribute("previd", &id, &mut request);
        request.extend_from_slice(b"/>");
        self.wire.queue(&request);
        let answer = match self.answer("the resumption").await {
            Ok(answer) => answer,
            Err(error) => {
                // What the server does not take now it will not take the next time: then a new session.
                if matches!(error, ConnectError::Stream { .. } | ConnectError::Protocol(_)) {
                    state.management.id = None;
                }
                return Err(ConnectFailed { error, resume: Some(state) });
            }
        };
        let resumed = answer.is("resumed", SM);
        let other = resumed && answer.attr("previd").is_some_and(|previd| previd != id);
        if other || (!resumed && !answer.is("failed", SM)) {
            let error = ConnectError::Protocol(format!("<{}/> in answer to a resumption", answer.name()));
            state.management.id = None;
            return Err(ConnectFailed { error, resume: Some(state) });
        }
        match count(&answer).map(|claimed| state.management.acknowledge(claimed)) {
            Some(Ok(tokens)) => state.acked.extend(tokens),
            // It counts otherwise than we do. Going on could lose something; a new session loses nothing.
            Some(Err(claim)) => {
                state.management.id = None;
                let error = too_high(claim).into();
                return Err(ConnectFailed { error, resume: Some(state) });
            }
            None => {}
        }
        if !resumed {
            state.management.id = None;
            return Ok(Resumption::Refused(state));
        }
        state.management.reconnected();
        for (_, stanza) in state.management.unacked() {
            self.wire.element(stanza);
        }
        if state.management.unacked().next().is_some() {
            self.wire.queue(format!("<r xmlns='{SM}'/>").as_bytes());
        }
        Ok(Resumption::Resumed(state))
    }

    /// What was acknowledged becomes an event once there is a session that can tell it.
    fn tell(&mut self, state: &mut ResumeState) {
        let acked = std::mem::take(&mut state.acked);
        if !acked.is_empty() {
            self.pending.push_back(Event::Acked(acked));
        }
    }

    async fn bind_and_enable(&mut self) -> Result<(FullJid, Option<Management>), ConnectError> {
        let jid = match self.bind(self.params.resource.as_deref()).await? {
            Bound::Jid(jid) => jid,
            // Somebody has that resource: any other will do.
            Bound::Conflict => match self.bind(None).await? {
                Bound::Jid(jid) => jid,
                Bound::Conflict => {
                    return Err(ConnectError::Stream { condition: "conflict".to_owned(), text: None });
                }
            },
        };
        if jid.to_bare() != self.params.account {
            return Err(ConnectError::WrongAccount {
                asked: self.params.account.clone(),
                got: jid.to_bare(),
            });
        }
        if !self.manages {
            return Ok((jid, None));
        }
        self.wire.queue(format!("<enable xmlns='{SM}' resume='true'/>").as_bytes());
        let answer = self.answer("the set-up of acknowledgements").await?;
        if !answer.is("enabled", SM) {
            return Ok((jid, None));
        }
        let grants = matches!(answer.attr("resume"), Some("true" | "1"));
        let id = answer.attr("id").filter(|_| grants).map(str::to_owned);
        Ok((jid, Some(Management::new(id))))
    }

    async fn bind(&mut self, resource: Option<&str>) -> Result<Bound, ConnectError> {
        let mut request = format!("<iq type='set' id='flint-bind'><bind xmlns='{BIND}'").into_bytes();
        match resource {
            Some(resource) => {
                request.extend_from_slice(b"><resource>");
                write_text(resource, &mut request);
                request.extend_from_slice(b"</resource></bind></iq>");
            }
            None => request.extend_from_slice(b"/></iq>"),
        }
        self.wire.queue(&request);
        let is_answer =
            |element: &Element| element.is("iq", CLIENT) && element.attr("id") == Some("flint-bind");
        let answer = self.until("the binding of a resource", is_answer).await?;
        if answer.attr("type") != Some("result") {
            let error =
                answer.get_child("error", CLIENT).cloned().unwrap_or_else(|| Element::bare("error", CLIENT));
            let (condition, text) = defined_condition(&error, STANZA_ERRORS);
            return match condition.as_str() {
                "conflict" => Ok(Bound::Conflict),
                _ => Err(ConnectError::Stream { condition, text }),
            };
        }
        let jid = answer.get_child("bind", BIND).and_then(|bind| bind.get_child("jid", BIND));
        let jid = jid.and_then(|jid| jid.text().trim().parse::<FullJid>().ok());
        jid.map(Bound::Jid).ok_or_else(|| ConnectError::Protocol("a binding without an address".to_owned()))
    }

    /// The next answer of stream management; stanzas before it are kept.
    async fn answer(&mut self, step: &'static str) -> Result<Element, ConnectError> {
        let is_answer = |element: &Element| {
            element.has_ns(SM) && matches!(element.name(), "enabled" | "resumed" | "failed")
        };
        self.until(step, is_answer).await
    }

    /// Writes and waits for an answer; whatever else comes does not prolong the wait.
    async fn until(
        &mut self,
        step: &'static str,
        is_answer: impl Fn(&Element) -> bool,
    ) -> Result<Element, ConnectError> {
        let limit = self.params.timing.step;
        self.wire.flush(limit).await?;
        within(limit, step, async {
            loop {
                let element = self.wire.next().await?;
                if is_answer(&element) {
                    return Ok(element);
                }
                self.early(element)?;
            }
        })
        .await
    }

    fn early(&mut self, element: Element) -> Result<(), StreamEnd> {
        if is_counted(&element) {
            let bytes = self.wire.received() - self.begun_at;
            let most = MAX_EARLY_BYTES * self.params.limits.stanza_bytes as u64;
            if self.pending.len() >= MAX_EARLY || bytes > most {
                return Err(StreamEnd::Limit("too many stanzas before the session".to_owned()));
            }
            self.pending.push_back(Event::Stanza(element));
        }
        Ok(())
    }

    fn into_session(
        self,
        jid: FullJid,
        mechanism: String,
        management: Option<Management>,
        resumed: bool,
    ) -> Session {
        let asked = management.as_ref().is_some_and(|management| management.unacked().len() > 0);
        Session {
            wire: self.wire,
            jid,
            mechanism,
            resumed,
            management,
            lost: Vec::new(),
            pending: self.pending,
            alive: Alive::new(self.params.timing),
            timing: self.params.timing,
            awaited: asked.then(|| (Instant::now(), false)),
            ended: None,
        }
    }
}

enum Bound {
    Jid(FullJid),
    Conflict,
}
