//! The roster as one flat list of group headings and people, filtered as somebody types; made for 50,000 rows.
//!
//! A flat list model behind a `ListView` makes widgets only for what is visible; the list itself is computed here in
//! one pass over the roster and replaced by one splice.

use crate::projection::row_object::{row_object, row_object_imps};
use crate::text;
use flint_runtime::core::BareJid;
use flint_runtime::core::model::{PersonRow, Show};
use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// Heading of those who are in no group.
const UNGROUPED: &str = "Contacts";

row_object_imps! { PeopleItemObject, "FlPeopleItem", PeopleItem; }
row_object!(
    /// One line of the people list.
    PeopleItemObject, PeopleItem
);

/// One line of the people list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PeopleItem {
    /// A group with how many of it are online.
    Group {
        /// Name.
        name: String,
        /// Online members.
        online: u32,
        /// All members.
        total: u32,
        /// Members are shown.
        open: bool,
    },
    /// Somebody.
    Person(PersonRow),
}

/// The roster; cheap to clone, all clones are the same one.
#[derive(Clone)]
pub(crate) struct PeopleModel(Rc<Inner>);

struct Inner {
    visible: gio::ListStore,
    people: RefCell<Vec<Person>>,
    by_jid: RefCell<HashMap<BareJid, PeopleItemObject>>,
    groups: RefCell<BTreeMap<String, PeopleItemObject>>,
    closed: RefCell<HashSet<String>>,
    filter: RefCell<String>,
    stale: Cell<bool>,
    loaded: Cell<bool>,
}

#[derive(Clone)]
struct Person {
    /// Folded name and JID: what is searched and sorted by.
    key: String,
    object: PeopleItemObject,
    /// Stand for the person in the second group and further ones: a list view must not hold an object twice.
    copies: RefCell<Vec<PeopleItemObject>>,
}

impl Person {
    fn new(row: PersonRow) -> Self {
        Self::of(key(&row), PeopleItemObject::new(PeopleItem::Person(row)))
    }

    fn of(key: String, object: PeopleItemObject) -> Self {
        Self { key, object, copies: RefCell::default() }
    }

    /// What stands for the person in the group with this place among their groups.
    fn in_group(&self, place: usize) -> PeopleItemObject {
        let Some(place) = place.checked_sub(1) else { return self.object.clone() };
        let mut copies = self.copies.borrow_mut();
        while copies.len() <= place {
            let copy = PeopleItemObject::new(self.object.with(Clone::clone));
            let weak = copy.downgrade();
            self.object.connect_changed(move |object| {
                if let Some(copy) = weak.upgrade() {
                    copy.set(object.with(Clone::clone));
                }
            });
            copies.push(copy);
        }
        copies[place].clone()
    }
}

fn key(row: &PersonRow) -> String {
    format!("{} {}", text::folded(&row.name), row.jid)
}

impl Default for PeopleModel {
    fn default() -> Self {
        Self(Rc::new(Inner {
            visible: gio::ListStore::new::<PeopleItemObject>(),
            people: RefCell::default(),
            by_jid: RefCell::default(),
            groups: RefCell::default(),
            closed: RefCell::default(),
            filter: RefCell::default(),
            stale: Cell::default(),
            loaded: Cell::default(),
        }))
    }
}

impl PeopleModel {
    /// What is to be shown, as `PeopleItemObject`s.
    pub(crate) fn visible(&self) -> &gio::ListStore {
        &self.0.visible
    }

    /// True once the roster has come.
    pub(crate) fn is_loaded(&self) -> bool {
        self.0.loaded.get()
    }

    /// True when the roster holds nobody.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.people.borrow().is_empty()
    }

    /// The row of somebody.
    pub(crate) fn person(&self, jid: &BareJid) -> Option<PersonRow> {
        self.0.by_jid.borrow().get(jid).and_then(person_of)
    }

    /// The first `limit` people whose name or address holds every word of `needle`.
    pub(crate) fn search(&self, needle: &str, limit: usize) -> Vec<PersonRow> {
        let needle = text::folded(needle);
        let words: Vec<&str> = needle.split_whitespace().collect();
        let people = self.0.people.borrow();
        let hits = people.iter().filter(|person| words.iter().all(|word| person.key.contains(word)));
        hits.take(limit).filter_map(|person| person_of(&person.object)).collect()
    }

    /// Replaces the roster.
    pub(crate) fn reset(&self, rows: Vec<PersonRow>) {
        let people: Vec<Person> = rows.into_iter().map(Person::new).collect();
        let by_jid =
            people.iter().filter_map(|person| Some((person_of(&person.object)?.jid, person.object.clone())));
        self.0.by_jid.replace(by_jid.collect());
        self.0.people.replace(people);
        self.0.loaded.set(true);
        self.rebuild();
    }

    /// Adds or changes somebody.
    pub(crate) fn change(&self, row: PersonRow) {
        let known = self.0.by_jid.borrow().get(&row.jid).cloned();
        let Some(object) = known else {
            let person = Person::new(row);
            if let Some(row) = person_of(&person.object) {
                self.0.by_jid.borrow_mut().insert(row.jid, person.object.clone());
            }
            let mut people = self.0.people.borrow_mut();
            let place = people.partition_point(|other| other.key < person.key);
            people.insert(place, person);
            drop(people);
            return self.rebuild_soon();
        };
        let Some(before) = person_of(&object) else { return };
        let stays = before.name == row.name && before.groups == row.groups;
        if !stays {
            let mut people = self.0.people.borrow_mut();
            people.retain(|person| person.object != object);
            let key = key(&row);
            let place = people.partition_point(|other| other.key < key);
            people.insert(place, Person::of(key, object.clone()));
        }
        let (was, is) = (is_online(before.show), is_online(row.show));
        let groups = row.groups.clone();
        object.set(PeopleItem::Person(row));
        if !stays {
            self.rebuild_soon();
        } else if was != is {
            for name in names(&groups) {
                self.count(name, is);
            }
        }
    }

    /// Takes somebody out.
    pub(crate) fn remove(&self, jid: &BareJid) {
        if let Some(object) = self.0.by_jid.borrow_mut().remove(jid) {
            self.0.people.borrow_mut().retain(|person| person.object != object);
            self.rebuild_soon();
        }
    }

    /// Shows only who matches; an empty text shows everybody.
    pub(crate) fn set_filter(&self, needle: &str) {
        let needle = text::folded(needle.trim());
        if *self.0.filter.borrow() != needle {
            self.0.filter.replace(needle);
            self.rebuild();
        }
    }

    /// Opens or closes a group.
    pub(crate) fn toggle(&self, group: &str) {
        {
            let mut closed = self.0.closed.borrow_mut();
            if !closed.remove(group) {
                closed.insert(group.to_owned());
            }
        }
        self.rebuild();
    }

    fn count(&self, group: &str, came: bool) {
        let object = self.0.groups.borrow().get(&text::folded(group)).cloned();
        let Some(object) = object else { return };
        let mut item = object.with(Clone::clone);
        if let PeopleItem::Group { online, total, .. } = &mut item {
            *online = if came { (*online + 1).min(*total) } else { online.saturating_sub(1) };
        }
        object.set(item);
    }

    /// A burst of changes costs one pass.
    fn rebuild_soon(&self) {
        if !self.0.stale.replace(true) {
            let model = self.clone();
            glib::idle_add_local_once(move || {
                if model.0.stale.get() {
                    model.rebuild();
                }
            });
        }
    }

    fn rebuild(&self) {
        self.0.stale.set(false);
        let filter = self.0.filter.borrow();
        let words: Vec<&str> = filter.split_whitespace().collect();
        let closed = self.0.closed.borrow();
        let mut groups: BTreeMap<String, (PeopleItem, Vec<PeopleItemObject>)> = BTreeMap::new();
        for person in self.0.people.borrow().iter() {
            let matches = words.iter().all(|word| person.key.contains(word));
            person.object.with(|item| {
                let PeopleItem::Person(row) = item else { return };
                for (place, name) in names(&row.groups).enumerate() {
                    // The ungrouped come last, whatever the groups are called.
                    let sort =
                        if row.groups.is_empty() { "\u{10FFFF}".to_owned() } else { text::folded(name) };
                    let (heading, members) = groups.entry(sort).or_insert_with(|| {
                        let open = !words.is_empty() || !closed.contains(name);
                        (PeopleItem::Group { name: name.to_owned(), online: 0, total: 0, open }, Vec::new())
                    });
                    if let PeopleItem::Group { online, total, open, .. } = heading {
                        *total += 1;
                        *online += u32::from(is_online(row.show));
                        if matches && *open {
                            members.push(person.in_group(place));
                        }
                    }
                }
            });
        }
        let mut visible = Vec::new();
        let mut headings = BTreeMap::new();
        for (heading, members) in groups.into_values() {
            if !words.is_empty() && members.is_empty() {
                continue;
            }
            let name = if let PeopleItem::Group { name, .. } = &heading {
                text::folded(name)
            } else {
                String::new()
            };
            let object = PeopleItemObject::new(heading);
            headings.insert(name, object.clone());
            visible.push(object);
            visible.extend(members);
        }
        self.0.groups.replace(headings);
        self.0.visible.splice(0, self.0.visible.n_items(), &visible);
    }
}

fn names(groups: &[String]) -> impl Iterator<Item = &str> {
    let ungrouped = groups.is_empty().then_some(UNGROUPED);
    groups.iter().map(String::as_str).chain(ungrouped)
}

fn person_of(object: &PeopleItemObject) -> Option<PersonRow> {
    object.with(|item| match item {
        PeopleItem::Person(row) => Some(row.clone()),
        PeopleItem::Group { .. } => None,
    })
}

fn is_online(show: Show) -> bool {
    show != Show::Offline
}

#[cfg(test)]
mod tests;
