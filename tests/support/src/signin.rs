//! The server's side of a sign-in: SCRAM, binding, XEP-0198.

use crate::peer::{Peer, attribute};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minidom::Element;
use sasl::common::Password;
use sasl::common::scram::{ScramProvider, Sha1, Sha256};

/// Namespace of SASL.
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// Namespace of binding.
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// Features after the sign-in: binding and XEP-0198.
pub const BIND_AND_SM: &str = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>";

/// An account of the scripted server.
#[derive(Debug, Clone)]
pub struct Account {
    /// Full address that is bound.
    pub jid: String,
    /// Password.
    pub password: String,
}

impl Default for Account {
    fn default() -> Self {
        Self { jid: "ann@example.test/r1".to_owned(), password: "pencil".to_owned() }
    }
}

/// RFC 5802, the server's side, with every value open to the script.
#[derive(Debug, Clone)]
pub struct ScramServer {
    /// `SCRAM-SHA-1` or `SCRAM-SHA-256`, with or without `-PLUS`.
    pub mechanism: String,
    /// The password.
    pub password: String,
    /// Iterations.
    pub iterations: u32,
    /// Channel binding data for `-PLUS`.
    pub binding: Vec<u8>,
    header: String,
    first_bare: String,
    challenge: String,
    nonce: String,
}

impl ScramServer {
    /// A server that knows this password.
    pub fn new(mechanism: &str, password: &str) -> Self {
        Self {
            mechanism: mechanism.to_owned(),
            password: password.to_owned(),
            iterations: 4096,
            binding: Vec::new(),
            header: String::new(),
            first_bare: String::new(),
            challenge: String::new(),
            nonce: String::new(),
        }
    }

    /// The header of the client's first message, for example `n,,`.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// Answers the client's first message.
    pub fn challenge(&mut self, first: &[u8]) -> String {
        let first = std::str::from_utf8(first).expect("UTF-8");
        let split = first.match_indices(',').nth(1).expect("a header with two commas").0 + 1;
        self.header = first[..split].to_owned();
        self.first_bare = first[split..].to_owned();
        let client = self.first_bare.split(',').find_map(|part| part.strip_prefix("r=")).expect("a nonce");
        self.nonce = format!("{client}3rfcNHYJY1ZVvWVs7j");
        let salt = STANDARD.encode(b"salt of the test");
        self.challenge = format!("r={},s={salt},i={}", self.nonce, self.iterations);
        self.challenge.clone()
    }

    /// Checks the client's last message; the server's signature when the proof is right.
    pub fn finish(&self, last: &[u8]) -> Option<String> {
        match self.mechanism.trim_end_matches("-PLUS") {
            "SCRAM-SHA-1" => self.check::<Sha1>(last),
            "SCRAM-SHA-256" => self.check::<Sha256>(last),
            other => panic!("no such mechanism: {other}"),
        }
    }

    fn check<S: ScramProvider>(&self, last: &[u8]) -> Option<String> {
        let last = std::str::from_utf8(last).ok()?;
        let (bare, proof) = last.split_once(",p=")?;
        let binding = STANDARD.encode([self.header.as_bytes(), &self.binding].concat());
        if bare != format!("c={binding},r={}", self.nonce) {
            return None;
        }
        let password = Password::Plain(self.password.clone());
        let salted = S::derive(&password, b"salt of the test", self.iterations).ok()?;
        let message = format!("{},{},{bare}", self.first_bare, self.challenge);
        let client_key = S::hmac(b"Client Key", &salted).ok()?;
        let signature = S::hmac(message.as_bytes(), &S::hash(&client_key)).ok()?;
        let expected: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        if STANDARD.decode(proof).ok()? != expected {
            return None;
        }
        let server_key = S::hmac(b"Server Key", &salted).ok()?;
        Some(format!("v={}", STANDARD.encode(S::hmac(message.as_bytes(), &server_key).ok()?)))
    }
}

impl Peer {
    /// From the client's header to `<success/>` by SCRAM-SHA-1 (the quickest), then the second header with `features`.
    /// The connection must be encrypted already, as far as the client cares.
    pub async fn authenticate(&mut self, account: &Account, features: &str) {
        self.header().await;
        self.open("s1", Some(&mechanisms(&["SCRAM-SHA-1"]))).await;
        let auth = self.expect("auth").await;
        let mut scram = ScramServer::new(attribute(&auth, "mechanism"), &account.password);
        let challenge = scram.challenge(&decoded(&auth));
        self.send(&sasl("challenge", &challenge)).await;
        let response = self.expect("response").await;
        let signature = scram.finish(&decoded(&response)).expect("the right password");
        self.send(&sasl("success", &signature)).await;
        self.restart();
        self.header().await;
        self.open("s2", Some(features)).await;
    }

    /// Answers the binding of a resource.
    pub async fn bind(&mut self, account: &Account) -> Element {
        let bind = self.expect("iq").await;
        self.send(&format!(
            "<iq type='result' id='{}'><bind xmlns='{BIND}'><jid>{}</jid></bind></iq>",
            attribute(&bind, "id"),
            account.jid
        ))
        .await;
        bind
    }

    /// A whole sign-in: SCRAM, binding, XEP-0198 with resumption under the id `sm1`.
    pub async fn sign_in(&mut self, account: &Account) {
        self.authenticate(account, BIND_AND_SM).await;
        self.bind(account).await;
        self.expect("enable").await;
        self.send("<enabled xmlns='urn:xmpp:sm:3' id='sm1' resume='true'/>").await;
    }
}

/// The feature that offers these mechanisms.
pub fn mechanisms(names: &[&str]) -> String {
    let names: String = names.iter().map(|name| format!("<mechanism>{name}</mechanism>")).collect();
    format!("<mechanisms xmlns='{SASL}'>{names}</mechanisms>")
}

/// An element of SASL with data.
pub fn sasl(name: &str, data: &str) -> String {
    format!("<{name} xmlns='{SASL}'>{}</{name}>", STANDARD.encode(data))
}

/// The data of an element of SASL.
pub fn decoded(element: &Element) -> Vec<u8> {
    STANDARD.decode(element.text()).expect("base64")
}
