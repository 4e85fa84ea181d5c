//! Asks for the address of a new contact.

use crate::projection::{Session, Topic};
use crate::widgets;
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::command::PeopleCommand;
use flint_runtime::core::{BareJid, Command};
use gtk::glib;
use std::cell::OnceCell;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "add_contact.ui")]
    pub(crate) struct AddContact {
        #[template_child]
        pub(super) address_row: TemplateChild<adw::EntryRow>,
        #[template_child]
        pub(super) name_row: TemplateChild<adw::EntryRow>,
        #[template_child]
        pub(super) problem_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) cancel_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) add_button: TemplateChild<gtk::Button>,
        pub(super) session: OnceCell<Session>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for AddContact {
        const NAME: &'static str = "FlAddContact";
        type Type = super::AddContact;
        type ParentType = adw::Window;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.add_binding_action(gtk::gdk::Key::Escape, gtk::gdk::ModifierType::empty(), "window.close");
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for AddContact {}
    impl WidgetImpl for AddContact {}
    impl WindowImpl for AddContact {}
    impl AdwWindowImpl for AddContact {}
}

glib::wrapper! {
    /// Asks for the address of a new contact.
    pub(crate) struct AddContact(ObjectSubclass<imp::AddContact>)
        @extends adw::Window, gtk::Window, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::Native, gtk::Root, gtk::ShortcutManager;
}

impl AddContact {
    /// The dialog above `parent`.
    pub(crate) fn new(session: &Session, parent: Option<&gtk::Window>) -> Self {
        let dialog: Self = glib::Object::new();
        dialog.set_transient_for(parent);
        let imp = dialog.imp();
        let _ = imp.session.set(session.clone());
        widgets::name(&*imp.address_row, "Address");
        widgets::name(&*imp.name_row, "Name");
        imp.cancel_button.connect_clicked(glib::clone!(
            #[weak]
            dialog,
            move |_| dialog.close()
        ));
        imp.add_button.connect_clicked(glib::clone!(
            #[weak]
            dialog,
            move |_| dialog.add()
        ));
        for row in [&imp.address_row, &imp.name_row] {
            row.connect_entry_activated(glib::clone!(
                #[weak]
                dialog,
                move |_| dialog.add()
            ));
        }
        imp.address_row.connect_changed(glib::clone!(
            #[weak]
            dialog,
            move |_| dialog.refresh()
        ));
        // The policy may change while the dialog is open.
        session.listen(&dialog, |dialog, topic| {
            if matches!(topic, Topic::Capabilities) {
                dialog.refresh();
            }
        });
        dialog.refresh();
        dialog
    }

    fn address(&self) -> Option<BareJid> {
        let text = self.imp().address_row.text();
        let jid: BareJid = text.trim().parse().ok()?;
        jid.node().is_some().then_some(jid)
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let allowed = session.with(|state| state.capabilities.add_contact.is_allowed());
        let empty = imp.address_row.text().trim().is_empty();
        imp.add_button.set_sensitive(allowed && self.address().is_some());
        imp.problem_label.set_visible(!empty && self.address().is_none());
        if !allowed {
            self.close();
        }
    }

    fn add(&self) {
        let imp = self.imp();
        let (Some(session), Some(jid)) = (imp.session.get(), self.address()) else { return };
        let name = Some(imp.name_row.text().trim().to_owned()).filter(|name| !name.is_empty());
        session.send(Command::People(PeopleCommand::AddContact { jid, name, groups: Vec::new() }));
        self.close();
    }
}
