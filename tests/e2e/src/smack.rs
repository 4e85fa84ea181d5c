//! Clients by Smack, the library in Spark: fetched and compiled once, then driven like the other peers.

use crate::driver::{Driver, bound_command};
use crate::realm::Realm;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The harness: a Maven project that only fetches, and sources of ours.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../peers/smack");

/// The compiled harness.
#[derive(Debug)]
pub struct Harness {
    class_path: String,
}

impl Harness {
    /// Fetches the jars, unless they are there, makes sure that they are the ones we know, and compiles our sources.
    pub fn prepare(target: &Path) -> Result<Self> {
        let folder = target.join("smack");
        let (jars, classes) = (folder.join("lib"), folder.join("classes"));
        std::fs::create_dir_all(&classes)?;
        let sources = Path::new(SOURCES);
        if !are_known(&jars)? {
            let mut maven = Command::new("mvn");
            // A checksum that does not fit ends it.
            maven
                .args(["--batch-mode", "--quiet", "--strict-checksums", "--file"])
                .arg(sources.join("pom.xml"));
            maven.arg("dependency:copy-dependencies");
            maven.arg(format!("-DoutputDirectory={}", jars.display()));
            run(&mut maven, "mvn")?;
            ensure!(are_known(&jars)?, "the jars in {} are not those of jars.sha256", jars.display());
        }
        let mut compiler = Command::new("javac");
        compiler.args(["-Xlint:all", "-Werror", "-d"]).arg(&classes);
        compiler.arg("-cp").arg(jars.join("*"));
        let mut files: Vec<PathBuf> = std::fs::read_dir(sources.join("src"))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()?;
        files.sort();
        run(compiler.args(files), "javac")?;
        Ok(Self { class_path: format!("{}:{}/*", classes.display(), jars.display()) })
    }

    /// Signs `user` in, as `agent` or `customer` of this workgroup.
    pub fn peer(&self, realm: &Realm, part: &str, user: &str, workgroup: &str) -> Result<Peer> {
        let password = realm.report["users"][user]["password"].as_str().context("unknown user")?;
        let mut command = bound_command("java");
        command.args(["-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", &self.class_path]);
        command.args(["Peer", part, user, password, realm.text("domain"), realm.text("host")]);
        command.arg(realm.report["c2s_port"].to_string()).arg(realm.text("ca")).arg(workgroup);
        let log = std::fs::File::create(realm.dir.join(format!("smack-{user}.log")))?;
        let driver = Driver::start("a Smack peer", command.stderr(log))?;
        let mut peer = Peer { driver, user: user.to_owned(), seen: Vec::new() };
        peer.event("online", |_| true)?;
        Ok(peer)
    }
}

/// The jars are there, and are what they must be.
fn are_known(jars: &Path) -> Result<bool> {
    if !jars.exists() {
        return Ok(false);
    }
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--status", "--strict"]).arg(Path::new(SOURCES).join("jars.sha256"));
    Ok(check.current_dir(jars).status().context("sha256sum can't be started")?.success())
}

fn run(command: &mut Command, name: &str) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{name} can't be started; run `cargo xtask setup`"))?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{name} failed: {}", String::from_utf8_lossy(&said));
    Ok(())
}

/// Somebody with a client by Smack.
#[derive(Debug)]
pub struct Peer {
    driver: Driver,
    user: String,
    seen: Vec<Value>,
}

impl Peer {
    /// Carries a command out; its refusal is an error.
    pub fn ask(&mut self, command: &str) -> Result<()> {
        let answer = self.answer(command)?;
        ensure!(answer == "done", "{}: {command}: {answer}", self.user);
        Ok(())
    }

    /// Carries a command out and returns `done`, or the condition with which it was refused.
    pub fn answer(&mut self, command: &str) -> Result<String> {
        self.driver.send_line(command)?;
        let name = command.split(' ').next().unwrap_or_default().to_owned();
        let ended = |it: &Value| it["event"] == json!("done") || it["event"] == json!("failed");
        let answer = self.find(&name, |it| ended(it) && it["command"] == json!(name))?;
        Ok(answer["condition"].as_str().unwrap_or("done").to_owned())
    }

    /// Carries a command out and returns one text of the event that it leads to.
    pub fn value(&mut self, command: &str, event: &str, key: &str) -> Result<String> {
        self.ask(command)?;
        let found = self.event(event, |_| true)?;
        found[key].as_str().map(str::to_owned).with_context(|| format!("{event} has no {key}: {found}"))
    }

    /// The next event of this name that fits; others before it stay for later.
    pub fn event(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        self.find(name, |it| it["event"] == json!(name) && fits(it))
    }

    fn find(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        if let Some(at) = self.seen.iter().position(&fits) {
            return Ok(self.seen.remove(at));
        }
        let seen = &mut self.seen;
        let found = self.driver.wait(what, |line| {
            if fits(line) {
                return Some(line.clone());
            }
            seen.push(line.clone());
            None
        });
        found.with_context(|| format!("{} has seen {:?}", self.user, self.seen))
    }
}
