//! Small helpers for stanzas: replies, errors, bare elements.

use flint_fastpath_protocol::text::clean;
pub(crate) use flint_fastpath_protocol::{CLIENT, Condition, JWG, WG};
use flint_fastpath_routing::Timestamp;
use jid::{BareJid, FullJid, Jid};
use minidom::rxml::NcName;
use minidom::{Element, ElementBuilder};

pub(crate) const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
pub(crate) const FORMS: &str = "jabber:x:data";
pub(crate) const MUC: &str = "http://jabber.org/protocol/muc";
pub(crate) const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
pub(crate) const MUC_OWNER: &str = "http://jabber.org/protocol/muc#owner";
pub(crate) const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
pub(crate) const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
pub(crate) const VERSION: &str = "jabber:iq:version";
pub(crate) const VCARD: &str = "vcard-temp";
pub(crate) const PING: &str = "urn:xmpp:ping";
pub(crate) const PRIVATE: &str = "jabber:iq:private";

/// A builder of elements whose attribute names are literals of this crate.
pub(crate) struct El(ElementBuilder);

/// Starts an element.
pub(crate) fn el(name: &str, ns: &str) -> El {
    El(Element::builder(name, ns))
}

impl El {
    pub(crate) fn attr(self, name: &str, value: impl Into<String>) -> Self {
        let name = NcName::try_from(name).expect("attribute names are literals of this crate");
        Self(self.0.attr(name, value.into()))
    }

    pub(crate) fn some(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    pub(crate) fn text(self, text: impl Into<String>) -> Self {
        Self(self.0.append(minidom::Node::Text(clean(&text.into()))))
    }

    pub(crate) fn child(self, child: impl Into<Element>) -> Self {
        Self(self.0.append(child.into()))
    }

    pub(crate) fn children<E: Into<Element>>(self, children: impl IntoIterator<Item = E>) -> Self {
        Self(self.0.append_all(children.into_iter().map(Into::<Element>::into)))
    }

    pub(crate) fn build(self) -> Element {
        self.0.build()
    }
}

impl From<El> for Element {
    fn from(el: El) -> Self {
        el.build()
    }
}

/// `<name>text</name>` in this namespace.
pub(crate) fn leaf(name: &str, ns: &str, text: impl Into<String>) -> El {
    el(name, ns).text(text)
}

/// A moment as the protocol crate has it.
pub(crate) fn ms(at: Timestamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// A request: an IQ get or set with its one payload.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) from: Jid,
    pub(crate) to: Jid,
    pub(crate) id: String,
    pub(crate) set: bool,
    pub(crate) payload: Element,
}

impl Request {
    pub(crate) fn result(&self, payload: Option<Element>) -> Element {
        let iq = el("iq", CLIENT)
            .attr("type", "result")
            .attr("id", self.id.as_str())
            .attr("from", self.to.as_str())
            .attr("to", self.from.as_str());
        payload.into_iter().fold(iq, El::child).build()
    }

    pub(crate) fn error(&self, condition: Condition, text: Option<&str>) -> Element {
        el("iq", CLIENT)
            .attr("type", "error")
            .attr("id", self.id.as_str())
            .attr("from", self.to.as_str())
            .attr("to", self.from.as_str())
            .child(self.payload.clone())
            .child(condition.element(text))
            .build()
    }
}

pub(crate) fn iq_set(from: &Jid, to: &Jid, id: &str, payload: impl Into<Element>) -> Element {
    iq("set", from, to, id, payload)
}

pub(crate) fn iq_get(from: &Jid, to: &Jid, id: &str, payload: impl Into<Element>) -> Element {
    iq("get", from, to, id, payload)
}

fn iq(kind: &str, from: &Jid, to: &Jid, id: &str, payload: impl Into<Element>) -> Element {
    el("iq", CLIENT)
        .attr("type", kind)
        .attr("id", id)
        .attr("from", from.as_str())
        .attr("to", to.as_str())
        .child(payload)
        .build()
}

pub(crate) fn message(from: &str, to: &str) -> El {
    el("message", CLIENT).attr("from", from).attr("to", to)
}

pub(crate) fn presence(from: &str, to: &str, kind: Option<&str>) -> El {
    el("presence", CLIENT).attr("from", from).attr("to", to).some("type", kind)
}

/// An error presence to whoever sent this one.
pub(crate) fn presence_error(stanza: &Element, from: &BareJid, to: &Jid, condition: Condition) -> Element {
    presence(from.as_str(), to.as_str(), Some("error"))
        .some("id", stanza.attr("id"))
        .child(condition.element(None))
        .build()
}

/// The condition in an error stanza says that the addressee is not there (any more).
pub(crate) fn says_gone(stanza: &Element) -> bool {
    const GONE: [&str; 7] = [
        "gone",
        "item-not-found",
        "recipient-unavailable",
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
        "jid-malformed",
    ];
    stanza
        .children()
        .filter(|child| child.name() == "error")
        .flat_map(Element::children)
        .any(|condition| condition.ns() == STANZAS && GONE.contains(&condition.name()))
}

/// The workgroup's occupant in its rooms: `NAME@workgroup.DOMAIN/NAME`.
pub(crate) fn occupant(workgroup: &BareJid) -> Option<FullJid> {
    let node = workgroup.node()?.as_str().to_owned();
    workgroup.with_resource_str(&node).ok()
}
