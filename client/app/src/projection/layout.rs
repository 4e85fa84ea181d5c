//! Turns the messages of a conversation into the lines of a timeline: day lines, the "new" line, grouping by sender
//! and minute. Pure, so that every rule is tested without a display.

use crate::time;
use flint_runtime::core::Timestamp;
use flint_runtime::core::model::{DeliveryState, Direction, MessageRow};

/// Messages of one sender stay one group as long as the pause between two of them is below this.
const GROUP_MINUTES: i64 = 3;

/// One thing that was said, whether in a conversation or with a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Identity within its timeline.
    pub(crate) key: String,
    /// Position; larger is later.
    pub(crate) sort: i64,
    /// When.
    pub(crate) at: Timestamp,
    /// Who; empty for a notice.
    pub(crate) sender: String,
    /// We said it.
    pub(crate) own: bool,
    /// What.
    pub(crate) body: String,
    /// How far an own message got.
    pub(crate) delivery: Option<DeliveryState>,
}

impl From<MessageRow> for Entry {
    fn from(message: MessageRow) -> Self {
        let delivery = match message.direction {
            Direction::Incoming => None,
            Direction::Outgoing { delivery } => Some(delivery),
        };
        Self {
            key: message.id.0,
            sort: message.sort,
            at: message.at,
            sender: message.sender_name,
            own: delivery.is_some(),
            body: message.body.0,
            delivery,
        }
    }
}

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A new day begins.
    Day(Timestamp),
    /// Everything below was unread at opening.
    New,
    /// A message.
    Message {
        /// What was said.
        entry: Entry,
        /// Begins a group: avatar, name and time are shown.
        head: bool,
        /// Last own message of its group: its state is shown.
        state: bool,
    },
}

impl Item {
    /// True when both stand for the same line, whatever its content now.
    pub(crate) fn is_same_line(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Day(one), Self::Day(two)) => time::day(*one) == time::day(*two),
            (Self::New, Self::New) => true,
            (Self::Message { entry: one, .. }, Self::Message { entry: two, .. }) => one.key == two.key,
            _ => false,
        }
    }
}

/// The lines for `entries` (in order), with the "new" line before `first_unread`.
pub(crate) fn lay_out(entries: &[Entry], first_unread: Option<&str>) -> Vec<Item> {
    let mut items = Vec::with_capacity(entries.len() + 8);
    for (index, entry) in entries.iter().enumerate() {
        let previous = index.checked_sub(1).map(|before| &entries[before]);
        let new_day = previous.is_none_or(|previous| time::day(previous.at) != time::day(entry.at));
        let new_line = first_unread == Some(entry.key.as_str());
        if new_day {
            items.push(Item::Day(entry.at));
        }
        if new_line {
            items.push(Item::New);
        }
        let head = new_day || new_line || previous.is_none_or(|previous| !continues(previous, entry));
        // Failed messages always say so; otherwise one state per group is enough.
        let state = entry.delivery.as_ref().is_some_and(|delivery| {
            matches!(delivery, DeliveryState::Failed { .. })
                || entries
                    .get(index + 1)
                    .is_none_or(|next| next.delivery != entry.delivery || !continues(entry, next))
        });
        items.push(Item::Message { entry: entry.clone(), head, state });
    }
    items
}

fn continues(previous: &Entry, entry: &Entry) -> bool {
    previous.sender == entry.sender
        && previous.own == entry.own
        && (time::minute(entry.at) - time::minute(previous.at)).abs() < GROUP_MINUTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(key: &str, minutes: i64, sender: &str) -> Entry {
        Entry {
            key: key.into(),
            sort: minutes,
            at: Timestamp(1_773_132_060_000 + minutes * 60_000),
            sender: sender.into(),
            own: false,
            body: String::new(),
            delivery: None,
        }
    }

    fn shape(items: &[Item]) -> String {
        items
            .iter()
            .map(|item| match item {
                Item::Day(_) => "day".to_owned(),
                Item::New => "new".to_owned(),
                Item::Message { entry, head: true, .. } => format!("[{}", entry.key),
                Item::Message { entry, head: false, .. } => entry.key.clone(),
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn lines_are_grouped() {
        let talk = [
            said("a", 0, "Bob"),
            said("b", 1, "Bob"),
            said("c", 2, "Ann"),
            said("d", 30, "Ann"),
            said("e", 31, "Ann"),
            said("f", 60 * 30, "Ann"),
        ];
        for (entries, unread, expected) in [
            (&talk[..0], None, ""),
            (&talk[..2], None, "day [a b"),
            (&talk[..], None, "day [a b [c [d e day [f"),
            (&talk[..5], Some("b"), "day [a new [b [c [d e"),
            (&talk[..1], Some("a"), "day new [a"),
            (&talk[..1], Some("unknown"), "day [a"),
        ] {
            assert_eq!(shape(&lay_out(entries, unread)), expected);
        }
    }

    #[test]
    fn one_state_per_group_but_every_failure() {
        let own = |key: &str, delivery| Entry { own: true, delivery: Some(delivery), ..said(key, 0, "Ann") };
        let failed = DeliveryState::Failed { reason: "gone".into() };
        let entries = [
            own("a", DeliveryState::Read),
            own("b", DeliveryState::Read),
            own("c", failed.clone()),
            own("d", failed),
        ];
        let states: Vec<_> = lay_out(&entries, None)
            .into_iter()
            .filter_map(|item| match item {
                Item::Message { state, .. } => Some(state),
                _ => None,
            })
            .collect();
        assert_eq!(states, [false, true, true, true]);
    }
}
