//! What is kept over restarts, and that nothing comes twice.

use flint_core::command::{ChatCommand, Command, PeopleCommand, RoomCommand};
use flint_core::effect::Outbound;
use flint_core::ids::{StanzaId, Timestamp};
use flint_core::input::{IncomingMessage, Input, Origin, RemoteEvent, RosterItem, SessionEvent};
use flint_core::model::{ConversationId, DeliveryState, Direction, Subscription};
use flint_core::update::Update;
use flint_core::{BareJid, Jid};
use flint_test_scenarios::Desk;

const MONDAY: i64 = 1_800_000_000_000;
const HOUR: i64 = 3_600_000;

fn bob() -> ConversationId {
    ConversationId::Person(BareJid::new("bob@example.test").expect("a JID"))
}

fn from_bob(stanza_id: &str, body: &str) -> IncomingMessage {
    IncomingMessage {
        origin: Origin::Person { from: Jid::new("bob@example.test/phone").expect("a JID") },
        id: Some(format!("wire-{stanza_id}")),
        origin_id: None,
        stanza_id: Some(StanzaId(stanza_id.into())),
        body: body.into(),
        delayed: None,
        wants_receipt: true,
        markable: true,
        archived: false,
    }
}

fn archived(incoming: IncomingMessage, at: i64) -> RemoteEvent {
    RemoteEvent::MessageReceived(IncomingMessage { archived: true, delayed: Some(Timestamp(at)), ..incoming })
}

fn page(last: &str) -> RemoteEvent {
    RemoteEvent::ArchivePage { archive: None, last: Some(StanzaId(last.into())), complete: true }
}

fn say(body: &str) -> ChatCommand {
    ChatCommand::Send { conversation: bob(), body: body.into() }
}

async fn with_roster(desk: &mut Desk) {
    let item = RosterItem {
        jid: bob().jid().clone(),
        name: Some("Bob".into()),
        groups: vec!["Team".into()],
        subscription: Subscription::Both,
        asked: false,
    };
    desk.remote(RemoteEvent::RosterReceived { items: Some(vec![item]), version: Some("v1".into()) }).await;
}

#[tokio::test]
async fn a_crash_loses_nothing_and_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("archive.db");
    let mut desk = Desk::start(&file, 1, MONDAY).await;
    desk.sign_in().await;
    with_roster(&mut desk).await;
    desk.remote(page("a0")).await;
    desk.remote(RemoteEvent::MessageReceived(from_bob("a1", "the printer jams"))).await;
    desk.chat(say("acknowledged")).await;
    desk.chat(say("never confirmed")).await;
    let tokens: Vec<_> = desk.messages_sent().into_iter().map(|(token, ..)| token).collect();
    desk.give(Input::Session(SessionEvent::Written(tokens[0]))).await;
    desk.give(Input::Session(SessionEvent::Acked(tokens[0]))).await;
    desk.give(Input::Session(SessionEvent::Written(tokens[1]))).await;
    desk.chat(ChatCommand::SetDraft { conversation: bob(), text: "half a sen".into() }).await;
    let sent = desk.sent.clone();
    drop(desk); // Killed: nothing is closed in good order.

    let mut desk = Desk::start(&file, 2, MONDAY + HOUR).await;
    let row = desk.row(&bob()).unwrap();
    assert_eq!((row.title.as_str(), row.unread), ("Bob", 1));
    assert_eq!(row.draft, Some("half a sen".into()));
    desk.sign_in().await;
    let asked =
        Outbound::QueryArchive { archive: None, after: Some(StanzaId("a1".into())), since: None, max: 100 };
    assert!(desk.sent.iter().any(|(_, stanza)| *stanza == asked));
    assert!(
        desk.sent.iter().any(|(_, stanza)| *stanza == Outbound::GetRoster { version: Some("v1".into()) })
    );
    assert_eq!(desk.messages_sent(), [], "whether it arrived, the archive will tell");

    // The archive brings back both of ours, what we have, and what we missed.
    for (_, stanza) in sent {
        if let Outbound::Message { id, body, .. } = stanza {
            let copy = IncomingMessage {
                origin: Origin::OwnDevice { to: bob().jid().clone() },
                origin_id: Some(id.0.clone()),
                body: body.clone(),
                ..from_bob(&format!("own-{}", id.0), "")
            };
            desk.remote(archived(copy, MONDAY + 5000)).await;
        }
    }
    desk.remote(archived(from_bob("a1", "the printer jams"), MONDAY + 4000)).await;
    desk.remote(archived(from_bob("a2", "it still jams"), MONDAY + HOUR / 2)).await;
    desk.remote(page("a2")).await;
    let timeline = desk.timeline(&bob()).await;
    let lines: Vec<_> = timeline.iter().map(|row| row.body.0.as_str()).collect();
    assert_eq!(lines, ["the printer jams", "acknowledged", "never confirmed", "it still jams"]);
    assert_eq!(timeline[2].direction, Direction::Outgoing { delivery: DeliveryState::Acked });
    assert_eq!(desk.search("print jam").await.len(), 1);
    assert_eq!(desk.search("jams").await.len(), 2);
    assert_eq!(desk.messages_sent(), [], "the archive has confirmed it");
    desk.sign_in().await;
    desk.remote(page("a2")).await;
    assert_eq!(desk.messages_sent(), [], "and this is remembered");
}

#[tokio::test]
async fn a_receipt_after_the_restart_still_counts_and_an_old_copy_sets_nothing_back() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("archive.db");
    let mut desk = Desk::start(&file, 1, MONDAY).await;
    desk.sign_in().await;
    with_roster(&mut desk).await;
    desk.chat(say("hello")).await;
    let token = desk.messages_sent()[0].0;
    desk.give(Input::Session(SessionEvent::Acked(token))).await;
    let id = desk.timeline(&bob()).await[0].id.clone();
    drop(desk);

    let mut desk = Desk::start(&file, 2, MONDAY + HOUR).await;
    desk.sign_in().await;
    let from = Jid::new("bob@example.test/phone").unwrap();
    desk.remote(RemoteEvent::DisplayedReceived { from, id: id.0.clone() }).await;
    let copy = IncomingMessage {
        origin: Origin::OwnDevice { to: bob().jid().clone() },
        origin_id: Some(id.0),
        ..from_bob("own", "hello")
    };
    desk.remote(archived(copy, MONDAY)).await;
    drop(desk);

    let mut desk = Desk::start(&file, 3, MONDAY + 2 * HOUR).await;
    let timeline = desk.timeline(&bob()).await;
    assert_eq!(timeline.len(), 1);
    assert_eq!(timeline[0].direction, Direction::Outgoing { delivery: DeliveryState::Read });
    assert_eq!(timeline[0].stanza_id, Some(StanzaId("own".into())));
}

#[tokio::test]
async fn a_failed_message_can_be_sent_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("archive.db");
    let mut desk = Desk::start(&file, 1, MONDAY).await;
    desk.sign_in().await;
    desk.chat(say("bounces")).await;
    let id = desk.timeline(&bob()).await[0].id.clone();
    let (from, reason) = (Jid::new("bob@example.test").unwrap(), "Nobody there.".to_owned());
    desk.remote(RemoteEvent::MessageFailed { from, id: id.0.clone(), reason }).await;
    drop(desk);

    let mut desk = Desk::start(&file, 2, MONDAY + HOUR).await;
    desk.sign_in().await;
    assert_eq!(desk.messages_sent(), [], "a failed one waits for the person");
    desk.timeline(&bob()).await;
    desk.chat(ChatCommand::Retry { message: id }).await;
    let again: Vec<_> = desk.messages_sent().into_iter().map(|(_, body, resent)| (body, resent)).collect();
    assert_eq!(again, [("bounces".to_owned(), true)]);
    assert_eq!(
        desk.timeline(&bob()).await[0].direction,
        Direction::Outgoing { delivery: DeliveryState::Queued }
    );
}

#[tokio::test]
async fn retention_takes_old_messages_out_of_timeline_search_and_list() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("archive.db");
    let mut desk = Desk::start(&file, 1, MONDAY).await;
    desk.sign_in().await;
    desk.remote(page("a0")).await;
    desk.remote(RemoteEvent::MessageReceived(from_bob("a1", "old secret"))).await;
    drop(desk);
    let mut desk = Desk::start(&file, 2, MONDAY + 40 * 24 * HOUR).await;
    assert_eq!(desk.search("secret").await.len(), 1);
    desk.policy(r#"{"HistoryRetentionDays": 30, "ContactAddingAllowed": false}"#).await;
    assert_eq!(desk.search("secret").await.len(), 0);
    assert_eq!(desk.timeline(&bob()).await, []);
    desk.remote(archived(from_bob("a1", "old secret"), MONDAY)).await;
    assert_eq!(desk.search("secret").await.len(), 0, "the server's archive does not bring it back");

    desk.sign_in().await;
    desk.updates.clear();
    let add = PeopleCommand::AddContact { jid: bob().jid().clone(), name: None, groups: Vec::new() };
    desk.give(Input::Command(Command::People(add))).await;
    assert!(matches!(&desk.updates[..], [Update::Rejected(rejection)] if rejection.policy.is_some()));
}

#[tokio::test]
async fn a_room_is_joined_again_and_its_history_comes_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("archive.db");
    let room = BareJid::new("lobby@conference.example.test").unwrap();
    let lobby = ConversationId::Room(room.clone());
    let spoken = |stanza_id: &str, at| IncomingMessage {
        origin: Origin::Occupant { room: room.clone(), nick: Some("bob".into()), own: false },
        delayed: at,
        ..from_bob(stanza_id, stanza_id)
    };
    let mut desk = Desk::start(&file, 1, MONDAY).await;
    desk.sign_in().await;
    let join = RoomCommand::Join { room: room.clone(), nick: None, password: None };
    desk.give(Input::Command(Command::Room(join))).await;
    let joined = RemoteEvent::RoomJoined { room: room.clone(), nick: "ann".into() };
    desk.remote(joined.clone()).await;
    desk.remote(RemoteEvent::RoomNamed { room: room.clone(), name: "The Lobby".into() }).await;
    desk.remote(RemoteEvent::MessageReceived(spoken("r1", None))).await;
    drop(desk);

    let mut desk = Desk::start(&file, 2, MONDAY + HOUR).await;
    assert_eq!(desk.row(&lobby).unwrap().title, "The Lobby");
    desk.sign_in().await;
    assert!(desk.sent.iter().any(|(_, stanza)| matches!(stanza, Outbound::JoinRoom { since: Some(_), .. })));
    desk.remote(joined).await;
    for stanza_id in ["r1", "r2"] {
        desk.remote(RemoteEvent::MessageReceived(spoken(stanza_id, Some(Timestamp(MONDAY + HOUR))))).await;
    }
    let timeline = desk.timeline(&lobby).await;
    assert_eq!(timeline.iter().map(|row| row.body.0.as_str()).collect::<Vec<_>>(), ["r1", "r2"]);
    assert_eq!(desk.updates.len(), 1);
}
