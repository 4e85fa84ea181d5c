//! The rooms of the chats: made, joined, watched, written down, closed.

use super::Service;
use crate::journal::{JournalRecord, Line, LineKind, SessionAgent, Text};
use crate::metrics::Metrics;
use crate::xml::{
    CLIENT, Condition, FORMS, MUC, MUC_OWNER, MUC_USER, Request, el, iq_set, leaf, message, ms, occupant,
    presence,
};
use flint_fastpath_protocol::{history, stamp};
use flint_fastpath_routing::{Event, Phase, SessionId, Timestamp};
use jid::{BareJid, FullJid, Jid};
use minidom::Element;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Longest text of one line that is written down, in bytes.
const MAX_LINE: usize = 10_000;
/// Most that is said in one chat and written down; what is said later is not kept, and one more line says so.
const MAX_SAID: usize = 5_000;
/// Most comings and goings of one chat that are written down.
const MAX_MOVES: usize = 1_000;
/// Most lines that there are of one chat.
pub(crate) const MAX_STORED: usize = MAX_SAID + 1 + MAX_MOVES;
/// Longest nickname that is written down, in bytes.
const MAX_NICK: usize = 200;
/// Most people of one room that are watched.
const MAX_OCCUPANTS: usize = 50;

/// Lines of a chat that are remembered, to know again what a room repeats.
const MAX_RECENT: usize = 200;
/// How far apart the clocks of the room service and of this one may be, in milliseconds.
const SKEW_MS: u64 = 60_000;

/// Marks of the newest lines, for [`MAX_RECENT`] of them.
pub(crate) fn recent(lines: &[Line]) -> VecDeque<u64> {
    let said = lines.iter().filter(|line| line.kind == LineKind::Message);
    let newest = said.rev().take(MAX_RECENT).map(|line| mark(&line.nick, &line.text.0));
    newest.collect::<Vec<_>>().into_iter().rev().collect()
}

/// What makes a line known again; the room service's stamps can't, because its clock is another one.
fn mark(nick: &str, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (nick, text).hash(&mut hasher);
    hasher.finish()
}

/// One room.
pub(super) struct Room {
    pub(super) jid: BareJid,
    /// Our address toward the room, `W/name`; invitations go out from the bare one so that they come from `W`.
    pub(super) own: FullJid,
    pub(super) stage: Stage,
    pub(super) occupants: BTreeMap<String, Occupant>,
    /// Agents to invite as soon as the room is ready.
    pub(super) invite: Vec<FullJid>,
    /// Handovers whose person is called once more as soon as the room is ready.
    pub(super) call: Vec<SessionId>,
    /// We had been there before this connection.
    again: bool,
    /// Marks of lines that it may repeat, each once.
    known: VecDeque<u64>,
}

/// Somebody in a room.
pub(super) struct Occupant {
    pub(super) jid: FullJid,
    pub(super) joined: Timestamp,
    person: Person,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Person {
    Agent,
    Customer,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Our presence is on its way; `again` when we had been there before.
    Joining {
        again: bool,
    },
    /// The room is new and locked until it is configured.
    Configuring,
    Ready,
}

impl Service {
    /// Makes or enters the room of a visit; an agent is invited together with the customer.
    pub(super) fn open_room(&mut self, session: &SessionId, agent: Option<FullJid>) {
        let Some(visit) = self.visits.get(session) else { return };
        if let Some(room) = self.rooms.get_mut(session) {
            room.invite.extend(agent);
            if room.stage == Stage::Ready {
                self.send_invitations(session);
            }
            return;
        }
        let Some(workgroup) = self.address(&visit.summary.workgroup) else { return };
        let Some(own) = occupant(&workgroup) else { return };
        let Ok(jid) = BareJid::new(&format!("{session}@{}", self.config.conference)) else { return };
        let nick = own.resource().as_str();
        let known = visit.recent.clone();
        // What was said while we were away is asked for, and nothing else.
        let history = el("history", MUC);
        let history = match (agent.is_none(), visit.last_line) {
            (true, last) if last > Timestamp::default() => {
                history.attr("since", stamp::utc(ms(last).saturating_sub_unsigned(SKEW_MS)))
            }
            _ => history.attr("maxstanzas", "0"),
        };
        let join = el("x", MUC).child(history);
        let stanza = presence(own.as_str(), &format!("{jid}/{nick}"), None).child(join);
        self.send(stanza);
        let again = agent.is_none();
        let stage = Stage::Joining { again };
        let room = Room {
            jid,
            own,
            stage,
            occupants: BTreeMap::new(),
            invite: agent.into_iter().collect(),
            call: Vec::new(),
            known,
            again,
        };
        self.rooms.insert(session.clone(), room);
    }

    /// Anything that comes from the conference service.
    pub(super) fn conference_stanza(&mut self, stanza: &Element, from: &Jid, now: Timestamp) {
        let session = from.node().map(|node| SessionId(node.as_str().to_owned()));
        let Some(session) = session.filter(|session| self.rooms.contains_key(session)) else {
            // Echoes of rooms that were just closed; a request is answered all the same.
            return self.answer_from_room(stanza, from);
        };
        match (stanza.name(), stanza.attr("type")) {
            ("iq", Some("result" | "error")) => self.configured_room(stanza, &session, now),
            ("iq", _) => self.answer_from_room(stanza, from),
            ("presence", kind) => {
                let nick = from.resource().map(|nick| nick.as_str().to_owned());
                self.room_presence(stanza, &session, nick, kind, now);
            }
            ("message", Some("groupchat")) => self.room_message(stanza, &session, from, now),
            ("message", kind) if kind != Some("error") => {
                self.declined_invitation(stanza, &session, from, now)
            }
            _ => {}
        }
    }

    fn answer_from_room(&mut self, stanza: &Element, from: &Jid) {
        let to = stanza.attr("to").and_then(|to| Jid::new(to).ok());
        let asks = stanza.name() == "iq" && matches!(stanza.attr("type"), Some("get" | "set"));
        if let (true, Some(to), Some(id), Some(payload)) =
            (asks, to, stanza.attr("id"), stanza.children().next())
        {
            let request =
                Request { from: from.clone(), to, id: id.to_owned(), set: false, payload: payload.clone() };
            self.refuse(&request, Condition::ServiceUnavailable, None);
        }
    }

    fn configured_room(&mut self, stanza: &Element, session: &SessionId, now: Timestamp) {
        let ours = stanza.attr("id") == Some(format!("config:{session}").as_str());
        let waits = self.rooms.get(session).is_some_and(|room| room.stage == Stage::Configuring);
        if !ours || !waits {
            return;
        }
        if stanza.attr("type") == Some("error") {
            return self.room_lost(session, now);
        }
        if self.rooms.get(session).is_some_and(|room| room.again) {
            return self.room_renewed(session, now);
        }
        self.room_ready(session, now, false);
    }

    /// The room can't be used (any more).
    fn room_lost(&mut self, session: &SessionId, now: Timestamp) {
        self.rooms.remove(session);
        self.tell(Event::RoomLost { session: session.clone() }, now);
    }

    fn room_presence(
        &mut self,
        stanza: &Element,
        session: &SessionId,
        nick: Option<String>,
        kind: Option<&str>,
        now: Timestamp,
    ) {
        let Some(room) = self.rooms.get(session) else { return };
        let own = room.own.resource().as_str().to_owned();
        let again = room.stage == Stage::Joining { again: true };
        let x = stanza.get_child("x", MUC_USER);
        let codes: Vec<&str> = x
            .into_iter()
            .flat_map(Element::children)
            .filter(|child| child.is("status", MUC_USER))
            .filter_map(|status| status.attr("code"))
            .collect();
        let myself = codes.contains(&"110") || nick.as_deref() == Some(own.as_str());
        match kind {
            Some("error") => {
                if matches!(room.stage, Stage::Joining { .. }) {
                    self.room_lost(session, now);
                }
            }
            Some("unavailable") if myself => self.room_lost(session, now),
            None if myself => {
                let joining = matches!(room.stage, Stage::Joining { .. });
                if joining && codes.contains(&"201") {
                    self.configure_room(session);
                } else if joining {
                    self.room_ready(session, now, again);
                }
            }
            None => {
                let item = x.and_then(|x| x.get_child("item", MUC_USER));
                let jid = item.and_then(|item| item.attr("jid")).and_then(|jid| FullJid::new(jid).ok());
                if let (Some(nick), Some(jid)) = (nick, jid) {
                    self.entered(session, nick, jid, !again, now);
                }
            }
            Some("unavailable") => {
                let new_nick = x
                    .and_then(|x| x.get_child("item", MUC_USER))
                    .and_then(|item| item.attr("nick"))
                    .filter(|_| codes.contains(&"303"))
                    .map(str::to_owned);
                if let Some(nick) = nick {
                    self.left(session, &nick, new_nick, now);
                }
            }
            Some(_) => self.drop_stanza(),
        }
    }

    fn configure_room(&mut self, session: &SessionId) {
        let Some(room) = self.rooms.get_mut(session) else { return };
        room.stage = Stage::Configuring;
        let fields = [
            ("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig"),
            ("muc#roomconfig_publicroom", "0"),
            ("muc#roomconfig_persistentroom", "0"),
            ("muc#roomconfig_membersonly", "0"),
            ("muc#roomconfig_moderatedroom", "0"),
            ("muc#roomconfig_changesubject", "1"),
            ("muc#roomconfig_whois", "moderators"),
        ];
        let form = el("x", FORMS).attr("type", "submit").children(
            fields.map(|(var, value)| el("field", FORMS).attr("var", var).child(leaf("value", FORMS, value))),
        );
        let (from, to) = (Jid::from(room.own.clone()), Jid::from(room.jid.clone()));
        let stanza = iq_set(&from, &to, &format!("config:{session}"), el("query", MUC_OWNER).child(form));
        self.send(stanza);
    }

    fn room_ready(&mut self, session: &SessionId, now: Timestamp, again: bool) {
        let Some(room) = self.rooms.get_mut(session) else { return };
        room.stage = Stage::Ready;
        if room.invite.is_empty() {
            self.compare_occupants(session, now);
        } else {
            self.send_invitations(session);
            if again {
                self.compare_occupants(session, now);
            }
        }
        self.call_people(session);
    }

    /// We come back, and the room service has forgotten the room: nobody has left, and everybody is invited again.
    fn room_renewed(&mut self, session: &SessionId, now: Timestamp) {
        let Some(room) = self.rooms.get_mut(session) else { return };
        room.stage = Stage::Ready;
        room.again = false;
        let waits = !room.invite.is_empty();
        let inside: Vec<(FullJid, Person)> =
            room.occupants.values().map(|occupant| (occupant.jid.clone(), occupant.person)).collect();
        self.tell(Event::RoomRenewed { session: session.clone() }, now);
        for (agent, person) in inside {
            match person {
                Person::Agent => self.tell(Event::AgentEntered { session: session.clone(), agent }, now),
                Person::Customer => self.tell(Event::CustomerEntered { session: session.clone() }, now),
                Person::Other => None,
            };
        }
        if waits {
            self.send_invitations(session);
        }
        self.call_people(session);
    }

    /// We were away: whoever left meanwhile has left now.
    fn compare_occupants(&mut self, session: &SessionId, now: Timestamp) {
        let (Some(view), Some(room)) = (self.router.customer(session), self.rooms.get(session)) else {
            return;
        };
        // A process that died a moment ago may have made the room anew: then nobody has left it. Whoever has is asked
        // once too often, which is better than a chat that is lost.
        let customers = |occupant: &Occupant| occupant.person == Person::Customer;
        let missing = view.customer_inside && !room.occupants.values().any(customers);
        if self.blinked && room.again && (room.occupants.is_empty() || missing) {
            return self.room_renewed(session, now);
        }
        let inside = |person: Person| room.occupants.values().any(|occupant| occupant.person == person);
        let lost_customer = view.customer_inside && !inside(Person::Customer);
        let there = |jid: &FullJid| room.occupants.values().any(|occupant| occupant.jid == *jid);
        // Guests first: whoever is not there can't have the customer when the holder goes.
        let ghosts: Vec<FullJid> = match view.phase {
            Phase::Active { guests, .. } => guests.iter().filter(|guest| !there(guest)).cloned().collect(),
            _ => Vec::new(),
        };
        let lost_agent = match view.phase {
            Phase::Active { agent, .. } if !there(agent) => Some(agent.clone()),
            _ => None,
        };
        if lost_customer {
            self.tell(Event::CustomerLeftRoom { session: session.clone() }, now);
        }
        for agent in ghosts.into_iter().chain(lost_agent) {
            self.tell(Event::AgentLeftRoom { session: session.clone(), agent }, now);
        }
    }

    fn entered(&mut self, session: &SessionId, nick: String, jid: FullJid, write: bool, now: Timestamp) {
        let Some(visit) = self.visits.get_mut(session) else { return };
        let Some(room) = self.rooms.get_mut(session) else { return };
        if room.occupants.contains_key(&nick) || room.occupants.len() >= MAX_OCCUPANTS {
            return;
        }
        let person = if visit.client.to_bare() == jid.to_bare() {
            Person::Customer
        } else if self.config.is_agent(&jid.to_bare()) {
            Person::Agent
        } else {
            Person::Other
        };
        room.occupants.insert(nick.clone(), Occupant { jid: jid.clone(), joined: now, person });
        if write {
            self.write_line(session, now, LineKind::Joined, &nick, Some(jid.to_bare()), String::new());
        }
        match person {
            Person::Agent => {
                self.tell(Event::AgentEntered { session: session.clone(), agent: jid.clone() }, now);
                self.agent_came(session, &jid.to_bare(), now);
            }
            Person::Customer => {
                self.tell(Event::CustomerEntered { session: session.clone() }, now);
            }
            Person::Other => {}
        }
    }

    fn agent_came(&mut self, session: &SessionId, agent: &BareJid, now: Timestamp) {
        let Some(visit) = self.visits.get_mut(session) else { return };
        let agents = &mut visit.summary.agents;
        if agents.iter().any(|entry| entry.agent == *agent && entry.left.is_none()) {
            return;
        }
        agents.push(SessionAgent { agent: agent.clone(), joined: now, left: None });
        visit.summary.started.get_or_insert(now);
        self.records.push(JournalRecord::Session(visit.summary.clone()));
    }

    fn left(&mut self, session: &SessionId, nick: &str, new_nick: Option<String>, now: Timestamp) {
        let Some(room) = self.rooms.get_mut(session) else { return };
        let Some(occupant) = room.occupants.remove(nick) else { return };
        if let Some(new_nick) = new_nick {
            room.occupants.insert(new_nick, occupant);
            return;
        }
        let still = room.occupants.values().any(|other| other.jid == occupant.jid);
        self.write_line(session, now, LineKind::Left, nick, Some(occupant.jid.to_bare()), String::new());
        if still {
            return;
        }
        let session = session.clone();
        match occupant.person {
            Person::Agent => {
                let agent = occupant.jid;
                if let Some(visit) = self.visits.get_mut(&session) {
                    let entries = visit.summary.agents.iter_mut();
                    for entry in entries.filter(|entry| entry.agent == agent.to_bare()) {
                        entry.left.get_or_insert(now);
                    }
                    self.records.push(JournalRecord::Session(visit.summary.clone()));
                }
                self.tell(Event::AgentLeftRoom { session, agent }, now);
            }
            Person::Customer => {
                self.tell(Event::CustomerLeftRoom { session }, now);
            }
            Person::Other => {}
        }
    }

    fn room_message(&mut self, stanza: &Element, session: &SessionId, from: &Jid, now: Timestamp) {
        let Some(nick) = from.resource().map(|nick| nick.as_str().to_owned()) else { return };
        let Some(mut body) = stanza.get_child("body", CLIENT).map(Element::text) else { return };
        body.truncate(body.floor_char_boundary(MAX_LINE));
        let Some(room) = self.rooms.get_mut(session) else { return };
        if nick == room.own.resource().as_str() {
            return;
        }
        // Lines that the room repeats are either written down already, or were said while we were away.
        let mut at = now;
        if stanza.get_child("delay", "urn:xmpp:delay").is_some() {
            let said = history::delay(stanza).and_then(|at| u64::try_from(at).ok()).map(Timestamp);
            let last = self.visits.get(session).map_or(now, |visit| visit.last_line);
            if let Some(place) = room
                .known
                .iter()
                .position(|known| *known == mark(&nick[..nick.floor_char_boundary(MAX_NICK)], &body))
            {
                room.known.remove(place);
                return;
            }
            // Rooms stamp in whole seconds.
            let asked_for = |said: &Timestamp| said.0 / 1_000 >= last.0.saturating_sub(SKEW_MS) / 1_000;
            match said.filter(|said| room.again && asked_for(said)) {
                Some(said) => at = said.max(last).min(now),
                None => return,
            }
        }
        let jid = room.occupants.get(&nick).map(|occupant| occupant.jid.to_bare());
        self.write_line(session, at, LineKind::Message, &nick, jid, body);
    }

    fn declined_invitation(&mut self, stanza: &Element, session: &SessionId, from: &Jid, now: Timestamp) {
        let decline = stanza.get_child("x", MUC_USER).and_then(|x| x.get_child("decline", MUC_USER));
        let who =
            decline.and_then(|it| it.attr("from")).and_then(|who| BareJid::new(who.split('/').next()?).ok());
        let customer = self.visits.get(session).map(|visit| visit.client.to_bare());
        if from.resource().is_none() && who.is_some() && who == customer {
            self.tell(Event::CustomerDeparted { session: session.clone() }, now);
        }
    }

    fn write_line(
        &mut self,
        session: &SessionId,
        at: Timestamp,
        kind: LineKind,
        nick: &str,
        jid: Option<BareJid>,
        text: String,
    ) {
        let Some(visit) = self.visits.get_mut(session) else { return };
        let (count, most) = match kind {
            LineKind::Message => (&mut visit.said, MAX_SAID),
            LineKind::Joined | LineKind::Left => (&mut visit.moves, MAX_MOVES),
        };
        *count = count.saturating_add(1);
        let (mut nick, mut jid, mut text) = (nick, jid, text);
        if *count > most {
            Metrics::add(&self.metrics.lines_dropped_total, 1);
            if kind != LineKind::Message || *count > most + 1 {
                return;
            }
            nick = &visit.summary.workgroup;
            jid = None;
            text = "The chat is too long. What is said later is not kept.".to_owned();
        }
        let nick = &nick[..nick.floor_char_boundary(MAX_NICK)];
        let mark = (kind == LineKind::Message).then(|| mark(nick, &text));
        let line = Line { session: session.clone(), at, kind, nick: nick.to_owned(), jid, text: Text(text) };
        self.records.push(JournalRecord::Line(line));
        if let Some(visit) = self.visits.get_mut(session) {
            visit.last_line = visit.last_line.max(at);
            if let Some(mark) = mark {
                if visit.recent.len() >= MAX_RECENT {
                    visit.recent.pop_front();
                }
                visit.recent.push_back(mark);
            }
        }
    }

    /// Says something to everybody in the room.
    pub(super) fn say_in_room(&mut self, session: &SessionId, text: &str) {
        let Some(room) = self.rooms.get(session).filter(|room| !room.occupants.is_empty()) else { return };
        let stanza = message(room.own.as_str(), room.jid.as_str())
            .attr("type", "groupchat")
            .child(leaf("body", CLIENT, text));
        self.send(stanza);
    }

    /// The chat is over: whoever is left is told, and the room goes.
    pub(super) fn close_room(&mut self, session: &SessionId, text: &str) {
        self.say_in_room(session, text);
        let Some(room) = self.rooms.remove(session) else { return };
        let destroy = el("destroy", MUC_OWNER).child(leaf("reason", MUC_OWNER, text));
        let (from, to) = (Jid::from(room.own), Jid::from(room.jid));
        let stanza = iq_set(&from, &to, &format!("destroy:{session}"), el("query", MUC_OWNER).child(destroy));
        self.send(stanza);
    }
}
