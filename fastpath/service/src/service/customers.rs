//! The customer's side: join, ask, leave.

use super::{Service, Visit};
use crate::config::{FieldKind, FormField};
use crate::journal::{JournalRecord, SessionSummary};
use crate::metrics::Metrics;
use crate::xml::{Condition, Request, message};
use flint_fastpath_protocol::{JoinQueue, Metadata, QueueStatus, Session};
use flint_fastpath_routing::{Answers, Event, Reply, SessionId, Timestamp, WorkgroupName};
use flint_xep::sender::FromCustomer;
use jid::{BareJid, FullJid};
use minidom::Element;
use std::collections::VecDeque;

/// Most fields that a customer may send.
const MAX_FIELDS: usize = 60;
/// Most values of one field.
const MAX_VALUES: usize = 20;
/// Longest value, in bytes.
const MAX_VALUE: usize = 4_000;
/// Longest sum of all names and values, in bytes.
const MAX_ANSWERS: usize = 16_000;

impl Service {
    pub(super) fn join_queue(&mut self, request: &Request, workgroup: &str, now: Timestamp) {
        // Whoever joins is written to at exactly this address; an agent's own shadow address can't.
        let here = self.config.domain.clone();
        let customer = FromCustomer::check(Some(&request.from), |from| from.domain().as_str() != here);
        let Some(customer) = customer else { return self.refuse(request, Condition::BadRequest, None) };
        let Some(config) = self.config.workgroup(workgroup) else { return };
        let join = match JoinQueue::read(&request.payload) {
            Ok(join) => join,
            Err(problem) => return self.refuse_malformed(request, problem),
        };
        let mut answers = match accepted_answers(join.answers) {
            Ok(answers) => answers,
            Err(problem) => return self.refuse(request, Condition::NotAcceptable, Some(problem)),
        };
        if let Err(problem) = check_form(&config.form(), &answers) {
            return self.refuse(request, Condition::NotAcceptable, Some(&problem));
        }
        let foreign = |user: &BareJid| {
            let domain = user.domain().as_str();
            domain != self.config.xmpp_domain && domain != here
        };
        let user = named_user(join.user.as_deref(), customer.jid()).filter(foreign);
        // Agents' programs look for past chats under this answer: it is the identity that counts, or none.
        let filed = user.clone().unwrap_or_else(|| customer.bare()).to_string();
        answers.0.retain(|(name, values)| name != "userID" || *values == [filed.as_str()]);
        let Some(session) = self.surroundings.new_id().map(SessionId) else {
            return self.refuse(request, Condition::InternalServerError, None);
        };
        let event = Event::CustomerJoined {
            session: session.clone(),
            workgroup: WorkgroupName(workgroup.to_owned()),
            customer: customer.jid().clone(),
            user: user.as_ref().map(ToString::to_string),
            priority: 0,
            answers: answers.clone(),
        };
        // The effects of the event need the visit, so it is there before the reply is known.
        let summary = SessionSummary {
            session: session.clone(),
            workgroup: workgroup.to_owned(),
            user: filed,
            joined: self.router.clamp(now),
            started: None,
            ended: None,
            end: None,
            agents: Vec::new(),
            answers,
        };
        let visit = Visit {
            client: customer.jid().clone(),
            summary: summary.clone(),
            told: None,
            said: 0,
            moves: 0,
            last_line: Timestamp::default(),
            recent: VecDeque::new(),
        };
        self.visits.insert(session.clone(), visit);
        let before = self.out.len();
        let reply = self.tell(event, now);
        if !matches!(reply, Some(Reply::Joined { .. })) {
            self.visits.remove(&session);
        }
        match reply {
            Some(Reply::Joined { position }) => {
                self.count(|metrics| &metrics.joins_total);
                self.records.push(JournalRecord::Session(summary));
                // First the customer's place and the answer, then whatever else follows from the join.
                let effects = self.out.split_off(before);
                self.tell_position(&session, position);
                self.send(request.result(None));
                self.out.extend(effects);
            }
            Some(Reply::AlreadyQueued { session }) => {
                let text = format!("You are already in this queue (session {session}).");
                self.refuse(request, Condition::Conflict, Some(&text));
            }
            Some(Reply::Full) => {
                self.refuse(
                    request,
                    Condition::ResourceConstraint,
                    Some("Too many people wait already. Try again later."),
                );
            }
            _ => self.refuse(request, Condition::ServiceUnavailable, None),
        }
    }

    /// Tells a waiting customer the place, unless it is known.
    pub(super) fn tell_position(&mut self, session: &SessionId, position: u32) {
        let Some(status) = self.status_element(session, position) else { return };
        let Some(visit) = self.visits.get_mut(session) else { return };
        if visit.told.replace(position) == Some(position) {
            return;
        }
        let (from, to) =
            (format!("{}@{}", visit.summary.workgroup, self.config.domain), visit.client.to_string());
        self.send(message(&from, &to).child(status));
    }

    /// `<queue-status/>` with the place from 1 and the expected wait.
    fn status_element(&self, session: &SessionId, position: u32) -> Option<Element> {
        let view = self.router.customer(session)?;
        let queue = self.router.queue(view.workgroup, view.queue, 0)?;
        let seconds = u64::from(position) * queue.per_place_ms / 1_000;
        let workgroup = self.address(&view.workgroup.0);
        let status = QueueStatus {
            position,
            time_s: Some(u32::try_from(seconds).unwrap_or(u32::MAX)),
            session: Some(Session { id: session.0.clone(), workgroup }),
        };
        Some(status.element())
    }

    /// The visit of whoever sent this, if it waits.
    fn waiting_visit(&self, request: &Request, workgroup: &str) -> Option<SessionId> {
        let client: &FullJid = request.from.try_as_full().ok()?;
        self.router.visit_of(client, &WorkgroupName(workgroup.to_owned())).cloned()
    }

    pub(super) fn queue_status(&mut self, request: &Request, workgroup: &str) {
        let status = self.waiting_visit(request, workgroup).and_then(|session| {
            let position = self.router.position(&session)?;
            self.status_element(&session, position)
        });
        match status {
            Some(status) => self.send(request.result(Some(status))),
            None => self.refuse(request, Condition::ItemNotFound, None),
        }
    }

    pub(super) fn depart_queue(&mut self, request: &Request, workgroup: &str, now: Timestamp) {
        let Some(session) = self.waiting_visit(request, workgroup) else {
            return self.refuse(request, Condition::ItemNotFound, None);
        };
        match self.tell(Event::CustomerDeparted { session }, now) {
            Some(Reply::Departed) => self.send(request.result(None)),
            _ => self.refuse(request, Condition::ItemNotFound, None),
        }
    }

    /// Something of ours came back: a customer whose client is gone leaves the queue.
    pub(super) fn bounced(&mut self, stanza: &Element, from: &jid::Jid, now: Timestamp) {
        let Ok(client) = from.try_as_full() else { return };
        if !crate::xml::says_gone(stanza) || now < self.grace {
            return;
        }
        let visits: Vec<_> = self.router.visits(client).cloned().collect();
        for session in visits {
            self.tell(Event::CustomerVanished { session }, now);
        }
    }

    pub(super) fn gauge(&self) {
        let waiting: usize = self
            .config
            .workgroups
            .iter()
            .map(|workgroup| self.router.waiting_in(&WorkgroupName(workgroup.name.clone())))
            .sum();
        Metrics::set(&self.metrics.waiting, waiting as u64);
        Metrics::set(&self.metrics.chats, self.visits.len().saturating_sub(waiting) as u64);
        Metrics::set(&self.metrics.agents, self.router.agents_joined() as u64);
    }
}

/// The answers without what has no business here, if they are short enough to be kept and offered around.
fn accepted_answers(mut answers: Metadata) -> Result<Answers, &'static str> {
    // A password is nobody's business; whom to skip, and who called in, is not the customer's to say.
    for name in ["password", "ignore", "inviter", "FORM_TYPE"] {
        answers.remove(name);
    }
    let entries = answers.entries();
    let long = |values: &Vec<String>| {
        values.len() > MAX_VALUES || values.iter().any(|value| value.len() > MAX_VALUE)
    };
    let size: usize =
        entries.iter().map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>()).sum();
    if entries.len() > MAX_FIELDS || size > MAX_ANSWERS || entries.iter().any(|(_, values)| long(values)) {
        return Err("The form is too long. Shorten your answers.");
    }
    Ok(Answers(entries.to_vec()))
}

/// The answers as they are written.
pub(super) fn metadata(answers: &Answers) -> Metadata {
    let mut metadata = Metadata::default();
    for (name, values) in &answers.0 {
        metadata.set(name.clone(), values.clone());
    }
    metadata
}

/// Everything that is required is there, and lists hold only what was offered.
fn check_form(form: &[FormField], answers: &Answers) -> Result<(), String> {
    for field in form {
        let values = answers.0.iter().find(|(name, _)| *name == field.var).map(|(_, values)| values);
        let filled = values.is_some_and(|values| values.iter().any(|value| !value.trim().is_empty()));
        let name = field.label.trim_end_matches(':');
        if field.required && !filled {
            return Err(format!("Fill in \"{name}\"."));
        }
        let list = matches!(field.kind, FieldKind::ListSingle | FieldKind::ListMulti);
        let known =
            |value: &String| value.is_empty() || field.options.iter().any(|option| option.value == *value);
        if list && !values.is_none_or(|values| values.iter().all(known)) {
            return Err(format!("Choose one of the options of \"{name}\"."));
        }
    }
    Ok(())
}

/// The identity that an anonymous customer names. Smack parses it as a JID, so it has to be one; one of somebody else
/// must not open that person's past chats, so none counts that may be an account: of the sender's domain or of ours.
fn named_user(named: Option<&str>, from: &FullJid) -> Option<BareJid> {
    let user = BareJid::new(named?).ok()?;
    (user != from.to_bare() && user.domain() != from.domain()).then_some(user)
}
