//! Fetches from a service that is a list of answers.

use super::*;
use flint_policy::{OnExpiry, PolicyDocument, RootDocument, SigningKey};
use std::sync::Mutex;

const DAY: u64 = 86_400_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// The root of this version, whose keys are those of the same number, signed by the one before as well.
fn root(version: u8) -> Vec<u8> {
    let document = RootDocument {
        format: 1,
        domain: "example.test".to_owned(),
        version: version.into(),
        root_keys: vec![key(version).public()],
        threshold: 1,
        signing_keys: vec![key(version).public()],
        epoch: 0,
    };
    let envelope = match version {
        1 => document.sign(&[&key(1)]),
        _ => document.sign(&[&key(version), &key(version - 1)]),
    };
    envelope.to_json().into_bytes()
}

fn document(version: u64, signed_by: u8) -> Vec<u8> {
    let document = PolicyDocument {
        format: 1,
        domain: "example.test".to_owned(),
        audience: "ann@example.test".parse().unwrap(),
        epoch: 0,
        version,
        issued: 0,
        expires: DAY,
        on_expiry: OnExpiry::Keep,
        layers: Vec::new(),
        toggles: serde_json::Value::Null,
    };
    document.sign(&key(signed_by)).to_json().into_bytes()
}

/// Serves these; what was asked is written down.
struct Server {
    roots: Vec<Vec<u8>>,
    version: u64,
    document: Vec<u8>,
    asked: Mutex<Vec<String>>,
}

impl Server {
    fn new(roots: &[u8], version: u64, signed_by: u8) -> Self {
        Self {
            roots: roots.iter().map(|version| root(*version)).collect(),
            version,
            document: document(version, signed_by),
            asked: Mutex::default(),
        }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Source for Server {
    async fn root(&self, version: Option<u64>) -> Result<Vec<u8>, String> {
        self.asked.lock().unwrap().push(format!("root {version:?}"));
        let found = match version {
            None => self.roots.last(),
            Some(version) => self.roots.iter().find(|root| unverified_root_version(root) == Some(version)),
        };
        found.cloned().ok_or_else(|| "not there".to_owned())
    }

    async fn document(&self, known: Option<u64>) -> Result<Option<Vec<u8>>, String> {
        self.asked.lock().unwrap().push(format!("document {known:?}"));
        Ok((known != Some(self.version)).then(|| self.document.clone()))
    }
}

fn plan(pinned: Option<Pinned>) -> Plan {
    let expect = Expectation {
        domain: "example.test".to_owned(),
        audience: "ann@example.test".parse().unwrap(),
        held: None,
        now: 1,
    };
    Plan { url: "https://localhost/".to_owned(), pinned, expect, floor: None }
}

fn version(pinned: &Pinned) -> (u64, u64) {
    (pinned.trust.root().version, pinned.document.as_ref().map_or(0, |(policy, _)| policy.document.version))
}

#[tokio::test]
async fn first_trust_then_nothing_new_then_a_chain_of_roots() {
    let server = Server::new(&[1], 5, 1);
    let pinned = refresh(&server, plan(None)).await.unwrap();
    assert_eq!(version(&pinned), (1, 5));
    assert_eq!(pinned.state.origin, Origin::FirstFetch);
    assert_eq!(server.asked(), ["root None", "document None"]);

    let pinned = refresh(&server, plan(Some(pinned))).await.unwrap();
    assert_eq!(version(&pinned), (1, 5));
    assert_eq!(server.asked(), ["root None", "document Some(5)"]);

    // Under the new root the held document is no longer good, so it is not named as known.
    let server = Server::new(&[1, 2, 3], 6, 3);
    let pinned = refresh(&server, plan(Some(pinned))).await.unwrap();
    assert_eq!(version(&pinned), (3, 6));
    assert_eq!(server.asked(), ["root None", "root Some(2)", "document None"]);
}

#[tokio::test]
async fn what_does_not_follow_is_refused_as_a_whole() {
    let pinned = refresh(&Server::new(&[1], 5, 1), plan(None)).await.unwrap();
    for (server, expected) in [
        (Server::new(&[1], 4, 1), "older"),
        (Server::new(&[1], 6, 2), "policy was refused"),
        // A link of the chain is missing.
        (Server::new(&[1, 3], 6, 3), "not there"),
        // A root of the next version that the old one has not signed.
        (Server { roots: vec![root(1), forged_root()], ..Server::new(&[], 6, 9) }, "root is refused"),
        // The new root is good, but no document under it.
        (Server::new(&[1, 2], 6, 1), "policy was refused"),
        (Server::new(&[], 6, 1), "not there"),
        (Server { roots: vec![b"{}".to_vec()], ..Server::new(&[], 6, 1) }, "can't be read"),
        (Server { document: b"<html>".to_vec(), ..Server::new(&[1], 6, 1) }, "policy was refused"),
    ] {
        let error = refresh(&server, plan(Some(pinned.clone()))).await.unwrap_err();
        assert!(error.contains(expected), "{error} in place of {expected}");
    }
}

#[tokio::test]
async fn a_first_trust_asks_for_nothing_older_than_what_was_seen() {
    let seen = refresh(&Server::new(&[1], 5, 1), plan(None)).await.unwrap();
    let floor = Floor::new(&seen.trust, seen.state.held.unwrap());
    for (version, good) in [(4, false), (5, true), (6, true)] {
        let plan = Plan { floor: Some(floor.clone()), ..plan(None) };
        let outcome = refresh(&Server::new(&[1], version, 1), plan).await;
        assert_eq!(outcome.is_ok(), good, "{version}: {outcome:?}");
    }
    let plan = Plan { floor: Some(floor), ..plan(None) };
    let newer_console =
        Server { roots: vec![other_root()], document: document(1, 7), ..Server::new(&[], 1, 7) };
    assert!(refresh(&newer_console, plan).await.is_ok(), "another console counts for itself");
}

/// The first root of another console, with the keys of number 7.
fn other_root() -> Vec<u8> {
    let document = RootDocument {
        root_keys: vec![key(7).public()],
        signing_keys: vec![key(7).public()],
        ..Trust::pin(&root(1), "example.test").unwrap().root().clone()
    };
    document.sign(&[&key(7)]).to_json().into_bytes()
}

/// Version 2 by keys of nobody.
fn forged_root() -> Vec<u8> {
    let document = RootDocument {
        version: 2,
        root_keys: vec![key(9).public()],
        signing_keys: vec![key(9).public()],
        ..Trust::pin(&root(1), "example.test").unwrap().root().clone()
    };
    document.sign(&[&key(9)]).to_json().into_bytes()
}

#[tokio::test]
async fn a_root_that_is_too_far_ahead_is_not_walked_to() {
    let pinned = refresh(&Server::new(&[1], 5, 1), plan(None)).await.unwrap();
    let server = Server::new(&[1, 200], 6, 200);
    let error = refresh(&server, plan(Some(pinned))).await.unwrap_err();
    assert!(error.contains("too far ahead"), "{error}");
    assert_eq!(server.asked(), ["root None"]);
}

#[tokio::test]
async fn a_pinned_root_that_is_not_the_servers_is_found_out_although_it_is_of_the_same_version() {
    let forger = Server { roots: vec![other_root()], ..Server::new(&[], 5, 7) };
    let forged = refresh(&forger, plan(None)).await.unwrap();
    // With the version of the server's document the answer would be that nothing has changed.
    let error = refresh(&Server::new(&[1], 5, 1), plan(Some(forged))).await.unwrap_err();
    assert!(error.contains("another one than this computer trusts"), "{error}");
    let ahead = refresh(&Server::new(&[2], 5, 2), plan(None)).await.unwrap();
    assert!(refresh(&Server::new(&[1], 5, 1), plan(Some(ahead))).await.is_err(), "nor is a later one");
}
