//! The policy page: what is decided for this account, by whom, and whether that is up to date.

use crate::projection::{Session, Topic};
use crate::{text, time, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::Timestamp;
use flint_runtime::core::model::{PolicyReport, PolicyRow};
use flint_runtime::{Command, PolicyCommand};
use gtk::glib;
use std::cell::{OnceCell, RefCell};

/// Lines of a value at most; all of it is in the tooltip.
const VALUE_LINES: i32 = 3;
/// Characters of a value that are on a line even in a narrow window.
const VALUE_WIDTH: i32 = 11;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "policy.ui")]
    pub struct PolicyWindow {
        #[template_child]
        pub(super) toasts: TemplateChild<adw::ToastOverlay>,
        #[template_child]
        pub(super) title: TemplateChild<adw::WindowTitle>,
        #[template_child]
        pub(super) refresh_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) export_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) stack: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) search_entry: TemplateChild<gtk::SearchEntry>,
        #[template_child]
        pub(super) version_row: TemplateChild<adw::ActionRow>,
        #[template_child]
        pub(super) problem_row: TemplateChild<adw::ActionRow>,
        #[template_child]
        pub(super) messages_row: TemplateChild<adw::ActionRow>,
        #[template_child]
        pub(super) managed_group: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        pub(super) default_group: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        pub(super) nothing_label: TemplateChild<gtk::Label>,
        pub(super) session: OnceCell<Session>,
        pub(super) rows: RefCell<Vec<(adw::PreferencesGroup, adw::ActionRow, String)>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for PolicyWindow {
        const NAME: &'static str = "FlPolicyWindow";
        type Type = super::PolicyWindow;
        type ParentType = adw::Window;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.add_binding_action(gtk::gdk::Key::Escape, gtk::gdk::ModifierType::empty(), "window.close");
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for PolicyWindow {}
    impl WidgetImpl for PolicyWindow {}
    impl WindowImpl for PolicyWindow {}
    impl AdwWindowImpl for PolicyWindow {}
}

glib::wrapper! {
    /// The policy page.
    pub struct PolicyWindow(ObjectSubclass<imp::PolicyWindow>)
        @extends adw::Window, gtk::Window, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::Native, gtk::Root, gtk::ShortcutManager;
}

impl PolicyWindow {
    /// The page in a window of its own, beside `parent`.
    pub fn new(session: &Session, parent: Option<&impl IsA<gtk::Window>>) -> Self {
        let window: Self = glib::Object::new();
        let imp = window.imp();
        let _ = imp.session.set(session.clone());
        window.set_transient_for(parent);
        widgets::name(&*imp.refresh_button, "Fetch now");
        widgets::name(&*imp.export_button, "Copy as JSON");
        widgets::name(&*imp.search_entry, "Search policies");
        imp.refresh_button.connect_clicked(glib::clone!(
            #[weak]
            window,
            move |_| {
                window.session().send(Command::Policy(PolicyCommand::Refresh));
                window.tell("Asked the server for the newest policy.");
            }
        ));
        imp.export_button.connect_clicked(glib::clone!(
            #[weak]
            window,
            move |_| window.export()
        ));
        imp.search_entry.connect_search_changed(glib::clone!(
            #[weak]
            window,
            move |_| window.filter()
        ));
        session.listen(&window, |window, topic| {
            if matches!(topic, Topic::Policy) {
                window.refresh();
            }
        });
        window.refresh();
        window
    }

    fn session(&self) -> &Session {
        self.imp().session.get().expect("set when the window is made")
    }

    fn tell(&self, sentence: &str) {
        self.imp().toasts.add_toast(adw::Toast::new(sentence));
    }

    fn export(&self) {
        let report = self.session().with(|state| state.policy.clone());
        match report.map(|report| serde_json::to_string_pretty(&report)) {
            Some(Ok(json)) => {
                self.clipboard().set_text(&json);
                self.tell("Copied as JSON.");
            }
            Some(Err(_)) | None => self.tell("There is nothing to copy yet."),
        }
    }

    fn refresh(&self) {
        let imp = self.imp();
        let report = self.session().with(|state| state.policy.clone());
        imp.stack.set_visible_child_name(if report.is_some() { "page" } else { "loading" });
        let Some(report) = report else { return };
        let managed = report.managed_by.as_deref().map(|by| format!("Managed by {}", text::one_line(by, 60)));
        let title = managed.unwrap_or_else(|| "Not managed".to_owned());
        imp.title.set_title(&title);
        self.set_title(Some(&title));
        imp.search_entry.set_placeholder_text(Some(&format!("Search in {} policies", report.rows.len())));
        self.refresh_state(&report);
        for (group, row, _) in imp.rows.take() {
            group.remove(&row);
        }
        for policy in &report.rows {
            let is_default = policy.level == "default";
            let group = if is_default { &imp.default_group } else { &imp.managed_group };
            let row = policy_row(policy);
            group.add(&row);
            let key = text::folded(&format!(
                "{} {} {} {}",
                policy.name, policy.caption, policy.value, policy.source
            ));
            imp.rows.borrow_mut().push((group.get(), row, key));
        }
        self.filter();
    }

    fn refresh_state(&self, report: &PolicyReport) {
        let imp = self.imp();
        let server = &report.server;
        let now = self.session().now();
        let when = |at: Timestamp| time::short(at, now);
        imp.version_row.set_title(&match (&server.signed_by, server.version) {
            (_, 0) => "No policy of the server yet".to_owned(),
            (Some(key), version) => format!("Version {version}, signed by {}", text::one_line(key, 60)),
            (None, version) => format!("Version {version}"),
        });
        let parts = [
            server.fetched_at.map(|at| format!("Fetched {}", when(at))),
            server.next_fetch_at.map(|at| format!("next at about {}", time::clock(at))),
            server.expires.map(|at| format!("valid until {}", time::day_line(at, now))),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let line = if parts.is_empty() {
            "Only this computer's settings are in force".to_owned()
        } else {
            parts.join(" · ")
        };
        imp.version_row.set_subtitle(&line);
        imp.problem_row.set_visible(server.problem.is_some());
        imp.problem_row.set_subtitle(
            &server.problem.as_deref().map(|text| text::one_line(text, 400)).unwrap_or_default(),
        );
        imp.messages_row.set_visible(!report.messages.is_empty());
        let count = report.messages.len();
        imp.messages_row.set_title(&if count == 1 {
            "1 message".to_owned()
        } else {
            format!("{count} messages")
        });
        let messages: Vec<String> =
            report.messages.iter().take(20).map(|text| text::one_line(text, 300)).collect();
        imp.messages_row.set_subtitle(&messages.join("\n"));
    }

    fn filter(&self) {
        let imp = self.imp();
        let needle = text::folded(&imp.search_entry.text());
        let words: Vec<&str> = needle.split_whitespace().collect();
        let (mut managed, mut default) = (false, false);
        for (group, row, key) in imp.rows.borrow().iter() {
            let matches = words.iter().all(|word| key.contains(word));
            row.set_visible(matches);
            let any = if *group == *imp.managed_group { &mut managed } else { &mut default };
            *any |= matches;
        }
        imp.managed_group.set_visible(managed);
        imp.default_group.set_visible(default);
        imp.nothing_label.set_visible(!managed && !default);
    }
}

fn policy_row(policy: &PolicyRow) -> adw::ActionRow {
    let row = adw::ActionRow::builder().use_markup(false).build();
    row.set_title(&text::one_line(&policy.name, 80));
    row.set_tooltip_text(Some(&text::one_line(&policy.caption, 300)));
    let level = level_word(&policy.level);
    let mut lines = vec![format!("{level} · {}", text::one_line(&policy.source, 120))];
    lines.extend(policy.superseded.iter().take(10).map(|(value, _, source)| {
        format!("replaces: {} ({})", text::one_line(value, 80), text::one_line(source, 80))
    }));
    lines.extend(policy.messages.iter().take(10).map(|message| text::one_line(message, 300)));
    row.set_subtitle(&lines.join("\n"));
    row.set_subtitle_lines(0);
    let locked = policy.level == "required";
    let icon = if locked { "channel-secure-symbolic" } else { "document-properties-symbolic" };
    let image = gtk::Image::from_icon_name(icon);
    widgets::name(&image, level);
    widgets::set_class(&image, "dim-label", !locked);
    row.add_prefix(&image);
    let value = gtk::Label::builder().label(text::one_line(&policy.value, 200)).xalign(1.0).build();
    value.set_wrap(true);
    value.set_wrap_mode(gtk::pango::WrapMode::WordChar);
    value.set_lines(VALUE_LINES);
    value.set_ellipsize(gtk::pango::EllipsizeMode::End);
    // In a narrow window the value gives way to the name, but never to nothing.
    let shortest = i32::try_from(value.text().chars().count()).unwrap_or(VALUE_WIDTH).min(VALUE_WIDTH);
    value.set_width_chars(shortest);
    value.set_tooltip_text(Some(&text::one_line(&policy.value, 2_000)));
    value.set_max_width_chars(28);
    value.set_css_classes(&["numeric", "row-title"]);
    row.add_suffix(&value);
    row
}

fn level_word(level: &str) -> &'static str {
    match level {
        "required" | "mandatory" => "Required",
        "recommended" => "Recommended",
        "user" => "Yours",
        _ => "Default",
    }
}
