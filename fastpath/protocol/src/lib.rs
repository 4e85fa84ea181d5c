//! The workgroup protocol of Fastpath (Openfire, Spark), read and written for both ends: the agent's client and our
//! workgroup service.
//!
//! Each payload is a plain struct with `read(&Element)` and `element()`. Reading is strict about sizes and counts
//! ([`limits`]) and lenient about what real peers are known to do: elements are found in either namespace ([`WG`],
//! [`JWG`]), stamps are taken in all recorded forms ([`stamp`]), what we do not know is passed over. What is wrong says
//! [`Malformed`], without quoting the sender.
//!
//! Nothing here decides *who* may send something: check the sender first.

pub mod agent;
pub mod discovery;
pub mod error;
pub mod form;
pub mod history;
pub mod limits;
pub mod macros;
pub mod metadata;
pub mod offer;
pub mod queue;
pub mod room;
pub mod settings;
pub mod stamp;
pub mod text;

mod element;

pub use agent::{AgentEntry, AgentStatus, AgentStatusRequest, CurrentChat, MaxChats};
pub use discovery::{WorkgroupPresence, Workgroups, WorkgroupsRequest};
pub use error::{Condition, Malformed};
pub use form::{Field, FieldKind, Form, FormOption};
pub use history::{ChatNotes, ChatSession, Transcript, TranscriptEntry, Transcripts};
pub use macros::{MacroGroup, MacroItem};
pub use metadata::{Metadata, Session};
pub use offer::{Offer, OfferAnswer, OfferKind, OfferRef, OfferRevoke};
pub use queue::{
    DepartNotice, JoinQueue, NotifyQueue, NotifyQueueDetails, QueueState, QueueStatus, WaitingUser,
};
pub use room::{Handover, HandoverKind, HandoverRequest, Invitation, InvitationKind, OccupantsInfo};
pub use text::Hidden;

/// `http://jabber.org/protocol/workgroup`: queues, offers, agents' presence (XEP-0142 and what became of it).
pub const WG: &str = "http://jabber.org/protocol/workgroup";
/// `http://jivesoftware.com/protocol/workgroup`: metadata, settings, agents' tools.
pub const JWG: &str = "http://jivesoftware.com/protocol/workgroup";
/// Namespace of stanzas on a client's stream.
pub const CLIENT: &str = "jabber:client";
