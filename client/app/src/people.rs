//! The roster: groups with online counts, presence, adding contacts.

mod add_contact;
mod row;

use crate::people::add_contact::AddContact;
use crate::people::row::PeopleRow;
use crate::projection::{PeopleItem, PeopleItemObject, Session, Topic};
use crate::widgets;
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::model::ConversationId;
use gtk::glib;
use std::cell::OnceCell;
use std::rc::Rc;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "people.ui")]
    pub(crate) struct PeoplePage {
        #[template_child]
        pub(super) add_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) add_content: TemplateChild<adw::ButtonContent>,
        #[template_child]
        pub(super) stack: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) list_view: TemplateChild<gtk::ListView>,
        pub(super) session: OnceCell<Session>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for PeoplePage {
        const NAME: &'static str = "FlPeoplePage";
        type Type = super::PeoplePage;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for PeoplePage {}
    impl WidgetImpl for PeoplePage {}
    impl BinImpl for PeoplePage {}
}

glib::wrapper! {
    /// The roster.
    pub(crate) struct PeoplePage(ObjectSubclass<imp::PeoplePage>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl PeoplePage {
    /// Binds the page to the session; `open` is called for whom was chosen.
    pub(crate) fn set_session(&self, session: &Session, open: impl Fn(ConversationId) + 'static) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() {
            return;
        }
        widgets::name(&*imp.list_view, "People");
        // The button is named by the label in it (AdwButtonContent); a name of its own would be read twice.
        let factory = gtk::SignalListItemFactory::new();
        factory.connect_setup(|_, item| {
            if let Some(item) = item.downcast_ref::<gtk::ListItem>() {
                item.set_child(Some(&glib::Object::new::<PeopleRow>()));
            }
        });
        factory.connect_bind(|_, item| {
            let Some(item) = item.downcast_ref::<gtk::ListItem>() else { return };
            if let (Some(row), Some(object)) =
                (item.child().and_downcast::<PeopleRow>(), item.item().and_downcast::<PeopleItemObject>())
            {
                row.bind(&object);
            }
        });
        factory.connect_unbind(|_, item| {
            let row = item
                .downcast_ref::<gtk::ListItem>()
                .and_then(|item| item.child().and_downcast::<PeopleRow>());
            if let Some(row) = row {
                row.unbind();
            }
        });
        imp.list_view.set_factory(Some(&factory));
        let selection = gtk::NoSelection::new(Some(session.people().visible().clone()));
        imp.list_view.set_model(Some(&selection));
        let (people, open) = (session.people().clone(), Rc::new(open));
        imp.list_view.connect_activate(move |view, position| {
            let object =
                view.model().and_then(|model| model.item(position)).and_downcast::<PeopleItemObject>();
            match object.map(|object| object.with(Clone::clone)) {
                Some(PeopleItem::Group { name, .. }) => people.toggle(&name),
                Some(PeopleItem::Person(row)) => open(ConversationId::Person(row.jid)),
                None => {}
            }
        });
        imp.add_button.connect_clicked(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| page.add_contact()
        ));
        session.listen(self, |page, topic| match topic {
            Topic::People => page.refresh(),
            Topic::Capabilities => page.refresh_add(),
            _ => {}
        });
        session.people().visible().connect_items_changed(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_, _, _, _| page.refresh()
        ));
        self.refresh();
        self.refresh_add();
    }

    /// Asks for an address, if that is allowed.
    pub(crate) fn add_contact(&self) {
        let Some(session) = self.imp().session.get() else { return };
        if session.with(|state| state.capabilities.add_contact.is_allowed()) {
            let window = self.root().and_downcast::<gtk::Window>();
            AddContact::new(session, window.as_ref()).present();
        }
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let people = session.people();
        let page = match (people.is_loaded(), people.is_empty(), people.visible().n_items()) {
            (false, _, _) => "loading",
            (true, true, _) => "empty",
            (true, false, 0) => "nobody",
            (true, false, _) => "list",
        };
        imp.stack.set_visible_child_name(page);
    }

    fn refresh_add(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let verdict = session.with(|state| state.capabilities.add_contact.clone());
        imp.add_button.set_sensitive(verdict.is_allowed());
        let icon = if verdict.is_allowed() { "contact-new-symbolic" } else { "channel-secure-symbolic" };
        imp.add_content.set_icon_name(icon);
        widgets::lock(&imp.add_button, &verdict, Some("Add contact (Ctrl+Shift+N)"));
    }
}
