//! Installs what Flint needs on Debian 12, without starting or enabling a server.

use crate::{Result, say};
use std::path::Path;
use std::process::{Command, Stdio};

/// To build it.
const BUILD: &[&str] = &[
    "build-essential",
    "pkg-config",
    "libclang-dev",
    "libgtk-4-dev",
    "libadwaita-1-dev",
    "libkrb5-dev",
    "libssl-dev",
];

/// To run realm, window, console and story.
const RUN: &[&str] = &[
    "krb5-kdc",
    "krb5-admin-server",
    "krb5-user",
    "prosody",
    "prosody-modules",
    "lua-cyrussasl",
    "lua-sec",
    "lua-dbi-sqlite3",
    "lua-unbound",
    "libsasl2-modules-gssapi-mit",
    "python3-slixmpp",
    "python3-gi",
    "gir1.2-atspi-2.0",
    "at-spi2-core",
    "dbus",
    "xvfb",
    "xdotool",
    "imagemagick",
    "chromium",
    "chromium-driver",
    "libnss3-tools",
    "fonts-cantarell",
    "fonts-noto-color-emoji",
    "adwaita-icon-theme",
    "util-linux",
];

/// Services that these packages would start at every boot; the realm runs its own.
const SERVICES: &[&str] = &["krb5-kdc", "krb5-admin-server", "prosody"];

/// Consulted by Debian's maintainer scripts before they start a service (policy-rc.d(8)).
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs what is missing, or says what is missing when `install` is false.
pub(crate) fn run(install: bool) -> Result<()> {
    let missing: Vec<&str> =
        BUILD.iter().chain(RUN).copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(format!(
            "this system has no apt-get; install what these Debian packages hold, then try again: {list}"
        ));
    }
    if !install {
        return Err(format!("these packages are missing: {list}\nRun `cargo xtask setup` to install them."));
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let sudo =
        !root && Command::new("sudo").arg("-V").stdout(Stdio::null()).status().is_ok_and(|s| s.success());
    if !root && !sudo {
        return Err(format!(
            "these packages are missing and only root may install them (no sudo here). As root, run:\n  apt-get install --no-install-recommends {list}"
        ));
    }
    say(&format!("Flint needs {} more Debian packages and installs them now:\n  {list}", missing.len()));
    let quiet =
        QuietServices { sudo, new: missing.iter().copied().filter(|name| SERVICES.contains(name)).collect() };
    quiet.deny()?;
    let options = ["-q", "-o", "Dpkg::Use-Pty=0"];
    step(sudo, "apt-get", &[&options[..], &["update"]].concat())?;
    step(sudo, "apt-get", &[&options[..], &["install", "-y", "--no-install-recommends"], &missing].concat())
}

fn is_installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status}", package])
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout == b"installed")
}

fn as_root(sudo: bool, program: &str) -> Command {
    if sudo {
        let mut command = Command::new("sudo");
        command.args(["env", "DEBIAN_FRONTEND=noninteractive", program]);
        command
    } else {
        let mut command = Command::new(program);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

fn step(sudo: bool, program: &str, arguments: &[&str]) -> Result<()> {
    crate::finish(as_root(sudo, program).args(arguments), program)
}

/// While it lives, packages start no service; afterwards the services that came with them are not enabled.
struct QuietServices<'a> {
    sudo: bool,
    new: Vec<&'a str>,
}

impl QuietServices<'_> {
    fn deny(&self) -> Result<()> {
        if self.new.is_empty() || Path::new(POLICY).exists() {
            return Ok(());
        }
        let script = format!(
            "printf '#!/bin/sh\\n# flint xtask setup\\nexit 101\\n' > {POLICY} && chmod 755 {POLICY}"
        );
        step(self.sudo, "sh", &["-c", &script])
    }
}

impl Drop for QuietServices<'_> {
    fn drop(&mut self) {
        if self.new.is_empty() {
            return;
        }
        let ours = std::fs::read_to_string(POLICY).is_ok_and(|text| text.contains("flint xtask setup"));
        if ours && step(self.sudo, "rm", &[POLICY]).is_err() {
            say(&format!("Please remove {POLICY}: it keeps packages from starting services."));
        }
        // A container has no systemd; there nothing starts at boot either.
        let _ = as_root(self.sudo, "systemctl")
            .args(["--quiet", "disable"])
            .args(&self.new)
            .stderr(Stdio::null())
            .status();
    }
}
