//! One line of the desk's sidebar: a queue, a chat or a colleague.

use crate::widgets::{self, Avatar};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::model::Show;
use gtk::glib;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "row.ui")]
    pub(crate) struct DeskRow {
        #[template_child]
        pub(super) avatar: TemplateChild<Avatar>,
        #[template_child]
        pub(super) title_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) side_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) line_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) badge_label: TemplateChild<gtk::Label>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for DeskRow {
        const NAME: &'static str = "FlDeskRow";
        type Type = super::DeskRow;
        type ParentType = gtk::ListBoxRow;

        fn class_init(class: &mut Self::Class) {
            Avatar::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for DeskRow {}
    impl WidgetImpl for DeskRow {}
    impl ListBoxRowImpl for DeskRow {}
}

glib::wrapper! {
    /// One line of the desk's sidebar.
    pub(crate) struct DeskRow(ObjectSubclass<imp::DeskRow>)
        @extends gtk::ListBoxRow, gtk::Widget,
        @implements gtk::Accessible, gtk::Actionable, gtk::Buildable, gtk::ConstraintTarget;
}

/// What a line says; all text is already fit for labels.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// First line.
    pub(crate) title: String,
    /// Right of the title.
    pub(crate) side: String,
    /// Second line.
    pub(crate) line: String,
    /// Right of the second line; empty for none.
    pub(crate) badge: String,
    /// Somebody's picture with this presence; `None` for no picture.
    pub(crate) person: Option<Option<Show>>,
    /// Something needs attention.
    pub(crate) urgent: bool,
}

impl DeskRow {
    /// A new line.
    pub(crate) fn new(content: &Content) -> Self {
        let row: Self = glib::Object::new();
        row.set(content);
        row
    }

    /// Changes what the line says.
    pub(crate) fn set(&self, content: &Content) {
        let imp = self.imp();
        imp.avatar.set_visible(content.person.is_some());
        if let Some(show) = content.person {
            imp.avatar.set_person(&content.title);
            imp.avatar.set_show(show);
        }
        imp.title_label.set_text(&content.title);
        imp.side_label.set_text(&content.side);
        imp.line_label.set_text(&content.line);
        widgets::set_class(&*imp.line_label, "dim-label", !content.urgent);
        widgets::set_class(&*imp.line_label, "warning", content.urgent);
        imp.badge_label.set_text(&content.badge);
        imp.badge_label.set_visible(!content.badge.is_empty());
        let spoken = [&content.title, &content.line, &content.side, &content.badge];
        let spoken: Vec<&str> =
            spoken.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        widgets::name(self, &spoken.join(", "));
    }
}
