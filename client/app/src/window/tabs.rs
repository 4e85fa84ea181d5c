//! Conversations side by side as tabs, with the header of the one on screen.

use crate::conversation::ConversationPage;
use crate::desk::OfferStrip;
use crate::projection::{Session, Topic};
use crate::text;
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::MessageId;
use flint_runtime::core::command::ChatCommand;
use flint_runtime::core::model::ConversationId;
use gtk::glib;
use std::cell::{Cell, OnceCell, RefCell};

/// Closed tabs that can be opened again.
const REMEMBERED: usize = 20;

type Shown = Box<dyn Fn(Option<ConversationId>)>;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "tabs.ui")]
    pub(crate) struct ChatTabs {
        #[template_child]
        pub(super) back_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) title: TemplateChild<adw::WindowTitle>,
        #[template_child]
        pub(super) pin_button: TemplateChild<gtk::ToggleButton>,
        #[template_child]
        pub(super) offer_strip: TemplateChild<OfferStrip>,
        #[template_child]
        pub(super) stack: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) tab_bar: TemplateChild<adw::TabBar>,
        #[template_child]
        pub(super) tab_view: TemplateChild<adw::TabView>,
        pub(super) session: OnceCell<Session>,
        pub(super) closed: RefCell<Vec<ConversationId>>,
        pub(super) shown: RefCell<Option<Shown>>,
        pub(super) refreshing: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ChatTabs {
        const NAME: &'static str = "FlChatTabs";
        type Type = super::ChatTabs;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            OfferStrip::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for ChatTabs {}
    impl WidgetImpl for ChatTabs {}
    impl BinImpl for ChatTabs {}
}

glib::wrapper! {
    /// Conversations side by side as tabs.
    pub(crate) struct ChatTabs(ObjectSubclass<imp::ChatTabs>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl ChatTabs {
    /// Binds the tabs to the session and to the leaflet they stand in.
    pub(crate) fn set_session(&self, session: &Session, leaflet: &adw::Leaflet) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() {
            return;
        }
        imp.offer_strip.set_session(session);
        super::bind_back(leaflet, &imp.back_button);
        crate::widgets::name(&*imp.pin_button, "Pin to the top");
        imp.tab_view.connect_selected_page_notify(glib::clone!(
            #[weak(rename_to = tabs)]
            self,
            move |_| tabs.selected()
        ));
        imp.tab_view.connect_close_page(glib::clone!(
            #[weak(rename_to = tabs)]
            self,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |view, page| {
                tabs.closing(page);
                view.close_page_finish(page, true);
                tabs.selected();
                glib::Propagation::Stop
            }
        ));
        imp.pin_button.connect_toggled(glib::clone!(
            #[weak(rename_to = tabs)]
            self,
            move |button| tabs.pin(button.is_active())
        ));
        session.listen(self, |tabs, topic| match topic {
            Topic::Conversations => {
                tabs.refresh();
                // The count of what is unread may come after the message itself.
                tabs.mark_read_if_active();
            }
            Topic::Identity | Topic::People | Topic::Rooms => tabs.refresh(),
            Topic::Timeline(_) => tabs.mark_read_if_active(),
            _ => {}
        });
        self.selected();
    }

    /// Calls `handler` with the conversation that came on screen.
    pub(crate) fn connect_shown(&self, handler: impl Fn(Option<ConversationId>) + 'static) {
        self.imp().shown.replace(Some(Box::new(handler)));
    }

    /// Opens a conversation, or brings its tab to the front.
    pub(crate) fn open(&self, id: &ConversationId) {
        let imp = self.imp();
        let known = self.pages().into_iter().find(|(_, page)| page.id() == id);
        let tab = match known {
            Some((tab, _)) => tab,
            None => {
                let page = ConversationPage::new(self.session(), id);
                imp.tab_view.append(&page)
            }
        };
        imp.tab_view.set_selected_page(&tab);
        self.refresh();
        if let Some(page) = self.current() {
            page.grab_focus();
        }
        // Opening is a deliberate act, whatever the window manager thinks of focus.
        self.mark_read();
    }

    /// Opens a conversation at one of its messages.
    pub(crate) fn open_at(&self, id: &ConversationId, message: &MessageId) {
        self.open(id);
        if let Some(page) = self.current() {
            page.reveal(message);
        }
    }

    /// Closes the tab on screen.
    pub(crate) fn close_current(&self) {
        if let Some(tab) = self.imp().tab_view.selected_page() {
            self.imp().tab_view.close_page(&tab);
        }
    }

    /// Opens the tab that was closed last.
    pub(crate) fn reopen(&self) {
        let last = self.imp().closed.borrow_mut().pop();
        if let Some(id) = last {
            self.open(&id);
        }
    }

    /// Goes to the next or previous tab, around the end.
    pub(crate) fn step(&self, forward: bool) {
        let view = &self.imp().tab_view;
        let moved = if forward { view.select_next_page() } else { view.select_previous_page() };
        if !moved && view.n_pages() > 0 {
            view.set_selected_page(&view.nth_page(if forward { 0 } else { view.n_pages() - 1 }));
        }
    }

    /// Goes to the tab with this number, from 1; 9 is the last.
    pub(crate) fn select(&self, number: i32) {
        let view = &self.imp().tab_view;
        let index = if number == 9 { view.n_pages() - 1 } else { number - 1 };
        if (0..view.n_pages()).contains(&index) {
            view.set_selected_page(&view.nth_page(index));
        }
    }

    /// Pins the conversation on screen, or unpins it.
    pub(crate) fn toggle_pin(&self) {
        let button = &self.imp().pin_button;
        button.set_active(!button.is_active());
    }

    /// What is on screen was seen.
    pub(crate) fn mark_read(&self) {
        if let Some(page) = self.current() {
            page.mark_read();
        }
    }

    /// The conversation on screen.
    pub(crate) fn current(&self) -> Option<ConversationPage> {
        self.imp().tab_view.selected_page().and_then(|tab| tab.child().downcast().ok())
    }

    fn mark_read_if_active(&self) {
        let active = self.root().and_downcast::<gtk::Window>().is_some_and(|window| window.is_active());
        if active && self.is_mapped() {
            self.mark_read();
        }
    }

    fn session(&self) -> &Session {
        self.imp().session.get().expect("set before anything is opened")
    }

    fn pages(&self) -> Vec<(adw::TabPage, ConversationPage)> {
        let view = &self.imp().tab_view;
        let tabs = (0..view.n_pages()).map(|index| view.nth_page(index));
        tabs.filter_map(|tab| tab.child().downcast().ok().map(|page| (tab, page))).collect()
    }

    fn selected(&self) {
        self.refresh();
        self.mark_read();
        let id = self.current().map(|page| page.id().clone());
        if let Some(shown) = self.imp().shown.borrow().as_ref() {
            shown(id);
        }
    }

    fn closing(&self, tab: &adw::TabPage) {
        let Ok(page) = tab.child().downcast::<ConversationPage>() else { return };
        let mut closed = self.imp().closed.borrow_mut();
        closed.push(page.id().clone());
        if closed.len() > REMEMBERED {
            closed.remove(0);
        }
        self.session().close(page.id());
    }

    fn pin(&self, pinned: bool) {
        if self.imp().refreshing.get() {
            return;
        }
        if let Some(page) = self.current() {
            self.session().chat(ChatCommand::SetPinned { conversation: page.id().clone(), pinned });
        }
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        imp.refreshing.set(true);
        let current = self.current();
        imp.stack.set_visible_child_name(if current.is_some() { "tabs" } else { "empty" });
        for (tab, page) in self.pages() {
            let name = text::one_line(&session.title(page.id()), 60);
            let is_room = matches!(page.id(), ConversationId::Room(_));
            tab.set_title(&if is_room { format!("# {name}") } else { name });
            tab.set_tooltip(&text::escaped(page.id().jid().as_str()));
            let row = session.conversation(page.id());
            let is_shown = current.as_ref() == Some(&page);
            tab.set_needs_attention(!is_shown && row.is_some_and(|row| row.with(|row| row.unread > 0)));
        }
        match &current {
            Some(page) => {
                imp.title.set_title(&text::one_line(&session.title(page.id()), 80));
                imp.title.set_subtitle(&page.subtitle());
                imp.pin_button.set_active(
                    session.conversation(page.id()).is_some_and(|row| row.with(|row| row.pinned)),
                );
            }
            None => {
                imp.title.set_title("");
                imp.title.set_subtitle("");
            }
        }
        imp.pin_button.set_visible(current.is_some());
        imp.refreshing.set(false);
    }
}
