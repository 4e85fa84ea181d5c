use super::*;
use crate::testing::params;
use flint_test_support::dns;

fn record(priority: u16, weight: u16, host: &str) -> Record {
    Record { priority, weight, target: Target { host: host.into(), port: 5223, security: Security::Direct } }
}

fn hosts(targets: &[Target]) -> Vec<&str> {
    targets.iter().map(|target| target.host.as_str()).collect()
}

#[test]
fn priority_comes_first_then_the_draw_by_weight() {
    let records = || {
        vec![record(20, 0, "late"), record(10, 60, "heavy"), record(10, 0, "zero"), record(10, 40, "light")]
    };
    for (draws, expected) in [
        (vec![0, 0, 0, 0], ["zero", "light", "heavy", "late"]),
        (vec![1, 1, 0, 0], ["light", "heavy", "zero", "late"]),
        (vec![41, 1, 0, 0], ["heavy", "light", "zero", "late"]),
        (vec![100, 40, 0, 0], ["heavy", "light", "zero", "late"]),
    ] {
        let mut draws = draws.into_iter();
        let mut limits = Vec::new();
        let targets = order(records(), &mut |limit| {
            limits.push(limit);
            draws.next().unwrap()
        });
        assert_eq!(hosts(&targets), expected);
        assert_eq!(limits[0], 100);
    }
}

#[test]
fn the_random_draw_stays_in_its_limits() {
    for _ in 0..100 {
        assert_eq!(random_below(0), 0);
        assert!(random_below(3) <= 3);
    }
}

#[test]
fn both_kinds_are_mixed_and_the_domain_is_the_last_resort() {
    let some = |host: &str, priority| Found::Records(vec![record(priority, 0, host)]);
    let none = || Found::Records(Vec::new());
    type Row = (Found, Found, Result<Vec<&'static str>, ()>);
    let table: Vec<Row> = vec![
        (some("tls", 20), some("plain", 10), Ok(vec!["plain", "tls"])),
        (some("tls", 5), some("plain", 10), Ok(vec!["tls", "plain"])),
        (none(), some("plain", 10), Ok(vec!["plain"])),
        (some("tls", 1), none(), Ok(vec!["tls"])),
        (none(), none(), Ok(vec!["example.test"])),
        (Found::NotOffered, some("plain", 1), Ok(vec!["plain"])),
        (Found::NotOffered, none(), Ok(vec!["example.test"])),
        (some("tls", 1), Found::NotOffered, Ok(vec!["tls"])),
        (none(), Found::NotOffered, Err(())),
        (Found::NotOffered, Found::NotOffered, Err(())),
    ];
    for (direct, starttls, expected) in table {
        let shown = format!("{direct:?} {starttls:?}");
        match choose("example.test", direct, starttls, &mut |_| 0) {
            Ok(targets) => assert_eq!(Ok(hosts(&targets)), expected, "{shown}"),
            Err(error) => {
                assert_eq!(Err(()), expected, "{shown}");
                assert_eq!(error.kind(), "dns-not-offered");
            }
        }
    }
}

#[test]
fn domains_are_asked_for_as_dns_knows_them() {
    assert_eq!(ascii("example.test").unwrap(), "example.test");
    assert_eq!(ascii("bücher.example").unwrap(), "xn--bcher-kva.example");
}

#[tokio::test]
async fn records_are_asked_for_at_the_given_server() {
    let server = dns(vec![
        ("_xmpp-client._tcp.example.test.", "a.example.test.", 5222, 10),
        ("_xmpps-client._tcp.example.test.", "b.example.test.", 5223, 5),
        ("_xmpp-client._tcp.none.test.", ".", 0, 0),
    ])
    .await;
    let mut params = params();
    params.dns = Some(server);
    let resolver = resolver(&params).unwrap();
    let found = targets(&params, Some(&resolver)).await.unwrap();
    let shown: Vec<_> =
        found.iter().map(|target| (target.host.as_str(), target.port, target.security)).collect();
    assert_eq!(
        shown,
        [("b.example.test", 5223, Security::Direct), ("a.example.test", 5222, Security::StartTls)]
    );

    params.account = "ann@none.test".parse().unwrap();
    assert_eq!(
        targets(&params, Some(&resolver)).await.unwrap_err(),
        ConnectError::NotOffered { domain: "none.test".into() }
    );
    params.account = "ann@other.test".parse().unwrap();
    assert_eq!(targets(&params, Some(&resolver)).await.unwrap(), [fallback("other.test".into())]);
}
