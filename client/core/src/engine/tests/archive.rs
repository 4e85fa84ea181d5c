//! Catching up from archives.

use super::*;
use crate::update::HistoryUpdate;

fn id(text: &str) -> StanzaId {
    StanzaId(text.into())
}

fn page(last: Option<&str>, complete: bool) -> RemoteEvent {
    RemoteEvent::ArchivePage { archive: None, last: last.map(id), complete }
}

fn from_archive(stanza_id: &str) -> IncomingMessage {
    let stanza_id = Some(id(stanza_id));
    let delayed = Some(Timestamp(NOON - 60_000));
    IncomingMessage { stanza_id, delayed, archived: true, ..text("bob@example.test/x", "from the archive") }
}

fn query(after: Option<&str>) -> Outbound {
    Outbound::QueryArchive { archive: None, after: after.map(id), since: None, max: 100 }
}

fn told(output: &Output) -> Option<(u32, bool)> {
    output.updates.iter().find_map(|update| match update {
        Update::History(HistoryUpdate::CatchUp { messages, complete }) => Some((*messages, *complete)),
        _ => None,
    })
}

fn position(output: &Output) -> Option<StanzaId> {
    writes(output).into_iter().find_map(|write| match write {
        Persist::ArchivePosition { archive: None, last } => Some(last),
        _ => None,
    })
}

fn signed_in_at(position: &str) -> Rig {
    let archive_positions = vec![(None, id(position))];
    let mut rig = Rig::loaded(LoadedState { archive_positions, ..LoadedState::default() });
    assert!(stanzas(&rig.sign_in()).contains(&query(Some(position))));
    rig
}

#[test]
fn pages_follow_each_other_until_the_end() {
    let mut rig = signed_in_at("a0");
    rig.receive(from_archive("a1"));
    let output = rig.remote(page(Some("a1"), false));
    assert_eq!(stanzas(&output), [query(Some("a1"))]);
    assert_eq!((told(&output), position(&output)), (Some((1, false)), Some(id("a1"))));
    rig.receive(from_archive("a1"));
    rig.receive(from_archive("a2"));
    let output = rig.remote(page(Some("a2"), true));
    assert_eq!(stanzas(&output), []);
    assert_eq!((told(&output), position(&output)), (Some((2, true)), Some(id("a2"))));
}

#[test]
fn a_gap_is_never_jumped_over() {
    let mut rig = signed_in_at("a0");
    let live =
        |stanza_id| IncomingMessage { stanza_id: Some(id(stanza_id)), ..text("bob@example.test/x", "live") };
    assert_eq!(position(&rig.receive(live("a9"))), None, "what lies before is not here yet");
    assert_eq!(position(&rig.remote(page(Some("a5"), false))), Some(id("a5")));
    assert_eq!(position(&rig.remote(page(Some("a8"), true))), Some(id("a9")));
    assert_eq!(position(&rig.receive(live("a10"))), Some(id("a10")));
    rig.interrupt();
    assert!(stanzas(&rig.sign_in()).contains(&query(Some("a10"))));
}

#[test]
fn the_first_look_takes_one_page_as_read() {
    let mut rig = Rig::loaded(LoadedState::default());
    assert!(stanzas(&rig.sign_in()).contains(&query(None)));
    let output = rig.receive(from_archive("a1"));
    assert_eq!(row(&output, &with_bob()).unwrap().unread, 0);
    let output = rig.remote(page(Some("a1"), false));
    assert_eq!((stanzas(&output), told(&output)), (vec![], Some((1, true))));

    let mut rig = signed_in_at("a0");
    assert_eq!(row(&rig.receive(from_archive("a1")), &with_bob()).unwrap().unread, 1, "missed, so unread");
}

#[test]
fn a_server_that_does_not_move_on_ends_the_catch_up() {
    for (label, last) in [("no id", None), ("the same id", Some("a0"))] {
        let mut rig = signed_in_at("a0");
        let output = rig.remote(page(last, false));
        assert_eq!((stanzas(&output), told(&output)), (vec![], Some((0, true))), "{label}");
        assert_eq!(rig.remote(page(Some("a7"), false)), Output::default(), "not asked for");
    }
}

/// A message of Bob's that was stored at that moment.
fn stored(at: i64) -> KnownMessage {
    KnownMessage {
        id: MessageId("stored".into()),
        conversation: with_bob(),
        sender_name: Some("bob".into()),
        wire_id: None,
        stanza_id: Some(id("a0")),
        delivery: None,
        sort: at * 1000,
    }
}

fn failed() -> RemoteEvent {
    RemoteEvent::ArchiveFailed { archive: None, reason: "item-not-found".into() }
}

const HOUR: i64 = 3_600_000;

#[test]
fn an_archive_that_forgot_our_place_is_asked_by_time_once() {
    // A message that waits to be sent, and what arrives live, say nothing about the gap before them.
    let waiting = MessageRow {
        id: MessageId("waiting".into()),
        conversation: with_bob(),
        sender_name: "ann".into(),
        sender: None,
        at: Timestamp(NOON - HOUR),
        direction: Direction::Outgoing { delivery: DeliveryState::Queued },
        body: "later".into(),
        stanza_id: None,
        sort: (NOON - HOUR) * 1000,
    };
    let mut rig = Rig::loaded(LoadedState {
        archive_positions: vec![(None, id("gone"))],
        recent: vec![stored(NOON - 5 * HOUR)],
        outbox: vec![waiting],
        ..LoadedState::default()
    });
    rig.sign_in();
    rig.receive(text("bob@example.test/x", "live"));
    let since = Some(Timestamp(NOON - 6 * HOUR));
    let by_time = Outbound::QueryArchive { archive: None, after: None, since, max: 100 };
    assert_eq!(stanzas(&rig.remote(failed())), [by_time]);
    let output = rig.remote(failed());
    assert!(matches!(&stanzas(&output)[..], [Outbound::Message { resent: true, .. }]), "{output:?}");
    assert_eq!(told(&output), Some((0, true)));

    let mut rig = signed_in_at("gone");
    assert_eq!(stanzas(&rig.remote(failed())), [query(None)], "nothing is here that could be doubled");
    let output = rig.remote(page(Some("a9"), false));
    assert_eq!((stanzas(&output), told(&output)), (vec![], Some((0, true))));
}

#[test]
fn a_catch_up_that_failed_leaves_the_gap_to_the_next_one() {
    let live = || IncomingMessage { stanza_id: Some(id("a9")), ..text("bob@example.test/x", "live") };
    for (label, end) in [("refused", vec![failed(), failed()]), ("stuck", vec![page(Some("a0"), false)])] {
        let archive_positions = vec![(None, id("a0"))];
        let recent = vec![stored(NOON - 5 * HOUR)];
        let mut rig = Rig::loaded(LoadedState { archive_positions, recent, ..LoadedState::default() });
        rig.sign_in();
        let mut positions = vec![position(&rig.receive(live()))];
        positions.extend(end.into_iter().map(|event| position(&rig.remote(event))));
        positions.push(position(&rig.receive(IncomingMessage { stanza_id: Some(id("a10")), ..live() })));
        assert!(
            positions.iter().all(|position| position.as_ref().is_none_or(|at| *at == id("a0"))),
            "{label}"
        );
        rig.interrupt();
        assert!(stanzas(&rig.sign_in()).contains(&query(Some("a0"))), "{label}");
        rig.remote(page(Some("a9"), true));
        let newer = IncomingMessage { stanza_id: Some(id("a11")), ..live() };
        assert_eq!(position(&rig.receive(newer)), Some(id("a11")), "{label}: whole again");
    }
}

#[test]
fn old_words_of_ours_do_not_make_newer_ones_of_others_read() {
    let mut rig = signed_in_at("a0");
    rig.receive(text("bob@example.test/x", "live"));
    let ours = |at: i64| IncomingMessage {
        origin: Origin::OwnDevice { to: bob() },
        delayed: Some(Timestamp(at)),
        ..from_archive(&format!("own{at}"))
    };
    let older = ours(NOON - HOUR);
    assert_eq!(row(&rig.receive(older), &with_bob()).unwrap().unread, 1);
    let newer = ours(rig.now);
    assert_eq!(row(&rig.receive(newer), &with_bob()).unwrap().unread, 0);
}

#[test]
fn an_archived_copy_settles_what_we_sent() {
    let mut rig = Rig::online();
    let (sent, _, _) = rig.say(with_bob(), "hello");
    let copy = IncomingMessage {
        origin: Origin::OwnDevice { to: bob() },
        origin_id: Some(sent.0.clone()),
        ..from_archive("a1")
    };
    let settled = Persist::ArchiveId { message: sent.clone(), stanza_id: id("a1") };
    let acked = Persist::Delivery { message: sent, delivery: DeliveryState::Acked };
    assert_eq!(writes(&rig.receive(copy.clone())), [settled, acked]);
    assert_eq!(writes(&rig.receive(copy)), []);
}
