//! Each way in which signing in fails, made for real, and what `flint-cli doctor` says about it.

#[path = "doctor/faults.rs"]
mod faults;

use faults::{Answers, dns, proxy, silent, tls};
use flint_test_e2e::programs;
use flint_test_e2e::realm::Realm;
use serde_json::Value;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What a case expects: the code of the failure, and a word that the row names. No code: every check passes.
struct Case {
    name: &'static str,
    command: Command,
    code: Option<&'static str>,
    named: String,
}

/// `flint-cli` with no ticket and a password, or with what the caller sets.
fn cli(arguments: &[&str]) -> Command {
    let mut command = Command::new(programs().join("flint-cli"));
    command.args(arguments).env("KRB5_CONFIG", "/dev/null").env("KRB5CCNAME", "FILE:/nonexistent/cache");
    command
}

fn start(mut command: Command, json: bool) -> Child {
    command.arg("doctor").args(json.then_some("--json"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the programs are built (cargo xtask test builds them)")
}

/// A word that looks like a token: nothing that a report may hold is that long without a space.
fn has_token(text: &str) -> bool {
    let coded = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '=');
    text.split(|c| !coded(c)).any(|word| word.len() >= 48) || text.contains("hunter2")
}

/// Runs every case at once, as text and as JSON, and compares.
fn check(cases: Vec<Case>) {
    let running: Vec<_> = cases
        .into_iter()
        .map(|case| {
            let again = copy(&case.command);
            (case.name, case.code, case.named, start(case.command, false), start(again, true))
        })
        .collect();
    for (name, code, named, text, json) in running {
        let text = text.wait_with_output().expect("it runs");
        let json = json.wait_with_output().expect("it runs");
        let exit = i32::from(code.is_some());
        let words = String::from_utf8(text.stdout).expect("UTF-8");
        let errors = String::from_utf8_lossy(&text.stderr).into_owned();
        assert_eq!(
            (text.status.code(), json.status.code()),
            (Some(exit), Some(exit)),
            "{name}: {words}{errors}"
        );
        let report: Value = serde_json::from_slice(&json.stdout).expect("JSON");
        let checks = report["checks"].as_array().expect("checks");
        assert_eq!(checks.len(), 7, "{name}: {words}");
        assert_eq!(report["finished"], true, "{name}");
        let failed: Vec<&Value> = checks.iter().filter(|check| check["outcome"] == "failed").collect();
        assert_eq!(failed.first().and_then(|check| check["code"].as_str()), code, "{name}: {words}");
        assert_eq!(
            words.lines().filter(|line| line.starts_with(['✓', '✗', '–'])).count(),
            7,
            "{name}: {words}"
        );
        if let Some(code) = code {
            let (row, next) = rows(&words);
            assert!(row.contains(&named) && row.contains(&format!("({code})")), "{name}: {words}");
            assert!(next.len() > 10, "{name}: {words}");
            let after = checks.iter().skip_while(|check| check["outcome"] != "failed").skip(1);
            assert!(after.into_iter().all(|check| check["outcome"] == "skipped"), "{name}: {words}");
        } else {
            assert!(words.contains(&named), "{name}: {words}");
        }
        let all = format!("{words}{errors}{}", String::from_utf8_lossy(&json.stdout));
        assert!(!has_token(&all) && !all.contains("panicked"), "{name}: {all}");
    }
}

/// The row of the failure and the next step below it.
fn rows(words: &str) -> (&str, &str) {
    let mut lines = words.lines().skip_while(|line| !line.starts_with('✗'));
    (lines.next().unwrap_or_default(), lines.next().unwrap_or_default())
}

fn copy(command: &Command) -> Command {
    let mut copy = Command::new(command.get_program());
    copy.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => copy.env(name, value),
            None => copy.env_remove(name),
        };
    }
    copy
}

fn password_file(dir: &Path) -> String {
    let path = dir.join("password");
    std::fs::write(&path, "hunter2\n").expect("the directory is ours");
    path.display().to_string()
}

#[test]
fn what_the_network_does_is_told_apart() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let password = password_file(dir.path());
    let authority = tls::Authority::create(dir.path(), "ca.pem");
    let stranger = tls::Authority::create(dir.path(), "stranger.pem");
    let ca = authority.file.display().to_string();
    let base = ["--account", "ann@example.test", "--password-file", &password, "--ca", &ca];
    let with = |more: &[&str]| cli(&[&base[..], more].concat());
    let at = |port: u16, security: &str| {
        with(&["--host", "127.0.0.1", "--port", &port.to_string(), "--security", security])
    };
    let through = |port: u16, scheme: &str| {
        with(&[
            "--host",
            "chat.example.test",
            "--port",
            "5222",
            "--proxy",
            &format!("{scheme}://127.0.0.1:{port}"),
        ])
    };
    let asking = |answers: Answers| with(&["--dns", &dns(answers).to_string()]);

    let closed =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let (full, _kept) = silent();
    let domain = "example.test".to_owned();
    let mut cases = vec![
        Case {
            name: "DNS silent",
            command: asking(Answers::Nothing),
            code: Some("dns-no-answer"),
            named: domain.clone(),
        },
        Case {
            name: "no such name",
            command: asking(Answers::NoName),
            code: Some("dns-no-record"),
            named: domain.clone(),
        },
        Case {
            name: "DNS refuses",
            command: asking(Answers::Fails),
            code: Some("dns-failed"),
            named: domain.clone(),
        },
        Case {
            name: "SRV .",
            command: asking(Answers::Root),
            code: Some("dns-not-offered"),
            named: domain.clone(),
        },
        Case {
            name: "refused",
            command: at(closed, "starttls"),
            code: Some("server-refused"),
            named: format!("127.0.0.1:{closed}"),
        },
        Case {
            name: "silent",
            command: at(full, "starttls"),
            code: Some("server-silent"),
            named: format!("127.0.0.1:{full}"),
        },
        Case {
            name: "reset",
            command: at(faults::resets(), "starttls"),
            code: Some("server-reset"),
            named: "broke".to_owned(),
        },
    ];
    for (name, config, code) in [
        ("unknown CA", stranger.server("example.test", tls::Dates::Now), "certificate-unknown-ca"),
        ("wrong name", authority.server("evil.test", tls::Dates::Now), "certificate-wrong-name"),
        ("expired", authority.server("example.test", tls::Dates::Past), "certificate-expired"),
        ("not yet valid", authority.server("example.test", tls::Dates::Future), "certificate-not-yet-valid"),
    ] {
        let command = at(tls::serve(config), "direct");
        cases.push(Case { name, command, code: Some(code), named: domain.clone() });
    }
    for (name, scheme, answers, code) in [
        ("proxy forbids", "http", vec![&b"HTTP/1.1 403 Forbidden\r\n\r\n"[..]], "proxy-refused"),
        ("proxy asks", "http", vec![b"HTTP/1.1 407 Who\r\n\r\n"], "proxy-wants-password"),
        ("proxy lost", "http", vec![b"HTTP/1.1 504 Late\r\n\r\n"], "proxy-no-way"),
        ("SOCKS forbids", "socks5", vec![b"\x05\x00", b"\x05\x02\x00\x01"], "proxy-refused"),
        ("SOCKS asks", "socks5", vec![b"\x05\xff"], "proxy-wants-password"),
    ] {
        let port = proxy(answers);
        let command = through(port, scheme);
        cases.push(Case { name, command, code: Some(code), named: format!("127.0.0.1:{port}") });
    }
    let login = dir.path().join("login");
    std::fs::write(&login, "ann:hunter2\n").expect("the directory is ours");
    let port = proxy(vec![b"HTTP/1.1 407 No\r\n\r\n"]);
    let mut command = through(port, "http");
    command.arg("--proxy-login-file").arg(login);
    let named = format!("127.0.0.1:{port}");
    cases.push(Case { name: "proxy login", command, code: Some("proxy-wrong-password"), named });
    let command = through(closed, "http");
    let named = format!("127.0.0.1:{closed}");
    cases.push(Case { name: "no proxy", command, code: Some("proxy-unreachable"), named });
    check(cases);
}

/// `flint-cli` with ann's ticket in `cache`, `ahead` of its clock.
fn faked(realm: &Realm, options: &[String], cache: &str, ahead: &str) -> Command {
    let mut command = Command::new("faketime");
    command.args(["-m", "-f", ahead]).arg(programs().join("flint-cli")).args(options);
    // Timers of the program go on as they are.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    realm.ticket(&mut command, "ann").env("KRB5CCNAME", cache);
    command
}

#[test]
fn what_kerberos_and_the_server_say_is_told_apart() {
    let realm = Realm::start(&programs()).expect("a realm");
    let state = realm.state("doctor").expect("a directory");
    let options = realm.client_options(&state);
    // Each its own, because a ticket for the server stays in the cache and the KDC is not asked again.
    let fresh = |name: &str| {
        let cache = realm.report["krb5_ccache"]["ann"].as_str().expect("a cache");
        let copy = state.join(name);
        std::fs::copy(cache, &copy).expect("the directory is ours");
        format!("FILE:{}", copy.display())
    };
    let (expired, ahead, lonely) = (fresh("expired"), fresh("ahead"), fresh("lonely"));
    let plain = |more: &[&str]| {
        let mut command = cli(&[]);
        command.args(&options).args(more);
        realm.ticket(&mut command, "ann");
        command
    };
    let conf = std::fs::read_to_string(realm.text("krb5_config")).expect("it is there");
    let changed = |name: &str, change: &dyn Fn(&str) -> String| {
        let path = state.join(name);
        std::fs::write(&path, change(&conf)).expect("the directory is ours");
        path
    };
    let dead = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let unreachable = changed("no-kdc.conf", &|conf| {
        let line = conf.lines().find(|line| line.trim().starts_with("kdc =")).expect("a KDC");
        conf.replace(line, &format!("    kdc = {dead}"))
    });
    let password = password_file(&state);
    let no_tickets = || {
        let mut command = plain(&[]);
        command.env("KRB5CCNAME", format!("FILE:{}", state.join("none").display()));
        command
    };
    let mut without_kdc = plain(&[]);
    without_kdc.env("KRB5_CONFIG", unreachable).env("KRB5CCNAME", lonely);
    let without_gssapi = faults::prosody(&state, Path::new(realm.text("dir")));
    let other = ["--host", "127.0.0.1", "--security", "direct", "--port", &without_gssapi.port.to_string()]
        .map(str::to_owned);
    let relay = faults::forwarding_proxy();
    let case = |name, command, code, named: &str| Case { name, command, code, named: named.to_owned() };
    check(vec![
        case("all is well", plain(&[]), None, "✓ Sign-in: ann@example.test by GSSAPI"),
        case(
            "through a proxy",
            plain(&["--proxy", &format!("http://127.0.0.1:{relay}")]),
            None,
            &format!("through http://127.0.0.1:{relay}"),
        ),
        case("no ticket", no_tickets(), Some("no-ticket"), "no Kerberos ticket"),
        case("expired ticket", faked(&realm, &options, &expired, "+11h"), Some("ticket-expired"), "expired"),
        case("clock ahead", faked(&realm, &options, &ahead, "+1h"), Some("clock-skew"), "clock"),
        case("no KDC", without_kdc, Some("kdc-unreachable"), "KDC"),
        case(
            "no principal",
            plain(&["--service-host", "other.example.test"]),
            Some("unknown-service"),
            "xmpp/other.example.test",
        ),
        case(
            "foreign realm",
            plain(&["--service-host", "chat.foreign.invalid"]),
            Some("realm-not-mapped"),
            "realm",
        ),
        case(
            "no GSSAPI",
            plain(&other.each_ref().map(String::as_str)),
            Some("mechanism-not-offered"),
            "GSSAPI",
        ),
        case(
            "somebody else",
            plain(&["--account", "bob@example.test"]),
            Some("wrong-account"),
            "ann@example.test",
        ),
        case(
            "wrong password",
            plain(&["--account", "ann@example.test", "--password-file", &password]),
            Some("not-authorized"),
            "password is wrong",
        ),
    ]);

    // The ordinary sign-in says the same.
    for (more, code) in [
        (["--service-host", "other.example.test"], "(unknown-service)"),
        (["--account", "bob@example.test"], "(wrong-account)"),
    ] {
        let output = plain(&more).args(["send", "bob@example.test", "hi"]).output().expect("it runs");
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{words}");
        let mut doctor = plain(&more);
        let report = doctor.arg("doctor").output().expect("it runs");
        let report = String::from_utf8_lossy(&report.stdout).into_owned();
        let (row, next) = rows(&report);
        let reason = row.split_once(": ").and_then(|(_, text)| text.split_once(" (")).expect("a row").0;
        let next = next.trim_start_matches([' ', '→']);
        assert!(words.contains(code) && words.contains(reason) && words.contains(next), "{words}\n{report}");
    }
    // So does a client that is running, asked for it.
    let mut client = plain(&["run", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the programs are built (cargo xtask test builds them)");
    let mut input = client.stdin.take().expect("it is piped");
    input.write_all(b"{\"to\":\"doctor\"}\n").expect("it reads");
    drop(input);
    let output = client.wait_with_output().expect("it runs");
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let updates: Vec<Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let reports: Vec<&Value> =
        updates.iter().filter(|update| update["from"] == "doctor").map(|update| &update["tell"]).collect();
    assert!(reports.len() > 2, "each check is told as it ends: {lines}");
    let last = reports.last().expect("a report");
    assert_eq!((&last["finished"], last["checks"].as_array().map(Vec::len)), (&Value::Bool(true), Some(7)));
    assert!(
        last["checks"].as_array().is_some_and(|checks| checks.iter().all(|it| it["outcome"] == "passed"))
    );
    realm.stop();
}
