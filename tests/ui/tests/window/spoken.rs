//! What a screen reader says of each screen, and where the keyboard begins.

use adw::prelude::*;
use anyhow::{Result, ensure};
use flint_test_ui::names::Names;
use flint_test_ui::{Stage, screens, tree};

/// Screens that GTK and libadwaita themselves bring, whose names are theirs.
const OTHERS: [&str; 2] = ["about", "shortcuts"];

/// What libadwaita makes within its groups and tabs: nothing of ours names it.
const WITHIN: [(&str, &str); 3] =
    [("list", "GtkListBox"), ("filler", "AdwGizmo"), ("push button", "GtkImage")];

pub(super) fn everything_has_a_name(application: &adw::Application) -> Result<()> {
    let mut names = Names::start()?;
    let mut nameless = Vec::new();
    for (screen, (width, height), play) in screens::all() {
        if OTHERS.contains(&screen) {
            continue;
        }
        let stage = Stage::open(application, width, height);
        let other = play(&stage);
        let nodes = names.focusable(&stage)?;
        ensure!(!nodes.is_empty(), "{screen} has nothing that takes the focus");
        let mut before = String::new();
        for (role, name) in nodes {
            if !is_name(&name) && !WITHIN.contains(&(role.as_str(), name.as_str())) {
                nameless.push(format!("{screen}: {role} {name:?} after {before:?}"));
            }
            before = name;
        }
        if let Some(window) = other.and_downcast::<gtk::Window>() {
            window.destroy();
        }
    }
    ensure!(nameless.is_empty(), "without a name: {nameless:#?}");
    Ok(())
}

/// A widget without a name is called by its type, if by anything.
fn is_name(name: &str) -> bool {
    let is_type = ["Gtk", "Adw", "Fl"].iter().any(|library| {
        let rest = name.strip_prefix(library);
        rest.is_some_and(|rest| rest.starts_with(char::is_uppercase) && !rest.contains(' '))
    });
    !is_type && !name.trim().is_empty()
}

pub(super) fn keyboard_begins(application: &adw::Application) -> Result<()> {
    for (screen, first) in [("signin", "Try again"), ("chat", COMPOSER), ("desk", COMPOSER)] {
        let (_, (width, height), play) =
            screens::all().into_iter().find(|(name, ..)| *name == screen).expect("the screen is there");
        let stage = Stage::open(application, width, height);
        play(&stage);
        // Nothing has the focus where nothing was chosen: the first press of Tab gives it.
        let focus = || gtk::prelude::GtkWindowExt::focus(&stage.window);
        if focus().is_none() {
            stage.window.child_focus(gtk::DirectionType::TabForward);
        }
        let focus = focus().expect("something takes the focus");
        let here = if tree::all::<gtk::TextView>(&stage.window).iter().any(|view| *view == focus) {
            COMPOSER.to_owned()
        } else {
            tree::texts(&focus).join(" ")
        };
        ensure!(here == first, "the keyboard begins at {here:?} of {screen}: {focus:?}");
    }
    Ok(())
}

const COMPOSER: &str = "the composer";
