//! Rooms: those of the organisation and those joined before; join, leave, open, or join one by address.

mod row;

use crate::projection::{RoomObject, Session, Topic};
use crate::rooms::row::RoomListRow;
use crate::{text, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::BareJid;
use flint_runtime::core::model::{ConversationId, RoomState};
use gtk::glib;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "rooms.ui")]
    pub(crate) struct RoomsPage {
        #[template_child]
        pub(super) address_entry: TemplateChild<gtk::Entry>,
        #[template_child]
        pub(super) join_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) problem_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) stack: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) list_box: TemplateChild<gtk::ListBox>,
        pub(super) session: OnceCell<Session>,
        pub(super) open: OnceCell<Rc<dyn Fn(ConversationId)>>,
        /// The room whose button was pressed, and whether the joining has begun.
        pub(super) wanted: RefCell<Option<(BareJid, bool)>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for RoomsPage {
        const NAME: &'static str = "FlRoomsPage";
        type Type = super::RoomsPage;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for RoomsPage {}
    impl WidgetImpl for RoomsPage {}
    impl BinImpl for RoomsPage {}
}

glib::wrapper! {
    /// Rooms.
    pub(crate) struct RoomsPage(ObjectSubclass<imp::RoomsPage>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl RoomsPage {
    /// Binds the page to the session; `open` is called for the room that was chosen.
    pub(crate) fn set_session(&self, session: &Session, open: impl Fn(ConversationId) + 'static) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() || imp.open.set(Rc::new(open)).is_err() {
            return;
        }
        widgets::name(&*imp.list_box, "Rooms");
        widgets::name(&*imp.address_entry, "Room address");
        let rows = session.clone();
        let page = self.downgrade();
        let wanted: Rc<dyn Fn(BareJid)> = Rc::new(move |room| {
            if let Some(page) = page.upgrade() {
                page.imp().wanted.replace(Some((room, false)));
            }
        });
        imp.list_box.bind_model(Some(session.rooms()), move |object| {
            let object = object.downcast_ref::<RoomObject>().expect("the model holds rooms");
            RoomListRow::new(object, &rows, wanted.clone()).upcast()
        });
        imp.list_box.connect_row_activated(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_, row| {
                if let (Some(row), Some(open)) = (row.downcast_ref::<RoomListRow>(), page.imp().open.get()) {
                    open(ConversationId::Room(row.jid()));
                }
            }
        ));
        imp.address_entry.connect_changed(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |entry| {
                page.imp().problem_label.set_visible(false);
                page.refresh_join(entry);
            }
        ));
        imp.address_entry.connect_activate(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| page.join()
        ));
        imp.join_button.connect_clicked(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| page.join()
        ));
        session.listen(self, |page, topic| match topic {
            Topic::Rooms => {
                page.refresh();
                page.open_wanted();
            }
            Topic::Capabilities => page.refresh_join(&page.imp().address_entry),
            _ => {}
        });
        self.refresh();
        self.refresh_join(&imp.address_entry);
    }

    fn refresh_join(&self, entry: &gtk::Entry) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let verdict = session.with(|state| state.capabilities.group_chat.clone());
        entry.set_sensitive(verdict.is_allowed());
        let icon = (!verdict.is_allowed()).then_some("channel-secure-symbolic");
        entry.set_primary_icon_name(icon);
        entry.set_tooltip_text(widgets::denial(&verdict).as_deref());
        imp.join_button.set_sensitive(verdict.is_allowed() && !entry.text().trim().is_empty());
        widgets::lock(&imp.join_button, &verdict, None);
    }

    fn address(&self) -> Option<BareJid> {
        let jid: BareJid = self.imp().address_entry.text().trim().parse().ok()?;
        jid.node().is_some().then_some(jid)
    }

    fn join(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let Some(room) = self.address() else {
            let written = text::one_line(&imp.address_entry.text(), 60);
            if !written.trim().is_empty() {
                let problem = format!("“{written}” is no room's address. Write it as name@server.");
                imp.problem_label.set_text(&problem);
                imp.problem_label.set_visible(true);
                widgets::describe(&*imp.address_entry, &problem);
            }
            return;
        };
        if !session.join_room(&room) {
            return;
        }
        imp.address_entry.set_text("");
        if let Some(open) = imp.open.get() {
            open(ConversationId::Room(room));
        }
    }

    /// Opens the room whose button was pressed once it is joined; a refusal stays in its row.
    fn open_wanted(&self) {
        let imp = self.imp();
        let (Some(session), Some((jid, begun))) = (imp.session.get(), imp.wanted.take()) else { return };
        let Some(state) = session.room(&jid).map(|room| room.with(|row| row.state.clone())) else { return };
        match state {
            RoomState::Joined { .. } => {
                if let Some(open) = imp.open.get() {
                    open(ConversationId::Room(jid));
                }
            }
            RoomState::Joining => drop(imp.wanted.replace(Some((jid, true)))),
            RoomState::NotJoined | RoomState::Failed { .. } if begun => {}
            RoomState::NotJoined | RoomState::Failed { .. } => drop(imp.wanted.replace(Some((jid, false)))),
        }
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let page = match (session.with(|state| state.rooms_loaded), session.rooms().n_items()) {
            (false, 0) => "loading",
            (true, 0) => "empty",
            _ => "list",
        };
        imp.stack.set_visible_child_name(page);
    }
}
