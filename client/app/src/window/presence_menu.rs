//! Own presence and status text.

use crate::projection::{Session, Topic};
use crate::widgets;
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::Command;
use flint_runtime::core::command::AccountCommand;
use flint_runtime::core::model::Show;
use gtk::glib;
use std::cell::{Cell, OnceCell};

/// Characters of a preset shown; the tooltip has all of it.
const PRESET_WIDTH: i32 = 28;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "presence_menu.ui")]
    pub(crate) struct PresenceMenu {
        #[template_child]
        pub(super) status_entry: TemplateChild<gtk::Entry>,
        #[template_child]
        pub(super) available_button: TemplateChild<gtk::CheckButton>,
        #[template_child]
        pub(super) away_button: TemplateChild<gtk::CheckButton>,
        #[template_child]
        pub(super) busy_button: TemplateChild<gtk::CheckButton>,
        #[template_child]
        pub(super) presets_box: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) sign_out_button: TemplateChild<gtk::Button>,
        pub(super) session: OnceCell<Session>,
        pub(super) refreshing: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for PresenceMenu {
        const NAME: &'static str = "FlPresenceMenu";
        type Type = super::PresenceMenu;
        type ParentType = gtk::Popover;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for PresenceMenu {}
    impl WidgetImpl for PresenceMenu {}
    impl PopoverImpl for PresenceMenu {}
}

glib::wrapper! {
    /// Own presence and status text.
    pub(crate) struct PresenceMenu(ObjectSubclass<imp::PresenceMenu>)
        @extends gtk::Popover, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::Native, gtk::ShortcutManager;
}

impl PresenceMenu {
    /// Binds the menu to the session.
    pub(crate) fn set_session(&self, session: &Session) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() {
            return;
        }
        widgets::name(&*imp.status_entry, "Status message");
        let choices = [
            (&imp.available_button, Show::Available),
            (&imp.away_button, Show::Away),
            (&imp.busy_button, Show::DoNotDisturb),
        ];
        for (button, show) in choices {
            button.connect_toggled(glib::clone!(
                #[weak(rename_to = menu)]
                self,
                move |button| {
                    if button.is_active() && !menu.imp().refreshing.get() {
                        menu.set(show);
                        menu.popdown();
                    }
                }
            ));
        }
        imp.status_entry.connect_activate(glib::clone!(
            #[weak(rename_to = menu)]
            self,
            move |_| {
                menu.set(menu.chosen());
                menu.popdown();
            }
        ));
        imp.sign_out_button.connect_clicked(glib::clone!(
            #[weak(rename_to = menu)]
            self,
            move |_| {
                menu.popdown();
                menu.session().send(Command::Account(AccountCommand::SignOut));
            }
        ));
        session.listen(self, |menu, topic| match topic {
            Topic::Presence | Topic::Connection => menu.refresh(),
            Topic::Capabilities => menu.refresh_presets(),
            _ => {}
        });
        self.refresh();
        self.refresh_presets();
    }

    /// What the organisation has made ready: one button sets availability and text.
    fn refresh_presets(&self) {
        let imp = self.imp();
        while let Some(button) = imp.presets_box.first_child() {
            imp.presets_box.remove(&button);
        }
        let presets = self.session().with(|state| state.capabilities.status_presets.clone());
        imp.presets_box.set_visible(!presets.is_empty());
        for (status, show) in presets {
            let label = gtk::Label::builder().label(crate::text::one_line(&status, 60)).xalign(0.0).build();
            label.set_ellipsize(gtk::pango::EllipsizeMode::End);
            label.set_max_width_chars(PRESET_WIDTH);
            let button = gtk::Button::builder().child(&label).build();
            button.add_css_class("flat");
            let spoken = format!("{}: {}", widgets::show_word(show), label.text());
            button.set_tooltip_text(Some(&spoken));
            widgets::name(&button, &spoken);
            button.connect_clicked(glib::clone!(
                #[weak(rename_to = menu)]
                self,
                move |_| {
                    let set = AccountCommand::SetPresence { show, status: status.clone() };
                    menu.session().send(Command::Account(set));
                    menu.popdown();
                }
            ));
            imp.presets_box.append(&button);
        }
    }

    fn session(&self) -> &Session {
        self.imp().session.get().expect("set when the window is made")
    }

    fn chosen(&self) -> Show {
        let imp = self.imp();
        if imp.away_button.is_active() {
            Show::Away
        } else if imp.busy_button.is_active() {
            Show::DoNotDisturb
        } else {
            Show::Available
        }
    }

    fn set(&self, show: Show) {
        let status = self.imp().status_entry.text().trim().to_owned();
        self.session().send(Command::Account(AccountCommand::SetPresence { show, status }));
    }

    fn refresh(&self) {
        let imp = self.imp();
        imp.refreshing.set(true);
        self.session().with(|state| {
            let button = match state.show {
                Show::Away | Show::ExtendedAway => &imp.away_button,
                Show::DoNotDisturb => &imp.busy_button,
                Show::Chat | Show::Available | Show::Offline => &imp.available_button,
            };
            button.set_active(true);
            if !imp.status_entry.has_focus() {
                imp.status_entry.set_text(&crate::text::one_line(&state.status, 200));
            }
        });
        imp.refreshing.set(false);
    }
}
