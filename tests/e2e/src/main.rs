//! `flint-story`: the demo by hand, or the whole story without a display.

use anyhow::{Context, Result, bail};
use flint_test_e2e::{bench, demo, soak};
use std::process::ExitCode;

const USAGE: &str = "usage: flint-story demo [--headless] [--check] | bench [NAME] [--json] \
                     | bench soak [--seed N] [--steps N]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            demo::say(&format!("demo: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    // When the terminal or xtask dies, so do we; what we started ends with us.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let program = std::env::current_exe()?;
    let programs = program.parent().context("this program lies in no folder")?;
    match words.as_slice() {
        ["demo"] => demo::by_hand(programs),
        ["demo", options @ ..]
            if options.iter().all(|option| matches!(*option, "--headless" | "--check")) =>
        {
            let target = programs.parent().context("no target folder")?;
            demo::play(programs, &target.join("demo"))
        }
        ["bench", "soak", options @ ..] => {
            let (mut seed, mut steps) = (1, 1_000_000);
            for pair in options.chunks(2) {
                match pair {
                    ["--seed", number] => seed = number.parse().context("--seed takes a number")?,
                    ["--steps", number] => steps = number.parse().context("--steps takes a number")?,
                    _ => bail!("{USAGE}"),
                }
            }
            soak::run(seed, steps)
        }
        ["bench", options @ ..] => {
            let names: Vec<&str> = options.iter().copied().filter(|option| *option != "--json").collect();
            match names.as_slice() {
                [] | [_] => bench::run(programs, names.first().copied(), options.contains(&"--json")),
                _ => bail!("{USAGE}"),
            }
        }
        _ => bail!("{USAGE}"),
    }
}
