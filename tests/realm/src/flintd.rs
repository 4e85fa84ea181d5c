//! Our own server as a process of the realm: configuration, first data, start.

use crate::certificates::{Certificates, write_private};
use crate::kerberos::Kdc;
use crate::office::{self, GROUPS, Person};
use crate::process::{Process, bound_command, run};
use crate::prosody;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running flintd.
#[derive(Debug)]
pub struct Flintd {
    /// The process.
    pub process: Process,
    /// Address of console and policy.
    pub url: String,
    /// Its configuration file, for `flintd admin …`.
    pub config: PathBuf,
    /// `trust.json` for the machine files of a client.
    pub trust: PathBuf,
}

/// What it serves.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The binary.
    pub binary: &'a Path,
    /// Its directory, which must exist.
    pub dir: &'a Path,
    /// XMPP domain.
    pub domain: &'a str,
    /// Kerberos realm.
    pub realm: &'a str,
    /// HTTPS port.
    pub port: u16,
    /// Prosody's component port.
    pub component_port: u16,
    /// Secret of the components.
    pub secret: &'a str,
    /// Everybody.
    pub people: &'a [Person],
    /// Agents of the workgroup, local parts.
    pub agents: &'a [String],
}

impl Flintd {
    /// Writes configuration and first data: groups, names and the workgroup "Demo Support".
    pub fn configure(setup: &Setup<'_>, kdc: &Kdc, certificates: &Certificates) -> Result<PathBuf> {
        let Setup { dir, domain, realm, port, component_port, .. } = *setup;
        let secret_file = dir.join("component.secret");
        write_private(&secret_file, setup.secret.as_bytes())?;
        std::fs::create_dir(dir.join("state"))?;
        let mut config = toml::Table::new();
        let text = |value: &Path| toml::Value::String(value.display().to_string());
        config.insert("domain".into(), domain.into());
        config.insert("state".into(), text(&dir.join("state")));
        config.insert("administrators".into(), vec![format!("{}@{domain}", office::ADMIN)].into());
        let mut http = toml::Table::new();
        http.insert("listen".into(), format!("127.0.0.1:{port}").into());
        http.insert("public_url".into(), format!("https://localhost:{port}/").into());
        http.insert("certificate".into(), text(&certificates.chain));
        http.insert("key".into(), text(&certificates.key));
        config.insert("http".into(), http.into());
        let mut kerberos = toml::Table::new();
        kerberos.insert("keytab".into(), text(&kdc.http_keytab));
        let mut realms = toml::Table::new();
        realms.insert(realm.into(), domain.into());
        kerberos.insert("realms".into(), realms.into());
        config.insert("kerberos".into(), kerberos.into());
        let mut xmpp = toml::Table::new();
        xmpp.insert("host".into(), "127.0.0.1".into());
        xmpp.insert("port".into(), i64::from(component_port).into());
        xmpp.insert("conference".into(), format!("conference.{domain}").into());
        config.insert("xmpp".into(), xmpp.into());
        let kinds = ["policy", "client-control", "workgroup"];
        let components = prosody::COMPONENTS.iter().zip(kinds).map(|(name, kind)| {
            let mut component = toml::Table::new();
            component.insert("kind".into(), kind.into());
            component.insert("domain".into(), format!("{name}.{domain}").into());
            component.insert("secret_file".into(), text(&secret_file));
            toml::Value::Table(component)
        });
        config.insert("components".into(), components.collect::<Vec<_>>().into());
        let file = dir.join("flintd.toml");
        std::fs::write(&file, toml::to_string(&config)?)?;

        for (what, data) in [
            ("groups", groups(domain, setup.people)),
            ("users", users(domain, setup.people)),
            ("workgroups", workgroups(setup)),
        ] {
            let path = dir.join(format!("{what}.json"));
            std::fs::write(&path, serde_json::to_vec(&data)?)?;
            run(Command::new(setup.binary)
                .args(["admin", what, "import"])
                .arg(&path)
                .arg("--config")
                .arg(&file))?;
        }
        Ok(file)
    }

    /// Starts the server that [`Flintd::configure`] prepared and waits until it is ready.
    pub fn start(setup: &Setup<'_>, config: &Path, kdc: &Kdc) -> Result<Self> {
        let log = setup.dir.join("flintd.log");
        let mut command = bound_command(&setup.binary.display().to_string());
        command.args(["run", "--config"]).arg(config);
        command
            .env("KRB5_CONFIG", &kdc.config)
            .env("KRB5_KTNAME", format!("FILE:{}", kdc.http_keytab.display()))
            .env("KRB5RCACHENAME", "none:");
        let mut process = Process::start("flintd", &mut command, &log)?;
        process.wait_until(|| std::fs::read_to_string(&log).is_ok_and(|text| text.contains("\"ready\"")))?;
        let trust = setup.dir.join("trust.json");
        std::fs::write(&trust, admin(setup.binary, "trust-root", config)?)?;
        let url = format!("https://localhost:{}/", setup.port);
        Ok(Self { process, url, config: config.to_owned(), trust })
    }

    /// A one-time password for the administrator's page.
    pub fn one_time_password(binary: &Path, config: &Path) -> Result<String> {
        Ok(admin(binary, "one-time-password", config)?.trim().to_owned())
    }
}

/// What `flintd admin COMMAND` prints.
fn admin(binary: &Path, command: &str, config: &Path) -> Result<String> {
    let output = Command::new(binary)
        .args(["admin", command, "--config"])
        .arg(config)
        .output()
        .context("flintd can't be started")?;
    ensure!(
        output.status.success(),
        "flintd admin {command} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn groups(domain: &str, people: &[Person]) -> Value {
    let group = |(rank, name): (usize, &&str)| {
        let members: Vec<String> = people
            .iter()
            .filter(|person| person.group == *name)
            .map(|person| format!("{}@{domain}", person.user))
            .collect();
        json!({ "id": name.to_lowercase(), "name": name, "rank": rank + 1, "members": members })
    };
    GROUPS.iter().enumerate().map(group).collect()
}

fn users(domain: &str, people: &[Person]) -> Value {
    people
        .iter()
        .map(|person| json!({ "jid": format!("{}@{domain}", person.user), "name": person.name }))
        .collect()
}

fn workgroups(setup: &Setup<'_>) -> Value {
    let agents: Vec<String> = setup.agents.iter().map(|agent| format!("{agent}@{}", setup.domain)).collect();
    json!([{
        "name": "demo",
        "display_name": "Demo Support",
        "description": "First line of help",
        "form": [
            { "var": "username", "label": "Name", "kind": "text-single", "required": true },
            { "var": "email", "label": "E-mail", "kind": "text-single", "required": false },
            { "var": "order", "label": "Order number", "kind": "text-single", "required": false },
            { "var": "question", "label": "Question", "kind": "text-multi", "required": true }
        ],
        "queues": [{ "name": "Default Queue", "agents": agents }]
    }])
}
