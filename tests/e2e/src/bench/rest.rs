//! What the client takes when nothing happens, beside an empty window of the same toolkit and renderer.

use super::figure::{Aim, Figures};
use super::process;
use super::window::Window;
use crate::realm::Realm;
use crate::screen::Screen;
use anyhow::{Context, Result};
use std::path::Path;

/// Both programs in one run, on one screen.
pub(super) fn memory(programs: &Path, figures: &mut Figures) -> Result<()> {
    let realm = Realm::start(programs)?;
    let screen = Screen::start(realm.dir.join("session"))?;
    let measure = |program: &str, options: &[String], is_ready: &str| -> Result<f64> {
        let program = realm.program(program);
        let mut window = Window::start(&screen, &program, |command| {
            realm.ticket(command.args(options), "ann");
        })?;
        if !is_ready.is_empty() {
            window.wait(|line| line.ends_with(is_ready))?;
        }
        window.longest_stall()?;
        let pid = process::below(window.session(), &program).context("the window has ended")?;
        process::pss(pid)
    };
    let empty = measure("flint-empty", &[], "")?;
    let ours = measure("flint", &realm.client_options(&realm.state("rest")?), "online")?;
    realm.stop();
    figures.tell("client at rest, 200 people, PSS", ours, "MiB", Aim::None)?;
    figures.tell("empty AdwApplicationWindow, PSS", empty, "MiB", Aim::None)?;
    figures.tell("client at rest", ours / empty, "× the empty window", Aim::Most(1.5))
}
