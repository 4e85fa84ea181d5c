//! Flint's window: GTK 4 and libadwaita over a [`flint_runtime::Client`].
//!
//! The window talks only to the client: it sends commands and applies the updates, in order, to the models of
//! [`projection`]. Text from strangers passes [`text`] before it reaches a label and is never parsed as markup.

mod application;
mod conversation;
mod conversation_list;
mod desk;
mod doctor;
mod login;
mod notifications;
pub mod options;
mod pace;
mod people;
mod policy;
mod projection;
mod rooms;
mod start;
mod text;
mod time;
mod widgets;
mod window;

pub use application::run;
pub use policy::PolicyWindow;
pub use projection::{Clock, Session};
pub use start::{Begin, start_window};
pub use window::{Window, set_accelerators};

use gtk::{gio, glib};

/// Application id on D-Bus, of the desktop file and of the icon.
pub const APPLICATION_ID: &str = "org.flint.Flint";

/// Loads the icons, and the few styles that libadwaita has no class for. Needs a display.
pub fn load_style() {
    load_icons();
    let provider = gtk::CssProvider::new();
    provider.load_from_data(include_str!("../data/style.css"));
    if let Some(display) = gtk::gdk::Display::default() {
        gtk::style_context_add_provider_for_display(
            &display,
            &provider,
            gtk::STYLE_PROVIDER_PRIORITY_APPLICATION,
        );
    }
}

fn load_icons() {
    let packed = glib::Bytes::from_static(include_bytes!(concat!(env!("OUT_DIR"), "/flint.gresource")));
    match gio::Resource::from_data(&packed) {
        Ok(resource) => gio::resources_register(&resource),
        Err(error) => tracing::warn!("the icons can't be read: {error}"),
    }
    if let Some(display) = gtk::gdk::Display::default() {
        gtk::IconTheme::for_display(&display).add_resource_path("/org/flint/Flint/icons");
    }
    gtk::Window::set_default_icon_name(APPLICATION_ID);
}
