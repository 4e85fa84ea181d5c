//! Just enough of a conference service (XEP-0045): rooms of one owner, with real addresses for moderators only.

use crate::office::parse;
use flint_fastpath_protocol::stamp;
use jid::Jid;
use minidom::Element;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

const USER: &str = "http://jabber.org/protocol/muc#user";
const OWNER: &str = "http://jabber.org/protocol/muc#owner";

#[derive(Default)]
pub(crate) struct Rooms {
    rooms: BTreeMap<String, Room>,
    /// Answers creation with an error.
    pub(crate) broken: bool,
    /// Does not answer at all.
    pub(crate) silent: bool,
    /// How many seconds its clock is ahead.
    pub(crate) ahead: i64,
    clock: Option<(u64, tokio::time::Instant)>,
}

struct Room {
    owner: String,
    locked: bool,
    /// Nickname and address.
    occupants: Vec<(String, String)>,
    /// What was said: nickname, text, moment in whole seconds.
    said: Vec<(String, String, u64)>,
}

fn bare(jid: &str) -> String {
    jid.split('/').next().unwrap().to_owned()
}

impl Rooms {
    /// Virtual time, on the wall clock.
    fn now(&mut self) -> u64 {
        let (wall, started) = *self.clock.get_or_insert_with(|| {
            (SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs(), tokio::time::Instant::now())
        });
        (wall + started.elapsed().as_secs()).saturating_add_signed(self.ahead)
    }

    pub(crate) fn exists(&self, session: &str) -> bool {
        self.rooms.contains_key(&format!("{session}@conference.example.test"))
    }

    pub(crate) fn handle(&mut self, stanza: &Element) -> Vec<Element> {
        let (from, to) = (stanza.attr("from").unwrap(), Jid::new(stanza.attr("to").unwrap()).unwrap());
        let room = to.to_bare().to_string();
        let nick = to.resource().map(|nick| nick.as_str().to_owned());
        match (stanza.name(), stanza.attr("type")) {
            ("presence", None) => {
                let history = stanza.children().next().unwrap().children().next().cloned();
                self.join(&room, nick.unwrap(), from, history)
            }
            ("presence", Some("unavailable")) => self.leave(&room, from, ""),
            ("message", Some("groupchat")) => self.say(&room, from, stanza),
            ("message", _) => self.invite(&room, from, stanza),
            ("iq", Some("set")) => self.configure(&room, from, stanza),
            _ => Vec::new(),
        }
    }

    fn join(&mut self, room: &str, nick: String, from: &str, history: Option<Element>) -> Vec<Element> {
        if self.silent {
            return Vec::new();
        }
        if self.broken {
            return vec![parse(&format!(
                "<presence type='error' from='{room}/{nick}' to='{from}'><error type='cancel'>\
                 <not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
            ))];
        }
        let mut created = false;
        let entry = self.rooms.entry(room.to_owned()).or_insert_with(|| {
            created = true;
            Room { owner: bare(from), locked: true, occupants: Vec::new(), said: Vec::new() }
        });
        assert!(
            created || !entry.locked || bare(from) == entry.owner,
            "{from} enters a room that is not ready"
        );
        entry.occupants.retain(|(_, jid)| jid != from);
        let mut out: Vec<Element> = entry
            .occupants
            .iter()
            .map(|(other, jid)| seen(room, other, jid, from, &entry.owner, None, ""))
            .collect();
        entry.occupants.push((nick.clone(), from.to_owned()));
        for (_, jid) in &entry.occupants {
            let codes = match (jid == from, created) {
                (false, _) => "",
                (true, false) => "<status code='110'/>",
                (true, true) => "<status code='110'/><status code='201'/>",
            };
            out.push(seen(room, &nick, from, jid, &entry.owner, None, codes));
        }
        let since = history.as_ref().and_then(|history| history.attr("since")).and_then(stamp::read);
        if history.is_none_or(|history| history.attr("maxstanzas") != Some("0")) {
            for (nick, text, at) in &entry.said {
                if since.is_none_or(|since| *at as i64 * 1_000 >= since / 1_000 * 1_000) {
                    out.push(parse(&format!(
                        "<message type='groupchat' from='{room}/{nick}' to='{from}'><body>{text}</body>\
                         <delay xmlns='urn:xmpp:delay' stamp='{}'/></message>",
                        stamp::utc(*at as i64 * 1_000)
                    )));
                }
            }
        }
        out
    }

    fn leave(&mut self, room: &str, from: &str, codes: &str) -> Vec<Element> {
        let Some(entry) = self.rooms.get_mut(room) else { return Vec::new() };
        let Some(at) = entry.occupants.iter().position(|(_, jid)| jid == from) else { return Vec::new() };
        let (nick, _) = entry.occupants[at].clone();
        let out = entry
            .occupants
            .iter()
            .map(|(_, jid)| {
                let own = if jid == from { "<status code='110'/>" } else { "" };
                seen(room, &nick, from, jid, &entry.owner, Some("unavailable"), &format!("{own}{codes}"))
            })
            .collect();
        entry.occupants.remove(at);
        if entry.occupants.is_empty() {
            self.rooms.remove(room);
        }
        out
    }

    fn say(&mut self, room: &str, from: &str, stanza: &Element) -> Vec<Element> {
        let now = self.now();
        let Some(entry) = self.rooms.get_mut(room) else { return Vec::new() };
        let Some((nick, _)) = entry.occupants.iter().find(|(_, jid)| jid == from) else { return Vec::new() };
        let text = stanza.children().next().map(Element::text).unwrap_or_default();
        entry.said.push((nick.clone(), text, now));
        let to_all = |(_, jid): &(String, String)| readdress(stanza, &format!("{room}/{nick}"), jid);
        entry.occupants.iter().map(to_all).collect()
    }

    /// As Prosody delivers it: other extensions are kept, the inviter is who the stanza came from.
    fn invite(&mut self, room: &str, from: &str, stanza: &Element) -> Vec<Element> {
        let Some(entry) = self.rooms.get(room) else { return Vec::new() };
        assert!(!entry.locked, "an invitation to a room that is not ready");
        assert_eq!(bare(from), entry.owner, "only the owner invites");
        let x = stanza.get_child("x", USER).expect("an invitation");
        let invite = x.get_child("invite", USER).expect("an invitation");
        let reason = invite.get_child("reason", USER).map(Element::text).unwrap_or_default();
        let mut out = readdress(stanza, room, invite.attr("to").unwrap());
        out.remove_child("x", USER);
        let x = parse(&format!(
            "<m><x xmlns='{USER}'><invite from='{from}'><reason>{reason}</reason></invite></x></m>"
        ));
        out.append_child(x.children().next().unwrap().clone());
        vec![out]
    }

    fn configure(&mut self, room: &str, from: &str, stanza: &Element) -> Vec<Element> {
        let id = stanza.attr("id").unwrap();
        let mut out = vec![parse(&format!("<iq type='result' id='{id}' from='{room}' to='{from}'/>"))];
        let query = stanza.children().next().unwrap();
        let Some(entry) = self.rooms.get_mut(room) else { return out };
        assert_eq!(bare(from), entry.owner);
        if query.get_child("destroy", OWNER).is_some() {
            let people: Vec<_> = entry.occupants.iter().map(|(_, jid)| jid.clone()).collect();
            for jid in people {
                out.extend(self.leave(room, &jid, "").into_iter().filter(|it| it.attr("to") == Some(&jid)));
            }
            self.rooms.remove(room);
        } else if let Some(item) = query.children().find(|child| child.name() == "item") {
            let nick = item.attr("nick").expect("Prosody kicks by nickname only");
            let jid = entry.occupants.iter().find(|(other, _)| other == nick).map(|(_, jid)| jid.clone());
            out.extend(self.leave(room, &jid.unwrap(), "<status code='307'/>"));
        } else {
            entry.locked = false;
        }
        out
    }
}

fn readdress(stanza: &Element, from: &str, to: &str) -> Element {
    let mut out = stanza.clone();
    let name = |name: &str| minidom::rxml::NcName::try_from(name).unwrap();
    out.set_attr(minidom::rxml::Namespace::NONE, name("from"), from.to_owned());
    out.set_attr(minidom::rxml::Namespace::NONE, name("to"), to.to_owned());
    out
}

/// Somebody's presence as `to` sees it.
fn seen(
    room: &str,
    nick: &str,
    jid: &str,
    to: &str,
    owner: &str,
    kind: Option<&str>,
    codes: &str,
) -> Element {
    let kind = kind.map(|kind| format!(" type='{kind}'")).unwrap_or_default();
    let real = if bare(to) == *owner || to == jid { format!(" jid='{jid}'") } else { String::new() };
    parse(&format!(
        "<presence from='{room}/{nick}' to='{to}'{kind}><x xmlns='{USER}'>\
         <item{real} affiliation='none' role='participant'/>{codes}</x></presence>"
    ))
}
