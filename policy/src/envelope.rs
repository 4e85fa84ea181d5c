//! DSSE, the signature over exact bytes (<https://github.com/secure-systems-lab/dsse>, protocol version 1.0.2).
//!
//! The payload is carried as the bytes that were signed, so nothing depends on how JSON is written again.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::keys::{KeyId, PublicKey, SigningKey};

#[cfg(test)]
mod tests;

/// Largest envelope that is read, in octets of JSON.
pub const MAX_ENVELOPE: usize = 1024 * 1024;
/// Most signatures of one envelope.
const MAX_SIGNATURES: usize = 64;

/// The envelope can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Larger than [`MAX_ENVELOPE`].
    #[error("the envelope is larger than 1 MiB")]
    TooLarge,
    /// Not JSON, not base64, a field missing or too much, or nobody has signed.
    #[error("this is no DSSE envelope: {0}")]
    Malformed(String),
    /// The payload is something else than what was asked for.
    #[error("the envelope carries {0:?}")]
    WrongType(String),
    /// Signed by a key that is not trusted for this.
    #[error("the key {0} is not trusted")]
    UnknownKey(KeyId),
    /// The signature does not fit.
    #[error("the signature of key {0} does not fit")]
    BadSignature(KeyId),
    /// Too few of the trusted keys have signed.
    #[error("{needed} signatures are needed and there are {valid}")]
    Threshold {
        /// How many different keys have signed.
        valid: usize,
        /// How many have to.
        needed: usize,
    },
}

/// What is done about signatures by keys that are not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strangers {
    /// The envelope is refused: a policy has one signer.
    Refuse,
    /// They don't count: a root carries the signatures of the keys before it too.
    Ignore,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: KeyId,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    sig: Vec<u8>,
}

/// Signed bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Envelope {
    payload_type: String,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

/// The payload may be a policy with passwords in it, so only its length shows.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signers: Vec<KeyId> = self.signatures.iter().map(|signature| signature.keyid).collect();
        f.debug_struct("Envelope")
            .field("payload_type", &self.payload_type)
            .field("payload_octets", &self.payload.len())
            .field("signers", &signers)
            .finish()
    }
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    // STANDARD refuses missing padding and loose bits, so one text stands for one value only.
    STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// The pre-authentication encoding: what is really signed.
pub(crate) fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// Signs `payload` with every key.
    pub fn sign(payload_type: &str, payload: Vec<u8>, keys: &[&SigningKey]) -> Self {
        let message = pae(payload_type, &payload);
        let signatures = keys
            .iter()
            .map(|key| Signature { keyid: key.public().id(), sig: key.sign(&message).to_vec() })
            .collect();
        Self { payload_type: payload_type.to_owned(), payload, signatures }
    }

    /// What is to be signed, by nobody yet.
    pub(crate) fn unsigned(payload_type: &str, payload: Vec<u8>) -> Self {
        Self { payload_type: payload_type.to_owned(), payload, signatures: Vec::new() }
    }

    /// Adds a signature; a second one of the same key takes the place of the first.
    pub(crate) fn add_signature(&mut self, key: &SigningKey) {
        let keyid = key.public().id();
        let sig = key.sign(&pae(&self.payload_type, &self.payload)).to_vec();
        self.signatures.retain(|signature| signature.keyid != keyid);
        self.signatures.push(Signature { keyid, sig });
    }

    /// Like [`Envelope::from_json`], but nobody needs to have signed yet.
    pub(crate) fn from_draft(json: &[u8]) -> Result<Self, EnvelopeError> {
        if json.len() > MAX_ENVELOPE {
            return Err(EnvelopeError::TooLarge);
        }
        let draft: Self =
            serde_json::from_slice(json).map_err(|e| EnvelopeError::Malformed(e.to_string()))?;
        if !draft.signatures.is_empty() {
            draft.check()?;
        }
        Ok(draft)
    }

    pub(crate) fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// How many have signed; whether they may is not looked at.
    pub(crate) fn signatures(&self) -> usize {
        self.signatures.len()
    }

    /// Reads the JSON form. Nothing is verified yet.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLarge`], [`EnvelopeError::Malformed`].
    pub fn from_json(json: &[u8]) -> Result<Self, EnvelopeError> {
        if json.len() > MAX_ENVELOPE {
            return Err(EnvelopeError::TooLarge);
        }
        let envelope: Self =
            serde_json::from_slice(json).map_err(|e| EnvelopeError::Malformed(e.to_string()))?;
        envelope.check()?;
        Ok(envelope)
    }

    /// The rules that the types don't express.
    pub(crate) fn check(&self) -> Result<(), EnvelopeError> {
        let ids: BTreeSet<KeyId> = self.signatures.iter().map(|signature| signature.keyid).collect();
        if self.signatures.is_empty()
            || self.signatures.len() > MAX_SIGNATURES
            || ids.len() != self.signatures.len()
        {
            return Err(EnvelopeError::Malformed("it needs 1 to 64 signatures of different keys".into()));
        }
        if self.payload.len() > MAX_ENVELOPE {
            return Err(EnvelopeError::TooLarge);
        }
        Ok(())
    }

    /// The JSON form, without a superfluous octet.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings can always be written")
    }

    /// The payload before anything is verified. For display and for finding out which root is needed.
    pub(crate) fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// SHA-256 of the payload.
    pub(crate) fn payload_hash(&self) -> [u8; 32] {
        Sha256::digest(&self.payload).into()
    }

    /// The payload, if it is of this type and at least `threshold` different keys of `trusted` have signed it. A signature
    /// of a trusted key that does not fit is always refused. With [`Strangers::Refuse`] there is no octet of the envelope
    /// that may be changed.
    ///
    /// # Errors
    /// See [`EnvelopeError`].
    pub(crate) fn verify(
        &self,
        payload_type: &str,
        trusted: &[PublicKey],
        threshold: usize,
        strangers: Strangers,
    ) -> Result<&[u8], EnvelopeError> {
        self.check()?;
        if self.payload_type != payload_type {
            return Err(EnvelopeError::WrongType(self.payload_type.chars().take(100).collect()));
        }
        let message = pae(&self.payload_type, &self.payload);
        let mut valid = 0;
        for signature in &self.signatures {
            let id = signature.keyid;
            let Some(key) = trusted.iter().find(|key| key.id() == id) else {
                match strangers {
                    Strangers::Refuse => return Err(EnvelopeError::UnknownKey(id)),
                    Strangers::Ignore => continue,
                }
            };
            let octets =
                <&[u8; 64]>::try_from(&signature.sig[..]).map_err(|_| EnvelopeError::BadSignature(id))?;
            if !key.verifies(&message, octets) {
                return Err(EnvelopeError::BadSignature(id));
            }
            valid += 1;
        }
        if valid < threshold.max(1) {
            return Err(EnvelopeError::Threshold { valid, needed: threshold.max(1) });
        }
        Ok(&self.payload)
    }
}
