//! Rooms (XEP-0045): joining, who is there, subjects, invitations.

use super::{Engine, MAX_NAME, MAX_OCCUPANTS, MAX_ROOMS, cap, local_part};
use crate::capability::Capability;
use crate::command::RoomCommand;
use crate::effect::{Effect, Outbound};
use crate::input::TimerId;
use crate::model::{ConversationId, OccupantRow, RoomRow, RoomState};
use crate::secret::Private;
use crate::update::{RoomUpdate, Update};
use jid::{BareJid, Jid};
use std::collections::BTreeMap;

/// A join that is not answered within this time has failed.
const JOIN_MS: u64 = 30_000;
/// History is over at the subject (XEP-0045 §7.2.15); a room that sends none is taken as ready after this time.
const READY_MS: u64 = 5_000;
/// Why there are no rooms.
const NOT_ALLOWED: &str = "Your organisation does not allow rooms. Ask your administrator.";
/// Most rooms kept that nothing but an invitation speaks for.
const MAX_INVITED: usize = 100;
/// In rooms up to this size we tell that we type.
const SMALL: usize = 20;

/// One room.
#[derive(Debug)]
pub(super) struct Room {
    name: Option<String>,
    subject: String,
    state: RoomState,
    occupants: BTreeMap<String, OccupantRow>,
    /// Nickname to join with.
    nick: String,
    password: Option<Private>,
    /// We want to be in it: joined again at each new stream.
    wanted: bool,
    /// Another nickname was tried already.
    tried_other_nick: bool,
    /// Joined and history is over: what waits can be sent without saying twice what the history holds.
    ready: bool,
    /// Nothing of it was known when we came: its history is old, not unread.
    first_visit: bool,
    /// The server has listed it or let us in. An invitation alone is a stranger's word, who may name a person's address.
    proven: bool,
}

impl Room {
    fn new(nick: String) -> Self {
        Self {
            name: None,
            subject: String::new(),
            state: RoomState::NotJoined,
            occupants: BTreeMap::new(),
            nick,
            password: None,
            wanted: false,
            tried_other_nick: false,
            ready: false,
            first_visit: false,
            proven: false,
        }
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven
    }

    pub(super) fn is_first_visit(&self) -> bool {
        self.first_visit
    }

    /// May messages be written for it? They wait while we are coming in.
    pub(super) fn takes_messages(&self) -> bool {
        self.wanted && !matches!(self.state, RoomState::Failed { .. })
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    pub(super) fn is_small(&self) -> bool {
        self.ready && self.occupants.len() <= SMALL
    }

    /// Our nickname while joined.
    pub(super) fn nick(&self) -> Option<String> {
        match &self.state {
            RoomState::Joined { nick } => Some(nick.clone()),
            _ => None,
        }
    }

    pub(super) fn jid_of(&self, nick: &str) -> Option<BareJid> {
        self.occupants.get(nick)?.jid.as_ref().map(|jid| jid.to_bare())
    }
}

impl Engine {
    pub(super) fn load_room(&mut self, jid: BareJid, name: Option<String>, joined: bool) {
        if let Some(room) = self.room(&jid) {
            room.name = name;
            room.wanted = joined;
            room.proven = true;
        }
    }

    /// True for the address of a room, as far as the server says so.
    pub(super) fn is_room(&self, jid: &BareJid) -> bool {
        self.rooms.get(jid).is_some_and(Room::is_proven)
    }

    /// The room, made if need be; `None` when there are too many.
    fn room(&mut self, jid: &BareJid) -> Option<&mut Room> {
        if self.rooms.len() >= MAX_ROOMS && !self.rooms.contains_key(jid) {
            return None;
        }
        let nick = local_part(&self.config.account);
        Some(self.rooms.entry(jid.clone()).or_insert_with(|| Room::new(nick)))
    }

    fn room_row(&self, jid: &BareJid, room: &Room) -> RoomRow {
        RoomRow {
            jid: jid.clone(),
            name: room.name.clone().unwrap_or_else(|| local_part(jid)),
            subject: room.subject.clone(),
            state: room.state.clone(),
            occupants: room.occupants.values().cloned().collect(),
        }
    }

    pub(super) fn room_rows(&self) -> Vec<RoomRow> {
        let mut rows: Vec<_> = self.rooms.iter().map(|(jid, room)| self.room_row(jid, room)).collect();
        rows.sort_by_cached_key(|row| (row.name.to_lowercase(), row.jid.clone()));
        rows
    }

    fn room_changed(&mut self, jid: &BareJid) {
        if let Some(room) = self.rooms.get(jid) {
            let room = self.room_row(jid, room);
            self.update(Update::Room(RoomUpdate::Changed { room }));
        }
    }

    pub(super) fn room_command(&mut self, command: RoomCommand) {
        match command {
            RoomCommand::Join { room, nick, password } => {
                let nick =
                    nick.map(|nick| cap(nick.trim().to_owned(), MAX_NAME)).filter(|nick| !nick.is_empty());
                let Some(known) = self.room(&room) else {
                    return self.reject("join room", "Too many rooms are known. Leave some first.", None);
                };
                if matches!(known.state, RoomState::Joined { .. } | RoomState::Joining) {
                    return;
                }
                known.nick = nick.unwrap_or_else(|| known.nick.clone());
                known.password = password.or(known.password.take());
                self.want_room(&room);
            }
            RoomCommand::Leave { room } => self.leave(&room),
        }
    }

    /// Joins a room now or, without a connection, at the next sign-in.
    pub(super) fn want_room(&mut self, jid: &BareJid) {
        let Some(room) = self.room(jid) else { return };
        room.wanted = true;
        room.tried_other_nick = false;
        if self.is_online() {
            self.join(jid);
        } else {
            self.reject(
                "join room",
                "You are not connected. The room is joined when you are signed in.",
                None,
            );
        }
    }

    pub(super) fn join_wanted_rooms(&mut self) {
        if !self.may(Capability::GroupChat) {
            return;
        }
        for jid in self.policy.capabilities().default_rooms.clone() {
            if let Some(room) = self.room(&jid) {
                room.wanted = true;
            }
        }
        let wanted: Vec<_> =
            self.rooms.iter().filter(|(_, room)| room.wanted).map(|(jid, _)| jid.clone()).collect();
        for jid in wanted {
            self.join(&jid);
        }
    }

    /// Joins default rooms that policy names now and did not name before: who left one stays out of it until the
    /// next sign-in.
    pub(super) fn join_default_rooms(&mut self, before: &[BareJid]) {
        if !self.may(Capability::GroupChat) {
            return;
        }
        for jid in self.policy.capabilities().default_rooms.clone() {
            let new = !before.contains(&jid);
            if new
                && self.is_online()
                && self.room(&jid).is_some_and(|room| room.state == RoomState::NotJoined)
            {
                self.want_room(&jid);
            }
        }
    }

    fn join(&mut self, jid: &BareJid) {
        let since = self.chats.get(&ConversationId::Room(jid.clone())).and_then(|chat| chat.heard);
        let Some(room) = self.room(jid) else { return };
        room.state = RoomState::Joining;
        room.occupants.clear();
        room.ready = false;
        room.first_visit = since.is_none();
        let (nick, password) = (room.nick.clone(), room.password.clone());
        self.send(Outbound::JoinRoom { room: jid.clone(), nick, password, since });
        self.timer(TimerId::RoomJoinTimeout(jid.clone()), JOIN_MS);
        self.room_changed(jid);
    }

    fn leave(&mut self, jid: &BareJid) {
        let Some(room) = self.rooms.get_mut(jid) else { return };
        room.wanted = false;
        self.send_leave(jid);
        self.out_of_room(jid, RoomState::NotJoined);
        self.keep_joined(jid, false);
    }

    /// Remembers whether to join again after a restart.
    fn keep_joined(&mut self, jid: &BareJid, joined: bool) {
        let id = ConversationId::Room(jid.clone());
        if !joined && !self.chats.contains_key(&id) {
            return;
        }
        let title = self.rooms.get(jid).and_then(|room| room.name.clone());
        let chat = self.chats.entry(id.clone()).or_default();
        if chat.joined != joined || (title.is_some() && chat.title != title) {
            chat.joined = joined;
            chat.title = title.or(chat.title.take());
            self.persist_conversation(&id);
            self.conversation_changed(&id);
        }
    }

    fn out_of_room(&mut self, jid: &BareJid, state: RoomState) {
        if let Some(room) = self.rooms.get_mut(jid) {
            room.state = state;
            room.occupants.clear();
            room.ready = false;
            self.effect(Effect::CancelTimer(TimerId::RoomJoinTimeout(jid.clone())));
            self.room_changed(jid);
        }
    }

    /// Rooms end with the stream; those that we want to be in are joined again on the next one.
    pub(super) fn leave_all_rooms(&mut self) {
        let inside = |room: &Room| matches!(room.state, RoomState::Joined { .. } | RoomState::Joining);
        let rooms: Vec<_> =
            self.rooms.iter().filter(|(_, room)| inside(room)).map(|(jid, _)| jid.clone()).collect();
        for jid in rooms {
            self.out_of_room(&jid, RoomState::NotJoined);
        }
    }

    /// Rooms are not allowed any more: out of all of them, and back when they are allowed again.
    pub(super) fn close_rooms(&mut self) {
        let rooms: Vec<_> =
            self.rooms.iter().filter(|(_, room)| room.wanted).map(|(jid, _)| jid.clone()).collect();
        for jid in rooms {
            self.send_leave(&jid);
            self.fail_waiting(&ConversationId::Room(jid.clone()), NOT_ALLOWED);
            self.out_of_room(&jid, RoomState::Failed { reason: NOT_ALLOWED.to_owned() });
        }
    }

    /// Tells the room that we leave it, or that we no longer want to come in.
    fn send_leave(&mut self, jid: &BareJid) {
        let Some(room) = self.rooms.get(jid) else { return };
        let nick = room.nick().unwrap_or_else(|| room.nick.clone());
        let inside = matches!(room.state, RoomState::Joined { .. } | RoomState::Joining);
        if inside && self.is_online() {
            self.send(Outbound::LeaveRoom { room: jid.clone(), nick });
        }
    }

    pub(super) fn room_joined(&mut self, jid: BareJid, nick: String) {
        let allowed = self.may(Capability::GroupChat);
        let Some(room) = self.rooms.get_mut(&jid).filter(|room| room.wanted && allowed) else { return };
        let again = matches!(room.state, RoomState::Joined { .. });
        let nick = cap(nick, MAX_NAME);
        if again && room.nick().as_ref() == Some(&nick) {
            return;
        }
        room.state = RoomState::Joined { nick };
        room.proven = true;
        self.room_changed(&jid);
        if !again {
            self.timer(TimerId::RoomJoinTimeout(jid.clone()), READY_MS);
            self.keep_joined(&jid, true);
            self.catch_up(Some(jid));
        }
    }

    pub(super) fn join_failed(&mut self, jid: BareJid, nick_taken: bool, reason: String) {
        let Some(room) = self.rooms.get_mut(&jid).filter(|room| room.state == RoomState::Joining) else {
            return;
        };
        if nick_taken && !room.tried_other_nick {
            room.tried_other_nick = true;
            room.nick.push('_');
            return self.join(&jid);
        }
        // Still wanted: the next sign-in tries once more, the reason may have been the connection.
        self.out_of_room(&jid, RoomState::Failed { reason });
    }

    pub(super) fn room_timeout(&mut self, jid: &BareJid) {
        match self.rooms.get(jid).map(|room| &room.state) {
            Some(RoomState::Joining) => {
                let reason = "The room did not answer. Try to join it again.".to_owned();
                self.out_of_room(jid, RoomState::Failed { reason });
            }
            Some(RoomState::Joined { .. }) => self.room_ready(jid),
            _ => {}
        }
    }

    fn room_ready(&mut self, jid: &BareJid) {
        let Some(room) = self.rooms.get_mut(jid) else { return };
        if !std::mem::replace(&mut room.ready, true) {
            self.send_what_waits();
            self.send_owed_markers();
        }
    }

    pub(super) fn room_left(&mut self, jid: BareJid, reason: Option<String>) {
        let Some(room) = self.rooms.get_mut(&jid) else { return };
        let state = match reason {
            Some(reason) => {
                room.wanted = false;
                self.fail_waiting(&ConversationId::Room(jid.clone()), &reason);
                RoomState::Failed { reason }
            }
            // The answer to our own leaving: the state was told then.
            None if !matches!(room.state, RoomState::Joined { .. } | RoomState::Joining) => return,
            None => RoomState::NotJoined,
        };
        let wanted = self.rooms.get(&jid).is_some_and(Room::is_wanted);
        self.out_of_room(&jid, state);
        self.keep_joined(&jid, wanted);
    }

    /// While joining, occupants are only collected: the row that says "joined" carries them all.
    pub(super) fn occupant_changed(&mut self, jid: BareJid, mut occupant: OccupantRow) {
        let Some(room) = self.rooms.get_mut(&jid) else { return };
        occupant.nick = cap(occupant.nick, MAX_NAME);
        let fits = room.occupants.len() < MAX_OCCUPANTS || room.occupants.contains_key(&occupant.nick);
        let inside = matches!(room.state, RoomState::Joined { .. } | RoomState::Joining);
        if !fits || !inside || room.occupants.get(&occupant.nick) == Some(&occupant) {
            return;
        }
        room.occupants.insert(occupant.nick.clone(), occupant.clone());
        if room.state != RoomState::Joining {
            self.update(Update::Room(RoomUpdate::OccupantChanged { room: jid, occupant }));
        }
    }

    pub(super) fn occupant_left(&mut self, jid: BareJid, nick: &str) {
        let Some(room) = self.rooms.get_mut(&jid) else { return };
        let joined = room.state != RoomState::Joining;
        if room.occupants.remove(nick).is_some() && joined {
            self.peer_typing(&ConversationId::Room(jid.clone()), nick.to_owned(), false);
            self.update(Update::Room(RoomUpdate::OccupantLeft { room: jid, nick: nick.to_owned() }));
        }
    }

    pub(super) fn room_subject(&mut self, jid: BareJid, subject: String) {
        let Some(room) = self.rooms.get_mut(&jid) else { return };
        let subject = cap(subject, MAX_NAME);
        let joined = matches!(room.state, RoomState::Joined { .. });
        if room.subject != subject {
            room.subject = subject;
            self.room_changed(&jid);
        }
        if joined {
            self.room_ready(&jid);
        }
    }

    pub(super) fn room_named(&mut self, jid: BareJid, name: String) {
        if self.name_room(&jid, name) {
            self.room_changed(&jid);
        }
    }

    pub(super) fn rooms_listed(&mut self, rooms: Vec<(BareJid, String)>) {
        let many = rooms.len() > 50;
        for (jid, name) in rooms {
            let new = !self.rooms.contains_key(&jid);
            if let Some(room) = self.room(&jid) {
                room.proven = true;
            }
            let changed = self.name_room(&jid, name);
            if (new || changed) && !many {
                self.room_changed(&jid);
            }
        }
        if many {
            self.update(Update::Room(RoomUpdate::Reset { rooms: self.room_rows() }));
        }
    }

    fn name_room(&mut self, jid: &BareJid, name: String) -> bool {
        let name = cap(name.trim().to_owned(), MAX_NAME);
        let Some(room) = self.rooms.get_mut(jid) else { return false };
        if name.is_empty() || room.name.as_ref() == Some(&name) {
            return false;
        }
        room.name = Some(name);
        let id = ConversationId::Room(jid.clone());
        if let Some(chat) = self.chats.get(&id) {
            let joined = chat.joined;
            self.keep_joined(jid, joined);
        }
        true
    }

    pub(super) fn room_invited(
        &mut self,
        jid: BareJid,
        by: Option<Jid>,
        reason: String,
        password: Option<Private>,
    ) {
        if !self.may(Capability::GroupChat) {
            return;
        }
        let invited = self.rooms.values().filter(|room| !room.proven && !room.wanted).count();
        if invited >= MAX_INVITED && !self.rooms.contains_key(&jid) {
            return;
        }
        let Some(room) = self.room(&jid) else { return };
        if matches!(room.state, RoomState::Joined { .. }) {
            return;
        }
        if !room.wanted {
            room.password = password.or(room.password.take());
        }
        self.room_changed(&jid);
        let reason = cap(reason, MAX_NAME);
        self.update(Update::Room(RoomUpdate::Invited { room: jid, by, reason }));
    }
}
