//! One conversation in the list: picture, name, time, preview, unread count.

use crate::projection::{ConversationObject, Session};
use crate::widgets::{self, Avatar};
use crate::{text, time};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::model::ConversationId;
use gtk::glib;
use std::cell::OnceCell;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "row.ui")]
    pub(crate) struct ConversationListRow {
        #[template_child]
        pub(super) avatar: TemplateChild<Avatar>,
        #[template_child]
        pub(super) title_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) time_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) preview_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) unread_label: TemplateChild<gtk::Label>,
        pub(super) object: OnceCell<ConversationObject>,
        pub(super) session: OnceCell<Session>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ConversationListRow {
        const NAME: &'static str = "FlConversationListRow";
        type Type = super::ConversationListRow;
        type ParentType = gtk::ListBoxRow;

        fn class_init(class: &mut Self::Class) {
            Avatar::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for ConversationListRow {}
    impl WidgetImpl for ConversationListRow {}
    impl ListBoxRowImpl for ConversationListRow {}
}

glib::wrapper! {
    /// One conversation in the list.
    pub(crate) struct ConversationListRow(ObjectSubclass<imp::ConversationListRow>)
        @extends gtk::ListBoxRow, gtk::Widget,
        @implements gtk::Accessible, gtk::Actionable, gtk::Buildable, gtk::ConstraintTarget;
}

impl ConversationListRow {
    /// A row that follows `object`.
    pub(crate) fn new(object: &ConversationObject, session: &Session) -> Self {
        let row: Self = glib::Object::new();
        let _ = row.imp().object.set(object.clone());
        let _ = row.imp().session.set(session.clone());
        let weak = row.downgrade();
        object.connect_changed(move |_| {
            if let Some(row) = weak.upgrade() {
                row.refresh();
            }
        });
        row.refresh();
        row
    }

    /// Which conversation.
    pub(crate) fn id(&self) -> ConversationId {
        self.object().with(|row| row.id.clone())
    }

    fn object(&self) -> &ConversationObject {
        self.imp().object.get().expect("set when the row is made")
    }

    fn refresh(&self) {
        let imp = self.imp();
        let now = imp.session.get().map(Session::now).unwrap_or_default();
        self.object().with(|row| {
            self.set_widget_name(if row.pinned { "PINNED" } else { "RECENT" });
            let title = text::one_line(&row.title, 80);
            let is_room = matches!(row.id, ConversationId::Room(_));
            if is_room {
                imp.avatar.set_room(&title);
            } else {
                imp.avatar.set_person(&title);
            }
            imp.avatar.set_show(row.show);
            imp.title_label.set_text(&title);
            let time = row.last_at.map(|at| time::short(at, now)).unwrap_or_default();
            imp.time_label.set_text(&time);
            let draft = row.draft.as_ref().filter(|draft| !draft.0.trim().is_empty());
            let preview = match (row.typing, draft) {
                (true, _) => "typing…".to_owned(),
                (false, Some(draft)) => format!("Draft: {}", text::isolated(&draft.0, 120)),
                (false, None) => text::one_line(&row.preview.0, 120),
            };
            imp.preview_label.set_text(&preview);
            widgets::set_class(&*imp.preview_label, "mine", row.typing);
            widgets::set_class(&*imp.preview_label, "dim-label", !row.typing);
            imp.unread_label.set_visible(row.unread > 0);
            imp.unread_label.set_text(&if row.unread > 999 {
                "999+".to_owned()
            } else {
                row.unread.to_string()
            });

            let mut spoken = vec![title];
            spoken.extend(row.show.map(|show| widgets::show_word(show).to_owned()));
            if row.unread > 0 {
                spoken.push(format!("{} unread", row.unread));
            }
            spoken.extend([preview, time].into_iter().filter(|part| !part.is_empty()));
            widgets::name(self, &spoken.join(", "));
        });
    }
}
