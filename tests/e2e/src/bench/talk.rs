//! One message between two people, and one policy from the console to the client.

use super::figure::{Aim, Figures, quantile};
use super::start::is_online;
use crate::demo::{cli, say};
use crate::driver::Driver;
use crate::realm::Realm;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

const MESSAGES: usize = 200;
const PUBLICATIONS: usize = 30;

fn client(realm: &Realm, user: &str) -> Result<Driver> {
    let mut client = Driver::start("flint-cli", cli(realm, user)?.args(["run", "--json"]))?;
    client.wait("the sign-in", |line| is_online(line).then_some(()))?;
    Ok(client)
}

/// The command is given at Ann's until the update that shows it has left Bob's client.
pub(super) fn message(programs: &Path, figures: &mut Figures) -> Result<()> {
    let realm = Realm::start(programs)?;
    let (mut ann, mut bob) = (client(&realm, "ann")?, client(&realm, "bob")?);
    let conversation = json!({ "kind": "person", "jid": realm.jid("bob") });
    let opened = json!({ "kind": "person", "jid": realm.jid("ann") });
    let ask = |command: Value| json!({ "to": "core", "ask": { "area": "chat", "command": command } });
    bob.tell(&ask(json!({ "do": "open", "conversation": opened })))?;
    say(&format!("message: {MESSAGES} messages"));
    let mut times = Vec::new();
    for number in 0..MESSAGES {
        let text = format!("number {number} of the measurement");
        let started = Instant::now();
        ann.tell(&ask(json!({ "do": "send", "conversation": conversation, "body": text })))?;
        bob.wait(&text, |line| (line["from"] == "core" && line.to_string().contains(&text)).then_some(()))
            .with_context(|| format!("message {number} was lost"))?;
        times.push(started.elapsed());
    }
    drop((ann, bob));
    realm.stop();
    figures.time("sent to shown at the peer, p50", quantile(&times, 0.5), Aim::Most(20.0))?;
    figures.time("sent to shown at the peer, p99", quantile(&times, 0.99), Aim::None)
}

/// The form of the console is posted until the client's permissions have changed.
pub(super) fn policy(programs: &Path, figures: &mut Figures) -> Result<()> {
    let realm = Realm::start(programs)?;
    let mut ann = client(&realm, "ann")?;
    let mut console = realm.console()?;
    say(&format!("policy: {PUBLICATIONS} publications"));
    let mut times = Vec::new();
    for round in 0..PUBLICATIONS {
        let value = if round % 2 == 0 { "off" } else { "on" };
        let command = json!({
            "do": "publish", "for": "support", "policy": "ContactAddingAllowed", "value": value,
        });
        // Two pages are read and the preview is made before the publication, which the time includes.
        let started = Instant::now();
        console.tell(&command)?;
        ann.wait("the policy", |line| {
            let capabilities = (line["tell"]["area"] == "capabilities").then(|| line.to_string())?;
            (capabilities.contains("\"policy\":\"ContactAddingAllowed\"") == (value == "off")).then_some(())
        })
        .with_context(|| format!("publication {round} did not arrive"))?;
        times.push(started.elapsed());
        console.wait("the console's answer", |line| (line["ok"] == json!(true)).then_some(()))?;
    }
    drop((ann, console));
    realm.stop();
    figures.time("publish to locked, p50", quantile(&times, 0.5), Aim::None)?;
    figures.time("publish to locked, p99", quantile(&times, 0.99), Aim::Most(2_000.0))
}
