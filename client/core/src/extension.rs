//! Payloads that the engine does not know, on their way to a module that does.

use crate::secret::Private;
use jid::Jid;

/// Stanza kinds that carry extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StanzaKind {
    /// `<iq type='get'/>`
    IqGet,
    /// `<iq type='set'/>`
    IqSet,
    /// `<iq type='result'/>`
    IqResult,
    /// `<iq type='error'/>`; `xml` holds the `<error/>` element.
    IqError,
    /// `<message/>`
    Message,
    /// `<presence/>`
    Presence,
}

/// A payload that the engine does not know. The session caps `xml` at 65,536 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Sender, whose stamp the server guarantees (RFC 6120 §8.1.2.1).
    pub from: Jid,
    /// Kind.
    pub kind: StanzaKind,
    /// `type` attribute of a message or presence.
    pub stanza_type: Option<String>,
    /// Stanza id.
    pub id: Option<String>,
    /// The whole stanza as XML text, namespaces spelled out.
    pub xml: Private,
}
