//! The test realm as a child process, and the clients that are started in it.

use crate::driver::{Driver, PYTHON, bound_command};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running realm with a directory for the state of the clients.
#[derive(Debug)]
pub struct Realm {
    driver: Driver,
    /// What `realm up` printed.
    pub report: Value,
    /// Scratch directory inside the realm's, which removes it at the end.
    pub dir: PathBuf,
    programs: PathBuf,
}

impl Realm {
    /// Starts a realm. `programs` is the folder of our binaries.
    pub fn start(programs: &Path) -> Result<Self> {
        Self::start_with(programs, &[])
    }

    /// Starts a realm with these options of `realm up`.
    pub fn start_with(programs: &Path, options: &[&str]) -> Result<Self> {
        let mut command = bound_command(programs.join("flint-realm"));
        let mut driver = Driver::start("the realm", command.arg("up").args(options))?;
        let report = driver.wait("the realm", |line| (line["format"] == json!(1)).then(|| line.clone()))?;
        let dir = Path::new(report["dir"].as_str().context("the realm names no directory")?).join("clients");
        std::fs::create_dir(&dir)?;
        for (name, text) in [
            ("window.py", include_str!("../drivers/window.py")),
            ("peer.py", include_str!("../drivers/peer.py")),
            ("browser.py", include_str!("../drivers/browser.py")),
            ("console.py", include_str!("../drivers/console.py")),
        ] {
            std::fs::write(dir.join(name), text)?;
        }
        Ok(Self { driver, report, dir, programs: programs.to_owned() })
    }

    /// A text of the report.
    pub fn text(&self, key: &str) -> &str {
        self.report[key].as_str().unwrap_or_default()
    }

    /// Process id of a server, for tests that end it.
    pub fn pid(&self, server: &str) -> Option<i32> {
        self.report["pids"][server].as_i64().and_then(|pid| i32::try_from(pid).ok())
    }

    /// The bare JID of a person.
    pub fn jid(&self, user: &str) -> String {
        format!("{user}@{}", self.text("domain"))
    }

    /// Environment in which `user`'s ticket is found.
    pub fn ticket<'a>(&self, command: &'a mut Command, user: &str) -> &'a mut Command {
        let cache = self.report["krb5_ccache"][user].as_str().unwrap_or_default();
        command.env("KRB5_CONFIG", self.text("krb5_config")).env("KRB5CCNAME", format!("FILE:{cache}"))
    }

    /// Options of `flint` and `flint-cli` in this realm, with the state in `state`.
    pub fn client_options(&self, state: &Path) -> Vec<String> {
        ["--dns", self.text("dns"), "--ca", self.text("ca"), "--state", &state.display().to_string()]
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// One of our programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// A scratch directory for somebody's state.
    pub fn state(&self, name: &str) -> Result<PathBuf> {
        let path = self.dir.join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// A client that is not ours, signed in as `user` by password.
    pub fn peer(&self, user: &str) -> Result<Driver> {
        let password = self.report["users"][user]["password"].as_str().context("unknown user")?;
        let mut command = bound_command(PYTHON);
        command.arg(self.dir.join("peer.py"));
        command.args([&format!("{}/desk", self.jid(user)), password, self.text("host")]);
        command.arg(self.report["c2s_port"].to_string()).arg(self.text("ca"));
        let mut peer = Driver::start("the peer", command.stderr(std::process::Stdio::null()))?;
        peer.wait("the peer's sign-in", |line| (line["event"] == json!("online")).then_some(()))?;
        Ok(peer)
    }

    /// The console by its pages alone, signed in with a new one-time password.
    pub fn console(&self) -> Result<Driver> {
        let password = self.admin(&["one-time-password"])?.trim().to_owned();
        let mut command = bound_command(PYTHON);
        command.arg(self.dir.join("console.py")).args([self.text("console_url"), self.text("ca"), &password]);
        let mut console = Driver::start("the console", &mut command)?;
        console.wait("the console's sign-in", |line| (line["event"] == json!("online")).then_some(()))?;
        Ok(console)
    }

    /// Runs `flintd admin` on the realm's flintd, which takes the change at once.
    pub fn admin(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(self.program("flintd"))
            .arg("admin")
            .args(arguments)
            .args(["--config", self.text("flintd_config")])
            .output()
            .context("flintd can't be started")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "flintd admin {arguments:?}: {words}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// True once the realm has ended without being told.
    pub fn has_ended(&mut self) -> bool {
        self.driver.has_ended()
    }

    /// Ends the realm and waits until everything is gone.
    pub fn stop(self) {
        drop(self.driver);
    }
}
