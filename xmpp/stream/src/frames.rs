//! From guarded bytes to whole elements: the incremental parser of one stream.

use crate::params::Limits;
use minidom::Element;
use rxml::error::EndOrError;
use rxml::parser::{CommentMode, Options, Parse, WithOptions};
use rxml::{AttrMap, Namespace, Parser};

/// Namespace of the stream's root and of stream errors.
pub(crate) const STREAMS: &str = "http://etherx.jabber.org/streams";

/// Namespace of the stanzas that callers see.
pub(crate) const CLIENT: &str = "jabber:client";

/// The peer's stream header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Header {
    /// Stream id.
    pub(crate) id: Option<String>,
    /// Version; XEP-0114 servers may leave it out.
    pub(crate) version: Option<String>,
}

/// One thing that a stream brings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    /// The header, first of all.
    Open(Header),
    /// A whole element below the root.
    Element(Element),
    /// The end of the root.
    Close,
}

/// What XEP-0198 §4 counts.
pub(crate) fn is_counted(element: &Element) -> bool {
    matches!(element.name(), "message" | "presence" | "iq") && element.has_ns(CLIENT)
}

/// Builds elements from bytes that the Guard has let through. After an error it must not be used again.
pub(crate) struct Frames {
    parser: Parser,
    /// The stream's namespace, given to callers as `jabber:client`.
    namespace: &'static str,
    /// Root seen.
    opened: bool,
    /// Open elements below the root. The Guard caps how many.
    stack: Vec<Element>,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("opened", &self.opened).field("depth", &self.stack.len()).finish()
    }
}

impl Frames {
    /// A parser for a new stream whose stanzas are in `namespace`.
    pub(crate) fn new(limits: &Limits, namespace: &'static str) -> Self {
        let options = Options {
            max_token_length: limits.tag_bytes,
            comments: CommentMode::Reject,
            ..Options::default()
        };
        Self { parser: Parser::with_options(options), namespace, opened: false, stack: Vec::new() }
    }

    /// Takes bytes from the front of `input` up to the next frame; `None` when all are taken without one.
    ///
    /// # Errors
    /// What is not well-formed or out of place.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, String> {
        loop {
            let event = match self.parser.parse(input, false) {
                Ok(Some(event)) => event,
                Ok(None) | Err(EndOrError::NeedMoreData) => return Ok(None),
                Err(EndOrError::Error(error)) => return Err(error.to_string()),
            };
            match event {
                rxml::Event::XmlDeclaration(..) => {}
                rxml::Event::StartElement(_, (namespace, name), attributes) => {
                    if !self.opened {
                        return self.open(&namespace, name.as_str(), &attributes).map(Some);
                    }
                    let namespace =
                        if namespace.as_str() == self.namespace { CLIENT } else { namespace.as_str() };
                    let mut element = Element::bare(name.as_str(), namespace);
                    *element.attrs_mut() = attributes;
                    self.stack.push(element);
                }
                rxml::Event::EndElement(_) => {
                    let Some(element) = self.stack.pop() else { return Ok(Some(Frame::Close)) };
                    match self.stack.last_mut() {
                        Some(parent) => {
                            parent.append_child(element);
                        }
                        None => return Ok(Some(Frame::Element(element))),
                    }
                }
                rxml::Event::Text(_, text) => match self.stack.last_mut() {
                    Some(element) => element.append_text(text.as_str()),
                    None if text.chars().all(|c| c.is_ascii_whitespace()) => {}
                    None => return Err("text between stanzas".to_owned()),
                },
            }
        }
    }

    /// True when what has been read so far ends within a message, presence or iq.
    pub(crate) fn in_counted_stanza(&self) -> bool {
        self.stack.first().is_some_and(is_counted)
    }

    fn open(&mut self, namespace: &Namespace<'_>, name: &str, attributes: &AttrMap) -> Result<Frame, String> {
        if namespace.as_str() != STREAMS || name != "stream" {
            return Err("the other side does not speak XMPP".to_owned());
        }
        self.opened = true;
        let attribute = |name: &str| attributes.get(&Namespace::NONE, name).map(|value| value.to_string());
        Ok(Frame::Open(Header { id: attribute("id"), version: attribute("version") }))
    }
}

#[cfg(test)]
mod tests;
