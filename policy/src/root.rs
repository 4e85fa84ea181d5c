//! The root document: who may sign, and who may change that. Small, rare, and kept by the client for ever.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::document::{DocumentError, check_format};
use crate::envelope::{Envelope, EnvelopeError, Strangers};
use crate::keys::{PublicKey, SigningKey};

/// DSSE payload type of a [`RootDocument`].
pub const ROOT_TYPE: &str = "application/vnd.flint.root.v1+json";
/// Most keys of one role.
const MAX_KEYS: usize = 32;

/// Who may sign policies of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootDocument {
    /// 1.
    pub format: u32,
    /// The domain.
    pub domain: String,
    /// 1, 2, 3… without gaps.
    pub version: u64,
    /// The keys that sign the next root.
    pub root_keys: Vec<PublicKey>,
    /// How many of them have to.
    pub threshold: u32,
    /// The keys of which one signs policy documents.
    pub signing_keys: Vec<PublicKey>,
    /// Grows when a console was restored from a backup: then the documents' versions begin anew within this epoch, and
    /// documents of earlier epochs are refused.
    #[serde(default)]
    pub epoch: u64,
}

/// The root is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootRejected {
    /// The envelope can't be used, or too few have signed.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The payload can't be read.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The document contradicts itself.
    #[error("the root document is wrong: {0}")]
    Invalid(&'static str),
    /// A root of somebody else.
    #[error("the root belongs to {got}, and {expected} was expected")]
    WrongDomain {
        /// The domain that was expected.
        expected: String,
        /// The domain of the root.
        got: String,
    },
    /// Roots follow one another without gaps.
    #[error("the root has version {got}, and the next one is {expected}")]
    NotNext {
        /// The version that follows.
        expected: u64,
        /// The version of the root.
        got: u64,
    },
    /// The epoch only grows.
    #[error("the root goes back to epoch {got} from {held}")]
    EpochBack {
        /// The epoch that is held.
        held: u64,
        /// The epoch of the root.
        got: u64,
    },
}

impl RootDocument {
    /// Signs it. A first root needs its own keys; a next one needs those of the root before it as well.
    pub fn sign(&self, keys: &[&SigningKey]) -> Envelope {
        let payload = serde_json::to_vec(self).expect("a document of strings and numbers can be written");
        Envelope::sign(ROOT_TYPE, payload, keys)
    }

    /// The root in an envelope, if it is signed by its own threshold.
    pub(crate) fn self_signed(envelope: &Envelope) -> Result<Self, RootRejected> {
        // Whose signatures count is written in the payload itself, so it is read before it is verified; it was capped by
        // the envelope, and nothing of it is used unless the signatures fit.
        let payload = envelope.unverified_payload();
        check_format(payload)?;
        let root: Self =
            serde_json::from_slice(payload).map_err(|e| DocumentError::Malformed(e.to_string()))?;
        root.check()?;
        envelope.verify(ROOT_TYPE, &root.root_keys, root.threshold as usize, Strangers::Ignore)?;
        Ok(root)
    }

    fn check(&self) -> Result<(), RootRejected> {
        let distinct =
            |keys: &[PublicKey]| keys.iter().map(PublicKey::id).collect::<BTreeSet<_>>().len() == keys.len();
        let sized = |keys: &[PublicKey]| (1..=MAX_KEYS).contains(&keys.len());
        if !sized(&self.root_keys) || !sized(&self.signing_keys) {
            return Err(RootRejected::Invalid("each role needs 1 to 32 keys"));
        }
        if !distinct(&self.root_keys) || !distinct(&self.signing_keys) {
            return Err(RootRejected::Invalid("a key is listed twice"));
        }
        if self.threshold == 0 || self.threshold as usize > self.root_keys.len() {
            return Err(RootRejected::Invalid("the threshold has to be 1 to the number of root keys"));
        }
        if self.version == 0 || self.domain.is_empty() {
            return Err(RootRejected::Invalid("version and domain are needed"));
        }
        Ok(())
    }
}

/// A root that is on its way from one key holder to the next, each on a computer of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootDraft {
    document: RootDocument,
    envelope: Envelope,
}

impl RootDraft {
    /// Begins with nobody's signature.
    ///
    /// # Errors
    /// [`RootRejected::Invalid`] when the document contradicts itself.
    pub fn new(document: RootDocument) -> Result<Self, RootRejected> {
        document.check()?;
        let payload =
            serde_json::to_vec(&document).expect("a document of strings and numbers can be written");
        Ok(Self { document, envelope: Envelope::unsigned(ROOT_TYPE, payload) })
    }

    /// Reads what [`RootDraft::to_json`] has written. Signatures are not verified: [`crate::Trust::rotate`] does that.
    ///
    /// # Errors
    /// [`RootRejected`], also for anything that is no root document: a root key signs nothing else.
    pub fn from_json(json: &[u8]) -> Result<Self, RootRejected> {
        let envelope = Envelope::from_draft(json)?;
        if envelope.payload_type() != ROOT_TYPE {
            let other = envelope.payload_type().chars().take(100).collect();
            return Err(EnvelopeError::WrongType(other).into());
        }
        let payload = envelope.unverified_payload();
        check_format(payload)?;
        let document: RootDocument =
            serde_json::from_slice(payload).map_err(|e| DocumentError::Malformed(e.to_string()))?;
        document.check()?;
        Ok(Self { document, envelope })
    }

    /// Adds the signature of a root key, old or new.
    pub fn sign(&mut self, key: &SigningKey) {
        self.envelope.add_signature(key);
    }

    /// What is signed.
    pub fn document(&self) -> &RootDocument {
        &self.document
    }

    /// How many have signed.
    pub fn signatures(&self) -> usize {
        self.envelope.signatures()
    }

    /// The text to hand on.
    pub fn to_json(&self) -> String {
        self.envelope.to_json()
    }
}

/// The version that an envelope claims, without any check: to find out which roots of the chain are to be fetched.
pub fn unverified_root_version(envelope_json: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Head {
        version: u64,
    }
    let envelope = Envelope::from_json(envelope_json).ok()?;
    serde_json::from_slice::<Head>(envelope.unverified_payload()).ok().map(|head| head.version)
}
