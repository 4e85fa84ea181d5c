use serde_json::{Value, json};

use super::*;
use crate::{RootDocument, SigningKey};

fn root() -> Value {
    let key = SigningKey::from_seed(&[1; 32]);
    let root = RootDocument {
        format: 1,
        domain: "example.test".into(),
        version: 1,
        root_keys: vec![key.public()],
        threshold: 1,
        signing_keys: vec![SigningKey::from_seed(&[2; 32]).public()],
        epoch: 0,
    };
    serde_json::from_str(&root.sign(&[&key]).to_json()).unwrap()
}

#[test]
fn there_and_back() {
    let text = json!({"format": 1, "domain": "example.test", "url": "https://flint.example.test:8443", "root": root()});
    let file = TrustFile::parse(&text.to_string()).unwrap();
    assert_eq!(file.url.as_deref(), Some("https://flint.example.test:8443/"));
    assert_eq!(file.trust.root().version, 1);
    assert_eq!(TrustFile::parse(&file.to_json()), Ok(file));
    let without = json!({"format": 1, "domain": "example.test", "root": root()});
    assert_eq!(TrustFile::parse(&without.to_string()).unwrap().url, None);
}

#[test]
fn files_that_are_refused() {
    let text = |format: u32, domain: &str, url: &str, root: Value| {
        TrustFile::parse(&json!({"format": format, "domain": domain, "url": url, "root": root}).to_string())
            .unwrap_err()
    };
    assert_eq!(text(2, "example.test", "https://h/", root()), TrustFileError::Format(2));
    assert_eq!(text(1, "example.test", "http://h/", root()), TrustFileError::Url);
    assert!(matches!(text(1, "other.test", "https://h/", root()), TrustFileError::Root(_)));
    assert!(matches!(text(1, "example.test", "https://h/", json!({})), TrustFileError::Malformed(_)));
    let mut flipped = root();
    flipped["payload"] = json!("e30=");
    assert!(matches!(text(1, "example.test", "https://h/", flipped), TrustFileError::Root(_)));
    assert!(matches!(TrustFile::parse("nonsense"), Err(TrustFileError::Malformed(_))));
}
