//! Tests that share one realm: steps in order, all of them played, every failure named.

use crate::programs;
use crate::realm::Realm;
use anyhow::Result;

/// What is played in a realm, with its name.
pub type Step = (&'static str, fn(&Realm) -> Result<()>);

/// Plays all steps in one realm, in order on this thread, to which the realm is bound.
///
/// # Panics
/// At the end, naming every step that failed.
pub fn play(steps: &[Step]) {
    let realm = Realm::start(&programs()).expect("the realm starts");
    let failures: Vec<String> = steps
        .iter()
        .filter_map(|(name, step)| step(&realm).err().map(|error| format!("{name}: {error:#}")))
        .collect();
    realm.stop();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// What a run of a program has led to.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub words: String,
}
