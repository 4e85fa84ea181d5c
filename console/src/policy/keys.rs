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
    /// A key is never written over.
    #[error("There is a file {} already. Give another path for the new key.", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
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
            document.threshold = 1;
        }
        if let Some(threshold) = wish.threshold {
            document.threshold = threshold;
        }
        if wish.new_signing_key || wish.raise_epoch {
            document.epoch += 1;
        }
        if wish.new_signing_key {
            document.signing_keys = vec![key(&state.join(NEXT_KEY))?.public()];
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
        files::write_secret(&state.join(ROOTS).join(format!("{version}.json")), json)?;
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

/// Makes a key in a new file of mode 0600, wherever an administrator wants to keep it.
///
/// # Errors
/// There is a file already, or it can't be written.
pub fn make_key(file: &Path) -> Result<PublicKey, KeyError> {
    if file.exists() {
        return Err(KeyError::Exists { file: file.to_owned() });
    }
    Ok(new_key(file)?.public())
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

    fn document(keys: &Keys, version: u64) -> Vec<u8> {
        let document = flint_policy::PolicyDocument {
            format: 1,
            domain: "example.test".into(),
            audience: "ann@example.test".parse().unwrap(),
            epoch: keys.epoch(),
            version,
            issued: 0,
            expires: 1000,
            on_expiry: flint_policy::OnExpiry::Keep,
            layers: Vec::new(),
            toggles: serde_json::Value::Null,
        };
        document.sign(keys.signing()).to_json().into_bytes()
    }

    fn expect(held: Option<flint_policy::Held>) -> flint_policy::Expectation {
        let audience = "ann@example.test".parse().unwrap();
        flint_policy::Expectation { domain: "example.test".into(), audience, held, now: 1 }
    }

    fn client(keys: &Keys) -> Trust {
        Trust::pin(keys.root(Some(1)).unwrap(), "example.test").unwrap()
    }

    #[test]
    fn a_stolen_signing_key_is_replaced_by_the_root_key_that_is_kept_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let (state, kept) = (directory.path(), elsewhere.path().join("root.key"));
        let mut keys = Keys::open(state, "example.test").unwrap();
        std::fs::rename(state.join(ROOT_KEY), &kept).unwrap();
        let (stolen, mut trust) = (keys.signing().clone(), client(&keys));
        // The thief uses up all versions.
        let last = trust.verify_policy(&document(&keys, u64::MAX), &expect(None)).unwrap().held;
        let wish = NextRoot { new_signing_key: true, ..NextRoot::default() };
        let mut draft = keys.next_root(state, wish).unwrap();
        let unsigned = keys.install(state, draft.to_json().as_bytes());
        assert!(matches!(unsigned, Err(RotateError::Rejected(_))));
        // The stolen key signs documents, not roots.
        draft.sign(&stolen);
        assert!(keys.install(state, draft.to_json().as_bytes()).is_err());
        assert!(!state.join("roots/2.json").exists() && Keys::open(state, "example.test").is_ok());
        let mut draft = RootDraft::from_json(draft.to_json().as_bytes()).unwrap();
        draft.sign(&read_key(&kept).unwrap());
        assert_eq!(keys.install(state, draft.to_json().as_bytes()).unwrap(), 2);
        trust.rotate(keys.root(None).unwrap()).unwrap();
        let mut keys = Keys::open(state, "example.test").unwrap();
        assert_eq!(trust.verify_policy(&document(&keys, 41), &expect(Some(last))).unwrap().held.version, 41);
        keys.signing = stolen;
        let refused = trust.verify_policy(&document(&keys, 42), &expect(Some(last))).unwrap_err();
        assert_eq!(refused.code(), "unknown-key");
    }

    #[test]
    fn a_restored_console_is_heard_again_after_the_epoch_is_raised() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path();
        let mut keys = Keys::open(state, "example.test").unwrap();
        let mut trust = client(&keys);
        let held = trust.verify_policy(&document(&keys, 90), &expect(None)).unwrap().held;
        let refused = trust.verify_policy(&document(&keys, 40), &expect(Some(held))).unwrap_err();
        assert_eq!(refused.to_string(), "the policy has version 40, which is older than version 90");
        let wish = NextRoot { raise_epoch: true, ..NextRoot::default() };
        let mut draft = keys.next_root(state, wish).unwrap();
        draft.sign(&read_key(&state.join(ROOT_KEY)).unwrap());
        keys.install(state, draft.to_json().as_bytes()).unwrap();
        trust.rotate(keys.root(Some(2)).unwrap()).unwrap();
        assert_eq!(trust.verify_policy(&document(&keys, 40), &expect(Some(held))).unwrap().held.version, 40);
    }

    #[test]
    fn an_installation_that_was_cut_off_is_brought_to_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path();
        let mut keys = Keys::open(state, "example.test").unwrap();
        let wish = NextRoot { new_signing_key: true, ..NextRoot::default() };
        let mut draft = keys.next_root(state, wish).unwrap();
        draft.sign(&read_key(&state.join(ROOT_KEY)).unwrap());
        let (old, next) = (state.join(SIGNING_KEY), std::fs::read(state.join(NEXT_KEY)).unwrap());
        let before = std::fs::read(&old).unwrap();
        keys.install(state, draft.to_json().as_bytes()).unwrap();
        // As if the root had been written and the key not.
        files::write_secret(&state.join(NEXT_KEY), &next).unwrap();
        std::fs::remove_file(&old).unwrap();
        files::write_secret(&old, &before).unwrap();
        let again = Keys::open(state, "example.test").unwrap();
        assert_eq!(again.signing().public(), keys.signing().public());
        assert_eq!(std::fs::read(&old).unwrap(), next);
        assert!(!state.join(NEXT_KEY).exists());
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
