use serde_json::json;

use super::*;
use crate::catalog;

fn check(name: &str, value: &Value) -> Result<Value, Problem> {
    validate(catalog::find(name).unwrap(), value, name)
}

#[test]
fn values_that_fit() {
    let long = "é".repeat(100);
    let rooms: Vec<_> = (0..50).map(|n| format!("r{n}@c.test")).collect();
    let table = [
        ("ContactAddingAllowed", json!(false), json!(false)),
        ("HistoryRetentionDays", json!(1), json!(1)),
        ("HistoryRetentionDays", json!(3650), json!(3650)),
        ("OrganizationName", json!(long), json!(long)),
        ("OrganizationName", json!(""), json!("")),
        ("NoticeText", json!("two\nlines"), json!("two\nlines")),
        ("NoticeStyle", json!("warning"), json!("warning")),
        ("DefaultRooms", json!([]), json!([])),
        ("DefaultRooms", json!(rooms), json!(rooms)),
        ("DefaultRooms", json!(["Lobby@Conference.Example.Test"]), json!(["lobby@conference.example.test"])),
    ];
    for (name, value, normal) in table {
        assert_eq!(check(name, &value), Ok(normal), "{name} {value}");
    }
}

#[test]
fn values_that_do_not_fit() {
    let rooms: Vec<_> = (0..51).map(|n| format!("r{n}@c.test")).collect();
    let table = [
        ("ContactAddingAllowed", json!("false"), "ContactAddingAllowed", "true or false"),
        ("ContactAddingAllowed", json!(0), "ContactAddingAllowed", "true or false"),
        ("ContactAddingAllowed", json!(null), "ContactAddingAllowed", "true or false"),
        ("HistoryRetentionDays", json!(0), "HistoryRetentionDays", "a whole number from 1 to 3650"),
        ("HistoryRetentionDays", json!(3651), "HistoryRetentionDays", "a whole number from 1 to 3650"),
        ("HistoryRetentionDays", json!(1.5), "HistoryRetentionDays", "a whole number from 1 to 3650"),
        ("HistoryRetentionDays", json!(u64::MAX), "HistoryRetentionDays", "a whole number from 1 to 3650"),
        ("OrganizationName", json!("é".repeat(101)), "OrganizationName", "a text of at most 100 characters"),
        ("OrganizationName", json!("two\nlines"), "OrganizationName", "a text without control characters"),
        ("OrganizationName", json!("a\u{202e}b"), "OrganizationName", "a text without control characters"),
        ("OrganizationName", json!(["x"]), "OrganizationName", "a text of at most 100 characters"),
        ("NoticeStyle", json!("red"), "NoticeStyle", "one of information, warning"),
        ("DefaultRooms", json!("a@b.test"), "DefaultRooms", "a list of at most 50 addresses"),
        ("DefaultRooms", json!(rooms), "DefaultRooms", "a list of at most 50 addresses"),
        (
            "DefaultRooms",
            json!(["a@b.test", 7]),
            "DefaultRooms[1]",
            "an address like room@conference.example.org",
        ),
        (
            "DefaultRooms",
            json!(["a@b.test/x"]),
            "DefaultRooms[0]",
            "an address like room@conference.example.org",
        ),
        ("DefaultRooms", json!(["b.test"]), "DefaultRooms[0]", "an address like room@conference.example.org"),
        ("DefaultRooms", json!(["a@b.test", "A@b.test"]), "DefaultRooms[1]", "each address only once"),
    ];
    for (name, value, path, expected) in table {
        let problem = check(name, &value).unwrap_err();
        assert_eq!((problem.path.as_str(), problem.expected.as_str()), (path, expected), "{name} {value}");
    }
}

#[test]
fn what_was_there_is_shortened_and_harmless() {
    let problem = check("ContactAddingAllowed", &json!("x\u{202e}".repeat(5000))).unwrap_err();
    assert_eq!(problem.got.chars().count(), MAX_SHOWN + 1);
    assert!(problem.got.ends_with('…') && !problem.got.contains('\u{202e}'));
}
