//! The root key, the signing key and the root document: made at the first start, kept in the state directory.

use crate::files::{self, FileError};
use flint_policy::{RootDocument, SigningKey, Trust, TrustFile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const ROOT_KEY: &str = "root.key";
const SIGNING_KEY: &str = "signing.key";
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
        let signing = read_key(&state.join(SIGNING_KEY))?;
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
        if !trust.root().signing_keys.contains(&signing.public()) {
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

    /// The key that signs documents.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Content for `/etc/flint/trust.json`.
    pub fn trust_file(&self, domain: &str, url: &str) -> String {
        TrustFile { domain: domain.to_owned(), url: Some(url.to_owned()), trust: self.trust.clone() }
            .to_json()
    }
}

fn make(state: &Path, directory: &Path, domain: &str) -> Result<(), KeyError> {
    files::make_state_directory(directory)?;
    let root = key(&state.join(ROOT_KEY))?;
    let signing = key(&state.join(SIGNING_KEY))?;
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
    Ok(files::write_secret(&directory.join("1.json"), envelope.as_bytes())?)
}

/// The key in this file; a new one when there is none.
fn key(file: &Path) -> Result<SigningKey, KeyError> {
    if file.exists() { read_key(file) } else { new_key(file) }
}

fn seed() -> Zeroizing<[u8; 32]> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut()).expect("the system gives random bytes");
    seed
}

fn new_key(file: &Path) -> Result<SigningKey, KeyError> {
    let key = SigningKey::from_seed(&seed());
    write_key(file, &key)?;
    Ok(key)
}

fn write_key(file: &Path, key: &SigningKey) -> Result<(), KeyError> {
    let seed = Zeroizing::new(key.seed());
    Ok(files::write_secret(file, seed.as_ref())?)
}

fn read_key(file: &Path) -> Result<SigningKey, KeyError> {
    let bytes = files::read_secret_bytes(file)?;
    let seed: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| FileError::Damaged {
        file: file.to_owned(),
        detail: format!("it has {} bytes in place of 32", bytes.len()),
    })?;
    Ok(SigningKey::from_seed(seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 3] = [ROOT_KEY, SIGNING_KEY, "roots/1.json"];

    fn contents(state: &Path) -> Vec<Option<Vec<u8>>> {
        FILES.iter().map(|file| std::fs::read(state.join(file)).ok()).collect()
    }

    #[test]
    fn a_lost_file_never_makes_another_trust() {
        for lost in 0..FILES.len() {
            let directory = tempfile::tempdir().unwrap();
            let state = directory.path();
            Keys::open(state, "example.test").unwrap();
            let before = contents(state);
            std::fs::remove_file(state.join(FILES[lost])).unwrap();
            let again = Keys::open(state, "example.test");
            let after = contents(state);
            for (index, file) in FILES.iter().enumerate().filter(|(index, _)| *index != lost) {
                assert_eq!(after[index], before[index], "{} was lost, {file} replaced", FILES[lost]);
            }
            match FILES[lost] {
                // It may be kept elsewhere: only a rotation needs it.
                ROOT_KEY => assert!(again.is_ok() && after[lost].is_none()),
                SIGNING_KEY => assert!(again.unwrap_err().to_string().contains(SIGNING_KEY)),
                // Made of the two keys, it is the same document again.
                _ => assert_eq!(after[lost], before[lost]),
            }
        }
    }

    #[test]
    fn a_first_start_that_was_cut_off_is_begun_again() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path();
        let root = new_key(&state.join(ROOT_KEY)).unwrap();
        let keys = Keys::open(state, "example.test").unwrap();
        assert_eq!(keys.trust.root().root_keys, [root.public()]);
        assert!(Keys::open(state, "other.test").is_err(), "keys belong to one domain");
    }
}
