//! Figures, measured in the realm and stated beside those of a peer in the same run.

use crate::demo::{cli, say};
use crate::driver::Driver;
use crate::realm::Realm;
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;

/// All benchmarks by name.
const NAMES: [&str; 1] = ["sign-in"];

/// Runs the benchmark `name`, or all; prints text, or one JSON line per benchmark.
pub fn run(programs: &Path, name: Option<&str>, as_json: bool) -> Result<()> {
    if let Some(name) = name
        && !NAMES.contains(&name)
    {
        bail!("there is no benchmark {name}; there is {}", NAMES.join(", "));
    }
    let realm = Realm::start(programs)?;
    let result = sign_in(&realm)?;
    let line = if as_json {
        result.to_string()
    } else {
        format!(
            "sign-in, program start to online, median of {ROUNDS}: flint-cli by ticket {} ms, slixmpp by password {} ms, ratio {}",
            result["ours_ms"], result["peer_ms"], result["ratio"]
        )
    };
    writeln!(std::io::stdout(), "{line}")?;
    realm.stop();
    Ok(())
}

/// From the start of the program to "online", with 200 people in the roster, beside slixmpp.
fn sign_in(realm: &Realm) -> Result<Value> {
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        say(&format!("sign-in: round {} of {ROUNDS}", round + 1));
        let started = Instant::now();
        let mut client = Driver::start("flint-cli", cli(realm, "ann")?.args(["run", "--json"]))?;
        client.wait("our sign-in", |line| is_online(line).then_some(()))?;
        ours.push(started.elapsed());
        drop(client);
        let started = Instant::now();
        let peer = realm.peer("bob")?;
        peers.push(started.elapsed());
        drop(peer);
    }
    let (ours, peer) = (median(ours), median(peers));
    let milliseconds = |time: Duration| (time.as_secs_f64() * 1e4).round() / 10.0;
    Ok(json!({
        "format": 1,
        "benchmark": "sign-in",
        "rounds": ROUNDS,
        "ours_ms": milliseconds(ours),
        "peer": "slixmpp",
        "peer_ms": milliseconds(peer),
        "ratio": (ours.as_secs_f64() / peer.as_secs_f64() * 1000.0).round() / 1000.0,
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
    }))
}

fn is_online(line: &Value) -> bool {
    line.pointer("/tell/update/state") == Some(&json!("online"))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
