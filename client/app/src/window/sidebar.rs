//! Left side of the window: own card, one search for everything, the lists behind a switcher.

use crate::conversation_list::ConversationList;
use crate::desk::{DeskSidebar, OfferStrip};
use crate::people::PeoplePage;
use crate::projection::{Session, Topic};
use crate::rooms::RoomsPage;
use crate::text;
use crate::widgets::{self, Avatar};
use crate::window::presence_menu::PresenceMenu;
use crate::window::requests::Requests;
use crate::window::search_results::SearchResults;
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::MessageId;
use flint_runtime::core::model::ConversationId;
use gtk::glib;
use std::cell::OnceCell;
use std::rc::Rc;

/// The lists behind the switcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Conversations.
    Chats,
    /// The roster.
    People,
    /// Rooms.
    Rooms,
    /// The support desk.
    Desk,
}

impl View {
    fn page(self) -> &'static str {
        match self {
            Self::Chats => "chats",
            Self::People => "people",
            Self::Rooms => "rooms",
            Self::Desk => "desk",
        }
    }
}

/// What was chosen on the left and is to be shown on the right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Another list.
    View(View),
    /// A conversation.
    Conversation(ConversationId),
    /// A conversation at one of its messages.
    Message(ConversationId, MessageId),
    /// A chat with a customer, by its session.
    CustomerChat(String),
}

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "sidebar.ui")]
    pub(crate) struct Sidebar {
        #[template_child]
        pub(super) header: TemplateChild<adw::HeaderBar>,
        #[template_child]
        pub(super) me_button: TemplateChild<gtk::MenuButton>,
        #[template_child]
        pub(super) me_avatar: TemplateChild<Avatar>,
        #[template_child]
        pub(super) me_name_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) me_show_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) presence_menu: TemplateChild<PresenceMenu>,
        #[template_child]
        pub(super) new_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) menu_button: TemplateChild<gtk::MenuButton>,
        #[template_child]
        pub(super) search_entry: TemplateChild<gtk::SearchEntry>,
        #[template_child]
        pub(super) offer_strip: TemplateChild<OfferStrip>,
        #[template_child]
        pub(super) requests: TemplateChild<Requests>,
        #[template_child]
        pub(super) stack: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) results: TemplateChild<SearchResults>,
        #[template_child]
        pub(super) conversations: TemplateChild<ConversationList>,
        #[template_child]
        pub(super) people: TemplateChild<PeoplePage>,
        #[template_child]
        pub(super) rooms: TemplateChild<RoomsPage>,
        #[template_child]
        pub(super) desk: TemplateChild<DeskSidebar>,
        #[template_child]
        pub(super) chats_toggle: TemplateChild<gtk::ToggleButton>,
        #[template_child]
        pub(super) people_toggle: TemplateChild<gtk::ToggleButton>,
        #[template_child]
        pub(super) rooms_toggle: TemplateChild<gtk::ToggleButton>,
        #[template_child]
        pub(super) desk_toggle: TemplateChild<gtk::ToggleButton>,
        #[template_child]
        pub(super) offers_label: TemplateChild<gtk::Label>,
        pub(super) session: OnceCell<Session>,
        pub(super) go: OnceCell<Rc<dyn Fn(Target)>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Sidebar {
        const NAME: &'static str = "FlSidebar";
        type Type = super::Sidebar;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            Avatar::ensure_type();
            PresenceMenu::ensure_type();
            SearchResults::ensure_type();
            ConversationList::ensure_type();
            PeoplePage::ensure_type();
            RoomsPage::ensure_type();
            DeskSidebar::ensure_type();
            OfferStrip::ensure_type();
            Requests::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for Sidebar {}
    impl WidgetImpl for Sidebar {}
    impl BinImpl for Sidebar {}
}

glib::wrapper! {
    /// Left side of the window.
    pub(crate) struct Sidebar(ObjectSubclass<imp::Sidebar>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Sidebar {
    /// Binds the sidebar to the session; `go` is called for what was chosen.
    pub(crate) fn set_session(
        &self,
        session: &Session,
        leaflet: &adw::Leaflet,
        go: impl Fn(Target) + 'static,
    ) {
        let imp = self.imp();
        let go: Rc<dyn Fn(Target)> = Rc::new(go);
        if imp.session.set(session.clone()).is_err() || imp.go.set(go.clone()).is_err() {
            return;
        }
        leaflet.bind_property("folded", &*imp.header, "show-end-title-buttons").sync_create().build();
        // Folded, the sidebar is all there is to see; else the strip is above the tabs.
        leaflet.bind_property("folded", &*imp.offer_strip, "visible").sync_create().build();
        imp.offer_strip.set_session(session);
        imp.requests.set_session(session);
        imp.me_avatar.set_size(28);
        imp.presence_menu.set_session(session);
        let opener = || {
            let go = go.clone();
            move |id: ConversationId| go(Target::Conversation(id))
        };
        imp.conversations.set_session(session, opener());
        imp.people.set_session(session, opener());
        imp.rooms.set_session(session, opener());
        let chat = go.clone();
        imp.desk.set_session(session, move |session| chat(Target::CustomerChat(session)));
        let done = self.downgrade();
        let found = go.clone();
        imp.results.set_session(session, move |target| {
            if let Some(sidebar) = done.upgrade() {
                sidebar.imp().search_entry.set_text("");
            }
            found(target);
        });
        self.name_everything();
        self.connect();
        session.listen(self, |sidebar, topic| match topic {
            Topic::Identity | Topic::Presence | Topic::Connection => sidebar.refresh_me(),
            Topic::Workgroups | Topic::Offers(_) => sidebar.refresh_desk(),
            _ => {}
        });
        self.refresh_me();
        self.refresh_desk();
    }

    /// Shows one of the lists.
    pub(crate) fn show(&self, view: View) {
        self.imp().search_entry.set_text("");
        self.toggle(view).set_active(true);
    }

    /// Puts the cursor into the search, above whichever list is shown.
    pub(crate) fn search(&self) {
        self.imp().search_entry.grab_focus();
        self.imp().search_entry.select_region(0, -1);
    }

    /// Asks for the address of a new contact, if that is allowed.
    pub(crate) fn add_contact(&self) {
        self.imp().people.add_contact();
    }

    /// Marks the conversation that is on screen.
    pub(crate) fn set_shown(&self, id: Option<ConversationId>) {
        self.imp().conversations.set_shown(id);
    }

    fn toggle(&self, view: View) -> &gtk::ToggleButton {
        let imp = self.imp();
        match view {
            View::Chats => &imp.chats_toggle,
            View::People => &imp.people_toggle,
            View::Rooms => &imp.rooms_toggle,
            View::Desk => &imp.desk_toggle,
        }
    }

    fn view(&self) -> View {
        let views = [View::People, View::Rooms, View::Desk];
        views.into_iter().find(|view| self.toggle(*view).is_active()).unwrap_or(View::Chats)
    }

    fn name_everything(&self) {
        let imp = self.imp();
        widgets::name(&*imp.search_entry, "Search people, rooms, text");
        widgets::name(&*imp.new_button, "New chat");
        widgets::name(&*imp.menu_button, "Menu");
        for (view, name) in
            [(View::Chats, "Chats"), (View::People, "People"), (View::Rooms, "Rooms"), (View::Desk, "Desk")]
        {
            widgets::name(self.toggle(view), name);
        }
    }

    fn connect(&self) {
        let imp = self.imp();
        for view in [View::Chats, View::People, View::Rooms, View::Desk] {
            self.toggle(view).connect_toggled(glib::clone!(
                #[weak(rename_to = sidebar)]
                self,
                move |toggle| {
                    if toggle.is_active() {
                        sidebar.refresh_page();
                        if let Some(go) = sidebar.imp().go.get() {
                            go(Target::View(view));
                        }
                    }
                }
            ));
        }
        imp.search_entry.connect_search_changed(glib::clone!(
            #[weak(rename_to = sidebar)]
            self,
            move |_| sidebar.refresh_page()
        ));
        imp.search_entry.connect_stop_search(|entry| entry.set_text(""));
        imp.search_entry.connect_activate(glib::clone!(
            #[weak(rename_to = sidebar)]
            self,
            move |_| {
                // Enter may come before the delayed search.
                sidebar.refresh_page();
                sidebar.imp().results.activate_first();
            }
        ));
        let keys = gtk::EventControllerKey::new();
        keys.connect_key_pressed(glib::clone!(
            #[weak(rename_to = sidebar)]
            self,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |_, key, _, _| {
                if key == gtk::gdk::Key::Down && !sidebar.imp().search_entry.text().is_empty() {
                    sidebar.imp().results.child_focus(gtk::DirectionType::TabForward);
                    return glib::Propagation::Stop;
                }
                glib::Propagation::Proceed
            }
        ));
        imp.search_entry.add_controller(keys);
    }

    /// With the people list shown, the search filters it in place; elsewhere the results take the list's place.
    fn refresh_page(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let needle = imp.search_entry.text();
        let view = self.view();
        session.people().set_filter(if view == View::People { needle.as_str() } else { "" });
        if needle.trim().is_empty() || view == View::People {
            imp.stack.set_visible_child_name(view.page());
        } else {
            imp.stack.set_visible_child_name("results");
        }
        imp.results.search(&needle);
    }

    fn refresh_me(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        session.with(|state| {
            let address = state.jid.as_ref().map(ToString::to_string).unwrap_or_default();
            let name = if state.name.is_empty() { address } else { text::one_line(&state.name, 60) };
            imp.me_avatar.set_person(&name);
            let (seen_as, show) = state.seen_as();
            imp.me_avatar.set_show(Some(seen_as));
            imp.me_name_label.set_text(&name);
            imp.me_show_label.set_text(&show);
            let spoken = format!("{name}: {show}");
            imp.me_button.set_tooltip_text(Some(&spoken));
            widgets::name(&*imp.me_button, &spoken);
        });
    }

    fn refresh_desk(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let is_agent = !session.desk().workgroups().is_empty();
        imp.desk_toggle.set_visible(is_agent);
        if !is_agent && imp.desk_toggle.is_active() {
            self.show(View::Chats);
        }
        let offers = session.desk().offers().n_items();
        imp.offers_label.set_visible(offers > 0);
        imp.offers_label.set_text(&offers.to_string());
        let description =
            if offers > 0 { format!("{offers} waiting for your answer") } else { String::new() };
        widgets::describe(&*imp.desk_toggle, &description);
    }
}
