use serde_json::json;

use super::*;
use crate::catalog;

#[test]
fn values_and_sources_have_one_wording() {
    let table = [
        ("ContactAddingAllowed", json!(true), "on"),
        ("ContactAddingAllowed", json!(false), "off"),
        ("HistoryRetentionDays", json!(null), "not set"),
        ("HistoryRetentionDays", json!(1), "1 day"),
        ("HistoryRetentionDays", json!(30), "30 days"),
        ("OrganizationName", json!("Example"), "Example"),
        ("OrganizationName", json!(""), "empty"),
        ("DefaultRooms", json!([]), "none"),
        ("DefaultRooms", json!(["a@b.test", "c@d.test"]), "a@b.test, c@d.test"),
    ];
    for (name, value, words) in table {
        assert_eq!(value_text(catalog::find(name).unwrap(), &value), words);
    }
    let group = |name: &str| Source::ServerGroup { id: "g1".into(), name: name.into(), rank: 1 };
    let file = "/etc/flint/policies/managed/10-site.json".to_owned();
    let sources = [
        (group("Support"), "server, group Support"),
        (group(""), "server, group g1"),
        (Source::ServerEverybody, "server, everybody"),
        (Source::Expired, "server, policy has expired"),
        (Source::Machine { file }, "this computer, /etc/flint/policies/managed/10-site.json"),
        (Source::User, "your choice"),
        (Source::Default, "default"),
    ];
    for (source, words) in sources {
        assert_eq!(source.to_string(), words);
    }
}
