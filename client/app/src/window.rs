//! The main window: sign-in page, or sidebar and content, with one banner line.

mod actions;
mod banner;
mod presence_menu;
mod requests;
mod search_results;
mod shortcuts;
mod sidebar;
mod tabs;

use crate::login::SignInPage;
use crate::projection::{Session, Topic};
pub use actions::set_accelerators;
use adw::prelude::*;
use adw::subclass::prelude::*;
use banner::Banner;
use flint_runtime::core::model::{ConnectionState, ConversationId};
use gtk::{gio, glib};
use sidebar::{Sidebar, View};
use std::cell::{Cell, OnceCell, RefCell};
use std::time::Duration;
use tabs::ChatTabs;

/// Longest wait for the client to end once the window was closed. What is unsent is in the outbox by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a sentence is shown.
const TOAST_SECONDS: u32 = 4;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "window.ui")]
    pub struct Window {
        #[template_child]
        pub(super) toasts: TemplateChild<adw::ToastOverlay>,
        pub(super) toast: RefCell<glib::WeakRef<adw::Toast>>,
        #[template_child]
        pub(super) pages: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) sign_in: TemplateChild<SignInPage>,
        #[template_child]
        pub(super) banner: TemplateChild<Banner>,
        #[template_child]
        pub(super) leaflet: TemplateChild<adw::Leaflet>,
        #[template_child]
        pub(super) sidebar: TemplateChild<Sidebar>,
        #[template_child]
        pub(super) contents: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) tabs: TemplateChild<ChatTabs>,
        #[template_child]
        pub(super) desk: TemplateChild<crate::desk::DeskPage>,
        pub(super) session: OnceCell<Session>,
        pub(super) ended: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Window {
        const NAME: &'static str = "FlWindow";
        type Type = super::Window;
        type ParentType = adw::ApplicationWindow;

        fn class_init(class: &mut Self::Class) {
            SignInPage::ensure_type();
            Banner::ensure_type();
            Sidebar::ensure_type();
            ChatTabs::ensure_type();
            crate::desk::DeskPage::ensure_type();
            class.bind_template();
            actions::install(class);
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for Window {}
    impl WidgetImpl for Window {}
    impl WindowImpl for Window {
        /// Closing the window ends the client; it is destroyed once everything is written down.
        fn close_request(&self) -> glib::Propagation {
            let window = self.obj();
            if !self.ended.get() && window.session().quit() {
                window.set_sensitive(false);
                glib::timeout_add_local_once(
                    PATIENCE,
                    glib::clone!(
                        #[weak]
                        window,
                        move || {
                            tracing::warn!("the client did not end in time; the window goes without it");
                            window.follow(&Topic::Ended);
                        }
                    ),
                );
                return glib::Propagation::Stop;
            }
            self.parent_close_request()
        }
    }
    impl ApplicationWindowImpl for Window {}
    impl AdwApplicationWindowImpl for Window {}
}

glib::wrapper! {
    /// The main window.
    pub struct Window(ObjectSubclass<imp::Window>)
        @extends adw::ApplicationWindow, gtk::ApplicationWindow, gtk::Window, gtk::Widget,
        @implements gio::ActionGroup, gio::ActionMap, gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget,
            gtk::Native, gtk::Root, gtk::ShortcutManager;
}

impl Window {
    /// A window onto a session.
    pub fn new(application: &impl IsA<gtk::Application>, session: &Session) -> Self {
        let window: Self = glib::Object::builder().property("application", application).build();
        let imp = window.imp();
        let _ = imp.session.set(session.clone());
        imp.sign_in.set_session(session);
        imp.banner.set_session(session, &imp.leaflet);
        imp.tabs.set_session(session, &imp.leaflet);
        imp.desk.set_session(session, &imp.leaflet);
        let go = glib::clone!(
            #[weak]
            window,
            move |target| window.go(target)
        );
        imp.sidebar.set_session(session, &imp.leaflet, go);
        imp.tabs.connect_shown(glib::clone!(
            #[weak]
            window,
            move |id| window.imp().sidebar.set_shown(id)
        ));
        window.connect_is_active_notify(|window| {
            if window.is_active() {
                window.imp().tabs.mark_read();
            }
        });
        session.listen(&window, |window, topic| window.follow(topic));
        glib::timeout_add_seconds_local(
            1,
            glib::clone!(
                #[weak]
                window,
                #[upgrade_or]
                glib::ControlFlow::Break,
                move || {
                    window.session().tell(&Topic::Tick);
                    glib::ControlFlow::Continue
                }
            ),
        );
        shortcuts::set_help(&window);
        window.choose_page();
        window.refresh_title();
        window
    }

    /// Opens a conversation in a tab and shows it.
    pub(crate) fn open(&self, id: &ConversationId) {
        self.go(sidebar::Target::Conversation(id.clone()));
    }

    /// Shows the support desk, with this chat if one is named.
    pub(crate) fn show_desk(&self, chat: Option<&str>) {
        self.imp().sidebar.show(View::Desk);
        self.go(sidebar::Target::View(View::Desk));
        if let Some(chat) = chat {
            self.go(sidebar::Target::CustomerChat(chat.to_owned()));
        }
    }

    /// Says a sentence for a moment.
    pub(crate) fn tell(&self, sentence: &str) {
        let toast = adw::Toast::new(&crate::text::escaped(&crate::text::one_line(sentence, 300)));
        toast.set_timeout(TOAST_SECONDS);
        // Toasts would queue up; what was said before is of no use once there is something newer.
        if let Some(before) = self.imp().toast.replace(toast.downgrade()).upgrade() {
            before.dismiss();
        }
        self.imp().toasts.add_toast(toast);
    }

    pub(crate) fn session(&self) -> &Session {
        self.imp().session.get().expect("set when the window is made")
    }

    fn go(&self, target: sidebar::Target) {
        let imp = self.imp();
        match target {
            sidebar::Target::View(view) => {
                let is_desk = view == View::Desk;
                imp.contents.set_visible_child_name(if is_desk { "desk" } else { "chats" });
                imp.desk.set_on_screen(is_desk);
                return;
            }
            sidebar::Target::Conversation(id) => {
                self.show_tabs();
                imp.tabs.open(&id);
            }
            sidebar::Target::Message(id, message) => {
                self.show_tabs();
                imp.tabs.open_at(&id, &message);
            }
            sidebar::Target::CustomerChat(session) => {
                imp.contents.set_visible_child_name("desk");
                imp.desk.set_on_screen(true);
                imp.desk.show_chat(&session);
            }
        }
        imp.leaflet.set_visible_child_name("content");
    }

    fn show_tabs(&self) {
        self.imp().contents.set_visible_child_name("chats");
        self.imp().desk.set_on_screen(false);
    }

    fn follow(&self, topic: &Topic) {
        match topic {
            Topic::Identity => self.refresh_title(),
            Topic::Capabilities => {
                self.refresh_title();
                self.choose_page();
            }
            Topic::Connection | Topic::Conversations => self.choose_page(),
            Topic::Told(sentence) => self.tell(sentence),
            Topic::Transcript { session, timeline } => crate::desk::show_transcript(self, session, timeline),
            Topic::Ended => {
                self.imp().ended.set(true);
                self.close();
            }
            _ => {}
        }
    }

    /// The sign-in page shows as long as there is nothing else worth showing.
    fn choose_page(&self) {
        let session = self.session();
        let has_history = session.conversations().n_items() > 0;
        let main = session.with(|state| match &state.connection {
            _ if state.capabilities.management.missing().is_some() => false,
            ConnectionState::Online { .. } => true,
            ConnectionState::Refused { .. } => state.was_online,
            ConnectionState::Offline | ConnectionState::Connecting | ConnectionState::Waiting { .. } => {
                state.was_online || has_history
            }
        });
        self.imp().pages.set_visible_child_name(if main { "main" } else { "sign-in" });
    }

    fn refresh_title(&self) {
        let title = self.session().with(|state| {
            let organization = state.capabilities.organization_name.as_ref().or(state.organization.as_ref());
            organization.map_or_else(
                || "Flint".to_owned(),
                |name| format!("{} Messenger", crate::text::one_line(name, 60)),
            )
        });
        self.set_title(Some(&title));
        self.imp().sign_in.set_title(&title);
    }
}

/// Shows a back button only while the leaflet is folded, and lets it go back to the sidebar.
pub(crate) fn bind_back(leaflet: &adw::Leaflet, button: &gtk::Button) {
    leaflet.bind_property("folded", button, "visible").sync_create().build();
    crate::widgets::name(button, "Back to the list");
    button.connect_clicked(glib::clone!(
        #[weak]
        leaflet,
        move |_| leaflet.set_visible_child_name("sidebar")
    ));
}
