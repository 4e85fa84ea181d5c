//! The root key, the signing key and the root document: made at the first start, kept in the state directory.

use crate::files::{self, FileError};
use flint_policy::{PublicKey, RootDocument, RootDraft, RootRejected, SigningKey, Trust, TrustFile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const ROOT_KEY: &str = "root.key";
const SIGNING_KEY: &str = "signing.key";
/// Made for a root that is not installed yet.
const NEXT_KEY: &str = "signing-next.key";
const ROOTS: &str = "roots";

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The root document does not fit to the keys or the domain.
    #[error("The root document {} can't be used: {detail}. Restore the state directory from a backup; without it every client has to be told anew whom to trust.", file.display())]
    Root {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

/// What the next root is to be.
#[derive(Debug, Clone, Default)]
pub struct NextRoot {
    /// Other root keys; empty keeps those that are there.
    pub root_keys: Vec<PublicKey>,
    /// How many of them have to sign.
    pub threshold: Option<u32>,
    /// Documents are signed with a new key, and the old one is worth nothing any more.
    pub new_signing_key: bool,
    /// The console was restored from a backup.
    pub raise_epoch: bool,
}

/// Why a root is not made, signed or installed. One sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// A file can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key can't be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Not signed as it has to be, or wrong in itself.
    #[error(
        "The root is refused: {0}. Let enough holders of the old and of the new root keys sign it, then install it."
    )]
    Rejected(#[from] RootRejected),
    /// Nobody could make the root after it.
    #[error(
        "{0} root keys have to sign a root, and fewer are listed. Give each of them as --root-key, or a smaller --threshold."
    )]
    TooFewKeys(u32),
    /// Documents could not be signed any more.
    #[error(
        "The root lists no signing key that this console has. Make it here with 'flintd admin root next'."
    )]
    NoKey,
}

/// The signing key and the chain of root documents.
#[derive(Debug)]
pub struct Keys {
    signing: SigningKey,
    trust: Trust,
    roots: BTreeMap<u64, Vec<u8>>,
}

impl Keys {
    /// Opens the keys of the state directory, or makes them when there are none: one root key, threshold 1.
    ///
    /// # Errors
    /// A part of them is missing, open to others, or damaged; nothing is ever replaced.
    pub fn open(state: &Path, domain: &str) -> Result<Self, KeyError> {
        let directory = state.join(ROOTS);
        if !directory.join("1.json").exists() && !directory.join("2.json").exists() {
            make(state, &directory, domain)?;
        }
        let mut roots = BTreeMap::new();
        let mut trust: Option<Trust> = None;
        for version in 1_u64.. {
            let file = directory.join(format!("{version}.json"));
            if version > 1 && !file.exists() {
                break;
            }
            let bytes = files::read_secret_bytes(&file)?.to_vec();
            let refuse = |error: flint_policy::RootRejected| KeyError::Root {
                file: file.clone(),
                detail: error.to_string(),
            };
            match &mut trust {
                Some(trust) => trust.rotate(&bytes).map_err(refuse)?,
                None => trust = Some(Trust::pin(&bytes, domain).map_err(refuse)?),
            }
            roots.insert(version, bytes);
        }
        let trust = trust.expect("the first root was read or refused");
        let listed = |key: &SigningKey| trust.root().signing_keys.contains(&key.public());
        let mut signing = read_key(&state.join(SIGNING_KEY))?;
        let next = state.join(NEXT_KEY);
        if !listed(&signing) && next.exists() {
            // An installation that was cut off between the root and its key is brought to its end.
            signing = read_key(&next)?;
            if listed(&signing) {
                files::replace(&next, &state.join(SIGNING_KEY))?;
            }
        }
        if !listed(&signing) {
            let detail = "it does not list the signing key".to_owned();
            return Err(KeyError::Root { file: directory, detail });
        }
        Ok(Self { signing, trust, roots })
    }

    /// A root document's envelope as JSON; the newest without a version.
    pub fn root(&self, version: Option<u64>) -> Option<&[u8]> {
        match version {
            Some(version) => self.roots.get(&version),
            None => self.roots.values().next_back(),
        }
        .map(Vec::as_slice)
    }

    /// The newest root's epoch.
    pub fn epoch(&self) -> u64 {
        self.trust.root().epoch
    }

    /// The newest root.
    pub fn document(&self) -> &RootDocument {
        self.trust.root()
    }

    /// The key that signs documents.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The root that follows, for the holders of the root keys to sign. A new signing key waits in the state directory until
    /// it is installed. With a new key the epoch grows too, so that versions a thief has used up don't count.
    ///
    /// # Errors
    /// The key can't be written, or the wish contradicts itself.
    pub fn next_root(&self, state: &Path, wish: NextRoot) -> Result<RootDraft, RotateError> {
        let root = self.trust.root();
        let mut document = RootDocument { version: root.version + 1, ..root.clone() };
        if !wish.root_keys.is_empty() {
            document.root_keys = wish.root_keys;
        }
        if let Some(threshold) = wish.threshold {
            document.threshold = threshold;
        }
        if document.threshold as usize > document.root_keys.len() {
            return Err(RotateError::TooFewKeys(document.threshold));
        }
        if wish.new_signing_key || wish.raise_epoch {
            document.epoch += 1;
        }
        if wish.new_signing_key {
            document.signing_keys = vec![key(state, NEXT_KEY)?.public()];
        }
        Ok(RootDraft::new(document)?)
    }

    /// Takes a root that enough keys have signed, and its signing key. A running flintd uses it after a restart.
    ///
    /// # Errors
    /// The old or the new keys have not signed it as often as they have to, or it lists no signing key of this console;
    /// then nothing is changed.
    pub fn install(&mut self, state: &Path, json: &[u8]) -> Result<u64, RotateError> {
        let mut trust = self.trust.clone();
        trust.rotate(json)?;
        let version = trust.root().version;
        let listed = |key: &SigningKey| trust.root().signing_keys.contains(&key.public());
        let next = state.join(NEXT_KEY);
        let renewed = if listed(&self.signing) {
            None
        } else {
            let key = Some(next.as_path()).filter(|next| next.exists()).map(read_key).transpose()?;
            Some(key.filter(listed).ok_or(RotateError::NoKey)?)
        };
        files::write_new_state(state, &state.join(ROOTS).join(format!("{version}.json")), json)?;
        if let Some(key) = renewed {
            files::replace(&next, &state.join(SIGNING_KEY))?;
            self.signing = key;
        }
        self.roots.insert(version, json.to_vec());
        self.trust = trust;
        Ok(version)
    }

    /// Content for `/etc/flint/trust.json`.
    pub fn trust_file(&self, domain: &str, url: &str) -> String {
        TrustFile { domain: domain.to_owned(), url: Some(url.to_owned()), trust: self.trust.clone() }
            .to_json()
    }
}

fn make(state: &Path, directory: &Path, domain: &str) -> Result<(), KeyError> {
    files::make_directory_of_state(state, directory)?;
    let root = key(state, ROOT_KEY)?;
    let signing = key(state, SIGNING_KEY)?;
    let document = RootDocument {
        format: 1,
        domain: domain.to_owned(),
        version: 1,
        root_keys: vec![root.public()],
        threshold: 1,
        signing_keys: vec![signing.public()],
        epoch: 0,
    };
    // The document comes last: a start that was cut off before it is begun again, with the keys that are there. Once
    // it is there somebody may trust it, and a lost key is not replaced.
    let envelope = document.sign(&[&root]).to_json();
    Ok(files::write_new_state(state, &directory.join("1.json"), envelope.as_bytes())?)
}

/// This key of the state; a new one when there is none.
fn key(state: &Path, name: &str) -> Result<SigningKey, KeyError> {
    let file = state.join(name);
    if file.exists() {
        return read_key(&file);
    }
    let key = SigningKey::from_seed(&seed());
    let seed = Zeroizing::new(key.seed());
    files::write_new_state(state, &file, seed.as_ref())?;
    Ok(key)
}

fn seed() -> Zeroizing<[u8; 32]> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut()).expect("the system gives random bytes");
    seed
}

/// Makes a key in a new file of mode 0600, wherever an administrator wants to keep it.
///
/// # Errors
/// There is a file already, or it can't be written.
pub fn make_key(file: &Path) -> Result<PublicKey, KeyError> {
    let seed = seed();
    files::write_new_secret(file, seed.as_ref())?;
    Ok(SigningKey::from_seed(&seed).public())
}

/// Reads a key of 32 octets in a file of mode 0600.
///
/// # Errors
/// It is missing, open to others, or damaged.
pub fn read_key(file: &Path) -> Result<SigningKey, KeyError> {
    let bytes = files::read_secret_bytes(file)?;
    let seed: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| FileError::Damaged {
        file: file.to_owned(),
        detail: format!("it has {} bytes in place of 32", bytes.len()),
    })?;
    Ok(SigningKey::from_seed(seed))
}

#[cfg(test)]
mod tests;
