//! Policy of one account: the computer's files, the signed document, and what follows from both.
//!
//! [`PolicyKeeper`] holds them and says when to fetch; it opens no socket. The client's task carries its fetches out.

pub(crate) mod brand;
pub(crate) mod cache;
pub(crate) mod chain;
pub(crate) mod fetch;
pub(crate) mod floor;
pub(crate) mod machine;
pub(crate) mod refresh;
pub(crate) mod watch;

#[cfg(test)]
mod tests;

use brand::BrandImage;
use cache::{Anchor, Cache, CacheState, Origin, Pinned, shares_key};
use chain::Plan;
use flint_core::input::PolicyResolved;
use flint_core::model::ServerPolicyState;
use flint_core::{BareJid, Timestamp};
use flint_policy::{EffectivePolicy, Envelope, Expectation, Inputs, Level, read_machine_file, resolve};
use flint_xmpp::PolicySignal;
use floor::{Floor, FloorFile, newer};
use machine::{Machine, MachineFiles};
use refresh::Refresh;
use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;

/// What is in force for one account, and why.
#[derive(Debug)]
pub(crate) struct PolicyKeeper {
    account: BareJid,
    files: MachineFiles,
    machine: Machine,
    kept: Option<Kept>,
    floor: Option<Floor>,
    pinned: Option<Pinned>,
    /// The service's address as found over XMPP.
    found: Option<String>,
    refresh: Refresh,
    /// The person signed in by their ticket, or has not signed in.
    by_ticket: bool,
    /// Since the start the service that the session found has proved itself and named the root that is pinned.
    confirmed: bool,
    image: BrandImage,
    problem: Option<String>,
}

/// Where the policy and its floor are kept.
#[derive(Debug)]
struct Kept {
    cache: Cache,
    floor: FloorFile,
}

/// Mechanism of a sign-in by ticket.
const TICKET: &str = "GSSAPI";
/// What holds while a managed file of the computer is refused.
const CLOSED: &str = r#"{"ManagementRequired": true, "SingleSignOnRequired": true}"#;
/// Below the directory of the policy.
const IMAGES: &str = "images";

impl PolicyKeeper {
    /// Reads the computer's files, the account's floor below `state` and the cache. Without a `directory` nothing is
    /// kept.
    pub(crate) fn open(
        account: BareJid,
        machine: &Path,
        state: &Path,
        directory: Option<&Path>,
        now: Timestamp,
    ) -> Self {
        let mut files = MachineFiles::new(machine);
        let machine = files.read();
        let floor_file = FloorFile::new(state, &account);
        let (floor, unreadable_floor) = match floor_file.load() {
            Ok(floor) => (floor, None),
            Err(problem) => (None, Some(problem)),
        };
        let kept = directory.map(|directory| Kept { cache: Cache::new(directory), floor: floor_file });
        let mut keeper = Self {
            account,
            files,
            machine,
            kept,
            floor,
            pinned: None,
            found: None,
            refresh: Refresh::default(),
            by_ticket: false,
            confirmed: false,
            image: BrandImage::new(directory.map(|directory| directory.join(IMAGES))),
            problem: None,
        };
        let expect = keeper.expectation(now);
        if let Some(kept) = &keeper.kept {
            (keeper.pinned, keeper.problem) =
                kept.cache.load(keeper.anchor().as_ref(), &expect, keeper.floor.as_ref());
        }
        keeper.problem = keeper.problem.or(unreadable_floor);
        keeper.apply_trust_file(now);
        keeper.follow_image();
        if keeper.url().is_some() {
            keeper.refresh.wanted(now);
        }
        keeper
    }

    /// The computer's files may have changed.
    pub(crate) fn machine_changed(&mut self, now: Timestamp) {
        self.machine = self.files.read();
        self.apply_trust_file(now);
        self.follow_image();
        if self.refresh.due().is_none() && self.url().is_some() {
            self.refresh.wanted(now);
        }
    }

    /// What is to be watched.
    pub(crate) fn watched(&self) -> Vec<std::path::PathBuf> {
        self.files.watched()
    }

    /// The person signed in by this mechanism.
    pub(crate) fn signed_in(&mut self, mechanism: &str, now: Timestamp) {
        self.by_ticket = mechanism == TICKET;
        self.image.retry();
        if self.by_ticket && self.pinned.is_none() && self.url().is_some() {
            self.refresh.wanted(now);
        }
    }

    /// Why no root may be pinned by a first fetch now. A password proves nothing about the server to whom it was told, and
    /// a trust file that can't be read must not be replaced by whatever the server says.
    fn first_trust_forbidden(&self) -> Option<&'static str> {
        if self.pinned.is_some() {
            None
        } else if self.machine.trust_unusable {
            Some(
                "The trust file of this computer can't be used, so no policy of the server is trusted. \
                 Ask your administrator to repair it.",
            )
        } else if self.by_ticket {
            None
        } else {
            Some(
                "The organisation's policy is trusted only after a sign-in by ticket. \
                 Sign in with your ticket, or ask your administrator for the trust file.",
            )
        }
    }

    /// The session has something to say about the service.
    pub(crate) fn signal(&mut self, signal: PolicySignal, now: Timestamp) {
        match signal {
            PolicySignal::Service { url, .. } => {
                self.found = Some(url);
                self.refresh.wanted(now);
            }
            PolicySignal::NoService => {
                self.found = None;
                if self.url().is_none() {
                    self.refresh.stop();
                }
            }
            PolicySignal::Changed { version } => {
                // Not “newer”: after a restore the versions of a new epoch begin anew.
                if self.url().is_some() && version != self.applied() {
                    self.refresh.wanted(now);
                }
            }
        }
    }

    /// The person wants it now. False when there is nobody to ask.
    pub(crate) fn wanted(&mut self, now: Timestamp) -> bool {
        self.image.retry();
        let possible = self.url().is_some();
        if possible {
            self.refresh.wanted(now);
        }
        possible
    }

    /// When to look again: a fetch is due, or the document expires.
    pub(crate) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let expiry = self
            .pinned
            .as_ref()
            .and_then(|pinned| pinned.document.as_ref())
            .filter(|(policy, _)| !policy.expired)
            .map(|(policy, _)| moment(policy.document.expires))
            .filter(|expires| *expires > now);
        [self.refresh.due(), expiry].into_iter().flatten().min()
    }

    /// Marks the document as expired when its time is over. True when that changed something.
    pub(crate) fn expire(&mut self, now: Timestamp) -> bool {
        let policy = self.pinned.as_mut().and_then(|pinned| pinned.document.as_mut());
        match policy {
            Some((policy, _)) if !policy.expired && moment(policy.document.expires) <= now => {
                policy.expired = true;
                self.follow_image();
                true
            }
            _ => false,
        }
    }

    /// A fetch is due.
    pub(crate) fn is_due(&mut self, now: Timestamp) -> bool {
        self.refresh.clock(now);
        self.refresh.due().is_some_and(|due| due <= now)
    }

    /// The fetch that is due now, if one is. [`PolicyKeeper::fetched`] must follow.
    pub(crate) fn begin(&mut self, now: Timestamp) -> Option<Plan> {
        let Some(url) = self.url().map(str::to_owned) else {
            // The address went with the machine's file.
            self.refresh.stop();
            return None;
        };
        if let Some(problem) = self.first_trust_forbidden() {
            if self.refresh.due().is_some() {
                self.refresh.stop();
                self.problem = Some(problem.to_owned());
            }
            return None;
        }
        if !self.refresh.begin(now) {
            return None;
        }
        Some(Plan {
            url,
            pinned: self.pinned.clone(),
            expect: self.expectation(now),
            floor: self.floor.clone(),
        })
    }

    /// A fetch has ended. Good values are kept whatever went wrong.
    pub(crate) fn fetched(&mut self, outcome: Result<Pinned, String>, now: Timestamp, random: u64) {
        let outcome = outcome.and_then(|pinned| self.accept(pinned));
        self.refresh.ended(now, outcome.is_ok(), random);
        match outcome {
            Ok(mut pinned) => {
                // An address of the person's own files proves nothing either.
                self.confirmed |= self.found.is_some() && self.found == pinned.state.url;
                pinned.state.fetched_at = Some(now.0);
                self.problem = self.keep(&pinned).err().map(|error| {
                    format!(
                        "The policy is in force but could not be kept for the next start: {error}. Check the disk."
                    )
                });
                self.pinned = Some(pinned);
            }
            Err(problem) => {
                tracing::warn!(problem, "policy fetch failed");
                self.problem = Some(problem);
            }
        }
        self.follow_image();
        self.image.retry();
    }

    /// The document first: a floor above what is kept would let nothing rule.
    fn keep(&mut self, pinned: &Pinned) -> io::Result<()> {
        if let Some(held) = pinned.state.held {
            let floor = Floor::new(&pinned.trust, held);
            // A root that followed from the one before may share no key with it and is the same console's.
            let followed = self.pinned.as_ref().filter(|before| {
                before.state.origin == pinned.state.origin
                    && before.trust.root().version < pinned.trust.root().version
            });
            let same = |earlier: &&Floor| {
                let roots = [Some(&pinned.trust), followed.map(|before| &before.trust)];
                roots.into_iter().flatten().any(|root| earlier.under(root).is_some())
            };
            self.floor = Some(match self.floor.as_ref().filter(same) {
                Some(earlier) => floor.after(earlier),
                None => floor,
            });
        }
        let Some(kept) = &self.kept else { return Ok(()) };
        kept.cache.store(pinned)?;
        self.floor.as_ref().map_or(Ok(()), |floor| kept.floor.store(floor))
    }

    /// The trust may have changed while the fetch ran: then its outcome was verified against something of yesterday.
    fn accept(&self, pinned: Pinned) -> Result<Pinned, String> {
        match &self.pinned {
            Some(now) if now.state.origin != pinned.state.origin => {
                Err("The trusted policy root changed while the policy was fetched; it is fetched again."
                    .to_owned())
            }
            _ => Ok(pinned),
        }
    }

    /// Version of the document in force, 0 for none.
    pub(crate) fn applied(&self) -> u64 {
        let document = self.pinned.as_ref().and_then(|pinned| pinned.document.as_ref());
        document.map_or(0, |(policy, _)| policy.document.version)
    }

    fn effective(&self) -> EffectivePolicy {
        let mut inputs = Inputs::default();
        for (level, file) in &self.machine.files {
            inputs.add_machine_file(*level, file.clone());
        }
        if self.machine.refused.is_some() {
            // It may have demanded just this, so nothing opens until an administrator has looked.
            inputs.add_machine_file(Level::Mandatory, read_machine_file(CLOSED, "a refused file"));
        }
        let document = self.pinned.as_ref().and_then(|pinned| pinned.document.as_ref());
        if let Some((policy, _)) = document {
            inputs.add_document(&policy.document, policy.expired);
        }
        let mut effective = resolve(&inputs);
        if let Some((name, sentence)) = self.image.problem()
            && let Some(entry) = effective.entries.iter_mut().find(|entry| entry.definition.name == name)
        {
            entry.messages.push(sentence);
        }
        effective
    }

    /// What is in force.
    pub(crate) fn resolved(&self) -> PolicyResolved {
        let document = self.pinned.as_ref().and_then(|pinned| pinned.document.as_ref());
        let effective = self.effective();
        // A pinned root says who manages the account, even while no document of theirs can be used.
        let by_root = || self.pinned.as_ref().map(|pinned| pinned.trust.root().domain.clone());
        let by_computer = || self.machine.files.iter().any(|(_, file)| !file.values.is_empty());
        let managed_by = effective
            .domain
            .clone()
            .or_else(by_root)
            .or_else(|| by_computer().then(|| "this computer".to_owned()));
        let server = self.server_state();
        // Without the administrator's root the person's own files say whom to trust: that is no proof to others.
        let proven = self.trust_file().is_some() || self.confirmed;
        let refused = self.machine.refused.as_ref().map(|problem| {
            format!("This computer's policy can't be trusted. {problem} Ask your administrator to repair it.")
        });
        let missing = refused.or_else(|| (document.is_none() || !proven).then(|| self.missing()));
        let brand_image = self.image.path().map(Path::to_owned);
        PolicyResolved { effective, managed_by, server, missing, brand_image }
    }

    /// What a person reads who may not chat without a policy.
    fn missing(&self) -> String {
        let from = self.url().map_or_else(|| self.account.domain().to_string(), str::to_owned);
        let cause = self.problem.as_ref().map_or_else(String::new, |problem| format!(" {problem}"));
        format!(
            "This computer must be managed, and no policy could be fetched from {from} since Flint was started.{cause} \
             Try again, or ask your administrator."
        )
    }

    fn server_state(&self) -> ServerPolicyState {
        let pinned = self.pinned.as_ref();
        let document = pinned.and_then(|pinned| pinned.document.as_ref());
        let expired = document.is_some_and(|(policy, _)| policy.expired);
        let mut problems: Vec<String> = self.problem.iter().cloned().collect();
        if expired {
            problems.push("The organisation's policy has expired and waits for a newer one.".to_owned());
        }
        problems.extend(self.machine.problems.iter().cloned());
        ServerPolicyState {
            version: self.applied(),
            issued: document.map(|(policy, _)| moment(policy.document.issued)),
            expires: document.map(|(policy, _)| moment(policy.document.expires)),
            signed_by: document.and_then(|(_, envelope)| signer(envelope)),
            fetched_at: pinned.and_then(|pinned| pinned.state.fetched_at).map(Timestamp),
            next_fetch_at: self.refresh.due(),
            problem: (!problems.is_empty()).then(|| problems.join(" ")),
        }
    }

    /// The administrator's address first; then what the session found; then what was found the last time, which counts
    /// only with a pinned root, because with that a wrong address can do no harm.
    fn url(&self) -> Option<&str> {
        let machine = self.trust_file().and_then(|file| file.url.as_deref());
        let known = self.pinned.as_ref().and_then(|pinned| pinned.state.url.as_deref());
        machine.or(self.found.as_deref()).or(known)
    }

    fn trust_file(&self) -> Option<&flint_policy::TrustFile> {
        self.machine.trust.as_ref().filter(|file| file.domain == self.account.domain().as_str())
    }

    fn anchor(&self) -> Option<Anchor> {
        let file = self.trust_file()?;
        let hash = Sha256::digest(file.trust.envelope_json().as_bytes());
        let root: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Anchor { trust: file.trust.clone(), origin: Origin::Machine { root } })
    }

    /// The administrator's root is the beginning of all trust: another one than before replaces what is pinned. Roots that
    /// follow from it stay, and no document may be older than the newest that was seen.
    fn apply_trust_file(&mut self, now: Timestamp) {
        let Some(anchor) = self.anchor() else { return };
        if self.pinned.as_ref().is_some_and(|pinned| pinned.state.origin == anchor.origin) {
            return;
        }
        let expect = self.expectation(now);
        let before = self.pinned.take();
        let roots = before
            .iter()
            .flat_map(|before| before.chain.iter().cloned().chain([before.trust.envelope_json()]));
        let (trust, chain) = anchor.follow(roots);
        let floor = self.floor.as_ref().and_then(|floor| floor.under(&trust));
        let expect = Expectation { held: newer(expect.held, floor), ..expect };
        let document =
            before.as_ref().and_then(|before| before.document.as_ref()).and_then(|(_, envelope)| {
                Some((trust.verify_held_policy(envelope, &expect).ok()?, envelope.clone()))
            });
        // Versions are those of one console. One with other keys counts for itself: were the other's numbers kept, its
        // documents would be refused as older for good.
        let same = before.as_ref().is_some_and(|before| shares_key(&before.trust, &trust));
        let state = CacheState {
            origin: anchor.origin,
            held: newer(
                before.as_ref().and_then(|before| before.state.held).filter(|_| same || document.is_some()),
                floor,
            ),
            fetched_at: before.as_ref().and_then(|before| before.state.fetched_at),
            url: before.as_ref().and_then(|before| before.state.url.clone()),
        };
        let pinned = Pinned { trust, chain, state, document };
        if let Err(error) = self.keep(&pinned) {
            tracing::warn!(%error, "the trusted root could not be kept");
        }
        self.pinned = Some(pinned);
    }

    fn expectation(&self, now: Timestamp) -> Expectation {
        Expectation {
            domain: self.account.domain().to_string(),
            audience: self.account.clone(),
            held: self.pinned.as_ref().and_then(|pinned| pinned.state.held),
            now: u64::try_from(now.0).unwrap_or(0),
        }
    }
}

fn moment(milliseconds: u64) -> Timestamp {
    Timestamp(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

/// Id of the key that signed. Each signature of a verified document is one of a trusted key.
fn signer(envelope: &[u8]) -> Option<String> {
    let envelope = Envelope::from_json(envelope).ok()?;
    let json: serde_json::Value = serde_json::from_str(&envelope.to_json()).ok()?;
    Some(json["signatures"][0]["keyid"].as_str()?.to_owned())
}
