//! The last good signed policy, beside the database: the pinned root, the document's envelope, what is known about it.
//! All in one file, which is replaced as a whole: parts of two fetches would not fit each other.
//!
//! There are two such files. The second is written after the first, so that it holds what ruled before while the first
//! is being replaced, and the same from then on; it counts when the first is lost or damaged.
//!
//! All envelopes are verified again whenever they are read. Where the computer has a trust file, that begins with its
//! root and walks through the roots that were kept: whoever can write files but holds no key can then only take the
//! policy away, not change it. Without a trust file the person's own files say whom to trust, so what is kept proves
//! nothing to somebody else until the server has confirmed it ([`super::PolicyKeeper`]).

use super::floor::{Floor, newer};
use crate::state_dir::{make_dir, replace};
use flint_policy::{Expectation, Held, Trust, VerifiedPolicy};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// In the order in which they are written and asked.
const FILES: [&str; 2] = ["policy.json", "policy.verified.json"];
/// Two envelopes, in which each quotation mark is escaped, and the rest.
const MAX_BYTES: u64 = 8 * flint_policy::MAX_ENVELOPE as u64;
/// Most octets of the roots in between. Beyond that they are not kept, and the policy is fetched anew after a start.
const MAX_CHAIN: usize = flint_policy::MAX_ENVELOPE;

/// The file. Without `Debug`: an envelope carries the policy with its passwords.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Envelope of the pinned root.
    root: String,
    /// [`Pinned::chain`].
    #[serde(default)]
    chain: Vec<String>,
    /// Envelope of the document.
    document: Option<String>,
    /// [`CacheState`]: read for itself, so that the rest counts without it.
    state: serde_json::Value,
}

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
#[derive(Clone)]
pub(crate) struct Pinned {
    pub(crate) trust: Trust,
    /// Envelopes of the roots that led from the first trusted one to `trust`, that one included.
    pub(crate) chain: Vec<String>,
    pub(crate) state: CacheState,
    /// The document with its envelope's bytes.
    pub(crate) document: Option<(VerifiedPolicy, Vec<u8>)>,
}

/// Without the envelopes, whose bytes carry passwords.
impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned")
            .field("root", &self.trust.root().version)
            .field("chain", &self.chain.len())
            .field("state", &self.state)
            .field("document", &self.document.as_ref().map(|(policy, _)| policy.document.version))
            .finish()
    }
}

/// The administrator's root, where all trust begins.
#[derive(Debug, Clone)]
pub(crate) struct Anchor {
    pub(crate) trust: Trust,
    pub(crate) origin: Origin,
}

impl Anchor {
    /// Walks through the roots that follow from the administrator's, each signed by the one before. The others are
    /// passed over: the file may be newer than some of them, and all may be somebody else's.
    pub(crate) fn follow(&self, roots: impl IntoIterator<Item = String>) -> (Trust, Vec<String>) {
        let mut trust = self.trust.clone();
        let chain = roots.into_iter().filter(|root| trust.rotate(root.as_bytes()).is_ok()).collect();
        (trust, chain)
    }
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

    /// What was kept, and a sentence about what of it can't be used. A file whose document is good comes before one that
    /// only says whom to trust. With an anchor nothing else in the files says whom to trust.
    pub(crate) fn load(
        &self,
        anchor: Option<&Anchor>,
        expect: &Expectation,
        floor: Option<&Floor>,
    ) -> (Option<Pinned>, Option<String>) {
        let mut best: Option<Pinned> = None;
        let mut first_problem = None;
        for (number, file) in FILES.into_iter().enumerate() {
            let (pinned, problem) = self.load_file(file, anchor, expect, floor);
            first_problem = first_problem.or(problem);
            match pinned {
                Some(pinned) if pinned.document.is_some() => {
                    let said = first_problem.map(|problem: String| match number {
                        0 => problem,
                        _ => format!("{problem} The copy of it that was verified last is in force."),
                    });
                    return (Some(pinned), said);
                }
                other => best = best.or(other),
            }
        }
        (best, first_problem)
    }

    fn load_file(
        &self,
        file: &str,
        anchor: Option<&Anchor>,
        expect: &Expectation,
        floor: Option<&Floor>,
    ) -> (Option<Pinned>, Option<String>) {
        let kept = match self.read(file) {
            Ok(Some(kept)) => kept,
            Ok(None) => return (None, None),
            Err(problem) => return (None, Some(problem)),
        };
        let written = match Trust::pin(kept.root.as_bytes(), &expect.domain) {
            Ok(trust) => trust,
            Err(error) => return (None, Some(format!("The pinned policy root can't be used: {error}."))),
        };
        let (mut state, unreadable) = state(kept.state);
        let (trust, chain) = match anchor {
            Some(anchor) => {
                state.origin = anchor.origin.clone();
                anchor.follow(kept.chain.into_iter().chain([kept.root]))
            }
            None => (written.clone(), kept.chain),
        };
        // The versions of another console say nothing.
        state.held = state.held.filter(|_| shares_key(&trust, &written));
        state.held = newer(state.held, floor.and_then(|floor| floor.under(&trust)));
        let mut pinned = Pinned { trust, chain, state, document: None };
        let document = kept.document.map(String::into_bytes);
        let refused = document.and_then(|envelope| take_document(&mut pinned, envelope, expect).err());
        (Some(pinned), refused.or(unreadable))
    }

    /// Keeps what rules now.
    pub(crate) fn store(&self, pinned: &Pinned) -> io::Result<()> {
        let document = pinned.document.as_ref().map(|(_, envelope)| String::from_utf8(envelope.clone()));
        let size: usize = pinned.chain.iter().map(String::len).sum();
        let kept = Kept {
            root: pinned.trust.envelope_json(),
            chain: if size <= MAX_CHAIN { pinned.chain.clone() } else { Vec::new() },
            document: document.transpose().map_err(io::Error::other)?,
            state: serde_json::to_value(&pinned.state)?,
        };
        make_dir(&self.directory)?;
        let text = serde_json::to_vec(&kept)?;
        FILES.into_iter().try_for_each(|file| replace(&self.directory.join(file), &text))
    }

    fn read(&self, file: &str) -> Result<Option<Kept>, String> {
        let path = self.directory.join(file);
        let failed = |error: io::Error| format!("{} can't be read: {error}.", path.display());
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            Ok(metadata) if metadata.len() > MAX_BYTES => {
                return Err(failed(io::Error::other("it is too large")));
            }
            Ok(_) => {}
        }
        let text = fs::read(&path).map_err(failed)?;
        serde_json::from_slice(&text).map(Some).map_err(|error| failed(error.into()))
    }
}

/// Two roots of one console have a root key in common.
pub(crate) fn shares_key(one: &Trust, other: &Trust) -> bool {
    one.root().root_keys.iter().any(|key| other.root().root_keys.contains(key))
}

/// Without its state a signed document is as good as before.
fn state(kept: serde_json::Value) -> (CacheState, Option<String>) {
    serde_json::from_value(kept).map_or_else(
        |error| {
            let unknown = CacheState { origin: Origin::FirstFetch, held: None, fetched_at: None, url: None };
            (unknown, Some(format!("The state of the policy cache can't be read: {error}.")))
        },
        |state| (state, None),
    )
}

fn take_document(pinned: &mut Pinned, envelope: Vec<u8>, expect: &Expectation) -> Result<(), String> {
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
