//! A customer's way into a queue and out of it, and how agents see the queues.

use crate::element::{
    child, child_text, children, empty, expect, is, jid_attr, leaf, name, need_text, number,
};
use crate::error::Malformed;
use crate::metadata::{Metadata, Session, user, user_inside};
use crate::{WG, form, limits, stamp};
use jid::Jid;
use minidom::Element;

/// `<join-queue/>`: a customer asks for help.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JoinQueue {
    /// Wants to hear how the queue moves.
    pub notifications: bool,
    /// Identity under which chats are filed, when it is not the JID.
    pub user: Option<String>,
    /// The form, or metadata, or both: a form's field wins over metadata of the same name.
    pub answers: Metadata,
}

impl JoinQueue {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "join-queue")?;
        let mut answers = child(element, "metadata").map(Metadata::read).transpose()?.unwrap_or_default();
        if let Some(form) = element.get_child("x", "jabber:x:data") {
            for (name, values) in form::read_submission(form)?.entries() {
                answers.set(name.clone(), values.clone());
            }
        }
        answers.check()?;
        Ok(Self {
            notifications: child(element, "queue-notifications").is_some(),
            user: user_inside(element)?,
            answers,
        })
    }

    /// The element to send, with a form.
    pub fn element(&self) -> Element {
        Element::builder("join-queue", WG)
            .append_all(self.notifications.then(|| empty("queue-notifications", WG)))
            .append_all(self.user.as_deref().map(user))
            .append(form::submission(&self.answers))
            .build()
    }
}

/// `<queue-status/>`: where a customer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueStatus {
    /// Place, the first is 1.
    pub position: u32,
    /// Seconds that it may take, if known.
    pub time_s: Option<u32>,
    /// The chat to be.
    pub session: Option<Session>,
}

impl QueueStatus {
    /// The poll.
    pub fn request() -> Element {
        empty("queue-status", WG)
    }

    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "queue-status")?;
        Ok(Self {
            position: number(&need_text(element, "position", 20)?, "position")?,
            time_s: seconds(element)?,
            session: Session::inside(element)?,
        })
    }

    /// The element to send. An unknown time is written as 0, since clients expect one.
    pub fn element(&self) -> Element {
        Element::builder("queue-status", WG)
            .append(leaf("time", WG, &self.time_s.unwrap_or(0).to_string()))
            .append(leaf("position", WG, &self.position.to_string()))
            .append_all(self.session.as_ref().map(Session::element))
            .build()
    }
}

/// `<depart-queue/>` as a message to the customer: no longer waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepartNotice {
    /// The customer asked.
    Requested,
    /// Nobody was found.
    AgentNotFound,
}

impl DepartNotice {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "depart-queue")?;
        if child(element, "agent-not-found").is_some() {
            Ok(Self::AgentNotFound)
        } else if child(element, "departure-requested").is_some() {
            Ok(Self::Requested)
        } else {
            Err(Malformed::Missing("departure-requested"))
        }
    }

    /// The element to send.
    pub fn element(self) -> Element {
        let reason = match self {
            Self::Requested => "departure-requested",
            Self::AgentNotFound => "agent-not-found",
        };
        Element::builder("depart-queue", WG).append(empty(reason, WG)).build()
    }
}

/// The customer's request to leave the queue: an empty `<depart-queue/>`.
pub fn depart_request() -> Element {
    empty("depart-queue", WG)
}

/// Is this the request to leave the queue? With the JID in it when an agent asks for a customer (XEP-0142 §5.3).
pub fn read_depart_request(element: &Element) -> Result<Option<Jid>, Malformed> {
    expect(element, "depart-queue")?;
    match child_text(element, "jid", limits::JID)? {
        Some(jid) if !jid.is_empty() => crate::element::jid(&jid, "jid").map(Some),
        _ => Ok(None),
    }
}

/// State of a queue as agents see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueState {
    /// Takes customers.
    Open,
    /// Takes no more, some still wait.
    Active,
    /// Would take customers, but no agent is free (Smack knows no such word).
    Ready,
    /// Closed; also any word that we do not know.
    Closed,
}

impl QueueState {
    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Active => "active",
            Self::Ready => "ready",
            Self::Closed => "closed",
        }
    }

    fn read(word: &str) -> Self {
        match word {
            "open" => Self::Open,
            "active" => Self::Active,
            "ready" => Self::Ready,
            _ => Self::Closed,
        }
    }
}

/// `<notify-queue/>`: figures of one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyQueue {
    /// Customers waiting.
    pub count: u32,
    /// When the first came (milliseconds).
    pub oldest: Option<i64>,
    /// Average wait in seconds.
    pub time_s: Option<u32>,
    /// State.
    pub state: QueueState,
}

impl NotifyQueue {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "notify-queue")?;
        let count = child_text(element, "count", 20)?.filter(|text| !text.is_empty());
        let oldest = child_text(element, "oldest", 64)?.filter(|text| !text.is_empty());
        Ok(Self {
            count: count.map(|text| number(&text, "count")).transpose()?.unwrap_or(0),
            oldest: oldest.map(|text| stamp::read(&text).ok_or(Malformed::BadValue("oldest"))).transpose()?,
            time_s: seconds(element)?,
            state: QueueState::read(&child_text(element, "status", 64)?.unwrap_or_default()),
        })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("notify-queue", WG)
            .append(leaf("count", WG, &self.count.to_string()))
            .append_all(self.oldest.map(|at| leaf("oldest", WG, &stamp::legacy(at))))
            .append(leaf("time", WG, &self.time_s.unwrap_or(0).to_string()))
            .append(leaf("status", WG, self.state.name()))
            .build()
    }
}

/// One customer in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingUser {
    /// Who.
    pub jid: Jid,
    /// Place, the first is **0** here.
    pub position: u32,
    /// Seconds that it may take.
    pub time_s: Option<u32>,
    /// Since when (milliseconds).
    pub joined: Option<i64>,
}

/// `<notify-queue-details/>`: everybody in one queue; always the whole list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotifyQueueDetails {
    /// Customers in order.
    pub users: Vec<WaitingUser>,
}

impl NotifyQueueDetails {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "notify-queue-details")?;
        let users = children(element, "user", limits::ROWS)?
            .into_iter()
            .map(|user| {
                let joined = child_text(user, "join-time", 64)?.filter(|text| !text.is_empty());
                Ok(WaitingUser {
                    jid: jid_attr(user, "jid")?.ok_or(Malformed::Missing("jid"))?,
                    position: number(&need_text(user, "position", 20)?, "position")?,
                    time_s: seconds(user)?,
                    joined: joined
                        .map(|text| stamp::read(&text).ok_or(Malformed::BadValue("join-time")))
                        .transpose()?,
                })
            })
            .collect::<Result<_, Malformed>>()?;
        Ok(Self { users })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("notify-queue-details", WG)
            .append_all(self.users.iter().map(|user| {
                Element::builder("user", WG)
                    .attr(name!("jid"), user.jid.to_string())
                    .append(leaf("position", WG, &user.position.to_string()))
                    .append(leaf("time", WG, &user.time_s.unwrap_or(0).to_string()))
                    .append_all(user.joined.map(|at| leaf("join-time", WG, &stamp::legacy(at))))
                    .build()
            }))
            .build()
    }
}

/// The queue's part of a presence, if it carries one: figures and details come in presences of their own.
pub fn is_queue_presence(presence: &Element) -> bool {
    presence.children().any(|child| is(child, "notify-queue") || is(child, "notify-queue-details"))
}

/// `<time/>` in seconds. Openfire's averages may be negative after a clock change: that is none.
fn seconds(element: &Element) -> Result<Option<u32>, Malformed> {
    match child_text(element, "time", 20)? {
        Some(text) if !text.is_empty() => Ok(u32::try_from(number::<i64>(&text, "time")?).ok()),
        _ => Ok(None),
    }
}
