use super::*;
use crate::params::Secret;
use crate::testing::params;
use flint_test_support::ScramServer;

fn features(xml: &str) -> Offer {
    Offer::read(
        &format!("<features xmlns='http://etherx.jabber.org/streams'>{xml}</features>").parse().unwrap(),
    )
}

fn offer(mechanisms: &[&str], bindings: &[&str]) -> Offer {
    let own = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect();
    Offer { mechanisms: own(mechanisms), bindings: own(bindings), hostname: None }
}

#[test]
fn offers_are_read_with_host_and_bindings() {
    let read = features(
        "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>GSSAPI</mechanism><mechanism> PLAIN\n</mechanism>\
         <hostname xmlns='urn:xmpp:domain-based-name:1'>xmpp1.example.test</hostname></mechanisms>\
         <sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>",
    );
    let mut expected = offer(&["GSSAPI", "PLAIN"], &["tls-exporter"]);
    expected.hostname = Some("xmpp1.example.test".into());
    assert_eq!(read, expected);
    for hostname in ["", "a/b", "a@B", "evil host", &"x".repeat(300)] {
        let read = features(&format!(
            "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><hostname xmlns='urn:xmpp:domain-based-name:1'>{hostname}</hostname></mechanisms>"
        ));
        assert_eq!(read.hostname, None, "{hostname}");
    }
}

#[test]
fn a_mechanism_has_a_name_by_the_rules_or_is_not_there() {
    let long = "A".repeat(21);
    for (name, is_kept) in [
        ("SCRAM-SHA-256-PLUS", true),
        ("A_B", true),
        (&long[..20], true),
        (&long[..], false),
        ("", false),
        ("GSSAPI\n ✓ Signed in", false),
        ("GSSAPI, PLAIN", false),
        ("gssapi", false),
        ("GSSÄPI", false),
    ] {
        let read = features(&format!(
            "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>{name}</mechanism></mechanisms>"
        ));
        assert_eq!(read.has(name), is_kept, "{name:?}");
        assert_eq!(read.mechanisms.len(), usize::from(is_kept), "{name:?}");
    }
}

#[test]
fn the_service_host_is_what_knows_best() {
    for (said, configured, connected, expected) in [
        (Some("said.test"), Some("conf.test"), "srv.test", vec!["said.test"]),
        (None, Some("conf.test"), "srv.test", vec!["conf.test"]),
        (None, None, "srv.test", vec!["srv.test", "example.test"]),
        (None, None, "Example.test", vec!["example.test"]),
        (None, None, "127.0.0.1", vec!["example.test"]),
        (None, None, "::1", vec!["example.test"]),
    ] {
        let offer = Offer { hostname: said.map(str::to_owned), ..Offer::default() };
        let mut params = params();
        params.service_host = configured.map(str::to_owned);
        let surroundings = Surroundings { host: connected.into(), exporter: None };
        assert_eq!(gssapi::hosts(&offer, &params, &surroundings), expected);
    }
}

#[test]
fn the_strongest_scram_is_chosen_and_never_plain() {
    let exporter = Some(b"key".as_slice());
    for (mechanisms, bindings, exporter, expected) in [
        (vec!["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"], vec![], exporter, Some(("SCRAM-SHA-256", "y,,"))),
        (vec!["PLAIN", "SCRAM-SHA-1"], vec![], None, Some(("SCRAM-SHA-1", "n,,"))),
        (
            vec!["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"],
            vec!["tls-exporter"],
            exporter,
            Some(("SCRAM-SHA-256-PLUS", "p=tls-exporter,,")),
        ),
        (
            vec!["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"],
            vec!["tls-unique"],
            exporter,
            Some(("SCRAM-SHA-256", "n,,")),
        ),
        (
            vec!["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"],
            vec!["tls-exporter"],
            None,
            Some(("SCRAM-SHA-256", "n,,")),
        ),
        (vec!["PLAIN", "DIGEST-MD5", "GSSAPI", "X-OAUTH2"], vec![], exporter, None),
        (vec![], vec![], exporter, None),
    ] {
        let offer = offer(&mechanisms, &bindings);
        match scram::choose(&offer, &params(), Secret::new("pencil"), exporter) {
            Ok(mut mechanism) => {
                let first = String::from_utf8(mechanism.initial().unwrap()).unwrap();
                let (name, header) = expected.unwrap();
                assert_eq!(mechanism.name(), name);
                assert!(first.starts_with(&format!("{header}n=ann,r=")), "{first}");
            }
            Err(error) => {
                assert_eq!(expected, None, "{error}");
                assert_eq!((error.kind(), error.is_final()), ("mechanism-not-offered", true));
            }
        }
    }
}

#[test]
fn scram_signs_in_with_every_mechanism() {
    for name in ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"] {
        let mut params = params();
        params.account = "a=b,c@example.test".parse().unwrap();
        let offer = offer(&[name], &["tls-exporter"]);
        let mut client =
            scram::choose(&offer, &params, Secret::new("p\u{aa}ss\u{ad}"), Some(b"key")).unwrap();
        // SASLprep: the soft hyphen disappears, the ordinal becomes "a".
        let mut server = ScramServer::new(name, "pass");
        if name.ends_with("-PLUS") {
            server.binding = b"key".to_vec();
        }
        let first = client.initial().unwrap();
        assert!(String::from_utf8_lossy(&first).contains("n=a=3Db=2Cc,"));
        let last = client.respond(server.challenge(&first).as_bytes()).unwrap();
        let signature = server.finish(&last).expect(name);
        client.success(signature.as_bytes()).unwrap();
    }
}

#[test]
fn a_server_that_does_not_know_the_password_is_not_believed() {
    type Tamper = fn(String) -> String;
    let table: Vec<(&str, Tamper)> = vec![
        ("another nonce", |challenge| challenge.replacen("r=", "r=x", 1)),
        ("only our nonce", |challenge| challenge.replace("3rfcNHYJY1ZVvWVs7j", "")),
        ("few iterations", |challenge| challenge.replace("i=4096", "i=1")),
        ("too many iterations", |challenge| challenge.replace("i=4096", "i=4294967295")),
        ("a demanded extension", |challenge| format!("m=x,{challenge}")),
        ("no salt", |challenge| challenge.replace(",s=", ",t=")),
        ("empty", |_| String::new()),
    ];
    let begin = || {
        let mut client =
            scram::choose(&offer(&["SCRAM-SHA-1"], &[]), &params(), Secret::new("pencil"), None).unwrap();
        let first = client.initial().unwrap();
        (client, first)
    };
    for (name, tamper) in table {
        let (mut client, first) = begin();
        let challenge = tamper(ScramServer::new("SCRAM-SHA-1", "pencil").challenge(&first));
        let error = client.respond(challenge.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.is_final()), ("server-not-authenticated", true), "{name}");
    }
    for success in ["", "v=", "v=AAAA", "e=other-error"] {
        let (mut client, first) = begin();
        assert!(client.success(success.as_bytes()).is_err(), "success before anything");
        client.respond(ScramServer::new("SCRAM-SHA-1", "pencil").challenge(&first).as_bytes()).unwrap();
        assert_eq!(
            client.success(success.as_bytes()).unwrap_err().kind(),
            "server-not-authenticated",
            "{success}"
        );
    }
}

#[test]
fn the_signature_may_come_in_a_last_challenge() {
    let mut client =
        scram::choose(&offer(&["SCRAM-SHA-1"], &[]), &params(), Secret::new("pencil"), None).unwrap();
    let mut server = ScramServer::new("SCRAM-SHA-1", "pencil");
    let challenge = server.challenge(&client.initial().unwrap());
    let last = client.respond(challenge.as_bytes()).unwrap();
    assert_eq!(client.respond(server.finish(&last).unwrap().as_bytes()).unwrap(), b"");
    client.success(b"").unwrap();
}
