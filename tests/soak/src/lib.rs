//! The workgroup service in a world that goes wrong: routing, service and journal together, over a wire in the hand of
//! the test, in virtual time, with a crash wherever one is possible. What must always hold is looked at after each step.
//!
//! A run is its seed: the same seed plays the same steps.

mod disk;
mod observer;
mod rooms;
mod wire;
mod world;

pub use disk::{Disk, Plan};

use flint_fastpath_service::Journal;
use flint_fastpath_service::conformance::MemoryJournal;
use std::cell::Cell;

/// Steps of one world; then everybody is served and a new one begins.
const EPISODE: u64 = 400;

/// What was played.
#[derive(Debug, Default, Clone, Copy)]
pub struct Report {
    /// Steps.
    pub steps: u64,
    /// Customers who joined.
    pub visits: u64,
    /// Ends of the process, by signal or around a write.
    pub crashes: u64,
    /// Lost connections.
    pub cuts: u64,
    /// Stanzas of a wrong sender.
    pub forged: u64,
    /// Writes of the journal.
    pub writes: u64,
}

/// Something that must not be, and how to see it again.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Seed of the world.
    pub seed: u64,
    /// Steps that it was to have.
    pub steps: u64,
    /// What was to happen to its disk.
    pub plan: Plan,
    /// The step after which it was seen.
    pub step: u64,
    /// What.
    pub what: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, steps, plan, step, what } = self;
        write!(f, "{what} (after step {step}; see it again: ")?;
        if (*plan, *steps) == (Plan::Never, EPISODE) {
            write!(f, "flint-story bench soak --seed {seed} --steps 1)")
        } else {
            write!(f, "flint_test_soak::episode({seed}, {steps}, Plan::{plan:?}, MemoryJournal::new()))")
        }
    }
}

impl std::error::Error for Broken {}

/// Plays at least so many steps in worlds of `seed`, `seed + 1`, and so on.
///
/// # Errors
/// The first thing that must not be.
pub fn run(seed: u64, steps: u64) -> Result<Report, Broken> {
    let mut all = Report::default();
    let mut seed = seed;
    while all.steps < steps {
        let report = episode(seed, EPISODE, Plan::Never, MemoryJournal::new())?;
        all.steps += report.steps;
        all.visits += report.visits;
        all.crashes += report.crashes;
        all.cuts += report.cuts;
        all.forged += report.forged;
        all.writes += report.writes;
        seed = seed.wrapping_add(1);
    }
    Ok(all)
}

/// Plays one world on this journal, which is empty and whose clones share what is in it.
///
/// # Errors
/// The first thing that must not be.
///
/// # Panics
/// When no runtime can be made.
pub fn episode<J: Journal + Clone>(seed: u64, steps: u64, plan: Plan, journal: J) -> Result<Report, Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("the system has a timer");
    runtime.block_on(world::play(seed, steps, plan, journal))
}

/// Randomness that can be repeated (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0x5DEE_CE66)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    /// True in so many of a hundred cases.
    pub(crate) fn in_hundred(&mut self, cases: u64) -> bool {
        self.below(100) < cases
    }

    pub(crate) fn one_of<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.below(of.len() as u64)).unwrap_or(0);
        of.get(at)
    }
}

thread_local! {
    /// Seed of what the service takes for randomness.
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

pub(crate) fn seed_service(seed: u64) {
    RANDOM.set(seed);
}

/// The service's randomness.
pub(crate) fn random(bytes: &mut [u8]) -> bool {
    let mut dice = Dice(RANDOM.get());
    for byte in bytes {
        *byte = dice.roll().to_le_bytes()[0];
    }
    RANDOM.set(dice.0);
    true
}
