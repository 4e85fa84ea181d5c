//! The checks of the sign-in as rows: on the sign-in page, and in a window of their own from the menu.

use crate::projection::{Session, Topic};
use crate::{text, widgets};
use adw::prelude::*;
use flint_runtime::doctor::{Check, CheckId, Outcome, Report};
use gtk::glib;

/// One row per check, in order; those that are not over say so.
#[derive(Debug)]
pub(crate) struct CheckRows(Vec<(CheckId, adw::ActionRow, gtk::Image)>);

impl Default for CheckRows {
    fn default() -> Self {
        let row = |id: CheckId| {
            let row = adw::ActionRow::builder().use_markup(false).title(id.title()).build();
            row.set_subtitle_lines(0);
            let image = gtk::Image::new();
            row.add_prefix(&image);
            (id, row, image)
        };
        Self(CheckId::ALL.map(row).into())
    }
}

impl CheckRows {
    /// The rows, to be put into a list.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &adw::ActionRow> {
        self.0.iter().map(|(_, row, _)| row)
    }

    /// Shows how far the checks are.
    pub(crate) fn show(&self, report: Option<&Report>) {
        for (id, row, image) in &self.0 {
            let check = report.and_then(|report| report.checks.iter().find(|check| check.id == *id));
            let (icon, class, word) = match check.map(|check| check.outcome) {
                Some(Outcome::Passed) => ("object-select-symbolic", "success", "Passed"),
                Some(Outcome::Failed) => ("window-close-symbolic", "error", "Failed"),
                Some(Outcome::Skipped) => ("list-remove-symbolic", "dim-label", "Not tried"),
                None => ("content-loading-symbolic", "dim-label", "Not checked yet"),
            };
            image.set_icon_name(Some(icon));
            image.set_css_classes(&[class]);
            widgets::name(image, word);
            let line = check.map_or_else(|| word.to_owned(), lines);
            row.set_subtitle(&line);
            // The icon's meaning and the text beside it are heard as one.
            widgets::name(row, &format!("{}: {word}", id.title()));
            widgets::describe(row, &line);
        }
    }
}

/// What was found and what to do, for the second line of a row.
fn lines(check: &Check) -> String {
    let parts = [&check.detail, &check.next_step];
    let parts = parts.into_iter().flatten().map(|part| text::one_line(part, 400));
    parts.collect::<Vec<_>>().join("\n")
}

/// How far the checks are, in one line.
pub(crate) fn summary(report: Option<&Report>) -> String {
    let Some(report) = report else { return "Checks every step of the sign-in".to_owned() };
    let passed = report.checks.iter().filter(|check| check.outcome == Outcome::Passed).count();
    match (report.finished, report.failure()) {
        (false, _) => format!("Checking: {} of {} done", report.checks.len(), CheckId::ALL.len()),
        (true, Some(failed)) => {
            format!("{passed} of {} checks passed · {} failed", report.checks.len(), failed.title)
        }
        (true, None) => "Every check passed".to_owned(),
    }
}

/// The checks in a window of their own, which begin as it opens.
pub(crate) fn window(session: &Session, parent: &impl IsA<gtk::Window>) -> adw::Window {
    let again = gtk::Button::from_icon_name("view-refresh-symbolic");
    let copy = gtk::Button::from_icon_name("edit-copy-symbolic");
    for (button, name) in [(&again, "Check again"), (&copy, "Copy report")] {
        button.set_tooltip_text(Some(name));
        widgets::name(button, name);
    }
    let header =
        adw::HeaderBar::builder().title_widget(&adw::WindowTitle::new("Connection check", "")).build();
    header.pack_end(&copy);
    header.pack_end(&again);
    let group = adw::PreferencesGroup::new();
    let rows = CheckRows::default();
    rows.rows().for_each(|row| group.add(row));
    let page = adw::PreferencesPage::new();
    page.set_vexpand(true);
    page.add(&group);
    let column = gtk::Box::new(gtk::Orientation::Vertical, 0);
    column.append(&header);
    column.append(&page);
    let toasts = adw::ToastOverlay::new();
    toasts.set_child(Some(&column));
    let window = adw::Window::builder()
        .title("Connection check")
        .transient_for(parent)
        .default_width(560)
        .default_height(620)
        .width_request(360)
        .content(&toasts)
        .build();
    close_on_escape(&window);
    connect_copy(&copy, session, &toasts);
    again.connect_clicked(glib::clone!(
        #[strong]
        session,
        move |_| session.examine()
    ));
    let of = session.weak();
    session.listen(&window, move |_, topic| {
        let (Topic::Doctor, Some(session)) = (topic, of.upgrade()) else { return };
        session.with(|state| {
            let report = state.doctor.as_ref();
            rows.show(report);
            group.set_title(&text::escaped(&summary(report)));
            copy.set_sensitive(report.is_some_and(|report| report.finished));
        });
    });
    session.examine();
    window
}

/// Copies the report, which holds no secret, and says so.
pub(crate) fn connect_copy(button: &gtk::Button, session: &Session, toasts: &adw::ToastOverlay) {
    button.connect_clicked(glib::clone!(
        #[strong]
        session,
        #[weak]
        toasts,
        move |button| {
            if let Some(report) = session.with(|state| state.doctor.as_ref().map(Report::to_text)) {
                button.clipboard().set_text(&report);
                toasts.add_toast(adw::Toast::new("Report copied."));
            }
        }
    ));
}

fn close_on_escape(window: &adw::Window) {
    let keys = gtk::EventControllerKey::new();
    keys.connect_key_pressed(glib::clone!(
        #[weak]
        window,
        #[upgrade_or]
        glib::Propagation::Proceed,
        move |_, key, _, _| match key {
            gtk::gdk::Key::Escape => {
                window.close();
                glib::Propagation::Stop
            }
            _ => glib::Propagation::Proceed,
        }
    ));
    window.add_controller(keys);
}
