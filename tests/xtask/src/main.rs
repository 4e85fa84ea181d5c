//! `cargo xtask`: everything that a developer runs. It builds with nothing but Rust, because it installs the rest.

mod display;
mod mutants;
mod setup;

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup                              install what is missing (Debian 12); the others call it when needed
  demo [--headless] [--check]        run the product: realm, window, console, a customer
  realm up [--server prosody|ejabberd] [--users N] [--agents N] [--roster N] [--load]
                                     run the test realm in the foreground
  test [tidy|unit|scenario|ui|e2e|peers]
                                     run the tests; all of them without an argument
  screens                            make the pictures of every screen in target/screens/
  bench [NAME] [--json]              measure, in a release build: sign-in, start, message, policy, desk, memory
  mutants [CRATE]                    put bugs into policy, routing, agent and capability gate; list what no test saw
  generate [--check]                 make (or compare) the files that come from admin-schema/policies

  --no-install                       with any command: never install anything, say what is missing";

/// What went wrong, one sentence for people.
type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let install = !arguments.iter().any(|argument| argument == "--no-install");
    arguments.retain(|argument| argument != "--no-install");
    match run(&arguments, install) {
        Ok(code) => code,
        Err(sentence) => {
            say(&format!("xtask: {sentence}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a line for the person at the terminal.
fn say(line: &str) {
    use std::io::Write as _;
    // A closed terminal is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn run(arguments: &[String], install: bool) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["setup"] => setup::run(install).map(|()| ExitCode::SUCCESS),
        ["demo", rest @ ..] => {
            if let Some(unknown) = rest.iter().find(|option| !matches!(**option, "--headless" | "--check")) {
                return Err(format!("unknown option {unknown}\n{USAGE}"));
            }
            let display = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
            if rest.is_empty() && !display {
                return Err(
                    "there is no display here. `cargo xtask demo --headless` plays the demo without one"
                        .to_owned(),
                );
            }
            setup::run(install)?;
            build(&[])?;
            replace(program("flint-story")?, ["demo"].iter().chain(rest))
        }
        ["realm", rest @ ..] => {
            setup::run(install)?;
            build(&[])?;
            replace(program("flint-realm")?, rest.iter())
        }
        ["test", rest @ ..] => test(rest, install),
        ["screens"] => {
            setup::run(install)?;
            build(&[])?;
            let folder = target()?.join("screens");
            std::fs::create_dir_all(&folder)
                .map_err(|error| format!("can't make {}: {error}", folder.display()))?;
            let screen = display::Display::start()?;
            let mut command = screen.command(&program("flint-screens")?);
            finish(command.arg(&folder), "flint-screens")?;
            say(&format!("pictures are in {}", folder.display()));
            Ok(ExitCode::SUCCESS)
        }
        ["bench", rest @ ..] => {
            setup::run(install)?;
            build(&["--release"])?;
            replace(target()?.join("release/flint-story"), ["bench"].iter().chain(rest))
        }
        ["mutants", rest @ ..] if rest.len() < 2 => mutants::run(rest.first().copied(), install),
        ["generate", rest @ ..] => {
            let mut command = cargo();
            command.args([
                "run",
                "--quiet",
                "--package",
                "flint-admin-schema",
                "--bin",
                "flint-generate",
                "--",
            ]);
            finish(command.args(rest), "flint-generate")?;
            Ok(ExitCode::SUCCESS)
        }
        [] | ["help" | "--help" | "-h"] => {
            say(USAGE);
            Ok(ExitCode::SUCCESS)
        }
        [unknown, ..] => Err(format!("there is no command {unknown}\n{USAGE}")),
    }
}

fn test(which: &[&str], install: bool) -> Result<ExitCode> {
    let selection: &[&str] = match which {
        [] => &[],
        ["tidy"] => &["--test", "tidy"],
        ["unit"] => &["--lib", "--bins"],
        ["scenario"] => &["--test", "scenarios", "--test", "restart"],
        ["ui"] => &["--test", "window"],
        ["e2e"] => &[
            "--test", "story", "--test", "doctor", "--test", "clients", "--test", "terminal", "--test",
            "realm", "--test", "refusals",
        ],
        ["peers"] => &["--test", "peers", "--test", "smack"],
        _ => return Err(USAGE.to_owned()),
    };
    setup::run(install)?;
    if matches!(which, [] | ["tidy"]) {
        finish(cargo().args(["fmt", "--all", "--check"]), "cargo fmt --all")?;
        let mut clippy = cargo();
        clippy.args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]);
        finish(&mut clippy, "cargo clippy")?;
    }
    // The tests start our programs, which `cargo test` alone would not build.
    build(&[])?;
    let screen = display::Display::start()?;
    let mut command = screen.command(Path::new(&cargo_program()));
    command.args(["test", "--workspace", "--no-fail-fast"]).args(selection);
    finish(command.current_dir(workspace()), "cargo test")?;
    Ok(ExitCode::SUCCESS)
}

/// Builds the whole workspace: one selection of packages, so that big crates are built once.
fn build(options: &[&str]) -> Result<()> {
    let first = !target()?.join("debug/flintd").exists();
    say(if first { "Building: the first time takes a few minutes" } else { "Building" });
    finish(cargo().args(["build", "--workspace"]).args(options), "cargo build")
}

fn cargo_program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn cargo() -> Command {
    let mut command = Command::new(cargo_program());
    command.current_dir(workspace());
    command
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The target folder: this program lies in its `debug` folder.
fn target() -> Result<PathBuf> {
    let program =
        std::env::current_exe().map_err(|error| format!("can't find the target folder: {error}"))?;
    program.ancestors().nth(2).map(Path::to_owned).ok_or_else(|| "can't find the target folder".to_owned())
}

fn program(name: &str) -> Result<PathBuf> {
    Ok(target()?.join("debug").join(name))
}

/// Runs a command to its end; its failure is ours.
fn finish(command: &mut Command, name: &str) -> Result<()> {
    let status = command.status().map_err(|error| format!("{name} can't be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})")) }
}

/// Becomes that program, which then gets Ctrl-C and the end of standard input itself.
fn replace<'a>(program: PathBuf, arguments: impl Iterator<Item = &'a &'a str>) -> Result<ExitCode> {
    let error = Command::new(&program).args(arguments).exec();
    Err(format!("{} can't be started: {error}", program.display()))
}
