use super::*;

const TYPE: &str = "application/vnd.flint.policy.v1+json";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

#[test]
fn pae_is_that_of_the_standard() {
    // The example of the DSSE specification.
    assert_eq!(
        pae("http://example.com/HelloWorld", b"hello world"),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
    assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
}

#[test]
fn round_trip_over_exact_bytes() {
    // Bytes that no JSON writer would give back as they are.
    let payload = b"{ \"b\":1,\n \"a\" : 1.0 }".to_vec();
    let json = Envelope::sign(TYPE, payload.clone(), &[&key(1)]).to_json();
    let envelope = Envelope::from_json(json.as_bytes()).unwrap();
    assert_eq!(envelope.verify(TYPE, &[key(1).public()], 1, Strangers::Refuse).unwrap(), payload);
    assert_eq!(envelope.to_json(), json);
}

#[test]
fn who_has_signed_counts_once() {
    let envelope = Envelope::sign(TYPE, b"x".to_vec(), &[&key(1), &key(2)]);
    let all = [key(1).public(), key(2).public(), key(3).public()];
    assert!(envelope.verify(TYPE, &all, 2, Strangers::Refuse).is_ok());
    let few = envelope.verify(TYPE, &all, 3, Strangers::Refuse);
    assert_eq!(few, Err(EnvelopeError::Threshold { valid: 2, needed: 3 }));
    // A threshold of nobody is a threshold of one.
    let nobody = envelope.verify(TYPE, &all[2..], 0, Strangers::Ignore);
    assert_eq!(nobody, Err(EnvelopeError::Threshold { valid: 0, needed: 1 }));
    let stranger = envelope.verify(TYPE, &all[..1], 1, Strangers::Refuse);
    assert_eq!(stranger, Err(EnvelopeError::UnknownKey(key(2).public().id())));
    // The same signature twice is no second signer.
    let twice = Envelope { signatures: vec![envelope.signatures[0].clone(); 2], ..envelope };
    assert!(matches!(twice.verify(TYPE, &all, 1, Strangers::Refuse), Err(EnvelopeError::Malformed(_))));
}

#[test]
fn a_signature_is_for_one_type_only() {
    let envelope = Envelope::sign("application/vnd.flint.root.v1+json", b"x".to_vec(), &[&key(1)]);
    let wrong = envelope.verify(TYPE, &[key(1).public()], 1, Strangers::Refuse);
    assert!(matches!(wrong, Err(EnvelopeError::WrongType(_))));
    // Renaming the type does not help: it is signed.
    let renamed = Envelope { payload_type: TYPE.into(), ..envelope };
    let wrong = renamed.verify(TYPE, &[key(1).public()], 1, Strangers::Refuse);
    assert_eq!(wrong, Err(EnvelopeError::BadSignature(key(1).public().id())));
}

#[test]
fn texts_that_are_no_envelope() {
    let good = Envelope::sign(TYPE, b"hello".to_vec(), &[&key(1)]).to_json();
    let table = [
        String::new(),
        "null".into(),
        "[]".into(),
        good.replace("\"sig\"", "\"signature\""),
        good.replacen('{', "{\"extra\":1,", 1),
        good.replace("aGVsbG8=", "aGVsbG8"),
        good.replace("aGVsbG8=", "aGVsbG9="),
        good.clone() + "x",
        format!("{{\"payloadType\":\"{TYPE}\",\"payload\":\"\",\"signatures\":[]}}"),
        "[".repeat(100_000),
    ];
    for text in table {
        let short: String = text.chars().take(80).collect();
        assert!(matches!(Envelope::from_json(text.as_bytes()), Err(EnvelopeError::Malformed(_))), "{short}");
    }
    for end in 0..good.len() {
        assert!(Envelope::from_json(&good.as_bytes()[..end]).is_err());
    }
    let endless = good + &" ".repeat(MAX_ENVELOPE);
    assert_eq!(Envelope::from_json(endless.as_bytes()), Err(EnvelopeError::TooLarge));
}

#[test]
fn keys_in_text_have_one_form() {
    let id = key(1).public().id();
    assert_eq!(id.to_string().parse::<KeyId>(), Ok(id));
    assert!(id.to_string().to_uppercase().parse::<KeyId>().is_err());
    assert!("é".repeat(32).parse::<KeyId>().is_err());
    // Points of small order verify anything and are no keys.
    let mut identity = [0; 32];
    identity[0] = 1;
    assert!(PublicKey::from_bytes(&identity).is_err());
    assert!(!format!("{:?}", key(9)).contains(&format!("{:?}", [9u8; 32])));
}

#[test]
fn an_envelope_shows_nothing_of_its_payload_when_it_is_debugged() {
    let key = SigningKey::from_seed(&[1; 32]);
    let shown = format!("{:?}", Envelope::sign("a/b", b"hunter2".to_vec(), &[&key]));
    let octets = format!("{:?}", b"hunter2");
    assert!(!shown.contains("hunter2") && !shown.contains(octets.trim_matches(['[', ']'])), "{shown}");
    assert!(shown.contains("payload_octets: 7"), "{shown}");
}
