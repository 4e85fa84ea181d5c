//! Small stanzas: answers to requests, presence, disco.

use minidom::Element;
use rxml::xml_ncname;

/// Namespace of stanzas.
pub const CLIENT: &str = "jabber:client";
/// XEP-0030.
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// XEP-0030.
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// XEP-0092.
pub const VERSION: &str = "jabber:iq:version";
/// XEP-0199.
pub const PING: &str = "urn:xmpp:ping";
const ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// An IQ request with its addresses.
#[derive(Debug)]
pub struct Request<'a> {
    /// The stanza.
    pub iq: &'a Element,
    /// `set`, not `get`.
    pub set: bool,
    /// The payload.
    pub payload: Option<&'a Element>,
}

impl<'a> Request<'a> {
    /// The request, when it is one.
    pub fn read(stanza: &'a Element) -> Option<Self> {
        if !stanza.is("iq", CLIENT) {
            return None;
        }
        let set = match stanza.attr("type")? {
            "get" => false,
            "set" => true,
            _ => return None,
        };
        stanza.attr("id")?;
        Some(Self { iq: stanza, set, payload: stanza.children().next() })
    }

    /// The node of a disco query.
    pub fn node(&self) -> Option<&'a str> {
        self.payload.and_then(|payload| payload.attr("node"))
    }

    /// True for a `get` of this payload.
    pub fn gets(&self, name: &str, namespace: &str) -> bool {
        !self.set && self.payload.is_some_and(|payload| payload.is(name, namespace))
    }

    fn answer(&self, kind: &str) -> minidom::ElementBuilder {
        Element::builder("iq", CLIENT)
            .attr(xml_ncname!("type").to_owned(), kind)
            .attr(xml_ncname!("id").to_owned(), self.iq.attr("id"))
            .attr(xml_ncname!("from").to_owned(), self.iq.attr("to"))
            .attr(xml_ncname!("to").to_owned(), self.iq.attr("from"))
    }

    /// An answer with this payload.
    pub fn result(&self, payload: Option<Element>) -> Element {
        self.answer("result").append_all(payload).build()
    }

    /// An error of type `cancel`, with its old numeric code for old clients, after `echo` if that is given.
    pub fn error(&self, condition: &str, code: &str, echo: Option<Element>) -> Element {
        let error = Element::builder("error", CLIENT)
            .attr(xml_ncname!("code").to_owned(), code)
            .attr(xml_ncname!("type").to_owned(), "cancel")
            .append(Element::builder(condition, ERRORS).build())
            .build();
        self.answer("error").append_all(echo).append(error).build()
    }

    /// "That is not offered here."
    pub fn unavailable(&self) -> Element {
        self.error("service-unavailable", "503", None)
    }
}

/// A disco `<query/>`.
pub fn query(namespace: &str, node: Option<&str>, children: Vec<Element>) -> Element {
    Element::builder("query", namespace)
        .attr(xml_ncname!("node").to_owned(), node)
        .append_all(children)
        .build()
}

/// A disco identity.
pub fn identity(category: &str, kind: &str, name: Option<&str>) -> Element {
    Element::builder("identity", DISCO_INFO)
        .attr(xml_ncname!("category").to_owned(), category)
        .attr(xml_ncname!("type").to_owned(), kind)
        .attr(xml_ncname!("name").to_owned(), name)
        .build()
}

/// A disco feature.
pub fn feature(var: &str) -> Element {
    Element::builder("feature", DISCO_INFO).attr(xml_ncname!("var").to_owned(), var).build()
}

/// A disco item.
pub fn item(jid: &str, node: &str) -> Element {
    Element::builder("item", DISCO_ITEMS)
        .attr(xml_ncname!("jid").to_owned(), jid)
        .attr(xml_ncname!("node").to_owned(), node)
        .build()
}

/// A software version (XEP-0092).
pub fn version(name: &str, version: &str) -> Element {
    Element::builder("query", VERSION)
        .append(Element::builder("name", VERSION).append(name).build())
        .append(Element::builder("version", VERSION).append(version).build())
        .build()
}

/// A ping (XEP-0199).
pub fn ping(from: &str, to: &str, id: &str) -> Element {
    Element::builder("iq", CLIENT)
        .attr(xml_ncname!("type").to_owned(), "get")
        .attr(xml_ncname!("id").to_owned(), id)
        .attr(xml_ncname!("from").to_owned(), from)
        .attr(xml_ncname!("to").to_owned(), to)
        .append(Element::builder("ping", PING).build())
        .build()
}

/// A headline message with this payload; it is never stored for later.
pub fn headline(from: &str, to: &str, payload: Element) -> Element {
    Element::builder("message", CLIENT)
        .attr(xml_ncname!("type").to_owned(), "headline")
        .attr(xml_ncname!("from").to_owned(), from)
        .attr(xml_ncname!("to").to_owned(), to)
        .append(payload)
        .build()
}
