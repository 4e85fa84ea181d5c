//! The gate, retention, default rooms, the policy page.

use super::*;
use crate::capability::Verdict;

const CLOSED: &str = r#"{"ContactAddingAllowed": false}"#;

fn add() -> PeopleCommand {
    PeopleCommand::AddContact { jid: bare("eve@example.test"), name: None, groups: Vec::new() }
}

#[test]
fn the_gate_holds_for_the_raw_command_and_for_what_follows_from_it() {
    let mut rig = Rig::online();
    assert_eq!(stanzas(&rig.people(add())).len(), 2);
    rig.give(policy_of(CLOSED));
    let stranger = bare("eve@example.test");
    let allow = |jid: &BareJid, allow| PeopleCommand::AnswerSubscription { jid: jid.clone(), allow };
    let cases = [
        (add(), false),
        (allow(&stranger, true), false),
        (allow(&stranger, false), true),
        (allow(&bob(), true), true),
        (PeopleCommand::RemoveContact { jid: bob() }, true),
    ];
    for (command, goes_through) in cases {
        let output = rig.people(command.clone());
        assert_eq!(!stanzas(&output).is_empty(), goes_through, "{command:?}");
        let refusals = rejected(&output);
        assert_eq!(refusals.is_empty(), goes_through, "{command:?}");
        for refusal in refusals {
            assert_eq!(refusal.policy.as_deref(), Some("ContactAddingAllowed"));
            assert!(refusal.reason.contains("this computer"), "{}", refusal.reason);
        }
    }
}

#[test]
fn nothing_slips_through_before_policy_is_there() {
    for (policy, stanzas_after) in [("{}", 2), (CLOSED, 0)] {
        let mut rig = Rig::new();
        rig.give(Input::Store(StoreReply::Loaded(Box::default())));
        assert!(!rig.engine.capabilities().add_contact.is_allowed());
        rig.sign_in();
        assert_eq!(rig.people(add()), Output::default(), "kept back, neither done nor refused");
        let output = rig.give(policy_of(policy));
        assert_eq!(stanzas(&output).len(), stanzas_after, "{policy}");
        assert_eq!(rejected(&output).len(), usize::from(stanzas_after == 0), "{policy}");
    }
}

#[test]
fn policy_that_is_there_first_never_flashes_open() {
    let mut rig = Rig::new();
    rig.give(policy_of(CLOSED));
    let output = rig.give(Input::Store(StoreReply::Loaded(Box::default())));
    let told: Vec<_> = output
        .updates
        .iter()
        .filter_map(|update| match update {
            Update::Capabilities(capabilities) => Some(capabilities.add_contact.clone()),
            _ => None,
        })
        .collect();
    let managed_by = "this computer".to_owned();
    assert_eq!(told, [Verdict::Denied { policy: "ContactAddingAllowed".into(), managed_by }]);
}

#[test]
fn a_change_is_told_once() {
    let mut rig = Rig::online();
    let policy =
        r#"{"OrganizationName": "Example Ltd", "NoticeText": "Fire drill", "NoticeStyle": "warning"}"#;
    let capabilities = |output: &Output| {
        output.updates.iter().filter(|update| matches!(update, Update::Capabilities(_))).count()
    };
    let output = rig.give(policy_of(policy));
    assert_eq!(capabilities(&output), 1);
    assert!(output.updates.iter().any(|update| matches!(update,
        Update::Account(AccountUpdate::Identity { organization: Some(name), .. }) if name == "Example Ltd")));
    assert!(rig.engine.capabilities().notice.as_ref().unwrap().warning);
    assert_eq!(capabilities(&rig.give(policy_of(policy))), 0);
}

#[test]
fn retention_deletes_now_each_day_and_what_arrives_late() {
    let mut rig = Rig::online();
    let days = |rig: &Rig, days: i64| Timestamp(rig.now - days * 86_400_000);
    let output = rig.give(policy_of(r#"{"HistoryRetentionDays": 30}"#));
    assert!(writes(&output).contains(&Persist::DeleteOlderThan { before: days(&rig, 30) }));
    assert!(output.effects.contains(&Effect::SetTimer { id: TimerId::Retention, after_ms: 86_400_000 }));
    let old = IncomingMessage { delayed: Some(days(&rig, 31)), ..text("bob@example.test/x", "old") };
    assert_eq!(writes(&rig.receive(old)), []);
    let output = rig.give(Input::TimerFired(TimerId::Retention));
    assert!(writes(&output).contains(&Persist::DeleteOlderThan { before: days(&rig, 30) }));
    let output = rig.give(policy_of("{}"));
    assert!(output.effects.contains(&Effect::CancelTimer(TimerId::Retention)));
}

#[test]
fn default_rooms_are_joined_at_sign_in_and_when_policy_names_them() {
    let policy = r#"{"DefaultRooms": ["lobby@conference.example.test"]}"#;
    let joins = |output: &Output| {
        stanzas(output).iter().filter(|stanza| matches!(stanza, Outbound::JoinRoom { .. })).count()
    };
    let mut rig = Rig::online();
    assert_eq!(joins(&rig.give(policy_of(policy))), 1);
    rig.room(RoomCommand::Leave { room: lobby() });
    assert_eq!(joins(&rig.give(policy_of(policy))), 0, "left by choice");
    assert_eq!(joins(&rig.sign_in()), 1);
}

#[test]
fn the_page_says_where_a_value_comes_from() {
    let mut rig = Rig::online();
    let output = rig.give(policy_of(CLOSED));
    let report = output.updates.iter().find_map(|update| match update {
        Update::Policy(report) => Some(report),
        _ => None,
    });
    let report = report.unwrap();
    assert_eq!(report.managed_by.as_deref(), Some("example.test"));
    let line = report.rows.iter().find(|row| row.name == "ContactAddingAllowed").unwrap();
    let source = "this computer, /etc/flint/policies/managed/test.json";
    assert_eq!((line.value.as_str(), line.level.as_str(), line.source.as_str()), ("off", "required", source));
    let line = report.rows.iter().find(|row| row.name == "HistoryRetentionDays").unwrap();
    assert_eq!((line.value.as_str(), line.level.as_str()), ("not set", "default"));
}

#[test]
fn a_clock_far_ahead_deletes_nothing() {
    let year = 365 * 86_400_000;
    for (retention, ahead, deletes) in [
        (30, year / 12, true),
        (30, year, false),
        (1, year / 12, true),
        (400, 2 * year, true),
        (400, 3 * year, false),
    ] {
        let mut rig = Rig::online();
        rig.receive(text("bob@example.test/x", "the newest"));
        rig.now += ahead;
        let output = rig.give(policy_of(&format!(r#"{{"HistoryRetentionDays": {retention}}}"#)));
        let deleted = |output: &Output| {
            writes(output).iter().any(|write| matches!(write, Persist::DeleteOlderThan { .. }))
        };
        assert_eq!(deleted(&output), deletes, "{retention} days, {ahead} ms ahead");
        assert_eq!(rejected(&output).len(), usize::from(!deletes));
        // What comes now is stamped by the same clock; it proves nothing.
        rig.receive(text("bob@example.test/x", "later"));
        let output = rig.give(Input::TimerFired(TimerId::Retention));
        assert_eq!(deleted(&output), deletes, "{retention} days, {ahead} ms ahead, a day later");
        assert_eq!(rejected(&output), []);
    }
}
