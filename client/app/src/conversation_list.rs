//! The list of conversations: pinned ones, then the most recent.

mod row;

use crate::projection::{ConversationObject, Session, Topic};
use crate::widgets;
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::model::ConversationId;
use gtk::glib;
use row::ConversationListRow;
use std::cell::{OnceCell, RefCell};

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "conversation_list.ui")]
    pub(crate) struct ConversationList {
        #[template_child]
        pub(super) stack: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) list_box: TemplateChild<gtk::ListBox>,
        pub(super) session: OnceCell<Session>,
        pub(super) shown: RefCell<Option<ConversationId>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ConversationList {
        const NAME: &'static str = "FlConversationList";
        type Type = super::ConversationList;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for ConversationList {}
    impl WidgetImpl for ConversationList {}
    impl BinImpl for ConversationList {}
}

glib::wrapper! {
    /// The list of conversations.
    pub(crate) struct ConversationList(ObjectSubclass<imp::ConversationList>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl ConversationList {
    /// Binds the list to the session; `open` is called for a row that was activated.
    pub(crate) fn set_session(&self, session: &Session, open: impl Fn(ConversationId) + 'static) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() {
            return;
        }
        widgets::name(&*imp.list_box, "Conversations");
        let rows = session.clone();
        imp.list_box.bind_model(Some(session.conversations()), move |object| {
            let object = object.downcast_ref::<ConversationObject>().expect("the model holds conversations");
            ConversationListRow::new(object, &rows).upcast()
        });
        imp.list_box.set_header_func(widgets::section_header);
        imp.list_box.connect_row_activated(move |_, row| {
            if let Some(row) = row.downcast_ref::<ConversationListRow>() {
                open(row.id());
            }
        });
        session.listen(self, |list, topic| {
            if matches!(topic, Topic::Conversations) {
                list.refresh();
            }
        });
        self.refresh();
    }

    /// Marks the conversation that is on screen.
    pub(crate) fn set_shown(&self, id: Option<ConversationId>) {
        self.imp().shown.replace(id);
        self.select();
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let page = match (session.with(|state| state.conversations_loaded), session.conversations().n_items())
        {
            (false, _) => "loading",
            (true, 0) => "empty",
            (true, _) => "list",
        };
        imp.stack.set_visible_child_name(page);
        imp.list_box.invalidate_headers();
        self.select();
    }

    fn select(&self) {
        let imp = self.imp();
        let shown = imp.shown.borrow();
        let mut index = 0;
        while let Some(row) = imp.list_box.row_at_index(index) {
            let is_shown =
                row.downcast_ref::<ConversationListRow>().is_some_and(|row| Some(row.id()) == *shown);
            if is_shown {
                return imp.list_box.select_row(Some(&row));
            }
            index += 1;
        }
        imp.list_box.unselect_all();
    }
}
