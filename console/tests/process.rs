//! The program itself: start, TLS, admin commands, signals, and one sentence for everything that is wrong.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flintd");

struct Files {
    directory: tempfile::TempDir,
    certificate: rcgen::CertifiedKey<rcgen::KeyPair>,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let files = Self { directory, certificate };
        std::fs::write(files.path("cert.pem"), files.certificate.cert.pem()).unwrap();
        std::fs::write(files.path("key.pem"), files.certificate.signing_key.serialize_pem()).unwrap();
        files.mode("key.pem", 0o600);
        files.configure("127.0.0.1:0");
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn mode(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn configure(&self, listen: &str) {
        let text = format!(
            "domain = 'example.test'\nstate = 'state'\n[http]\nlisten = '{listen}'\n\
             public_url = 'https://localhost/'\ncertificate = 'cert.pem'\nkey = 'key.pem'\n"
        );
        std::fs::write(self.path("flintd.toml"), text).unwrap();
    }

    fn start(&self) -> Running {
        let mut child = Command::new(PROGRAM)
            .args(["run", "--config"])
            .arg(self.path("flintd.toml"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["event"], "ready");
        let url = ready["http"].as_str().unwrap().to_owned();
        Running { child, url }
    }

    fn refused(&self) -> String {
        let output = Command::new(PROGRAM).args(["run", "--config"]).arg(self.path("flintd.toml")).output();
        let output = output.unwrap();
        assert!(!output.status.success());
        assert!(output.stdout.is_empty(), "not ready");
        let text = String::from_utf8(output.stderr).unwrap();
        let sentences: Vec<&str> = text.lines().filter(|line| !line.starts_with('{')).collect();
        assert_eq!(sentences.len(), 1, "{text}");
        sentences[0].to_owned()
    }

    fn admin(&self, arguments: &[&str], file: Option<&Path>) -> Output {
        let mut command = Command::new(PROGRAM);
        command.arg("admin").args(arguments).args(file).arg("--config").arg(self.path("flintd.toml"));
        command.output().unwrap()
    }
}

struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success()
        );
    }

    fn port(&self) -> &str {
        self.url.trim_end_matches('/').rsplit(':').next().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_https_takes_imports_while_it_runs_and_stops_in_order() {
    let files = Files::new();
    let mut running = files.start();
    // Another test of this process may have installed it first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root = reqwest::Certificate::from_pem(files.certificate.cert.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([root]).no_proxy().build().unwrap();
    let get = async |path: &str| {
        let url = format!("https://localhost:{}{path}", running.port());
        client.get(url).send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(get("/healthz").await, "ok\n");
    assert!(get("/metrics").await.contains("\nflint_policy_version 1\n"));
    let groups = files.path("groups.json");
    std::fs::write(&groups, r#"[{"id":"a","name":"A","rank":1,"members":["ann@example.test"]}]"#).unwrap();
    let output = files.admin(&["groups", "import"], Some(&groups));
    assert!(String::from_utf8_lossy(&output.stdout).contains("version 2 now (in effect)"), "{output:?}");
    assert!(get("/metrics").await.contains("\nflint_policy_version 2\n"));
    let trust = files.admin(&["trust-root"], None);
    flint_policy::TrustFile::parse(std::str::from_utf8(&trust.stdout).unwrap()).unwrap();

    let second = files.refused();
    assert!(second.contains("Another flintd is running"), "{second}");
    running.signal("-HUP");
    assert_eq!(get("/healthz").await, "ok\n", "SIGHUP does not stop it");
    running.signal("-TERM");
    assert!(running.child.wait().unwrap().success());

    // The root key lies elsewhere, and a new root comes back signed.
    let (kept, next) = (files.path("kept.key"), files.path("next.json"));
    std::fs::rename(files.path("state/root.key"), &kept).unwrap();
    let made = files.admin(&["root", "next", "--new-signing-key"], Some(&next));
    assert!(made.status.success(), "{made:?}");
    let unsigned = files.admin(&["root", "install"], Some(&next));
    assert!(String::from_utf8_lossy(&unsigned.stderr).contains("The root is refused"), "{unsigned:?}");
    let public = |file: &str| {
        let root = std::fs::read(files.path(file)).unwrap();
        let root = flint_policy::RootDraft::from_json(&root).unwrap().document().clone();
        let text =
            |key: &flint_policy::PublicKey| serde_json::to_value(key).unwrap().as_str().unwrap().to_owned();
        (text(&root.root_keys[0]), text(&root.signing_keys[0]))
    };
    let (root_key, old_key) = public("state/roots/1.json");
    let (_, new_key) = public("next.json");
    let sign = |more: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["admin", "root", "sign"]).arg(&next).arg("--key").arg(&kept);
        let output = command.arg("--old").arg(files.path("state/roots/1.json")).args(more).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    // What is signed is shown first, and nothing is signed before somebody has looked at it.
    let before = std::fs::read(&next).unwrap();
    let (signed, shown, refused) = sign(&[]);
    assert!(!signed && refused.contains("Nothing is signed yet") && refused.contains("--yes"), "{refused}");
    assert_eq!(std::fs::read(&next).unwrap(), before);
    for line in [
        "Root 2 of example.test, epoch 1.".to_owned(),
        format!("  {root_key}"),
        format!("  {new_key}  NEW"),
        format!("  {old_key}  GONE"),
    ] {
        assert!(shown.lines().any(|it| it == line), "{line}\n{shown}");
    }
    let (signed, shown, refused) = sign(&["--yes"]);
    assert!(signed && shown.contains("Signatures: 1."), "{shown}{refused}");
    let installed = files.admin(&["root", "install"], Some(&next));
    assert!(String::from_utf8_lossy(&installed.stdout).contains("Root 2 is installed"), "{installed:?}");
    let again = files.start();
    assert!(again.url.starts_with("https://"), "and it starts again");
    let trust = files.admin(&["trust-root"], None);
    let trust = flint_policy::TrustFile::parse(std::str::from_utf8(&trust.stdout).unwrap()).unwrap();
    assert_eq!((trust.trust.root().version, trust.trust.root().epoch), (2, 1));
}

#[test]
fn an_import_is_told_by_its_own_name_and_a_second_one_changes_nothing() {
    let files = Files::new();
    for (command, content, first, help) in [
        (
            "groups",
            r#"[{"id":"a","name":"A","rank":1,"members":["ann@example.test"]}]"#,
            "Groups imported: 1, policies are version 1 now (in effect when flintd starts).",
            "Replace all groups",
        ),
        (
            "users",
            r#"[{"jid":"ann@example.test","name":"Ann"},{"jid":"bob@example.test","name":"Bob"}]"#,
            "Users imported: 2, new or renamed: 2 (in effect when flintd starts).",
            "Nobody is removed",
        ),
        (
            "workgroups",
            r#"[{"name":"support","queues":[{"name":"Default Queue","agents":["ann@example.test"]}]}]"#,
            "Workgroups imported: 1 (in effect when flintd starts).",
            "Replace all workgroups",
        ),
    ] {
        let file = files.path(command);
        std::fs::write(&file, content).unwrap();
        let said = || {
            let output = files.admin(&[command, "import"], Some(&file));
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
        };
        assert_eq!(said(), first);
        let noun = first.split(' ').next().unwrap();
        assert_eq!(said(), format!("{noun} imported: nothing changed."));
        let output = Command::new(PROGRAM).args(["admin", command, "import", "--help"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(help), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let files = Files::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    files.configure(&address);
    let text = files.refused();
    assert!(text.contains(&address) && text.contains("in use"), "{text}");
    files.configure("127.0.0.1:0");
    files.mode("key.pem", 0o640);
    assert!(files.refused().contains("chmod 600"));
    files.mode("key.pem", 0o600);
    files.mode("state/signing.key", 0o604);
    assert!(files.refused().contains("chmod 600"));
    files.mode("state/signing.key", 0o600);
    std::fs::write(files.path("state/roots/1.json"), "{}").unwrap();
    assert!(files.refused().contains("root document"));
    std::fs::write(files.path("cert.pem"), "nothing").unwrap();
    assert!(files.refused().contains("cert.pem"));
    let groups = files.path("groups.json");
    std::fs::write(&groups, r#"[{"id":"a","name":"A","rank":0,"members":[]}]"#).unwrap();
    let output = files.admin(&["groups", "import"], Some(&groups));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("rank of its own"), "{output:?}");
}
