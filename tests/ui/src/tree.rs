//! Finds widgets the way a person does: by what is written on them and whether it is on screen.

use adw::prelude::*;

/// Every widget below `root`, in drawing order, that is on screen.
pub fn on_screen(root: &impl IsA<gtk::Widget>) -> Vec<gtk::Widget> {
    let mut all = Vec::new();
    collect(root.upcast_ref(), &mut all);
    all
}

fn collect(widget: &gtk::Widget, all: &mut Vec<gtk::Widget>) {
    if !widget.is_mapped() || !widget.is_child_visible() {
        return;
    }
    all.push(widget.clone());
    let mut child = widget.first_child();
    while let Some(widget) = child {
        collect(&widget, all);
        child = widget.next_sibling();
    }
}

/// Texts of all labels on screen below `root`, in drawing order, without empty ones.
pub fn texts(root: &impl IsA<gtk::Widget>) -> Vec<String> {
    let labels = on_screen(root).into_iter().filter_map(|widget| widget.downcast::<gtk::Label>().ok());
    labels.map(|label| label.text().to_string()).filter(|text| !text.is_empty()).collect()
}

/// True when a label on screen reads exactly so.
pub fn reads(root: &impl IsA<gtk::Widget>, text: &str) -> bool {
    texts(root).iter().any(|label| label == text)
}

/// True when a label on screen holds this text.
pub fn mentions(root: &impl IsA<gtk::Widget>, text: &str) -> bool {
    texts(root).iter().any(|label| label.contains(text))
}

/// All widgets of a type on screen.
pub fn all<W: IsA<gtk::Widget>>(root: &impl IsA<gtk::Widget>) -> Vec<W> {
    on_screen(root).into_iter().filter_map(|widget| widget.downcast::<W>().ok()).collect()
}

/// The first button on screen whose label, or else tooltip, begins with `text`. Panics with what is there.
pub fn button(root: &impl IsA<gtk::Widget>, text: &str) -> gtk::Button {
    let buttons: Vec<gtk::Button> = all(root);
    let says = |button: &gtk::Button| {
        let written = texts(button).join(" ");
        let tooltip = button.tooltip_text().map(|text| text.to_string()).unwrap_or_default();
        [written, tooltip]
    };
    let found = buttons.iter().find(|button| says(button).iter().any(|said| said.starts_with(text)));
    found.cloned().unwrap_or_else(|| {
        let said: Vec<_> = buttons.iter().map(says).collect();
        panic!("no button {text:?} on screen, only {said:?}")
    })
}

/// True when a button on screen says `text`.
pub fn has_button(root: &impl IsA<gtk::Widget>, text: &str) -> bool {
    let buttons: Vec<gtk::Button> = all(root);
    buttons.iter().any(|button| texts(button).iter().any(|said| said == text))
}

/// The list row on screen that holds a label with exactly this text.
pub fn row(root: &impl IsA<gtk::Widget>, text: &str) -> gtk::ListBoxRow {
    let rows: Vec<gtk::ListBoxRow> = all(root);
    let found = rows.iter().find(|row| reads(*row, text));
    found.cloned().unwrap_or_else(|| panic!("no row {text:?} on screen; texts: {:?}", texts(root)))
}

/// The list row on screen that holds a label with this text in it.
pub fn row_with(root: &impl IsA<gtk::Widget>, text: &str) -> gtk::ListBoxRow {
    let rows: Vec<gtk::ListBoxRow> = all(root);
    let found = rows.iter().find(|row| mentions(*row, text));
    found.cloned().unwrap_or_else(|| panic!("no row with {text:?} on screen; texts: {:?}", texts(root)))
}

/// Activates a row as a click does.
pub fn click_row(row: &gtk::ListBoxRow) {
    row.emit_activate();
}

/// Presses a key in a widget as its key controllers see it. True when one of them took it.
pub fn press(widget: &impl IsA<gtk::Widget>, key: gtk::gdk::Key, state: gtk::gdk::ModifierType) -> bool {
    let controllers = widget.observe_controllers();
    let keys = controllers.iter::<gtk::glib::Object>().filter_map(Result::ok);
    let keys: Vec<gtk::EventControllerKey> =
        keys.filter_map(|controller| controller.downcast().ok()).collect();
    keys.iter().any(|keys| {
        let (key, code): (u32, u32) = (gtk::glib::translate::IntoGlib::into_glib(key), 0);
        keys.emit_by_name::<bool>("key-pressed", &[&key, &code, &state])
    })
}

/// The writable text view on screen, the composer.
pub fn composer(root: &impl IsA<gtk::Widget>) -> gtk::TextView {
    all::<gtk::TextView>(root).into_iter().next().expect("a composer on screen")
}

/// What stands in a text view.
pub fn written(view: &gtk::TextView) -> String {
    let buffer = view.buffer();
    buffer.text(&buffer.start_iter(), &buffer.end_iter(), false).into()
}

/// The toggle of the switcher that says `text`.
pub fn toggle(root: &impl IsA<gtk::Widget>, text: &str) -> gtk::ToggleButton {
    let toggles: Vec<gtk::ToggleButton> = all(root);
    let found = toggles.into_iter().find(|toggle| reads(toggle, text));
    found.unwrap_or_else(|| panic!("no toggle {text:?} on screen; texts: {:?}", texts(root)))
}

/// The question that is open, if there is one.
pub fn dialog() -> Option<adw::MessageDialog> {
    let windows = gtk::Window::list_toplevels().into_iter();
    windows
        .filter_map(|window| window.downcast().ok())
        .find(|dialog: &adw::MessageDialog| dialog.is_visible())
}
