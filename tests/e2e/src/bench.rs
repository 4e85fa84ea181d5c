//! Figures, measured in the realm and stated beside their aims; where there is a peer, in the same run.
//!
//! A slow machine is no fault: only what is lost or wrong fails a benchmark.

mod desk;
mod figure;
mod process;
mod rest;
mod start;
mod talk;
mod window;

use anyhow::{Result, bail};
use figure::Figures;
use std::path::Path;

type Benchmark = (&'static str, fn(&Path, &mut Figures) -> Result<()>);

/// All benchmarks in order.
const BENCHMARKS: [Benchmark; 6] = [
    ("sign-in", start::sign_in),
    ("start", start::window),
    ("message", talk::message),
    ("policy", talk::policy),
    ("desk", desk::desk),
    ("memory", rest::memory),
];

/// Runs the benchmark `name`, or all; prints text, or one JSON line per figure.
///
/// # Errors
/// Something was lost or wrong, or could not be measured. A missed aim is none.
pub fn run(programs: &Path, name: Option<&str>, as_json: bool) -> Result<()> {
    if let Some(name) = name
        && !BENCHMARKS.iter().any(|(known, _)| *known == name)
    {
        let names: Vec<&str> = BENCHMARKS.iter().map(|(name, _)| *name).collect();
        bail!("there is no benchmark {name}; there are {}", names.join(", "));
    }
    let mut problems = Vec::new();
    for (benchmark, measure) in BENCHMARKS {
        if name.is_none_or(|name| name == benchmark)
            && let Err(error) = measure(programs, &mut Figures::new(benchmark, as_json))
        {
            problems.push(format!("{benchmark}: {error:#}"));
        }
    }
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join("\n")) }
}
