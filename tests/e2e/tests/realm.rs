//! The realm leaves nothing behind, however it ends, and says in one sentence why it does not start.

use flint_test_e2e::programs;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running realm with what it said about itself.
struct Up {
    child: Child,
    dir: PathBuf,
    /// Its servers.
    pids: Vec<i32>,
}

/// Starts `command`, whose standard output is a realm's, and reads the report.
fn up(command: &mut Command) -> Up {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the programs are built (cargo xtask test builds them)");
    let mut report = String::new();
    BufReader::new(child.stdout.as_mut().expect("it is piped")).read_line(&mut report).expect("UTF-8");
    let report: Value = serde_json::from_str(&report).expect("the report is one line of JSON");
    let pids = report["pids"].as_object().expect("pids").values();
    let pids = pids.map(|pid| pid.as_i64().expect("a number") as i32).collect();
    let dir = PathBuf::from(report["dir"].as_str().expect("a directory"));
    assert!(dir.is_dir());
    Up { child, dir, pids }
}

fn realm() -> Command {
    let mut command = Command::new(programs().join("flint-realm"));
    command.args(["up", "--users", "13"]);
    command
}

/// State and parent of a process, if there is one.
fn process(pid: i32) -> Option<(String, i32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}

fn has_ended(pid: i32) -> bool {
    process(pid).is_none_or(|(state, _)| state == "Z" || state == "X")
}

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("a process id"), signal).expect("the process is ours");
}

/// Waits until something holds; the kernel tells nobody when a grandchild ends.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not happen within {PATIENCE:?}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn every_end_takes_all_of_it_along() {
    type End = fn(&mut Up);
    let ends: [(&str, End); 3] = [
        ("end of its input", |up| drop(up.child.stdin.take())),
        ("SIGINT", |up| signal(up.child.id() as i32, Signal::INT)),
        ("SIGTERM", |up| signal(up.child.id() as i32, Signal::TERM)),
    ];
    for (case, end) in ends {
        let mut up = up(&mut realm());
        assert!(up.pids.len() >= 3 && up.pids.iter().all(|pid| !has_ended(*pid)), "{case}");
        end(&mut up);
        // Child::wait would close its input, and that would end it, too.
        let mut status = None;
        wait_until(case, || {
            status = up.child.try_wait().expect("it is ours");
            status.is_some()
        });
        assert!(status.is_some_and(|status| status.success()), "{case}: {status:?}");
        assert!(up.pids.iter().all(|pid| has_ended(*pid)), "{case}: a server outlived the realm");
        assert!(!up.dir.exists(), "{case}: {} is left", up.dir.display());
    }
}

#[test]
fn it_ends_with_whoever_started_it() {
    let script = "exec 3<&0; \"$0\" up --users 13 <&3 & wait";
    let mut up = up(Command::new("sh").arg("-c").arg(script).arg(programs().join("flint-realm")));
    let realm = process(up.pids[0]).expect("it runs").1;
    assert_ne!(realm, up.child.id() as i32, "the shell started the realm");
    up.child.kill().expect("it is ours");
    wait_until("the end of the realm", || has_ended(realm));
    assert!(up.pids.iter().all(|pid| has_ended(*pid)), "a server outlived the realm");
    assert!(!up.dir.exists(), "{} is left", up.dir.display());
    up.child.wait().expect("it is ours");
}

/// Nobody can tidy up after SIGKILL, but no server stays.
#[test]
fn a_killed_realm_leaves_no_server() {
    let mut up = up(&mut realm());
    up.child.kill().expect("it is ours");
    up.child.wait().expect("it is ours");
    wait_until("the end of the servers", || up.pids.iter().all(|pid| has_ended(*pid)));
    std::fs::remove_dir_all(&up.dir).expect("the directory is the test's");
}

/// Runs a realm that can't start, in a temporary directory of its own, which has to be empty at the end.
fn fails(program: &Path, arguments: &[&str]) -> String {
    let temp = tempfile::tempdir().expect("a temporary directory");
    let Output { status, stdout, stderr } = Command::new(program)
        .args(arguments)
        .env("TMPDIR", temp.path())
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let words = String::from_utf8(stderr).expect("UTF-8");
    assert!(!status.success(), "{words}");
    assert!(stdout.is_empty(), "nothing is reported");
    let left: Vec<_> = std::fs::read_dir(temp.path()).expect("it is ours").collect();
    assert!(left.is_empty(), "{left:?} is left");
    words
}

#[test]
fn a_realm_that_cannot_start_says_why_and_leaves_nothing() {
    let program = programs().join("flint-realm");
    for (arguments, expected) in [
        (&["up", "--colour"][..], "unknown option --colour"),
        (&["up", "--users", "many"], "--users takes a number"),
        (&["up", "--server", "ejabberd"], "use --server prosody"),
        (&[], "usage: flint-realm up"),
    ] {
        let words = fails(&program, arguments);
        assert!(words.contains(expected), "{words}");
    }

    // Alone, without flintd beside it.
    let folder = tempfile::tempdir().expect("a temporary directory");
    let alone = folder.path().join("flint-realm");
    std::fs::copy(&program, &alone).expect("it is built");
    let words = fails(&alone, &["up", "--users", "13"]);
    assert!(words.contains("is not built") && words.lines().count() == 1, "{words}");

    // With a flintd that does not start.
    use std::os::unix::fs::PermissionsExt as _;
    let broken = folder.path().join("flintd");
    let script = "#!/bin/sh\n[ \"$1\" = admin ] && exit 0\necho 'flintd: The port is in use.' >&2\nexit 1\n";
    std::fs::write(&broken, script).expect("it is ours");
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let words = fails(&alone, &["up", "--users", "13"]);
    assert!(
        words.contains("flintd ended while starting") && words.contains("The port is in use."),
        "{words}"
    );
}
