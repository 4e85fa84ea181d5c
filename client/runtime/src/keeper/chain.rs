//! What is asked of a policy service and in which order, and what of its answers may come into force.
//!
//! Root first: a root that has changed must be known before a document is believed. A new root comes into force only
//! together with a document that is good under it; else, after a restart, neither the old document nor a new one would.

use super::cache::{CacheState, Origin, Pinned};
use super::floor::{Floor, newer};
use flint_policy::{Expectation, Trust, unverified_root_version};
use std::future::Future;

/// Most roots that are walked through in one fetch.
const MAX_ROTATIONS: u64 = 100;

/// What to ask for.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Base address, ends in `/`.
    pub(crate) url: String,
    /// What rules now; `None` makes this the first trust.
    pub(crate) pinned: Option<Pinned>,
    /// What a document must match.
    pub(crate) expect: Expectation,
    /// The newest document that this computer has seen, whatever became of the cache.
    pub(crate) floor: Option<Floor>,
}

/// A policy service that proves who it is with every answer.
pub(crate) trait Source: Sync {
    /// A root's envelope; the newest for `None`.
    fn root(&self, version: Option<u64>) -> impl Future<Output = Result<Vec<u8>, String>> + Send;
    /// The person's document; `None` when it is still of the version that is known.
    fn document(&self, known: Option<u64>) -> impl Future<Output = Result<Option<Vec<u8>>, String>> + Send;
}

/// Fetches root chain and document. What comes back has been verified; the caller puts it into force.
///
/// # Errors
/// A sentence about what went wrong. Nothing has changed then.
pub(crate) async fn refresh(source: &impl Source, plan: Plan) -> Result<Pinned, String> {
    let newest = source.root(None).await?;
    let mut pinned = match plan.pinned {
        Some(pinned) => pinned,
        None => {
            let trust = Trust::pin(&newest, &plan.expect.domain)
                .map_err(|error| format!("The policy root of the server is refused: {error}."))?;
            let state = CacheState { origin: Origin::FirstFetch, held: None, fetched_at: None, url: None };
            Pinned { trust, chain: Vec::new(), state, document: None }
        }
    };
    rotate(source, &mut pinned, newest).await?;

    let floor = plan.floor.and_then(|floor| floor.under(&pinned.trust));
    let expect = Expectation { held: newer(pinned.state.held, floor), ..plan.expect };
    // What is held must still be good under a new root; else the whole document is asked for.
    let held = pinned
        .document
        .take()
        .and_then(|(_, bytes)| Some((pinned.trust.verify_held_policy(&bytes, &expect).ok()?, bytes)));
    let known = held.as_ref().filter(|(policy, _)| !policy.expired).map(|(policy, _)| policy.held.version);
    pinned.document = match source.document(known).await? {
        None => held,
        Some(envelope) => {
            let policy = pinned
                .trust
                .verify_policy(&envelope, &expect)
                .map_err(|error| format!("The server's policy was refused: {error}."))?;
            pinned.state.held = Some(policy.held);
            Some((policy, envelope))
        }
    };
    pinned.state.url = Some(plan.url);
    Ok(pinned)
}

/// Walks from the pinned root to the newest one, each signed by the one before. At its end both sides name the same root:
/// one that was pinned from a forged file is found out here.
async fn rotate(source: &impl Source, pinned: &mut Pinned, newest: Vec<u8>) -> Result<(), String> {
    let Some(last) = unverified_root_version(&newest) else {
        return Err("The policy root of the server can't be read.".to_owned());
    };
    let first = pinned.trust.root().version;
    if last.saturating_sub(first) > MAX_ROTATIONS {
        return Err("The policy root of the server is too far ahead of the one that is trusted.".to_owned());
    }
    for version in first.saturating_add(1)..=last {
        let next = if version == last { newest.clone() } else { source.root(Some(version)).await? };
        pinned
            .trust
            .rotate(&next)
            .map_err(|error| format!("Version {version} of the policy root is refused: {error}."))?;
        pinned.chain.push(pinned.trust.envelope_json());
    }
    let root = pinned.trust.root();
    if Trust::pin(&newest, &root.domain).is_ok_and(|server| server.root() == root) {
        Ok(())
    } else {
        Err("The policy root of the server is another one than this computer trusts. Ask your administrator."
            .to_owned())
    }
}

#[cfg(test)]
mod tests;
