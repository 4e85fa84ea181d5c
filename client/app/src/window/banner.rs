//! One line at the top of the window, at most: offline, then sign-in problems, then the organisation's notice.

use crate::projection::{Session, Topic};
use crate::{text, time, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::model::ConnectionState;
use gtk::glib;
use std::cell::OnceCell;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "banner.ui")]
    pub(crate) struct Banner {
        #[template_child]
        pub(super) revealer: TemplateChild<gtk::Revealer>,
        #[template_child]
        pub(super) line: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) image: TemplateChild<gtk::Image>,
        #[template_child]
        pub(super) label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) button: TemplateChild<gtk::Button>,
        pub(super) session: OnceCell<Session>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Banner {
        const NAME: &'static str = "FlBanner";
        type Type = super::Banner;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for Banner {}
    impl WidgetImpl for Banner {}
    impl BinImpl for Banner {}
}

glib::wrapper! {
    /// One line at the top of the window.
    pub(crate) struct Banner(ObjectSubclass<imp::Banner>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

/// What the line says.
struct Line {
    icon: &'static str,
    text: String,
    button: Option<&'static str>,
    warning: bool,
}

impl Banner {
    /// Binds the banner to the session.
    pub(crate) fn set_session(&self, session: &Session, leaflet: &adw::Leaflet) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() {
            return;
        }
        imp.button.connect_clicked(glib::clone!(
            #[strong]
            session,
            move |_| session.sign_in()
        ));
        // Beside a button, a narrow window has room for a word or two only.
        leaflet
            .bind_property("folded", &*imp.line, "orientation")
            .transform_to(|_, folded: bool| {
                Some(if folded { gtk::Orientation::Vertical } else { gtk::Orientation::Horizontal })
            })
            .sync_create()
            .build();
        session.listen(self, |banner, topic| {
            if matches!(topic, Topic::Connection | Topic::Capabilities | Topic::Tick) {
                banner.refresh();
            }
        });
        self.refresh();
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let line = line(session);
        imp.revealer.set_reveal_child(line.is_some());
        if let Some(line) = line {
            imp.image.set_icon_name(Some(line.icon));
            if imp.label.text() != line.text {
                imp.label.set_text(&line.text);
            }
            imp.button.set_visible(line.button.is_some());
            imp.button.set_label(line.button.unwrap_or_default());
            widgets::set_class(&*imp.line, "warning", line.warning);
        }
    }
}

fn line(session: &Session) -> Option<Line> {
    session.with(|state| match &state.connection {
        ConnectionState::Waiting { reason, retry_at } => {
            let left = retry_at.0.saturating_sub(session.now().0);
            let reason = text::one_line(reason, 200);
            Some(Line {
                icon: "network-offline-symbolic",
                text: format!("Offline. {reason} Next try in {}.", time::left(left)),
                button: Some("Reconnect now"),
                warning: true,
            })
        }
        ConnectionState::Refused { reason, next_step, .. } => Some(Line {
            icon: "dialog-warning-symbolic",
            text: format!("{} {}", text::one_line(reason, 200), text::one_line(next_step, 200)),
            button: Some("Sign in again"),
            warning: true,
        }),
        ConnectionState::Offline => Some(Line {
            icon: "network-offline-symbolic",
            text: "You are signed out.".to_owned(),
            button: Some("Sign in"),
            warning: false,
        }),
        ConnectionState::Connecting => Some(Line {
            icon: "content-loading-symbolic",
            text: "Connecting…".to_owned(),
            button: None,
            warning: false,
        }),
        ConnectionState::Online { .. } => state.capabilities.notice.as_ref().map(|notice| Line {
            icon: if notice.warning { "dialog-warning-symbolic" } else { "dialog-information-symbolic" },
            text: text::one_line(&notice.text, 500),
            button: None,
            warning: notice.warning,
        }),
    })
}
