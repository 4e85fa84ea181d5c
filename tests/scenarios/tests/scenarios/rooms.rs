//! Rooms: join, history, talk, nickname taken, removal, leave.

use flint_runtime::core::command::{Command, RoomCommand};
use flint_runtime::core::model::{ConversationId, DeliveryState, RoomRow, RoomState};
use flint_runtime::core::update::RoomUpdate;
use flint_test_scenarios::client::{Flint, jid, texts};
use flint_test_scenarios::server::{Server, Stream, World};
use flint_test_support::peer::attribute;

const ROOM: &str = "cooler@conference.example.test";
const USER: &str = "http://jabber.org/protocol/muc#user";

async fn signed_in(dir: &std::path::Path) -> (Server, Flint, Stream) {
    let server = Server::start(dir).await;
    let mut flint = Flint::start(dir, &server);
    let stream = server.online(&World::office()).await;
    flint.caught_up().await;
    (server, flint, stream)
}

fn occupant(nick: &str, status: &str) -> String {
    format!(
        "<presence from='{ROOM}/{nick}'><x xmlns='{USER}'><item role='participant' affiliation='none'/>{status}</x></presence>"
    )
}

fn said(nick: &str, id: &str, text: &str, more: &str) -> String {
    format!(
        "<message from='{ROOM}/{nick}' type='groupchat' id='{id}'><body>{text}</body>{more}\
         <stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='room-{id}'/></message>"
    )
}

fn join(flint: &Flint) {
    flint.ask(Command::Room(RoomCommand::Join { room: jid(ROOM), nick: None, password: None }));
}

/// The occupant address that the client asks for.
async fn asked_to_join(stream: &mut Stream) -> String {
    stream
        .until("the join", |stanza| {
            stanza.get_child("x", "http://jabber.org/protocol/muc")?;
            Some(attribute(stanza, "to").to_owned())
        })
        .await
}

fn let_in(stream: &Stream, nick: &str) {
    stream.send(occupant("bob", ""));
    stream.send(occupant(nick, "<status code='110'/>"));
    stream.send(said(
        "bob",
        "h1",
        "said before",
        "<delay xmlns='urn:xmpp:delay' from='cooler@conference.example.test' stamp='2026-06-01T12:00:00Z'/>",
    ));
    stream
        .send(format!("<message from='{ROOM}/bob' type='groupchat'><subject>Cold water</subject></message>"));
}

async fn state(flint: &mut Flint, what: &str, wanted: impl Fn(&RoomRow) -> bool) -> RoomRow {
    flint
        .room(what, |update| match update {
            RoomUpdate::Changed { room } if room.jid == jid(ROOM) && wanted(room) => Some(room.clone()),
            _ => None,
        })
        .await
}

fn is_joined_as(nick: &str) -> impl Fn(&RoomRow) -> bool {
    move |room| room.state == RoomState::Joined { nick: nick.to_owned() }
}

#[tokio::test]
async fn a_room_is_joined_talked_in_and_left() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, mut flint, mut stream) = signed_in(dir.path()).await;
    let room = ConversationId::Room(jid(ROOM));
    join(&flint);
    assert_eq!(asked_to_join(&mut stream).await, format!("{ROOM}/ann"));
    let_in(&stream, "ann");
    let row = state(&mut flint, "the subject", |room| room.subject == "Cold water").await;
    let nicks: Vec<&str> = row.occupants.iter().map(|occupant| occupant.nick.as_str()).collect();
    assert_eq!((nicks, row.state), (vec!["ann", "bob"], RoomState::Joined { nick: "ann".to_owned() }));
    assert_eq!(texts(&flint.open(&room).await), ["said before"]);

    let id = flint.say(&room, "Hello all").await;
    let (wire_id, text) = stream.message().await;
    assert_eq!((wire_id.as_str(), text.as_str()), (id.0.as_str(), "Hello all"));
    // The room reflects it: that is the proof, and no second message.
    stream.send(said(
        "ann",
        &wire_id,
        "Hello all",
        &format!("<origin-id xmlns='urn:xmpp:sid:0' id='{wire_id}'/>"),
    ));
    flint.delivered(&id, DeliveryState::Acked).await;
    stream.send(said("bob", "m2", "Hello Ann", ""));
    flint.arrived("Hello Ann").await;
    assert_eq!(texts(&flint.open(&room).await), ["said before", "Hello all", "Hello Ann"]);

    flint.ask(Command::Room(RoomCommand::Leave { room: jid(ROOM) }));
    let left = stream
        .until("the leave", |stanza| {
            (attribute(stanza, "type") == "unavailable").then(|| attribute(stanza, "to").to_owned())
        })
        .await;
    assert_eq!(left, format!("{ROOM}/ann"));
    state(&mut flint, "the leave", |room| room.state == RoomState::NotJoined).await;
    flint.quit().await;
}

#[tokio::test]
async fn a_taken_nickname_gives_way_and_a_removal_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, mut flint, mut stream) = signed_in(dir.path()).await;
    join(&flint);
    let first = asked_to_join(&mut stream).await;
    stream.send(format!(
        "<presence type='error' from='{first}'><x xmlns='http://jabber.org/protocol/muc'/><error type='cancel'>\
         <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
    ));
    let second = asked_to_join(&mut stream).await;
    assert_ne!(first, second);
    let nick = second.strip_prefix(&format!("{ROOM}/")).expect("the same room").to_owned();
    let_in(&stream, &nick);
    state(&mut flint, "the join", is_joined_as(&nick)).await;

    stream.send(format!(
        "<presence type='unavailable' from='{second}'><x xmlns='{USER}'><item role='none' affiliation='none'>\
         <reason>Too loud</reason></item><status code='110'/><status code='307'/></x></presence>"
    ));
    let row = state(&mut flint, "the removal", |room| matches!(room.state, RoomState::Failed { .. })).await;
    let RoomState::Failed { reason } = row.state else { unreachable!("just checked") };
    assert!(reason.contains("Too loud"), "{reason}");
    flint.quit().await;
}

/// A room that we were in is entered again by itself after a restart.
#[tokio::test]
async fn a_joined_room_is_joined_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (server, mut flint, mut stream) = signed_in(dir.path()).await;
    join(&flint);
    asked_to_join(&mut stream).await;
    let_in(&stream, "ann");
    state(&mut flint, "the join", |room| room.subject == "Cold water").await;
    flint.quit().await;

    let flint = Flint::start(dir.path(), &server);
    let mut stream = server.online(&World::office()).await;
    assert_eq!(asked_to_join(&mut stream).await, format!("{ROOM}/ann"));
    flint.quit().await;
}
