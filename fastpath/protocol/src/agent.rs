//! An agent's presence in a workgroup, the list of colleagues and their presences.

use crate::element::{
    attr, bare_attr, child, child_text, children, empty, expect, leaf, name, need_attr, number,
};
use crate::error::Malformed;
use crate::text::{Hidden, clean, clip};
use crate::{JWG, WG, limits, stamp};
use jid::BareJid;
use minidom::Element;

/// What an agent's presence says about the number of chats at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaxChats {
    /// Nothing: stays as it is.
    #[default]
    Unchanged,
    /// An empty element: the workgroup's default.
    Default,
    /// This many.
    Limit(u32),
}

/// One chat in an agent's status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CurrentChat {
    /// Session id.
    pub session: String,
    /// The customer's identity, may be empty.
    pub user: String,
    /// Since when (milliseconds).
    pub started: Option<i64>,
    /// The customer's question.
    pub question: Hidden,
    /// The customer's name.
    pub username: Hidden,
    /// The customer's e-mail address.
    pub email: Hidden,
}

/// `<agent-status/>`: from the agent without `workgroup`, to colleagues with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentStatus {
    /// Which workgroup's agent this is about.
    pub workgroup: Option<BareJid>,
    /// Chats at once.
    pub max_chats: MaxChats,
    /// Chats now; `None`: not stated.
    pub chats: Option<Vec<CurrentChat>>,
}

impl AgentStatus {
    /// Reads the element. Smack's misspelt `max_chats` counts, too.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "agent-status")?;
        let max = match child_text(element, "max-chats", 20)? {
            Some(text) => Some(text),
            None => child_text(element, "max_chats", 20)?,
        };
        let max_chats = match max.as_deref() {
            None => MaxChats::Unchanged,
            Some("") => MaxChats::Default,
            Some(text) => MaxChats::Limit(number(text, "max-chats")?),
        };
        let chats = child(element, "current-chats")
            .map(|list| children(list, "chat", limits::CHATS)?.into_iter().map(read_chat).collect())
            .transpose()?;
        Ok(Self { workgroup: bare_attr(element, "jid")?, max_chats, chats })
    }

    /// The one in a presence, if there is one.
    pub fn inside(presence: &Element) -> Result<Option<Self>, Malformed> {
        child(presence, "agent-status").map(Self::read).transpose()
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        let max_chats = match self.max_chats {
            MaxChats::Unchanged => None,
            MaxChats::Default => Some(empty("max-chats", WG)),
            MaxChats::Limit(limit) => Some(leaf("max-chats", WG, &limit.to_string())),
        };
        let chats = self.chats.as_ref().map(|chats| {
            Element::builder("current-chats", JWG).append_all(chats.iter().map(chat_element)).build()
        });
        Element::builder("agent-status", WG)
            .attr(name!("jid"), self.workgroup.as_ref().map(ToString::to_string))
            .append_all(max_chats)
            .append_all(chats)
            .build()
    }
}

fn read_chat(chat: &Element) -> Result<CurrentChat, Malformed> {
    let hidden =
        |name: &'static str| Ok::<_, Malformed>(Hidden(attr(chat, name, limits::TEXT)?.unwrap_or_default()));
    let started = attr(chat, "startTime", 64)?;
    Ok(CurrentChat {
        session: need_attr(chat, "sessionID", limits::ID)?,
        user: attr(chat, "userID", limits::JID)?.unwrap_or_default(),
        started: started
            .map(|text| stamp::read(&text).ok_or(Malformed::BadValue("startTime")))
            .transpose()?,
        question: hidden("question")?,
        username: hidden("username")?,
        email: hidden("email")?,
    })
}

fn chat_element(chat: &CurrentChat) -> Element {
    let given = |text: &Hidden| (!text.0.is_empty()).then(|| clip(&text.0, limits::ATTRIBUTE));
    Element::builder("chat", JWG)
        .attr(name!("sessionID"), clean(&chat.session))
        .attr(name!("userID"), clean(&chat.user))
        .attr(name!("startTime"), chat.started.map(stamp::legacy))
        .attr(name!("question"), given(&chat.question))
        .attr(name!("username"), given(&chat.username))
        .attr(name!("email"), given(&chat.email))
        .build()
}

/// One agent in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentEntry {
    /// Address, as the workgroup shows it.
    pub jid: BareJid,
    /// Name, if it has one.
    pub name: Option<String>,
    /// No longer an agent (only in a push).
    pub removed: bool,
}

/// `<agent-status-request/>`: asked for empty, answered and pushed with agents in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentStatusRequest {
    /// Agents; in a push exactly one.
    pub agents: Vec<AgentEntry>,
}

impl AgentStatusRequest {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "agent-status-request")?;
        let agents = children(element, "agent", limits::ROWS)?
            .into_iter()
            .map(|agent| {
                Ok(AgentEntry {
                    jid: bare_attr(agent, "jid")?.ok_or(Malformed::Missing("jid"))?,
                    name: child_text(agent, "name", limits::NAME)?.filter(|name| !name.is_empty()),
                    removed: agent.attr("type") == Some("remove"),
                })
            })
            .collect::<Result<_, Malformed>>()?;
        Ok(Self { agents })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("agent-status-request", WG)
            .append_all(self.agents.iter().map(|agent| {
                Element::builder("agent", WG)
                    .attr(name!("jid"), agent.jid.to_string())
                    .attr(name!("type"), agent.removed.then_some("remove"))
                    .append_all(agent.name.as_deref().map(|name| leaf("name", JWG, name)))
                    .build()
            }))
            .build()
    }
}

/// `<agent-info/>`: own address and name; with a name in a `set` to change it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentInfo {
    /// Address.
    pub jid: Option<BareJid>,
    /// Name.
    pub name: Option<String>,
}

impl AgentInfo {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "agent-info")?;
        let jid = child_text(element, "jid", limits::JID)?.filter(|text| !text.is_empty());
        Ok(Self {
            jid: jid.map(|text| crate::element::jid(&text, "jid")).transpose()?.map(jid::Jid::into_bare),
            name: child_text(element, "name", limits::NAME)?.filter(|name| !name.is_empty()),
        })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("agent-info", JWG)
            .append_all(self.jid.as_ref().map(|jid| leaf("jid", JWG, &jid.to_string())))
            .append_all(self.name.as_deref().map(|name| leaf("name", JWG, name)))
            .build()
    }
}
