//! Roster, presence, subscriptions.

use super::*;

fn person(output: &Output) -> Vec<PersonRow> {
    let updates = output.updates.iter().filter_map(|update| match update {
        Update::People(PeopleUpdate::Changed { person }) => Some(person.clone()),
        _ => None,
    });
    updates.collect()
}

fn presence(resource: &str, show: Show, priority: i8) -> RemoteEvent {
    let from = bob().with_resource_str(resource).unwrap();
    RemoteEvent::PresenceChanged { from, show, status: format!("on {resource}"), priority }
}

#[test]
fn a_new_stream_asks_for_everything_and_a_resumed_one_for_nothing() {
    let roster = vec![contact(&bob(), Subscription::Both)];
    let archive_positions = vec![(None, StanzaId("p".into()))];
    let state = LoadedState {
        roster,
        roster_version: Some("v7".into()),
        archive_positions,
        ..LoadedState::default()
    };
    let mut rig = Rig::loaded(state);
    let expected = [
        Outbound::GetRoster { version: Some("v7".into()) },
        Outbound::EnableCarbons,
        Outbound::Presence { show: Show::Available, status: String::new() },
        Outbound::GetOwnName,
        Outbound::ListRooms,
        Outbound::QueryArchive { archive: None, after: Some(StanzaId("p".into())), since: None, max: 100 },
    ];
    assert_eq!(stanzas(&rig.sign_in()), expected);
    rig.interrupt();
    assert_eq!(rig.resume().effects, []);
}

#[test]
fn presence_is_the_best_of_all_resources() {
    let mut rig = Rig::online();
    let steps = [
        (presence("phone", Show::Away, 0), Some((Show::Away, "on phone"))),
        (presence("desk", Show::Available, 0), Some((Show::Available, "on desk"))),
        (presence("desk", Show::Available, 0), None),
        (presence("bot", Show::Chat, -1), None),
        (presence("tablet", Show::DoNotDisturb, 10), Some((Show::DoNotDisturb, "on tablet"))),
        (presence("tablet", Show::Offline, 0), Some((Show::Available, "on desk"))),
        (RemoteEvent::PresenceGone { from: bob() }, Some((Show::Offline, ""))),
    ];
    for (event, expected) in steps {
        let label = format!("{event:?}");
        let people = person(&rig.remote(event));
        assert_eq!(people.first().map(|person| (person.show, person.status.as_str())), expected, "{label}");
    }
}

#[test]
fn a_roster_comes_as_differences_and_pushes_change_one_row() {
    let mut rig = Rig::online();
    let named = RosterItem { name: Some(" Bob B. ".into()), ..contact(&bob(), Subscription::Both) };
    let eve = contact(&bare("eve@example.test"), Subscription::To);
    let items = Some(vec![named.clone(), eve.clone()]);
    let output = rig.remote(RemoteEvent::RosterReceived { items: items.clone(), version: Some("v1".into()) });
    let names: Vec<_> = person(&output).into_iter().map(|person| person.name).collect();
    assert_eq!(names, ["Bob B.", "eve"]);
    assert!(matches!(&writes(&output)[..], [Persist::Roster { items, .. }] if items.len() == 2));
    let again = rig.remote(RemoteEvent::RosterReceived { items, version: Some("v1".into()) });
    assert_eq!(person(&again), []);

    let push = RemoteEvent::RosterPushed { item: eve.clone(), removed: true, version: Some("v2".into()) };
    let output = rig.remote(push);
    assert_eq!(output.updates, [Update::People(PeopleUpdate::Removed { jid: eve.jid.clone() })]);
    let removed = Persist::RosterItem { item: eve, removed: true, version: Some("v2".into()) };
    assert_eq!(writes(&output), [removed]);
    rig.interrupt();
    assert!(stanzas(&rig.sign_in()).contains(&Outbound::GetRoster { version: Some("v2".into()) }));
}

#[test]
fn fifty_thousand_people_are_sorted_without_regard_to_case() {
    let jid = |n: usize| bare(&format!("user{n}@example.test"));
    let name = |n: usize| Some(format!("{}{:05}", if n.is_multiple_of(2) { 'A' } else { 'a' }, 50_000 - n));
    let roster =
        (0..50_000).map(|n| RosterItem { name: name(n), ..contact(&jid(n), Subscription::Both) }).collect();
    let mut rig = Rig::new();
    let output = rig
        .give(Input::Store(StoreReply::Loaded(Box::new(LoadedState { roster, ..LoadedState::default() }))));
    let people = output.updates.iter().find_map(|update| match update {
        Update::People(PeopleUpdate::Reset { people }) => Some(people),
        _ => None,
    });
    let people = people.unwrap();
    assert_eq!((people.len(), &people[0].jid, &people[49_999].jid), (50_000, &jid(49_999), &jid(0)));
    assert!(people.is_sorted_by_key(|person| person.name.to_lowercase()));
    rig.sign_in();
    for n in 0..50_000 {
        let from = jid(n).with_resource_str("d").unwrap();
        let event =
            RemoteEvent::PresenceChanged { from, show: Show::Available, status: String::new(), priority: 0 };
        assert_eq!(rig.remote(event).updates.len(), 1);
    }
    let output = rig.sign_in();
    let resets = output.updates.iter().filter(|update| matches!(update, Update::People(_))).count();
    assert_eq!(resets, 1, "a new stream tells of so many changes by one reset");
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let mut rig = Rig::online();
    let from = bob().with_resource_str("d").unwrap();
    let status = "ä".repeat(600);
    let event =
        RemoteEvent::PresenceChanged { from, show: Show::Away, status: format!("x{status}"), priority: 0 };
    assert_eq!(person(&rig.remote(event))[0].status.len(), 1023);
}

#[test]
fn a_request_is_told_once_and_answered() {
    let mut rig = Rig::online();
    let eve = bare("eve@example.test");
    let ask = || RemoteEvent::SubscriptionRequested { from: eve.clone() };
    let told = Update::People(PeopleUpdate::SubscriptionRequested { jid: eve.clone() });
    assert_eq!(rig.remote(ask()).updates, std::slice::from_ref(&told));
    assert_eq!(rig.remote(ask()).updates, []);
    assert!(rig.engine.snapshot(Timestamp(NOON)).updates.contains(&told));
    let answer =
        Outbound::Subscription { to: eve.clone(), kind: crate::effect::SubscriptionStanza::Subscribed };
    assert_eq!(
        stanzas(&rig.people(PeopleCommand::AnswerSubscription { jid: eve.clone(), allow: true })),
        [answer]
    );
    assert_eq!(
        rig.remote(RemoteEvent::SubscriptionRequested { from: bob() }).updates,
        [],
        "Bob sees us already"
    );
}

#[test]
fn a_refused_request_is_told_with_the_servers_words() {
    let mut rig = Rig::online();
    let add =
        PeopleCommand::AddContact { jid: bare("eve@example.test"), name: None, groups: vec!["A".into()] };
    let output = rig.people(add);
    let (token, _) = sends(&output)[0];
    let result = Err("The contact list is full.".to_owned());
    let output = rig.remote(RemoteEvent::RequestAnswered { token, result });
    assert_eq!(rejected(&output)[0].reason, "The contact list is full.");
    assert_eq!(rejected(&rig.remote(RemoteEvent::RequestAnswered { token, result: Err("x".into()) })), []);
}

#[test]
fn without_a_connection_the_roster_can_not_be_changed() {
    let mut rig = Rig::loaded(LoadedState::default());
    let output = rig.people(PeopleCommand::AddContact { jid: bob(), name: None, groups: Vec::new() });
    assert_eq!((stanzas(&output).len(), rejected(&output).len()), (0, 1));
    let output = rig.give(Input::Command(Command::Account(AccountCommand::SetPresence {
        show: Show::Offline,
        status: String::new(),
    })));
    assert_eq!(rejected(&output).len(), 1);
}
