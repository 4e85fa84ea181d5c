//! Queues and dispatch of a support service as a pure state machine.
//!
//! [`Router::handle`] takes one [`Event`] and the present time and returns [`Decision`]s. It does no I/O, reads no clock
//! and draws no random number, so the journal of its events *is* its state: replaying the same [`Record`]s gives the
//! same order, join times, reservations and timers.
//!
//! What it promises, and what its tests hold it to:
//! * at most one agent holds a customer, and a customer is never offered to two agents at once;
//! * nobody who joined is lost: each is waiting, offered, reserved, chatting, or was ended with a reason;
//! * customers are offered strictly by priority and then by the time at which they joined, whatever happened in between;
//! * an accept that comes too late loses, in exactly one reply.

pub mod config;
pub mod decision;
pub mod event;
pub mod router;

pub use config::{Condition, QueueRouting, RoutingConfig, WorkgroupRouting};
pub use decision::{Decision, EndReason, HandoverFailure, LostReason, Reply, RevokeReason};
pub use event::{
    Answers, Event, HandoverRequest, HandoverTarget, Record, SessionId, Timer, Timestamp, Words,
    WorkgroupName,
};
pub use router::{AgentView, CustomerView, Handover, Phase, QueueView, Router, WorkgroupState};
