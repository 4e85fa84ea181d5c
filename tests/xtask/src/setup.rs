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
    "faketime",
    "default-jdk-headless",
    "maven",
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
    let new: Vec<&str> = missing.iter().copied().filter(|name| SERVICES.contains(name)).collect();
    // One shell for all of it: whatever ends it, also Ctrl-C, takes the policy away again.
    let script = format!(
        r#"set -e
new='{new}'
if [ -n "$new" ] && [ ! -e {POLICY} ]; then
  trap 'rm -f {POLICY}' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' > {POLICY}
  chmod 755 {POLICY}
fi
apt-get -q -o Dpkg::Use-Pty=0 update
apt-get -q -o Dpkg::Use-Pty=0 install -y --no-install-recommends {list}
# A container has no systemd; there nothing starts at boot either.
[ -z "$new" ] || systemctl --quiet disable $new 2>/dev/null || true"#,
        new = new.join(" "),
    );
    crate::finish(as_root(sudo, "sh").args(["-c", &script]), "apt-get")
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
