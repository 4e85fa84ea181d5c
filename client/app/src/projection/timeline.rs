//! The model behind one timeline: messages in order, laid out into lines, changed by the smallest splice.

use crate::projection::layout::{Entry, Item, lay_out};
use crate::projection::row_object::{row_object, row_object_imps};
use flint_runtime::core::model::DeliveryState;
use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

row_object_imps! { ItemObject, "FlTimelineItem", Item; }
row_object!(
    /// One line of a timeline.
    ItemObject, Item
);

/// One timeline; cheap to clone, all clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Timeline(Rc<Inner>);

struct Inner {
    store: gio::ListStore,
    entries: RefCell<Vec<Entry>>,
    first_unread: RefCell<Option<String>>,
    loaded: Cell<bool>,
    has_older: Cell<bool>,
    loading_older: Cell<bool>,
    draft: RefCell<String>,
    typing: RefCell<Vec<String>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            store: gio::ListStore::new::<ItemObject>(),
            entries: RefCell::default(),
            first_unread: RefCell::default(),
            loaded: Cell::default(),
            has_older: Cell::default(),
            loading_older: Cell::default(),
            draft: RefCell::default(),
            typing: RefCell::default(),
        }
    }
}

impl Timeline {
    /// The lines, as `ItemObject`s.
    pub(crate) fn model(&self) -> &gio::ListStore {
        &self.0.store
    }

    /// True once the engine has answered the opening.
    pub(crate) fn is_loaded(&self) -> bool {
        self.0.loaded.get()
    }

    /// True when nothing was ever said here.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.entries.borrow().is_empty()
    }

    /// True when older messages can be asked for and are not yet on their way; marks them as asked for.
    pub(crate) fn begin_loading_older(&self) -> bool {
        self.0.loaded.get() && self.0.has_older.get() && !self.0.loading_older.replace(true)
    }

    /// True while older messages are on their way.
    pub(crate) fn is_loading_older(&self) -> bool {
        self.0.loading_older.get()
    }

    /// Text that was typed and not sent.
    pub(crate) fn draft(&self) -> String {
        self.0.draft.borrow().clone()
    }

    /// Keeps what is typed.
    pub(crate) fn set_draft(&self, text: &str) {
        self.0.draft.replace(text.to_owned());
    }

    /// Who types now.
    pub(crate) fn typing(&self) -> Vec<String> {
        self.0.typing.borrow().clone()
    }

    /// Sets who types now.
    pub(crate) fn set_typing(&self, names: Vec<String>) {
        self.0.typing.replace(names);
    }

    /// Replaces everything.
    pub(crate) fn reset(&self, entries: Vec<Entry>, has_older: bool, first_unread: Option<String>) {
        self.0.entries.replace(entries);
        self.0.first_unread.replace(first_unread);
        self.0.has_older.set(has_older);
        self.0.loading_older.set(false);
        self.0.loaded.set(true);
        self.0.entries.borrow_mut().sort_by_key(|entry| entry.sort);
        self.refresh();
    }

    /// Puts older messages above. What is there already stays as it is.
    pub(crate) fn prepend(&self, older: Vec<Entry>, has_older: bool) {
        {
            let mut entries = self.0.entries.borrow_mut();
            let known: std::collections::HashSet<String> =
                entries.iter().map(|entry| entry.key.clone()).collect();
            entries.splice(0..0, older.into_iter().filter(|entry| !known.contains(&entry.key)));
            entries.sort_by_key(|entry| entry.sort);
        }
        self.0.has_older.set(has_older);
        self.0.loading_older.set(false);
        self.refresh();
    }

    /// Adds a message, or replaces the one with its key. True when it is new.
    pub(crate) fn change(&self, entry: Entry) -> bool {
        let is_new = {
            let mut entries = self.0.entries.borrow_mut();
            let known = entries.iter().rposition(|known| known.key == entry.key);
            if let Some(index) = known {
                entries.remove(index);
            }
            let place = entries.partition_point(|other| other.sort <= entry.sort);
            entries.insert(place, entry);
            known.is_none()
        };
        self.refresh();
        is_new
    }

    /// Changes the delivery state of a message; an unknown one is ignored.
    pub(crate) fn deliver(&self, key: &str, delivery: DeliveryState) {
        let found = match self.0.entries.borrow_mut().iter_mut().rev().find(|entry| entry.key == key) {
            Some(entry) => {
                entry.delivery = Some(delivery);
                true
            }
            None => false,
        };
        if found {
            self.refresh();
        }
    }

    /// Number of messages, lines in between not counted.
    pub(crate) fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    /// Place in the model of the message with this key.
    pub(crate) fn position(&self, key: &str) -> Option<i32> {
        let is_it = |item: &Item| matches!(item, Item::Message { entry, .. } if entry.key == key);
        let mut objects = self.0.store.iter::<ItemObject>().filter_map(Result::ok);
        objects.position(|object| object.with(is_it)).and_then(|place| i32::try_from(place).ok())
    }

    /// Brings the model in line with the entries: equal lines at both ends stay, the middle is spliced.
    fn refresh(&self) {
        let wanted = lay_out(&self.0.entries.borrow(), self.0.first_unread.borrow().as_deref());
        let store = &self.0.store;
        let held: Vec<ItemObject> = store.iter::<ItemObject>().filter_map(Result::ok).collect();
        let same = |object: &ItemObject, item: &Item| object.with(|row| row.is_same_line(item));
        let front = held.iter().zip(&wanted).take_while(|(object, item)| same(object, item)).count();
        let back = held[front..]
            .iter()
            .rev()
            .zip(wanted[front..].iter().rev())
            .take_while(|(object, item)| same(object, item))
            .count();
        let wanted_len = wanted.len();
        let mut middle = Vec::new();
        for (index, item) in wanted.into_iter().enumerate() {
            if index < front {
                update(&held[index], item);
            } else if index >= wanted_len - back {
                update(&held[held.len() - (wanted_len - index)], item);
            } else {
                middle.push(ItemObject::new(item));
            }
        }
        let removed = held.len() - front - back;
        if removed > 0 || !middle.is_empty() {
            let (position, removed) = (u32::try_from(front), u32::try_from(removed));
            if let (Ok(position), Ok(removed)) = (position, removed) {
                store.splice(position, removed, &middle);
            }
        }
    }
}

fn update(object: &ItemObject, item: Item) {
    if object.with(|held| *held != item) {
        object.set(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_runtime::core::Timestamp;

    fn said(key: &str, sort: i64) -> Entry {
        Entry {
            key: key.into(),
            sort,
            at: Timestamp(1_773_132_060_000 + sort * 600_000),
            sender: "Bob".into(),
            own: false,
            body: key.into(),
            delivery: None,
        }
    }

    fn keys(timeline: &Timeline) -> Vec<String> {
        timeline
            .model()
            .iter::<ItemObject>()
            .filter_map(Result::ok)
            .filter_map(|object| {
                object.with(|item| match item {
                    Item::Message { entry, .. } => Some(entry.key.clone()),
                    _ => None,
                })
            })
            .collect()
    }

    #[test]
    fn messages_stay_in_order_whatever_order_they_come_in() {
        let timeline = Timeline::default();
        timeline.reset(vec![said("d", 4), said("c", 3)], true, None);
        assert!(timeline.change(said("f", 6)));
        assert!(timeline.change(said("e", 5)));
        assert!(timeline.begin_loading_older());
        assert!(!timeline.begin_loading_older(), "asked once only");
        timeline.prepend(vec![said("a", 1), said("b", 2), said("c", 3)], false);
        assert_eq!(keys(&timeline), ["a", "b", "c", "d", "e", "f"]);
        assert!(!timeline.change(said("b", 2)), "a known one is not new");
        assert!(!timeline.begin_loading_older(), "nothing older");
    }

    #[test]
    fn unchanged_lines_keep_their_objects() {
        let timeline = Timeline::default();
        timeline.reset(vec![said("a", 1), said("b", 2)], false, None);
        let first = timeline.model().item(1).expect("the first message");
        let splices = Rc::new(Cell::new(0));
        let seen = splices.clone();
        timeline.model().connect_items_changed(move |_, _, _, _| seen.set(seen.get() + 1));
        timeline.change(Entry { delivery: Some(DeliveryState::Queued), own: true, ..said("c", 3) });
        timeline.deliver("c", DeliveryState::Read);
        timeline.deliver("nobody", DeliveryState::Read);
        assert_eq!(splices.get(), 1, "a delivery state changes a line in place");
        assert_eq!(timeline.model().item(1).expect("the first message"), first);
    }
}
