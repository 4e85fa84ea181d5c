//! Past chats: an agent's sessions, a customer's sessions, transcripts, notes.

use crate::element::{
    attr, child, child_text, children, empty, expect, jid, leaf, name, need_attr, need_text, number,
};
use crate::error::Malformed;
use crate::metadata::{Metadata, session_id, session_id_element};
use crate::text::{Hidden, clean};
use crate::{CLIENT, JWG, WG, limits, stamp};
use jid::{BareJid, Jid};
use minidom::Element;

const DELAY: &str = "urn:xmpp:delay";
const OLD_DELAY: &str = "jabber:x:delay";

/// One thing in a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TranscriptEntry {
    /// Somebody said something.
    Said {
        /// Occupant address in the room.
        from: Jid,
        /// Words.
        body: Hidden,
        /// When (milliseconds); `None`: the stamp is missing or impossible.
        at: Option<i64>,
    },
    /// Somebody came.
    Came {
        /// Occupant address in the room.
        from: Jid,
        /// When (milliseconds).
        at: Option<i64>,
    },
    /// Somebody went.
    Went {
        /// Occupant address in the room.
        from: Jid,
        /// When (milliseconds).
        at: Option<i64>,
    },
}

/// `<transcript/>`: what was said in one chat. Asked for without entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    /// Session id.
    pub session: String,
    /// In order.
    pub entries: Vec<TranscriptEntry>,
}

impl Transcript {
    /// The question; in [`WG`], as Smack asks.
    pub fn request(session: &str) -> Element {
        Element::builder("transcript", WG).attr(name!("sessionID"), clean(session)).build()
    }

    /// Reads question or answer. Stanzas inside are taken in any namespace (Openfire writes the empty one), those
    /// without a sender are passed over.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "transcript")?;
        let mut entries = Vec::new();
        for stanza in element.children() {
            if entries.len() == limits::HISTORY {
                return Err(Malformed::TooMany("message"));
            }
            let Some(from) = crate::element::jid_attr(stanza, "from")? else { continue };
            let at = delay(stanza);
            match stanza.name() {
                "message" => {
                    let Some(body) = stanza.children().find(|child| child.name() == "body") else { continue };
                    let body = body.text();
                    if body.len() > limits::LONG {
                        return Err(Malformed::TooLong("body"));
                    }
                    entries.push(TranscriptEntry::Said { from, body: Hidden(body), at });
                }
                "presence" if stanza.attr("type") == Some("unavailable") => {
                    entries.push(TranscriptEntry::Went { from, at });
                }
                "presence" if stanza.attr("type").is_none() => {
                    entries.push(TranscriptEntry::Came { from, at })
                }
                _ => {}
            }
        }
        Ok(Self { session: need_attr(element, "sessionID", limits::ID)?, entries })
    }

    /// The answer: stanzas in `jabber:client` with the one stamp that Spark reads.
    pub fn element(&self) -> Element {
        let stamp = |at: Option<i64>| {
            at.map(|at| Element::builder("x", OLD_DELAY).attr(name!("stamp"), stamp::legacy(at)).build())
        };
        let entries = self.entries.iter().map(|entry| match entry {
            TranscriptEntry::Said { from, body, at } => Element::builder("message", CLIENT)
                .attr(name!("type"), "groupchat")
                .attr(name!("from"), from.to_string())
                .append(leaf("body", CLIENT, &body.0))
                .append_all(stamp(*at))
                .build(),
            TranscriptEntry::Came { from, at } => Element::builder("presence", CLIENT)
                .attr(name!("from"), from.to_string())
                .append_all(stamp(*at))
                .build(),
            TranscriptEntry::Went { from, at } => Element::builder("presence", CLIENT)
                .attr(name!("type"), "unavailable")
                .attr(name!("from"), from.to_string())
                .append_all(stamp(*at))
                .build(),
        });
        Element::builder("transcript", JWG)
            .attr(name!("sessionID"), clean(&self.session))
            .append_all(entries)
            .build()
    }
}

/// The moment of a delayed stanza (XEP-0203, or XEP-0091), if it says one.
pub fn delay(stanza: &Element) -> Option<i64> {
    [("delay", DELAY), ("x", OLD_DELAY)]
        .into_iter()
        .filter_map(|(name, ns)| stanza.get_child(name, ns))
        .find_map(|delay| stamp::read(delay.attr("stamp")?))
}

/// One agent's part in a past chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptAgent {
    /// Who.
    pub agent: BareJid,
    /// From (milliseconds).
    pub joined: Option<i64>,
    /// To.
    pub left: Option<i64>,
}

/// One past chat in `<transcripts/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptSummary {
    /// Session id.
    pub session: String,
    /// From (milliseconds).
    pub joined: Option<i64>,
    /// To.
    pub left: Option<i64>,
    /// Agents.
    pub agents: Vec<TranscriptAgent>,
}

/// `<transcripts/>`: the past chats of one customer. Asked for without summaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcripts {
    /// The customer: bare JID, or the identity of an anonymous one.
    pub user: String,
    /// Past chats.
    pub summaries: Vec<TranscriptSummary>,
}

impl Transcripts {
    /// The question; in [`WG`], as Smack asks.
    pub fn request(user: &str) -> Element {
        Element::builder("transcripts", WG).attr(name!("userID"), clean(user)).build()
    }

    /// Reads question or answer.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "transcripts")?;
        let summaries = children(element, "transcript", limits::HISTORY)?
            .into_iter()
            .map(|summary| {
                let agents = match child(summary, "agents") {
                    Some(list) => children(list, "agent", limits::CHATS)?
                        .into_iter()
                        .map(|agent| {
                            Ok(TranscriptAgent {
                                agent: jid(&need_text(agent, "agentJID", limits::JID)?, "agentJID")?
                                    .into_bare(),
                                joined: moment(agent, "joinTime")?,
                                left: moment(agent, "leftTime")?,
                            })
                        })
                        .collect::<Result<_, Malformed>>()?,
                    None => Vec::new(),
                };
                Ok(TranscriptSummary {
                    session: need_attr(summary, "sessionID", limits::ID)?,
                    joined: moment(summary, "joinTime")?,
                    left: moment(summary, "leftTime")?,
                    agents,
                })
            })
            .collect::<Result<_, Malformed>>()?;
        Ok(Self { user: need_attr(element, "userID", limits::JID)?, summaries })
    }

    /// The answer; in [`JWG`], whatever the question was in.
    pub fn element(&self) -> Element {
        let time = |name: &str, at: Option<i64>| at.map(|at| leaf(name, JWG, &stamp::legacy(at)));
        let summaries = self.summaries.iter().map(|summary| {
            let agents = summary.agents.iter().map(|agent| {
                Element::builder("agent", JWG)
                    .append(leaf("agentJID", JWG, &agent.agent.to_string()))
                    .append_all(time("joinTime", agent.joined))
                    .append_all(time("leftTime", agent.left))
                    .build()
            });
            Element::builder("transcript", JWG)
                .attr(name!("sessionID"), clean(&summary.session))
                .append(Element::builder("agents", JWG).append_all(agents).build())
                .append_all(time("joinTime", summary.joined))
                .append_all(time("leftTime", summary.left))
                .build()
        });
        Element::builder("transcripts", JWG)
            .attr(name!("userID"), clean(&self.user))
            .append_all(summaries)
            .build()
    }
}

/// The question for an agent's past chats: `<chat-sessions agentJID maxSessions startDate/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSessionsRequest {
    /// Whose.
    pub agent: BareJid,
    /// At most so many.
    pub max_sessions: u32,
    /// Not before (milliseconds).
    pub start: Option<i64>,
}

impl ChatSessionsRequest {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "chat-sessions")?;
        let agent = need_attr(element, "agentJID", limits::JID)?;
        let start = attr(element, "startDate", 64)?;
        Ok(Self {
            agent: jid(&agent, "agentJID")?.into_bare(),
            max_sessions: number(&need_attr(element, "maxSessions", 20)?, "maxSessions")?,
            start: start
                .map(|text| stamp::read(&text).ok_or(Malformed::BadValue("startDate")))
                .transpose()?,
        })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("chat-sessions", JWG)
            .attr(name!("agentJID"), self.agent.to_string())
            .attr(name!("maxSessions"), self.max_sessions.to_string())
            .attr(name!("startDate"), self.start.map(|at| at.to_string()))
            .build()
    }
}

/// One past chat of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSession {
    /// Session id.
    pub session: String,
    /// When it began (milliseconds).
    pub date: i64,
    /// How long (milliseconds).
    pub duration_ms: i64,
    /// The customer's name.
    pub visitor: Hidden,
    /// The customer's e-mail address.
    pub email: Hidden,
    /// The question.
    pub question: Hidden,
}

/// The answer with an agent's past chats, newest first.
pub fn chat_sessions(list: &[ChatSession]) -> Element {
    let rows = list.iter().map(|row| {
        Element::builder("chat-session", JWG)
            .append(session_id_element(&row.session))
            .append(leaf("date", JWG, &stamp::millis(row.date)))
            .append(leaf("duration", JWG, &row.duration_ms.max(0).to_string()))
            .append(leaf("visitorsName", JWG, &row.visitor.0))
            .append(leaf("visitorsEmail", JWG, &row.email.0))
            .append(leaf("question", JWG, &row.question.0))
            .build()
    });
    Element::builder("chat-sessions", JWG).append_all(rows).build()
}

/// Reads the answer with an agent's past chats.
pub fn read_chat_sessions(element: &Element) -> Result<Vec<ChatSession>, Malformed> {
    expect(element, "chat-sessions")?;
    children(element, "chat-session", limits::HISTORY)?
        .into_iter()
        .map(|row| {
            let text =
                |name| Ok::<_, Malformed>(Hidden(child_text(row, name, limits::TEXT)?.unwrap_or_default()));
            let duration = child_text(row, "duration", 20)?.filter(|text| !text.is_empty());
            Ok(ChatSession {
                session: session_id(row)?,
                date: moment(row, "date")?.ok_or(Malformed::Missing("date"))?,
                duration_ms: duration.map(|text| number(&text, "duration")).transpose()?.unwrap_or(0),
                visitor: text("visitorsName")?,
                email: text("visitorsEmail")?,
                question: text("question")?,
            })
        })
        .collect()
}

/// `<chat-notes/>`. The notes are in `text` in an answer and in `notes` in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatNotes {
    /// Session id.
    pub session: String,
    /// Notes; `None` in the question.
    pub notes: Option<Hidden>,
}

impl ChatNotes {
    /// Reads any of the three forms.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "chat-notes")?;
        let notes = match child_text(element, "notes", limits::TEXT)? {
            Some(notes) => Some(notes),
            None => child_text(element, "text", limits::TEXT)?,
        };
        Ok(Self { session: session_id(element)?, notes: notes.map(Hidden) })
    }

    /// The answer, with `text`.
    pub fn answer(&self) -> Element {
        self.with("text")
    }

    /// The question, or with notes the request to store them.
    pub fn request(&self) -> Element {
        self.with("notes")
    }

    fn with(&self, name: &str) -> Element {
        Element::builder("chat-notes", JWG)
            .append(session_id_element(&self.session))
            .append_all(self.notes.as_ref().map(|notes| leaf(name, JWG, &notes.0)))
            .build()
    }
}

/// Session id out of the question `<chat-metadata><sessionID/></chat-metadata>`.
pub fn read_chat_metadata_request(element: &Element) -> Result<String, Malformed> {
    expect(element, "chat-metadata")?;
    session_id(element)
}

/// The answer: everything that the customer filled in; several values of one name are joined by `/`.
pub fn chat_metadata(metadata: &Metadata) -> Element {
    let joined: Metadata =
        metadata.entries().iter().map(|(name, values)| (name.clone(), values.join("/"))).collect();
    Element::builder("chat-metadata", JWG).append(joined.element()).build()
}

/// The empty form for searching transcripts, asked for with an empty `<transcript-search/>`.
pub fn search_form() -> Element {
    use crate::form::{Field, FieldKind, Form};
    let field = |var: &str, label: &str, kind, required| Field {
        var: var.to_owned(),
        label: label.to_owned(),
        kind,
        required,
        ..Field::default()
    };
    let form = Form {
        title: "Chat search".to_owned(),
        instructions: "Fill out this form to search for chats".to_owned(),
        fields: vec![
            field("date/start", "Starting Date", FieldKind::TextSingle, false),
            field("date/end", "Ending Date", FieldKind::TextSingle, false),
            field("workgroups", "Workgroup", FieldKind::JidMulti, false),
            field("agent", "Agent", FieldKind::JidSingle, false),
            field("queryString", "Search Terms", FieldKind::TextSingle, true),
        ],
    };
    Element::builder("transcript-search", JWG).append(form.element()).build()
}

/// The filled-in form inside `<transcript-search/>`; `None`: the form is asked for.
pub fn read_search(element: &Element) -> Result<Option<Metadata>, Malformed> {
    expect(element, "transcript-search")?;
    element.get_child("x", "jabber:x:data").map(crate::form::read_submission).transpose()
}

/// One hit of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchHit {
    /// Where.
    pub workgroup: BareJid,
    /// Session id.
    pub session: String,
    /// When (milliseconds).
    pub start: i64,
    /// Agents.
    pub agents: Vec<BareJid>,
    /// The customer's name.
    pub username: Hidden,
    /// The customer's e-mail address.
    pub email: Hidden,
    /// The question.
    pub question: Hidden,
}

/// The answer to a search.
pub fn search_result(hits: &[SearchHit]) -> Element {
    const DATA: &str = "jabber:x:data";
    const COLUMNS: [(&str, &str); 5] = [
        ("workgroup", "jid-single"),
        ("sessionID", "text-single"),
        ("startDate", "text-single"),
        ("agentJIDs", "jid-multi"),
        ("relevance", "text-single"),
    ];
    let value = |var: &str, values: Vec<String>| {
        Element::builder("field", DATA)
            .attr(name!("var"), var)
            .append_all(values.iter().map(|value| leaf("value", DATA, value)))
            .build()
    };
    let reported = Element::builder("reported", DATA)
        .append_all(COLUMNS.map(|(var, kind)| {
            Element::builder("field", DATA).attr(name!("var"), var).attr(name!("type"), kind).build()
        }))
        .build();
    let items = hits.iter().map(|hit| {
        Element::builder("item", DATA)
            .append(value("workgroup", vec![hit.workgroup.to_string()]))
            .append(value("sessionID", vec![hit.session.clone()]))
            .append(value("startDate", vec![stamp::utc(hit.start)]))
            .append(value("agentJIDs", hit.agents.iter().map(ToString::to_string).collect()))
            .append(value("relevance", vec!["100".to_owned()]))
            .append(value("question", vec![hit.question.0.clone()]))
            .append(value("email", vec![hit.email.0.clone()]))
            .append(value("username", vec![hit.username.0.clone()]))
            .build()
    });
    let form =
        Element::builder("x", DATA).attr(name!("type"), "result").append(reported).append_all(items).build();
    Element::builder("transcript-search", JWG).append(form).build()
}

/// The question for the transcript search form.
pub fn search_request() -> Element {
    empty("transcript-search", JWG)
}

fn moment(parent: &Element, name: &'static str) -> Result<Option<i64>, Malformed> {
    match child_text(parent, name, 64)? {
        Some(text) if !text.is_empty() => stamp::read(&text).map(Some).ok_or(Malformed::BadValue(name)),
        _ => Ok(None),
    }
}
