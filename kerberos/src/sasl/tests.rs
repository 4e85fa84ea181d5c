use super::*;

#[test]
fn no_layer_is_chosen_when_it_is_offered() {
    for layers in [0x01, 0x03, 0x05, 0x07, 0xff] {
        assert_eq!(choose_layer(&[layers, 0, 0xff, 0xff], None).unwrap(), [1, 0, 0, 0]);
    }
    assert_eq!(choose_layer(&[7, 0, 0, 0], Some("ann@example.test")).unwrap(), b"\x01\0\0\0ann@example.test");
}

#[test]
fn a_layer_is_never_used() {
    for layers in [0x00, 0x02, 0x04, 0x06, 0xfe] {
        let failure = choose_layer(&[layers, 0, 0, 0], None).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Other, "{layers}");
    }
}

#[test]
fn offers_of_another_length_are_refused() {
    for offer in [&[][..], &[1], &[1, 0, 0], &[1, 0, 0, 0, 0], &[1; 4096]] {
        assert_eq!(choose_layer(offer, None).unwrap_err().kind, FailureKind::BadToken, "{offer:?}");
    }
}

#[test]
fn nothing_is_complete_before_the_server_has_proved_itself() {
    let mut sasl = SaslGssapi::new("example.test", None).unwrap();
    assert!(!sasl.is_complete());
    // Hostile first challenges: neither is a token, and the context has not begun.
    assert_eq!(sasl.respond(b"").unwrap_err().kind, FailureKind::BadToken);
    assert_eq!(sasl.respond(&vec![0x60; crate::MAX_TOKEN + 1]).unwrap_err().kind, FailureKind::BadToken);
    assert!(!sasl.is_complete());
}

#[test]
fn hosts_that_are_no_names_are_refused() {
    for host in ["", "a/b", "a@b", "a\nb", "a\\b", &"a".repeat(256)] {
        assert!(SaslGssapi::new(host, None).is_err(), "{host:?}");
    }
}
