//! The support desk as models: offers, chats with customers, workgroups.

use crate::projection::layout::Entry;
use crate::projection::row_object::{row_object, row_object_imps};
use crate::projection::timeline::Timeline;
use flint_runtime::agent::update::{ChatLine, CustomerChatRow, OfferRow, WorkgroupRow};
use flint_runtime::core::BareJid;
use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

row_object_imps! {
    OfferObject, "FlOffer", OfferRow;
    ChatObject, "FlCustomerChat", CustomerChatRow;
}
row_object!(
    /// An open offer.
    OfferObject, OfferRow
);
row_object!(
    /// A chat with a customer.
    ChatObject, CustomerChatRow
);

/// Everything that the desk shows.
pub(crate) struct Desk {
    offers: gio::ListStore,
    chats: gio::ListStore,
    workgroups: RefCell<Vec<WorkgroupRow>>,
    lines: RefCell<HashMap<String, Timeline>>,
    unseen: RefCell<HashMap<String, u32>>,
    count: Cell<i64>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            offers: gio::ListStore::new::<OfferObject>(),
            chats: gio::ListStore::new::<ChatObject>(),
            workgroups: RefCell::default(),
            lines: RefCell::default(),
            unseen: RefCell::default(),
            count: Cell::default(),
        }
    }
}

impl Desk {
    /// Open offers, oldest first, as `OfferObject`s.
    pub(crate) fn offers(&self) -> &gio::ListStore {
        &self.offers
    }

    /// Chats in the order they began, as `ChatObject`s.
    pub(crate) fn chats(&self) -> &gio::ListStore {
        &self.chats
    }

    /// Workgroups, sorted by name.
    pub(crate) fn workgroups(&self) -> Vec<WorkgroupRow> {
        self.workgroups.borrow().clone()
    }

    /// Name of a workgroup.
    pub(crate) fn workgroup_name(&self, jid: &BareJid) -> String {
        let workgroups = self.workgroups.borrow();
        let found = workgroups.iter().find(|workgroup| workgroup.jid == *jid);
        found.map_or_else(|| jid.to_string(), |workgroup| workgroup.name.clone())
    }

    /// The offer with this id.
    pub(crate) fn offer(&self, id: &str) -> Option<OfferObject> {
        self.offers.iter::<OfferObject>().filter_map(Result::ok).find(|offer| offer.with(|row| row.id == id))
    }

    /// The chat of this session.
    pub(crate) fn chat(&self, session: &str) -> Option<ChatObject> {
        self.chats
            .iter::<ChatObject>()
            .filter_map(Result::ok)
            .find(|chat| chat.with(|row| row.session == session))
    }

    /// What was said in a session.
    pub(crate) fn timeline(&self, session: &str) -> Timeline {
        self.lines
            .borrow_mut()
            .entry(session.to_owned())
            .or_insert_with(|| {
                let timeline = Timeline::default();
                timeline.reset(Vec::new(), false, None);
                timeline
            })
            .clone()
    }

    /// Lines of the customer that nobody has looked at.
    pub(crate) fn unseen(&self, session: &str) -> u32 {
        self.unseen.borrow().get(session).copied().unwrap_or_default()
    }

    /// Everything of this session was looked at; true when something was unseen.
    pub(crate) fn mark_seen(&self, session: &str) -> bool {
        self.unseen.borrow_mut().remove(session).is_some()
    }

    pub(super) fn set_workgroups(&self, workgroups: Vec<WorkgroupRow>) {
        self.workgroups.replace(workgroups);
    }

    pub(super) fn change_workgroup(&self, workgroup: WorkgroupRow) {
        let mut workgroups = self.workgroups.borrow_mut();
        match workgroups.iter_mut().find(|known| known.jid == workgroup.jid) {
            Some(known) => *known = workgroup,
            None => {
                workgroups.push(workgroup);
                workgroups.sort_by(|one, two| one.name.cmp(&two.name));
            }
        }
    }

    /// True when the offer is new.
    pub(super) fn change_offer(&self, offer: OfferRow) -> bool {
        if let Some(known) = self.offer(&offer.id) {
            known.set(offer);
            return false;
        }
        self.offers.append(&OfferObject::new(offer));
        true
    }

    pub(super) fn close_offer(&self, id: &str) -> Option<OfferRow> {
        let place = self
            .offers
            .iter::<OfferObject>()
            .position(|offer| offer.is_ok_and(|offer| offer.with(|row| row.id == id)))?;
        let offer = self.offer(id)?.with(Clone::clone);
        self.offers.remove(u32::try_from(place).ok()?);
        Some(offer)
    }

    /// True when the chat is new.
    pub(super) fn change_chat(&self, chat: CustomerChatRow) -> bool {
        if let Some(known) = self.chat(&chat.session) {
            known.set(chat);
            return false;
        }
        self.chats.append(&ChatObject::new(chat));
        true
    }

    pub(super) fn add_line(&self, session: &str, line: ChatLine) {
        if !line.own && !line.sender.is_empty() {
            *self.unseen.borrow_mut().entry(session.to_owned()).or_default() += 1;
        }
        self.timeline(session).change(self.entry(line));
    }

    /// The lines of a transcript, ready for a timeline.
    pub(crate) fn transcript(&self, lines: Vec<ChatLine>) -> Timeline {
        let timeline = Timeline::default();
        timeline.reset(lines.into_iter().map(|line| self.entry(line)).collect(), false, None);
        timeline
    }

    fn entry(&self, line: ChatLine) -> Entry {
        let sort = self.count.get() + 1;
        self.count.set(sort);
        Entry {
            key: if line.id.is_empty() { sort.to_string() } else { line.id },
            sort,
            at: line.at,
            sender: line.sender,
            own: line.own,
            body: line.body.0,
            delivery: None,
        }
    }
}
