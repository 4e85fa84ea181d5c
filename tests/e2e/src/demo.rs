//! `cargo xtask demo`: the product on a realm of its own, to be used by hand, or played without a display.

use crate::driver::{Driver, bound_command};
use crate::realm::Realm;
use crate::story::Story;
use anyhow::{Context, Result};
use serde_json::json;
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Says a line to whoever sits at the terminal.
pub fn say(line: &str) {
    // A closed terminal is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Plays the story without a display; one picture per step in `pictures`.
pub fn play(programs: &Path, pictures: &Path) -> Result<()> {
    let realm = Realm::start(programs)?;
    let mut story = Story::start(&realm, pictures)?;
    let result = story.play(&mut |step| say(&format!("story: {step}")));
    drop(story);
    realm.stop();
    result?;
    say(&format!("story: done; pictures are in {}", pictures.display()));
    Ok(())
}

/// Opens window and console on this desktop and keeps a colleague and customers at hand.
pub fn by_hand(programs: &Path) -> Result<()> {
    let mut realm = Realm::start(programs)?;
    let mut bob = realm.peer("bob")?;
    bob.tell(&json!({ "do": "reply" }))?;

    let mut window = bound_command(realm.program("flint"));
    window.args(realm.client_options(&realm.state("ann")?));
    let mut window = realm.ticket(&mut window, "ann").spawn().context("the window can't be started")?;
    let console = realm.text("console_url").to_owned();
    let mut browser = chromium(&realm, &console)?;

    say(&format!(
        "
Ann's window is open, signed in by her Kerberos ticket. Bob answers when she writes to him.
The console is open in Chromium as {admin}. For another browser: {console}
  certificate authority: {ca}
  one-time password of {admin}: {password}
Try it: in the console switch ContactAddingAllowed off for the group Support and look at Ann's \"Add contact\".
In Ann's window open the Desk, join Demo Support, then press Enter here: a customer joins the queue.
Close the window, or press Ctrl-D or Ctrl-C here, to end everything.",
        admin = realm.text("admin"),
        ca = realm.text("ca"),
        password = realm.text("admin_password"),
    ));

    let (sender, events) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for _ in std::io::stdin().lock().lines().map_while(std::io::Result::ok) {
            if sender.send(()).is_err() {
                return;
            }
        }
    });
    let mut customers: Vec<Driver> = Vec::new();
    loop {
        match events.recv_timeout(std::time::Duration::from_millis(200)) {
            Ok(()) if customers.len() < 5 => match customer(&realm, customers.len())? {
                Some(customer) => {
                    customers.push(customer);
                    say("A customer joined the queue of Demo Support.");
                }
                None => {
                    say("Nobody serves the queue yet: in Ann's window open the Desk and join Demo Support.")
                }
            },
            Ok(()) => say("Five customers are enough for one agent; end a chat first."),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if window.try_wait()?.is_some() {
            break;
        }
        if realm.has_ended() {
            say("The realm has ended, so the demo ends.");
            break;
        }
    }
    say("Ending the demo.");
    for child in [&mut window, &mut browser] {
        end(child);
    }
    drop((bob, customers));
    realm.stop();
    Ok(())
}

/// A customer who joins the queue, enters the room and answers; none when the queue takes nobody.
fn customer(realm: &Realm, number: usize) -> Result<Option<Driver>> {
    const CUSTOMERS: [(&str, &str, &str); 5] = [
        ("klein", "Ms Klein", "The invoice of March is wrong."),
        ("aisha.abbott", "Mr Ott", "I can't find the export."),
        ("ben.costa", "Ms Sand", "My password does not work any more."),
        ("clara.eriksen", "Dr Lang", "How do I add a second address?"),
        ("david.grant", "Mr Bell", "The delivery has not come yet."),
    ];
    let (user, name, question) = CUSTOMERS[number % CUSTOMERS.len()];
    let mut peer = realm.peer(user)?;
    peer.tell(&json!({ "do": "serve" }))?;
    let workgroup = realm.report["workgroups"][0].as_str().context("no workgroup")?;
    peer.tell(&json!({ "do": "send", "xml": format!(
        "<iq type='set' to='{workgroup}' id='join'><join-queue xmlns='http://jabber.org/protocol/workgroup'>\
         <queue-notifications/><x xmlns='jabber:x:data' type='submit'><field var='username'><value>{name}</value></field>\
         <field var='question'><value>{question}</value></field></x></join-queue></iq>") }))?;
    let taken = peer.wait("the answer to join-queue", |line| {
        let xml = line["xml"].as_str().filter(|xml| xml.starts_with("<iq") && xml.contains("id=\"join\""))?;
        Some(xml.contains("type=\"result\""))
    })?;
    Ok(taken.then_some(peer))
}

fn chromium(realm: &Realm, url: &str) -> Result<Child> {
    let home = crate::browser::home(realm)?;
    let mut command = bound_command("chromium");
    command.arg(format!("--user-data-dir={}", home.join("profile").display()));
    command.args(["--auth-server-allowlist=localhost", "--no-first-run", "--disable-background-networking"]);
    if rustix::process::geteuid().is_root() {
        command.arg("--no-sandbox");
    }
    // For a moment after its start Chromium can't use tickets yet: a page of ours opens the console a second later.
    let start = home.join("start.html");
    std::fs::write(
        &start,
        format!(
            "<meta charset=utf-8><meta http-equiv=refresh content=\"1;url={url}\"><p>Opening the console …"
        ),
    )?;
    command.arg(start).env("HOME", &home).env("TMPDIR", &home).stdout(Stdio::null()).stderr(Stdio::null());
    realm.ticket(&mut command, realm.text("admin")).spawn().context("Chromium can't be started")
}

fn end(child: &mut Child) {
    // `kill` would leave Chromium no time to write its profile, but the profile is thrown away.
    let _ = child.kill();
    let _ = child.wait();
}

/// `flint-cli` for `user` in this realm, for tests.
pub fn cli(realm: &Realm, user: &str) -> Result<Command> {
    let mut command = bound_command(realm.program("flint-cli"));
    command.args(realm.client_options(&realm.state(user)?));
    realm.ticket(&mut command, user);
    Ok(command)
}
