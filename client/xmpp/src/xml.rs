//! Reading and building elements: the few shapes that every translator needs, with caps on what is taken over.

use minidom::{Element, ElementBuilder, Node};
use rxml::NcName;

/// Namespace of stanzas on a client's stream (RFC 6120 §4.8.2).
pub(crate) const CLIENT: &str = "jabber:client";
/// Namespace of stanza error conditions (RFC 6120 §8.3.2).
pub(crate) const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// Namespace of data forms (XEP-0004).
pub(crate) const DATA_FORMS: &str = "jabber:x:data";

/// Longest text of a message that is taken over, in bytes.
pub(crate) const MAX_BODY: usize = 65_536;
/// Longest status, reason, name or subject that is taken over, in bytes.
pub(crate) const MAX_LINE: usize = 1_024;
/// Longest id that is taken over, in bytes.
pub(crate) const MAX_ID: usize = 512;

/// Builds one element.
pub(crate) struct Build(ElementBuilder);

/// Begins an element.
pub(crate) fn el(name: &'static str, namespace: &str) -> Build {
    Build(Element::builder(name, namespace))
}

/// Begins a stanza.
pub(crate) fn stanza(name: &'static str) -> Build {
    el(name, CLIENT)
}

impl Build {
    /// Adds an attribute.
    pub(crate) fn attr(self, name: &'static str, value: impl Into<String>) -> Self {
        let name = NcName::try_from(name).expect("names of attributes are constants without a colon");
        Self(self.0.attr(name, value.into()))
    }

    /// Adds an attribute when there is a value.
    pub(crate) fn opt(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Adds a child or text.
    pub(crate) fn child(self, child: impl Into<Node>) -> Self {
        Self(self.0.append(child.into()))
    }

    /// Adds a child when there is one.
    pub(crate) fn maybe(self, child: Option<Element>) -> Self {
        match child {
            Some(child) => self.child(child),
            None => self,
        }
    }

    /// Adds text.
    pub(crate) fn text(self, text: &str) -> Self {
        Self(self.0.append(Node::Text(text.to_owned())))
    }

    /// The element.
    pub(crate) fn build(self) -> Element {
        self.0.build()
    }
}

impl From<Build> for Node {
    fn from(build: Build) -> Self {
        Self::Element(build.build())
    }
}

/// An attribute that is neither empty nor longer than an id may be.
pub(crate) fn id_attr(element: &Element, name: &str) -> Option<String> {
    element.attr(name).filter(|value| !value.is_empty() && value.len() <= MAX_ID).map(str::to_owned)
}

/// The text of a child, cut to [`MAX_LINE`] bytes and trimmed; `None` without the child or when it is empty.
pub(crate) fn line(element: &Element, child: &str, namespace: &str) -> Option<String> {
    let text = element.get_child(child, namespace)?.text();
    let text = cut(text.trim(), MAX_LINE);
    (!text.is_empty()).then(|| text.to_owned())
}

/// The longest beginning of `text` of at most `bytes` bytes that ends between characters.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The defined condition of a stanza of type `error` (RFC 6120 §8.3.3) and its text.
pub(crate) fn error_of(stanza: &Element) -> (String, Option<String>) {
    let Some(error) = stanza.get_child("error", CLIENT) else {
        return ("undefined-condition".to_owned(), None);
    };
    let condition = error
        .children()
        .find(|child| child.ns() == STANZA_ERRORS && child.name() != "text")
        .map_or_else(|| "undefined-condition".to_owned(), |child| cut(child.name(), 64).to_owned());
    (condition, line(error, "text", STANZA_ERRORS))
}

/// One English sentence for a stanza error about `what` ("The message", "The room").
pub(crate) fn error_sentence(stanza: &Element, what: &str) -> String {
    let (condition, text) = error_of(stanza);
    let known = match condition.as_str() {
        "service-unavailable" => "could not be delivered: the other side is not there or does not offer this",
        "recipient-unavailable" => "could not be delivered: the other side is not online",
        "item-not-found" => "does not exist at the server",
        "remote-server-not-found" => "could not be delivered: the other server does not exist",
        "remote-server-timeout" => "could not be delivered: the other server does not answer",
        "forbidden" | "not-allowed" => "was refused: you do not have the right to do this",
        "not-authorized" => "was refused: it needs a password or a permission",
        "not-acceptable" => "was refused by the server's rules",
        "policy-violation" => "was refused by the server's policy",
        "resource-constraint" => "was refused: the server is too busy, try again later",
        "feature-not-implemented" => "is not offered by the server",
        "jid-malformed" => "has an address that is not valid",
        "gone" | "redirect" => "has moved or is gone",
        _ => "",
    };
    match (known, text) {
        ("", Some(text)) => format!("{what} was refused: {}.", text.trim_end_matches('.')),
        ("", None) => format!("{what} was refused ({condition})."),
        (known, Some(text)) => format!("{what} {known} ({}).", text.trim_end_matches('.')),
        (known, None) => format!("{what} {known}."),
    }
}

/// One field of a submitted form (XEP-0004).
pub(crate) fn form_field(var: &str, kind: Option<&'static str>, value: &str) -> Element {
    el("field", DATA_FORMS)
        .attr("var", var)
        .opt("type", kind)
        .child(el("value", DATA_FORMS).text(value))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_never_splits_a_character() {
        for (text, bytes, expected) in [("aäb", 2, "a"), ("aäb", 3, "aä"), ("", 5, ""), ("ab", 9, "ab")] {
            assert_eq!(cut(text, bytes), expected, "{text} {bytes}");
        }
    }

    #[test]
    fn errors_become_sentences() {
        let parse = |inner: &str| -> Element {
            format!("<message xmlns='jabber:client' type='error'>{inner}</message>").parse().unwrap()
        };
        let condition = |name: &str, text: &str| {
            format!("<error type='cancel'><{name} xmlns='{STANZA_ERRORS}'/>{text}</error>")
        };
        for (xml, expected) in [
            (condition("forbidden", ""), "It was refused: you do not have the right to do this."),
            (condition("strange", ""), "It was refused (strange)."),
            (
                condition("strange", &format!("<text xmlns='{STANZA_ERRORS}'>No entry.</text>")),
                "It was refused: No entry.",
            ),
            (String::new(), "It was refused (undefined-condition)."),
        ] {
            assert_eq!(error_sentence(&parse(&xml), "It"), expected, "{xml}");
        }
    }
}
