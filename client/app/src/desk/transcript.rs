//! A window with the transcript of a chat that has ended; not modal.

use crate::conversation::TimelineView;
use crate::projection::{Session, Timeline};
use crate::text;
use crate::window::Window;
use adw::prelude::*;
use gtk::glib;

/// Opens a transcript beside the main window.
pub(crate) fn show_transcript(parent: &Window, id: &str, timeline: &Timeline) {
    let session: &Session = parent.session();
    let customer =
        session.desk().chat(id).map(|chat| chat.with(|row| text::one_line(&row.customer_name, 80)));
    let view: TimelineView = glib::Object::new();
    view.set_vexpand(true);
    view.set_empty_text("Nothing was said", "The workgroup holds no line of this chat.");
    view.show(session, timeline, || {}, |_| {});
    let content = gtk::Box::new(gtk::Orientation::Vertical, 0);
    content.append(&adw::HeaderBar::new());
    content.append(&view);
    let window = adw::Window::builder().default_width(560).default_height(640).content(&content).build();
    window.set_title(Some(
        &customer.map_or_else(|| "Transcript".to_owned(), |name| format!("Transcript: {name}")),
    ));
    window.set_transient_for(Some(parent));
    let escape = gtk::Shortcut::new(
        gtk::ShortcutTrigger::parse_string("Escape"),
        Some(gtk::NamedAction::new("window.close")),
    );
    let shortcuts = gtk::ShortcutController::new();
    shortcuts.add_shortcut(escape);
    window.add_controller(shortcuts);
    window.present();
}
