//! Against a real KDC (MIT krb5kdc, in a folder of its own, on loopback): that tickets work, and that each way in which they
//! don't is told apart. What the library reads from its environment is set for a child process of this test.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flint_kerberos::{Acceptor, Failure, Initiator, Mechanism, SaslGssapi, default_principal};
use libgssapi::context::{SecurityContext as _, ServerCtx};
use libgssapi::credential::{Cred, CredUsage};

const PATIENCE: Duration = Duration::from_secs(60);

/// A realm `EXAMPLE.TEST` with the person `ann`; ends with the value.
struct Realm {
    folder: tempfile::TempDir,
    kdc: Option<Child>,
}

impl Drop for Realm {
    fn drop(&mut self) {
        self.stop_kdc();
    }
}

impl Realm {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = folder.path().display();
        let config = format!(
            "[libdefaults]\n default_realm = EXAMPLE.TEST\n dns_lookup_realm = false\n dns_lookup_kdc = false\n \
             dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n\
             [realms]\n EXAMPLE.TEST = {{\n  kdc = 127.0.0.1:{port}\n }}\n\
             [domain_realm]\n .example.test = EXAMPLE.TEST\n example.test = EXAMPLE.TEST\n localhost = EXAMPLE.TEST\n"
        );
        let kdc = format!(
            "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n\
             [realms]\n EXAMPLE.TEST = {{\n  database_name = {at}/principal\n  key_stash_file = {at}/stash\n  \
             acl_file = {at}/acl\n  supported_enctypes = aes256-cts-hmac-sha1-96:normal\n }}\n\
             [logging]\n kdc = FILE:{at}/kdc.log\n default = FILE:{at}/krb5.log\n"
        );
        fs::write(folder.path().join("krb5.conf"), config).unwrap();
        fs::write(folder.path().join("kdc.conf"), kdc).unwrap();
        fs::write(folder.path().join("acl"), "").unwrap();
        fs::write(folder.path().join("empty"), "").unwrap();
        let mut realm = Self { folder, kdc: None };
        realm.run("kdb5_util", &["create", "-s", "-r", "EXAMPLE.TEST", "-P", "throw-away"]);
        for (principal, keytab) in [
            ("ann", "ann.keytab"),
            ("xmpp/example.test", "xmpp.keytab"),
            ("HTTP/localhost", "http.keytab"),
            ("HTTP/other.example.test", "other.keytab"),
        ] {
            realm.admin(&format!("add_principal -randkey {principal}"));
            realm.admin(&format!("ktadd -norandkey -k {} {principal}", realm.path(keytab)));
        }
        realm.kdc = Some(realm.command("krb5kdc").args(["-n", "-r", "EXAMPLE.TEST"]).spawn().unwrap());
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < PATIENCE, "krb5kdc does not listen");
            std::thread::yield_now();
        }
        realm
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(Path::new("/usr/sbin").join(program));
        if !Path::new(command.get_program()).exists() {
            command = Command::new(program);
        }
        command
            .env("KRB5_CONFIG", self.path("krb5.conf"))
            .env("KRB5_KDC_PROFILE", self.path("kdc.conf"))
            .env("KRB5CCNAME", format!("FILE:{}", self.path("cache")))
            .env("KRB5RCACHENAME", format!("file2:{}", self.path("replay")))
            .env("KRB5_KTNAME", format!("FILE:{}", self.path("xmpp.keytab")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let status = self.command(program).args(arguments).status();
        let status = status.unwrap_or_else(|e| panic!("{program} ({e}): run `cargo xtask setup` first"));
        assert!(status.success(), "{program} {arguments:?}");
    }

    fn admin(&self, query: &str) {
        self.run("kadmin.local", &["-r", "EXAMPLE.TEST", "-q", query]);
    }

    fn sign_in(&self, lifetime: &str) {
        self.run("kinit", &["-l", lifetime, "-k", "-t", &self.path("ann.keytab"), "ann"]);
    }

    fn stop_kdc(&mut self) {
        if let Some(mut kdc) = self.kdc.take() {
            kdc.kill().ok();
            kdc.wait().ok();
        }
    }

    /// Does `what` in a child process with this realm's environment.
    fn probe(&self, what: &str) -> String {
        let program = std::env::current_exe().unwrap().display().to_string();
        let mut command = self.command(&program);
        command.args(["--exact", "child", "--nocapture"]).env("FLINT_PROBE", what);
        let output = command.stdout(Stdio::piped()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find_map(|line| line.split_once("probe: "));
        line.unwrap_or_else(|| panic!("{what}: {text}")).1.to_owned()
    }
}

/// Not a test of its own: the others run it in a process of its own, see [`Realm::probe`].
#[test]
fn child() {
    let Ok(what) = std::env::var("FLINT_PROBE") else { return };
    let line = match probe(&what.split(' ').collect::<Vec<_>>()) {
        Ok(line) => line,
        Err(failure) => format!("{} {}", failure.kind.code(), failure.kind.reason()),
    };
    writeln!(std::io::stdout(), "\nprobe: {line}").unwrap();
}

fn probe(what: &[&str]) -> Result<String, Failure> {
    match what {
        ["who"] => default_principal().map(|principal| principal.to_string()),
        ["initial", host] => {
            SaslGssapi::new(host, None)?.initial().map(|token| format!("{}", token.len() > 100))
        }
        ["sasl", layers] => sasl(layers.parse().unwrap()),
        ["spnego", host, keytab] => {
            let acceptor = Acceptor::new(Some(keytab.as_ref()))?;
            let mut initiator = Initiator::new(Mechanism::Spnego, "HTTP", host)?;
            let token = initiator.step(None)?.unwrap();
            assert!(!initiator.is_mutual());
            let accepted = acceptor.accept(&token)?;
            // The same token once more is a replay, and a changed one is none.
            let replayed = acceptor.accept(&token).unwrap_err().kind.code();
            let mut changed = token.clone();
            *changed.last_mut().unwrap() ^= 1;
            let changed = acceptor.accept(&changed).unwrap_err().kind.code();
            initiator.step(accepted.reply.as_deref())?;
            Ok(format!(
                "{} {} replayed: {replayed} changed: {changed}",
                accepted.principal,
                initiator.is_mutual()
            ))
        }
        ["liar"] => {
            // A server without the key answers with something.
            let mut initiator = Initiator::new(Mechanism::Spnego, "HTTP", "localhost")?;
            initiator.step(None)?;
            let answer = initiator.step(Some(&[0x60, 0x03, 0x01, 0x02, 0x03]));
            assert!(!initiator.is_complete() && !initiator.is_mutual());
            answer.map(|_| "believed".into())
        }
        other => panic!("{other:?}"),
    }
}

/// A whole RFC 4752 authentication against a server that offers `layers`.
fn sasl(layers: u8) -> Result<String, Failure> {
    let credential = Cred::acquire(None, None, CredUsage::Accept, None).unwrap();
    let mut server = ServerCtx::new(Some(credential));
    let mut client = SaslGssapi::new("example.test", Some("ann@example.test"))?;
    let token = client.initial()?;
    let answer = server.step(&token, None).unwrap().unwrap();
    let empty = client.respond(&answer)?;
    assert!(empty.is_empty() && server.is_complete() && !client.is_complete());
    let offer = server.wrap(false, &[layers, 0, 0x10, 0]).unwrap();
    let choice = client.respond(&offer)?;
    let opened = server.unwrap(&choice).unwrap();
    let again = client.respond(&offer).unwrap_err().kind.code();
    Ok(format!("{:?} {} again: {again}", String::from_utf8_lossy(&opened), client.is_complete()))
}

#[test]
fn a_ticket_signs_in_to_both_services() {
    let realm = Realm::start();
    realm.sign_in("1h");
    assert_eq!(realm.probe("who"), "ann@EXAMPLE.TEST");
    for layers in [1, 7] {
        let done = realm.probe(&format!("sasl {layers}"));
        assert_eq!(done, "\"\\u{1}\\0\\0\\0ann@example.test\" true again: bad-token");
    }
    let insists = realm.probe("sasl 6");
    assert!(insists.starts_with("kerberos-failure"), "{insists}");
    let http = realm.probe(&format!("spnego localhost {}", realm.path("http.keytab")));
    assert_eq!(http, "ann@EXAMPLE.TEST true replayed: bad-token changed: bad-token");
    let liar = realm.probe("liar");
    assert!(liar.starts_with("bad-token"), "{liar}");
}

#[test]
fn failures_are_told_apart() {
    let mut realm = Realm::start();
    let http = format!("spnego localhost {}", realm.path("http.keytab"));
    let expect = |realm: &Realm, what: &str, code: &str| {
        let got = realm.probe(what);
        assert!(got.starts_with(&format!("{code} ")), "{what}: {got} instead of {code}");
        got
    };
    for what in ["who", "initial example.test", &http] {
        expect(&realm, what, "no-ticket");
    }
    realm.sign_in("1h");
    assert!(expect(&realm, "initial no.example.test", "unknown-service").contains("xmpp/no.example.test"));
    let unknown = expect(&realm, &http.replace("localhost", "no.example.test"), "unknown-service");
    assert!(unknown.contains("HTTP/no.example.test"), "{unknown}");
    expect(&realm, "initial example.org", "realm-not-mapped");
    for (keytab, code) in [("other.keytab", "bad-token"), ("missing", "keytab"), ("empty", "keytab")] {
        expect(&realm, &format!("spnego localhost {}", realm.path(keytab)), code);
    }
    realm.sign_in("1s");
    let begin = Instant::now();
    while !realm.probe("initial example.test").starts_with("ticket-expired ") {
        assert!(begin.elapsed() < PATIENCE, "the ticket of one second does not expire");
    }
    for what in ["who", "initial example.test", &http] {
        expect(&realm, what, "ticket-expired");
    }
    realm.sign_in("1h");
    realm.stop_kdc();
    assert_eq!(realm.probe("who"), "ann@EXAMPLE.TEST");
    for what in ["initial example.test", &http] {
        expect(&realm, what, "kdc-unreachable");
    }
}
