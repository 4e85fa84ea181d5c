//! The test realm: a Kerberos KDC, a Prosody and a flintd on loopback, in a directory of their own, on ports of their
//! own, with an office of people, rooms and history; gone without a trace when it ends.
//!
//! The realm starts real programs and waits for them; it runs on the main thread, because the kernel ends its
//! children when the thread that started them ends.

pub mod certificates;
pub mod dns;
pub mod flintd;
pub mod kerberos;
pub mod office;
pub mod process;
pub mod prosody;

use anyhow::{Context, Result, bail};
use certificates::Certificates;
use flintd::Flintd;
use kerberos::Kdc;
use prosody::{Extras, Ports, Prosody};
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const DOMAIN: &str = "example.test";
const KERBEROS_REALM: &str = "EXAMPLE.TEST";

/// What realm to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// People in it, at least those who speak in the history.
    pub users: usize,
    /// Agents of the workgroup.
    pub agents: usize,
    /// The flintd binary.
    pub flintd: PathBuf,
    /// What is there for measurements.
    pub extras: Extras,
}

/// A running realm. Dropping it stops all servers and removes the directory.
#[derive(Debug)]
pub struct Realm {
    /// Our server. Fields are dropped in this order.
    pub flintd: Flintd,
    /// XMPP server.
    pub prosody: Prosody,
    /// Kerberos.
    pub kdc: Kdc,
    report: Value,
    _dir: tempfile::TempDir,
}

impl Realm {
    /// Starts everything and returns when everything answers. `progress` gets one sentence per step.
    pub fn start(options: &Options, progress: &mut dyn FnMut(&str)) -> Result<Self> {
        if !options.flintd.exists() {
            bail!("{} is not built; run `cargo build --workspace`", options.flintd.display());
        }
        let temp =
            tempfile::Builder::new().prefix("flint-realm-").tempdir().context("no temporary directory")?;
        let root = temp.path();
        let sub = |name: &str| -> Result<PathBuf> {
            let path = root.join(name);
            std::fs::create_dir(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
            Ok(path)
        };
        let people = office::people(options.users);
        let agents = office::agents(&people, options.agents);
        let ports = process::free_ports(6)?;
        let [kdc_port, starttls, direct, component, https, console] = ports[..] else {
            bail!("asked for six ports");
        };
        let secret = random_hex()?;

        progress("Starting Kerberos");
        let certificates = Certificates::create(&sub("tls")?, DOMAIN)?;
        let accounts: Vec<(String, String)> =
            people.iter().map(|person| (person.user.clone(), person.password.clone())).collect();
        let kdc = Kdc::start(&sub("kerberos")?, KERBEROS_REALM, DOMAIN, kdc_port, &accounts)?;

        progress("Starting Prosody");
        let prosody_dir = sub("prosody")?;
        let prosody_ports = Ports { starttls, direct, component, https };
        Prosody::configure(
            &prosody_dir,
            DOMAIN,
            prosody_ports,
            &people,
            &secret,
            &certificates,
            options.extras,
        )?;
        let prosody = Prosody::start(&prosody_dir, prosody_ports, &kdc)?;
        let dns = dns::start(DOMAIN, dns::XmppPorts { starttls, direct })?;

        progress("Starting flintd");
        let flintd_dir = sub("flintd")?;
        let setup = flintd::Setup {
            binary: &options.flintd,
            dir: &flintd_dir,
            domain: DOMAIN,
            realm: KERBEROS_REALM,
            port: console,
            component_port: component,
            secret: &secret,
            people: &people,
            agents: &agents,
        };
        let config = Flintd::configure(&setup, &kdc, &certificates)?;
        let flintd = Flintd::start(&setup, &config, &kdc)?;
        let password = Flintd::one_time_password(&options.flintd, &config)?;

        let users: serde_json::Map<String, Value> = people
            .iter()
            .map(|person| {
                let groups: Vec<&str> =
                    (!person.group.is_empty()).then_some(person.group).into_iter().collect();
                let value = json!({ "password": person.password, "groups": groups, "name": person.name });
                (person.user.clone(), value)
            })
            .collect();
        let path = |path: &Path| path.display().to_string();
        let report = json!({
            "format": 1,
            "domain": DOMAIN,
            "host": "127.0.0.1",
            "c2s_port": starttls,
            "c2s_tls_port": direct,
            "component_port": component,
            "component_secret": secret,
            "ca": path(&certificates.ca),
            "krb5_realm": KERBEROS_REALM,
            "krb5_config": path(&kdc.config),
            "krb5_ccache": kdc.caches.iter().map(|(user, cache)| (user.clone(), path(cache).into()))
                .collect::<serde_json::Map<_, Value>>(),
            "http_spn": "HTTP@localhost",
            "dns": dns.to_string(),
            "console_url": flintd.url,
            "webchat_url": Value::Null,
            "trust_root": path(&flintd.trust),
            "workgroups": [format!("demo@workgroup.{DOMAIN}")],
            "users": users,
            "agents": agents,
            "admin": office::ADMIN,
            "admin_password": password,
            "conference": format!("conference.{DOMAIN}"),
            "upload": format!("upload.{DOMAIN}"),
            "mechanisms": ["GSSAPI", "SCRAM-SHA-256", "SCRAM-SHA-1"],
            "customer": office::CUSTOMER,
            "rooms": office::ROOMS.iter().map(|(room, _)| format!("{room}@conference.{DOMAIN}")).collect::<Vec<_>>(),
            "dir": path(root),
            "flintd_config": path(&flintd.config),
            "pids": {
                "krb5kdc": kdc.process.id(),
                "prosody": prosody.process.id(),
                "flintd": flintd.process.id(),
            },
        });
        Ok(Self { flintd, prosody, kdc, report, _dir: temp })
    }

    /// Tells on standard error which servers have ended by themselves, each once; `told` holds those already named.
    pub fn tell_ended(&mut self, told: &mut Vec<&'static str>) {
        for process in [&mut self.flintd.process, &mut self.prosody.process, &mut self.kdc.process] {
            if !process.is_running() && !told.contains(&process.name()) {
                told.push(process.name());
                // Nobody may be reading; the realm goes on without that server.
                let _ = writeln!(
                    std::io::stderr(),
                    "realm: {} has ended:\n{}",
                    process.name(),
                    process.log_end()
                );
            }
        }
    }

    /// The description that `realm up` prints as one line.
    pub fn report(&self) -> &Value {
        &self.report
    }
}

fn random_hex() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
