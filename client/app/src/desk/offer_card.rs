//! An offer: who waits, what they ask, how long is left, Accept and Decline.

use crate::desk::{answer, can_answer};
use crate::projection::{OfferObject, Session, Topic};
use crate::{text, time, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, glib};
use std::cell::OnceCell;

/// Milliseconds left below which the clock is coloured.
const LATE: i64 = 6_000;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "offer_card.ui")]
    pub(crate) struct OfferCard {
        #[template_child]
        pub(super) card_box: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) avatar: TemplateChild<widgets::Avatar>,
        #[template_child]
        pub(super) name_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) group_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) clock_bar: TemplateChild<gtk::ProgressBar>,
        #[template_child]
        pub(super) clock_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) question_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) answers_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) decline_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) accept_button: TemplateChild<gtk::Button>,
        pub(super) offer: OnceCell<OfferObject>,
        pub(super) session: OnceCell<Session>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for OfferCard {
        const NAME: &'static str = "FlOfferCard";
        type Type = super::OfferCard;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            widgets::Avatar::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for OfferCard {}
    impl WidgetImpl for OfferCard {}
    impl BinImpl for OfferCard {}
}

glib::wrapper! {
    /// An offer.
    pub(crate) struct OfferCard(ObjectSubclass<imp::OfferCard>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl OfferCard {
    /// A card that follows `offer`.
    pub(crate) fn new(offer: &OfferObject, session: &Session) -> Self {
        let card: Self = glib::Object::new();
        let imp = card.imp();
        let _ = imp.offer.set(offer.clone());
        let _ = imp.session.set(session.clone());
        imp.avatar.set_size(44);
        imp.accept_button.connect_clicked(glib::clone!(
            #[weak]
            card,
            move |_| card.answer(true)
        ));
        imp.decline_button.connect_clicked(glib::clone!(
            #[weak]
            card,
            move |_| card.answer(false)
        ));
        let keys = gtk::EventControllerKey::new();
        keys.connect_key_pressed(glib::clone!(
            #[weak]
            card,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |_, key, _, _| {
                if key == gdk::Key::Escape {
                    card.answer(false);
                    return glib::Propagation::Stop;
                }
                glib::Propagation::Proceed
            }
        ));
        card.add_controller(keys);
        let weak = card.downgrade();
        offer.connect_changed(move |_| {
            if let Some(card) = weak.upgrade() {
                card.refresh();
            }
        });
        session.listen(&card, |card, topic| match topic {
            Topic::Tick | Topic::Workgroups => card.refresh_clock(),
            Topic::Connection => card.refresh(),
            _ => {}
        });
        card.refresh();
        card
    }

    fn answer(&self, accept: bool) {
        let imp = self.imp();
        if let (Some(session), Some(offer)) = (imp.session.get(), imp.offer.get()) {
            answer(session, offer, accept);
        }
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(offer) = imp.offer.get() else { return };
        offer.with(|row| {
            let name = text::one_line(&row.customer_name, 80);
            imp.avatar.set_person(&name);
            imp.name_label.set_text(&name);
            let (question, _) = text::body(&row.question.0, 600);
            imp.question_label.set_text(&format!("“{}”", question.trim()));
            imp.question_label.set_visible(!question.trim().is_empty());
            let answers: Vec<String> = row
                .answers
                .iter()
                .take(8)
                .map(|(label, answer)| {
                    format!("{}: {}", text::isolated(label, 40), text::isolated(&answer.0, 120))
                })
                .collect();
            imp.answers_label.set_text(&answers.join(" · "));
            imp.answers_label.set_visible(!answers.is_empty());
            imp.accept_button.set_label(if row.accepting { "Accepting…" } else { "Accept" });
            let can_answer = imp.session.get().is_some_and(|session| can_answer(session, row));
            imp.accept_button.set_sensitive(can_answer);
            imp.decline_button.set_sensitive(can_answer);
            widgets::describe(&*imp.accept_button, &format!("Offer of {name}"));
            widgets::describe(&*imp.decline_button, &format!("Offer of {name}"));
        });
        self.refresh_clock();
    }

    fn refresh_clock(&self) {
        let imp = self.imp();
        let (Some(session), Some(offer)) = (imp.session.get(), imp.offer.get()) else { return };
        let now = session.now();
        offer.with(|row| {
            let left = row.expires_at.0.saturating_sub(now.0).max(0);
            let all = row.expires_at.0.saturating_sub(row.received_at.0).max(1);
            // Both are spans of seconds; the loss of precision can't be seen in a bar.
            imp.clock_bar.set_fraction((left as f64 / all as f64).clamp(0.0, 1.0));
            imp.clock_label.set_text(&time::left(left));
            widgets::name(&*imp.clock_bar, &format!("{} left to answer", time::left(left)));
            widgets::set_class(&*imp.card_box, "late", left < LATE);
            let group = text::one_line(&session.desk().workgroup_name(&row.workgroup), 60);
            let since = match row.waiting_since {
                Some(since) => format!("waited {}", time::span(now.0.saturating_sub(since.0))),
                None => format!("offered {} ago", time::span(now.0.saturating_sub(row.received_at.0))),
            };
            imp.group_label.set_text(&format!("{group} · {since}"));
        });
    }
}
