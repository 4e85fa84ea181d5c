use super::*;

const SERVICE: &str = "xmpp/example.test";

fn kind(routine: u32, minor: i32, doing: Doing<'_>) -> &'static str {
    classify(routine << 16, minor.cast_unsigned(), doing).code()
}

#[test]
fn numbers_become_kinds() {
    let initiate = Doing::Initiate(SERVICE);
    let table = [
        // (routine error, minor, what was done, kind); the first four were seen with MIT krb5 1.20
        (7, CACHE_NO_FILE, initiate, "no-ticket"),
        (11, TICKET_EXPIRED, initiate, "ticket-expired"),
        (13, SERVICE_UNKNOWN, initiate, "unknown-service"),
        (13, KDC_UNREACHABLE, initiate, "kdc-unreachable"),
        (7, 0, initiate, "no-ticket"),
        (7, 0, Doing::ReadTickets, "no-ticket"),
        (11, 0, initiate, "ticket-expired"),
        (13, TICKET_EXPIRED, initiate, "ticket-expired"),
        (13, SKEW, initiate, "clock-skew"),
        (13, TICKET_NOT_YET_VALID, Doing::Accept, "clock-skew"),
        (13, HOST_REALM_UNKNOWN, initiate, "realm-not-mapped"),
        (13, REALM_UNKNOWN, initiate, "realm-not-mapped"),
        (9, 0, initiate, "bad-token"),
        (9, 0, Doing::Accept, "bad-token"),
        (13, KEYTAB_NOT_FOUND, Doing::Accept, "bad-token"),
        (13, KEYTAB_NOT_FOUND, Doing::ReadKeytab("/k"), "keytab"),
        (13, MODIFIED, Doing::Accept, "bad-token"),
        (13, 0, initiate, "kerberos-failure"),
        (13, 100_005, Doing::Accept, "bad-token"),
        (13, 4711, Doing::ReadTickets, "kerberos-failure"),
    ];
    for (routine, minor, doing, expected) in table {
        assert_eq!(kind(routine, minor, doing), expected, "{routine}/{minor} {doing:?}");
    }
}

#[test]
fn routine_errors_are_numbers_and_not_flags() {
    // 13 (failure) has the bits of 12 (context expired) set: `contains()` would call it expired.
    assert_eq!(kind(13, 0, Doing::Initiate(SERVICE)), "kerberos-failure");
    // Supplementary bits (duplicate token…) and calling errors don't disturb the routine error.
    assert_eq!(classify((9 << 16) | 2, 0, Doing::Accept).code(), "bad-token");
    assert_eq!(classify((9 << 16) | (1 << 24), 0, Doing::Accept).code(), "bad-token");
}

#[test]
fn an_unknown_service_is_named() {
    let kind = classify(13 << 16, SERVICE_UNKNOWN.cast_unsigned(), Doing::Initiate(SERVICE));
    assert!(kind.reason().contains(SERVICE), "{}", kind.reason());
    assert!(kind.next_step().contains(SERVICE), "{}", kind.next_step());
}

#[test]
fn every_kind_has_its_own_words() {
    let kinds = [
        FailureKind::NoTicket,
        FailureKind::TicketExpired,
        FailureKind::ClockSkew,
        FailureKind::KdcUnreachable,
        FailureKind::UnknownService { principal: SERVICE.into() },
        FailureKind::RealmNotMapped,
        FailureKind::BadToken,
        FailureKind::NotMutual,
        FailureKind::Keytab { keytab: "/etc/flint/http.keytab".into() },
        FailureKind::Other,
    ];
    let mut seen = std::collections::HashSet::new();
    for kind in kinds {
        for text in [kind.code().to_owned(), kind.reason(), kind.next_step()] {
            assert!(seen.insert(text.clone()), "{text} is said twice");
        }
        assert!(kind.reason().ends_with('.') && kind.next_step().ends_with('.'));
    }
}

#[test]
fn a_missing_realm_is_no_missing_service() {
    let unknown = || FailureKind::UnknownService { principal: SERVICE.into() };
    let text = "Server krbtgt/ORG@EXAMPLE.TEST not found in Kerberos database";
    assert_eq!(unless_referred(unknown(), text).code(), "realm-not-mapped");
    assert_eq!(unless_referred(unknown(), "Server xmpp/a@R not found in Kerberos database"), unknown());
}
