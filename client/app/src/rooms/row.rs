//! One room in the list, with its state and the button that joins or leaves.

use crate::projection::{RoomObject, Session, Topic};
use crate::text;
use crate::widgets::{self, Avatar};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::command::RoomCommand;
use flint_runtime::core::model::RoomState;
use flint_runtime::core::{BareJid, Command, Verdict};
use gtk::glib;
use std::cell::OnceCell;
use std::rc::Rc;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "row.ui")]
    pub(crate) struct RoomListRow {
        #[template_child]
        pub(super) avatar: TemplateChild<Avatar>,
        #[template_child]
        pub(super) name_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) state_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) button: TemplateChild<gtk::Button>,
        pub(super) object: OnceCell<RoomObject>,
        pub(super) session: OnceCell<Session>,
        pub(super) wanted: OnceCell<Rc<dyn Fn(BareJid)>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for RoomListRow {
        const NAME: &'static str = "FlRoomListRow";
        type Type = super::RoomListRow;
        type ParentType = gtk::ListBoxRow;

        fn class_init(class: &mut Self::Class) {
            Avatar::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for RoomListRow {}
    impl WidgetImpl for RoomListRow {}
    impl ListBoxRowImpl for RoomListRow {}
}

glib::wrapper! {
    /// One room in the list.
    pub(crate) struct RoomListRow(ObjectSubclass<imp::RoomListRow>)
        @extends gtk::ListBoxRow, gtk::Widget,
        @implements gtk::Accessible, gtk::Actionable, gtk::Buildable, gtk::ConstraintTarget;
}

impl RoomListRow {
    /// A row that follows `object`; `wanted` is called when its room is to be joined.
    pub(crate) fn new(object: &RoomObject, session: &Session, wanted: Rc<dyn Fn(BareJid)>) -> Self {
        let row: Self = glib::Object::new();
        let _ = row.imp().object.set(object.clone());
        let _ = row.imp().session.set(session.clone());
        let _ = row.imp().wanted.set(wanted);
        row.imp().button.connect_clicked(glib::clone!(
            #[weak]
            row,
            move |_| row.join_or_leave()
        ));
        let weak = row.downgrade();
        object.connect_changed(move |_| {
            if let Some(row) = weak.upgrade() {
                row.refresh();
            }
        });
        session.listen(&row, |row, topic| {
            if matches!(topic, Topic::Capabilities) {
                row.refresh();
            }
        });
        row.refresh();
        row
    }

    /// Address of the room.
    pub(crate) fn jid(&self) -> BareJid {
        self.object().with(|row| row.jid.clone())
    }

    fn object(&self) -> &RoomObject {
        self.imp().object.get().expect("set when the row is made")
    }

    fn join_or_leave(&self) {
        let (room, joined) =
            self.object().with(|row| (row.jid.clone(), matches!(row.state, RoomState::Joined { .. })));
        let Some(session) = self.imp().session.get() else { return };
        if joined {
            session.send(Command::Room(RoomCommand::Leave { room }));
        } else {
            if let Some(wanted) = self.imp().wanted.get() {
                wanted(room.clone());
            }
            session.join_room(&room);
        }
    }

    fn refresh(&self) {
        let imp = self.imp();
        self.object().with(|row| {
            let name = text::one_line(&row.name, 80);
            imp.avatar.set_room(&name);
            imp.name_label.set_text(&name);
            let (state, button) = match &row.state {
                RoomState::Joined { .. } if row.occupants.len() == 1 => {
                    ("1 person".to_owned(), Some("Leave"))
                }
                RoomState::Joined { .. } => (format!("{} people", row.occupants.len()), Some("Leave")),
                RoomState::Joining => ("Joining…".to_owned(), None),
                RoomState::NotJoined => (row.jid.to_string(), Some("Join")),
                RoomState::Failed { reason } => (text::one_line(reason, 200), Some("Join")),
            };
            imp.state_label.set_text(&state);
            self.set_tooltip_text(matches!(row.state, RoomState::Failed { .. }).then_some(state.as_str()));
            widgets::set_class(&*imp.state_label, "error", matches!(row.state, RoomState::Failed { .. }));
            imp.button.set_visible(button.is_some());
            imp.button.set_label(button.unwrap_or_default());
            let verdict = match (&row.state, imp.session.get()) {
                // Nobody is kept in a room.
                (RoomState::Joined { .. }, _) | (_, None) => Verdict::Allowed,
                (_, Some(session)) => session.with(|state| state.capabilities.group_chat.clone()),
            };
            imp.button.set_sensitive(verdict.is_allowed());
            widgets::lock(&imp.button, &verdict, None);
            widgets::name(&*imp.button, &format!("{} {name}", button.unwrap_or_default()));
            widgets::name(self, &format!("Room {name}, {state}"));
        });
    }
}
