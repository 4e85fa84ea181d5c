//! Every command and every gated event against every capability that can be denied.

use super::*;
use crate::capability::{Capability, MANAGEMENT};
use crate::command::HistoryCommand;
use crate::input::RemoteEvent;

/// The place of a command in [`one_of_each`]. A new command does not compile until it has one.
fn place(command: &Command) -> usize {
    match command {
        Command::Account(AccountCommand::SignIn) => 0,
        Command::Account(AccountCommand::SignOut) => 1,
        Command::Account(AccountCommand::SetPresence { .. }) => 2,
        Command::People(PeopleCommand::AddContact { .. }) => 3,
        Command::People(PeopleCommand::RemoveContact { .. }) => 4,
        Command::People(PeopleCommand::AnswerSubscription { .. }) => 5,
        Command::Chat(ChatCommand::Open { .. }) => 6,
        Command::Chat(ChatCommand::Close { .. }) => 7,
        Command::Chat(ChatCommand::LoadOlder { .. }) => 8,
        Command::Chat(ChatCommand::Send { .. }) => 9,
        Command::Chat(ChatCommand::Retry { .. }) => 10,
        Command::Chat(ChatCommand::SetDraft { .. }) => 11,
        Command::Chat(ChatCommand::MarkRead { .. }) => 12,
        Command::Chat(ChatCommand::SetPinned { .. }) => 13,
        Command::Room(RoomCommand::Join { .. }) => 14,
        Command::Room(RoomCommand::Leave { .. }) => 15,
        Command::History(HistoryCommand::Search { .. }) => 16,
    }
}
const COMMANDS: usize = 17;

fn one_of_each() -> Vec<Command> {
    let conversation = with_bob;
    let stranger = || bare("eve@example.test");
    vec![
        Command::Account(AccountCommand::SignIn),
        Command::Account(AccountCommand::SignOut),
        Command::Account(AccountCommand::SetPresence { show: Show::Away, status: String::new() }),
        Command::People(PeopleCommand::AddContact { jid: stranger(), name: None, groups: Vec::new() }),
        Command::People(PeopleCommand::RemoveContact { jid: bob() }),
        Command::People(PeopleCommand::AnswerSubscription { jid: stranger(), allow: true }),
        Command::Chat(ChatCommand::Open { conversation: conversation() }),
        Command::Chat(ChatCommand::Close { conversation: conversation() }),
        Command::Chat(ChatCommand::LoadOlder { conversation: conversation() }),
        Command::Chat(ChatCommand::Send { conversation: conversation(), body: "Hello".into() }),
        Command::Chat(ChatCommand::Send { conversation: in_lobby(), body: "Hello".into() }),
        Command::Chat(ChatCommand::Retry { message: MessageId("x".into()) }),
        Command::Chat(ChatCommand::SetDraft { conversation: conversation(), text: "Hel".into() }),
        Command::Chat(ChatCommand::MarkRead { conversation: conversation() }),
        Command::Chat(ChatCommand::SetPinned { conversation: conversation(), pinned: true }),
        Command::Room(RoomCommand::Join { room: lobby(), nick: None, password: None }),
        Command::Room(RoomCommand::Leave { room: lobby() }),
        Command::History(HistoryCommand::Search {
            query: QueryId(1),
            text: "tea".into(),
            conversation: None,
            limit: 1,
        }),
    ]
}

/// Which commands a denied capability stops, by [`place`]; of sending only that to a room for group chat.
fn stopped(capability: Capability, command: &Command) -> bool {
    let to_room = matches!(command,
        Command::Chat(ChatCommand::Send { conversation, .. }) if *conversation == in_lobby());
    match capability {
        Capability::AddContact => matches!(place(command), 3 | 5),
        Capability::GroupChat => place(command) == 14 || to_room,
        Capability::Chat => !matches!(place(command), 0 | 1 | 7),
    }
}

fn missing() -> Input {
    let Input::PolicyResolved(mut resolved) = policy_of(r#"{"ManagementRequired": true}"#) else {
        unreachable!()
    };
    resolved.missing = Some("This computer must be managed. Try again.".into());
    Input::PolicyResolved(resolved)
}

fn denied(capability: Capability) -> (Input, &'static str) {
    match capability {
        Capability::AddContact => (policy_of(r#"{"ContactAddingAllowed": false}"#), "ContactAddingAllowed"),
        Capability::GroupChat => (policy_of(r#"{"GroupChatAllowed": false}"#), "GroupChatAllowed"),
        Capability::Chat => (missing(), MANAGEMENT),
    }
}

const CAPABILITIES: [Capability; 3] = [Capability::AddContact, Capability::GroupChat, Capability::Chat];

#[test]
fn each_command_is_refused_by_the_name_of_the_policy_that_denies_it_and_only_then() {
    let mut places: Vec<_> = one_of_each().iter().map(place).collect();
    places.dedup();
    assert_eq!(places, (0..COMMANDS).collect::<Vec<_>>());
    for capability in CAPABILITIES {
        for command in one_of_each() {
            let mut rig = Rig::online();
            let (policy, name) = denied(capability);
            rig.give(policy);
            let output = rig.give(Input::Command(command.clone()));
            let by_policy: Vec<_> = rejected(&output).into_iter().filter_map(|told| told.policy).collect();
            let expected: &[&str] = if stopped(capability, &command) { &[name] } else { &[] };
            assert_eq!(by_policy, expected, "{capability:?} {command:?}");
            if stopped(capability, &command) {
                assert_eq!(output.effects, [], "{capability:?} {command:?}");
            }
        }
    }
}

#[test]
fn without_rooms_no_invitation_is_shown_and_nothing_is_joined() {
    let mut rig = Rig::in_lobby();
    let (policy, _) = denied(Capability::GroupChat);
    let output = rig.give(policy);
    assert!(stanzas(&output).iter().any(|stanza| matches!(stanza, Outbound::LeaveRoom { .. })), "{output:?}");
    let invitation = || RemoteEvent::RoomInvited {
        room: bare("other@conference.example.test"),
        by: None,
        reason: String::new(),
        password: None,
    };
    assert_eq!(rig.remote(invitation()), Output::default());
    assert_eq!(rig.remote(RemoteEvent::RoomJoined { room: lobby(), nick: "ann".into() }), Output::default());
    assert_eq!(rig.receive(spoken("bob", false, "Hello", "s9")), Output::default());
    let joins = |output: &Output| {
        stanzas(output).iter().filter(|stanza| matches!(stanza, Outbound::JoinRoom { .. })).count()
    };
    assert_eq!(joins(&rig.sign_in()), 0);
    let closed = r#"{"GroupChatAllowed": false, "DefaultRooms": ["lobby@conference.example.test"]}"#;
    assert_eq!(joins(&rig.give(policy_of(closed))), 0);
    assert_eq!(joins(&rig.give(policy_of("{}"))), 1, "back when it is allowed");
    assert!(!rig.remote(invitation()).updates.is_empty());
}

#[test]
fn while_the_policy_is_missing_nothing_is_said_shown_or_kept_and_then_all_of_it_is() {
    let roster = vec![contact(&bob(), Subscription::Both)];
    let mut rig = Rig::new();
    rig.give(missing());
    let state = LoadedState { roster, ..LoadedState::default() };
    let output = rig.give(Input::Store(StoreReply::Loaded(Box::new(state))));
    assert!(output.effects.contains(&Effect::Connect), "the fetch needs the server");
    let told = |output: &Output, empty: bool| {
        output.updates.iter().any(|update| {
            matches!(update,
            Update::People(PeopleUpdate::Reset { people }) if people.is_empty() == empty)
        })
    };
    assert!(told(&output, true));
    let reason = rig.engine.capabilities().management.missing().unwrap().to_owned();
    assert!(reason.contains("must be managed"));

    assert_eq!(stanzas(&rig.sign_in()), [], "no presence, so the server keeps what others write");
    let message = || IncomingMessage {
        wants_receipt: true,
        id: Some("m1".into()),
        ..text("bob@example.test/x", "Hello")
    };
    assert_eq!(rig.receive(message()), Output::default());
    rig.interrupt();
    assert_eq!(stanzas(&rig.resume()), []);

    let output = rig.give(policy_of(r#"{"ManagementRequired": true}"#));
    assert!(told(&output, false));
    let sent = stanzas(&output);
    assert!(sent.iter().any(|stanza| matches!(stanza, Outbound::Presence { .. })), "{sent:?}");
    assert!(
        sent.iter().any(|stanza| matches!(stanza, Outbound::QueryArchive { archive: None, .. })),
        "{sent:?}"
    );
    assert_eq!(arrived(&rig.receive(message())), ["Hello"]);
    // And when it is lost again the others see nobody here.
    let output = rig.give(missing());
    let effects: Vec<_> =
        output.effects.iter().filter(|e| matches!(e, Effect::Connect | Effect::Disconnect)).collect();
    assert_eq!(effects, [&Effect::Disconnect, &Effect::Connect]);
}

#[test]
fn a_policy_that_comes_while_the_cable_is_out_begins_the_stream_that_is_resumed() {
    let mut rig = Rig::online();
    rig.give(missing());
    rig.give(Input::Session(SessionEvent::SignedOut));
    rig.sign_in();
    rig.interrupt();
    rig.give(policy_of("{}"));
    let sent = stanzas(&rig.resume());
    assert!(sent.iter().any(|stanza| matches!(stanza, Outbound::Presence { .. })), "{sent:?}");
}

#[test]
fn rooms_that_are_closed_are_left_also_halfway_in_and_keep_their_reason() {
    let mut rig = Rig::online();
    rig.room(RoomCommand::Join { room: lobby(), nick: None, password: None });
    let waiting = rig.chat(ChatCommand::Send { conversation: in_lobby(), body: "Hello".into() });
    assert_eq!(stanzas(&waiting), [], "it waits for the room");
    let output = rig.give(denied(Capability::GroupChat).0);
    let nick = "ann".to_owned();
    assert_eq!(stanzas(&output), [Outbound::LeaveRoom { room: lobby(), nick }]);
    assert_eq!(rig.engine.unfinished().messages, 0, "what waited for the room has failed");
    assert_eq!(rig.remote(RemoteEvent::RoomLeft { room: lobby(), reason: None }), Output::default());
}

#[test]
fn while_the_policy_is_missing_other_policies_join_no_room_and_a_snapshot_shows_no_timeline() {
    let mut rig = Rig::in_lobby();
    rig.chat(ChatCommand::Open { conversation: in_lobby() });
    rig.give(missing());
    rig.give(Input::Session(SessionEvent::SignedOut));
    rig.sign_in();
    let Input::PolicyResolved(mut resolved) =
        policy_of(r#"{"ManagementRequired": true, "DefaultRooms": ["other@conference.example.test"]}"#)
    else {
        unreachable!()
    };
    resolved.missing = Some("This computer must be managed. Try again.".into());
    assert_eq!(stanzas(&rig.give(Input::PolicyResolved(resolved))), []);
    assert_eq!(rig.engine.snapshot(Timestamp(1)).effects, []);
}

#[test]
fn a_policy_counts_however_much_came_before_the_stored_state() {
    let mut rig = Rig::new();
    for _ in 0..20_001 {
        rig.give(Input::Command(Command::Account(AccountCommand::SignIn)));
    }
    rig.give(denied(Capability::AddContact).0);
    rig.give(Input::Store(StoreReply::Loaded(Box::default())));
    assert!(!rig.engine.capabilities().add_contact.is_allowed());
    assert!(rig.engine.capabilities().group_chat.is_allowed(), "resolved, not the state before");
}
