//! A slim line about the offer that has waited longest, for the views beside the desk: told, never in the way.

use crate::desk::{answer, can_answer, oldest_offer};
use crate::projection::{Session, Topic};
use crate::{text, time, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;
use std::cell::OnceCell;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "offer_strip.ui")]
    pub(crate) struct OfferStrip {
        #[template_child]
        pub(super) revealer: TemplateChild<gtk::Revealer>,
        #[template_child]
        pub(super) name_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) clock_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) decline_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) accept_button: TemplateChild<gtk::Button>,
        pub(super) session: OnceCell<Session>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for OfferStrip {
        const NAME: &'static str = "FlOfferStrip";
        type Type = super::OfferStrip;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for OfferStrip {}
    impl WidgetImpl for OfferStrip {}
    impl BinImpl for OfferStrip {}
}

glib::wrapper! {
    /// A slim line about the offer that has waited longest.
    pub(crate) struct OfferStrip(ObjectSubclass<imp::OfferStrip>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl OfferStrip {
    /// Binds the strip to the session.
    pub(crate) fn set_session(&self, session: &Session) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() {
            return;
        }
        imp.accept_button.connect_clicked(glib::clone!(
            #[weak(rename_to = strip)]
            self,
            move |_| {
                strip.answer(true);
                // The chat opens there.
                if let Err(error) = gtk::prelude::WidgetExt::activate_action(&strip, "win.show-desk", None) {
                    tracing::warn!("the desk can't be shown: {error}");
                }
            }
        ));
        imp.decline_button.connect_clicked(glib::clone!(
            #[weak(rename_to = strip)]
            self,
            move |_| strip.answer(false)
        ));
        session.listen(self, |strip, topic| {
            if matches!(topic, Topic::Offers(_) | Topic::Tick | Topic::Connection) {
                strip.refresh();
            }
        });
        self.refresh();
    }

    fn answer(&self, accept: bool) {
        if let Some(session) = self.imp().session.get()
            && let Some(offer) = oldest_offer(session)
        {
            answer(session, &offer, accept);
        }
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let offer = oldest_offer(session);
        imp.revealer.set_reveal_child(offer.is_some());
        let Some(offer) = offer else { return };
        let others = session.desk().offers().n_items().saturating_sub(1);
        offer.with(|row| {
            let name = text::one_line(&row.customer_name, 60);
            let waits = match others {
                0 => format!("{name} waits"),
                others => format!("{name} and {others} more wait"),
            };
            // An assistive technology reads the line anew at each change of it, so only the clock ticks.
            if imp.name_label.text() != waits {
                imp.name_label.set_text(&waits);
            }
            imp.clock_label.set_text(&time::left(row.expires_at.0.saturating_sub(session.now().0)));
            imp.accept_button.set_label(if row.accepting { "Accepting…" } else { "Accept" });
            let can_answer = can_answer(session, row);
            imp.accept_button.set_sensitive(can_answer);
            imp.decline_button.set_sensitive(can_answer);
            widgets::describe(&*imp.accept_button, &format!("Offer of {name}"));
            widgets::describe(&*imp.decline_button, &format!("Offer of {name}"));
        });
    }
}
