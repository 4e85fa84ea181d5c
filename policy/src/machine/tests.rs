use super::*;

const PATH: &str = "/etc/flint/policies/managed/10-site.json";

#[test]
fn good_keys_apply_and_bad_ones_are_listed() {
    let text =
        r#"{"$schema": "x", "HistoryRetentionDays": 30, "ContactAddingAllowed": "no", "Colour": "red"}"#;
    let file = read_machine_file(text, PATH);
    assert_eq!(file.values, serde_json::json!({"HistoryRetentionDays": 30}).as_object().unwrap().clone());
    let told: Vec<_> = file.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            format!("{PATH}: ContactAddingAllowed: expected true or false, got \"no\""),
            format!("{PATH}: Colour: expected the name of a policy that this version knows, got a text"),
        ]
    );
}

#[test]
fn what_is_no_object_applies_nothing() {
    let deep = "[".repeat(100_000);
    let large = format!("{{\"OrganizationName\": \"{}\"}}", "x".repeat(MAX_FILE));
    for text in ["", "[]", "null", "{", "{\"ContactAddingAllowed\": true,}", &deep, &large] {
        let file = read_machine_file(text, PATH);
        assert!(file.values.is_empty());
        assert_eq!(file.problems.len(), 1);
        assert_eq!(file.problems[0].path, PATH);
    }
}
