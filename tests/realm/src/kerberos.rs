//! A throwaway MIT Kerberos realm: KDC, principals, keytabs and one ticket cache per person.

use crate::process::{Process, answers, bound_command, run};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A running KDC with its files.
#[derive(Debug)]
pub struct Kdc {
    /// The KDC process.
    pub process: Process,
    /// `krb5.conf` for everybody who uses this realm.
    pub config: PathBuf,
    /// Keys of `xmpp/DOMAIN`.
    pub xmpp_keytab: PathBuf,
    /// Keys of `HTTP/localhost`.
    pub http_keytab: PathBuf,
    /// Ticket cache per person.
    pub caches: BTreeMap<String, PathBuf>,
}

impl Kdc {
    /// Starts the KDC in `dir` (which must exist) and fetches a ticket for each of `people`: (name, password).
    pub fn start(
        dir: &Path,
        realm: &str,
        domain: &str,
        port: u16,
        people: &[(String, String)],
    ) -> Result<Self> {
        let config = dir.join("krb5.conf");
        let kdc_config = dir.join("kdc.conf");
        std::fs::write(&config, client_config(dir, realm, domain, port))?;
        std::fs::write(&kdc_config, server_config(dir, realm, port))?;
        std::fs::write(dir.join("kadm5.acl"), "")?;
        let tool = |program: &str| {
            let mut command = Command::new(program);
            command.env("KRB5_CONFIG", &config).env("KRB5_KDC_PROFILE", &kdc_config);
            command
        };
        run(tool("kdb5_util").args(["create", "-s", "-W", "-r", realm, "-P", "throwaway-master"]))?;

        let xmpp_keytab = dir.join("xmpp.keytab");
        let http_keytab = dir.join("http.keytab");
        let people_keytab = dir.join("people.keytab");
        let mut script = String::new();
        for (name, password) in people {
            writeln!(script, "add_principal -pw {password} {name}")?;
            writeln!(script, "ktadd -k {} -norandkey {name}", people_keytab.display())?;
        }
        for (service, keytab) in
            [(format!("xmpp/{domain}"), &xmpp_keytab), ("HTTP/localhost".to_owned(), &http_keytab)]
        {
            writeln!(script, "add_principal -randkey {service}")?;
            writeln!(script, "ktadd -k {} -norandkey {service}", keytab.display())?;
        }
        kadmin(tool("kadmin.local").args(["-r", realm]), &script)?;
        for keytab in [&xmpp_keytab, &http_keytab, &people_keytab] {
            if !keytab.exists() {
                bail!("kadmin.local made no {}", keytab.display());
            }
        }

        let mut command = bound_command("krb5kdc");
        command.args(["-n", "-r", realm, "-P"]).arg(dir.join("kdc.pid"));
        command.env("KRB5_CONFIG", &config).env("KRB5_KDC_PROFILE", &kdc_config);
        let mut process = Process::start("krb5kdc", &mut command, &dir.join("kdc.out"))?;
        process.wait_until(|| answers(port))?;

        let mut caches = BTreeMap::new();
        std::fs::create_dir(dir.join("caches"))?;
        for (name, _) in people {
            let cache = dir.join("caches").join(name);
            run(tool("kinit").args(["-k", "-t"]).arg(&people_keytab).arg("-c").arg(&cache).arg(name))?;
            caches.insert(name.clone(), cache);
        }
        Ok(Self { process, config, xmpp_keytab, http_keytab, caches })
    }
}

fn kadmin(command: &mut Command, script: &str) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("kadmin.local can't be started; run `cargo xtask setup`")?;
    child.stdin.take().context("kadmin.local has no standard input")?.write_all(script.as_bytes())?;
    let status = child.wait()?;
    if !status.success() {
        bail!("kadmin.local failed ({status})");
    }
    Ok(())
}

fn client_config(dir: &Path, realm: &str, domain: &str, port: u16) -> String {
    let dir = dir.display();
    format!(
        "[libdefaults]
  default_realm = {realm}
  dns_lookup_realm = false
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  default_ccache_name = FILE:{dir}/no-cache
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
[domain_realm]
  .{domain} = {realm}
  {domain} = {realm}
  localhost = {realm}
"
    )
}

fn server_config(dir: &Path, realm: &str, port: u16) -> String {
    let dir = dir.display();
    format!(
        "[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {dir}/principal
    key_stash_file = {dir}/stash
    acl_file = {dir}/kadm5.acl
    max_life = 10h
    supported_enctypes = aes256-cts-hmac-sha1-96:normal
  }}
[logging]
  kdc = FILE:{dir}/kdc.log
  default = FILE:{dir}/krb5.log
"
    )
}
