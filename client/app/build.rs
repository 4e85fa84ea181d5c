//! Packs the icons into the program: it has them wherever it is started, installed or not.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=data/flint.gresource.xml");
    println!("cargo:rerun-if-changed=data/icons");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("flint.gresource");
    let status = Command::new("glib-compile-resources")
        .args(["--sourcedir=data", "data/flint.gresource.xml"])
        .arg(format!("--target={}", out.display()))
        .status()
        .expect("glib-compile-resources can't be started; it comes with GLib's development files");
    assert!(status.success(), "glib-compile-resources failed");
}
