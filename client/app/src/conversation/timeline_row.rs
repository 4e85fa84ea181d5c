//! One line of a timeline: a day, the "new" line or a message.

use crate::conversation::message::Message;
use crate::projection::{Item, ItemObject, Session};
use crate::{time, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;
use std::cell::OnceCell;

mod imp {
    use super::*;

    #[derive(Default)]
    pub(crate) struct TimelineRow {
        pub(super) object: OnceCell<ItemObject>,
        pub(super) session: OnceCell<Session>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for TimelineRow {
        const NAME: &'static str = "FlTimelineRow";
        type Type = super::TimelineRow;
        type ParentType = gtk::ListBoxRow;
    }

    impl ObjectImpl for TimelineRow {}
    impl WidgetImpl for TimelineRow {}
    impl ListBoxRowImpl for TimelineRow {}
}

glib::wrapper! {
    /// One line of a timeline.
    pub(crate) struct TimelineRow(ObjectSubclass<imp::TimelineRow>)
        @extends gtk::ListBoxRow, gtk::Widget,
        @implements gtk::Accessible, gtk::Actionable, gtk::Buildable, gtk::ConstraintTarget;
}

impl TimelineRow {
    /// A row that follows `object`.
    pub(crate) fn new(object: &ItemObject, session: &Session, retry: impl Fn(String) + 'static) -> Self {
        let row: Self = glib::Object::new();
        row.set_activatable(false);
        let _ = row.imp().object.set(object.clone());
        let _ = row.imp().session.set(session.clone());
        let is_message = object.with(|item| matches!(item, Item::Message { .. }));
        if is_message {
            let message = Message::default();
            message.connect_retry(retry);
            row.set_child(Some(&message));
        }
        row.set_focusable(is_message);
        let weak = row.downgrade();
        object.connect_changed(move |_| {
            if let Some(row) = weak.upgrade() {
                row.refresh();
            }
        });
        row.refresh();
        row
    }

    fn refresh(&self) {
        let imp = self.imp();
        let object = imp.object.get().expect("set when the row is made");
        let now = imp.session.get().map(Session::now).unwrap_or_default();
        object.with(|item| match item {
            Item::Day(at) => {
                let label = gtk::Label::new(Some(&time::day_line(*at, now)));
                label.set_css_classes(&["daychip"]);
                label.set_halign(gtk::Align::Center);
                label.set_margin_top(10);
                label.set_margin_bottom(4);
                self.set_child(Some(&label));
            }
            Item::New => self.set_child(Some(&new_line())),
            Item::Message { .. } => {
                if let Some(message) = self.child().and_downcast::<Message>() {
                    let spoken = message.set(item);
                    widgets::name(self, &spoken);
                }
            }
        });
    }
}

fn new_line() -> gtk::Box {
    let line = || {
        let line = gtk::Box::builder().hexpand(true).valign(gtk::Align::Center).build();
        line.add_css_class("newline");
        line
    };
    let label = gtk::Label::new(Some("New"));
    label.add_css_class("newtext");
    let all = gtk::Box::builder().spacing(10).margin_top(10).build();
    all.append(&line());
    all.append(&label);
    all.append(&line());
    all
}
