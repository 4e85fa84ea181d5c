//! flint-cli as somebody uses it at a terminal and in scripts: what it promises it keeps, what fails it says.
//!
//! One realm serves all steps, which run in order on one thread, to which the realm is bound.

use anyhow::{Context as _, Result, ensure};
use flint_test_e2e::driver::{Driver, PATIENCE, bound_command};
use flint_test_e2e::realm::Realm;
use flint_test_e2e::steps::{self, Ended, Step};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const STEPS: [Step; 7] = [
    (
        "what is sent without a connection is kept and sent",
        what_is_sent_without_a_connection_is_kept_and_sent,
    ),
    ("commands are carried out before the end", commands_are_carried_out_before_the_end),
    ("without a connection the end says what waits", without_a_connection_the_end_says_what_waits),
    ("a room that is none is named", a_room_that_is_none_is_named),
    ("a bad line is one bad line", a_bad_line_is_one_bad_line),
    ("nobody reads any more", nobody_reads_any_more),
    ("without a ticket the only account is meant", without_a_ticket_the_only_account_is_meant),
];

#[test]
fn flint_cli_at_a_terminal() {
    steps::play(&STEPS);
}

fn command(realm: &Realm, user: &str, state: &str, arguments: &[&str]) -> Result<Command> {
    let mut command = bound_command(realm.program("flint-cli"));
    command.args(realm.client_options(&realm.state(state)?)).args(arguments);
    realm.ticket(&mut command, user);
    Ok(command)
}

/// Runs flint-cli to its end with these bytes on its standard input.
fn cli(realm: &Realm, user: &str, state: &str, arguments: &[&str], input: &[u8]) -> Result<Ended> {
    let mut command = command(realm, user, state, arguments)?;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // Who reads nothing ends before all is written.
    let _ = child.stdin.take().context("it is piped")?.write_all(input);
    let output = child.wait_with_output()?;
    Ok(Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout)?,
        words: String::from_utf8(output.stderr)?,
    })
}

/// A port at which nobody listens.
fn closed_port() -> Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string())
}

fn say(to: &str, text: &str) -> String {
    let conversation = json!({ "kind": "person", "jid": to });
    let send = json!({ "do": "send", "conversation": conversation, "body": text });
    json!({ "to": "core", "ask": { "area": "chat", "command": send } }).to_string()
}

fn hears(peer: &mut Driver, text: &str) -> Result<()> {
    peer.wait(text, |line: &Value| {
        let xml = line["xml"].as_str()?;
        (line["event"] == "stanza" && xml.contains("<body") && xml.contains(text)).then_some(())
    })
}

fn what_is_sent_without_a_connection_is_kept_and_sent(realm: &Realm) -> Result<()> {
    let mut bob = realm.peer("bob")?;
    let (port, to) = (closed_port()?, realm.jid("bob"));
    let nobody = ["--host", "127.0.0.1", "--port", &port, "send", &to, "Kept for later", "--timeout", "2"];
    let ended = cli(realm, "ann", "kept", &nobody, b"")?;
    ensure!(ended.code == Some(4) && ended.words.contains("kept and sent at the next start"), "{ended:?}");
    ensure!(ended.words.contains("refuses connections"), "the cause is not named: {ended:?}");
    let found = cli(realm, "ann", "kept", &["history", "search", "later"], b"")?;
    ensure!(found.code == Some(0) && found.out.contains("You: Kept for [later]"), "{found:?}");

    let ended = cli(realm, "ann", "kept", &["send", &realm.jid("lea"), "Another one"], b"")?;
    ensure!(ended.code == Some(0), "{ended:?}");
    hears(&mut bob, "Kept for later")?;

    // A room must be entered first: what was written for it is not kept, and nobody says so.
    let room = format!("facility@{}", realm.text("conference"));
    let nobody = ["--host", "127.0.0.1", "--port", &port, "send", "--room", &room, "x", "--timeout", "2"];
    let ended = cli(realm, "ann", "kept", &nobody, b"")?;
    ensure!(ended.code == Some(4) && ended.words.contains("was not sent"), "{ended:?}");
    ensure!(!ended.words.contains("next start"), "{ended:?}");
    Ok(())
}

fn commands_are_carried_out_before_the_end(realm: &Realm) -> Result<()> {
    let mut bob = realm.peer("bob")?;
    let to = realm.jid("bob");
    let lines = format!("{}\n{}", say(&to, "First of the pipe"), say(&to, "Last of the pipe"));
    let ended = cli(realm, "ann", "pipe", &["run", "--json"], lines.as_bytes())?;
    ensure!(ended.code == Some(0) && ended.words.is_empty(), "{ended:?}");
    ensure!(ended.out.trim_end().ends_with(r#"{"from":"ended"}"#), "{ended:?}");
    hears(&mut bob, "First of the pipe")?;
    hears(&mut bob, "Last of the pipe")
}

fn without_a_connection_the_end_says_what_waits(realm: &Realm) -> Result<()> {
    let wrong = realm.dir.join("wrong-password");
    std::fs::write(&wrong, "not the password")?;
    let (ann, wrong) = (realm.jid("ann"), wrong.display().to_string());
    let refused = ["--account", &ann, "--password-file", &wrong, "run", "--json"];
    let line = say(&realm.jid("bob"), "Waits for a good password");
    let ended = cli(realm, "ann", "waits", &refused, line.as_bytes())?;
    ensure!(ended.code == Some(3) && ended.words.contains("1 message"), "{ended:?}");
    ensure!(ended.words.contains("(not-authorized)"), "{ended:?}");
    let mut bob = realm.peer("bob")?;
    let ended = cli(realm, "ann", "waits", &["send", &realm.jid("lea"), "Now it can go"], b"")?;
    ensure!(ended.code == Some(0), "{ended:?}");
    hears(&mut bob, "Waits for a good password")
}

fn a_room_that_is_none_is_named(realm: &Realm) -> Result<()> {
    let to = realm.jid("bob");
    let ended = cli(realm, "ann", "room", &["send", "--room", &to, "hi", "--timeout", "4"], b"")?;
    ensure!(matches!(ended.code, Some(1 | 4)) && ended.words.contains(&to), "{ended:?}");
    ensure!(ended.words.contains("was not sent") && !ended.words.contains("No connection"), "{ended:?}");
    Ok(())
}

fn a_bad_line_is_one_bad_line(realm: &Realm) -> Result<()> {
    let mut bob = realm.peer("bob")?;
    let mut lines = b"\"caf\xe9\"\n".to_vec();
    lines.extend(say(&realm.jid("bob"), "After a bad line").bytes());
    lines.push(b'\n');
    let ended = cli(realm, "ann", "bad", &["run", "--json"], &lines)?;
    ensure!(ended.code == Some(0), "{ended:?}");
    ensure!(ended.words.contains("line 1 is no command: it is not UTF-8"), "{ended:?}");
    hears(&mut bob, "After a bad line")?;

    let no_ca = realm.dir.join("no-ca.pem");
    std::fs::write(&no_ca, "no certificate")?;
    let ended = cli(realm, "ann", "bad", &["--ca", &no_ca.display().to_string(), "run", "--json"], b"")?;
    ensure!(ended.code == Some(1) && ended.words.contains("no-ca.pem"), "{ended:?}");
    Ok(())
}

fn nobody_reads_any_more(realm: &Realm) -> Result<()> {
    let mut watch = command(realm, "ann", "watch", &["watch"])?;
    let mut child = watch.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut out = BufReader::new(child.stdout.take().context("it is piped")?);
    let mut line = String::new();
    out.read_line(&mut line)?;
    drop(out);
    // It notices when it has something to say: that it is online, if nothing before.
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() && Instant::now() < deadline {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let code = child.try_wait()?.map(|status| status.code());
    // It has ended, or must.
    let _ = child.kill();
    child.wait()?;
    ensure!(code == Some(Some(0)), "{code:?}");
    Ok(())
}

fn without_a_ticket_the_only_account_is_meant(realm: &Realm) -> Result<()> {
    let nobody = "nobody has a ticket here";
    let shown = cli(realm, nobody, "kept", &["policy", "show"], b"")?;
    ensure!(shown.code == Some(0) && shown.out.contains(&realm.jid("ann")), "{shown:?}");
    ensure!(shown.out.contains("(default)") && !shown.out.contains("(default, default)"), "{shown:?}");
    let found = cli(realm, nobody, "kept", &["history", "search", "xylophone"], b"")?;
    ensure!(found.code == Some(1) && found.out.is_empty() && found.words.contains("Nothing"), "{found:?}");
    Ok(())
}
