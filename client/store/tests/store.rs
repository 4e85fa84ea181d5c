//! The store over real SQLite files in a temporary directory.

use flint_core::BareJid;
use flint_core::effect::{Persist, StoreQuery};
use flint_core::ids::{MessageId, QueryId, StanzaId, Timestamp};
use flint_core::input::{LoadedState, RosterItem, StoreReply};
use flint_core::model::{ConversationId, DeliveryState, Direction, MessageRow, SearchHit, Subscription};
use flint_store::{Store, StoreError, StoreKey};
use std::os::unix::fs::PermissionsExt;

fn person(name: &str) -> ConversationId {
    ConversationId::Person(BareJid::new(&format!("{name}@example.test")).expect("a JID"))
}

fn row(id: &str, sort: i64, body: &str) -> MessageRow {
    MessageRow {
        id: MessageId(id.into()),
        conversation: person("bob"),
        sender_name: "Bob".into(),
        sender: Some(BareJid::new("bob@example.test").expect("a JID")),
        at: Timestamp(sort / 1000),
        direction: Direction::Incoming,
        body: body.into(),
        stanza_id: None,
        sort,
    }
}

fn own(id: &str, sort: i64, delivery: DeliveryState) -> MessageRow {
    MessageRow { direction: Direction::Outgoing { delivery }, ..row(id, sort, "mine") }
}

fn put(message: MessageRow) -> Persist {
    let wire_id = Some(format!("wire-{}", message.id.0));
    Persist::Message { message, wire_id }
}

async fn loaded(store: &Store) -> LoadedState {
    match store.query(StoreQuery::Load).await.expect("a good reply") {
        StoreReply::Loaded(state) => *state,
        other => panic!("{other:?}"),
    }
}

async fn timeline(store: &Store, before: Option<i64>, limit: u32) -> (Vec<MessageRow>, bool) {
    match store
        .query(StoreQuery::Timeline { conversation: person("bob"), before, limit })
        .await
        .expect("a good reply")
    {
        StoreReply::Timeline { messages, has_older, newest, .. } => {
            assert_eq!(newest, before.is_none());
            (messages, has_older)
        }
        other => panic!("{other:?}"),
    }
}

async fn search(store: &Store, text: &str, within: Option<ConversationId>) -> Vec<SearchHit> {
    let query = StoreQuery::Search { query: QueryId(7), text: text.into(), conversation: within, limit: 50 };
    match store.query(query).await.expect("a good reply") {
        StoreReply::Hits { query: QueryId(7), hits } => hits,
        other => panic!("{other:?}"),
    }
}

fn ids(rows: &[MessageRow]) -> Vec<&str> {
    rows.iter().map(|row| row.id.0.as_str()).collect()
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("archive.db");
    let store = Store::open(&file, None).await.unwrap();
    let room = BareJid::new("team@conference.example.test").unwrap();
    let item = RosterItem {
        jid: BareJid::new("bob@example.test").unwrap(),
        name: Some("Bob".into()),
        groups: vec!["Support".into(), "\"odd\"".into()],
        subscription: Subscription::Both,
        asked: false,
    };
    let gone = RosterItem { jid: BareJid::new("eve@example.test").unwrap(), ..item.clone() };
    let failed = DeliveryState::Failed { reason: "Bounced.".into() };
    let writes = vec![
        Persist::Roster { items: vec![item.clone(), gone.clone()], version: Some("v1".into()) },
        Persist::RosterItem { item: gone, removed: true, version: Some("v2".into()) },
        put(own("b", 2000, DeliveryState::Sent)),
        put(own("a", 1000, DeliveryState::Queued)),
        put(own("c", 3000, DeliveryState::Acked)),
        put(own("f", 3500, failed.clone())),
        put(row("d", 4000, "hello")),
        Persist::ArchiveId { message: MessageId("d".into()), stanza_id: StanzaId("s-d".into()) },
        Persist::Draft { conversation: person("bob"), text: "half a sen".into() },
        Persist::Conversation {
            id: person("bob"),
            title: None,
            first_unread: Some(MessageId("d".into())),
            unread: 1,
            pinned: true,
            joined: false,
        },
        Persist::Conversation {
            id: ConversationId::Room(room.clone()),
            title: Some("Team".into()),
            first_unread: None,
            unread: 0,
            pinned: false,
            joined: true,
        },
        Persist::ArchivePosition { archive: None, last: StanzaId("p0".into()) },
        Persist::ArchivePosition { archive: None, last: StanzaId("p1".into()) },
        Persist::ArchivePosition { archive: Some(room.clone()), last: StanzaId("r1".into()) },
    ];
    store.persist(writes).await.unwrap();
    store.close().await;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let store = Store::open(&file, None).await.unwrap();
    let state = loaded(&store).await;
    assert_eq!(state.roster, [item]);
    assert_eq!(state.roster_version.as_deref(), Some("v2"));
    assert_eq!(ids(&state.outbox), ["a", "b"], "oldest first, only what is not acknowledged");
    assert_eq!(
        state.archive_positions,
        [(None, StanzaId("p1".into())), (Some(room.clone()), StanzaId("r1".into()))]
    );
    let bob = &state.conversations[0];
    assert_eq!((bob.id.clone(), bob.unread, bob.pinned, bob.joined), (person("bob"), 1, true, false));
    assert_eq!(bob.last.as_ref().unwrap().stanza_id, Some(StanzaId("s-d".into())));
    assert_eq!(bob.draft, Some("half a sen".into()));
    let team = &state.conversations[1];
    assert_eq!((team.title.as_deref(), team.joined, &team.last), (Some("Team"), true, &None));
    let known: Vec<_> =
        state.recent.iter().map(|known| (known.id.0.as_str(), known.delivery.clone())).collect();
    assert_eq!(known[0], ("a", Some(DeliveryState::Queued)));
    assert_eq!(known[3], ("f", Some(failed)));
    assert_eq!(known[4], ("d", None));
    assert_eq!(state.recent[4].wire_id.as_deref(), Some("wire-d"));
}

#[tokio::test]
async fn a_message_is_merged_and_never_doubled_or_set_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("a.db"), None).await.unwrap();
    let failed = || DeliveryState::Failed { reason: "no".into() };
    use DeliveryState::{Acked, Delivered, Queued, Read, Sent};
    let cases = [
        (Queued, Sent, Sent),
        (Read, Acked, Read),
        (Delivered, Queued, Delivered),
        (Delivered, failed(), Delivered),
        (Sent, failed(), failed()),
        (failed(), Acked, failed()),
        (failed(), Read, Read),
    ];
    for (index, (old, new, expected)) in cases.into_iter().enumerate() {
        let (id, sort) = (format!("m{index}"), index as i64);
        store.persist(vec![put(own(&id, sort, old)), put(own(&id, sort, new))]).await.unwrap();
        let (rows, _) = timeline(&store, None, 1).await;
        assert_eq!(rows[0].direction, Direction::Outgoing { delivery: expected }, "{id}");
    }
    // Somebody else's message can't take the place of ours, whatever id it has.
    store.persist(vec![put(row("m0", 0, "forged"))]).await.unwrap();
    assert!(search(&store, "forged", None).await.is_empty());

    let with_stanza_id = |id: &str, sort, body: &str| MessageRow {
        stanza_id: Some(StanzaId("same".into())),
        ..row(id, sort, body)
    };
    store
        .persist(vec![put(with_stanza_id("x", 100, "first")), put(with_stanza_id("y", 101, "second"))])
        .await
        .unwrap();
    let (rows, _) = timeline(&store, None, 200).await;
    assert_eq!(rows.iter().filter(|row| row.stanza_id.is_some()).count(), 1);
    assert_eq!(rows.last().unwrap().body, "first".into());

    // Replacing the text keeps the index right.
    store.persist(vec![put(with_stanza_id("x", 100, "corrected"))]).await.unwrap();
    assert!(search(&store, "first", None).await.is_empty());
    assert_eq!(search(&store, "correct", None).await.len(), 1);
    store.persist(vec![Persist::DeleteOlderThan { before: Timestamp(1) }]).await.unwrap();
    assert!(search(&store, "correct", None).await.is_empty());
}

#[tokio::test]
async fn a_long_conversation_is_read_page_by_page() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("a.db"), None).await.unwrap();
    let many: Vec<_> = (0..300).map(|n| put(row(&format!("m{n}"), n, "one of many"))).collect();
    store.persist(many).await.unwrap();
    assert_eq!(search(&store, "many", None).await.len(), 50);
    let (page, older) = timeline(&store, None, 100).await;
    assert_eq!((ids(&page)[0], page.len(), older), ("m200", 100, true));
    let (page, older) = timeline(&store, Some(100), 200).await;
    assert_eq!((ids(&page)[0], page.len(), older), ("m0", 100, false));
}

#[tokio::test]
async fn paging_never_tears_apart_what_has_the_same_place() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("a.db"), None).await.unwrap();
    let sorts = [1, 2, 2, 2, 3];
    let writes = sorts.iter().enumerate().map(|(n, sort)| put(row(&format!("m{n}"), *sort, "x"))).collect();
    store.persist(writes).await.unwrap();
    let (page, older) = timeline(&store, None, 2).await;
    assert_eq!((ids(&page), older), (vec!["m1", "m2", "m3", "m4"], true));
    let (page, older) = timeline(&store, Some(page[0].sort), 2).await;
    assert_eq!((ids(&page), older), (vec!["m0"], false));
}

#[tokio::test]
async fn search_finds_words_phrases_and_survives_hostile_input() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("a.db"), None).await.unwrap();
    let other = MessageRow { conversation: person("eve"), ..row("e", 9000, "The printer of Eve") };
    store
        .persist(vec![
            put(row("old", 1000, "The printer jams again, café closed")),
            put(row("new", 5000, "Printing the \u{2}paper jam\u{3} report")),
            put(other),
        ])
        .await
        .unwrap();
    let cases: [(&str, &[&str]); 9] = [
        ("print", &["e", "new", "old"]),
        ("PRINTER jam", &["old"]),
        ("\"paper jam\"", &["new"]),
        ("\"jam paper\"", &[]),
        ("cafe", &["old"]),
        ("prin\" OR 1=1 --", &[]),
        ("* AND (", &[]),
        ("NEAR(printer jams, 5)", &[]),
        ("\u{0}\u{2}\"\"\"\"'); drop table message; --", &[]),
    ];
    for (text, expected) in cases {
        let hits = search(&store, text, None).await;
        let found: Vec<_> = hits.iter().map(|hit| hit.message.id.0.as_str()).collect();
        assert_eq!(found, expected, "{text}");
    }
    let hits = search(&store, "printer", Some(person("eve"))).await;
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].snippet, "The \u{2}printer\u{3} of Eve".into());
    for symbol in (0u8..128).map(char::from) {
        for text in
            [format!("{symbol}"), format!("a{symbol}b"), format!("\"{symbol}"), format!("{symbol}print*")]
        {
            search(&store, &text, None).await;
        }
    }
    for text in
        ["\u{300}", "\u{2160}", "\u{1F600} print", "\u{345} x", &"\"a\" ".repeat(9999), &"a".repeat(99_999)]
    {
        search(&store, text, None).await;
    }
}

#[tokio::test]
async fn twenty_thousand_messages_are_searched_by_rare_and_common_words() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("a.db"), None).await.unwrap();
    for batch in 0..20 {
        let rows = (0..1000).map(|n| {
            let number = batch * 1000 + n;
            put(row(&format!("m{number}"), number * 1000, &format!("ticket {number} about the common thing")))
        });
        store.persist(rows.collect()).await.unwrap();
    }
    let hits = search(&store, "common", None).await;
    assert_eq!((hits.len(), hits[0].message.id.0.as_str()), (50, "m19999"));
    let hits = search(&store, "\"ticket 4711\"", None).await;
    assert_eq!((hits.len(), hits[0].message.id.0.as_str()), (1, "m4711"));
    store.persist(vec![Persist::DeleteOlderThan { before: Timestamp(19_000) }]).await.unwrap();
    assert!(search(&store, "\"ticket 4711\"", None).await.is_empty());
    let (rows, older) = timeline(&store, Some(19_005_000), 200).await;
    assert_eq!((rows.len(), older), (5, false));
}

#[tokio::test]
async fn a_damaged_file_is_kept_aside() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("archive.db");
    std::fs::write(&file, "this is not a database, but it is long enough to be looked at ".repeat(100))
        .unwrap();
    let error = Store::open(&file, None).await.unwrap_err();
    let StoreError::Damaged { kept, .. } = &error else { panic!("{error:?}") };
    assert!(error.to_string().contains(&*file.to_string_lossy()), "{error}");
    assert!(std::fs::read_to_string(kept).unwrap().starts_with("this is not"));
    let store = Store::open(&file, None).await.unwrap();
    store.persist(vec![put(row("a", 1, "fresh"))]).await.unwrap();
    assert_eq!(search(&store, "fresh", None).await.len(), 1);
}

#[tokio::test]
async fn an_encrypted_file_opens_only_with_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("archive.db");
    let store = Store::open(&file, Some(&StoreKey::new([1; 32]))).await.unwrap();
    store.persist(vec![put(row("a", 1, "confidential sentence"))]).await.unwrap();
    store.close().await;
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(12).any(|window| window == b"confidential"));
    let error = Store::open(&file, Some(&StoreKey::new([2; 32]))).await.unwrap_err();
    assert!(matches!(error, StoreError::WrongKey { .. }), "{error:?}");
    let store = Store::open(&file, Some(&StoreKey::new([1; 32]))).await.unwrap();
    assert_eq!(search(&store, "confidential", None).await.len(), 1);
    assert!(!format!("{:?}", StoreKey::new([7; 32])).contains('7'));
}
