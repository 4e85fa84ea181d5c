//! The long run of the workgroup service through all its accidents.

use anyhow::Result;
use std::io::Write as _;
use std::time::Instant;

/// Plays so many steps from this seed on and prints what was played.
///
/// # Errors
/// What must not be, with the seed that shows it again.
pub fn run(seed: u64, steps: u64) -> Result<()> {
    let started = Instant::now();
    let report = flint_test_soak::run(seed, steps)?;
    writeln!(
        std::io::stdout(),
        "soak, seed {seed}: {} steps, {} visits, {} writes, {} crashes, {} lost connections, {} forged stanzas, \
         nobody lost or given away twice, {:.0} s ({})",
        report.steps,
        report.visits,
        report.writes,
        report.crashes,
        report.cuts,
        report.forged,
        started.elapsed().as_secs_f64(),
        if cfg!(debug_assertions) { "debug" } else { "release" },
    )?;
    Ok(())
}
