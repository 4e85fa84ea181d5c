//! Small widgets and helpers that several screens share.

mod avatar;

pub(crate) use avatar::Avatar;

use flint_runtime::core::Verdict;
use flint_runtime::core::model::Show;
use gtk::prelude::*;

/// Names a widget for assistive technology (and for the tests that drive the window through it).
pub(crate) fn name(widget: &impl IsA<gtk::Accessible>, name: &str) {
    widget.update_property(&[gtk::accessible::Property::Label(name)]);
}

/// Names a button with a menu: it is the button within that takes the focus and is heard.
pub(crate) fn name_menu(button: &gtk::MenuButton, text: &str) {
    name(button, text);
    if let Some(within) = button.first_child() {
        name(&within, text);
    }
}

/// Describes a widget for assistive technology beyond its name.
pub(crate) fn describe(widget: &impl IsA<gtk::Accessible>, description: &str) {
    widget.update_property(&[gtk::accessible::Property::Description(description)]);
}

/// Adds or removes a style class.
pub(crate) fn set_class(widget: &impl IsA<gtk::Widget>, class: &str, on: bool) {
    if on {
        widget.add_css_class(class);
    } else {
        widget.remove_css_class(class);
    }
}

/// Locks a button that the organisation's policy denies: who says so is its tooltip and description. `tooltip` is what
/// it says otherwise.
pub(crate) fn lock(button: &gtk::Button, verdict: &Verdict, tooltip: Option<&str>) {
    let sentence = denial(verdict);
    button.set_tooltip_text(sentence.as_deref().or(tooltip));
    describe(button, sentence.as_deref().unwrap_or_default());
}

/// Who forbids something, by which policy; `None` when it is allowed.
pub(crate) fn denial(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Allowed => None,
        Verdict::Denied { policy, managed_by } => Some(format!("Managed by {managed_by}: {policy}")),
    }
}

/// Word for a presence.
pub(crate) fn show_word(show: Show) -> &'static str {
    match show {
        Show::Chat => "Free for chat",
        Show::Available => "Available",
        Show::Away => "Away",
        Show::ExtendedAway => "Away for long",
        Show::DoNotDisturb => "Do not disturb",
        Show::Offline => "Offline",
    }
}

/// Presence with its status text, if there is one.
pub(crate) fn show_text(show: Show, status: &str) -> String {
    let status = crate::text::one_line(status, 120);
    if status.is_empty() { show_word(show).to_owned() } else { format!("{} · {status}", show_word(show)) }
}

/// Header function of a list whose rows carry their section as widget name: a heading where a new one begins.
pub(crate) fn section_header(row: &gtk::ListBoxRow, before: Option<&gtk::ListBoxRow>) {
    let section = row.widget_name();
    let begins = before.is_none_or(|before| before.widget_name() != section);
    let heading = begins.then(|| section_label(&section));
    row.set_header(heading.as_ref());
}

/// The heading of a section in the sidebar.
pub(crate) fn section_label(text: &str) -> gtk::Label {
    let label = gtk::Label::builder().label(text).xalign(0.0).build();
    label.set_css_classes(&["section", "dim-label"]);
    label
}
