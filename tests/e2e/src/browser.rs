//! A home directory in which Chromium trusts the realm's authority.

use crate::realm::Realm;
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::Command;

/// Makes the directory: NSS database with the realm's CA, folder for the profile.
pub fn home(realm: &Realm) -> Result<PathBuf> {
    let home = realm.state("browser")?;
    let database = home.join(".pki/nssdb");
    std::fs::create_dir_all(&database)?;
    let database = format!("sql:{}", database.display());
    for arguments in [
        vec!["-N", "-d", &database, "--empty-password"],
        vec!["-A", "-d", &database, "-n", "Flint test realm", "-t", "C,,", "-i", realm.text("ca")],
    ] {
        let output = Command::new("certutil")
            .args(&arguments)
            .output()
            .context("certutil can't be started; run `cargo xtask setup`")?;
        ensure!(output.status.success(), "certutil failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(home)
}
