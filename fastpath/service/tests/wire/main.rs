//! The service on the wire, in virtual time, against the recorded formats of a real Openfire and a real Spark.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod desk;
mod faults;
mod handovers;
mod normal;
mod office;
mod requests;
mod rooms;
mod survival;
mod traps;

use flint_fastpath_service::conformance::{MemoryJournal, check, check_reopened};

#[tokio::test]
async fn the_reference_journal_conforms() {
    let mut journal = MemoryJournal::new();
    check(&mut journal).await.unwrap();
    check_reopened(&mut journal.copy()).await.unwrap();
}
