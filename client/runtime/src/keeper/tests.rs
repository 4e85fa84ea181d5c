//! Policy of one account over files and fetched documents, without a network.

use super::cache::{CacheState, Origin, Pinned};
use super::refresh::RETRY_MS;
use super::{PolicyKeeper, PolicySignal};
use flint_core::{BareJid, Timestamp};
use flint_policy::{
    DocumentLayer, Expectation, Level, OnExpiry, PolicyDocument, RootDocument, Scope, SigningKey, Trust,
    TrustFile,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

const NOW: Timestamp = Timestamp(1_000_000);
const DAY: u64 = 86_400_000;

fn ann() -> BareJid {
    "ann@example.test".parse().unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// The root with this number as the seed of its one key for both roles.
fn trust(seed: u8) -> Trust {
    let root = RootDocument {
        format: 1,
        domain: "example.test".to_owned(),
        version: 1,
        root_keys: vec![key(seed).public()],
        threshold: 1,
        signing_keys: vec![key(seed).public()],
        epoch: 0,
    };
    Trust::pin(root.sign(&[&key(seed)]).to_json().as_bytes(), "example.test").unwrap()
}

fn document(version: u64, adding: bool, on_expiry: OnExpiry) -> PolicyDocument {
    let mut policies = flint_policy::Values::new();
    policies.insert("ContactAddingAllowed".to_owned(), json!(adding));
    PolicyDocument {
        format: 1,
        domain: "example.test".to_owned(),
        audience: ann(),
        epoch: 0,
        version,
        issued: 0,
        expires: NOW.0.unsigned_abs() + DAY,
        on_expiry,
        layers: vec![DocumentLayer { scope: Scope::Everybody, level: Level::Mandatory, policies }],
        toggles: serde_json::Value::Null,
    }
}

/// What a fetch brings.
fn fetched(seed: u8, document: &PolicyDocument) -> Pinned {
    let trust = trust(seed);
    let envelope = document.sign(&key(seed)).to_json().into_bytes();
    let expect = Expectation {
        domain: "example.test".to_owned(),
        audience: ann(),
        held: None,
        now: NOW.0.unsigned_abs(),
    };
    let policy = trust.verify_policy(&envelope, &expect).unwrap();
    let state = CacheState {
        origin: Origin::FirstFetch,
        held: Some(policy.held),
        fetched_at: None,
        url: Some("https://localhost/".to_owned()),
    };
    Pinned { trust, chain: Vec::new(), state, document: Some((policy, envelope)) }
}

struct Place {
    machine: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { machine: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap() }
    }

    fn cache(&self) -> PathBuf {
        self.state.path().join("policy")
    }

    fn open(&self, now: Timestamp) -> PolicyKeeper {
        PolicyKeeper::open(ann(), self.machine.path(), self.state.path(), Some(&self.cache()), now)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.machine.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn trust_file(&self, seed: u8, url: Option<&str>) {
        let file =
            TrustFile { domain: "example.test".to_owned(), url: url.map(str::to_owned), trust: trust(seed) };
        self.file("trust.json", &file.to_json());
    }
}

fn adding(keeper: &PolicyKeeper) -> bool {
    keeper.resolved().effective.contact_adding_allowed()
}

fn problem(keeper: &PolicyKeeper) -> String {
    keeper.resolved().server.problem.unwrap_or_default()
}

/// A sign-in by ticket, then the discovery.
fn service(keeper: &mut PolicyKeeper) {
    keeper.signed_in("GSSAPI", NOW);
    found(keeper);
}

fn found(keeper: &mut PolicyKeeper) {
    let signal = PolicySignal::Service {
        jid: "flint.example.test".parse().unwrap(),
        url: "https://localhost/".to_owned(),
    };
    keeper.signal(signal, NOW);
}

#[test]
fn a_document_rules_from_its_fetch_on_and_after_a_restart_without_a_network() {
    let place = Place::new();
    let mut keeper = place.open(NOW);
    assert!(adding(&keeper));
    assert_eq!(keeper.resolved().managed_by, None);
    assert!(keeper.begin(NOW).is_none(), "nobody to ask yet");
    service(&mut keeper);
    let plan = keeper.begin(NOW).unwrap();
    assert!(plan.pinned.is_none());
    keeper.fetched(Ok(fetched(1, &document(7, false, OnExpiry::Keep))), NOW, 0);
    assert!(!adding(&keeper));
    let server = keeper.resolved().server;
    assert_eq!((server.version, server.problem, server.fetched_at), (7, None, Some(NOW)));
    assert_eq!(server.signed_by, Some(key(1).public().id().to_string()));

    let again = place.open(NOW);
    assert!(!adding(&again));
    assert_eq!(again.applied(), 7);
    assert_eq!(again.resolved().managed_by.as_deref(), Some("example.test"));
}

#[test]
fn a_root_is_pinned_only_after_a_sign_in_by_ticket() {
    let place = Place::new();
    let mut keeper = place.open(NOW);
    keeper.signed_in("SCRAM-SHA-256", NOW);
    found(&mut keeper);
    assert!(keeper.begin(NOW).is_none());
    assert!(problem(&keeper).contains("Sign in with your ticket"), "{}", problem(&keeper));
    assert_eq!(keeper.next(NOW), None, "nothing wakes the client for what must not be");
    keeper.signed_in("GSSAPI", NOW);
    assert!(keeper.begin(NOW).is_some());
    keeper.fetched(Ok(fetched(1, &document(7, false, OnExpiry::Keep))), NOW, 0);
    assert_eq!(problem(&keeper), "");
    // What is pinned is refreshed whatever the sign-in is.
    keeper.signed_in("SCRAM-SHA-256", NOW);
    assert!(keeper.wanted(NOW) && keeper.begin(NOW).is_some());
}

#[test]
fn a_trust_file_that_can_not_be_used_is_not_replaced_by_the_server() {
    let place = Place::new();
    place.file("trust.json", "{");
    let mut keeper = place.open(NOW);
    service(&mut keeper);
    assert!(keeper.begin(NOW).is_none());
    assert!(problem(&keeper).contains("trust file"), "{}", problem(&keeper));
    fs::remove_file(place.machine.path().join("trust.json")).unwrap();
    keeper.machine_changed(NOW);
    assert!(keeper.begin(NOW).is_some());
}

/// Changes one part of what is kept, in both files.
fn change_cache(place: &Place, part: &str, value: serde_json::Value) {
    for name in ["policy.json", "policy.verified.json"] {
        let file = place.cache().join(name);
        let mut kept: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        kept[part] = value.clone();
        fs::write(file, kept.to_string()).unwrap();
    }
}

/// A new root with a document of its own comes; at whatever moment the computer stops, the old pair or the new one is
/// there, and the policy holds.
#[test]
fn a_crash_while_keeping_leaves_a_whole_policy() {
    let place = Place::new();
    let mut keeper = place.open(NOW);
    service(&mut keeper);
    keeper.begin(NOW).unwrap();
    keeper.fetched(Ok(fetched(1, &document(7, false, OnExpiry::Keep))), NOW, 0);
    let files = |place: &Place| -> BTreeMap<PathBuf, Vec<u8>> {
        let floors = fs::read_dir(place.state.path().join("floors")).unwrap();
        let entries = fs::read_dir(place.cache()).unwrap().chain(floors);
        entries
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    };
    let before = files(&place);
    keeper.fetched(Ok(fetched(2, &document(8, false, OnExpiry::Keep))), NOW, 0);
    let after = files(&place);
    // Each file is replaced as a whole: a crash leaves some of them old and some new.
    let changed: Vec<_> = after.keys().filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(!changed.is_empty());
    for number in 0..=changed.len() {
        for mixed in [true, false] {
            for (index, path) in changed.iter().enumerate() {
                let new = (index < number) == mixed;
                fs::write(path, if new { &after[*path] } else { &before[*path] }).unwrap();
            }
            let again = place.open(NOW);
            assert!(!adding(&again) && again.resolved().server.problem.is_none(), "{number} {mixed}");
        }
    }
}

#[test]
fn a_lost_state_loses_no_policy() {
    let place = Place::new();
    let mut keeper = place.open(NOW);
    service(&mut keeper);
    keeper.begin(NOW).unwrap();
    keeper.fetched(Ok(fetched(1, &document(7, false, OnExpiry::Keep))), NOW, 0);
    change_cache(&place, "state", json!("lost"));
    let again = place.open(NOW);
    assert!(!adding(&again));
    assert!(problem(&again).contains("state of the policy cache"));
    assert_eq!(again.expectation(NOW).held.map(|held| held.version), Some(7));
}

#[test]
fn a_failed_fetch_keeps_the_values_and_says_so() {
    let place = Place::new();
    let mut keeper = place.open(NOW);
    service(&mut keeper);
    keeper.begin(NOW).unwrap();
    keeper.fetched(Ok(fetched(1, &document(7, false, OnExpiry::Keep))), NOW, 0);
    assert!(keeper.wanted(NOW));
    keeper.begin(NOW).unwrap();
    keeper.fetched(Err("The policy service can't be reached.".to_owned()), NOW, 0);
    assert!(!adding(&keeper));
    assert_eq!(problem(&keeper), "The policy service can't be reached.");
    assert_eq!(keeper.next(NOW), Some(NOW.plus(RETRY_MS)));
}

#[test]
fn whatever_is_changed_in_the_cache_is_refused() {
    for name in ["document", "root"] {
        let place = Place::new();
        let mut keeper = place.open(NOW);
        service(&mut keeper);
        keeper.begin(NOW).unwrap();
        keeper.fetched(Ok(fetched(1, &document(7, false, OnExpiry::Keep))), NOW, 0);
        // Signed, but by somebody else.
        let forged = match name {
            "root" => trust(2).envelope_json(),
            _ => document(8, true, OnExpiry::Keep).sign(&key(2)).to_json(),
        };
        change_cache(&place, name, json!(forged));
        let again = place.open(NOW);
        assert_eq!(again.applied(), 0, "{name}");
        assert!(problem(&again).contains("refused"), "{name}: {}", problem(&again));
        assert_eq!(again.resolved().managed_by.as_deref(), Some("example.test"), "{name}");
    }
}

#[test]
fn an_older_document_in_the_cache_is_refused() {
    let place = Place::new();
    let mut keeper = place.open(NOW);
    service(&mut keeper);
    keeper.begin(NOW).unwrap();
    keeper.fetched(Ok(fetched(1, &document(7, false, OnExpiry::Keep))), NOW, 0);
    let older = document(6, true, OnExpiry::Keep).sign(&key(1)).to_json();
    change_cache(&place, "document", json!(older));
    let again = place.open(NOW);
    assert_eq!(again.applied(), 0);
    assert!(problem(&again).contains("older"), "{}", problem(&again));
}

#[test]
fn after_its_time_a_document_is_kept_or_restricts_as_it_says() {
    for (on_expiry, adds_after) in [(OnExpiry::Keep, true), (OnExpiry::Restrict, false)] {
        let place = Place::new();
        let mut keeper = place.open(NOW);
        service(&mut keeper);
        keeper.begin(NOW).unwrap();
        keeper.fetched(Ok(fetched(1, &document(7, true, on_expiry))), NOW, 0);
        let expiry = NOW.plus(i64::try_from(DAY).unwrap());
        assert!(!keeper.expire(expiry.plus(-1)));
        assert!(keeper.expire(expiry));
        assert!(!keeper.expire(expiry));
        assert_eq!(adding(&keeper), adds_after, "{on_expiry:?}");
        assert!(problem(&keeper).contains("expired"));
        assert_eq!(adding(&place.open(expiry)), adds_after, "{on_expiry:?} after a restart");
    }
}

#[test]
fn the_machines_root_is_the_beginning_and_its_address_is_asked() {
    let place = Place::new();
    place.trust_file(1, Some("https://console.example.test/"));
    let mut keeper = place.open(NOW);
    let plan = keeper.begin(NOW).unwrap();
    assert_eq!(plan.url, "https://console.example.test/");
    let pinned = plan.pinned.unwrap();
    assert!(matches!(pinned.state.origin, Origin::Machine { .. }));
    let outcome = fetched(1, &document(7, false, OnExpiry::Keep));
    let outcome = Pinned { state: CacheState { origin: pinned.state.origin, ..outcome.state }, ..outcome };
    keeper.fetched(Ok(outcome.clone()), NOW, 0);
    assert!(!adding(&keeper));

    // Another root while a fetch runs: what that fetch brings was verified against the old one.
    assert!(keeper.wanted(NOW));
    keeper.begin(NOW).unwrap();
    place.trust_file(2, None);
    keeper.machine_changed(NOW);
    assert_eq!(keeper.applied(), 0, "the document was signed under the old root");
    keeper.fetched(Ok(outcome), NOW, 0);
    assert_eq!(keeper.applied(), 0);
    assert!(problem(&keeper).contains("root changed"), "{}", problem(&keeper));
    assert_eq!(keeper.expectation(NOW).held, None, "the other root's console counts for itself");
}

#[test]
fn a_root_for_another_domain_is_nobodys() {
    let place = Place::new();
    let other = RootDocument { domain: "other.test".to_owned(), ..trust(1).root().clone() };
    let trust = Trust::pin(other.sign(&[&key(1)]).to_json().as_bytes(), "other.test").unwrap();
    let file =
        TrustFile { domain: "other.test".to_owned(), url: Some("https://other.test/".to_owned()), trust };
    place.file("trust.json", &file.to_json());
    let mut keeper = place.open(NOW);
    assert!(keeper.begin(NOW).is_none());
    assert_eq!(keeper.resolved().managed_by, None);
}

#[test]
fn the_computers_files_come_before_the_server() {
    let place = Place::new();
    place.file("policies/managed/10.json", r#"{"ContactAddingAllowed": false, "NoSuchPolicy": 1}"#);
    let mut keeper = place.open(NOW);
    assert!(!adding(&keeper));
    assert_eq!(keeper.resolved().managed_by.as_deref(), Some("this computer"));
    assert_eq!(keeper.resolved().effective.messages.len(), 1);
    service(&mut keeper);
    keeper.begin(NOW).unwrap();
    keeper.fetched(Ok(fetched(1, &document(7, true, OnExpiry::Keep))), NOW, 0);
    assert!(!adding(&keeper));
    fs::remove_dir_all(place.machine.path().join("policies")).unwrap();
    keeper.machine_changed(NOW);
    assert!(adding(&keeper));
}

#[test]
fn pushes_of_what_is_held_already_are_not_fetched() {
    let place = Place::new();
    let mut keeper = place.open(NOW);
    service(&mut keeper);
    keeper.begin(NOW).unwrap();
    keeper.fetched(Ok(fetched(1, &document(7, false, OnExpiry::Keep))), NOW, 0);
    keeper.signal(PolicySignal::Changed { version: 7 }, NOW);
    assert!(keeper.begin(NOW).is_none());
    // A restored console counts anew.
    keeper.signal(PolicySignal::Changed { version: 1 }, NOW);
    assert!(keeper.begin(NOW).is_some());
}

#[test]
fn a_cache_that_can_not_be_written_still_lets_the_policy_rule() {
    let place = Place::new();
    fs::write(place.cache(), "").unwrap();
    let mut keeper = place.open(NOW);
    service(&mut keeper);
    keeper.begin(NOW).unwrap();
    keeper.fetched(Ok(fetched(1, &document(7, false, OnExpiry::Keep))), NOW, 0);
    assert!(!adding(&keeper));
    assert!(problem(&keeper).contains("could not be kept"), "{}", problem(&keeper));
}

#[test]
fn another_console_counts_for_itself() {
    for (label, seed, held) in [("other keys", 2, None), ("the same keys", 1, Some(7))] {
        let place = Place::new();
        let mut keeper = place.open(NOW);
        service(&mut keeper);
        keeper.begin(NOW).unwrap();
        keeper.fetched(Ok(fetched(1, &document(7, false, OnExpiry::Keep))), NOW, 0);
        place.trust_file(seed, None);
        keeper.machine_changed(NOW);
        assert_eq!(keeper.expectation(NOW).held.map(|held| held.version), held, "{label}");
        assert_eq!(keeper.applied(), held.unwrap_or(0), "{label}");
    }
}

/// One account that holds version 7, which forbids adding, over a version 6 that allowed it.
fn seventh() -> Place {
    let place = Place::new();
    let mut keeper = place.open(NOW);
    service(&mut keeper);
    for (version, adding) in [(6, true), (7, false)] {
        assert!(keeper.wanted(NOW));
        keeper.begin(NOW).unwrap();
        keeper.fetched(Ok(fetched(1, &document(version, adding, OnExpiry::Keep))), NOW, 0);
    }
    place
}

/// Somebody else's whole cache, signed by the same console.
fn cache_of_another() -> Vec<u8> {
    let place = Place::new();
    let bob =
        PolicyDocument { audience: "bob@example.test".parse().unwrap(), ..document(9, true, OnExpiry::Keep) };
    let kept = json!({
        "root": trust(1).envelope_json(),
        "document": bob.sign(&key(1)).to_json(),
        "state": { "origin": { "from": "first-fetch" }, "held": null, "fetched_at": null, "url": null },
    });
    drop(place);
    kept.to_string().into_bytes()
}

#[test]
fn a_lost_or_damaged_cache_leaves_the_copy_that_was_verified_last() {
    let whole = fs::read(seventh().cache().join("policy.json")).unwrap();
    let mut damages: Vec<(String, Option<Vec<u8>>)> = vec![
        ("deleted".to_owned(), None),
        ("another account's".to_owned(), Some(cache_of_another())),
        ("emptied".to_owned(), Some(Vec::new())),
    ];
    for at in (0..whole.len()).step_by(whole.len() / 12) {
        damages.push((format!("cut at {at}"), Some(whole[..at].to_vec())));
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        damages.push((format!("a bit flipped at {at}"), Some(flipped)));
    }
    for (label, damage) in damages {
        for file in ["policy.json", "policy.verified.json"] {
            let place = seventh();
            match &damage {
                Some(bytes) => fs::write(place.cache().join(file), bytes).unwrap(),
                None => fs::remove_file(place.cache().join(file)).unwrap(),
            }
            let again = place.open(NOW);
            assert!(!adding(&again), "{file} {label}");
            assert_eq!(again.applied(), 7, "{file} {label}");
        }
    }
}

#[test]
fn neither_deleting_the_cache_nor_an_older_one_in_its_place_goes_back() {
    let older = {
        let place = Place::new();
        let mut keeper = place.open(NOW);
        service(&mut keeper);
        keeper.begin(NOW).unwrap();
        keeper.fetched(Ok(fetched(1, &document(6, true, OnExpiry::Keep))), NOW, 0);
        fs::read(place.cache().join("policy.json")).unwrap()
    };
    let place = seventh();
    for file in ["policy.json", "policy.verified.json"] {
        fs::write(place.cache().join(file), &older).unwrap();
    }
    let again = place.open(NOW);
    assert_eq!(again.applied(), 0);
    assert!(problem(&again).contains("older"), "{}", problem(&again));

    fs::remove_dir_all(place.cache()).unwrap();
    let mut again = place.open(NOW);
    assert_eq!(again.applied(), 0);
    service(&mut again);
    let plan = again.begin(NOW).unwrap();
    assert!(plan.pinned.is_none());
    let held = plan.floor.and_then(|floor| floor.under(&trust(1)));
    assert_eq!(held.map(|held| held.version), Some(7), "the fetch still asks for nothing older");
    let place = seventh();
    fs::remove_dir_all(place.cache()).unwrap();
    place.trust_file(1, None);
    let again = place.open(NOW);
    assert_eq!(again.expectation(NOW).held.map(|held| held.version), Some(7), "nor does the trust file");
}

#[test]
fn a_floor_counts_for_one_account_and_one_console() {
    let place = seventh();
    let bob: BareJid = "bob@example.test".parse().unwrap();
    let other = PolicyKeeper::open(bob, place.machine.path(), place.state.path(), None, NOW);
    assert!(other.floor.is_none());
    let floor = place.open(NOW).floor.unwrap();
    assert!(floor.under(&trust(1)).is_some());
    assert!(floor.under(&trust(2)).is_none());
}

#[test]
fn a_floor_that_can_not_be_read_is_told_and_the_policy_holds() {
    let place = seventh();
    let floors: Vec<_> = fs::read_dir(place.state.path().join("floors")).unwrap().collect();
    assert_eq!(floors.len(), 1);
    fs::write(floors[0].as_ref().unwrap().path(), "{").unwrap();
    let again = place.open(NOW);
    assert_eq!(again.applied(), 7);
    assert!(problem(&again).contains("can't be read"), "{}", problem(&again));
}

const MANAGED: &str = r#"{"ManagementRequired": true}"#;

/// The person writes a cache of their own: their key, a root of this domain and version, a document to themselves, and the
/// origin of the administrator's root.
fn forge(place: &Place, origin: &Origin) {
    let pinned = fetched(9, &document(7, true, OnExpiry::Keep));
    let pinned = Pinned { state: CacheState { origin: origin.clone(), ..pinned.state }, ..pinned };
    super::Cache::new(&place.cache()).store(&pinned).unwrap();
}

#[test]
fn a_forged_cache_does_not_stand_in_for_the_administrators_root() {
    let place = Place::new();
    place.file("policies/managed/a.json", MANAGED);
    place.trust_file(1, Some("https://localhost/"));
    let origin = place.open(NOW).pinned.unwrap().state.origin;
    assert!(matches!(origin, Origin::Machine { .. }));
    forge(&place, &origin);
    let again = place.open(NOW);
    assert_eq!(again.applied(), 0, "{:?}", again.resolved().server);
    assert!(again.resolved().missing.is_some());
    assert_eq!(again.pinned.unwrap().trust, trust(1));
}

#[test]
fn without_the_administrators_root_a_kept_policy_counts_as_managed_only_when_the_server_has_confirmed_it() {
    let place = Place::new();
    place.file("policies/managed/a.json", MANAGED);
    forge(&place, &Origin::FirstFetch);
    let mut keeper = place.open(NOW);
    assert_eq!(keeper.applied(), 7);
    assert!(keeper.resolved().missing.is_some());
    assert_eq!(keeper.begin(NOW).unwrap().url, "https://localhost/", "an address of the forged file");
    keeper.fetched(Ok(fetched(9, &document(7, true, OnExpiry::Keep))), NOW, 0);
    assert!(keeper.resolved().missing.is_some(), "whoever is asked there says what they like");
    found(&mut keeper);
    keeper.begin(NOW).unwrap();
    keeper.fetched(Err("The server can't be reached.".to_owned()), NOW, 0);
    assert!(keeper.resolved().missing.is_some());
    keeper.fetched(Ok(fetched(9, &document(7, true, OnExpiry::Keep))), NOW, 0);
    assert_eq!(keeper.resolved().missing, None);
}

/// A fetch after two rotations that replaced every key: version 8 under the third root.
fn rotated() -> Pinned {
    let mut trust = trust(1);
    let mut chain = Vec::new();
    for seed in [2, 3] {
        let keys = vec![key(seed).public()];
        let root = RootDocument {
            version: seed.into(),
            root_keys: keys.clone(),
            signing_keys: keys,
            ..trust.root().clone()
        };
        let envelope = root.sign(&[&key(seed), &key(seed - 1)]).to_json();
        trust.rotate(envelope.as_bytes()).unwrap();
        chain.push(envelope);
    }
    Pinned { trust, chain, ..fetched(3, &document(8, false, OnExpiry::Keep)) }
}

#[test]
fn an_old_cache_signed_by_keys_that_were_replaced_does_not_come_back() {
    let place = seventh();
    let old = fs::read(place.cache().join("policy.json")).unwrap();
    let mut keeper = place.open(NOW);
    keeper.fetched(Ok(rotated()), NOW, 0);
    // Another fetch forgets no key.
    keeper.fetched(Ok(rotated()), NOW, 0);
    for file in ["policy.json", "policy.verified.json"] {
        fs::write(place.cache().join(file), &old).unwrap();
    }
    let again = place.open(NOW);
    assert_eq!(again.applied(), 0);
    assert!(problem(&again).contains("older"), "{}", problem(&again));
}

#[test]
fn what_is_pinned_shows_nothing_of_its_policy_when_it_is_debugged() {
    let mut secret = document(7, true, OnExpiry::Keep);
    secret.layers[0].policies.insert("ProxyPassword".to_owned(), json!("hunter2"));
    let pinned = fetched(1, &secret);
    let shown = format!("{pinned:?}");
    let bytes = format!("{:?}", "hunter2".as_bytes());
    assert!(!shown.contains("hunter2") && !shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
    assert!(shown.len() < 2_000, "{shown}");
}

#[test]
fn roots_that_follow_from_the_administrators_are_walked_again_after_a_start() {
    let place = Place::new();
    place.trust_file(1, Some("https://localhost/"));
    let mut keeper = place.open(NOW);
    let origin = keeper.begin(NOW).unwrap().pinned.unwrap().state.origin;
    let outcome = rotated();
    let state = CacheState { origin, ..outcome.state.clone() };
    keeper.fetched(Ok(Pinned { state, ..outcome }), NOW, 0);
    let again = place.open(NOW);
    assert_eq!((again.applied(), again.resolved().missing), (8, None));
    assert_eq!(again.pinned.as_ref().unwrap().trust.root().version, 3);
    change_cache(&place, "chain", json!([]));
    assert_eq!(place.open(NOW).applied(), 0, "a root that nothing leads to is not trusted");
}

#[test]
fn a_managed_file_that_is_refused_opens_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.file("policies/managed/a.json", MANAGED);
    let file = place.machine.path().join("policies/managed/a.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    let mut keeper = place.open(NOW);
    let resolved = keeper.resolved();
    assert!(resolved.effective.management_required() && resolved.effective.single_sign_on_required());
    assert!(resolved.missing.unwrap().contains("chmod go-w"));
    fs::write(&file, "{}").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    keeper.machine_changed(NOW);
    assert!(!keeper.resolved().effective.management_required());
}
