//! Bad input of the programs: one sentence, an exit code, nothing left behind.

use flint_test_e2e::programs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs a program of ours to its end.
fn run(program: &str, dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = Command::new(programs().join(program))
        .args(arguments)
        .current_dir(dir)
        .env("KRB5_CONFIG", "/dev/null")
        .env("KRB5CCNAME", "FILE:no-cache")
        .stdin(Stdio::null())
        .output()
        .expect("the programs are built (cargo xtask test builds them)");
    (status.code(), String::from_utf8(stderr).expect("UTF-8"))
}

fn write(dir: &Path, name: &str, text: &str, mode: u32) {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("the directory is ours");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// A configuration that would do, but for what a case changes.
fn config(listen: &str) -> String {
    format!(
        "domain = \"example.test\"\nstate = \"state\"\nadministrators = [\"admin@example.test\"]\n\
         [http]\nlisten = \"{listen}\"\npublic_url = \"https://localhost/\"\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
         [xmpp]\nhost = \"127.0.0.1\"\nport = 1\n\
         [[components]]\nkind = \"policy\"\ndomain = \"flint.example.test\"\nsecret_file = \"secret\"\n"
    )
}

/// What is added to let people sign in by ticket.
const KERBEROS: &str =
    "[kerberos]\nkeytab = \"http.keytab\"\n[kerberos.realms]\n\"EXAMPLE.TEST\" = \"example.test\"\n";

struct Case {
    name: &'static str,
    change: fn(&Path, &str),
    expected: &'static [&'static str],
}

#[test]
fn flintd_says_in_one_sentence_why_it_cannot_run() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = taken.local_addr().expect("it is bound").to_string();
    let cases = [
        Case {
            name: "no configuration",
            change: |dir, _| std::fs::remove_file(dir.join("flintd.toml")).expect("it is there"),
            expected: &["flintd.toml can't be read"],
        },
        Case {
            name: "broken TOML",
            change: |dir, _| write(dir, "flintd.toml", "domain = \n", 0o600),
            expected: &["flintd.toml is wrong"],
        },
        Case {
            name: "unknown key",
            change: |dir, listen| {
                write(dir, "flintd.toml", &format!("colour = 1\n{}", config(listen)), 0o600)
            },
            expected: &["colour"],
        },
        Case {
            name: "readable secret",
            change: |dir, _| write(dir, "secret", "hunter2", 0o644),
            expected: &["secret", "chmod 600"],
        },
        Case {
            name: "readable key",
            change: |dir, _| {
                let key = std::fs::read_to_string(dir.join("key.pem")).expect("it is there");
                write(dir, "key.pem", &key, 0o644);
            },
            expected: &["key.pem", "chmod 600"],
        },
        Case {
            name: "no certificate",
            change: |dir, _| std::fs::remove_file(dir.join("cert.pem")).expect("it is there"),
            expected: &["cert.pem"],
        },
        Case {
            name: "somebody else's key",
            change: |dir, _| {
                let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("one");
                write(dir, "key.pem", &other.signing_key.serialize_pem(), 0o600);
            },
            expected: &["cert.pem", "the key that belongs to it"],
        },
        Case {
            name: "no keytab",
            change: |dir, listen| {
                write(dir, "flintd.toml", &format!("{}{KERBEROS}", config(listen)), 0o600);
            },
            expected: &["http.keytab", "ktadd"],
        },
        Case {
            name: "keytab without a key",
            change: |dir, listen| {
                write(dir, "http.keytab", "\u{5}\u{2}", 0o600);
                write(dir, "flintd.toml", &format!("{}{KERBEROS}", config(listen)), 0o600);
            },
            expected: &["http.keytab", "ktadd"],
        },
        Case { name: "port in use", change: |_, _| {}, expected: &["is in use", "127.0.0.1"] },
    ];
    for Case { name, change, expected } in cases {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        write(dir.path(), "cert.pem", &certified.cert.pem(), 0o644);
        write(dir.path(), "key.pem", &certified.signing_key.serialize_pem(), 0o600);
        write(dir.path(), "secret", "hunter2", 0o600);
        write(dir.path(), "flintd.toml", &config(&listen), 0o600);
        change(dir.path(), &listen);
        let (code, words) = run("flintd", dir.path(), &["run", "--config", "flintd.toml"]);
        assert_eq!(code, Some(1), "{name}: {words}");
        let sentences: Vec<&str> = words.lines().filter(|line| line.starts_with("flintd: ")).collect();
        assert_eq!(sentences.len(), 1, "{name}: {words}");
        for word in expected {
            assert!(sentences[0].contains(word), "{name}: {words}");
        }
        assert!(!words.contains("hunter2") && !words.contains("panicked"), "{name}: {words}");
        // No socket that the next start, or `flintd admin`, would take for a running server.
        let state = std::fs::read_dir(dir.path().join("state"));
        let names: Vec<_> = state.into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
        assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".sock")), "{name}: {names:?}");
    }
}

/// Arguments, exit code, words.
type Refusal = (&'static [&'static str], i32, &'static str);

#[test]
fn flint_cli_says_in_one_sentence_why_it_cannot_run() {
    let cases: [Refusal; 13] = [
        (&["watch"], 1, "no Kerberos ticket"),
        (&["--account", "@@", "watch"], 2, "@@"),
        (&["send", "bob", "hi"], 2, "name@organisation"),
        (&["send", "", "hi"], 2, "name@organisation"),
        (&["send", "bob@example.test", ""], 2, "nothing to send"),
        (&["send", "bob@example.test", "a\u{1b}[2J"], 2, "U+001B"),
        (&["--password", "hunter2", "watch"], 2, "--password"),
        (&["--account", "ann@example.test", "--password-file", "none", "watch"], 1, "none"),
        (&["--account", "ann@example.test", "--password-file", "empty", "watch"], 1, "empty"),
        (&["--account", "ann@example.test", "--ca", "text", "watch"], 1, "text"),
        (&["--account", "ann@example.test", "--ca", "none", "watch"], 1, "none"),
        (&["--account", "ann@example.test", "--state", "text", "watch"], 1, "text"),
        (&["--account", "ann@example.test", "history", "search", "x"], 1, "ann@example.test"),
    ];
    for (arguments, expected_code, expected) in cases {
        let dir = tempfile::tempdir().expect("a temporary directory");
        write(dir.path(), "empty", "", 0o600);
        write(dir.path(), "text", "no certificate", 0o600);
        let state = if arguments.contains(&"--state") { vec![] } else { vec!["--state", "state"] };
        let (code, words) = run("flint-cli", dir.path(), &[&state, arguments].concat());
        assert_eq!(code, Some(expected_code), "{arguments:?}: {words}");
        assert!(words.contains(expected) && !words.contains("panicked"), "{arguments:?}: {words}");
        assert!(!words.contains(".:") && !words.contains(".."), "{arguments:?}: {words}");
        let ours = words.lines().filter(|line| line.starts_with("flint-cli: ")).count();
        assert_eq!(ours, usize::from(expected_code != 2), "{arguments:?}: {words}");
    }
}
