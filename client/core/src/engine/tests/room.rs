//! Joining, occupants, history, reflection, leaving.

use super::*;

fn changed(output: &Output) -> Option<RoomRow> {
    output.updates.iter().rev().find_map(|update| match update {
        Update::Room(RoomUpdate::Changed { room }) => Some(room.clone()),
        _ => None,
    })
}

fn occupant(nick: &str) -> OccupantRow {
    let jid = Some(FullJid::new(&format!("{nick}@example.test/d")).unwrap());
    OccupantRow { nick: nick.into(), jid, role: "participant".into(), affiliation: "none".into() }
}

fn join(nick: &str, since: Option<Timestamp>) -> Outbound {
    Outbound::JoinRoom { room: lobby(), nick: nick.into(), password: None, since }
}

fn joins(output: &Output) -> Vec<Outbound> {
    stanzas(output).into_iter().filter(|stanza| matches!(stanza, Outbound::JoinRoom { .. })).collect()
}

#[test]
fn joining_collects_occupants_and_tells_differences_afterwards() {
    let mut rig = Rig::online();
    let output = rig.room(RoomCommand::Join { room: lobby(), nick: None, password: None });
    assert_eq!(stanzas(&output), [join("ann", None)]);
    assert!(
        output
            .effects
            .contains(&Effect::SetTimer { id: TimerId::RoomJoinTimeout(lobby()), after_ms: 30_000 })
    );
    assert_eq!(changed(&output).unwrap().state, RoomState::Joining);
    let come = |nick| RemoteEvent::OccupantChanged { room: lobby(), occupant: occupant(nick) };
    assert_eq!(rig.remote(come("bob")).updates, []);
    let output = rig.remote(RemoteEvent::RoomJoined { room: lobby(), nick: "ann".into() });
    let row = changed(&output).unwrap();
    assert_eq!((row.state, row.occupants.len()), (RoomState::Joined { nick: "ann".into() }, 1));
    let archive = Outbound::QueryArchive { archive: Some(lobby()), after: None, since: None, max: 100 };
    assert_eq!(stanzas(&output), [archive]);

    let told = Update::Room(RoomUpdate::OccupantChanged { room: lobby(), occupant: occupant("eve") });
    assert_eq!(rig.remote(come("eve")).updates, [told]);
    assert_eq!(rig.remote(come("eve")).updates, []);
    let gone = RemoteEvent::OccupantLeft { room: lobby(), nick: "eve".into() };
    let told = Update::Room(RoomUpdate::OccupantLeft { room: lobby(), nick: "eve".into() });
    assert_eq!(rig.remote(gone.clone()).updates, [told]);
    assert_eq!(rig.remote(gone).updates, []);
}

#[test]
fn a_taken_nickname_is_changed_once() {
    let mut rig = Rig::online();
    rig.room(RoomCommand::Join { room: lobby(), nick: Some("Ann".into()), password: None });
    let taken = || RemoteEvent::RoomJoinFailed { room: lobby(), nick_taken: true, reason: "Taken.".into() };
    assert_eq!(joins(&rig.remote(taken())), [join("Ann_", None)]);
    let output = rig.remote(taken());
    assert_eq!(joins(&output), []);
    assert_eq!(changed(&output).unwrap().state, RoomState::Failed { reason: "Taken.".into() });
}

#[test]
fn a_room_that_does_not_answer_has_failed() {
    let mut rig = Rig::online();
    rig.room(RoomCommand::Join { room: lobby(), nick: None, password: None });
    let output = rig.give(Input::TimerFired(TimerId::RoomJoinTimeout(lobby())));
    assert!(matches!(changed(&output).unwrap().state, RoomState::Failed { .. }));
    let output = rig.room(RoomCommand::Join { room: lobby(), nick: None, password: None });
    assert_eq!(joins(&output).len(), 1);
}

#[test]
fn our_reflected_message_settles_the_echo() {
    let mut rig = Rig::in_lobby();
    rig.open_empty(in_lobby());
    let (id, _, output) = rig.say(in_lobby(), "hello");
    assert_eq!(stanzas(&output).len(), 1);
    let reflection = IncomingMessage { id: Some(id.0.clone()), ..spoken("ann", true, "hello", "r1") };
    let output = rig.receive(reflection.clone());
    assert_eq!(shown(&output), [], "no second line");
    let acked = Persist::Delivery { message: id.clone(), delivery: DeliveryState::Acked };
    assert!(writes(&output).contains(&acked));
    assert!(writes(&output).contains(&Persist::ArchiveId { message: id, stanza_id: StanzaId("r1".into()) }));
    assert_eq!(shown(&rig.receive(reflection)), []);
    // Another occupant can't pass for us by repeating our id.
    let forged = IncomingMessage { id: Some("x".into()), ..spoken("eve", false, "forged", "r2") };
    assert_eq!(arrived(&rig.receive(forged)), ["forged"]);
}

#[test]
fn what_waits_goes_out_when_the_history_is_over_and_not_if_it_is_in_there() {
    let mut rig = Rig::in_lobby();
    let (arrived_there, _, _) = rig.say(in_lobby(), "arrived");
    let (lost, _, _) = rig.say(in_lobby(), "lost");
    rig.interrupt();
    let output = rig.sign_in();
    assert_eq!(joins(&output).len(), 1, "joined again by itself");
    let sent = |output: &Output| {
        let messages = stanzas(output).into_iter().filter_map(|stanza| match stanza {
            Outbound::Message { id, .. } => Some(id),
            _ => None,
        });
        messages.collect::<Vec<_>>()
    };
    assert_eq!(sent(&output), []);
    rig.remote(RemoteEvent::RoomJoined { room: lobby(), nick: "ann".into() });
    let history = IncomingMessage {
        id: Some(arrived_there.0),
        delayed: Some(Timestamp(NOON)),
        ..spoken("ann", true, "arrived", "r1")
    };
    rig.receive(history);
    let subject = RemoteEvent::RoomSubject { room: lobby(), subject: "Tea".into() };
    assert_eq!(sent(&rig.remote(subject)), [], "the room's archive may know more than its history");
    let refused = RemoteEvent::ArchiveFailed { archive: Some(lobby()), reason: "not offered".into() };
    assert_eq!(sent(&rig.remote(refused)), [lost]);
}

#[test]
fn history_is_asked_from_what_the_room_said_last_and_not_from_what_waits() {
    let mut rig = Rig::in_lobby();
    rig.receive(spoken("bob", false, "before the cut", "r1"));
    let heard = Timestamp(rig.now);
    rig.interrupt();
    rig.say(in_lobby(), "written meanwhile");
    assert_eq!(joins(&rig.sign_in()), [join("ann", Some(heard))]);
}

#[test]
fn a_room_without_a_subject_is_ready_after_a_while() {
    let mut rig = Rig::online();
    rig.room(RoomCommand::Join { room: lobby(), nick: None, password: None });
    rig.remote(RemoteEvent::RoomJoined { room: lobby(), nick: "ann".into() });
    let (_, token, _) = rig.say(in_lobby(), "waits");
    assert_eq!(token, None);
    assert_eq!(stanzas(&rig.give(Input::TimerFired(TimerId::RoomJoinTimeout(lobby())))).len(), 1);
}

#[test]
fn history_of_a_first_visit_is_read_and_later_history_is_not() {
    let mut rig = Rig::online();
    rig.room(RoomCommand::Join { room: lobby(), nick: None, password: None });
    rig.remote(RemoteEvent::RoomJoined { room: lobby(), nick: "ann".into() });
    let old = |stanza_id: &str, at| IncomingMessage {
        delayed: Some(Timestamp(at)),
        ..spoken("bob", false, "earlier", stanza_id)
    };
    for stanza_id in ["r1", "r2"] {
        let output = rig.receive(old(stanza_id, NOON - 10));
        assert_eq!(row(&output, &in_lobby()).unwrap().unread, 0);
        assert_eq!(arrived(&output), [""; 0]);
    }
    let output = rig.receive(spoken("bob", false, "now", "r3"));
    assert_eq!((row(&output, &in_lobby()).unwrap().unread, arrived(&output)), (1, vec!["now".to_owned()]));
    assert_eq!(row(&output, &in_lobby()).unwrap().preview, "bob: now".into());
    let at = Timestamp(rig.now);
    rig.interrupt();
    assert_eq!(joins(&rig.sign_in()), [join("ann", Some(at))]);
    rig.remote(RemoteEvent::RoomJoined { room: lobby(), nick: "ann".into() });
    assert_eq!(rig.receive(old("r3", NOON)), Output::default(), "known");
    assert_eq!(row(&rig.receive(old("r4", NOON + 1)), &in_lobby()).unwrap().unread, 2);
}

#[test]
fn we_are_joined_again_after_a_restart_unless_we_left_or_were_removed() {
    let joined = |output: &Output| {
        writes(output).into_iter().rev().find_map(|write| match write {
            Persist::Conversation { joined, .. } => Some(joined),
            _ => None,
        })
    };
    let stored = StoredConversation {
        id: in_lobby(),
        title: Some("Lobby".into()),
        last: None,
        first_unread: None,
        unread: 0,
        pinned: false,
        draft: None,
        joined: true,
    };
    let mut rig = Rig::loaded(LoadedState { conversations: vec![stored], ..LoadedState::default() });
    assert_eq!(joins(&rig.sign_in()), [join("ann", None)]);
    rig.remote(RemoteEvent::RoomJoined { room: lobby(), nick: "ann".into() });
    let kicked = RemoteEvent::RoomLeft { room: lobby(), reason: Some("Kicked by eve.".into()) };
    let output = rig.remote(kicked);
    assert_eq!(changed(&output).unwrap().state, RoomState::Failed { reason: "Kicked by eve.".into() });
    assert_eq!(joined(&output), Some(false));
    assert_eq!(joins(&rig.sign_in()), []);

    let mut rig = Rig::in_lobby();
    let output = rig.room(RoomCommand::Leave { room: lobby() });
    assert_eq!(stanzas(&output), [Outbound::LeaveRoom { room: lobby(), nick: "ann".into() }]);
    assert_eq!((changed(&output).unwrap().state, joined(&output)), (RoomState::NotJoined, Some(false)));
    assert_eq!(joins(&rig.sign_in()), []);
}

#[test]
fn rooms_are_listed_and_named_and_strangers_rooms_say_nothing() {
    let mut rig = Rig::online();
    let output = rig.remote(RemoteEvent::RoomsListed { rooms: vec![(lobby(), "The Lobby".into())] });
    let row = changed(&output).unwrap();
    assert_eq!((row.name.as_str(), row.state), ("The Lobby", RoomState::NotJoined));
    assert_eq!(rig.receive(spoken("bob", false, "not in there", "r1")), Output::default());
    assert_eq!(rig.receive(text("lobby@conference.example.test/bob", "psst")), Output::default());
    let invited = RemoteEvent::RoomInvited {
        room: lobby(),
        by: Some(Jid::new("bob@example.test").unwrap()),
        reason: "Come".into(),
        password: Some("secret".into()),
    };
    assert!(
        rig.remote(invited).updates.iter().any(|u| matches!(u, Update::Room(RoomUpdate::Invited { .. })))
    );
    let output = rig.room(RoomCommand::Join { room: lobby(), nick: None, password: None });
    assert!(matches!(&joins(&output)[..], [Outbound::JoinRoom { password: Some(_), .. }]));
}

#[test]
fn an_invitation_to_a_persons_address_does_not_silence_the_person() {
    let mut rig = Rig::online();
    let eve = Some(Jid::new("eve@example.test/x").unwrap());
    rig.remote(RemoteEvent::RoomInvited { room: bob(), by: eve, reason: String::new(), password: None });
    let from = FullJid::new("bob@example.test/desk").unwrap();
    let presence =
        RemoteEvent::PresenceChanged { from, show: Show::Away, status: String::new(), priority: 0 };
    assert!(!rig.remote(presence).updates.is_empty());
    assert_eq!(arrived(&rig.receive(text("bob@example.test/desk", "still here"))), ["still here"]);
}

#[test]
fn invitations_do_not_fill_the_list_of_rooms() {
    let mut rig = Rig::online();
    let invited = |n: usize| RemoteEvent::RoomInvited {
        room: bare(&format!("r{n}@conference.evil.test")),
        by: None,
        reason: String::new(),
        password: None,
    };
    let told = (0..1000).filter(|n| !rig.remote(invited(*n)).updates.is_empty()).count();
    assert_eq!(told, 100);
    assert!(!rig.remote(invited(7)).updates.is_empty(), "a known one may ask again");
    let listed = vec![(lobby(), "The Lobby".to_owned())];
    rig.remote(RemoteEvent::RoomsListed { rooms: listed });
    let again = RemoteEvent::RoomInvited { room: lobby(), by: None, reason: String::new(), password: None };
    assert!(!rig.remote(again).updates.is_empty());
}

#[test]
fn what_waits_for_a_room_that_threw_us_out_has_failed() {
    let mut rig = Rig::in_lobby();
    rig.interrupt();
    let (id, token, _) = rig.say(in_lobby(), "too late");
    assert_eq!(token, None);
    rig.sign_in();
    rig.remote(RemoteEvent::RoomJoined { room: lobby(), nick: "ann".into() });
    let out = RemoteEvent::RoomLeft { room: lobby(), reason: Some("You were banned.".into()) };
    let failed = DeliveryState::Failed { reason: "You were banned.".into() };
    assert!(writes(&rig.remote(out)).contains(&Persist::Delivery { message: id.clone(), delivery: failed }));
    // Back again, it can be sent by hand.
    rig.room(RoomCommand::Join { room: lobby(), nick: None, password: None });
    rig.remote(RemoteEvent::RoomJoined { room: lobby(), nick: "ann".into() });
    rig.remote(RemoteEvent::RoomSubject { room: lobby(), subject: "Coffee".into() });
    let output = rig.chat(ChatCommand::Retry { message: id });
    assert!(matches!(&stanzas(&output)[..], [Outbound::Message { .. }]), "{output:?}");
}
