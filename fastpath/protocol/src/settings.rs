//! Settings that customers' pages and agents' programs ask a workgroup for.

use crate::element::{attr, child, child_text, children, expect, leaf, name, need_text};
use crate::error::Malformed;
use crate::text::{Hidden, clean};
use crate::{JWG, limits};
use jid::BareJid;
use minidom::Element;

/// `<workgroup-properties/>`: must a customer sign in?
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkgroupProperties {
    /// Must sign in.
    pub auth_required: bool,
}

impl WorkgroupProperties {
    /// Reads the answer.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "workgroup-properties")?;
        let word = child_text(element, "authRequired", 16)?.unwrap_or_default();
        Ok(Self { auth_required: word == "true" })
    }

    /// The answer.
    pub fn element(&self) -> Element {
        Element::builder("workgroup-properties", JWG)
            .append(leaf("authRequired", JWG, &self.auth_required.to_string()))
            .build()
    }
}

/// Kind of a chat setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettingKind {
    /// Picture in base64.
    Image,
    /// Text.
    Text,
    /// Text of the bot.
    Bot,
    /// Search.
    Search,
    /// For closed hours.
    Offline,
}

impl SettingKind {
    fn number(self) -> u8 {
        match self {
            Self::Image => 0,
            Self::Text => 1,
            Self::Bot => 2,
            Self::Search => 3,
            Self::Offline => 4,
        }
    }

    fn read(text: &str) -> Result<Self, Malformed> {
        match text {
            "0" => Ok(Self::Image),
            "1" => Ok(Self::Text),
            "2" => Ok(Self::Bot),
            "3" => Ok(Self::Search),
            "4" => Ok(Self::Offline),
            _ => Err(Malformed::BadValue("type")),
        }
    }
}

/// One chat setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSetting {
    /// Key, such as `no_agent_text`.
    pub key: String,
    /// Value.
    pub value: String,
    /// Kind.
    pub kind: SettingKind,
}

/// The question for chat settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatSettingsRequest {
    /// One.
    Key(String),
    /// All of a kind.
    Kind(SettingKind),
    /// All.
    All,
}

impl ChatSettingsRequest {
    /// Reads the question; a key wins over a kind.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "chat-settings")?;
        if let Some(key) = attr(element, "key", limits::ID)? {
            return Ok(Self::Key(key));
        }
        match attr(element, "type", 16)? {
            Some(kind) => SettingKind::read(&kind).map(Self::Kind),
            None => Ok(Self::All),
        }
    }

    /// The question.
    pub fn element(&self) -> Element {
        let (key, kind) = match self {
            Self::Key(key) => (Some(clean(key)), None),
            Self::Kind(kind) => (None, Some(kind.number().to_string())),
            Self::All => (None, None),
        };
        Element::builder("chat-settings", JWG).attr(name!("key"), key).attr(name!("type"), kind).build()
    }
}

/// The answer with chat settings.
pub fn chat_settings(list: &[ChatSetting]) -> Element {
    Element::builder("chat-settings", JWG)
        .append_all(list.iter().map(|setting| {
            Element::builder("chat-setting", JWG)
                .append(leaf("key", JWG, &setting.key))
                .append(leaf("value", JWG, &setting.value))
                .append(leaf("type", JWG, &setting.kind.number().to_string()))
                .build()
        }))
        .build()
}

/// Reads the answer with chat settings.
pub fn read_chat_settings(element: &Element) -> Result<Vec<ChatSetting>, Malformed> {
    expect(element, "chat-settings")?;
    children(element, "chat-setting", limits::ROWS)?
        .into_iter()
        .map(|setting| {
            Ok(ChatSetting {
                key: need_text(setting, "key", limits::ID)?,
                value: child_text(setting, "value", limits::LONG)?.unwrap_or_default(),
                kind: SettingKind::read(&need_text(setting, "type", 16)?)?,
            })
        })
        .collect()
}

/// `<offline-settings/>`: what a customer is told when nobody is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfflineSettings {
    /// Go to this page.
    Page(String),
    /// Go to this room.
    Room(BareJid),
    /// Write a mail.
    Mail {
        /// Address.
        address: String,
        /// What is read.
        text: String,
        /// Subject set beforehand.
        subject: String,
    },
}

impl OfflineSettings {
    /// Reads the answer.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "offline-settings")?;
        if let Some(page) = child_text(element, "redirectPage", limits::TEXT)?.filter(|page| !page.is_empty())
        {
            return Ok(Self::Page(page));
        }
        if let Some(room) = child_text(element, "redirectMUC", limits::JID)?.filter(|room| !room.is_empty()) {
            return Ok(Self::Room(crate::element::jid(&room, "redirectMUC")?.into_bare()));
        }
        Ok(Self::Mail {
            address: need_text(element, "emailAddress", limits::NAME)?,
            text: child_text(element, "offlineText", limits::TEXT)?.unwrap_or_default(),
            subject: child_text(element, "subject", limits::NAME)?.unwrap_or_default(),
        })
    }

    /// The answer.
    pub fn element(&self) -> Element {
        let parts = match self {
            Self::Page(page) => vec![leaf("redirectPage", JWG, page)],
            Self::Room(room) => vec![leaf("redirectMUC", JWG, &room.to_string())],
            Self::Mail { address, text, subject } => vec![
                leaf("emailAddress", JWG, address),
                leaf("offlineText", JWG, text),
                leaf("subject", JWG, subject),
            ],
        };
        Element::builder("offline-settings", JWG).append_all(parts).build()
    }
}

/// `<search-settings/>`: addresses of forum and knowledge base.
pub fn search_settings(forums: Option<&str>, knowledge_base: Option<&str>) -> Element {
    Element::builder("search-settings", JWG)
        .append_all(forums.map(|url| leaf("forums", JWG, url)))
        .append_all(knowledge_base.map(|url| leaf("kb", JWG, url)))
        .build()
}

/// `<monitor><isMonitor/></monitor>`: may this agent listen to chats?
pub fn monitor(is_monitor: bool) -> Element {
    Element::builder("monitor", JWG).append(leaf("isMonitor", JWG, &is_monitor.to_string())).build()
}

/// `<generic-metadata/>` with entries.
pub fn generic_metadata<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Element {
    Element::builder("generic-metadata", JWG)
        .append_all(entries.into_iter().map(|(key, value)| {
            Element::builder("entry", JWG)
                .append(leaf("name", JWG, key))
                .append(leaf("value", JWG, value))
                .build()
        }))
        .build()
}

/// `<send-email/>`: a mail to the workgroup, or a transcript by mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendEmail {
    /// Sender.
    pub from: Hidden,
    /// Receiver.
    pub to: Hidden,
    /// Subject.
    pub subject: Hidden,
    /// Text; `\n` as two characters is a line break already here.
    pub message: Hidden,
    /// The text is HTML.
    pub html: bool,
    /// Send this chat's transcript instead of the text.
    pub session: Option<String>,
}

impl SendEmail {
    /// Reads the element. Only the receiver, and a text or session, have to be there (an old web client leaves the
    /// rest out).
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "send-email")?;
        let text =
            |name| Ok::<_, Malformed>(Hidden(child_text(element, name, limits::NAME)?.unwrap_or_default()));
        let message = child_text(element, "message", limits::METADATA)?.unwrap_or_default();
        let session = child_text(element, "sessionID", limits::ID)?.filter(|id| !id.is_empty());
        if message.is_empty() && session.is_none() {
            return Err(Malformed::Missing("message"));
        }
        Ok(Self {
            from: text("fromAddress")?,
            to: Hidden(need_text(element, "toAddress", limits::NAME)?),
            subject: text("subject")?,
            message: Hidden(message.replace("\\n", "\n")),
            html: child(element, "useHTML").is_some_and(|html| html.text().trim() == "true"),
            session,
        })
    }
}
