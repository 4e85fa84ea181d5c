//! Catching up from archives (XEP-0313): forward from the last id taken over, page by page, so that nothing between
//! two sign-ins is left out and a break-off goes on where it stopped.

use super::Engine;
use crate::effect::{Outbound, Persist};
use crate::ids::{StanzaId, Timestamp};
use crate::model::ConversationId;
use crate::update::{HistoryUpdate, Update};
use jid::BareJid;
use std::collections::{HashMap, HashSet};

const PAGE: u32 = 100;
/// No archive is longer than this many pages at one sign-in.
const MAX_PAGES: u32 = 10_000;
/// An archive that is asked by time is asked from this long before the last message: clocks differ.
const MARGIN_MS: i64 = 60 * 60 * 1000;

/// Positions in archives and the catch-ups under way; `None` is the own account's archive.
#[derive(Debug, Default)]
pub(super) struct Archive {
    positions: HashMap<Option<BareJid>, StanzaId>,
    running: HashMap<Option<BareJid>, CatchUp>,
    /// The catch-up on this stream has failed: what arrives live says nothing about what lies before it.
    gaps: HashSet<Option<BareJid>>,
}

#[derive(Debug, Default)]
struct CatchUp {
    messages: u32,
    pages: u32,
    /// Nothing was known: only the newest page is taken, and it does not count as unread.
    first: bool,
    /// Asked by time, because the archive did not know our id any more.
    by_time: bool,
    /// From when on, then: what has arrived since the beginning says nothing about the gap before it.
    since: Option<Timestamp>,
    /// Last id that arrived live meanwhile; becomes the position only when the gap before it is filled.
    live: Option<StanzaId>,
}

impl Archive {
    pub(super) fn load(&mut self, positions: Vec<(Option<BareJid>, StanzaId)>) {
        self.positions = positions.into_iter().collect();
    }

    pub(super) fn begin_stream(&mut self) {
        self.running.clear();
    }

    fn of(conversation: &ConversationId) -> Option<BareJid> {
        match conversation {
            ConversationId::Person(_) => None,
            ConversationId::Room(room) => Some(room.clone()),
        }
    }
}

impl Engine {
    /// Begins to ask an archive for what we missed.
    pub(super) fn catch_up(&mut self, archive: Option<BareJid>) {
        let after = self.archive.positions.get(&archive).cloned();
        let first = after.is_none();
        let since = self.heard_in(&archive).map(|at| at.plus(-MARGIN_MS));
        self.archive.gaps.remove(&archive);
        self.archive.running.insert(archive.clone(), CatchUp { first, since, ..CatchUp::default() });
        self.send(Outbound::QueryArchive { archive, after, since: None, max: PAGE });
    }

    pub(super) fn archive_page(&mut self, archive: Option<BareJid>, last: Option<StanzaId>, complete: bool) {
        let Some(run) = self.archive.running.get_mut(&archive) else { return };
        run.pages += 1;
        let position = self.archive.positions.get(&archive);
        let stuck = last.is_none() || last.as_ref() == position || run.pages >= MAX_PAGES;
        let whole = complete || run.first;
        let done = whole || stuck;
        let messages = run.messages;
        let live = if whole { run.live.take() } else { None };
        if done {
            self.archive.running.remove(&archive);
        }
        if done && !whole {
            self.archive.gaps.insert(archive.clone());
        }
        if let Some(last) = live.or(last.clone()) {
            self.take_position(archive.clone(), last);
        }
        if !done {
            self.send(Outbound::QueryArchive {
                archive: archive.clone(),
                after: last,
                since: None,
                max: PAGE,
            });
        }
        if archive.is_none() {
            self.update(Update::History(HistoryUpdate::CatchUp { messages, complete: done }));
        }
        if done {
            self.send_what_waits();
        }
    }

    /// An archive that has cleaned up does not know our id any more and answers with an error (XEP-0313 §4.3.3):
    /// then it is asked once by time. What comes twice is known by its id. If that fails too, the position stays where
    /// it is, so that the next stream fills the gap.
    pub(super) fn archive_failed(&mut self, archive: Option<BareJid>) {
        let Some(run) = self.archive.running.get_mut(&archive) else { return };
        if !run.first && !run.by_time {
            run.by_time = true;
            // Nothing is here that could be doubled or joined to: the newest page is as good as at the first look.
            run.first = run.since.is_none();
            let since = run.since;
            self.send(Outbound::QueryArchive { archive, after: None, since, max: PAGE });
            return;
        }
        let run = self.archive.running.remove(&archive).unwrap_or_default();
        self.archive.gaps.insert(archive.clone());
        if archive.is_none() {
            self.update(Update::History(HistoryUpdate::CatchUp { messages: run.messages, complete: true }));
        }
        self.send_what_waits();
    }

    /// When the server last brought something that is in this archive.
    fn heard_in(&self, archive: &Option<BareJid>) -> Option<Timestamp> {
        let of_archive = self.chats.iter().filter(|(id, _)| Archive::of(id) == *archive);
        of_archive.filter_map(|(_, chat)| chat.heard).max()
    }

    /// True while an archive is asked that may hold what was sent to this conversation before.
    pub(super) fn is_catching_up(&self, conversation: &ConversationId) -> bool {
        self.archive.running.contains_key(&Archive::of(conversation))
    }

    /// True while an archive is looked into for the very first time: what it brings is old, not unread.
    pub(super) fn is_first_look(&self, conversation: &ConversationId) -> bool {
        self.archive.running.get(&Archive::of(conversation)).is_some_and(|run| run.first)
    }

    /// A message came with the archive's id; `taken` when it was new. A page moves the position by itself.
    pub(super) fn note_archived(
        &mut self,
        conversation: &ConversationId,
        id: Option<&StanzaId>,
        archived: bool,
        taken: bool,
    ) {
        let archive = Archive::of(conversation);
        match (self.archive.running.get_mut(&archive), id) {
            (Some(run), _) if archived => run.messages = run.messages.saturating_add(u32::from(taken)),
            (Some(run), Some(id)) => run.live = Some(id.clone()),
            (None, Some(id)) if !archived && !self.archive.gaps.contains(&archive) => {
                self.take_position(archive, id.clone());
            }
            _ => {}
        }
    }

    fn take_position(&mut self, archive: Option<BareJid>, last: StanzaId) {
        if self.archive.positions.get(&archive) != Some(&last) {
            self.archive.positions.insert(archive.clone(), last.clone());
            self.persist(Persist::ArchivePosition { archive, last });
        }
    }
}
