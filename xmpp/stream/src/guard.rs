//! The Guard between TLS and parser: counts what a stanza would cost before anything is built from it.
//!
//! A deeply nested stanza overflows the stack of whoever walks it later, and an abort can't be caught, so the limits
//! must hold on the bytes. The Guard is a scanner, not a parser: it knows where tags, quotes and CDATA sections begin
//! and end, which is all that counting needs. It may see bytes that are not well-formed; then the parser, which reads
//! the same bytes after it, refuses them at the latest there, so a wrong count behind that point harms nobody.

use crate::params::Limits;

/// Why the Guard ends a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// More than [`Limits::stanza_bytes`].
    #[error("a stanza of more than {0} bytes")]
    StanzaBytes(usize),
    /// More than [`Limits::depth`].
    #[error("a stanza nested deeper than {0} elements")]
    Depth(usize),
    /// More than [`Limits::elements`].
    #[error("a stanza of more than {0} elements")]
    Elements(usize),
    /// More than [`Limits::attributes`].
    #[error("an element with more than {0} attributes")]
    Attributes(usize),
    /// More than [`Limits::namespaces`].
    #[error("a stanza with more than {0} namespace declarations and prefixed attributes")]
    Namespaces(usize),
    /// More than [`Limits::namespace_bytes`].
    #[error("a namespace of more than {0} bytes")]
    NamespaceBytes(usize),
    /// More than [`Limits::tag_bytes`].
    #[error("a tag of more than {0} bytes")]
    TagBytes(usize),
    /// A comment, processing instruction or document type (RFC 6120 §11.1).
    #[error("XML that is prohibited in a stream: {0}")]
    Prohibited(&'static str),
}

/// Where in the document the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Text, or between stanzas.
    Text,
    /// After `<`.
    Open,
    /// After `<!` and this many bytes of `[CDATA[`.
    Bang(usize),
    /// In a CDATA section, after this many `]` (at most 2).
    CData(u8),
    /// After `<?` and this many bytes of `xml`.
    Instruction(usize),
    /// In the XML declaration; true after `?`.
    Declaration(bool),
    /// In the name of a start tag.
    Name,
    /// In a start tag, outside of quotes; true after `/`.
    Tag(bool),
    /// In an attribute value that ends with this quote.
    Value(u8),
    /// In an end tag.
    Close,
}

/// What is being read of an attribute's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AttributeName {
    /// This many bytes, all of them equal to the beginning of `xmlns`.
    Matches(usize),
    /// `xmlns` or `xmlns:…`.
    Declaration,
    /// Another one with a colon.
    Prefixed,
    /// Another one.
    Other,
}

/// The scanner's state and counters. Bytes may come in pieces of any size.
#[derive(Debug)]
pub(crate) struct Guard {
    limits: Limits,
    state: State,
    /// Bytes seen; an XML declaration may only begin at 0.
    position: u64,
    /// Open elements, the stream's root included.
    open: usize,
    /// Per stanza (and for the stream's header).
    bytes: usize,
    elements: usize,
    namespaces: usize,
    /// Per tag.
    tag_bytes: usize,
    attributes: usize,
    attribute_name: AttributeName,
    /// Of the value that is being read, if it is a namespace's.
    namespace_bytes: Option<usize>,
    /// Stanzas that have begun, the stream's header included.
    begun: u64,
    /// Beginning of the stanza's name, to know whether XEP-0198 counts it.
    stanza_name: Vec<u8>,
    violation: Option<Violation>,
    /// A stanza against the limits is left out, and the stream goes on.
    lenient: bool,
    /// What is wrong with the stanza that is being left out.
    leaving_out: Option<Violation>,
}

const CDATA: &[u8] = b"[CDATA[";
const XMLNS: &[u8] = b"xmlns";
const LONGEST_STANZA_NAME: usize = "presence".len();

impl Guard {
    /// A Guard for a new stream.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Text,
            position: 0,
            open: 0,
            bytes: 0,
            elements: 0,
            namespaces: 0,
            tag_bytes: 0,
            attributes: 0,
            attribute_name: AttributeName::Matches(0),
            namespace_bytes: None,
            begun: 0,
            stanza_name: Vec::with_capacity(LONGEST_STANZA_NAME + 1),
            violation: None,
            lenient: false,
            leaving_out: None,
        }
    }

    /// A Guard for a component's stream: one server carries the stanzas of many senders there, and none of them may
    /// end it for the others. The server sends nothing that is not well-formed, so the end of a stanza is found.
    pub(crate) fn lenient(limits: Limits) -> Self {
        Self { lenient: true, ..Self::new(limits) }
    }

    /// Looks at the next bytes of a [`lenient`](Self::lenient) stream. `held` keeps the stanza that has begun; whatever
    /// is complete and within the limits goes to `out`.
    pub(crate) fn filter(
        &mut self,
        input: &[u8],
        held: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Option<Violation> {
        if self.violation.is_some() {
            return self.violation;
        }
        for byte in input {
            if let Err(violation) = self.byte(*byte) {
                self.violation = Some(violation);
                return self.violation;
            }
            match self.leaving_out {
                Some(_) => held.clear(),
                None => held.push(*byte),
            }
            if self.open <= 1 && self.state == State::Text {
                if let Some(violation) = self.leaving_out.take() {
                    tracing::warn!(%violation, "a stanza was left out");
                }
                out.append(held);
            }
        }
        None
    }

    /// A limit is exceeded: the end of the stream, or, where one sender must not end it, of this stanza alone.
    fn exceeded(&mut self, violation: Violation) -> Result<(), Violation> {
        if self.lenient && self.open > 1 {
            self.leaving_out.get_or_insert(violation);
            return Ok(());
        }
        Err(violation)
    }

    /// Looks at the next bytes of the stream. Returns how many of them may go to the parser, and what is wrong with
    /// the byte after them. After a violation no byte passes.
    pub(crate) fn scan(&mut self, input: &[u8]) -> (usize, Option<Violation>) {
        if self.violation.is_some() {
            return (0, self.violation);
        }
        for (index, byte) in input.iter().enumerate() {
            if let Err(violation) = self.byte(*byte) {
                self.violation = Some(violation);
                return (index, self.violation);
            }
        }
        (input.len(), None)
    }

    /// True when the bytes end within a message, presence or iq: what XEP-0198 counts.
    pub(crate) fn in_counted_stanza(&self) -> bool {
        self.open > 1 && matches!(self.stanza_name.as_slice(), b"message" | b"presence" | b"iq")
    }

    /// The number of the stanza that has begun and not ended.
    pub(crate) fn unfinished(&self) -> Option<u64> {
        (self.open > 1 || self.state != State::Text).then_some(self.begun)
    }

    fn byte(&mut self, byte: u8) -> Result<(), Violation> {
        self.count(byte)?;
        let position = self.position;
        self.position += 1;
        self.state = match self.state {
            State::Text if byte == b'<' => {
                self.begin_tag();
                State::Open
            }
            // Another protocol on this port shows itself at once, not after a time-out.
            State::Text if self.open <= 1 && !byte.is_ascii_whitespace() => {
                return Err(Violation::Prohibited("text outside of a stanza"));
            }
            State::Text => State::Text,
            State::Open => match byte {
                b'/' => State::Close,
                b'!' => State::Bang(0),
                // The XML declaration, at the very beginning (RFC 6120 §11.5).
                b'?' if position == 1 => State::Instruction(0),
                b'?' => return Err(Violation::Prohibited("a processing instruction")),
                _ => {
                    self.begin_element()?;
                    self.name_byte(byte);
                    State::Name
                }
            },
            State::Bang(seen) if CDATA.get(seen) == Some(&byte) => {
                if seen + 1 == CDATA.len() {
                    self.tag_bytes = 0;
                    State::CData(0)
                } else {
                    State::Bang(seen + 1)
                }
            }
            State::Bang(0) if byte == b'-' => return Err(Violation::Prohibited("a comment")),
            State::Bang(_) => return Err(Violation::Prohibited("a document type")),
            State::CData(2) if byte == b'>' => State::Text,
            State::CData(brackets) if byte == b']' => State::CData((brackets + 1).min(2)),
            State::CData(_) => State::CData(0),
            State::Instruction(seen) => declaration_byte(seen, byte)?,
            State::Declaration(true) if byte == b'>' => State::Text,
            State::Declaration(_) => State::Declaration(byte == b'?'),
            State::Name => match byte {
                b'>' => self.end_start_tag(false),
                b'/' => State::Tag(true),
                b' ' | b'\t' | b'\r' | b'\n' => State::Tag(false),
                _ => {
                    self.name_byte(byte);
                    State::Name
                }
            },
            State::Tag(slash) => match byte {
                b'>' => self.end_start_tag(slash),
                b'/' => State::Tag(true),
                b'"' | b'\'' => {
                    self.count_attribute()?;
                    State::Value(byte)
                }
                _ => {
                    self.attribute_name_byte(byte);
                    State::Tag(false)
                }
            },
            State::Value(quote) if byte == quote => {
                self.attribute_name = AttributeName::Matches(0);
                State::Tag(false)
            }
            State::Value(quote) => {
                self.count_namespace_byte()?;
                State::Value(quote)
            }
            State::Close if byte == b'>' => {
                self.open = self.open.saturating_sub(1);
                self.end_tag()
            }
            State::Close => State::Close,
        };
        Ok(())
    }

    /// Counts the byte to stanza and tag. Whitespace between stanzas costs nothing.
    fn count(&mut self, byte: u8) -> Result<(), Violation> {
        let in_tag = !matches!(self.state, State::Text | State::CData(_));
        if in_tag {
            self.tag_bytes += 1;
            if self.tag_bytes > self.limits.tag_bytes {
                self.exceeded(Violation::TagBytes(self.limits.tag_bytes))?;
            }
        }
        if self.open > 1 || in_tag || byte == b'<' || matches!(self.state, State::CData(_)) {
            self.bytes += 1;
            if self.bytes > self.limits.stanza_bytes {
                self.exceeded(Violation::StanzaBytes(self.limits.stanza_bytes))?;
            }
        }
        Ok(())
    }

    fn begin_tag(&mut self) {
        self.tag_bytes = 1;
        self.attributes = 0;
        self.attribute_name = AttributeName::Matches(0);
        if self.open <= 1 {
            self.bytes = 1;
            self.elements = 0;
            self.namespaces = 0;
            self.begun += 1;
            self.stanza_name.clear();
        }
    }

    fn begin_element(&mut self) -> Result<(), Violation> {
        self.open += 1;
        // The root is the stream; the stanza is the first level.
        if self.open > self.limits.depth.saturating_add(1) {
            self.exceeded(Violation::Depth(self.limits.depth))?;
        }
        self.elements += 1;
        if self.elements > self.limits.elements {
            self.exceeded(Violation::Elements(self.limits.elements))?;
        }
        Ok(())
    }

    fn name_byte(&mut self, byte: u8) {
        if self.open == 2 && self.stanza_name.len() <= LONGEST_STANZA_NAME {
            self.stanza_name.push(byte);
        }
    }

    fn attribute_name_byte(&mut self, byte: u8) {
        self.attribute_name = match (self.attribute_name, byte) {
            (name, b' ' | b'\t' | b'\r' | b'\n' | b'=') => match name {
                AttributeName::Matches(5) => AttributeName::Declaration,
                name => name,
            },
            (AttributeName::Matches(5), b':') => AttributeName::Declaration,
            (AttributeName::Matches(seen), byte) if XMLNS.get(seen) == Some(&byte) => {
                AttributeName::Matches(seen + 1)
            }
            (AttributeName::Declaration, _) => AttributeName::Declaration,
            (AttributeName::Prefixed, _) | (_, b':') => AttributeName::Prefixed,
            _ => AttributeName::Other,
        };
    }

    fn count_attribute(&mut self) -> Result<(), Violation> {
        self.attributes += 1;
        if self.attributes > self.limits.attributes {
            self.exceeded(Violation::Attributes(self.limits.attributes))?;
        }
        let declares = matches!(self.attribute_name, AttributeName::Declaration | AttributeName::Matches(5));
        self.namespace_bytes = declares.then_some(0);
        if declares || self.attribute_name == AttributeName::Prefixed {
            self.namespaces += 1;
            if self.namespaces > self.limits.namespaces {
                self.exceeded(Violation::Namespaces(self.limits.namespaces))?;
            }
        }
        Ok(())
    }

    /// Each element of the built tree holds its namespace: a long one that is inherited would be copied to all of them.
    fn count_namespace_byte(&mut self) -> Result<(), Violation> {
        let Some(bytes) = &mut self.namespace_bytes else { return Ok(()) };
        *bytes += 1;
        if *bytes > self.limits.namespace_bytes {
            self.exceeded(Violation::NamespaceBytes(self.limits.namespace_bytes))?;
        }
        Ok(())
    }

    fn end_start_tag(&mut self, empty: bool) -> State {
        if empty {
            self.open = self.open.saturating_sub(1);
        }
        self.end_tag()
    }

    fn end_tag(&mut self) -> State {
        self.tag_bytes = 0;
        if self.open <= 1 {
            self.bytes = 0;
        }
        State::Text
    }
}

fn declaration_byte(seen: usize, byte: u8) -> Result<State, Violation> {
    match (seen, byte) {
        (0, b'x') | (1, b'm') | (2, b'l') => Ok(State::Instruction(seen + 1)),
        (3, b' ' | b'\t' | b'\r' | b'\n') => Ok(State::Declaration(false)),
        _ => Err(Violation::Prohibited("a processing instruction")),
    }
}

#[cfg(test)]
mod tests;
