//! In which workgroups customers are taken, how many at once, and whether just now.

use crate::projection::{Session, State, Topic};
use crate::{text, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::agent::AgentCommand;
use flint_runtime::core::model::Show;
use gtk::glib;
use std::cell::{Cell, OnceCell, RefCell};

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "status.ui")]
    pub(crate) struct DeskStatus {
        #[template_child]
        pub(super) workgroups_list: TemplateChild<gtk::ListBox>,
        #[template_child]
        pub(super) available_button: TemplateChild<gtk::CheckButton>,
        #[template_child]
        pub(super) away_button: TemplateChild<gtk::CheckButton>,
        #[template_child]
        pub(super) busy_button: TemplateChild<gtk::CheckButton>,
        #[template_child]
        pub(super) limit_spin: TemplateChild<gtk::SpinButton>,
        pub(super) session: OnceCell<Session>,
        pub(super) rows: RefCell<Vec<gtk::Widget>>,
        pub(super) refreshing: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for DeskStatus {
        const NAME: &'static str = "FlDeskStatus";
        type Type = super::DeskStatus;
        type ParentType = gtk::Popover;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for DeskStatus {}
    impl WidgetImpl for DeskStatus {}
    impl PopoverImpl for DeskStatus {}
}

glib::wrapper! {
    /// In which workgroups customers are taken.
    pub(crate) struct DeskStatus(ObjectSubclass<imp::DeskStatus>)
        @extends gtk::Popover, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::Native, gtk::ShortcutManager;
}

impl DeskStatus {
    /// Binds the popover to the session.
    pub(crate) fn set_session(&self, session: &Session) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() {
            return;
        }
        widgets::name(&*imp.limit_spin, "Chats at once");
        for button in [&imp.available_button, &imp.away_button, &imp.busy_button] {
            button.connect_toggled(glib::clone!(
                #[weak(rename_to = status)]
                self,
                move |button| {
                    if button.is_active() {
                        status.send();
                    }
                }
            ));
        }
        imp.limit_spin.connect_value_changed(glib::clone!(
            #[weak(rename_to = status)]
            self,
            move |_| status.send()
        ));
        session.listen(self, |status, topic| {
            if matches!(topic, Topic::Workgroups | Topic::Connection) {
                status.refresh();
            }
        });
        self.refresh();
    }

    fn send(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        if imp.refreshing.get() {
            return;
        }
        let show = if imp.away_button.is_active() {
            Show::Away
        } else if imp.busy_button.is_active() {
            Show::DoNotDisturb
        } else {
            Show::Available
        };
        let max_chats = u32::try_from(imp.limit_spin.value_as_int()).unwrap_or(1);
        session.send(AgentCommand::SetStatus { show, max_chats });
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        imp.refreshing.set(true);
        for row in imp.rows.take() {
            imp.workgroups_list.remove(&row);
        }
        let online = session.with(State::is_online);
        imp.workgroups_list.set_sensitive(online);
        let workgroups = session.desk().workgroups();
        for workgroup in &workgroups {
            let name = text::one_line(&workgroup.name, 60);
            let row = adw::ActionRow::builder().use_markup(false).build();
            row.set_title(&name);
            let switch = gtk::Switch::builder().active(workgroup.joined).valign(gtk::Align::Center).build();
            widgets::name(&switch, &format!("Take customers of {name}"));
            switch.connect_active_notify(glib::clone!(
                #[strong]
                session,
                #[strong(rename_to = jid)]
                workgroup.jid,
                move |switch| {
                    let workgroup = jid.clone();
                    session.send(if switch.is_active() {
                        AgentCommand::JoinWorkgroup { workgroup }
                    } else {
                        AgentCommand::LeaveWorkgroup { workgroup }
                    });
                }
            ));
            row.add_suffix(&switch);
            row.set_activatable_widget(Some(&switch));
            imp.workgroups_list.append(&row);
            imp.rows.borrow_mut().push(row.upcast());
        }
        let own = workgroups.iter().find(|workgroup| workgroup.joined);
        for widget in [
            imp.available_button.upcast_ref::<gtk::Widget>(),
            imp.away_button.upcast_ref(),
            imp.busy_button.upcast_ref(),
            imp.limit_spin.upcast_ref(),
        ] {
            widget.set_sensitive(own.is_some() && online);
        }
        if let Some(own) = own {
            let button = match own.show {
                Show::Away | Show::ExtendedAway => &imp.away_button,
                Show::DoNotDisturb => &imp.busy_button,
                Show::Chat | Show::Available | Show::Offline => &imp.available_button,
            };
            button.set_active(true);
            imp.limit_spin.set_value(f64::from(own.max_chats));
        }
        imp.refreshing.set(false);
    }
}
