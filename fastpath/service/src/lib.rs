//! The workgroup service: Fastpath's wire format around [`flint_fastpath_routing`].
//!
//! One task owns everything ([`run`]). A stanza becomes an event of the router, the event goes to the [`Journal`], and
//! only then do its effects leave: after `kill -9` the journal gives back the order of the queues, the join times, the
//! reservations and the timers. Where Fastpath has a bug we answer correctly; what a real Spark relies on is kept.

pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod journal;
pub mod link;
mod macros;
pub mod metrics;
pub mod run;
mod service;
mod xml;

pub use config::{
    ConfigProblem, FieldKind, FormField, FormOption, Macro, MacroGroup, OfflineSettings, QueueConfig,
    ServiceConfig, WorkgroupConfig,
};
pub use journal::{
    Journal, JournalError, JournalRecord, Line, LineKind, SessionAgent, SessionFilter, SessionSummary,
    Snapshot, Text,
};
pub use link::{Connect, Link};
pub use metrics::Metrics;
pub use run::{ServiceError, Surroundings, run, run_over};
