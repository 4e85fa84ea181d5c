//! The newest policy that an account has ever seen on this computer, kept apart from the policy itself: whoever deletes
//! the cache, or puts an older signed one in its place, does not get the older one into force.
//!
//! One file per account in the state directory, beside the directories of the accounts. It is written after the
//! document that it is about, so that a crash between the two leaves a floor that the document is above. Whoever can
//! delete both files can still go back; only a store that this user's programs can't write to would end that.

use crate::state_dir::{make_dir, replace};
use flint_core::BareJid;
use flint_policy::{Held, PublicKey, Trust};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const DIRECTORY: &str = "floors";
const MAX_BYTES: u64 = 64 * 1024;

/// Most keys that are remembered, the newest ones.
const MAX_KEYS: usize = 512;

/// What was seen, and under whose keys: the versions of another console say nothing. Keys that a console has replaced are
/// still its own, else an old cache that they signed would come back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Floor {
    root_keys: Vec<String>,
    held: Held,
}

impl Floor {
    pub(crate) fn new(trust: &Trust, held: Held) -> Self {
        Self { root_keys: trust.root().root_keys.iter().map(name).collect(), held }
    }

    /// The floor before was the same console's: its keys count on, and nothing goes below it.
    pub(crate) fn after(mut self, before: &Self) -> Self {
        self.held = newer(Some(self.held), Some(before.held)).unwrap_or(self.held);
        let earlier: Vec<_> =
            before.root_keys.iter().filter(|key| !self.root_keys.contains(key)).cloned().collect();
        self.root_keys.extend(earlier);
        self.root_keys.truncate(MAX_KEYS);
        self
    }

    /// The newest document that this floor knows of the console behind a root.
    pub(crate) fn under(&self, trust: &Trust) -> Option<Held> {
        let same = trust.root().root_keys.iter().any(|key| self.root_keys.contains(&name(key)));
        same.then_some(self.held)
    }
}

/// The newer one of two.
pub(crate) fn newer(one: Option<Held>, other: Option<Held>) -> Option<Held> {
    [one, other].into_iter().flatten().max_by_key(|held| (held.epoch, held.version))
}

fn name(key: &PublicKey) -> String {
    key.id().to_string()
}

/// The file of one account.
#[derive(Debug, Clone)]
pub(crate) struct FloorFile {
    path: PathBuf,
}

impl FloorFile {
    /// The name is a hash, so that a list of files tells no address.
    pub(crate) fn new(state: &Path, account: &BareJid) -> Self {
        let hash: String =
            Sha256::digest(account.as_str().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { path: state.join(DIRECTORY).join(format!("{hash}.json")) }
    }

    /// What was kept; a sentence when it can't be used.
    pub(crate) fn load(&self) -> Result<Option<Floor>, String> {
        let mut text = Vec::new();
        let read = fs::File::open(&self.path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
        match read {
            Ok(_) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| format!("{} can't be read: {error}.", self.path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{} can't be read: {error}.", self.path.display())),
        }
    }

    pub(crate) fn store(&self, floor: &Floor) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            make_dir(directory)?;
        }
        replace(&self.path, &serde_json::to_vec(floor)?)
    }
}
