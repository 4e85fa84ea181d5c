//! Past chats: requests that need the journal, and their answers.

use super::Service;
use super::customers::metadata;
use crate::journal::{JournalRecord, Line, LineKind, SessionFilter, SessionSummary, Text};
use crate::xml::{Condition, Request, ms};
use flint_fastpath_protocol::history::{
    self, ChatSessionsRequest, SearchHit, TranscriptAgent, TranscriptSummary,
};
use flint_fastpath_protocol::text;
use flint_fastpath_protocol::{ChatNotes, ChatSession, Hidden, Transcript, TranscriptEntry, Transcripts};
use flint_fastpath_routing::{SessionId, Timestamp};
use flint_xep::sender::FromAgent;
use jid::{BareJid, Jid};
use minidom::Element;

/// Most chats in one list.
const MAX_SESSIONS: usize = 100;
/// Most lines of one transcript.
pub(crate) const MAX_LINES: usize = 2_000;

/// Most bytes of one transcript as it is sent.
const MAX_TRANSCRIPT: usize = 250_000;
/// Longest answer of a form in a list of chats, in bytes.
const MAX_IN_LIST: usize = 500;

/// A request that the journal has to answer.
pub(crate) struct Query {
    pub(crate) request: Request,
    /// Which chats; none means that the request may not see what it asks for.
    pub(crate) filter: SessionFilter,
    pub(crate) kind: Kind,
}

/// What is asked.
pub(crate) enum Kind {
    Transcript(SessionId),
    Metadata,
    Notes(SessionId),
    SetNotes(SessionId, Text),
    ChatSessions,
    Transcripts,
    Search,
    Macros(BareJid),
}

/// What the journal said.
pub(crate) struct Answer {
    pub(crate) sessions: Vec<SessionSummary>,
    pub(crate) lines: Vec<Line>,
    pub(crate) text: Option<Text>,
}

impl Service {
    fn query(&mut self, request: &Request, filter: SessionFilter, kind: Kind) {
        self.queries.push(Query { request: request.clone(), filter, kind });
    }

    /// One chat of this workgroup. Agents of other workgroups find nothing.
    fn one_session(&mut self, request: &Request, workgroup: &str, session: SessionId, kind: Kind) {
        let filter = SessionFilter {
            workgroups: vec![workgroup.to_owned()],
            session: Some(session),
            limit: 1,
            ..SessionFilter::default()
        };
        self.query(request, filter, kind);
    }

    pub(super) fn transcript(&mut self, request: &Request, workgroup: &str) {
        match Transcript::read(&request.payload) {
            Ok(asked) => {
                let session = SessionId(asked.session);
                self.one_session(request, workgroup, session.clone(), Kind::Transcript(session));
            }
            Err(problem) => self.refuse_malformed(request, problem),
        }
    }

    pub(super) fn chat_metadata(&mut self, request: &Request, workgroup: &str) {
        match history::read_chat_metadata_request(&request.payload) {
            Ok(session) => self.one_session(request, workgroup, SessionId(session), Kind::Metadata),
            Err(problem) => self.refuse_malformed(request, problem),
        }
    }

    pub(super) fn chat_notes(&mut self, request: &Request, workgroup: &str, set: bool) {
        let asked = match ChatNotes::read(&request.payload) {
            Ok(asked) => asked,
            Err(problem) => return self.refuse_malformed(request, problem),
        };
        let session = SessionId(asked.session);
        match (set, asked.notes) {
            (false, _) => self.one_session(request, workgroup, session.clone(), Kind::Notes(session)),
            (true, Some(notes)) => {
                self.one_session(request, workgroup, session.clone(), Kind::SetNotes(session, Text(notes.0)));
            }
            (true, None) => self.refuse(request, Condition::BadRequest, None),
        }
    }

    pub(super) fn chat_sessions(&mut self, request: &Request, workgroup: &str) {
        let asked = match ChatSessionsRequest::read(&request.payload) {
            Ok(asked) => asked,
            Err(problem) => return self.refuse_malformed(request, problem),
        };
        let agent = self.behind(&asked.agent, workgroup).unwrap_or(asked.agent);
        let filter = SessionFilter {
            workgroups: vec![workgroup.to_owned()],
            agent: Some(agent),
            since: asked.start.and_then(|start| u64::try_from(start).ok()).map(Timestamp),
            ended_only: true,
            limit: (asked.max_sessions as usize).min(MAX_SESSIONS),
            ..SessionFilter::default()
        };
        self.query(request, filter, Kind::ChatSessions);
    }

    pub(super) fn transcripts(&mut self, request: &Request, workgroup: &str) {
        let Some(user) = request.payload.attr("userID") else {
            return self.refuse(request, Condition::BadRequest, None);
        };
        // Filed under the bare JID; Spark asks with whatever `userID` the customer's form has.
        let user = user.split('/').next().unwrap_or_default().to_owned();
        let filter = SessionFilter {
            workgroups: vec![workgroup.to_owned()],
            user: Some(user),
            ended_only: true,
            limit: MAX_SESSIONS,
            ..SessionFilter::default()
        };
        self.query(request, filter, Kind::Transcripts);
    }

    /// Search over the chats of all the workgroups in which the sender is an agent.
    pub(super) fn transcript_search(&mut self, request: &Request) {
        let Some(agent) = FromAgent::check(Some(&request.from), |bare| self.config.is_agent(bare)) else {
            return self.refuse(request, Condition::NotAuthorized, None);
        };
        let form = match history::read_search(&request.payload) {
            Ok(Some(form)) => form,
            Ok(None) => return self.send(request.result(Some(history::search_form()))),
            Err(problem) => return self.refuse_malformed(request, problem),
        };
        let values = |var: &str| -> &[String] {
            form.entries().iter().find(|(name, _)| name == var).map_or(&[], |(_, values)| values.as_slice())
        };
        let wanted = values("workgroups");
        let workgroups = self
            .config
            .workgroups
            .iter()
            .filter(|it| self.config.is_agent_of(&it.name, &agent.bare()))
            .filter(|it| {
                let address = format!("{}@{}", it.name, self.config.domain);
                wanted.iter().all(String::is_empty) || wanted.contains(&address)
            })
            .map(|it| it.name.clone())
            .collect();
        let filter = SessionFilter {
            workgroups,
            agent: form.first("agent").and_then(|agent| BareJid::new(agent).ok()),
            text: form.first("queryString").map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned),
            ended_only: true,
            limit: MAX_SESSIONS,
            ..SessionFilter::default()
        };
        self.query(request, filter, Kind::Search);
    }

    /// Sends what the journal found; `None` when it failed.
    pub(crate) fn answer(&mut self, query: Query, answer: Option<Answer>) {
        let request = query.request;
        let Some(answer) = answer else { return self.refuse(&request, Condition::InternalServerError, None) };
        let sessions = answer.sessions;
        let found = sessions.first();
        let payload = match query.kind {
            Kind::Transcript(session) => {
                let workgroup = found.map(|summary| summary.workgroup.as_str()).unwrap_or_default();
                self.transcript_element(&session, workgroup, answer.lines)
            }
            Kind::Metadata => {
                let answers = found.map(|summary| metadata(&summary.answers)).unwrap_or_default();
                history::chat_metadata(&answers)
            }
            Kind::Notes(session) => match answer.text.filter(|_| found.is_some()) {
                Some(text) => ChatNotes { session: session.0, notes: Some(Hidden(text.0)) }.answer(),
                None => return self.refuse(&request, Condition::ItemNotFound, None),
            },
            Kind::SetNotes(session, text) => {
                if found.is_none() {
                    return self.refuse(&request, Condition::ItemNotFound, None);
                }
                self.records.push(JournalRecord::Notes { session, text });
                return self.send(request.result(None));
            }
            Kind::ChatSessions => {
                let rows: Vec<_> = sessions.iter().map(chat_session).collect();
                history::chat_sessions(&rows)
            }
            Kind::Transcripts => {
                let user = request.payload.attr("userID").unwrap_or_default().to_owned();
                Transcripts { user, summaries: sessions.iter().map(past_chat).collect() }.element()
            }
            Kind::Search => {
                let hits: Vec<_> = sessions.iter().filter_map(|summary| self.hit(summary)).collect();
                history::search_result(&hits)
            }
            Kind::Macros(_) => crate::macros::personal(answer.text.as_ref()),
        };
        self.send(request.result(Some(payload)));
    }

    /// The lines as stanzas of the room.
    fn transcript_element(&self, session: &SessionId, workgroup: &str, lines: Vec<Line>) -> Element {
        let room = BareJid::new(&format!("{session}@{}", self.config.conference)).ok();
        // The newest lines count: by their length, with what is around each.
        let mut size = 0;
        let fits = |line: &&Line| {
            size += 6 * line.text.0.matches(['<', '>', '&', '"', '\'']).count() + line.text.0.len() + 400;
            size <= MAX_TRANSCRIPT
        };
        let first = lines.len() - lines.iter().rev().take(MAX_LINES).take_while(fits).count();
        let left_out = lines.get(first).filter(|_| first > 0).map(|line| Line {
            kind: LineKind::Message,
            nick: workgroup.to_owned(),
            jid: None,
            text: Text("Earlier lines are left out.".to_owned()),
            ..line.clone()
        });
        let entries = left_out.into_iter().chain(lines.into_iter().skip(first)).filter_map(|line| {
            let from = Jid::from(room.as_ref()?.with_resource_str(&line.nick).ok()?);
            let at = Some(ms(line.at));
            Some(match line.kind {
                LineKind::Message => TranscriptEntry::Said { from, body: Hidden(line.text.0), at },
                LineKind::Joined => TranscriptEntry::Came { from, at },
                LineKind::Left => TranscriptEntry::Went { from, at },
            })
        });
        Transcript { session: session.0.clone(), entries: entries.collect() }.element()
    }

    fn hit(&self, summary: &SessionSummary) -> Option<SearchHit> {
        Some(SearchHit {
            workgroup: self.address(&summary.workgroup)?,
            session: summary.session.0.clone(),
            start: ms(summary.started.unwrap_or(summary.joined)),
            agents: summary.agents.iter().map(|entry| entry.agent.clone()).collect(),
            username: answer_of(summary, "username"),
            email: answer_of(summary, "email"),
            question: answer_of(summary, "question"),
        })
    }
}

/// An answer of the form, as long as it may be where many chats stand in one stanza.
pub(super) fn answer_of(summary: &SessionSummary, field: &str) -> Hidden {
    Hidden(text::clip(summary.answers.first(field).unwrap_or_default(), MAX_IN_LIST))
}

fn chat_session(summary: &SessionSummary) -> ChatSession {
    let started = summary.started.unwrap_or(summary.joined);
    ChatSession {
        session: summary.session.0.clone(),
        date: ms(started),
        duration_ms: ms(summary.ended.unwrap_or(started)) - ms(started),
        visitor: answer_of(summary, "username"),
        email: answer_of(summary, "email"),
        question: answer_of(summary, "question"),
    }
}

fn past_chat(summary: &SessionSummary) -> TranscriptSummary {
    let agents = summary.agents.iter().map(|entry| TranscriptAgent {
        agent: entry.agent.clone(),
        joined: Some(ms(entry.joined)),
        left: entry.left.map(ms),
    });
    TranscriptSummary {
        session: summary.session.0.clone(),
        joined: Some(ms(summary.joined)),
        left: summary.ended.map(ms),
        agents: agents.collect(),
    }
}
