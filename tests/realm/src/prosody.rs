//! Debian's Prosody as an ordinary process of the realm.

use crate::certificates::Certificates;
use crate::kerberos::Kdc;
use crate::office::{self, Person, ROOMS};
use crate::process::{Process, answers, bound_command};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Ports of the server.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// STARTTLS.
    pub starttls: u16,
    /// TLS from the first byte.
    pub direct: u16,
    /// XEP-0114 components.
    pub component: u16,
    /// HTTP upload over TLS.
    pub https: u16,
}

/// A running Prosody. Its state is in files, so it may be stopped and started again.
#[derive(Debug)]
pub struct Prosody {
    /// The process.
    pub process: Process,
    /// Its ports.
    pub ports: Ports,
}

/// What a realm has for measurements only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras {
    /// Invented colleagues in Ann's roster, a fifth of them online. They have no account.
    pub roster: usize,
    /// A component `load.DOMAIN` for a load generator, which plays agents and customers.
    pub load: bool,
}

/// Domains of the components, all served by flintd.
pub const COMPONENTS: [&str; 3] = ["flint", "manager", "workgroup"];

impl Prosody {
    /// Writes the configuration into `dir` (which must exist).
    pub fn configure(
        dir: &Path,
        domain: &str,
        ports: Ports,
        people: &[Person],
        secret: &str,
        certificates: &Certificates,
        extras: Extras,
    ) -> Result<()> {
        std::fs::create_dir(dir.join("data"))?;
        std::fs::create_dir(dir.join("certs"))?;
        std::fs::create_dir(dir.join("modules"))?;
        std::fs::create_dir(dir.join("sasl"))?;
        std::fs::write(
            dir.join("modules/mod_auth_flint_realm.lua"),
            include_str!("../prosody/mod_auth_flint_realm.lua"),
        )?;
        std::fs::write(
            dir.join("modules/mod_flint_realm_history.lua"),
            include_str!("../prosody/mod_flint_realm_history.lua"),
        )?;
        std::fs::write(
            dir.join("modules/mod_flint_realm_crowd.lua"),
            include_str!("../prosody/mod_flint_realm_crowd.lua"),
        )?;
        std::fs::write(dir.join("sasl/prosody.conf"), "mech_list: GSSAPI\n")?;
        let passwords: serde_json::Map<String, serde_json::Value> =
            people.iter().map(|person| (person.user.clone(), person.password.clone().into())).collect();
        std::fs::write(dir.join("passwords.json"), serde_json::to_vec(&passwords)?)?;
        let names: serde_json::Map<String, serde_json::Value> =
            people.iter().map(|person| (person.user.clone(), person.name.clone().into())).collect();
        std::fs::write(dir.join("names.json"), serde_json::to_vec(&names)?)?;
        std::fs::write(dir.join("groups.txt"), groups_file(domain, people)?)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs();
        let (accounts, rooms) = office::history(domain, now as i64)?;
        for (name, list) in [("accounts.jsonl", accounts), ("rooms.jsonl", rooms)] {
            let mut file = BufWriter::new(std::fs::File::create(dir.join(name))?);
            for entry in list {
                serde_json::to_writer(&mut file, &entry)?;
                file.write_all(b"\n")?;
            }
            file.flush()?;
        }
        std::fs::write(
            dir.join("prosody.cfg.lua"),
            configuration(dir, domain, ports, secret, certificates, extras)?,
        )?;
        Ok(())
    }

    /// Starts the server that [`Prosody::configure`] prepared in `dir` and waits until it answers.
    pub fn start(dir: &Path, ports: Ports, kdc: &Kdc) -> Result<Self> {
        let mut command = bound_command("prosody");
        command.arg("--config").arg(dir.join("prosody.cfg.lua")).arg("-F");
        command
            .env("KRB5_CONFIG", &kdc.config)
            .env("KRB5_KTNAME", format!("FILE:{}", kdc.xmpp_keytab.display()))
            .env("KRB5RCACHENAME", "none:")
            .env("SASL_CONF_PATH", dir.join("sasl"));
        let mut process = Process::start("prosody", &mut command, &dir.join("prosody.out"))?;
        process.wait_until(|| [ports.starttls, ports.direct, ports.component].into_iter().all(answers))?;
        Ok(Self { process, ports })
    }

    /// Where its log is.
    pub fn log(dir: &Path) -> PathBuf {
        dir.join("prosody.log")
    }
}

/// Everybody sees everybody, in the groups of the organisation (Prosody's mod_groups; `+` makes a group public).
fn groups_file(domain: &str, people: &[Person]) -> Result<String> {
    let mut text = String::new();
    for group in office::GROUPS {
        writeln!(text, "[+{group}]")?;
        for person in people.iter().filter(|person| person.group == group) {
            writeln!(text, "{}@{domain}={}", person.user, person.name)?;
        }
    }
    Ok(text)
}

fn configuration(
    dir: &Path,
    domain: &str,
    ports: Ports,
    secret: &str,
    certificates: &Certificates,
    extras: Extras,
) -> Result<String> {
    let Ports { starttls, direct, component, https } = ports;
    let (chain, key) = (certificates.chain.display(), certificates.key.display());
    let dir = dir.display();
    let Extras { roster, load } = extras;
    let root = if rustix::process::geteuid().is_root() { "run_as_root = true\n" } else { "" };
    let mut text = format!(
        r#"{root}pidfile = "{dir}/prosody.pid"
data_path = "{dir}/data"
plugin_paths = {{ "{dir}/modules" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {starttls} }}
c2s_direct_tls_ports = {{ {direct} }}
s2s_ports = {{}}
s2s_direct_tls_ports = {{}}
component_ports = {{ {component} }}
component_interfaces = {{ "127.0.0.1" }}
http_ports = {{}}
https_ports = {{ {https} }}
https_interfaces = {{ "127.0.0.1" }}
https_ssl = {{ certificate = "{chain}", key = "{key}" }}
ssl = {{ certificate = "{chain}", key = "{key}" }}
c2s_direct_tls_ssl = {{ certificate = "{chain}", key = "{key}" }}
c2s_require_encryption = true
allow_registration = false
modules_enabled = {{
	"disco", "roster", "saslauth", "tls", "blocklist", "bookmarks", "carbons", "pep", "private", "smacks", "groups",
	"vcard", "csi_simple", "ping", "time", "version", "mam", "offline", "posix", "lastactivity",
	"flint_realm_history", "flint_realm_crowd",
}}
modules_disabled = {{ "s2s", "s2s_auth_certs", "dialback" }}
smacks_hibernation_time = 120
archive_expires_after = "never"
muc_log_expires_after = "never"
storage = {{ archive = "sql", muc_log = "sql" }}
sql = {{ driver = "SQLite3", database = "{dir}/data/archive.sqlite" }}
groups_file = "{dir}/groups.txt"
flint_realm_passwords = "{dir}/passwords.json"
log = {{ {{ levels = {{ min = "info" }}, to = "file", filename = "{dir}/prosody.log" }} }}

VirtualHost "{domain}"
	authentication = "flint_realm"
	cyrus_service_name = "xmpp"
	cyrus_server_fqdn = "{domain}"
	flint_realm_history = "{dir}/accounts.jsonl"
	flint_realm_names = "{dir}/names.json"
	flint_realm_crowd = {roster}

Component "conference.{domain}" "muc"
	modules_enabled = {{ "muc_mam", "vcard_muc", "flint_realm_history" }}
	restrict_room_creation = false
	muc_room_default_persistent = false
	flint_realm_history = "{dir}/rooms.jsonl"
	flint_realm_rooms = {{
"#
    );
    for (room, name) in ROOMS {
        writeln!(text, "\t\t[\"{room}@conference.{domain}\"] = \"{name}\";")?;
    }
    write!(
        text,
        r#"	}}

Component "upload.{domain}" "http_file_share"
	http_host = "localhost"
	http_external_url = "https://localhost:{https}/"
"#
    )?;
    for name in COMPONENTS.into_iter().chain(load.then_some("load")) {
        write!(text, "\nComponent \"{name}.{domain}\"\n\tcomponent_secret = \"{secret}\"\n")?;
    }
    Ok(text)
}
