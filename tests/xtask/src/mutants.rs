//! `cargo xtask mutants`: cargo-mutants over the crates in which a wrong branch means a wrong right or a lost customer.

use crate::{Result, cargo, finish, say, target, workspace};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

const VERSION: &str = "27.1.0";

/// Crate by its short name, and the files of it that are changed on purpose (none: all).
const CRATES: [(&str, &str, &[&str]); 4] = [
    ("policy", "flint-policy", &[]),
    ("routing", "flint-fastpath-routing", &[]),
    ("agent", "flint-fastpath-agent", &[]),
    ("core", "flint-core", &["client/core/src/capability.rs", "client/core/src/capability/*.rs"]),
];

/// Exit codes of cargo-mutants that mean it ran to its end: all caught, some missed, some timed out.
const FINISHED: [i32; 3] = [0, 2, 3];

/// Runs it over one crate or all; what survives is in `target/mutants/CRATE/mutants.out`.
pub(crate) fn run(only: Option<&str>, install: bool) -> Result<ExitCode> {
    let chosen: Vec<_> = CRATES.iter().filter(|(name, ..)| only.is_none_or(|only| only == *name)).collect();
    if chosen.is_empty() {
        return Err(format!("mutants knows {}", CRATES.map(|(name, ..)| name).join(", ")));
    }
    let program = program(install)?;
    let mut survived = false;
    for (name, package, files) in chosen {
        let out = target()?.join("mutants").join(name);
        std::fs::create_dir_all(&out).map_err(|error| format!("can't make {}: {error}", out.display()))?;
        say(&format!("{name}: results are in {}", out.display()));
        let mut command = Command::new(&program);
        command.args(["mutants", "--package", package, "--output"]).arg(&out);
        for file in *files {
            command.args(["--file", file]);
        }
        let status = command
            .current_dir(workspace())
            .status()
            .map_err(|error| format!("cargo-mutants can't be started: {error}"))?;
        match status.code() {
            Some(code) if FINISHED.contains(&code) => survived |= code != 0,
            _ => return Err(format!("cargo-mutants failed ({status})")),
        }
    }
    Ok(if survived { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// cargo-mutants in a folder of ours, installed at the first use.
fn program(install: bool) -> Result<PathBuf> {
    let root = target()?.join("tools");
    let program = root.join("bin/cargo-mutants");
    if !program.exists() {
        let wanted =
            format!("cargo install cargo-mutants --locked --version {VERSION} --root {}", root.display());
        if !install {
            return Err(format!("cargo-mutants is missing: {wanted}"));
        }
        say(&format!("Installing cargo-mutants {VERSION}"));
        let mut command = cargo();
        command.args(["install", "cargo-mutants", "--locked", "--version", VERSION, "--root"]).arg(&root);
        finish(&mut command, "cargo install cargo-mutants")?;
    }
    Ok(program)
}
