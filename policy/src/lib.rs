//! Policy from file to decision: values, layers, signed documents, trust, and the one resolver of client and console.
//!
//! Pure: text, bytes, time and randomness come in; nothing here reads a file, a clock or a socket.
//!
//! * [`catalog`] is what exists, generated from `admin-schema/policies`.
//! * [`read_machine_file`], [`PolicyDocument`] and the person's choices become [`Layer`]s of [`Inputs`].
//! * [`resolve`] makes the [`EffectivePolicy`], with provenance.
//! * [`Trust`] decides which documents may speak at all.

pub mod catalog;
mod document;
mod effective;
mod envelope;
#[rustfmt::skip]
mod generated;
mod keys;
mod layer;
mod machine;
mod resolve;
mod root;
mod trust;
mod trust_file;
mod typed;
mod value;
mod words;

pub use document::{DocumentError, DocumentLayer, OnExpiry, POLICY_TYPE, PolicyDocument, Scope};
pub use effective::{EffectivePolicy, Entry, PolicyValue, Superseded};
pub use envelope::{Envelope, EnvelopeError, MAX_ENVELOPE};
pub use keys::{KeyError, KeyId, PublicKey, SigningKey};
pub use layer::{Inputs, Layer, Level, Source};
pub use machine::{MachineFile, read_machine_file};
pub use resolve::resolve;
pub use root::{ROOT_TYPE, RootDocument, RootDraft, RootRejected, unverified_root_version};
pub use trust::{Expectation, Held, PolicyRejected, Trust, VerifiedPolicy};
pub use trust_file::{TrustFile, TrustFileError};
pub use typed::{Endpoint, FileReference, MASK, Proxy, SecretText};
pub use value::{Problem, validate};
pub use words::value_text;

/// Values by name, as files and documents carry them.
pub type Values = serde_json::Map<String, serde_json::Value>;
