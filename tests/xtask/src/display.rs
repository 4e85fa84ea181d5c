//! A private X server and message bus for programs that open windows.

use crate::Result;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running Xvfb; it ends with this value.
pub(crate) struct Display {
    server: Child,
    name: String,
    folder: PathBuf,
}

impl Display {
    /// Starts an Xvfb on a display number of its own choice.
    pub(crate) fn start() -> Result<Self> {
        let mut server = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--", "Xvfb", "-displayfd", "1", "-screen", "0", "1280x900x24"])
            .args(["-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("Xvfb can't be started: {error}"))?;
        let mut line = String::new();
        let read = server.stdout.take().map(|output| BufReader::new(output).read_line(&mut line));
        let folder = std::env::temp_dir().join(format!("flint-display-{}", std::process::id()));
        let display = Self { server, name: format!(":{}", line.trim()), folder };
        if !matches!(read, Some(Ok(length)) if length > 1) {
            return Err("Xvfb did not start".to_owned());
        }
        let run = display.folder.join("run");
        let settings = display.folder.join("config/gtk-4.0");
        // A folder of that name that is there already may be somebody else's.
        let made = std::fs::create_dir(&display.folder)
            .and_then(|()| std::fs::create_dir(&run))
            .and_then(|()| std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700)))
            .and_then(|()| std::fs::create_dir_all(&settings))
            .and_then(|()| {
                std::fs::write(settings.join("settings.ini"), "[Settings]\ngtk-font-name=Cantarell 11\n")
            });
        made.map_err(|error| format!("can't make {}: {error}", display.folder.display()))?;
        Ok(display)
    }

    /// A command in a session of its own: this display, a fresh message bus, software rendering, no desktop settings.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("dbus-run-session");
        command.arg("--").arg(program);
        command
            .env("DISPLAY", &self.name)
            .env("XDG_RUNTIME_DIR", self.folder.join("run"))
            .env("XDG_CONFIG_HOME", self.folder.join("config"))
            .env("GDK_BACKEND", "x11")
            .env("GSK_RENDERER", "cairo")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("GSETTINGS_BACKEND", "memory")
            .env("ADW_DISABLE_PORTAL", "1")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS");
        command
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
