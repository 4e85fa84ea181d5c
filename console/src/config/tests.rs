//! Good and bad configurations.

use super::*;

const GOOD: &str = r#"
domain = "example.test"
state = "state"
administrators = ["admin@example.test"]
[http]
listen = "127.0.0.1:0"
public_url = "https://localhost:8443/"
certificate = "server.pem"
key = "server.key"
[kerberos]
keytab = "http.keytab"
realms = { "EXAMPLE.TEST" = "example.test" }
[xmpp]
host = "127.0.0.1"
port = 5347
[[components]]
kind = "policy"
domain = "flint.example.test"
secret_file = "secret"
[[components]]
kind = "workgroup"
domain = "workgroup.example.test"
secret_file = "secret"
"#;

#[test]
fn a_good_file_is_read_with_paths_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flintd.toml");
    std::fs::write(&file, GOOD).unwrap();
    let config = Config::read(&file).unwrap();
    assert_eq!(config.state, directory.path().join("state"));
    assert_eq!(config.components[0].secret_file, directory.path().join("secret"));
    assert_eq!(config.conference(), "conference.example.test");
}

#[test]
fn bad_values_are_named() {
    for (from, to, expected) in [
        ("domain = \"example.test\"\nstate", "domian = \"example.test\"\nstate", "domian"),
        ("port = 5347", "port = 70000", "line 15"),
        ("[xmpp]", "[xmpp]\nsecret = \"x\"", "unknown field `secret`"),
        ("state = \"state\"", "", "missing field `state`"),
        ("https://localhost:8443/", "http://localhost:8443/", "http.public_url"),
        ("https://localhost:8443/", "https://localhost:8443", "http.public_url"),
        ("\"admin@example.test\"", "\"example.test\"", "administrators"),
        ("{ \"EXAMPLE.TEST\" = \"example.test\" }", "{}", "kerberos.realms"),
        ("{ \"EXAMPLE.TEST\" = \"example.test\" }", "{ \"A\" = \"other.test\" }", "other.test"),
        ("kind = \"workgroup\"", "kind = \"policy\"", "occurs twice"),
        ("\"workgroup.example.test\"", "\"flint.example.test\"", "occurs twice"),
        ("\"workgroup.example.test\"", "\"example.test\"", "domain of its own"),
        ("kind = \"workgroup\"", "kind = \"chat\"", "chat"),
        ("[xmpp]\nhost = \"127.0.0.1\"\nport = 5347\n", "", "'xmpp'"),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let error = Config::parse(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn principals_become_accounts_only_by_the_table() {
    let config = Config::parse(GOOD).unwrap();
    assert_eq!(config.account("ann", "EXAMPLE.TEST").unwrap().as_str(), "ann@example.test");
    for (name, realm) in [
        ("ann", "OTHER.TEST"),
        ("ann", "example.test"),
        ("HTTP/localhost", "EXAMPLE.TEST"),
        ("a@b", "EXAMPLE.TEST"),
    ] {
        assert_eq!(config.account(name, realm), None, "{name}@{realm}");
    }
}

#[test]
fn no_other_principal_becomes_an_administrator() {
    let config = Config::parse(GOOD).unwrap();
    assert_eq!(config.account("Admin", "EXAMPLE.TEST").unwrap().as_str(), "admin@example.test");
    // Look-alikes that the preparation of addresses would turn into the same letters: full width, Kelvin, ligature.
    for name in ["\u{ff41}dmin", "\u{ff21}dmin", "ad\u{ad}min", "\u{212a}ate", "of\u{fb01}ce"] {
        assert_eq!(config.account(name, "EXAMPLE.TEST"), None, "{name}");
    }
    assert_eq!(config.account("ren\u{e9}", "EXAMPLE.TEST").unwrap().as_str(), "ren\u{e9}@example.test");
}

#[test]
fn the_example_of_the_help_can_be_used() {
    Config::parse(EXAMPLE).unwrap();
}
