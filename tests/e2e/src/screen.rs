//! Where Ann's window is: a private X server, or the desktop of whoever runs the demo.

use crate::driver::bound_command;
use anyhow::{Context, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A private X server with what a session needs.
#[derive(Debug)]
pub struct Screen {
    server: Child,
    display: String,
    run: PathBuf,
}

impl Screen {
    /// Starts Xvfb on a number of its own choice.
    /// `run` is a directory for sockets and settings, made if needed.
    pub fn start(run: PathBuf) -> Result<Self> {
        let mut server = bound_command("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("Xvfb can't be started; run `cargo xtask setup`")?;
        let mut line = String::new();
        BufReader::new(server.stdout.take().context("Xvfb has no standard output")?).read_line(&mut line)?;
        if line.trim().is_empty() {
            let _ = server.kill();
            let _ = server.wait();
            bail!("Xvfb did not start");
        }
        std::fs::create_dir_all(&run)?;
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700))?;
        let settings = run.join(".config/gtk-4.0");
        std::fs::create_dir_all(&settings)?;
        std::fs::write(settings.join("settings.ini"), "[Settings]\ngtk-font-name=Cantarell 11\n")?;
        Ok(Self { server, display: format!(":{}", line.trim()), run })
    }

    /// A command in a session of its own on this screen: fresh message bus, software rendering, no desktop settings.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = bound_command("dbus-run-session");
        command.arg("--").arg(program);
        command
            .env("DISPLAY", &self.display)
            .env("XDG_RUNTIME_DIR", &self.run)
            .env("HOME", &self.run)
            .env_remove("XDG_CONFIG_HOME")
            .env("GDK_BACKEND", "x11")
            .env("GSK_RENDERER", "cairo")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("GTK_A11Y", "atspi")
            .env("GSETTINGS_BACKEND", "memory")
            .env("ADW_DISABLE_PORTAL", "1")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS");
        command
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
