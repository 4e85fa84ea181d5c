//! The support desk: offers above, the chat with a customer in the middle, the customer at the side. Nothing of it
//! is ever modal or pops up over other work.

mod chat;
mod customer_pane;
mod offer_card;
mod offer_strip;
mod row;
mod sidebar;
mod status;
mod transcript;

pub(crate) use offer_strip::OfferStrip;
pub(crate) use sidebar::DeskSidebar;
pub(crate) use transcript::show_transcript;

use crate::projection::{OfferObject, Session, State, Topic};
use crate::{text, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use chat::CustomerChat;
use customer_pane::CustomerPane;
use flint_runtime::agent::AgentCommand;
use flint_runtime::agent::update::{OfferRow, WorkgroupRow};
use flint_runtime::core::BareJid;
use gtk::glib;
use offer_card::OfferCard;
use status::DeskStatus;
use std::cell::{Cell, OnceCell, RefCell};

/// Workgroups offered by a button of their own; the others are behind the status button.
const JOIN_BUTTONS: usize = 5;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "desk.ui")]
    pub(crate) struct DeskPage {
        #[template_child]
        pub(super) back_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) status_button: TemplateChild<gtk::MenuButton>,
        #[template_child]
        pub(super) status_content: TemplateChild<adw::ButtonContent>,
        #[template_child]
        pub(super) status: TemplateChild<DeskStatus>,
        #[template_child]
        pub(super) title: TemplateChild<adw::WindowTitle>,
        #[template_child]
        pub(super) customer_button: TemplateChild<gtk::ToggleButton>,
        #[template_child]
        pub(super) flap: TemplateChild<adw::Flap>,
        #[template_child]
        pub(super) offers_box: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) chats: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) empty_page: TemplateChild<adw::StatusPage>,
        #[template_child]
        pub(super) join_box: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) customer: TemplateChild<CustomerPane>,
        pub(super) session: OnceCell<Session>,
        pub(super) join_offered: RefCell<Vec<(BareJid, String)>>,
        pub(super) shown: RefCell<Option<String>>,
        pub(super) on_screen: Cell<bool>,
        pub(super) narrow: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for DeskPage {
        const NAME: &'static str = "FlDeskPage";
        type Type = super::DeskPage;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            DeskStatus::ensure_type();
            CustomerPane::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for DeskPage {}
    impl WidgetImpl for DeskPage {}
    impl BinImpl for DeskPage {}
}

glib::wrapper! {
    /// The support desk.
    pub(crate) struct DeskPage(ObjectSubclass<imp::DeskPage>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl DeskPage {
    /// Binds the desk to the session and to the leaflet it stands in.
    pub(crate) fn set_session(&self, session: &Session, leaflet: &adw::Leaflet) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() {
            return;
        }
        crate::window::bind_back(leaflet, &imp.back_button);
        leaflet.connect_folded_notify(glib::clone!(
            #[weak(rename_to = desk)]
            self,
            move |leaflet| {
                desk.imp().narrow.set(leaflet.is_folded());
                desk.refresh();
            }
        ));
        imp.narrow.set(leaflet.is_folded());
        widgets::name(&*imp.customer_button, "Customer");
        imp.status.set_session(session);
        imp.customer.set_session(session);
        imp.flap
            .bind_property("reveal-flap", &*imp.customer_button, "active")
            .sync_create()
            .bidirectional()
            .build();
        session.desk().offers().connect_items_changed(glib::clone!(
            #[weak(rename_to = desk)]
            self,
            move |_, position, removed, added| desk.offers_changed(position, removed, added)
        ));
        self.offers_changed(0, 0, session.desk().offers().n_items());
        session.listen(self, |desk, topic| match topic {
            Topic::Workgroups | Topic::Connection => desk.refresh(),
            Topic::Chats(Some(chat)) => desk.show_chat(chat),
            Topic::Chats(None) => desk.refresh_customer(),
            Topic::ChatLines(chat) => desk.mark_seen(chat),
            _ => {}
        });
        self.refresh();
        self.refresh_customer();
    }

    /// Told when the desk comes on or goes off the screen: what is not seen stays unseen.
    pub(crate) fn set_on_screen(&self, on_screen: bool) {
        self.imp().on_screen.set(on_screen);
        let shown = self.imp().shown.borrow().clone();
        if let Some(chat) = shown {
            self.mark_seen(&chat);
        }
    }

    /// Shows one chat.
    pub(crate) fn show_chat(&self, id: &str) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        if session.desk().chat(id).is_none() {
            return;
        }
        if imp.chats.child_by_name(id).is_none() {
            imp.chats.add_named(&CustomerChat::new(session, id), Some(id));
        }
        imp.chats.set_visible_child_name(id);
        imp.shown.replace(Some(id.to_owned()));
        self.mark_seen(id);
        self.refresh_customer();
        if imp.on_screen.get()
            && let Some(chat) = imp.chats.visible_child()
        {
            chat.grab_focus();
        }
    }

    /// Shows or hides the customer beside the chat.
    pub(crate) fn toggle_customer(&self) {
        let imp = self.imp();
        if imp.customer_button.is_visible() {
            imp.flap.set_reveal_flap(!imp.flap.reveals_flap());
        }
    }

    /// One button per workgroup as long as none is joined: the first thing an agent does in the morning.
    fn refresh_join(&self, workgroups: &[WorkgroupRow]) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let offered: Vec<(BareJid, String)> = match workgroups.iter().any(|workgroup| workgroup.joined) {
            true => Vec::new(),
            false => {
                workgroups.iter().take(JOIN_BUTTONS).map(|row| (row.jid.clone(), row.name.clone())).collect()
            }
        };
        // A button that is being pressed must not go away because a number elsewhere changed.
        if *imp.join_offered.borrow() == offered {
            return;
        }
        while let Some(button) = imp.join_box.first_child() {
            imp.join_box.remove(&button);
        }
        for (jid, name) in &offered {
            let button = gtk::Button::with_label(&format!("Join {}", text::one_line(name, 60)));
            button.set_halign(gtk::Align::Center);
            button.set_css_classes(&["pill", "suggested-action"]);
            button.connect_clicked(glib::clone!(
                #[strong]
                session,
                #[strong]
                jid,
                move |_| session.send(AgentCommand::JoinWorkgroup { workgroup: jid.clone() })
            ));
            imp.join_box.append(&button);
        }
        imp.join_offered.replace(offered);
    }

    fn mark_seen(&self, id: &str) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let is_shown = imp.shown.borrow().as_deref() == Some(id);
        if is_shown && imp.on_screen.get() && session.desk().mark_seen(id) {
            session.tell(&Topic::Chats(None));
        }
    }

    fn offers_changed(&self, position: u32, removed: u32, added: u32) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let card = |position: u32| {
            let mut child = imp.offers_box.first_child();
            for _ in 0..position {
                child = child.and_then(|child| child.next_sibling());
            }
            child
        };
        for _ in 0..removed {
            if let Some(card) = card(position) {
                imp.offers_box.remove(&card);
            }
        }
        for index in position..position + added {
            let offer = session.desk().offers().item(index).and_downcast::<OfferObject>();
            if let Some(offer) = offer {
                let before = index.checked_sub(1).and_then(card);
                imp.offers_box.insert_child_after(&OfferCard::new(&offer, session), before.as_ref());
            }
        }
        imp.offers_box.set_visible(session.desk().offers().n_items() > 0);
    }

    fn refresh_customer(&self) {
        let imp = self.imp();
        let shown = imp.shown.borrow().clone();
        let has_chat = shown.is_some();
        imp.customer_button.set_visible(has_chat);
        imp.flap.set_locked(!has_chat);
        if !has_chat {
            imp.flap.set_reveal_flap(false);
        } else if !imp.customer.shows_somebody() {
            imp.flap.set_reveal_flap(!imp.flap.is_folded());
        }
        if let Some(chat) = shown {
            imp.customer.show_chat(&chat);
        }
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let workgroups = session.desk().workgroups();
        let joined: Vec<_> = workgroups.iter().filter(|workgroup| workgroup.joined).collect();
        let name = match joined.as_slice() {
            [] => "Support desk".to_owned(),
            [one] => text::one_line(&one.name, 80),
            several => format!("{} workgroups", several.len()),
        };
        let chats: u32 = joined.iter().map(|workgroup| workgroup.current_chats).sum();
        let limit = joined.iter().map(|workgroup| workgroup.max_chats).max().unwrap_or_default();
        let waiting: u32 =
            joined.iter().flat_map(|workgroup| &workgroup.queues).map(|queue| queue.waiting).sum();
        imp.title.set_title(&name);
        let online = session.with(State::is_online);
        imp.title.set_subtitle(&match joined.len() {
            _ if !online => "Not connected".to_owned(),
            0 => "You take no customers".to_owned(),
            _ => format!("{chats} of {limit} chats · {waiting} waiting"),
        });
        let (icon, label) = match joined.first() {
            _ if !online => ("network-offline-symbolic", "Not connected"),
            Some(workgroup) => ("emblem-ok-symbolic", widgets::show_word(workgroup.show)),
            None => ("media-playback-stop-symbolic", "Not taking customers"),
        };
        imp.status_content.set_icon_name(icon);
        imp.status_content.set_label(if imp.narrow.get() { "" } else { label });
        imp.status_button.set_tooltip_text(Some(label));
        widgets::name_menu(&imp.status_button, &format!("Desk status: {label}"));
        let (title, description) = if !online {
            ("Not connected", "Customers can be offered to you again once the connection is back.")
        } else if joined.is_empty() {
            ("You take no customers", "Join a workgroup to be offered the customers who wait in it.")
        } else {
            (
                "No customer yet",
                "Offers appear above as soon as a customer waits. You can work elsewhere meanwhile.",
            )
        };
        self.refresh_join(&workgroups);
        imp.join_box.set_sensitive(online);
        imp.empty_page.set_title(title);
        imp.empty_page.set_description(Some(description));
    }
}

/// The offer that has waited longest and was not answered yet, else the first one that is being accepted.
fn oldest_offer(session: &Session) -> Option<OfferObject> {
    let offers: Vec<OfferObject> = session.desk().offers().iter().filter_map(Result::ok).collect();
    let open = offers.iter().find(|offer| offer.with(|row| !row.accepting));
    open.or(offers.first()).cloned()
}

/// An offer can be answered once, and only while the workgroup hears of it.
fn can_answer(session: &Session, offer: &OfferRow) -> bool {
    !offer.accepting && session.with(State::is_online)
}

/// Answers an offer, unless that can't be done now; false then.
fn answer(session: &Session, offer: &OfferObject, accept: bool) -> bool {
    let (offer, can_answer) = offer.with(|row| (row.id.clone(), can_answer(session, row)));
    if can_answer {
        session.send(match accept {
            true => AgentCommand::AcceptOffer { offer },
            false => AgentCommand::DeclineOffer { offer },
        });
    }
    can_answer
}

/// Answers the offer with this id, for instance from a notification that is still on screen; false when it can't be.
pub(crate) fn answer_by_id(session: &Session, id: &str, accept: bool) -> bool {
    session.desk().offer(id).is_some_and(|offer| answer(session, &offer, accept))
}

/// Accepts the offer that has waited longest; false when there is none.
pub(crate) fn accept_oldest(session: &Session) -> bool {
    oldest_offer(session).is_some_and(|offer| answer(session, &offer, true))
}
