//! The conference service of the world: temporary rooms of one owner.

use crate::world::parse;
use minidom::Element;
use std::collections::{BTreeMap, BTreeSet};

const USER: &str = "http://jabber.org/protocol/muc#user";
const OWNER: &str = "http://jabber.org/protocol/muc#owner";

/// All rooms.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    rooms: BTreeMap<String, Room>,
    /// Makes no new room.
    pub(crate) broken: bool,
    /// Rooms in which somebody was who is no workgroup.
    pub(crate) used: BTreeSet<String>,
}

#[derive(Debug)]
struct Room {
    owner: String,
    /// Address and nickname.
    occupants: BTreeMap<String, String>,
}

fn bare(jid: &str) -> &str {
    jid.split('/').next().unwrap_or_default()
}

impl Rooms {
    /// All rooms are gone, as after a restart of the server.
    pub(crate) fn forget(&mut self) {
        self.rooms.clear();
    }

    /// Rooms in which this client is.
    pub(crate) fn of(&self, client: &str) -> Vec<String> {
        let inside = |(_, room): &(&String, &Room)| room.occupants.contains_key(client);
        self.rooms.iter().filter(inside).map(|(name, _)| name.clone()).collect()
    }

    /// Handles one stanza and says what leaves.
    pub(crate) fn handle(&mut self, stanza: &Element) -> Vec<Element> {
        let from = stanza.attr("from").unwrap_or_default().to_owned();
        let to = stanza.attr("to").unwrap_or_default();
        let (room, nick) = to.split_once('/').unwrap_or((to, ""));
        match (stanza.name(), stanza.attr("type")) {
            ("presence", None) => self.enter(room, nick, &from),
            ("presence", _) => self.leave(room, &from, ""),
            ("message", Some("groupchat")) => self.say(room, &from, stanza),
            ("message", _) => self.invite(room, &from, stanza),
            ("iq", Some("set")) => self.configure(room, &from, stanza),
            _ => Vec::new(),
        }
    }

    fn enter(&mut self, room: &str, nick: &str, from: &str) -> Vec<Element> {
        let new = !self.rooms.contains_key(room);
        if new && self.broken {
            return vec![parse(&format!(
                "<presence type='error' from='{room}/{nick}' to='{from}'><error type='cancel'>\
                 <not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
            ))];
        }
        let owned = || Room { owner: bare(from).to_owned(), occupants: BTreeMap::new() };
        let entry = self.rooms.entry(room.to_owned()).or_insert_with(owned);
        if entry.owner != bare(from) {
            self.used.insert(room.to_owned());
        }
        entry.occupants.remove(from);
        let mut out: Vec<Element> =
            entry.occupants.iter().map(|(jid, other)| entry.seen(room, other, jid, from, "", "")).collect();
        entry.occupants.insert(from.to_owned(), nick.to_owned());
        for jid in entry.occupants.keys() {
            let codes = match (jid == from, new) {
                (false, _) => "",
                (true, false) => "<status code='110'/>",
                (true, true) => "<status code='110'/><status code='201'/>",
            };
            out.push(entry.seen(room, nick, from, jid, "", codes));
        }
        out
    }

    /// Somebody leaves, or was shown out.
    pub(crate) fn leave(&mut self, room: &str, from: &str, codes: &str) -> Vec<Element> {
        let Some(entry) = self.rooms.get_mut(room) else { return Vec::new() };
        let Some(nick) = entry.occupants.get(from).cloned() else { return Vec::new() };
        let tell = |jid: &String| {
            let own = if jid == from { "<status code='110'/>" } else { "" };
            entry.seen(room, &nick, from, jid, " type='unavailable'", &format!("{own}{codes}"))
        };
        let out = entry.occupants.keys().map(tell).collect();
        entry.occupants.remove(from);
        if entry.occupants.is_empty() {
            self.rooms.remove(room);
        }
        out
    }

    fn say(&mut self, room: &str, from: &str, stanza: &Element) -> Vec<Element> {
        let Some(entry) = self.rooms.get(room) else { return Vec::new() };
        let Some(nick) = entry.occupants.get(from) else { return Vec::new() };
        let text = stanza.children().next().map(Element::text).unwrap_or_default();
        let line = |to: &String| {
            parse(&format!(
                "<message type='groupchat' from='{room}/{nick}' to='{to}'><body>{text}</body></message>"
            ))
        };
        entry.occupants.keys().map(line).collect()
    }

    fn invite(&mut self, room: &str, from: &str, stanza: &Element) -> Vec<Element> {
        let invite = stanza.get_child("x", USER).and_then(|x| x.get_child("invite", USER));
        let Some(to) = invite.and_then(|invite| invite.attr("to")) else { return Vec::new() };
        if self.rooms.get(room).is_none_or(|entry| entry.owner != bare(from)) {
            return Vec::new();
        }
        vec![parse(&format!(
            "<message from='{room}' to='{to}'><x xmlns='{USER}'><invite from='{from}'/></x></message>"
        ))]
    }

    fn configure(&mut self, room: &str, from: &str, stanza: &Element) -> Vec<Element> {
        let id = stanza.attr("id").unwrap_or_default();
        let mut out = vec![parse(&format!("<iq type='result' id='{id}' from='{room}' to='{from}'/>"))];
        let destroy =
            stanza.children().next().is_some_and(|query| query.get_child("destroy", OWNER).is_some());
        if destroy && let Some(entry) = self.rooms.get(room) {
            let people: Vec<String> = entry.occupants.keys().cloned().collect();
            for jid in people {
                out.extend(self.leave(room, &jid, "").into_iter().filter(|it| it.attr("to") == Some(&jid)));
            }
            self.rooms.remove(room);
        }
        out
    }
}

impl Room {
    /// Somebody's presence as `to` sees it: with the real address for the owner alone.
    fn seen(&self, room: &str, nick: &str, jid: &str, to: &str, kind: &str, codes: &str) -> Element {
        let real = if bare(to) == self.owner { format!(" jid='{jid}'") } else { String::new() };
        parse(&format!(
            "<presence from='{room}/{nick}' to='{to}'{kind}><x xmlns='{USER}'>\
             <item{real} affiliation='none' role='participant'/>{codes}</x></presence>"
        ))
    }
}
