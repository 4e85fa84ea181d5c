//! Which documents may speak. Everything that is refused is told apart, because the policy page shows the reason.

use jid::BareJid;
use serde::{Deserialize, Serialize};

use crate::document::{DocumentError, POLICY_TYPE, PolicyDocument};
use crate::envelope::{Envelope, EnvelopeError, Strangers};
use crate::root::{ROOT_TYPE, RootDocument, RootRejected};

#[cfg(test)]
mod tests;

/// A pinned root. Kept as its envelope ([`Trust::envelope_json`]) and verified again when it is read back ([`Trust::pin`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    root: RootDocument,
    envelope: Envelope,
}

/// The document that is in force already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its epoch.
    pub epoch: u64,
    /// Its version.
    pub version: u64,
    /// SHA-256 of its payload.
    pub hash: [u8; 32],
}

/// What the client knows when a document comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Domain of the account.
    pub domain: String,
    /// The account.
    pub audience: BareJid,
    /// The newest document that was ever accepted; `None` the first time.
    pub held: Option<Held>,
    /// Milliseconds since 1970-01-01 UTC.
    pub now: u64,
}

/// A document that may speak.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedPolicy {
    /// The document.
    pub document: PolicyDocument,
    /// To be kept beside the envelope, for the next [`Expectation`].
    pub held: Held,
    /// True when the time is over; only for a document that is held already.
    pub expired: bool,
}

/// Why a document may not speak. The last good one stays in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyRejected {
    /// The envelope can't be used.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The payload can't be read.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// For another domain.
    #[error("the policy is for the domain {got}, and this account is managed by {expected}")]
    WrongDomain {
        /// The domain of the account, or of the pinned root.
        expected: String,
        /// The domain of the document.
        got: String,
    },
    /// For another person.
    #[error("the policy is for {got}, and not for {expected}")]
    WrongAudience {
        /// The account.
        expected: BareJid,
        /// The document's.
        got: BareJid,
    },
    /// Of another epoch than the root.
    #[error("the policy is of epoch {got}, and the root is of epoch {expected}")]
    WrongEpoch {
        /// The root's.
        expected: u64,
        /// The document's.
        got: u64,
    },
    /// An older version than the one that is held.
    #[error("the policy has version {got}, which is older than version {held}")]
    Older {
        /// The version that is held.
        held: u64,
        /// The document's.
        got: u64,
    },
    /// The same version with other content.
    #[error("there are two different policies of version {version}")]
    Fork {
        /// The version.
        version: u64,
    },
    /// Too old to be accepted anew.
    #[error("the policy has expired")]
    Expired,
}

impl PolicyRejected {
    /// A stable word for logs, JSON output and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Envelope(EnvelopeError::TooLarge) => "too-large",
            Self::Envelope(EnvelopeError::UnknownKey(_)) => "unknown-key",
            Self::Envelope(EnvelopeError::BadSignature(_)) => "bad-signature",
            Self::Envelope(EnvelopeError::WrongType(_)) => "wrong-type",
            Self::Envelope(_) => "malformed-envelope",
            Self::Document(DocumentError::Format(_)) => "wrong-format",
            Self::Document(_) => "malformed-document",
            Self::WrongDomain { .. } => "wrong-domain",
            Self::WrongAudience { .. } => "wrong-audience",
            Self::WrongEpoch { .. } => "wrong-epoch",
            Self::Older { .. } => "older",
            Self::Fork { .. } => "fork",
            Self::Expired => "expired",
        }
    }
}

impl Trust {
    /// Pins the first root of `domain`. Call it only with what came from the machine's trust file or over verified TLS with
    /// completed mutual authentication.
    ///
    /// # Errors
    /// [`RootRejected`], e.g. when it is not signed by its own threshold.
    pub fn pin(envelope_json: &[u8], domain: &str) -> Result<Self, RootRejected> {
        Self::pin_envelope(Envelope::from_json(envelope_json)?, domain)
    }

    pub(crate) fn pin_envelope(envelope: Envelope, domain: &str) -> Result<Self, RootRejected> {
        let root = RootDocument::self_signed(&envelope)?;
        expect_domain(domain, &root)?;
        Ok(Self { root, envelope })
    }

    /// Takes the root that follows the pinned one. It has to be signed by the threshold of the old keys and by its own.
    /// After an error nothing has changed.
    ///
    /// # Errors
    /// [`RootRejected`].
    pub fn rotate(&mut self, envelope_json: &[u8]) -> Result<(), RootRejected> {
        let envelope = Envelope::from_json(envelope_json)?;
        let next = RootDocument::self_signed(&envelope)?;
        envelope.verify(ROOT_TYPE, &self.root.root_keys, self.root.threshold as usize, Strangers::Ignore)?;
        expect_domain(&self.root.domain, &next)?;
        let expected = self.root.version.saturating_add(1);
        if next.version != expected {
            return Err(RootRejected::NotNext { expected, got: next.version });
        }
        if next.epoch < self.root.epoch {
            return Err(RootRejected::EpochBack { held: self.root.epoch, got: next.epoch });
        }
        *self = Self { root: next, envelope };
        Ok(())
    }

    /// The pinned root.
    pub fn root(&self) -> &RootDocument {
        &self.root
    }

    /// The pinned root's envelope, as JSON.
    pub fn envelope_json(&self) -> String {
        self.envelope.to_json()
    }

    /// A document that has just come in.
    ///
    /// # Errors
    /// [`PolicyRejected`].
    pub fn verify_policy(
        &self,
        envelope_json: &[u8],
        expect: &Expectation,
    ) -> Result<VerifiedPolicy, PolicyRejected> {
        let policy = self.verify_held_policy(envelope_json, expect)?;
        if policy.expired && expect.held != Some(policy.held) {
            Err(PolicyRejected::Expired)
        } else {
            Ok(policy)
        }
    }

    /// The document that was accepted before and comes from the cache: the same checks, but when its time is over it stays
    /// in force, with [`VerifiedPolicy::expired`].
    ///
    /// # Errors
    /// [`PolicyRejected`], but never [`PolicyRejected::Expired`].
    pub fn verify_held_policy(
        &self,
        envelope_json: &[u8],
        expect: &Expectation,
    ) -> Result<VerifiedPolicy, PolicyRejected> {
        let envelope = Envelope::from_json(envelope_json)?;
        let payload = envelope.verify(POLICY_TYPE, &self.root.signing_keys, 1, Strangers::Refuse)?;
        let document = PolicyDocument::from_payload(payload)?;
        for expected in [&self.root.domain, &expect.domain] {
            if document.domain != *expected {
                return Err(PolicyRejected::WrongDomain { expected: expected.clone(), got: document.domain });
            }
        }
        if document.audience != expect.audience {
            return Err(PolicyRejected::WrongAudience {
                expected: expect.audience.clone(),
                got: document.audience,
            });
        }
        if document.epoch != self.root.epoch {
            return Err(PolicyRejected::WrongEpoch { expected: self.root.epoch, got: document.epoch });
        }
        let held = Held { epoch: document.epoch, version: document.version, hash: envelope.payload_hash() };
        if let Some(before) = expect.held {
            if (held.epoch, held.version) < (before.epoch, before.version) {
                return Err(PolicyRejected::Older { held: before.version, got: held.version });
            }
            if (held.epoch, held.version) == (before.epoch, before.version) && held.hash != before.hash {
                return Err(PolicyRejected::Fork { version: held.version });
            }
        }
        let expired = document.expires <= expect.now;
        Ok(VerifiedPolicy { document, held, expired })
    }
}

fn expect_domain(expected: &str, root: &RootDocument) -> Result<(), RootRejected> {
    if root.domain == expected {
        return Ok(());
    }
    Err(RootRejected::WrongDomain { expected: expected.to_owned(), got: root.domain.clone() })
}
