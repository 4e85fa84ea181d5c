use serde_json::{Value, json};

use super::*;
use crate::catalog;
use crate::keys::SigningKey;
use crate::{DocumentLayer, Inputs, Level, OnExpiry, Scope, resolve};

const NOW: u64 = 1_764_000_000_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn root(version: u64, keys: &[u8], threshold: u32) -> RootDocument {
    RootDocument {
        format: 1,
        domain: "example.test".into(),
        version,
        root_keys: keys.iter().map(|seed| key(*seed).public()).collect(),
        threshold,
        signing_keys: vec![key(100).public()],
        epoch: 0,
    }
}

fn signed(root: &RootDocument, by: &[u8]) -> Vec<u8> {
    let keys: Vec<_> = by.iter().map(|seed| key(*seed)).collect();
    root.sign(&keys.iter().collect::<Vec<_>>()).to_json().into_bytes()
}

fn trust() -> Trust {
    Trust::pin(&signed(&root(1, &[1], 1), &[1]), "example.test").unwrap()
}

fn document(version: u64) -> PolicyDocument {
    PolicyDocument {
        format: 1,
        domain: "example.test".into(),
        audience: "ann@example.test".parse().unwrap(),
        epoch: 0,
        version,
        issued: NOW - 1000,
        expires: NOW + 1000,
        on_expiry: OnExpiry::Keep,
        layers: vec![DocumentLayer {
            scope: Scope::Group { id: "support".into(), name: "Support".into(), rank: 1 },
            level: Level::Mandatory,
            policies: json!({"ContactAddingAllowed": false}).as_object().unwrap().clone(),
        }],
        toggles: json!([{"name": "NewDesk"}]),
    }
}

fn envelope(document: &PolicyDocument) -> Vec<u8> {
    document.sign(&key(100)).to_json().into_bytes()
}

fn expect(held: Option<Held>) -> Expectation {
    Expectation {
        domain: "example.test".into(),
        audience: "ann@example.test".parse().unwrap(),
        held,
        now: NOW,
    }
}

fn refused(bytes: &[u8], expect: &Expectation) -> &'static str {
    trust().verify_policy(bytes, expect).map(|p| p.document.version).unwrap_err().code()
}

#[test]
fn a_good_document_speaks() {
    let policy = trust().verify_policy(&envelope(&document(7)), &expect(None)).unwrap();
    assert_eq!((policy.document.clone(), policy.held.version, policy.expired), (document(7), 7, false));
    let mut inputs = Inputs::default();
    inputs.add_document(&policy.document, policy.expired);
    let effective = resolve(&inputs);
    assert!(!effective.contact_adding_allowed());
    assert_eq!(effective.managed_by("ContactAddingAllowed").as_deref(), Some("example.test"));
    // The same again, and a newer one.
    let held = expect(Some(policy.held));
    assert_eq!(trust().verify_policy(&envelope(&document(7)), &held).unwrap().held, policy.held);
    assert_eq!(trust().verify_policy(&envelope(&document(8)), &held).unwrap().held.version, 8);
}

#[test]
fn every_single_bit_counts() {
    let (trust, expect, bytes) = (trust(), expect(None), envelope(&document(7)));
    assert!(trust.verify_policy(&bytes, &expect).is_ok());
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[index] ^= 1 << bit;
            assert!(trust.verify_policy(&flipped, &expect).is_err(), "bit {bit} of octet {index}");
        }
    }
    for end in 0..bytes.len() {
        assert!(trust.verify_policy(&bytes[..end], &expect).is_err(), "cut at {end}");
    }
}

#[test]
fn documents_that_may_not_speak() {
    let held = trust().verify_policy(&envelope(&document(7)), &expect(None)).unwrap().held;
    let other = |change: fn(&mut PolicyDocument)| {
        let mut other = document(7);
        change(&mut other);
        envelope(&other)
    };
    let held = expect(Some(held));
    assert_eq!(refused(&envelope(&document(6)), &held), "older");
    assert_eq!(refused(&other(|d| d.issued += 1), &held), "fork");
    assert_eq!(refused(&other(|d| d.expires = NOW), &expect(None)), "expired");
    assert_eq!(refused(&other(|d| d.domain = "evil.test".into()), &expect(None)), "wrong-domain");
    assert_eq!(
        refused(&other(|d| d.audience = "bob@example.test".parse().unwrap()), &expect(None)),
        "wrong-audience"
    );
    assert_eq!(refused(&other(|d| d.format = 2), &expect(None)), "wrong-format");
    assert_eq!(refused(&other(|d| d.epoch = 1), &expect(None)), "wrong-epoch");
    assert_eq!(refused(&document(7).sign(&key(101)).to_json().into_bytes(), &expect(None)), "unknown-key");
    // A root key signs roots and nothing else.
    assert_eq!(refused(&document(7).sign(&key(1)).to_json().into_bytes(), &expect(None)), "unknown-key");
    assert_eq!(refused(&signed(&root(1, &[1], 1), &[100]), &expect(None)), "wrong-type");
    let endless = [envelope(&document(7)), vec![b' '; crate::MAX_ENVELOPE]].concat();
    assert_eq!(refused(&endless, &expect(None)), "too-large");
    let no_document = Envelope::sign(POLICY_TYPE, b"{\"format\":1}".to_vec(), &[&key(100)]).to_json();
    assert_eq!(refused(no_document.as_bytes(), &expect(None)), "malformed-document");
    // An account of another domain does not listen to this root at all.
    let elsewhere = Expectation { domain: "other.test".into(), ..expect(None) };
    assert_eq!(refused(&envelope(&document(7)), &elsewhere), "wrong-domain");
}

#[test]
fn time_is_over_for_a_document_that_is_held() {
    for (on_expiry, allowed) in [(OnExpiry::Keep, true), (OnExpiry::Restrict, false)] {
        let mut document = document(7);
        document.on_expiry = on_expiry;
        document.layers.clear();
        let bytes = envelope(&document);
        let held = trust().verify_policy(&bytes, &expect(None)).unwrap().held;
        let later = Expectation { now: document.expires, ..expect(Some(held)) };
        let policy = trust().verify_held_policy(&bytes, &later).unwrap();
        assert!(policy.expired);
        // The server says the same again (304 or the same octets): still held, still expired.
        assert!(trust().verify_policy(&bytes, &later).unwrap().expired);
        let mut inputs = Inputs::default();
        inputs.add_document(&policy.document, policy.expired);
        let effective = resolve(&inputs);
        assert_eq!(effective.contact_adding_allowed(), allowed, "{on_expiry:?}");
        let restricted = catalog::CATALOG.iter().filter(|d| d.restricted.is_some()).count();
        let locked = effective.entries.iter().filter(|entry| entry.is_mandatory()).count();
        assert_eq!(locked, if allowed { 0 } else { restricted });
    }
}

#[test]
fn unknown_fields_and_policies_of_a_later_server_are_survived() {
    let mut payload: Value = serde_json::to_value(document(7)).unwrap();
    payload["hint"] = json!("later");
    payload["layers"][0]["policies"]["FromTheFuture"] = json!({"a": 1});
    let bytes = Envelope::sign(POLICY_TYPE, payload.to_string().into_bytes(), &[&key(100)]).to_json();
    let policy = trust().verify_policy(bytes.as_bytes(), &expect(None)).unwrap();
    let mut inputs = Inputs::default();
    inputs.add_document(&policy.document, false);
    let effective = resolve(&inputs);
    assert!(!effective.contact_adding_allowed());
    assert_eq!(effective.messages[0].path, "server, group Support: FromTheFuture");
}

#[test]
fn a_first_root_is_signed_by_its_own_threshold() {
    let two_of_three = root(1, &[1, 2, 3], 2);
    let pin = |by: &[u8], domain: &str| Trust::pin(&signed(&two_of_three, by), domain);
    assert!(pin(&[1, 3], "example.test").is_ok());
    let too_few = RootRejected::Envelope(EnvelopeError::Threshold { valid: 1, needed: 2 });
    assert_eq!(pin(&[2], "example.test"), Err(too_few.clone()));
    assert_eq!(pin(&[2, 9, 8], "example.test"), Err(too_few));
    assert!(matches!(pin(&[1, 2], "other.test"), Err(RootRejected::WrongDomain { .. })));
    type Change = fn(&mut RootDocument);
    let wrong: [(&str, Change); 6] = [
        ("threshold 0", |r| r.threshold = 0),
        ("threshold above n", |r| r.threshold = 4),
        ("key twice", |r| r.root_keys[1] = r.root_keys[0]),
        ("no signer", |r| r.signing_keys.clear()),
        ("no root key", |r| r.root_keys.clear()),
        ("version 0", |r| r.version = 0),
    ];
    for (what, change) in wrong {
        let mut bad = two_of_three.clone();
        change(&mut bad);
        let rejected = Trust::pin(&signed(&bad, &[1, 2, 3]), "example.test");
        assert!(matches!(rejected, Err(RootRejected::Invalid(_))), "{what}: {rejected:?}");
    }
    let mut later = two_of_three.clone();
    later.format = 2;
    let rejected = Trust::pin(&signed(&later, &[1, 2]), "example.test");
    assert_eq!(rejected, Err(RootRejected::Document(DocumentError::Format(2))));
}

#[test]
fn every_single_bit_of_a_root_counts() {
    let bytes = signed(&root(1, &[1], 1), &[1]);
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[index] ^= 1 << bit;
            assert!(Trust::pin(&flipped, "example.test").is_err(), "bit {bit} of octet {index}");
        }
    }
}

#[test]
fn a_root_changes_only_by_the_old_threshold() {
    let pinned = || Trust::pin(&signed(&root(1, &[1, 2, 3], 2), &[1, 2]), "example.test").unwrap();
    // New keys, threshold of one: old two-of-three plus the new one.
    let next = root(2, &[4], 1);
    let table: [(&[u8], bool); 6] = [
        (&[1, 2, 4], true),
        (&[2, 3, 4], true),
        (&[1, 4], false),
        (&[4], false),
        (&[1, 2], false),
        (&[1, 2, 9], false),
    ];
    for (by, accepted) in table {
        let mut trust = pinned();
        assert_eq!(trust.rotate(&signed(&next, by)).is_ok(), accepted, "{by:?}");
        assert_eq!(trust.root().version, if accepted { 2 } else { 1 }, "nothing changes after an error");
    }
    let mut trust = pinned();
    trust.rotate(&signed(&next, &[1, 2, 4])).unwrap();
    // The old keys have no say any more.
    assert!(trust.rotate(&signed(&root(3, &[1], 1), &[1, 2, 3])).is_err());
    trust.rotate(&signed(&root(3, &[5], 1), &[4, 5])).unwrap();
    // Neither back, nor again, nor over a gap.
    for version in [1, 2, 3, 5] {
        let again = trust.rotate(&signed(&root(version, &[5], 1), &[5]));
        assert_eq!(again, Err(RootRejected::NotNext { expected: 4, got: version }));
    }
    let foreign = RootDocument { domain: "evil.test".into(), ..root(4, &[5], 1) };
    assert!(matches!(trust.rotate(&signed(&foreign, &[5])), Err(RootRejected::WrongDomain { .. })));
    // A rotated root, with the signatures of both, can be pinned by a newcomer and read back from the disk.
    let stored = trust.envelope_json();
    assert_eq!(Trust::pin(stored.as_bytes(), "example.test").unwrap(), trust);
    assert_eq!(crate::unverified_root_version(stored.as_bytes()), Some(3));
    let changed = stored.replace("\"sig\":\"", "\"sig\":\"AAAA");
    assert!(Trust::pin(changed.as_bytes(), "example.test").is_err());
}

#[test]
fn a_new_signing_key_comes_with_a_new_root() {
    let mut trust = trust();
    let bytes = document(7).sign(&key(101)).to_json().into_bytes();
    let refused = trust.verify_policy(&bytes, &expect(None)).unwrap_err();
    assert_eq!(refused.code(), "unknown-key");
    let next = RootDocument { signing_keys: vec![key(101).public()], ..root(2, &[1], 1) };
    trust.rotate(&signed(&next, &[1])).unwrap();
    assert!(trust.verify_policy(&bytes, &expect(None)).is_ok());
    // The key before it is worth nothing now.
    assert_eq!(
        trust.verify_policy(&envelope(&document(8)), &expect(None)).unwrap_err().code(),
        "unknown-key"
    );
}

#[test]
fn versions_that_a_thief_has_used_up_do_not_bar_the_way() {
    let mut trust = trust();
    let last = trust.verify_policy(&envelope(&document(u64::MAX)), &expect(None)).unwrap().held;
    assert_eq!(refused(&envelope(&document(8)), &expect(Some(last))), "older");
    // The holder of the root key gives a new signing key and a new epoch.
    let next = RootDocument { signing_keys: vec![key(101).public()], epoch: 1, ..root(2, &[1], 1) };
    trust.rotate(&signed(&next, &[1])).unwrap();
    let bytes = PolicyDocument { epoch: 1, ..document(8) }.sign(&key(101)).to_json().into_bytes();
    let held = trust.verify_policy(&bytes, &expect(Some(last))).unwrap().held;
    assert_eq!((held.epoch, held.version), (1, 8));
    let stolen = PolicyDocument { epoch: 1, ..document(u64::MAX) };
    let refused = trust.verify_policy(&envelope(&stolen), &expect(Some(held))).unwrap_err();
    assert_eq!(refused.code(), "unknown-key");
}

#[test]
fn a_draft_goes_from_hand_to_hand_until_enough_have_signed() {
    let mut trust = Trust::pin(&signed(&root(1, &[1, 2, 3], 2), &[1, 2]), "example.test").unwrap();
    let mut draft = crate::RootDraft::new(root(2, &[4], 1)).unwrap();
    for (hand, count) in [(4, 1), (2, 2), (2, 2), (3, 3)] {
        assert!(trust.rotate(draft.to_json().as_bytes()).is_err(), "before {hand} has signed");
        draft = crate::RootDraft::from_json(draft.to_json().as_bytes()).unwrap();
        draft.sign(&key(hand));
        assert_eq!(draft.signatures(), count);
    }
    trust.rotate(draft.to_json().as_bytes()).unwrap();
    assert_eq!(trust.root(), draft.document());
    // A policy is no root, whatever a holder of a root key is given to sign.
    let policy = crate::RootDraft::from_json(&envelope(&document(7)));
    assert!(matches!(policy, Err(RootRejected::Envelope(EnvelopeError::WrongType(_)))));
}

#[test]
fn a_restored_console_continues_in_a_new_epoch() {
    let held = trust().verify_policy(&envelope(&document(90)), &expect(None)).unwrap().held;
    let mut trust = trust();
    let restored = PolicyDocument { epoch: 1, ..document(40) };
    let refused = trust.verify_policy(&envelope(&restored), &expect(Some(held))).unwrap_err();
    assert_eq!(refused.code(), "wrong-epoch");
    trust.rotate(&signed(&RootDocument { epoch: 1, ..root(2, &[1], 1) }, &[1])).unwrap();
    // The lower version rules, because the root vouches for the epoch; documents from before the accident don't.
    assert_eq!(trust.verify_policy(&envelope(&restored), &expect(Some(held))).unwrap().held.version, 40);
    let old = trust.verify_policy(&envelope(&document(99)), &expect(Some(held))).unwrap_err();
    assert_eq!(old.code(), "wrong-epoch");
    let back = trust.rotate(&signed(&root(3, &[1], 1), &[1]));
    assert_eq!(back, Err(RootRejected::EpochBack { held: 1, got: 0 }));
}
