//! The page that lists the window's keys.

use crate::window::Window;
use gtk::prelude::*;

/// Gives the window its page of shortcuts.
pub(super) fn set_help(window: &Window) {
    let builder = gtk::Builder::from_string(include_str!("shortcuts.ui"));
    if let Some(help) = builder.object::<gtk::ShortcutsWindow>("help_overlay") {
        window.set_help_overlay(Some(&help));
    }
}
