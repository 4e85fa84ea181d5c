//! Receiving, recognising, unread, markers, typing, timelines.

use super::*;

const BOB: &str = "bob@example.test/phone";

fn with_ids(id: &str, stanza_id: Option<&str>, body: &str) -> IncomingMessage {
    let stanza_id = stanza_id.map(|id| StanzaId(id.into()));
    IncomingMessage { id: Some(id.into()), stanza_id, ..text(BOB, body) }
}

fn archived(incoming: IncomingMessage, at: i64) -> IncomingMessage {
    IncomingMessage { archived: true, delayed: Some(Timestamp(at)), ..incoming }
}

#[test]
fn a_message_arrives_once_however_often_it_comes() {
    let live = with_ids("w1", Some("s1"), "hello");
    let cases = [
        ("the same stanza-id", live.clone(), with_ids("other", Some("s1"), "hello"), 1, 0),
        ("archived copy", live.clone(), archived(live.clone(), NOON), 1, 0),
        (
            "live without a place, then from the archive",
            with_ids("w1", None, "x"),
            archived(live.clone(), NOON),
            1,
            1,
        ),
        ("an id used twice", live.clone(), with_ids("w1", Some("s2"), "again"), 2, 0),
        (
            "another's use of the id",
            live.clone(),
            IncomingMessage {
                origin: Origin::Person { from: Jid::new("eve@example.test/x").unwrap() },
                ..with_ids("w1", Some("s9"), "mine")
            },
            2,
            0,
        ),
    ];
    for (label, first, second, messages, settled) in cases {
        let mut rig = Rig::online();
        let mut all = writes(&rig.receive(first));
        all.extend(writes(&rig.receive(second)));
        let count = |wanted: fn(&Persist) -> bool| all.iter().filter(|write| wanted(write)).count();
        assert_eq!(count(|write| matches!(write, Persist::Message { .. })), messages, "{label}");
        assert_eq!(count(|write| matches!(write, Persist::ArchiveId { .. })), settled, "{label}");
    }
}

#[test]
fn what_was_stored_before_the_restart_is_known() {
    let known = |id: &str, sender_name: Option<&str>, delivery| KnownMessage {
        id: MessageId(id.into()),
        conversation: with_bob(),
        sender_name: sender_name.map(str::to_owned),
        wire_id: Some(format!("wire-{id}")),
        stanza_id: None,
        delivery,
        sort: 1,
    };
    let recent = vec![known("a", Some("Bob"), None), known("mine", None, Some(DeliveryState::Acked))];
    let mut rig = Rig::loaded(LoadedState { recent, ..LoadedState::default() });
    rig.sign_in();
    let copy = archived(with_ids("wire-a", Some("s1"), "hello"), NOON);
    let settled = Persist::ArchiveId { message: MessageId("a".into()), stanza_id: StanzaId("s1".into()) };
    assert_eq!(writes(&rig.receive(copy)), [settled]);
    let receipt = RemoteEvent::ReceiptReceived { from: Jid::new(BOB).unwrap(), id: "mine".into() };
    let delivered =
        Persist::Delivery { message: MessageId("mine".into()), delivery: DeliveryState::Delivered };
    assert_eq!(writes(&rig.remote(receipt)), [delivered]);
}

#[test]
fn notifications_are_for_what_others_say_now() {
    let cases = [
        ("live", text(BOB, "hi"), 1),
        (
            "kept for us while offline",
            IncomingMessage { delayed: Some(Timestamp(NOON - 9)), ..text(BOB, "hi") },
            1,
        ),
        ("archive", archived(text(BOB, "hi"), NOON), 0),
        ("own device", IncomingMessage { origin: Origin::OwnDevice { to: bob() }, ..text(BOB, "hi") }, 0),
        ("own note", text("ann@example.test/phone", "hi"), 0),
        ("empty", text(BOB, ""), 0),
    ];
    for (label, incoming, expected) in cases {
        assert_eq!(arrived(&Rig::online().receive(incoming)).len(), expected, "{label}");
    }
}

#[test]
fn unread_grows_until_read_here_or_answered_elsewhere() {
    let mut rig = Rig::online();
    let unread = |output: &Output| row(output, &with_bob()).map(|row| row.unread);
    assert_eq!(unread(&rig.receive(text(BOB, "one"))), Some(1));
    let output = rig.receive(text(BOB, "two"));
    assert_eq!(unread(&output), Some(2));
    let stored = writes(&output).into_iter().find_map(|write| match write {
        Persist::Conversation { unread, first_unread, .. } => Some((unread, first_unread.is_some())),
        _ => None,
    });
    assert_eq!(stored, Some((2, true)));
    assert_eq!(unread(&rig.chat(ChatCommand::MarkRead { conversation: with_bob() })), Some(0));
    assert_eq!(rig.chat(ChatCommand::MarkRead { conversation: with_bob() }), Output::default());
    rig.receive(text(BOB, "three"));
    let answer = IncomingMessage { origin: Origin::OwnDevice { to: bob() }, ..text(BOB, "four") };
    assert_eq!(unread(&rig.receive(answer)), Some(0));
}

#[test]
fn only_who_may_see_us_hears_that_we_are_there() {
    for (subscription, hears) in [
        (Subscription::Both, true),
        (Subscription::From, true),
        (Subscription::To, false),
        (Subscription::None, false),
    ] {
        let roster = vec![contact(&bob(), subscription)];
        let mut rig = Rig::loaded(LoadedState { roster, ..LoadedState::default() });
        rig.sign_in();
        let asks = IncomingMessage { wants_receipt: true, markable: true, ..with_ids("w1", None, "hi") };
        let receipt = Outbound::Receipt { to: Jid::new(BOB).unwrap(), id: "w1".into() };
        let displayed = Outbound::Displayed { conversation: with_bob(), id: "w1".into() };
        let typing = Outbound::ChatState { conversation: with_bob(), typing: true };
        let then = |stanza| if hears { vec![stanza] } else { vec![] };
        assert_eq!(stanzas(&rig.receive(asks)), then(receipt), "{subscription:?}");
        let draft = ChatCommand::SetDraft { conversation: with_bob(), text: "w".into() };
        assert_eq!(stanzas(&rig.chat(draft)), then(typing), "{subscription:?}");
        let read = ChatCommand::MarkRead { conversation: with_bob() };
        assert_eq!(stanzas(&rig.chat(read)), then(displayed), "{subscription:?}");
    }
}

#[test]
fn a_marker_waits_for_the_connection() {
    let mut rig = Rig::online();
    rig.receive(IncomingMessage { markable: true, ..with_ids("w1", None, "hi") });
    rig.interrupt();
    assert_eq!(stanzas(&rig.chat(ChatCommand::MarkRead { conversation: with_bob() })), []);
    let displayed = Outbound::Displayed { conversation: with_bob(), id: "w1".into() };
    assert_eq!(stanzas(&rig.resume()), [displayed]);
}

#[test]
fn we_tell_once_that_we_type_and_that_we_stopped() {
    let mut rig = Rig::online();
    let draft = |text: &str| ChatCommand::SetDraft { conversation: with_bob(), text: text.into() };
    let state = |typing| vec![Outbound::ChatState { conversation: with_bob(), typing }];
    let paused = || Input::TimerFired(TimerId::TypingPaused(with_bob()));
    assert_eq!(stanzas(&rig.chat(draft("h"))), state(true));
    let output = rig.chat(draft("he"));
    assert_eq!(stanzas(&output), []);
    assert!(
        output
            .effects
            .contains(&Effect::SetTimer { id: TimerId::TypingPaused(with_bob()), after_ms: 10_000 })
    );
    assert_eq!(stanzas(&rig.give(paused())), state(false));
    assert_eq!(stanzas(&rig.give(paused())), []);
    assert_eq!(stanzas(&rig.chat(draft("hel"))), state(true));
    assert_eq!(stanzas(&rig.chat(draft(""))), state(false));
    rig.chat(draft("hello"));
    let (_, _, output) = rig.say(with_bob(), "hello");
    assert!(writes(&output).contains(&Persist::Draft { conversation: with_bob(), text: Private::default() }));
    assert_eq!(stanzas(&rig.give(paused())), []);
}

#[test]
fn a_peers_typing_ends_by_a_message_or_by_itself() {
    let mut rig = Rig::online();
    let types = |typing| RemoteEvent::TypingChanged { from: Jid::new(BOB).unwrap(), in_room: false, typing };
    assert_eq!(rig.remote(types(true)).updates, [], "nobody makes a conversation by typing");
    rig.open_empty(with_bob());
    let names = |output: &Output| {
        output.updates.iter().find_map(|update| match update {
            Update::Chat(ChatUpdate::Typing { names, .. }) => Some(names.clone()),
            _ => None,
        })
    };
    assert_eq!(names(&rig.remote(types(true))), Some(vec!["bob".into()]));
    assert_eq!(names(&rig.remote(types(true))), None);
    assert_eq!(names(&rig.receive(text(BOB, "done"))), Some(vec![]));
    rig.remote(types(true));
    assert_eq!(names(&rig.give(Input::TimerFired(TimerId::PeerTypingStale(with_bob())))), Some(vec![]));
}

#[test]
fn a_timeline_takes_what_came_while_it_was_read_and_pages_back() {
    let mut rig = Rig::online();
    let stored = |id: &str, sort| MessageRow {
        id: MessageId(id.into()),
        conversation: with_bob(),
        sender_name: "Bob".into(),
        sender: None,
        at: Timestamp(sort / 1000),
        direction: Direction::Incoming,
        body: "stored".into(),
        stanza_id: None,
        sort,
    };
    let ask = |before| Effect::Query(StoreQuery::Timeline { conversation: with_bob(), before, limit: 50 });
    let reply = |messages, newest| {
        Input::Store(StoreReply::Timeline { conversation: with_bob(), messages, has_older: true, newest })
    };
    assert!(rig.chat(ChatCommand::Open { conversation: with_bob() }).effects.contains(&ask(None)));
    rig.receive(text(BOB, "meanwhile"));
    let output = rig.give(reply(vec![stored("b", 2000)], true));
    let Update::Chat(ChatUpdate::TimelineReset { messages, first_unread, has_older: true, .. }) =
        &output.updates[0]
    else {
        panic!("{output:?}")
    };
    assert_eq!(messages.iter().map(|row| row.body.0.as_str()).collect::<Vec<_>>(), ["stored", "meanwhile"]);
    assert_eq!(first_unread.as_ref(), Some(&messages[1].id));

    let older = || ChatCommand::LoadOlder { conversation: with_bob() };
    assert_eq!(rig.chat(older()).effects, [ask(Some(2000))]);
    assert_eq!(rig.chat(older()).effects, [], "asked already");
    let output = rig.give(reply(vec![stored("a", 1000)], false));
    assert!(matches!(
        &output.updates[..],
        [Update::Chat(ChatUpdate::TimelinePrepended { has_older: true, .. })]
    ));
    assert_eq!(rig.chat(older()).effects, [ask(Some(1000))]);

    // Beyond the window on show nothing is told; within it, a late one gets its place.
    assert_eq!(shown(&rig.receive(archived(text(BOB, "too old"), 0))).len(), 0);
    let placed = shown(&rig.receive(archived(text(BOB, "late"), 1)));
    assert_eq!(placed[0].sort, 1000);
    rig.chat(ChatCommand::Close { conversation: with_bob() });
    assert_eq!(shown(&rig.receive(text(BOB, "closed"))).len(), 0);
}

#[test]
fn order_is_the_servers_and_live_messages_come_last() {
    let mut rig = Rig::online();
    rig.open_empty(with_bob());
    let sort = |output: Output| shown(&output)[0].sort;
    let first = sort(rig.receive(archived(text(BOB, "a"), NOON - 5)));
    let same = sort(rig.receive(archived(text(BOB, "b"), NOON - 5)));
    assert_eq!((first, same), ((NOON - 5) * 1000, (NOON - 5) * 1000 + 1));
    let live = sort(rig.receive(text(BOB, "c")));
    rig.now -= 3_600_000; // The clock was set back.
    let later = sort(rig.receive(text(BOB, "d")));
    assert_eq!(later, live + 1);
    let far = sort(rig.receive(archived(text(BOB, "from the future"), NOON + 99_999_999)));
    assert!(far <= (rig.now + 600_000) * 1000);
}

#[test]
fn nonsense_is_refused_with_a_sentence() {
    let mut rig = Rig::online();
    let send = |body: String| ChatCommand::Send { conversation: with_bob(), body: body.into() };
    let elsewhere = ChatCommand::Send { conversation: in_lobby(), body: "hi".into() };
    for command in [send(" \n".into()), send("x".repeat(MAX_BODY + 1)), elsewhere] {
        let output = rig.chat(command);
        assert_eq!((rejected(&output).len(), output.effects.len()), (1, 0));
    }
    let output = rig.receive(text(BOB, &"ä".repeat(MAX_BODY)));
    assert!(
        matches!(&writes(&output)[0], Persist::Message { message, .. } if message.body.0.len() == MAX_BODY)
    );
}

#[test]
fn the_list_at_start_has_pinned_ones_first_then_the_newest() {
    let stored = |name: &str, at: i64, pinned| StoredConversation {
        id: ConversationId::Person(bare(&format!("{name}@example.test"))),
        title: None,
        last: Some(MessageRow {
            id: MessageId(name.into()),
            conversation: ConversationId::Person(bare(&format!("{name}@example.test"))),
            sender_name: String::new(),
            sender: None,
            at: Timestamp(at),
            direction: Direction::Incoming,
            body: "line one\nline two".into(),
            stanza_id: None,
            sort: at * 1000,
        }),
        first_unread: None,
        unread: 3,
        pinned,
        draft: Some("unsent".into()),
        joined: false,
    };
    let mut rig = Rig::new();
    let conversations = vec![stored("old", 1, false), stored("new", 3, false), stored("pin", 2, true)];
    let state = LoadedState { conversations, ..LoadedState::default() };
    let output = rig.give(Input::Store(StoreReply::Loaded(Box::new(state))));
    let rows = output.updates.iter().find_map(|update| match update {
        Update::Chat(ChatUpdate::ListReset { conversations }) => Some(conversations.clone()),
        _ => None,
    });
    let rows = rows.unwrap();
    assert_eq!(rows.iter().map(|row| row.title.as_str()).collect::<Vec<_>>(), ["pin", "new", "old"]);
    assert_eq!((rows[0].unread, &rows[0].draft), (3, &Some("unsent".into())));
    assert_eq!(rows[0].preview, "line one line two".into());
}

#[test]
fn a_search_is_handed_on_and_answered() {
    let mut rig = Rig::online();
    let search = crate::command::HistoryCommand::Search {
        query: crate::QueryId(5),
        text: "printer".into(),
        conversation: None,
        limit: 9999,
    };
    let output = rig.give(Input::Command(Command::History(search)));
    let asked = StoreQuery::Search {
        query: crate::QueryId(5),
        text: "printer".into(),
        conversation: None,
        limit: 200,
    };
    assert_eq!(output.effects, [Effect::Query(asked)]);
    let output = rig.give(Input::Store(StoreReply::Hits { query: crate::QueryId(5), hits: Vec::new() }));
    let results = crate::update::HistoryUpdate::Results { query: crate::QueryId(5), hits: Vec::new() };
    assert_eq!(output.updates, [Update::History(results)]);
}

#[test]
fn a_store_that_fails_leaves_nobody_waiting() {
    let mut rig = Rig::online();
    rig.chat(ChatCommand::Open { conversation: with_bob() });
    rig.receive(text(BOB, "meanwhile"));
    let search = crate::command::HistoryCommand::Search {
        query: crate::QueryId(5),
        text: "x".into(),
        conversation: None,
        limit: 1,
    };
    rig.give(Input::Command(Command::History(search)));
    let failed = || Input::Store(StoreReply::Failed { reason: "The disk is full. Free some space.".into() });
    let output = rig.give(failed());
    assert_eq!(rejected(&output)[0].reason, "The disk is full. Free some space.");
    let messages = output.updates.iter().find_map(|update| match update {
        Update::Chat(ChatUpdate::TimelineReset { messages, .. }) => Some(messages.len()),
        _ => None,
    });
    assert_eq!(messages, Some(1));
    let results = crate::update::HistoryUpdate::Results { query: crate::QueryId(5), hits: Vec::new() };
    assert!(output.updates.contains(&Update::History(results)));
    assert_eq!(rig.give(failed()).updates.len(), 1);
}

#[test]
fn what_xml_cannot_carry_is_left_out_here_as_there() {
    let mut rig = Rig::online();
    let (_, _, output) = rig.say(with_bob(), "a\u{0}b\u{1b}[1m\tc\n\u{fffe}\u{85}d");
    let body = stanzas(&output).into_iter().find_map(|stanza| match stanza {
        Outbound::Message { body, .. } => Some(body.0),
        _ => None,
    });
    assert_eq!(body.as_deref(), Some("ab[1m\tc\n\u{85}d"));
    let output = rig.chat(ChatCommand::Send { conversation: with_bob(), body: "\u{1}".into() });
    assert_eq!(rejected(&output).len(), 1);
}

#[test]
fn the_engine_knows_what_is_not_done() {
    let mut rig = Rig::new();
    assert!(rig.engine.unfinished().others, "the store has not answered");
    let mut rig2 = Rig::online();
    assert_eq!(
        rig2.engine.unfinished(),
        crate::engine::Unfinished { messages: 0, others: false, refused: false }
    );
    let (_, token, _) = rig2.say(with_bob(), "hi");
    let token = token.unwrap();
    rig2.give(Input::Session(SessionEvent::Written(token)));
    assert_eq!(rig2.engine.unfinished().messages, 1);
    rig2.give(Input::Session(SessionEvent::Acked(token)));
    assert_eq!(rig2.engine.unfinished().messages, 0);
    rig.give(Input::Store(StoreReply::Failed { reason: "Disk.".into() }));
    assert!(!rig.engine.unfinished().others);
}
