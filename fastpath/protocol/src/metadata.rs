//! What is known about a customer, and the names of chats and people: small parts of many payloads.

use crate::JWG;
use crate::element::{attr, bare_attr, child, expect, leaf, name, need_attr};
use crate::error::Malformed;
use crate::limits;
use crate::text::clean;
use jid::BareJid;
use minidom::Element;
use std::fmt;

/// A customer's answers: `<metadata><value name='…'>…</value></metadata>` (JWG), several values of a name repeated.
/// `Debug` shows only the number of names.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    entries: Vec<(String, Vec<String>)>,
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({} names)", self.entries.len())
    }
}

impl Metadata {
    /// Names with their values, in order.
    pub fn entries(&self) -> &[(String, Vec<String>)] {
        &self.entries
    }

    /// First value of a name.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|(known, _)| known == name)?.1.first().map(String::as_str)
    }

    /// Sets all values of a name, in the place where it was.
    pub fn set(&mut self, name: impl Into<String>, values: Vec<String>) {
        let name = name.into();
        match self.entries.iter_mut().find(|(known, _)| *known == name) {
            Some(entry) => entry.1 = values,
            None => self.entries.push((name, values)),
        }
    }

    /// Takes a name out.
    pub fn remove(&mut self, name: &str) -> Option<Vec<String>> {
        let place = self.entries.iter().position(|(known, _)| known == name)?;
        Some(self.entries.remove(place).1)
    }

    /// Refuses more than [`limits::FIELDS`] names, [`limits::VALUES`] values of one or [`limits::METADATA`] bytes.
    pub fn check(&self) -> Result<(), Malformed> {
        let bytes: usize = self
            .entries
            .iter()
            .map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>())
            .sum();
        if self.entries.len() > limits::FIELDS
            || self.entries.iter().any(|(_, values)| values.len() > limits::VALUES)
        {
            return Err(Malformed::TooMany("value"));
        }
        if bytes > limits::METADATA {
            return Err(Malformed::TooLong("metadata"));
        }
        Ok(())
    }

    /// Reads `<metadata/>`.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "metadata")?;
        let mut metadata = Self::default();
        let most = limits::FIELDS * limits::VALUES;
        for value in crate::element::children(element, "value", most)? {
            let name = need_attr(value, "name", limits::ID)?;
            let text = crate::element::text(value, "value", limits::TEXT)?;
            match metadata.entries.iter_mut().find(|(known, _)| *known == name) {
                Some(entry) => entry.1.push(text),
                None => metadata.entries.push((name, vec![text])),
            }
            if metadata.entries.len() > limits::FIELDS {
                return Err(Malformed::TooMany("value"));
            }
        }
        metadata.check()?;
        Ok(metadata)
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        let values = self.entries.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| {
                Element::builder("value", JWG).attr(name!("name"), clean(name)).append(clean(value)).build()
            })
        });
        Element::builder("metadata", JWG).append_all(values).build()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Metadata {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        let mut metadata = Self::default();
        for (name, value) in pairs {
            let name = name.into();
            match metadata.entries.iter_mut().find(|(known, _)| *known == name) {
                Some(entry) => entry.1.push(value.into()),
                None => metadata.entries.push((name, vec![value.into()])),
            }
        }
        metadata
    }
}

/// `<session id='…' workgroup='…'/>` (JWG): a chat, named after its request; the localpart of its room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Session id.
    pub id: String,
    /// Workgroup where the customer queued; not everybody sends it.
    pub workgroup: Option<BareJid>,
}

impl Session {
    /// Reads the element.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        expect(element, "session")?;
        Ok(Self { id: need_attr(element, "id", limits::ID)?, workgroup: bare_attr(element, "workgroup")? })
    }

    /// The one inside `parent`, if there is one.
    pub fn inside(parent: &Element) -> Result<Option<Self>, Malformed> {
        child(parent, "session").map(Self::read).transpose()
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("session", JWG)
            .attr(name!("id"), clean(&self.id))
            .attr(name!("workgroup"), self.workgroup.as_ref().map(ToString::to_string))
            .build()
    }
}

/// Reads `<user id='…'/>` inside `parent`: under which name an anonymous customer's chats are filed.
pub(crate) fn user_inside(parent: &Element) -> Result<Option<String>, Malformed> {
    match parent.children().find(|child| child.name() == "user") {
        Some(user) => attr(user, "id", limits::JID),
        None => Ok(None),
    }
}

/// `<user id='…'/>` (JWG).
pub(crate) fn user(id: &str) -> Element {
    Element::builder("user", JWG).attr(name!("id"), clean(id)).build()
}

/// `<sessionID>…</sessionID>` inside `parent`, as agents' tools name a chat.
pub(crate) fn session_id(parent: &Element) -> Result<String, Malformed> {
    crate::element::need_text(parent, "sessionID", limits::ID)
}

/// `<sessionID>…</sessionID>`.
pub(crate) fn session_id_element(id: &str) -> Element {
    leaf("sessionID", JWG, id)
}
