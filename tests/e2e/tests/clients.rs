//! flint-cli and flintd in a realm of real servers: signing in, talking, searching, a cut line, policy and its absence.
//!
//! One realm serves all steps, which run in order on one thread, to which the realm is bound.

use anyhow::{Context as _, Result, ensure};
use flint_test_e2e::driver::{Driver, bound_command};
use flint_test_e2e::realm::Realm;
use flint_test_e2e::relay::Relay;
use flint_test_e2e::steps::{self, Ended, Step};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;

const STEPS: [Step; 11] = [
    ("every way to sign in", every_way_to_sign_in),
    ("refusals are final and say why", refusals_are_final_and_say_why),
    ("a message reaches a client that is not ours", a_message_reaches_a_client_that_is_not_ours),
    ("the log holds neither words nor secrets", the_log_holds_neither_words_nor_secrets),
    ("history is searched offline", history_is_searched_offline),
    ("a room is joined and talked in", a_room_is_joined_and_talked_in),
    ("commands as JSON lines", commands_as_json_lines),
    ("a cut line loses and doubles nothing", a_cut_line_loses_and_doubles_nothing),
    ("a published policy comes by itself", a_published_policy_comes_by_itself),
    ("without flintd the policy holds", without_flintd_the_policy_holds),
    ("a changed envelope is refused and said", a_changed_envelope_is_refused_and_said),
];

#[test]
fn flint_cli_in_a_realm() {
    steps::play(&STEPS);
}

/// Runs flint-cli to its end in a directory of state of its own, with this person's ticket.
fn cli(realm: &Realm, user: &str, state: &str, arguments: &[&str]) -> Result<Ended> {
    let mut command = bound_command(realm.program("flint-cli"));
    command.args(realm.client_options(&realm.state(state)?)).args(arguments).stdin(Stdio::null());
    let output = realm.ticket(&mut command, user).output()?;
    Ok(Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout)?,
        words: String::from_utf8(output.stderr)?,
    })
}

/// A client that takes commands, with this person's ticket.
fn client(realm: &Realm, user: &str, state: &str, options: &[&str]) -> Result<Driver> {
    let mut command = bound_command(realm.program("flint-cli"));
    command.args(realm.client_options(&realm.state(state)?)).args(options).args(["run", "--json"]);
    Driver::start("flint-cli", realm.ticket(&mut command, user))
}

/// The update in a line, when it is of this area and kind.
fn core<'a>(line: &'a Value, area: &str, is: &str) -> Option<&'a Value> {
    let update = &line["tell"]["update"];
    (line["from"] == "core" && line["tell"]["area"] == area && update["is"] == is).then_some(update)
}

/// The connection's state in a line.
fn connection<'a>(line: &'a Value, state: &str) -> Option<&'a Value> {
    core(line, "account", "connection").filter(|update| update["state"] == state)
}

fn online(client: &mut Driver) -> Result<Value> {
    client.wait("the sign-in", |line| connection(line, "online").cloned())
}

fn caught_up(client: &mut Driver) -> Result<()> {
    client.wait("the end of the catch-up", |line| {
        core(line, "history", "catch-up").filter(|update| update["complete"] == true).map(drop)
    })
}

fn ask(area: &str, command: Value) -> Value {
    json!({ "to": "core", "ask": { "area": area, "command": command } })
}

fn say(conversation: &Value, text: &str) -> Value {
    ask("chat", json!({ "do": "send", "conversation": conversation, "body": text }))
}

fn stanza(line: &Value) -> Option<&str> {
    (line["event"] == "stanza").then(|| line["xml"].as_str()).flatten()
}

/// How often each stanza up to one with `last` holds each of `texts`.
fn heard(peer: &mut Driver, texts: &[&str], last: &str) -> Result<Vec<usize>> {
    let mut counts = vec![0; texts.len()];
    peer.wait(last, |line| {
        let xml = stanza(line)?;
        for (count, text) in counts.iter_mut().zip(texts) {
            *count += usize::from(xml.contains("<body") && xml.contains(text));
        }
        xml.contains(last).then_some(())
    })?;
    Ok(counts)
}

fn password_file(realm: &Realm, user: &str, password: &str) -> Result<PathBuf> {
    let file = realm.dir.join(format!("{user}.password"));
    std::fs::write(&file, format!("{password}\n"))?;
    Ok(file)
}

fn every_way_to_sign_in(realm: &Realm) -> Result<()> {
    let starttls = realm.report["c2s_port"].to_string();
    let direct = realm.report["c2s_tls_port"].to_string();
    let password = password_file(realm, "ann", "ann-password")?;
    let password = password.display().to_string();
    let domain = realm.text("domain");
    let fixed = |port, security| {
        ["--host", "127.0.0.1", "--port", port, "--security", security, "--service-host", domain]
    };
    let ann = realm.jid("ann");
    let cases: [(&str, Vec<&str>, &str); 5] = [
        ("ticket by SRV", vec![], "GSSAPI"),
        ("ticket over STARTTLS", fixed(&starttls, "starttls").to_vec(), "GSSAPI"),
        ("ticket over direct TLS", fixed(&direct, "direct").to_vec(), "GSSAPI"),
        ("password by SRV", vec!["--account", &ann, "--password-file", &password], "SCRAM"),
        (
            "password over STARTTLS",
            [&["--account", &ann, "--password-file", &password][..], &fixed(&starttls, "starttls")[..6]]
                .concat(),
            "SCRAM",
        ),
    ];
    for (case, options, mechanism) in cases {
        let mut client = client(realm, "ann", "ways", &options)?;
        let state = online(&mut client).context(case)?;
        let used = state["mechanism"].as_str().unwrap_or_default();
        ensure!(used.starts_with(mechanism), "{case}: signed in by {used}");
        let jid = state["jid"].as_str().unwrap_or_default();
        ensure!(jid.starts_with(&format!("{ann}/")), "{case}: bound {jid}");
        client.tell(&json!({ "to": "quit" }))?;
        client.wait("the end", |line| (line["from"] == "ended").then_some(())).context(case)?;
    }
    Ok(())
}

fn refusals_are_final_and_say_why(realm: &Realm) -> Result<()> {
    let wrong = password_file(realm, "wrong", "not the password")?.display().to_string();
    let (ann, bob) = (realm.jid("ann"), realm.jid("bob"));
    let direct = realm.report["c2s_tls_port"].to_string();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let nobody = "nobody has a ticket here";
    let cases: [(&str, &str, Vec<&str>, i32, &str); 4] = [
        (
            "wrong password",
            "ann",
            vec!["--account", &ann, "--password-file", &wrong, "send", &bob, "x"],
            3,
            "(not-authorized)",
        ),
        ("no ticket", nobody, vec!["--account", &ann, "send", &bob, "x"], 3, "(no-ticket)"),
        (
            "unknown service",
            "ann",
            vec![
                "--host",
                "127.0.0.1",
                "--port",
                &direct,
                "--security",
                "direct",
                "--service-host",
                "elsewhere.example.test",
                "send",
                &bob,
                "x",
            ],
            3,
            "(unknown-service)",
        ),
        (
            "nobody listens",
            "ann",
            vec!["--host", "127.0.0.1", "--port", &closed, "send", &bob, "x", "--timeout", "2"],
            4,
            "within 2 seconds",
        ),
    ];
    for (case, user, arguments, code, words) in cases {
        let ended = cli(realm, user, &format!("refused-{code}"), &arguments)?;
        ensure!(ended.code == Some(code), "{case}: {ended:?}");
        ensure!(ended.words.contains(words) && ended.words.trim().lines().count() == 1, "{case}: {ended:?}");
    }
    // `watch` has nobody who could sign in in another way: it ends, too.
    let ended = cli(realm, nobody, "refused-3", &["--account", &ann, "watch"])?;
    ensure!(ended.code == Some(3) && ended.words.contains("(no-ticket)"), "{ended:?}");
    Ok(())
}

fn a_message_reaches_a_client_that_is_not_ours(realm: &Realm) -> Result<()> {
    let mut bob = realm.peer("bob")?;
    let ended = cli(realm, "ann", "ann", &["send", &realm.jid("bob"), "Is “R & D” <free> at noon?"])?;
    ensure!(ended.code == Some(0) && ended.words.is_empty(), "{ended:?}");
    let xml = bob.wait("Ann's message", |line| {
        stanza(line).filter(|xml| xml.contains("at noon?")).map(str::to_owned)
    })?;
    ensure!(xml.contains("“R &amp; D” &lt;free&gt; at noon?"), "{xml}");
    ensure!(xml.contains("type=\"chat\"") && xml.contains(&format!("from=\"{}/", realm.jid("ann"))), "{xml}");
    ensure!(xml.contains("urn:xmpp:receipts") && xml.contains("origin-id"), "{xml}");

    let ended = cli(realm, "ann", "ann", &["send", &realm.jid("nobody.here"), "Hello?"])?;
    ensure!(ended.code == Some(0) || ended.words.trim().lines().count() == 1, "{ended:?}");
    Ok(())
}

fn the_log_holds_neither_words_nor_secrets(realm: &Realm) -> Result<()> {
    let password = password_file(realm, "ann", "ann-password")?.display().to_string();
    let (ann, bob) = (realm.jid("ann"), realm.jid("bob"));
    for sign_in in [&[][..], &["--account", &ann, "--password-file", &password]] {
        let mut command = bound_command(realm.program("flint-cli"));
        command.args(realm.client_options(&realm.state("log")?)).args(sign_in).args([
            "send",
            &bob,
            "Pelican at nine",
        ]);
        let output =
            realm.ticket(&mut command, "ann").env("RUST_LOG", "trace").stdin(Stdio::null()).output()?;
        let log = String::from_utf8(output.stderr)?;
        ensure!(output.status.success(), "{log}");
        ensure!(log.contains("TRACE"), "nothing was logged: {log}");
        for secret in ["Pelican", "ann-password", "sixty days"] {
            let line = log.lines().find(|line| line.contains(secret));
            ensure!(line.is_none(), "{secret} is in the log: {line:?}");
        }
    }
    Ok(())
}

fn history_is_searched_offline(realm: &Realm) -> Result<()> {
    let mut ann = client(realm, "ann", "ann", &[])?;
    caught_up(&mut ann)?;
    drop(ann);
    let found = cli(realm, "ann", "ann", &["history", "search", "sixty days", "--json"])?;
    ensure!(found.code == Some(0), "{found:?}");
    let hits: Value = serde_json::from_str(&found.out)?;
    ensure!(hits[0]["message"]["body"].as_str().is_some_and(|body| body.contains("sixty days")), "{hits}");
    let text = cli(realm, "ann", "ann", &["history", "search", "sixty days"])?;
    ensure!(text.code == Some(0) && text.out.contains("[sixty]"), "{text:?}");
    let nothing = cli(realm, "ann", "ann", &["history", "search", "xylophone"])?;
    ensure!(nothing.code == Some(1) && nothing.words.contains("Nothing was found"), "{nothing:?}");
    Ok(())
}

fn a_room_is_joined_and_talked_in(realm: &Realm) -> Result<()> {
    let room = format!("facility@{}", realm.text("conference"));
    let mut lea = realm.peer("lea")?;
    let enter = format!(
        "<presence to='{room}/lea'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>"
    );
    lea.tell(&json!({ "do": "send", "xml": enter }))?;
    let mut ann = client(realm, "ann", "ann", &[])?;
    online(&mut ann)?;
    let conversation = json!({ "kind": "room", "jid": room });
    ann.tell(&ask("chat", json!({ "do": "open", "conversation": conversation })))?;
    ann.tell(&ask("room", json!({ "do": "join", "room": room })))?;
    ann.wait("the room", |line| {
        let row = &core(line, "room", "changed")?["room"];
        let is_here = |nick: &str| {
            row["occupants"].as_array().is_some_and(|all| all.iter().any(|one| one["nick"] == nick))
        };
        let is_named = row["jid"] == room.as_str() && row["name"] == "Facility";
        (is_named && row["state"]["state"] == "joined" && is_here("lea")).then_some(())
    })?;

    ann.tell(&say(&conversation, "Is lift B back?"))?;
    let from = lea.wait("Ann's words", |line| {
        stanza(line).filter(|xml| xml.contains("Is lift B back?")).map(str::to_owned)
    })?;
    ensure!(from.contains(&format!("from=\"{room}/ann\"")) && from.contains("groupchat"), "{from}");
    ann.wait("the reflection", |line| {
        let update = core(line, "chat", "delivery-changed")?;
        (update["delivery"]["state"] == "acked").then_some(())
    })?;
    let answer = format!("<message type='groupchat' to='{room}'><body>Since ten o'clock.</body></message>");
    lea.tell(&json!({ "do": "send", "xml": answer }))?;
    let heard = ann.wait("Lea's words", |line| {
        let message = &core(line, "chat", "arrived")?["message"];
        (message["body"] == "Since ten o'clock.").then(|| message.clone())
    })?;
    ensure!(heard["sender_name"] == "lea" && heard["conversation"] == conversation, "{heard}");

    ann.tell(&ask("room", json!({ "do": "leave", "room": room })))?;
    lea.wait("Ann's leave", |line| {
        stanza(line)
            .filter(|xml| xml.contains(&format!("from=\"{room}/ann\"")) && xml.contains("unavailable"))
            .map(drop)
    })?;
    Ok(())
}

fn commands_as_json_lines(realm: &Realm) -> Result<()> {
    let mut command = bound_command(realm.program("flint-cli"));
    command.args(realm.client_options(&realm.state("lines")?)).args(["run", "--json"]);
    let words = std::fs::File::create(realm.dir.join("lines.err"))?;
    let mut ann = Driver::start("flint-cli", realm.ticket(&mut command, "ann").stderr(words))?;
    online(&mut ann)?;
    ann.tell(&json!({ "to": "core", "ask": { "area": "chat", "command": { "do": "dance" } } }))?;
    ann.tell(&json!("secret words"))?;
    let presence = json!({ "do": "set-presence", "show": "away", "status": "Lunch" });
    ann.tell(&ask("account", presence))?;
    ann.wait("own presence", |line| {
        core(line, "account", "presence").filter(|update| update["status"] == "Lunch").map(drop)
    })?;
    ann.tell(&json!({ "to": "quit" }))?;
    ann.wait("the end", |line| (line["from"] == "ended").then_some(()))?;
    let words = std::fs::read_to_string(realm.dir.join("lines.err"))?;
    ensure!(words.contains("line 1 is no command") && words.contains("line 2 is no command"), "{words}");
    ensure!(!words.contains("secret words"), "{words}");

    // One client per account and computer.
    let mut first = client(realm, "ann", "lines", &[])?;
    online(&mut first)?;
    let second = cli(realm, "ann", "lines", &["watch"])?;
    ensure!(second.code == Some(5) && second.words.contains("already running"), "{second:?}");
    Ok(())
}

fn a_cut_line_loses_and_doubles_nothing(realm: &Realm) -> Result<()> {
    let port = realm.report["c2s_tls_port"].as_u64().context("no port")?;
    let relay = Relay::start(u16::try_from(port)?)?;
    let through = relay.port.to_string();
    let domain = realm.text("domain");
    let mut bob = realm.peer("bob")?;
    let options =
        ["--host", "127.0.0.1", "--port", &through, "--security", "direct", "--service-host", domain];
    let mut ann = client(realm, "ann", "cut", &options)?;
    online(&mut ann)?;
    let conversation = json!({ "kind": "person", "jid": realm.jid("bob") });
    ann.tell(&say(&conversation, "before the cut"))?;
    heard(&mut bob, &[], "before the cut")?;

    relay.cut();
    ann.wait("the break", |line| connection(line, "waiting").map(drop))?;
    ann.tell(&say(&conversation, "while cut"))?;
    let hello =
        format!("<message type='chat' to='{}'><body>Are you there?</body></message>", realm.jid("ann"));
    bob.tell(&json!({ "do": "send", "xml": hello }))?;
    relay.mend();
    let state = online(&mut ann)?;
    ensure!(state["resumed"] == true, "{state}");
    ann.wait("Bob's words", |line| {
        core(line, "chat", "arrived").filter(|update| update["message"]["body"] == "Are you there?").map(drop)
    })?;
    ann.tell(&say(&conversation, "last word"))?;
    let counts = heard(&mut bob, &["while cut"], "last word")?;
    ensure!(counts == [1], "it came {counts:?} times");
    Ok(())
}

/// The row of `ContactAddingAllowed` in a report.
fn row(report: &Value) -> &Value {
    let rows = report["rows"].as_array();
    rows.and_then(|rows| rows.iter().find(|row| row["name"] == "ContactAddingAllowed"))
        .unwrap_or(&Value::Null)
}

fn shown(realm: &Realm) -> Result<Value> {
    let shown = cli(realm, "ann", "policy", &["policy", "show", "--json"])?;
    ensure!(shown.code == Some(0), "{shown:?}");
    Ok(serde_json::from_str(&shown.out)?)
}

/// Waits for a report of the policy.
fn policy<T>(client: &mut Driver, what: &str, mut pick: impl FnMut(&Value) -> Option<T>) -> Result<T> {
    client.wait(what, |line| {
        let tell = &line["tell"];
        (line["from"] == "core" && tell["area"] == "policy").then(|| pick(&tell["update"])).flatten()
    })
}

fn a_published_policy_comes_by_itself(realm: &Realm) -> Result<()> {
    ensure!(row(&shown(realm)?)["source"] == "default", "nothing is known before the first sign-in");
    let mut ann = client(realm, "ann", "policy", &[])?;
    let first = policy(&mut ann, "the server's policy", |report| {
        report["server"]["version"].as_u64().filter(|version| *version > 0)
    })?;
    let mut console = realm.console()?;
    let change =
        json!({ "do": "publish", "for": "support", "policy": "ContactAddingAllowed", "value": "off" });
    console.ask(&change)?;
    let report =
        policy(&mut ann, "the new policy", |report| (row(report)["json"] == false).then(|| report.clone()))?;
    ensure!(report["server"]["version"].as_u64() > Some(first), "{}", report["server"]);
    ensure!(report["server"]["problem"].is_null(), "{}", report["server"]);

    let add = json!({ "do": "add-contact", "jid": realm.jid("tom"), "name": null, "groups": [] });
    ann.tell(&ask("people", add))?;
    let rejection = ann.wait("the rejection", |line| {
        (line["tell"]["area"] == "rejected").then(|| line["tell"]["update"].clone())
    })?;
    ensure!(rejection["policy"] == "ContactAddingAllowed", "{rejection}");
    drop(ann);

    let report = shown(realm)?;
    let row = row(&report);
    ensure!(row["json"] == false && row["level"] == "required", "{row}");
    ensure!(row["source"].as_str().is_some_and(|source| source.contains("Support")), "{row}");
    ensure!(report["managed_by"] == realm.text("domain"), "{report}");

    // Bob is in another group: his answer stays.
    let mut bob = client(realm, "bob", "policy-bob", &[])?;
    policy(&mut bob, "Bob's policy", |report| {
        (report["server"]["version"].as_u64() > Some(first) && crate::row(report)["json"] == true)
            .then_some(())
    })
}

fn without_flintd_the_policy_holds(realm: &Realm) -> Result<()> {
    let mut ann = client(realm, "ann", "policy", &[])?;
    online(&mut ann)?;
    let flintd = realm.pid("flintd").and_then(Pid::from_raw).context("no flintd")?;
    kill_process(flintd, Signal::KILL)?;
    ann.tell(&json!({ "to": "policy", "ask": { "do": "refresh" } }))?;
    let said = |client: &mut Driver| {
        policy(client, "the problem", |report| {
            let problem = report["server"]["problem"].as_str()?.to_owned();
            Some((problem, row(report)["json"].clone()))
        })
    };
    let (problem, value) = said(&mut ann)?;
    ensure!(value == false && !problem.is_empty(), "{problem}: {value}");
    drop(ann);

    // A new start: the value rules from the first moment, and the problem is said once the fetch has failed.
    let mut ann = client(realm, "ann", "policy", &[])?;
    let first = ann.wait("the first capabilities", |line| {
        (line["tell"]["area"] == "capabilities").then(|| line["tell"]["update"]["add_contact"].clone())
    })?;
    ensure!(first["verdict"] == "denied", "{first}");
    let (problem, value) = said(&mut ann)?;
    ensure!(value == false, "{problem}: {value}");
    drop(ann);
    ensure!(row(&shown(realm)?)["json"] == false);
    Ok(())
}

fn envelope(state: &Path) -> Result<PathBuf> {
    let accounts = std::fs::read_dir(state.join("accounts"))?;
    let found = accounts.flatten().map(|account| account.path().join("policy/policy.json"));
    found.into_iter().find(|file| file.exists()).context("no envelope is kept")
}

fn a_changed_envelope_is_refused_and_said(realm: &Realm) -> Result<()> {
    let file = envelope(&realm.state("policy")?)?;
    let copy = file.with_file_name("policy.verified.json");
    let (good, good_copy) = (std::fs::read(&file)?, std::fs::read(&copy)?);
    std::fs::write(&file, changed(&good)?)?;
    let report = shown(realm)?;
    ensure!(row(&report)["json"] == false, "the verified copy rules: {}", row(&report));
    ensure!(report["server"]["problem"].is_string(), "the refusal is not said: {}", report["server"]);

    std::fs::write(&copy, changed(&good_copy)?)?;
    let report = shown(realm)?;
    ensure!(row(&report)["source"] == "default", "{}", row(&report));
    ensure!(report["server"]["problem"].is_string(), "the refusal is not said: {}", report["server"]);

    std::fs::write(&copy, good_copy)?;
    std::fs::write(&file, good)?;
    let report = shown(realm)?;
    ensure!(row(&report)["json"] == false && report["server"]["problem"].is_null(), "{report}");
    Ok(())
}

/// What is kept, with one bit of the document's payload flipped.
fn changed(kept: &[u8]) -> Result<Vec<u8>> {
    let text = std::str::from_utf8(kept)?;
    let document = text.find("\"document\"").context("a document is kept")?;
    let payload = document + text[document..].find("payload").context("an envelope has a payload")? + 100;
    let mut bad = kept.to_owned();
    bad[payload] ^= 1;
    Ok(bad)
}
