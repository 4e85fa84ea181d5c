//! The roster with presence (RFC 6121): a map by JID, so that one presence costs one look-up however long the list.

use super::{Engine, MAX_NAME, MAX_ROSTER, MAX_STATUS, cap, local_part};
use crate::capability::Capability;
use crate::command::PeopleCommand;
use crate::effect::{Outbound, Persist, SubscriptionStanza};
use crate::input::RosterItem;
use crate::model::{ConversationId, PersonRow, Show, Subscription};
use crate::update::{PeopleUpdate, Update};
use jid::{BareJid, FullJid};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most groups of one contact.
const MAX_GROUPS: usize = 50;
/// Most resources kept of one contact.
const MAX_RESOURCES: usize = 50;
/// Most unanswered subscription requests kept.
const MAX_REQUESTS: usize = 1000;
/// More rows than this change by one reset rather than one by one.
const MANY: usize = 200;

/// Roster and presence.
#[derive(Debug, Default)]
pub(super) struct People {
    contacts: HashMap<BareJid, RosterItem>,
    version: Option<String>,
    /// By bare JID, then resource. Only contacts (and who is about to become one) are in it.
    presence: HashMap<BareJid, BTreeMap<String, Resource>>,
    requests: BTreeSet<BareJid>,
}

#[derive(Debug)]
struct Resource {
    show: Show,
    status: String,
    priority: i8,
}

impl People {
    pub(super) fn version(&self) -> Option<String> {
        self.version.clone()
    }

    /// Do they see our presence? Only then they may learn what we do (XEP-0184 §5.4, XEP-0333, XEP-0085 §5.1).
    pub(super) fn sees_us(&self, jid: &BareJid) -> bool {
        let subscription = self.contacts.get(jid).map(|item| item.subscription);
        matches!(subscription, Some(Subscription::From | Subscription::Both))
    }

    pub(super) fn name(&self, jid: &BareJid) -> String {
        let name = self.contacts.get(jid).and_then(|item| item.name.clone());
        name.unwrap_or_else(|| local_part(jid))
    }

    pub(super) fn show(&self, jid: &BareJid) -> Show {
        self.best(jid).map_or(Show::Offline, |resource| resource.show)
    }

    /// The resource that messages would go to: highest priority, then the most available one (RFC 6121 §4.7.2).
    fn best(&self, jid: &BareJid) -> Option<&Resource> {
        self.presence.get(jid)?.values().max_by_key(|resource| (resource.priority, Reverse(resource.show)))
    }

    fn row(&self, item: &RosterItem) -> PersonRow {
        let best = self.best(&item.jid);
        PersonRow {
            jid: item.jid.clone(),
            name: item.name.clone().unwrap_or_else(|| local_part(&item.jid)),
            groups: item.groups.clone(),
            subscription: item.subscription,
            asked: item.asked,
            show: best.map_or(Show::Offline, |resource| resource.show),
            status: best.map_or_else(String::new, |resource| resource.status.clone()),
        }
    }
}

fn cleaned(mut item: RosterItem) -> RosterItem {
    item.name = item.name.map(|name| cap(name.trim().to_owned(), MAX_NAME)).filter(|name| !name.is_empty());
    item.groups.truncate(MAX_GROUPS);
    item.groups = item.groups.into_iter().map(|group| cap(group, MAX_NAME)).collect();
    item
}

impl Engine {
    pub(super) fn load_people(&mut self, items: Vec<RosterItem>, version: Option<String>) {
        self.people.contacts =
            items.into_iter().take(MAX_ROSTER).map(|item| (item.jid.clone(), item)).collect();
        self.people.version = version;
    }

    pub(super) fn people_rows(&self) -> Vec<PersonRow> {
        let mut rows: Vec<_> = self.people.contacts.values().map(|item| self.people.row(item)).collect();
        rows.sort_by_cached_key(|row| (row.name.to_lowercase(), row.jid.clone()));
        rows
    }

    pub(super) fn people_command(&mut self, command: PeopleCommand) {
        match command {
            PeopleCommand::AddContact { jid, name, groups } => self.add_contact(jid, name, groups),
            PeopleCommand::RemoveContact { jid } => {
                if !self.people.contacts.contains_key(&jid) {
                    return self.reject("remove contact", format!("{jid} is not among your contacts."), None);
                }
                if self.needs_connection("remove contact") {
                    let token = self.send(Outbound::RemoveRosterItem { jid });
                    self.requests.insert(token, "remove contact");
                }
            }
            PeopleCommand::AnswerSubscription { jid, allow } => self.answer_subscription(jid, allow),
        }
    }

    fn add_contact(&mut self, jid: BareJid, name: Option<String>, groups: Vec<String>) {
        const WHAT: &str = "add contact";
        if jid == self.config.account {
            return self.reject(WHAT, "This is your own address. Enter the address of somebody else.", None);
        }
        if self.people.contacts.len() >= MAX_ROSTER && !self.people.contacts.contains_key(&jid) {
            return self.reject(WHAT, "Your contact list is full. Remove a contact first.", None);
        }
        if !self.needs_connection(WHAT) {
            return;
        }
        let (subscription, asked) = (Subscription::None, false);
        let item = cleaned(RosterItem { jid, name, groups, subscription, asked });
        let (jid, name, groups) = (item.jid, item.name, item.groups);
        let token = self.send(Outbound::SetRosterItem { jid: jid.clone(), name, groups });
        self.requests.insert(token, WHAT);
        self.send(Outbound::Subscription { to: jid, kind: SubscriptionStanza::Subscribe });
    }

    /// To let a stranger in makes the server put them on the roster (RFC 6121 §3.1.5): that adds a contact, too.
    fn answer_subscription(&mut self, jid: BareJid, allow: bool) {
        const WHAT: &str = "let a contact see your presence";
        let stranger = !self.people.contacts.contains_key(&jid);
        if allow && stranger && !self.gate(Capability::AddContact, WHAT) {
            return;
        }
        if self.needs_connection(WHAT) {
            self.people.requests.remove(&jid);
            let kind = if allow { SubscriptionStanza::Subscribed } else { SubscriptionStanza::Unsubscribed };
            self.send(Outbound::Subscription { to: jid, kind });
        }
    }

    pub(super) fn needs_connection(&mut self, what: &str) -> bool {
        let online = self.is_online();
        if !online {
            self.reject(what, "You are not connected. Try again when you are signed in.", None);
        }
        online
    }

    pub(super) fn roster_received(&mut self, items: Option<Vec<RosterItem>>, version: Option<String>) {
        let Some(items) = items else { return };
        let mut old = std::mem::take(&mut self.people.contacts);
        let mut changed = Vec::new();
        for item in items.into_iter().take(MAX_ROSTER).map(cleaned) {
            if old.remove(&item.jid).as_ref() != Some(&item) {
                changed.push(item.jid.clone());
            }
            self.people.contacts.insert(item.jid.clone(), item);
        }
        self.people.version = version.clone();
        for jid in old.keys() {
            self.people.presence.remove(jid);
        }
        let mut items: Vec<_> = self.people.contacts.values().cloned().collect();
        items.sort_by(|a, b| a.jid.cmp(&b.jid));
        self.persist(Persist::Roster { items, version });
        if changed.len() + old.len() > MANY {
            self.update(Update::People(PeopleUpdate::Reset { people: self.people_rows() }));
            for jid in changed.into_iter().chain(old.into_keys()) {
                self.person_conversation_changed(&jid);
            }
            return;
        }
        for jid in old.into_keys() {
            self.update(Update::People(PeopleUpdate::Removed { jid: jid.clone() }));
            self.person_conversation_changed(&jid);
        }
        for jid in changed {
            self.person_changed(&jid);
        }
    }

    pub(super) fn roster_pushed(&mut self, item: RosterItem, removed: bool, version: Option<String>) {
        let item = cleaned(item);
        let jid = item.jid.clone();
        if version.is_some() {
            self.people.version.clone_from(&version);
        }
        let version = self.people.version.clone();
        if removed {
            let known = self.people.contacts.remove(&jid).is_some();
            self.people.presence.remove(&jid);
            self.persist(Persist::RosterItem { item, removed, version });
            if known {
                self.update(Update::People(PeopleUpdate::Removed { jid: jid.clone() }));
                self.person_conversation_changed(&jid);
            }
            return;
        }
        if self.people.contacts.len() >= MAX_ROSTER && !self.people.contacts.contains_key(&jid) {
            return;
        }
        if matches!(item.subscription, Subscription::From | Subscription::Both) {
            self.people.requests.remove(&jid);
        }
        self.people.contacts.insert(jid.clone(), item.clone());
        self.persist(Persist::RosterItem { item, removed, version });
        self.person_changed(&jid);
    }

    pub(super) fn presence_changed(&mut self, from: FullJid, show: Show, status: String, priority: i8) {
        let jid = from.to_bare();
        if self.is_room(&jid) || !self.may_hold_presence(&jid) {
            return;
        }
        let before = self.people.best(&jid).map(|best| (best.show, best.status.clone()));
        let resource = from.resource().as_str().to_owned();
        let resources = self.people.presence.entry(jid.clone()).or_default();
        if show == Show::Offline {
            resources.remove(&resource);
            if resources.is_empty() {
                self.people.presence.remove(&jid);
            }
        } else if resources.len() < MAX_RESOURCES || resources.contains_key(&resource) {
            resources.insert(resource, Resource { show, status: cap(status, MAX_STATUS), priority });
        }
        if before != self.people.best(&jid).map(|best| (best.show, best.status.clone())) {
            self.person_changed(&jid);
        }
    }

    /// Presence of a contact, or of somebody whose roster push is on its way.
    fn may_hold_presence(&self, jid: &BareJid) -> bool {
        self.people.contacts.contains_key(jid)
            || self.people.presence.contains_key(jid)
            || self.people.presence.len() < self.people.contacts.len() + MAX_REQUESTS
    }

    pub(super) fn presence_gone(&mut self, from: &BareJid) {
        if self.people.presence.remove(from).is_some() {
            self.person_changed(from);
        }
    }

    pub(super) fn subscription_requested(&mut self, from: BareJid) {
        let known = self.people.requests.contains(&from) || self.people.sees_us(&from);
        if !known && self.people.requests.len() < MAX_REQUESTS {
            self.people.requests.insert(from.clone());
            self.update(Update::People(PeopleUpdate::SubscriptionRequested { jid: from }));
        }
    }

    pub(super) fn show_subscription_requests(&mut self) {
        for jid in self.people.requests.clone() {
            self.update(Update::People(PeopleUpdate::SubscriptionRequested { jid }));
        }
    }

    /// Nobody's presence is known any more.
    pub(super) fn forget_presence(&mut self) {
        let gone = std::mem::take(&mut self.people.presence);
        if gone.len() > MANY {
            self.update(Update::People(PeopleUpdate::Reset { people: self.people_rows() }));
            for jid in gone.keys() {
                self.person_conversation_changed(jid);
            }
        } else {
            for jid in gone.keys() {
                self.person_changed(jid);
            }
        }
    }

    fn person_changed(&mut self, jid: &BareJid) {
        if let Some(item) = self.people.contacts.get(jid) {
            let person = self.people.row(item);
            self.update(Update::People(PeopleUpdate::Changed { person }));
        }
        self.person_conversation_changed(jid);
    }

    fn person_conversation_changed(&mut self, jid: &BareJid) {
        self.conversation_changed(&ConversationId::Person(jid.clone()));
    }
}
