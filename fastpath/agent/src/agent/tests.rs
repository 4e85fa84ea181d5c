//! The module in virtual time: stanzas as recorded from Openfire go in, effects and updates are looked at.

mod called;
mod chat;
mod desk;
mod handover;
mod offer;
mod traps;

use super::*;
use crate::update::{ChatLine, CustomerChatRow, OfferEnd, OfferRow, WorkgroupRow};

const ME: &str = "alice@example.test/desk";
const SERVICE: &str = "workgroup.example.test";
const W: &str = "support@workgroup.example.test";
const ROOM: &str = "2wvubi12@conference.example.test";
const SESSION: &str = "2wvubi12";

/// The module with a clock and its timers.
struct Bench {
    agent: Agent,
    now: i64,
    timers: BTreeMap<AgentTimer, i64>,
    sent: Vec<Element>,
    effects: Vec<AgentEffect>,
    updates: Vec<AgentUpdate>,
}

impl Bench {
    fn new() -> Self {
        Self {
            agent: Agent::new(BareJid::new("alice@example.test").unwrap(), [7; 16]),
            now: 1_795_423_277_000,
            timers: BTreeMap::new(),
            sent: Vec::new(),
            effects: Vec::new(),
            updates: Vec::new(),
        }
    }

    /// Signed in, agent of one workgroup, joined, colleagues and form known.
    fn joined() -> Self {
        let mut bench = Self::new();
        bench.online();
        bench.command(AgentCommand::JoinWorkgroup { workgroup: BareJid::new(W).unwrap() });
        bench.queue(0);
        bench.colleagues();
        bench.answer(
            "agent-info",
            W,
            r#"<agent-info xmlns="http://jivesoftware.com/protocol/workgroup"><jid>alice@example.test</jid><name>Alice Adams</name></agent-info>"#,
        );
        bench.answer(
            "workgroup-form",
            W,
            r#"<workgroup-form xmlns="http://jivesoftware.com/protocol/workgroup"><x xmlns="jabber:x:data" type="form">
               <field var="username" type="text-single" label="Name:"><required/></field>
               <field var="email" type="text-single" label="E-mail address:"/>
               <field var="product" type="list-single" label="Product:"><option label="A phone"><value>phone</value></option></field>
               <field var="question" type="text-single" label="Question:"/></x></workgroup-form>"#,
        );
        bench.clear();
        bench
    }

    /// Joined, offer taken, invited, in the room with the customer.
    fn chatting() -> Self {
        let mut bench = Self::joined();
        bench.offer(W, SESSION, 20);
        bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
        bench.invite(W, SESSION);
        bench.occupant("support", "");
        bench.occupant("Wanda", "");
        bench.occupant("alice", r#"<status code="110"/>"#);
        bench.clear();
        bench
    }

    fn clear(&mut self) {
        self.sent.clear();
        self.effects.clear();
        self.updates.clear();
    }

    fn input(&mut self, input: AgentInput) {
        let out = self.agent.handle(input, Timestamp(self.now));
        assert_eq!(out.at, Timestamp(self.now));
        for effect in &out.effects {
            match effect {
                AgentEffect::Send { xml } => self.sent.push(xml.0.parse().unwrap()),
                AgentEffect::SetTimer { id, after_ms } => {
                    self.timers.insert(id.clone(), self.now + i64::try_from(*after_ms).unwrap());
                }
                AgentEffect::CancelTimer(id) => {
                    self.timers.remove(id);
                }
                _ => {}
            }
        }
        self.effects.extend(out.effects);
        self.updates.extend(out.updates);
    }

    fn command(&mut self, command: AgentCommand) {
        self.input(AgentInput::Command(command));
    }

    /// Lets time pass; timers fire in their order.
    fn pass(&mut self, milliseconds: i64) {
        let end = self.now + milliseconds;
        while let Some((id, at)) = self
            .timers
            .iter()
            .filter(|(_, at)| **at <= end)
            .min_by_key(|(_, at)| **at)
            .map(|(id, at)| (id.clone(), *at))
        {
            self.timers.remove(&id);
            self.now = at;
            self.input(AgentInput::TimerFired(id));
        }
        self.now = end;
    }

    fn stanza(
        &mut self,
        kind: StanzaKind,
        from: &str,
        stanza_type: Option<&str>,
        id: Option<&str>,
        inner: &str,
    ) {
        let name = match kind {
            StanzaKind::Message => "message",
            StanzaKind::Presence => "presence",
            _ => "iq",
        };
        let xml = format!(r#"<{name} xmlns="jabber:client" from="{from}" to="{ME}">{inner}</{name}>"#);
        self.input(AgentInput::Extension(Extension {
            from: Jid::new(from).unwrap(),
            kind,
            stanza_type: stanza_type.map(str::to_owned),
            id: id.map(str::to_owned),
            xml: Private(xml),
        }));
    }

    /// Newest question with this payload: its id.
    fn asked(&self, payload: &str) -> String {
        let iq = self.sent.iter().rev().find(|stanza| {
            matches!(stanza.attr("type"), Some("get" | "set"))
                && stanza.children().any(|child| child.name() == payload)
        });
        iq.unwrap_or_else(|| panic!("{payload} was not asked for")).attr("id").unwrap().to_owned()
    }

    fn answer(&mut self, payload: &str, from: &str, inner: &str) {
        let id = self.asked(payload);
        self.stanza(StanzaKind::IqResult, from, None, Some(&id), inner);
    }

    fn refuse(&mut self, payload: &str, from: &str, condition: Condition) {
        let id = self.asked(payload);
        self.input(AgentInput::Extension(Extension {
            from: Jid::new(from).unwrap(),
            kind: StanzaKind::IqError,
            stanza_type: None,
            id: Some(id),
            xml: Private(String::from(&condition.element(None))),
        }));
    }

    fn online(&mut self) {
        self.input(AgentInput::Online(FullJid::new(ME).unwrap()));
        self.answer(
            "workgroups",
            SERVICE,
            &format!(
                r#"<workgroups xmlns="http://jabber.org/protocol/workgroup" jid="alice@example.test"><workgroup jid="{W}"/></workgroups>"#
            ),
        );
    }

    fn queue(&mut self, count: u32) {
        let oldest = if count > 0 { "<oldest>20261123T08:41:17</oldest>" } else { "" };
        self.stanza(
            StanzaKind::Presence,
            &format!("{W}/Default Queue"),
            None,
            None,
            &format!(
                r#"<notify-queue xmlns="http://jabber.org/protocol/workgroup"><count>{count}</count>{oldest}<time>0</time><status>open</status></notify-queue>"#
            ),
        );
    }

    fn colleagues(&mut self) {
        self.answer(
            "agent-status-request",
            W,
            r#"<agent-status-request xmlns="http://jabber.org/protocol/workgroup"><agent jid="bob@example.test"><name xmlns="http://jivesoftware.com/protocol/workgroup">Bob Byrne</name></agent></agent-status-request>"#,
        );
    }

    fn offer(&mut self, from: &str, id: &str, timeout: i64) {
        let inner = format!(
            r#"<offer xmlns="http://jabber.org/protocol/workgroup" id="{id}" jid="wanda@example.test/home">
            <metadata xmlns="http://jivesoftware.com/protocol/workgroup"><value name="product">phone</value>
            <value name="question">My phone is dead</value><value name="email">wanda@example.test</value>
            <value name="username">Wanda</value></metadata><timeout>{timeout}</timeout>
            <session xmlns="http://jivesoftware.com/protocol/workgroup" id="{id}" workgroup="{W}"/><user-request/></offer>"#
        );
        self.stanza(StanzaKind::IqSet, from, None, Some("944-83"), &inner);
    }

    fn revoke(&mut self, id: &str) {
        self.revoke_because(id, "The offer has timed out");
    }

    fn revoke_because(&mut self, id: &str, reason: &str) {
        let inner = format!(
            r#"<offer-revoke xmlns="http://jabber.org/protocol/workgroup" id="{id}" jid="wanda@example.test/home"><reason>{reason}</reason></offer-revoke>"#
        );
        self.stanza(StanzaKind::IqSet, W, None, Some("402-142"), &inner);
    }

    fn invite(&mut self, inviter: &str, session: &str) {
        let room = format!("{session}@conference.example.test");
        let inner = format!(
            r#"<offer xmlns="http://jabber.org/protocol/workgroup" jid="wanda@example.test/home"/>
            <session xmlns="http://jivesoftware.com/protocol/workgroup" workgroup="{W}" id="{session}"/>
            <x xmlns="http://jabber.org/protocol/muc#user"><invite from="{inviter}"><reason>{session}</reason></invite></x>
            <x xmlns="jabber:x:conference" jid="{room}"/>"#
        );
        self.stanza(StanzaKind::Message, &room, None, None, &inner);
    }

    fn occupant(&mut self, nick: &str, inner: &str) {
        self.occupant_is(nick, None, inner);
    }

    fn occupant_is(&mut self, nick: &str, stanza_type: Option<&str>, inner: &str) {
        let inner = format!(
            r#"<x xmlns="http://jabber.org/protocol/muc#user"><item affiliation="none" role="participant"/>{inner}</x>"#
        );
        self.stanza(StanzaKind::Presence, &format!("{ROOM}/{nick}"), stanza_type, None, &inner);
    }

    fn occupants_info(&mut self, list: &[(&str, &str)]) {
        let list: String = list
            .iter()
            .map(|(nick, jid)| format!("<occupant><jid>{jid}</jid><nickname>{nick}</nickname></occupant>"))
            .collect();
        let ns = "http://jivesoftware.com/protocol/workgroup";
        let inner = format!(r#"<occupants-info xmlns="{ns}" roomID="{SESSION}">{list}</occupants-info>"#);
        self.answer("occupants-info", W, &inner);
    }

    fn said(&mut self, nick: &str, id: &str, inner: &str) {
        self.stanza(StanzaKind::Message, &format!("{ROOM}/{nick}"), Some("groupchat"), Some(id), inner);
    }

    fn workgroup(&self) -> &WorkgroupRow {
        let row = self.updates.iter().rev().find_map(|update| match update {
            AgentUpdate::WorkgroupChanged { workgroup } => Some(workgroup),
            AgentUpdate::Workgroups { workgroups } => workgroups.first(),
            _ => None,
        });
        row.expect("a workgroup was shown")
    }

    fn offers(&self) -> Vec<&OfferRow> {
        self.updates
            .iter()
            .filter_map(|u| if let AgentUpdate::Offer { offer } = u { Some(offer) } else { None })
            .collect()
    }

    fn closed(&self) -> Vec<(&str, OfferEnd)> {
        let mut closed = Vec::new();
        for update in &self.updates {
            if let AgentUpdate::OfferClosed { offer, reason } = update {
                closed.push((offer.as_str(), *reason));
            }
        }
        closed
    }

    fn chat(&self) -> &CustomerChatRow {
        let row = self
            .updates
            .iter()
            .rev()
            .find_map(|u| if let AgentUpdate::Chat { chat } = u { Some(chat) } else { None });
        row.expect("a chat was shown")
    }

    fn lines(&self) -> Vec<&ChatLine> {
        let mut lines = Vec::new();
        for update in &self.updates {
            if let AgentUpdate::ChatLine { line, .. } = update {
                lines.push(line);
            }
        }
        lines
    }

    fn rejections(&self) -> usize {
        self.updates.iter().filter(|update| matches!(update, AgentUpdate::Rejected { .. })).count()
    }

    /// Answers that we gave to questions, by type.
    fn answers(&self) -> Vec<&str> {
        self.sent
            .iter()
            .filter(|stanza| stanza.name() == "iq")
            .filter_map(|stanza| stanza.attr("type"))
            .filter(|kind| matches!(*kind, "result" | "error"))
            .collect()
    }

    fn presences_to(&self, to: &str) -> Vec<&Element> {
        self.sent
            .iter()
            .filter(|stanza| stanza.name() == "presence" && stanza.attr("to") == Some(to))
            .collect()
    }

    fn has_sent(&self, payload: &str) -> bool {
        self.sent.iter().any(|stanza| stanza.children().any(|child| child.name() == payload))
    }
}
