//! Past chats: requests that need the journal, and their answers.

use super::Service;
use crate::journal::{JournalRecord, Line, LineKind, SessionFilter, SessionSummary, Text};
use crate::time::{iso, legacy, millis};
use crate::xml::{CLIENT, Condition, El, FORMS, JWG, MUC_USER, Request, child_text, el, leaf};
use flint_fastpath_routing::{SessionId, Timestamp};
use flint_xep::sender::FromAgent;
use jid::BareJid;
use minidom::Element;

/// Most chats in one list.
const MAX_SESSIONS: usize = 100;
/// Most lines of one transcript.
pub(crate) const MAX_LINES: usize = 2_000;
/// Longest note, in bytes.
const MAX_NOTES: usize = 20_000;

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
        match request.payload.attr("sessionID").map(|id| SessionId(id.to_owned())) {
            Some(session) => self.one_session(request, workgroup, session.clone(), Kind::Transcript(session)),
            None => self.refuse(request, Condition::BadRequest, None),
        }
    }

    pub(super) fn chat_metadata(&mut self, request: &Request, workgroup: &str) {
        match child_text(&request.payload, "sessionID").map(SessionId) {
            Some(session) => self.one_session(request, workgroup, session, Kind::Metadata),
            None => self.refuse(request, Condition::BadRequest, None),
        }
    }

    pub(super) fn chat_notes(&mut self, request: &Request, workgroup: &str, set: bool) {
        let Some(session) = child_text(&request.payload, "sessionID").map(SessionId) else {
            return self.refuse(request, Condition::BadRequest, None);
        };
        if !set {
            return self.one_session(request, workgroup, session.clone(), Kind::Notes(session));
        }
        match child_text(&request.payload, "notes") {
            Some(notes) if notes.len() <= MAX_NOTES => {
                self.one_session(request, workgroup, session.clone(), Kind::SetNotes(session, Text(notes)));
            }
            Some(_) => self.refuse(request, Condition::NotAcceptable, Some("The note is too long.")),
            None => self.refuse(request, Condition::BadRequest, None),
        }
    }

    pub(super) fn chat_sessions(&mut self, request: &Request, workgroup: &str) {
        let number = |name: &str| request.payload.attr(name).and_then(|text| text.trim().parse::<u64>().ok());
        let agent = match request.payload.attr("agentJID") {
            Some(text) => BareJid::new(text.split('/').next().unwrap_or_default()).ok(),
            None => Some(request.from.to_bare()),
        };
        let agent = agent.map(|agent| self.behind(&agent, workgroup).unwrap_or(agent));
        let Some(agent) = agent else { return self.refuse(request, Condition::BadRequest, None) };
        let filter = SessionFilter {
            workgroups: vec![workgroup.to_owned()],
            agent: Some(agent),
            since: number("startDate").map(Timestamp),
            ended_only: true,
            limit: usize::try_from(number("maxSessions").unwrap_or(10))
                .unwrap_or(MAX_SESSIONS)
                .min(MAX_SESSIONS),
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
        let Some(form) = request.payload.get_child("x", FORMS) else {
            let payload = el("transcript-search", JWG).child(search_form()).build();
            return self.send(request.result(Some(payload)));
        };
        let values = |var: &str| -> Vec<String> {
            let fields = form.children().filter(|field| field.attr("var") == Some(var)).take(1);
            fields.flat_map(Element::children).map(|value| value.text().trim().to_owned()).take(200).collect()
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
            agent: values("agent").first().and_then(|agent| BareJid::new(agent).ok()),
            text: values("queryString").into_iter().find(|text| !text.is_empty()),
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
            Kind::Transcript(session) => self.transcript_element(&session, &answer.lines),
            Kind::Metadata => {
                let values = found
                    .into_iter()
                    .flat_map(|summary| &summary.answers.0)
                    .map(|(name, values)| leaf("value", JWG, values.join("/")).attr("name", name.as_str()));
                el("chat-metadata", JWG).child(el("metadata", JWG).children(values))
            }
            Kind::Notes(session) => match answer.text.filter(|_| found.is_some()) {
                Some(text) => el("chat-notes", JWG)
                    .child(leaf("sessionID", JWG, session.0))
                    .child(leaf("text", JWG, text.0)),
                None => return self.refuse(&request, Condition::ItemNotFound, None),
            },
            Kind::SetNotes(session, text) => {
                if found.is_none() {
                    return self.refuse(&request, Condition::ItemNotFound, None);
                }
                self.records.push(JournalRecord::Notes { session, text });
                return self.send(request.result(None));
            }
            Kind::ChatSessions => el("chat-sessions", JWG).children(sessions.iter().map(chat_session)),
            Kind::Transcripts => el("transcripts", JWG)
                .attr("userID", request.payload.attr("userID").unwrap_or_default())
                .children(sessions.iter().map(past_transcript)),
            Kind::Search => el("transcript-search", JWG).child(search_result(&sessions, &self.config.domain)),
            Kind::Macros(_) => crate::macros::personal(answer.text.as_ref()),
        };
        self.send(request.result(Some(payload.build())));
    }

    /// The lines as stanzas of the room. What Openfire writes (no namespace, ISO stamps without zone) a Spark throws
    /// away, so these have the client's namespace and the legacy stamp (`live/SPARK.md`, rule 9).
    fn transcript_element(&self, session: &SessionId, lines: &[Line]) -> El {
        let stanzas = lines.iter().map(|line| {
            let from = format!("{session}@{}/{}", self.config.conference, line.nick);
            let delay = el("x", "jabber:x:delay").attr("stamp", legacy(line.at));
            let stanza = match line.kind {
                LineKind::Message => el("message", CLIENT)
                    .attr("from", from.as_str())
                    .attr("type", "groupchat")
                    .child(leaf("body", CLIENT, line.text.0.as_str())),
                LineKind::Joined | LineKind::Left => {
                    let left = line.kind == LineKind::Left;
                    let item = el("item", MUC_USER)
                        .some("jid", line.jid.as_ref().map(|jid| jid.as_str().to_owned()))
                        .attr("affiliation", "none")
                        .attr("role", if left { "none" } else { "participant" });
                    el("presence", CLIENT)
                        .attr("from", from.as_str())
                        .some("type", left.then_some("unavailable"))
                        .child(el("x", MUC_USER).child(item))
                }
            };
            stanza.child(delay)
        });
        el("transcript", JWG).attr("sessionID", session.0.as_str()).children(stanzas)
    }
}

fn chat_session(summary: &SessionSummary) -> El {
    let started = summary.started.unwrap_or(summary.joined);
    let text = |field: &str| summary.answers.first(field).unwrap_or_default().to_owned();
    el("chat-session", JWG)
        .child(leaf("sessionID", JWG, summary.session.0.as_str()))
        .child(leaf("date", JWG, millis(started)))
        .child(leaf("duration", JWG, summary.ended.unwrap_or(started).since(started).to_string()))
        .child(leaf("visitorsName", JWG, text("username")))
        .child(leaf("visitorsEmail", JWG, text("email")))
        .child(leaf("question", JWG, text("question")))
}

fn past_transcript(summary: &SessionSummary) -> El {
    let agents = summary.agents.iter().map(|entry| {
        el("agent", JWG)
            .child(leaf("agentJID", JWG, entry.agent.as_str()))
            .child(leaf("joinTime", JWG, legacy(entry.joined)))
            .children(entry.left.map(|at| leaf("leftTime", JWG, legacy(at))))
    });
    el("transcript", JWG)
        .attr("sessionID", summary.session.0.as_str())
        .child(el("agents", JWG).children(agents))
        .child(leaf("joinTime", JWG, legacy(summary.joined)))
        .children(summary.ended.map(|at| leaf("leftTime", JWG, legacy(at))))
}

fn search_form() -> El {
    let field = |var: &str, kind: &str, label: &str| {
        el("field", FORMS).attr("type", kind).attr("label", label).attr("var", var)
    };
    el("x", FORMS)
        .attr("type", "form")
        .child(leaf("title", FORMS, "Chat search"))
        .child(leaf("instructions", FORMS, "Fill out this form to search for chats"))
        .child(field("date/start", "text-single", "Starting Date"))
        .child(field("date/end", "text-single", "Ending Date"))
        .child(field("workgroups", "jid-multi", "Workgroup"))
        .child(field("agent", "jid-single", "Agent"))
        .child(field("queryString", "text-single", "Search Terms").child(el("required", FORMS)))
}

/// The result form: what was found, with the columns that Spark shows.
fn search_result(sessions: &[SessionSummary], domain: &str) -> El {
    let column = |(var, kind): (&str, &str)| el("field", FORMS).attr("var", var).attr("type", kind);
    let columns = [
        ("workgroup", "jid-single"),
        ("sessionID", "text-single"),
        ("startDate", "text-single"),
        ("agentJIDs", "jid-multi"),
        ("relevance", "text-single"),
        ("question", "text-single"),
        ("email", "text-single"),
        ("username", "text-single"),
    ];
    let items = sessions.iter().map(|summary| {
        let field = |var: &str, values: Vec<String>| {
            el("field", FORMS)
                .attr("var", var)
                .children(values.into_iter().map(|value| leaf("value", FORMS, value)))
        };
        let known = ["question", "email", "username"]
            .into_iter()
            .filter_map(|name| summary.answers.first(name).map(|value| field(name, vec![value.to_owned()])));
        el("item", FORMS)
            .child(field("workgroup", vec![format!("{}@{domain}", summary.workgroup)]))
            .child(field("sessionID", vec![summary.session.0.clone()]))
            .child(field("startDate", vec![iso(summary.started.unwrap_or(summary.joined))]))
            .child(field("agentJIDs", summary.agents.iter().map(|entry| entry.agent.to_string()).collect()))
            .child(field("relevance", vec!["1.0".to_owned()]))
            .children(known)
    });
    el("x", FORMS)
        .attr("type", "result")
        .child(el("reported", FORMS).children(columns.map(column)))
        .children(items)
}
