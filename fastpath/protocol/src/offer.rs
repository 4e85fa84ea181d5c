//! Offers: a customer for an agent, taken, declined, taken back.

use crate::element::{
    attr, child, child_text, empty, expect, jid_attr, leaf, name, need_attr, need_text, number,
};
use crate::error::Malformed;
use crate::metadata::{Metadata, Session, user, user_inside};
use crate::room::{Handover, HandoverKind};
use crate::text::clean;
use crate::{WG, limits};
use jid::Jid;
use minidom::Element;

/// What an offer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferKind {
    /// A customer who waits.
    Customer,
    /// Join the running chat of a colleague.
    Invitation(Handover),
    /// Take over the running chat of a colleague.
    Transfer(Handover),
}

/// `<offer/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Request id, the handle for the answer.
    pub id: String,
    /// The customer.
    pub customer: Jid,
    /// What the customer filled in.
    pub metadata: Metadata,
    /// Seconds to answer; 0 or less: over already.
    pub timeout_s: i64,
    /// The chat; its id differs from `id` unless the kind is `Customer`.
    pub session: Session,
    /// Kind.
    pub kind: OfferKind,
    /// Identity of an anonymous customer.
    pub user: Option<String>,
}

impl Offer {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "offer")?;
        let kind = if let Some(invite) = child(element, "invite") {
            OfferKind::Invitation(Handover::read(invite)?)
        } else if let Some(transfer) = child(element, "transfer") {
            OfferKind::Transfer(Handover::read(transfer)?)
        } else {
            OfferKind::Customer
        };
        let id = need_attr(element, "id", limits::ID)?;
        let session = match Session::inside(element)? {
            Some(session) => session,
            None if kind == OfferKind::Customer => Session { id: id.clone(), workgroup: None },
            None => return Err(Malformed::Missing("session")),
        };
        Ok(Self {
            id,
            customer: jid_attr(element, "jid")?.ok_or(Malformed::Missing("jid"))?,
            metadata: child(element, "metadata").map(Metadata::read).transpose()?.unwrap_or_default(),
            timeout_s: number(&need_text(element, "timeout", 20)?, "timeout")?,
            session,
            kind,
            user: user_inside(element)?,
        })
    }

    /// The element to send, its parts in the order of Openfire.
    pub fn element(&self) -> Element {
        let kind = match &self.kind {
            OfferKind::Customer => empty("user-request", WG),
            OfferKind::Invitation(handover) => handover.element("invite", &self.metadata),
            OfferKind::Transfer(handover) => handover.element("transfer", &self.metadata),
        };
        Element::builder("offer", WG)
            .attr(name!("id"), clean(&self.id))
            .attr(name!("jid"), self.customer.to_string())
            .append(self.metadata.element())
            .append(leaf("timeout", WG, &self.timeout_s.to_string()))
            .append(self.session.element())
            .append(kind)
            .append_all(self.user.as_deref().map(user))
            .build()
    }
}

/// Which offer is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferRef {
    /// By request id; Spark sends the session's id instead.
    Id(String),
    /// By customer (an old form).
    Customer(Jid),
}

/// `<offer-accept/>` or `<offer-reject/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferAnswer {
    /// Taken, or declined.
    pub accept: bool,
    /// Which.
    pub offer: OfferRef,
}

impl OfferAnswer {
    /// Reads the element. An answer that names no offer is refused.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        let accept = crate::element::is(element, "offer-accept");
        if !accept {
            expect(element, "offer-reject")?;
        }
        let offer = match attr(element, "id", limits::ID)? {
            Some(id) => OfferRef::Id(id),
            None => OfferRef::Customer(jid_attr(element, "jid")?.ok_or(Malformed::Missing("id"))?),
        };
        Ok(Self { accept, offer })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        let name = if self.accept { "offer-accept" } else { "offer-reject" };
        let (id, jid) = match &self.offer {
            OfferRef::Id(id) => (Some(clean(id)), None),
            OfferRef::Customer(jid) => (None, Some(jid.to_string())),
        };
        Element::builder(name, WG).attr(name!("id"), id).attr(name!("jid"), jid).build()
    }
}

/// `<offer-revoke/>`: too late, or the customer left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferRevoke {
    /// Request id.
    pub id: String,
    /// The customer.
    pub customer: Option<Jid>,
    /// Fixed English: one of the constants here, or anything else from another server.
    pub reason: String,
    /// The chat.
    pub session: Option<Session>,
    /// Identity of an anonymous customer.
    pub user: Option<String>,
}

impl OfferRevoke {
    /// The customer left. Openfire says the same.
    pub const CUSTOMER_GONE: &str = "User canceled";
    /// The time is over. Openfire says it also to those of a round who were slower than a colleague.
    pub const TIMED_OUT: &str = "The offer has timed out";
    /// The agent went away, or the workgroup changed.
    pub const WITHDRAWN: &str = "The offer was withdrawn";

    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "offer-revoke")?;
        Ok(Self {
            id: need_attr(element, "id", limits::ID)?,
            customer: jid_attr(element, "jid")?,
            reason: child_text(element, "reason", limits::TEXT)?.unwrap_or_default(),
            session: Session::inside(element)?,
            user: user_inside(element)?,
        })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("offer-revoke", WG)
            .attr(name!("id"), clean(&self.id))
            .attr(name!("jid"), self.customer.as_ref().map(ToString::to_string))
            .append(leaf("reason", WG, &self.reason))
            .append_all(self.session.as_ref().map(Session::element))
            .append_all(self.user.as_deref().map(user))
            .build()
    }
}

impl HandoverKind {
    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Queue => "queue",
            Self::Workgroup => "workgroup",
        }
    }

    /// Reads the word.
    pub fn read(word: Option<&str>) -> Result<Self, Malformed> {
        match word {
            Some("user") => Ok(Self::User),
            Some("queue") => Ok(Self::Queue),
            Some("workgroup") => Ok(Self::Workgroup),
            Some(_) => Err(Malformed::BadValue("type")),
            None => Err(Malformed::Missing("type")),
        }
    }
}
