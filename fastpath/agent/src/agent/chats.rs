//! Chats with customers: the room, who is in it, what is said.

use super::{Agent, Request, cancel, rejected, send, stanza, timer};
use crate::update::{AgentUpdate, ChatLine, CustomerChatRow, OfferEnd};
use crate::wire::{AgentEffect, AgentOutput, Extension};
use flint_core::ids::Timestamp;
use flint_core::secret::Private;
use flint_fastpath_protocol::history;
use flint_fastpath_protocol::room::OccupantsInfo;
use flint_fastpath_protocol::{Condition, limits};
use jid::{BareJid, FullJid, Jid};
use minidom::Element;
use std::collections::{BTreeMap, VecDeque};

const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
const OLD_EVENTS: &str = "jabber:x:event";
const STANZA_IDS: &str = "urn:xmpp:sid:0";
/// How long entering a room may take.
const ENTER_MS: u64 = 20_000;
/// How long a room may take to say goodbye.
const LEAVE_MS: u64 = 10_000;
/// How long a line may take to come back from the room.
const SETTLE_MS: u64 = 30_000;
/// After this long without a word the customer no longer types.
const TYPING_MS: u64 = 30_000;
/// Other nicknames that we try when ours is taken.
const NICK_TRIES: u32 = 5;
const MAX_BODY: usize = 65_536;
const MAX_OCCUPANTS: usize = 200;
const MAX_SEEN: usize = 1_000;
const MAX_CHATS: usize = 500;

/// Who an occupant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Customer,
    Colleague,
    Workgroup,
    /// Has a colleague's nickname, which anybody can take: the workgroup is asked.
    Unknown,
}

/// One chat.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) row: CustomerChatRow,
    customer: Jid,
    home: BareJid,
    nick: String,
    tries: u32,
    password: Option<Private>,
    inside: bool,
    released: bool,
    occupants: BTreeMap<String, Role>,
    /// What to call whoever was seen, by nickname.
    names: BTreeMap<String, String>,
    /// Own lines that have not come back: stanza ids.
    unsettled: Vec<String>,
    /// Keys of lines that were shown.
    seen: VecDeque<String>,
    last_line: Option<Timestamp>,
    lines: u64,
}

impl Chat {
    /// Not over.
    pub(super) fn runs(&self) -> bool {
        self.row.ended_at.is_none()
    }

    fn occupant(&self) -> Option<FullJid> {
        self.row.room.with_resource_str(&self.nick).ok()
    }

    /// What to call the person of this nickname.
    pub(super) fn name_of<'a>(&'a self, nick: &'a str) -> &'a str {
        self.names.get(nick).map_or(nick, String::as_str)
    }

    /// Is this our own nickname?
    pub(super) fn is_own(&self, nick: &str) -> bool {
        nick == self.nick
    }

    fn name_for(&self, nick: &str, role: Role, colleague: Option<&str>) -> String {
        let alone = !self.occupants.values().any(|role| *role == Role::Customer);
        match (role, colleague) {
            // Where addresses are hidden, only the first who may be the customer is called so.
            (Role::Customer, _) if alone => self.row.customer_name.clone(),
            (Role::Colleague, Some(name)) => name.to_owned(),
            _ => nick.to_owned(),
        }
    }

    fn call(&mut self, nick: &str, name: String) {
        if self.names.len() < MAX_OCCUPANTS || self.names.contains_key(nick) {
            self.names.insert(nick.to_owned(), name);
        }
    }

    fn remember(&mut self, key: String) {
        if self.seen.len() >= MAX_SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(key);
    }

    fn line(&mut self, sender: &str, own: bool, at: Timestamp, body: String, out: &mut AgentOutput) {
        self.lines += 1;
        if self.last_line.is_none_or(|last| last < at) {
            self.last_line = Some(at);
        }
        let line = ChatLine {
            id: format!("{}-{}", self.row.session, self.lines),
            sender: sender.to_owned(),
            own,
            at,
            body: Private(body),
        };
        out.updates.push(AgentUpdate::ChatLine { session: self.row.session.clone(), line });
    }

    fn notice(&mut self, text: String, out: &mut AgentOutput) {
        self.line("", false, out.at, text, out);
    }

    fn changed(&self, out: &mut AgentOutput) {
        out.updates.push(AgentUpdate::Chat { chat: self.row.clone() });
    }
}

impl Agent {
    pub(super) fn chat_of_room(&self, room: &BareJid) -> Option<String> {
        let mut chats = self.chats.iter().filter(|(_, chat)| !chat.released);
        chats.find(|(_, chat)| chat.row.room == *room).map(|(session, _)| session.clone())
    }

    /// The workgroup invited us, or the offer named the room: go in.
    pub(super) fn start_chat(
        &mut self,
        session: &str,
        room: BareJid,
        password: Option<Private>,
        out: &mut AgentOutput,
    ) {
        let Some(accepted) = self.accepted.remove(session) else { return };
        self.close_offer(&accepted.offer, OfferEnd::Accepted, out);
        while self.chats.len() >= MAX_CHATS {
            let Some(old) = self.chats.iter().find(|(_, chat)| chat.released).map(|(id, _)| id.clone())
            else {
                break;
            };
            self.chats.remove(&old);
        }
        let nick = self.account.node().map_or_else(|| "agent".to_owned(), |node| node.to_string());
        let row = CustomerChatRow {
            session: session.to_owned(),
            workgroup: accepted.workgroup.clone(),
            room: room.clone(),
            customer_name: accepted.row.customer_name,
            question: accepted.row.question,
            answers: accepted.row.answers,
            started_at: out.at,
            ended_at: None,
            customer_present: false,
            customer_typing: false,
        };
        // The same chat again, for example handed back to us: its lines go on.
        let (lines, seen, last_line, names) = match self.chats.remove(session) {
            Some(before) => (before.lines, before.seen, before.last_line, before.names),
            None => (0, VecDeque::new(), None, BTreeMap::new()),
        };
        let chat = Chat {
            row,
            customer: accepted.customer,
            home: accepted.home,
            nick,
            tries: 0,
            password,
            inside: false,
            released: false,
            occupants: BTreeMap::new(),
            names,
            unsettled: Vec::new(),
            seen,
            last_line,
            lines,
        };
        chat.changed(out);
        self.chats.insert(session.to_owned(), chat);
        self.enter(session, out);
        self.desk_changed(&accepted.workgroup, out);
    }

    fn enter(&mut self, session: &str, out: &mut AgentOutput) {
        let Some(chat) = self.chats.get_mut(session) else { return };
        let Some(occupant) = chat.occupant() else { return };
        chat.inside = false;
        chat.occupants.clear();
        out.effects.push(AgentEffect::ClaimRoom(chat.row.room.clone()));
        let password = chat.password.as_ref().map(|password| password.0.as_str());
        // One second back: stamps have whole seconds in some rooms; what we know already is recognised by its id.
        let since = chat.last_line.map(|at| at.plus(-1_000));
        out.effects.push(send(&stanza::enter(&occupant, password, since)));
        out.effects.push(timer("room", session, ENTER_MS));
    }

    pub(super) fn room_unanswered(&mut self, session: &str, out: &mut AgentOutput) {
        if self.chats.get(session).is_some_and(|chat| chat.runs() && !chat.inside) {
            out.updates.push(rejected(
                "Enter the chat",
                "The room did not answer. The customer will be offered to somebody again.",
            ));
            self.chat_over(session, None, out);
        }
    }

    pub(super) fn room_presence(
        &mut self,
        session: &str,
        extension: &Extension,
        presence: &Element,
        out: &mut AgentOutput,
    ) {
        let Some(chat) = self.chats.get_mut(session) else { return };
        let nick = extension.from.resource().map(|nick| nick.as_str().to_owned()).unwrap_or_default();
        let x = presence.get_child("x", MUC_USER);
        let status =
            |code: &str| x.is_some_and(|x| x.children().any(|child| child.attr("code") == Some(code)));
        match extension.stanza_type.as_deref() {
            Some("error") => self.enter_refused(session, Condition::read(presence), out),
            Some("unavailable") if status("303") => {
                let item = x.and_then(|x| x.get_child("item", MUC_USER));
                let new = item.and_then(|item| item.attr("nick")).filter(|new| new.len() <= limits::NAME);
                let Some(new) = new.map(str::to_owned) else { return self.drop_stanza() };
                if nick == chat.nick {
                    chat.nick = new;
                } else if let Some(role) = chat.occupants.remove(&nick) {
                    // The old nickname stays known: earlier lines carry it.
                    let name = if chat.name_of(&nick) == nick {
                        new.clone()
                    } else {
                        chat.name_of(&nick).to_owned()
                    };
                    chat.call(&new, name);
                    chat.occupants.insert(new, role);
                }
            }
            Some("unavailable") if nick == chat.nick || status("110") => {
                let reason = x.and_then(|x| x.get_child("item", MUC_USER)).and_then(|item| {
                    item.get_child("reason", MUC_USER)
                        .map(Element::text)
                        .filter(|text| text.len() <= limits::NAME)
                });
                let notice = match reason {
                    Some(reason) if status("307") => format!("You were taken out of the chat: {reason}"),
                    _ => "You left the chat.".to_owned(),
                };
                let notice = chat.runs().then_some(notice);
                self.chat_over(session, notice, out);
                self.release(session, out);
            }
            Some("unavailable") => {
                let role = chat.occupants.remove(&nick);
                let still = chat.occupants.values().any(|role| *role == Role::Customer);
                if role == Some(Role::Customer) && !still {
                    chat.row.customer_present = false;
                    chat.row.customer_typing = false;
                    out.effects.push(cancel("typing", session));
                    chat.changed(out);
                }
                if !matches!(role, None | Some(Role::Workgroup)) && chat.inside && chat.runs() {
                    chat.notice(format!("{} left.", chat.name_of(&nick)), out);
                }
            }
            None if status("110") || nick == chat.nick => {
                chat.nick = nick;
                if !chat.inside {
                    chat.inside = true;
                    out.effects.push(cancel("room", session));
                    chat.row.customer_present = chat.occupants.values().any(|role| *role == Role::Customer);
                    chat.changed(out);
                }
            }
            None => self.occupant_came(session, nick, x, out),
            Some(_) => self.drop_stanza(),
        }
    }

    fn occupant_came(&mut self, session: &str, nick: String, x: Option<&Element>, out: &mut AgentOutput) {
        let Some(chat) = self.chats.get_mut(session) else { return };
        if nick.is_empty() || nick.len() > limits::NAME || chat.occupants.contains_key(&nick) {
            return;
        }
        if chat.occupants.len() >= MAX_OCCUPANTS {
            return self.drop_stanza();
        }
        let item = x.and_then(|x| x.get_child("item", MUC_USER));
        let real =
            item.and_then(|item| item.attr("jid")).and_then(|jid| Jid::new(jid).ok()).map(Jid::into_bare);
        let workgroups = [&chat.row.workgroup, &chat.home];
        let is_workgroup = workgroups.iter().any(|jid| jid.node().is_some_and(|node| node.as_str() == nick));
        let desk = self.desks.get(&chat.row.workgroup);
        let role = match &real {
            Some(real) if *real == chat.customer.to_bare() => Role::Customer,
            Some(real) if workgroups.contains(&real) => Role::Workgroup,
            // Somebody else's address: a colleague or an invited person.
            Some(_) => Role::Colleague,
            // Rooms that hide addresses: by nickname.
            None if is_workgroup => Role::Workgroup,
            None if desk.is_some_and(|desk| desk.colleague(&nick).is_some()) => Role::Unknown,
            None => Role::Customer,
        };
        let colleague =
            real.as_ref().zip(desk).and_then(|(real, desk)| desk.colleague_at(real, &self.account));
        let name = chat.name_for(&nick, role, colleague);
        chat.call(&nick, name.clone());
        chat.occupants.insert(nick, role);
        if role == Role::Unknown {
            let workgroup = chat.row.workgroup.clone();
            let asked = OccupantsInfo { session: session.to_owned(), occupants: Vec::new() };
            let request = Request::Occupants(session.to_owned());
            self.ask("get", &workgroup.into(), asked.element(), request, out);
        }
        let Some(chat) = self.chats.get_mut(session) else { return };
        if !chat.inside {
            return;
        }
        if role == Role::Customer && !chat.row.customer_present {
            chat.row.customer_present = true;
            chat.changed(out);
        }
        if role != Role::Workgroup {
            chat.notice(format!("{name} joined."), out);
        }
    }

    /// Who is who, by real addresses. Whoever is still unknown then is taken for the customer: nobody vouches for more.
    pub(super) fn occupants(&mut self, session: &str, payload: Option<&Element>, out: &mut AgentOutput) {
        let Some(chat) = self.chats.get_mut(session).filter(|chat| chat.runs()) else { return };
        let info = payload.and_then(|payload| OccupantsInfo::read(payload).ok());
        let info = info.filter(|info| info.session == session).map(|info| info.occupants).unwrap_or_default();
        let desk = self.desks.get(&chat.row.workgroup);
        let unknown: Vec<String> = chat
            .occupants
            .iter()
            .filter(|(_, role)| **role == Role::Unknown)
            .map(|(nick, _)| nick.clone())
            .collect();
        for nick in unknown {
            let real =
                info.iter().find(|occupant| occupant.nick == nick).map(|occupant| occupant.jid.to_bare());
            let colleague =
                real.as_ref().zip(desk).and_then(|(real, desk)| desk.colleague_at(real, &self.account));
            let role = if colleague.is_some() { Role::Colleague } else { Role::Customer };
            let name = chat.name_for(&nick, role, colleague);
            chat.call(&nick, name);
            chat.occupants.insert(nick, role);
        }
        let present = chat.inside && chat.occupants.values().any(|role| *role == Role::Customer);
        if chat.row.customer_present != present {
            chat.row.customer_present = present;
            chat.changed(out);
        }
    }

    fn enter_refused(&mut self, session: &str, condition: Option<Condition>, out: &mut AgentOutput) {
        let Some(chat) = self.chats.get_mut(session).filter(|chat| !chat.inside && chat.runs()) else {
            return;
        };
        if condition == Some(Condition::Conflict) && chat.tries < NICK_TRIES {
            chat.tries += 1;
            let base = self.account.node().map_or_else(|| "agent".to_owned(), |node| node.to_string());
            chat.nick = format!("{base} ({})", chat.tries + 1);
            self.enter(session, out);
            return;
        }
        out.updates.push(rejected(
            "Enter the chat",
            "The room did not let you in. The chat may be over already; wait for the next customer.",
        ));
        self.chat_over(session, None, out);
        self.release(session, out);
    }

    pub(super) fn room_message(
        &mut self,
        session: &str,
        extension: &Extension,
        message: &Element,
        out: &mut AgentOutput,
    ) {
        let Some(chat) = self.chats.get_mut(session) else { return };
        let nick = extension.from.resource().map(|nick| nick.as_str().to_owned()).unwrap_or_default();
        if extension.stanza_type.as_deref() == Some("error") {
            if let Some(id) = &extension.id
                && chat.unsettled.contains(id)
            {
                let name = format!("{session}:{id}");
                out.effects.push(cancel("say", &name));
                self.line_unsettled(&name, out);
            }
            return;
        }
        let body = message.children().find(|child| child.name() == "body" && child.ns() == message.ns());
        let group = extension.stanza_type.as_deref() == Some("groupchat");
        let from_customer = chat.occupants.get(&nick) == Some(&Role::Customer);
        let Some(body) = body.map(Element::text).filter(|_| group && !nick.is_empty()) else {
            if from_customer && let Some(typing) = typing_signal(message) {
                self.typing(session, typing, out);
            }
            return;
        };
        if body.is_empty() || body.len() > MAX_BODY || !chat.runs() {
            return;
        }
        let own = nick == chat.nick;
        let room = chat.row.room.to_string();
        if own
            && let Some(id) = &extension.id
            && let Some(place) = chat.unsettled.iter().position(|known| known == id)
        {
            chat.unsettled.remove(place);
            out.effects.push(cancel("say", &format!("{session}:{id}")));
            if let Some(key) = room_key(message, &room) {
                chat.remember(key);
            }
            return;
        }
        let delayed = history::delay(message);
        let key = room_key(message, &room).or_else(|| extension.id.as_ref().map(|id| format!("{nick}/{id}")));
        if let Some(key) = key {
            if chat.seen.contains(&key)
                || own && extension.id.as_ref().is_some_and(|id| chat.seen.contains(id))
            {
                return;
            }
            chat.remember(key);
        }
        if delayed.is_none() && from_customer {
            self.typing(session, false, out);
        }
        let own_name = self.own_shown(session).filter(|_| own);
        if let Some(chat) = self.chats.get_mut(session) {
            let sender = own_name.unwrap_or_else(|| chat.name_of(&nick).to_owned());
            chat.line(&sender, own, delayed.map_or(out.at, Timestamp), body, out);
        }
    }

    /// How the workgroup of a chat calls ourselves.
    fn own_shown(&self, session: &str) -> Option<String> {
        let desk = self.desks.get(&self.chats.get(session)?.row.workgroup)?;
        desk.own_name().map(str::to_owned)
    }

    pub(super) fn typing(&mut self, session: &str, typing: bool, out: &mut AgentOutput) {
        let Some(chat) = self.chats.get_mut(session).filter(|chat| chat.runs()) else { return };
        if typing {
            out.effects.push(timer("typing", session, TYPING_MS));
        } else if chat.row.customer_typing {
            out.effects.push(cancel("typing", session));
        }
        if chat.row.customer_typing != typing {
            chat.row.customer_typing = typing;
            chat.changed(out);
        }
    }

    pub(super) fn say(&mut self, session: &str, body: &Private, out: &mut AgentOutput) {
        const WHAT: &str = "Write to the customer";
        let id = self.next_id();
        let online = self.me.is_some();
        let own_name = self.own_shown(session);
        let Some(chat) = self.chats.get_mut(session).filter(|chat| chat.runs()) else {
            out.updates.push(rejected(WHAT, "This chat is over. What you wrote was not sent."));
            return;
        };
        if body.0.trim().is_empty() {
            return;
        }
        if body.0.len() > MAX_BODY {
            out.updates.push(rejected(WHAT, "The text is too long. Send it in several parts."));
            return;
        }
        if !online || !chat.inside {
            out.updates
                .push(rejected(WHAT, "There is no connection to the chat. Send it again in a moment."));
            return;
        }
        out.effects.push(send(&stanza::say(&chat.row.room, &id, &body.0)));
        out.effects.push(timer("say", &format!("{session}:{id}"), SETTLE_MS));
        chat.unsettled.push(id.clone());
        chat.remember(id);
        let sender = own_name.unwrap_or_else(|| chat.nick.clone());
        chat.line(&sender, true, out.at, body.0.clone(), out);
    }

    /// A line did not come back from the room, or came back as an error.
    pub(super) fn line_unsettled(&mut self, name: &str, out: &mut AgentOutput) {
        let Some((session, id)) = name.rsplit_once(':') else { return };
        let Some(chat) = self.chats.get_mut(session) else { return };
        if let Some(place) = chat.unsettled.iter().position(|known| known == id) {
            chat.unsettled.remove(place);
            out.updates.push(rejected(
                "Write to the customer",
                "Your last text may not have reached the customer. Send it again if it matters.",
            ));
        }
    }

    pub(super) fn end_chat(&mut self, session: &str, out: &mut AgentOutput) {
        let online = self.me.is_some();
        let Some(chat) = self.chats.get(session).filter(|chat| chat.runs()) else { return };
        let occupant = chat.occupant();
        self.chat_over(session, None, out);
        match occupant.filter(|_| online) {
            Some(occupant) => {
                out.effects.push(send(&stanza::leave(&occupant)));
                out.effects.push(timer("leave", session, LEAVE_MS));
            }
            None => self.release(session, out),
        }
    }

    /// The chat is over for us.
    fn chat_over(&mut self, session: &str, notice: Option<String>, out: &mut AgentOutput) {
        let Some(chat) = self.chats.get_mut(session).filter(|chat| chat.runs()) else { return };
        out.effects.push(cancel("room", session));
        out.effects.push(cancel("typing", session));
        for id in std::mem::take(&mut chat.unsettled) {
            out.effects.push(cancel("say", &format!("{session}:{id}")));
        }
        if let Some(notice) = notice {
            chat.notice(notice, out);
        }
        chat.row.ended_at = Some(out.at);
        chat.row.customer_present = false;
        chat.row.customer_typing = false;
        chat.changed(out);
        let workgroup = chat.row.workgroup.clone();
        self.desk_changed(&workgroup, out);
    }

    /// The room's traffic is no longer ours.
    pub(super) fn release(&mut self, session: &str, out: &mut AgentOutput) {
        if let Some(chat) = self.chats.get_mut(session).filter(|chat| !chat.released && !chat.runs()) {
            chat.released = true;
            out.effects.push(cancel("leave", session));
            out.effects.push(AgentEffect::ReleaseRoom(chat.row.room.clone()));
        }
    }

    pub(super) fn chats_offline(&mut self, out: &mut AgentOutput) {
        let ended: Vec<String> =
            self.chats.iter().filter(|(_, chat)| !chat.runs()).map(|(session, _)| session.clone()).collect();
        for session in ended {
            self.release(&session, out);
        }
        for (session, chat) in self.chats.iter_mut().filter(|(_, chat)| chat.runs()) {
            chat.inside = false;
            chat.row.customer_present = false;
            chat.row.customer_typing = false;
            out.effects.push(cancel("room", session));
            out.effects.push(cancel("typing", session));
            chat.changed(out);
        }
    }

    /// Back after a lost stream: into the rooms of all chats that we had not ended.
    pub(super) fn rejoin_rooms(&mut self, out: &mut AgentOutput) {
        let running: Vec<String> =
            self.chats.iter().filter(|(_, chat)| chat.runs()).map(|(session, _)| session.clone()).collect();
        for session in running {
            self.enter(&session, out);
        }
    }
}

/// Does the sender type, or stop? By chat states (XEP-0085) or, as Spark says it, message events (XEP-0022).
fn typing_signal(message: &Element) -> Option<bool> {
    for child in message.children() {
        if child.has_ns(CHAT_STATES) {
            return Some(child.name() == "composing");
        }
        if child.is("x", OLD_EVENTS) {
            return Some(child.has_child("composing", OLD_EVENTS));
        }
    }
    None
}

/// The id that the room gave to a line (XEP-0359), if it is the room's.
fn room_key(message: &Element, room: &str) -> Option<String> {
    message
        .children()
        .find(|child| child.is("stanza-id", STANZA_IDS) && child.attr("by") == Some(room))
        .and_then(|child| child.attr("id"))
        .filter(|id| id.len() <= limits::ID)
        .map(|id| format!("room/{id}"))
}
