//! What was said in past chats.

use super::{Agent, Request, rejected};
use crate::update::{AgentUpdate, ChatLine};
use crate::wire::AgentOutput;
use flint_core::ids::Timestamp;
use flint_core::secret::Private;
use flint_fastpath_protocol::Condition;
use flint_fastpath_protocol::history::{Transcript, TranscriptEntry};
use jid::BareJid;
use minidom::Element;

impl Agent {
    pub(super) fn get_transcript(&mut self, workgroup: &BareJid, session: String, out: &mut AgentOutput) {
        if self.me.is_none() || !self.desks.contains_key(workgroup) {
            out.updates.push(rejected(
                "Show the transcript",
                "There is no connection to the workgroup. Try again when you are signed in.",
            ));
            return;
        }
        let payload = Transcript::request(&session);
        let request = Request::Transcript { workgroup: workgroup.clone(), session };
        self.ask("get", &workgroup.clone().into(), payload, request, out);
    }

    pub(super) fn transcript(
        &mut self,
        workgroup: &BareJid,
        session: String,
        result: Result<Option<&Element>, Option<Condition>>,
        out: &mut AgentOutput,
    ) {
        let transcript = match result {
            Ok(Some(payload)) => Transcript::read(payload).ok(),
            Ok(None) => Some(Transcript { session: session.clone(), entries: Vec::new() }),
            Err(_) => None,
        };
        let Some(transcript) = transcript.filter(|transcript| transcript.session == session) else {
            out.updates.push(rejected(
                "Show the transcript",
                "The workgroup did not give a readable transcript. Try again later or ask your administrator.",
            ));
            return;
        };
        let local = self.account.node().map(|node| node.to_string()).unwrap_or_default();
        let (chat, desk) = (self.chats.get(&session), self.desks.get(workgroup));
        let is_own = |nick: &str| nick == local || chat.is_some_and(|chat| chat.is_own(nick));
        let name_of = |nick: &str| {
            let colleague = || desk.and_then(|desk| desk.colleague(nick)).unwrap_or(nick).to_owned();
            match chat.map(|chat| chat.name_of(nick)).filter(|name| *name != nick) {
                _ if is_own(nick) => desk.and_then(|desk| desk.own_name()).unwrap_or(nick).to_owned(),
                Some(name) => name.to_owned(),
                None => colleague(),
            }
        };
        let hidden: Vec<String> =
            self.desks.keys().filter_map(|workgroup| workgroup.node()).map(|node| node.to_string()).collect();
        let mut last = Timestamp::default();
        let mut lines = Vec::with_capacity(transcript.entries.len());
        for (place, entry) in transcript.entries.into_iter().enumerate() {
            let (from, at, said, verb) = match entry {
                TranscriptEntry::Said { from, body, at } => (from, at, Some(body.0), ""),
                TranscriptEntry::Came { from, at } => (from, at, None, "joined"),
                TranscriptEntry::Went { from, at } => (from, at, None, "left"),
            };
            last = at.map_or(last, Timestamp);
            let nick = from.resource().map(|nick| nick.as_str().to_owned()).unwrap_or_default();
            if nick.is_empty() || said.is_none() && hidden.contains(&nick) {
                continue;
            }
            let id = format!("{session}-{place}");
            let name = name_of(&nick);
            lines.push(match said {
                Some(body) => {
                    ChatLine { id, own: is_own(&nick), sender: name, at: last, body: Private(body) }
                }
                None => {
                    let body = Private(format!("{name} {verb}."));
                    ChatLine { id, own: false, sender: String::new(), at: last, body }
                }
            });
        }
        out.updates.push(AgentUpdate::Transcript { session, lines });
    }
}
