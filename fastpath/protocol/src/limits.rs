//! Caps on what is read. A payload beyond one of them is refused as a whole.

/// Bytes of an id, a variable, a name of a metadata value or of a queue.
pub const ID: usize = 256;
/// Bytes of a JID (RFC 7622 §3.1).
pub const JID: usize = 3_071;
/// Bytes of a title, label or person's name.
pub const NAME: usize = 1_024;
/// Bytes of one answer, reason or note.
pub const TEXT: usize = 16_384;
/// Bytes of one long text: a document of canned responses, a picture, a sound.
pub const LONG: usize = 262_144;
/// Names in one metadata element, fields of one form.
pub const FIELDS: usize = 100;
/// Values of one name, options of one field.
pub const VALUES: usize = 100;
/// Bytes of all names and values of one metadata element.
pub const METADATA: usize = 65_536;
/// Customers in one queue's details, agents or workgroups in one list.
pub const ROWS: usize = 2_000;
/// Chats in one agent's status.
pub const CHATS: usize = 100;
/// Sessions in one history, entries in one transcript.
pub const HISTORY: usize = 10_000;
/// Depth of canned responses' groups.
pub const MACRO_DEPTH: usize = 8;
/// Canned responses in one document, with groups.
pub const MACROS: usize = 2_000;
/// Bytes of a long text that is written as an attribute; parsers in use refuse attributes of more than 8,192.
pub const ATTRIBUTE: usize = 4_096;
