//! The last good signed policy, beside the database: the pinned root, the document's envelope, what is known about it.
//!
//! Both envelopes are verified again whenever they are read, so that whoever can write files but holds no key can only
//! take the policy away, not change it.

use crate::state_dir::{make_dir, replace};
use flint_policy::{Expectation, Held, Trust, VerifiedPolicy};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const ROOT: &str = "root.json";
const DOCUMENT: &str = "document.json";
const STATE: &str = "state.json";
const MAX_BYTES: u64 = 2 * flint_policy::MAX_ENVELOPE as u64;

/// Where the trust began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub(crate) enum Origin {
    /// The machine's trust file with this root (SHA-256 of its envelope, hexadecimal).
    Machine {
        /// Which.
        root: String,
    },
    /// The first fetch.
    FirstFetch,
}

/// What is known beside the two envelopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CacheState {
    pub(crate) origin: Origin,
    /// The newest document that was accepted: older ones are refused.
    pub(crate) held: Option<Held>,
    /// Milliseconds since 1970-01-01 UTC.
    pub(crate) fetched_at: Option<i64>,
    /// HTTPS base address, as last found.
    pub(crate) url: Option<String>,
}

/// What rules now.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    pub(crate) trust: Trust,
    pub(crate) state: CacheState,
    /// The document with its envelope's bytes.
    pub(crate) document: Option<(VerifiedPolicy, Vec<u8>)>,
}

/// The files.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    directory: PathBuf,
}

impl Cache {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// What was kept, and a sentence about what of it can't be used.
    pub(crate) fn load(&self, expect: &Expectation) -> (Option<Pinned>, Option<String>) {
        let trust = match self.load_root(expect) {
            Ok(Some(trust)) => trust,
            Ok(None) => return (None, None),
            Err(problem) => return (None, Some(problem)),
        };
        let (state, unreadable) = self.load_state();
        let mut pinned = Pinned { trust, state, document: None };
        let refused = self.load_document(&mut pinned, expect).err();
        (Some(pinned), refused.or(unreadable))
    }

    fn load_root(&self, expect: &Expectation) -> Result<Option<Trust>, String> {
        let Some(root) = self.read(ROOT)? else { return Ok(None) };
        let trust = Trust::pin(&root, &expect.domain)
            .map_err(|error| format!("The pinned policy root can't be used: {error}."))?;
        Ok(Some(trust))
    }

    /// Without its state a signed document is as good as before.
    fn load_state(&self) -> (CacheState, Option<String>) {
        let unknown = CacheState { origin: Origin::FirstFetch, held: None, fetched_at: None, url: None };
        match self.read(STATE) {
            Ok(None) => (unknown, None),
            Ok(Some(text)) => match serde_json::from_slice(&text) {
                Ok(state) => (state, None),
                Err(error) => {
                    (unknown, Some(format!("The state of the policy cache can't be read: {error}.")))
                }
            },
            Err(problem) => (unknown, Some(problem)),
        }
    }

    fn load_document(&self, pinned: &mut Pinned, expect: &Expectation) -> Result<(), String> {
        let Some(envelope) = self.read(DOCUMENT)? else { return Ok(()) };
        let expect = Expectation { held: pinned.state.held, ..expect.clone() };
        match pinned.trust.verify_held_policy(&envelope, &expect) {
            Ok(verified) => {
                pinned.state.held.get_or_insert(verified.held);
                pinned.document = Some((verified, envelope));
                Ok(())
            }
            Err(error) => Err(format!(
                "The policy that was kept on this computer is refused: {error}. It waits for the server's."
            )),
        }
    }

    /// Keeps what rules now. The document goes first: with an older root it is only refused until the next fetch, while a
    /// new state with an old document would be.
    pub(crate) fn store(&self, pinned: &Pinned) -> io::Result<()> {
        make_dir(&self.directory)?;
        if let Some((_, envelope)) = &pinned.document {
            replace(&self.directory.join(DOCUMENT), envelope)?;
        }
        replace(&self.directory.join(ROOT), pinned.trust.envelope_json().as_bytes())?;
        replace(&self.directory.join(STATE), &serde_json::to_vec(&pinned.state)?)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let path = self.directory.join(name);
        let failed = |error: io::Error| format!("{} can't be read: {error}.", path.display());
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            Ok(metadata) if metadata.len() > MAX_BYTES => {
                return Err(failed(io::Error::other("it is too large")));
            }
            Ok(_) => {}
        }
        fs::read(&path).map(Some).map_err(failed)
    }
}
