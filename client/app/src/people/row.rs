//! One line of the people list: a group heading or somebody with presence and status.

use crate::projection::{PeopleItem, PeopleItemObject};
use crate::text;
use crate::widgets::{self, Avatar};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::model::Subscription;
use gtk::glib;
use std::cell::RefCell;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "row.ui")]
    pub(crate) struct PeopleRow {
        #[template_child]
        pub(super) arrow: TemplateChild<gtk::Image>,
        #[template_child]
        pub(super) avatar: TemplateChild<Avatar>,
        #[template_child]
        pub(super) name_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) status_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) count_label: TemplateChild<gtk::Label>,
        pub(super) bound: RefCell<Option<(PeopleItemObject, glib::SignalHandlerId)>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for PeopleRow {
        const NAME: &'static str = "FlPeopleRow";
        type Type = super::PeopleRow;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            Avatar::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for PeopleRow {}
    impl WidgetImpl for PeopleRow {}
    impl BinImpl for PeopleRow {}
}

glib::wrapper! {
    /// One line of the people list.
    pub(crate) struct PeopleRow(ObjectSubclass<imp::PeopleRow>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl PeopleRow {
    /// Shows `object` and follows it.
    pub(crate) fn bind(&self, object: &PeopleItemObject) {
        self.unbind();
        let weak = self.downgrade();
        let handler = object.connect_changed(move |object| {
            if let Some(row) = weak.upgrade() {
                object.with(|item| row.show_item(item));
            }
        });
        self.imp().bound.replace(Some((object.clone(), handler)));
        object.with(|item| self.show_item(item));
    }

    /// Follows nothing any more.
    pub(crate) fn unbind(&self) {
        if let Some((object, handler)) = self.imp().bound.take() {
            object.disconnect(handler);
        }
    }

    fn show_item(&self, item: &PeopleItem) {
        let imp = self.imp();
        let is_group = matches!(item, PeopleItem::Group { .. });
        imp.arrow.set_visible(is_group);
        imp.count_label.set_visible(is_group);
        imp.avatar.set_visible(!is_group);
        imp.status_label.set_visible(!is_group);
        let spoken = match item {
            PeopleItem::Group { name, online, total, open } => {
                let name = text::one_line(name, 80);
                imp.arrow.set_icon_name(Some(if *open { "pan-down-symbolic" } else { "pan-end-symbolic" }));
                imp.name_label.set_text(&name);
                imp.count_label.set_text(&format!("{online} / {total}"));
                let state = if *open { "open" } else { "closed" };
                format!("Group {name}, {online} of {total} online, {state}")
            }
            PeopleItem::Person(person) => {
                let name = text::one_line(&person.name, 80);
                imp.avatar.set_person(&name);
                // Without a subscription their presence is unknown, not offline.
                let sees = matches!(person.subscription, Subscription::To | Subscription::Both);
                imp.avatar.set_show(sees.then_some(person.show));
                imp.name_label.set_text(&name);
                let status = match (sees, person.asked) {
                    (true, _) => widgets::show_text(person.show, &person.status),
                    (false, true) => "Waits for their answer".to_owned(),
                    (false, false) => person.jid.to_string(),
                };
                imp.status_label.set_text(&status);
                format!("{name}, {status}")
            }
        };
        widgets::name(self, &spoken);
        // The list's own row around this one is what takes the focus and is heard.
        if let Some(row) = self.parent() {
            widgets::name(&row, &spoken);
        }
    }
}
