//! `flint-realm up`: the test realm in the foreground, described by one JSON line on standard output.

use anyhow::{Context, Result, bail};
use flint_test_realm::prosody::Extras;
use flint_test_realm::{Options, Realm};
use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str =
    "usage: flint-realm up [--server prosody|ejabberd] [--users N] [--agents N] [--roster N] [--load]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "realm: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let options = parse(std::env::args().skip(1))?;
    // When whoever started us dies without a word, we are told and end as on Ctrl-C.
    let parent = rustix::process::getppid();
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    if rustix::process::getppid() != parent {
        bail!("whoever started the realm has ended");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = |kind| anyhow::Ok(signal(kind)?);
    let (mut interrupt, mut terminate, mut hangup) = runtime.block_on(async {
        anyhow::Ok((end(SignalKind::interrupt())?, end(SignalKind::terminate())?, end(SignalKind::hangup())?))
    })?;
    let (closed, input_closed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut buffer = [0; 256];
        while matches!(input.read(&mut buffer), Ok(length) if length > 0) {}
        let _ = closed.send(());
    });
    let mut realm = Realm::start(&options, &mut |step| {
        let _ = writeln!(std::io::stderr(), "realm: {step}");
    })?;
    writeln!(std::io::stdout(), "{}", realm.report()).context("nobody reads the realm's standard output")?;
    std::io::stdout().flush()?;
    runtime.block_on(async {
        let watch = async {
            let mut look = tokio::time::interval(Duration::from_millis(500));
            let mut told = Vec::new();
            loop {
                look.tick().await;
                realm.tell_ended(&mut told);
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = input_closed => {}
            () = watch => {}
        }
    });
    drop(realm);
    Ok(())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    if arguments.next().as_deref() != Some("up") {
        bail!("{USAGE}");
    }
    let flintd = std::env::current_exe()?.with_file_name("flintd");
    let mut options = Options { users: 200, agents: 3, flintd, extras: Extras::default() };
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{option} needs a value\n{USAGE}"));
        match option.as_str() {
            "--users" => options.users = value()?.parse().context("--users takes a number")?,
            "--agents" => options.agents = value()?.parse().context("--agents takes a number")?,
            "--roster" => options.extras.roster = value()?.parse().context("--roster takes a number")?,
            "--load" => options.extras.load = true,
            "--server" => match value()?.as_str() {
                "prosody" => {}
                "ejabberd" => bail!("the realm has no ejabberd yet; use --server prosody"),
                other => bail!("unknown server {other}\n{USAGE}"),
            },
            _ => bail!("unknown option {option}\n{USAGE}"),
        }
    }
    Ok(options)
}
