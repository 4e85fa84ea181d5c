//! Crashes, lost connections, a failing disk, a new configuration.

use crate::office::*;
use flint_fastpath_service::{ServiceError, WorkgroupConfig};
use flint_stream::ConnectError;
use std::sync::atomic::Ordering;

const ANN: &str = "ann@example.test/desk";
const BOB: &str = "bob@example.test/desk";

fn customer(number: usize) -> String {
    format!("c{number:02}@example.test/home")
}

/// One chat with bob, one offer to ann, twenty who wait.
async fn busy() -> (Office, String, Offer, Vec<String>) {
    let mut office = Office::open();
    office.agent(BOB, 1).await;
    office.join("wanda@example.test/home").await;
    let chat = office.chat(BOB, "wanda@example.test/home").await;
    office.agent(ANN, 1).await;
    let mut sessions = Vec::new();
    for number in 0..21 {
        sessions.push(office.join(&customer(number)).await);
    }
    let offer = office.offered(ANN).await;
    assert_eq!(offer.session, sessions[0]);
    office.quiet().await;
    (office, chat, offer, sessions)
}

/// The places are as before, the offer is made once more, the chat goes on.
async fn all_is_well(office: &mut Office, chat: &str, old: &Offer, sessions: &[String]) {
    for (number, session) in sessions.iter().enumerate() {
        let who = customer(number);
        let poll = office
            .ask(&who, "get", SUPPORT, "<queue-status xmlns='http://jabber.org/protocol/workgroup'/>")
            .await;
        assert_eq!(&session_of(&poll), session);
        assert!(String::from(&poll).contains(&format!("<position>{}</position>", number + 1)), "{who}");
    }
    let revoke = office.payload(ANN, "offer-revoke").await;
    assert_eq!(revoke.children().next().unwrap().attr("id"), Some(old.id.as_str()));
    let offer = office.offered(ANN).await;
    assert_eq!((&offer.session, offer.id != old.id), (&old.session, true));
    office.quiet().await;
    assert!(
        !office.drain(ANN).iter().any(|it| it.children().any(|child| child.name() == "offer")),
        "offered once"
    );
    assert!(office.rooms.exists(chat));
    let room = format!("{chat}@conference.example.test");
    office.send(BOB, &format!("<message type='groupchat' to='{room}'><body>still here</body></message>"));
    assert_eq!(office.accept(ANN, &offer.id).await.attr("type"), Some("result"));
    office.expect(ANN, "the invitation", is_invitation).await;
    office.expect(&customer(0), "the invitation", is_invitation).await;
    // The room that the old process made is watched by the new one.
    office.leave(BOB, chat, "agent");
    let next = office.offered(BOB).await;
    assert_eq!(next.session, sessions[1]);
    let transcript = format!("<transcript xmlns='http://jabber.org/protocol/workgroup' sessionID='{chat}'/>");
    let transcript = office.ask(ANN, "get", SUPPORT, &transcript).await;
    assert!(String::from(&transcript).contains("still here"));
}

#[tokio::test(start_paused = true)]
async fn a_killed_process_loses_nobody() {
    let (office, chat, offer, sessions) = busy().await;
    let mut office = office.kill();
    all_is_well(&mut office, &chat, &offer, &sessions).await;
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_loses_nobody() {
    let (mut office, chat, offer, sessions) = busy().await;
    office.cut();
    all_is_well(&mut office, &chat, &offer, &sessions).await;
    assert_eq!(office.metrics.connects_total.load(Ordering::Relaxed), 2);
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_gone_after_a_crash_is_noticed() {
    let (mut office, chat, _, sessions) = busy().await;
    office.leave(BOB, &chat, "agent");
    office.online.remove(ANN);
    office.online.remove(&customer(0));
    let mut office = office.kill();
    // Bob left the room while nobody watched, so his chat is over. The first customer may be on the way back, until it
    // is asked.
    assert_eq!(office.offered(BOB).await.session, sessions[0]);
    office.pass(25).await;
    assert_eq!(office.metrics.abandoned_total.load(Ordering::Relaxed), 0);
    office.pass(10).await;
    assert_eq!(office.metrics.abandoned_total.load(Ordering::Relaxed), 1);
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restarted_server_loses_no_chat_and_nobody_who_waits() {
    let (mut office, chat, _, sessions) = busy().await;
    let people = std::mem::take(&mut office.online);
    office.rooms = Default::default();
    office.cut();
    office.pass(5).await;
    office.online = people;
    for agent in [BOB, ANN] {
        office.agent(agent, 1).await;
    }
    // The room is made anew, and agent and customer are asked into it.
    for (who, nick) in [(BOB, "agent"), ("wanda@example.test/home", "customer")] {
        office.expect(who, "the invitation", is_invitation).await;
        office.enter(who, &chat, nick);
    }
    office.pass(60).await;
    assert!(office.rooms.exists(&chat));
    for (number, session) in sessions.iter().enumerate() {
        let who = customer(number);
        let ask = "<queue-status xmlns='http://jabber.org/protocol/workgroup'/>";
        assert_eq!(&session_of(&office.ask(&who, "get", SUPPORT, ask).await), session);
    }
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_said_while_nobody_listened_is_in_the_transcript_once() {
    // The room service has a clock of its own; a dead process remembers only what it wrote down.
    for (ahead, dies) in [(0, false), (30, false), (-30, false), (30, true), (-30, true)] {
        let (mut office, chat, ..) = busy().await;
        office.rooms.ahead = ahead;
        let room = format!("{chat}@conference.example.test");
        let say = |office: &mut Office, text: &str| {
            office.send(BOB, &format!("<message type='groupchat' to='{room}'><body>{text}</body></message>"));
        };
        for text in ["before", "yes", "yes"] {
            say(&mut office, text);
        }
        office.pass(5).await;
        // The stream breaks, and it takes a while until the next one is there.
        office.unplug();
        for text in ["meanwhile", "yes"] {
            say(&mut office, text);
        }
        office.pass(if dies { 0 } else { 30 }).await;
        if dies {
            office = office.kill();
        } else {
            office.cut();
        }
        office.pass(5).await;
        say(&mut office, "after");
        office.pass(1).await;
        let ask = format!("<transcript xmlns='http://jabber.org/protocol/workgroup' sessionID='{chat}'/>");
        let text = String::from(&office.ask(ANN, "get", SUPPORT, &ask).await);
        for (word, times) in [("before", 1), ("meanwhile", 1), ("after", 1), ("yes", 3)] {
            let found = text.matches(&format!("<body>{word}</body>")).count();
            assert_eq!(found, times, "{word}, {ahead} s ahead, {dies}: {text}");
        }
        office.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_that_is_not_in_the_journal() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.journal.break_writes(true);
    let wanda = "wanda@example.test/home";
    office.send(wanda, &format!("<iq type='set' id='j' to='{SUPPORT}'>{}</iq>", join_form(wanda)));
    office.pass(1).await;
    assert_eq!(office.drain(wanda), [], "an answer that no journal backs");
    assert!(!office.drain(ANN).iter().any(|it| it.children().any(|child| child.name() == "offer")));
    assert!(office.metrics.journal_errors_total.load(Ordering::Relaxed) > 0);
    // The disk is back: the service is as the journal knows it, and the agent is still there.
    office.journal.break_writes(false);
    office.cut();
    office.pass(5).await;
    let session = office.join(wanda).await;
    assert_eq!(office.offered(ANN).await.session, session);
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_connection_is_the_last() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.refuse_next(ConnectError::Network("no route".to_owned()));
    // A server that starts does not know its components yet, and a wrong secret is corrected on its side.
    office.refuse_next(ConnectError::Stream { condition: "host-unknown".to_owned(), text: None });
    office.refuse_next(ConnectError::NotAuthorized {
        mechanism: "component".to_owned(),
        condition: "not-authorized".to_owned(),
        text: None,
    });
    office.cut();
    let session = office.join("wanda@example.test/home").await;
    assert_eq!(office.offered(ANN).await.session, session);
    office.stop().await;
    let mut config = config();
    config.workgroups[0].queues.clear();
    let office = Office::open_with(config, Default::default(), Default::default());
    assert!(matches!(office.task.await.unwrap(), Err(ServiceError::Config(_))));
}

#[tokio::test(start_paused = true)]
async fn a_new_configuration_counts_at_once_and_a_broken_one_does_not() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    let items = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
    let mut new = config();
    new.workgroups.push(WorkgroupConfig::new("press", vec!["ann@example.test".parse().unwrap()]));
    office.config.send_replace(new.clone());
    office.quiet().await;
    assert!(String::from(&office.ask(ANN, "get", SERVICE, items).await).contains("press@"));
    new.workgroups[0].max_chats = 0;
    new.workgroups.pop();
    office.config.send_replace(new.clone());
    office.quiet().await;
    assert!(String::from(&office.ask(ANN, "get", SERVICE, items).await).contains("press@"));
    // Ann is no longer an agent of support: her offer is taken back.
    new.workgroups[0].max_chats = 1;
    office.join("wanda@example.test/home").await;
    office.offered(ANN).await;
    new.workgroups[0].queues[0].agents.remove(0);
    office.config.send_replace(new);
    office.payload(ANN, "offer-revoke").await;
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_history_is_compacted() {
    let mut office = Office::open();
    for _ in 0..1_200 {
        office.send(ANN, &format!("<presence to='{SUPPORT}'><show>away</show><agent-status xmlns='http://jabber.org/protocol/workgroup'/></presence>"));
        office.send(ANN, &format!("<presence to='{SUPPORT}'><agent-status xmlns='http://jabber.org/protocol/workgroup'/></presence>"));
    }
    office.quiet().await;
    office.pass(1).await;
    assert!(office.journal.log().len() < 1_000, "{} records", office.journal.log().len());
    let session = office.join("wanda@example.test/home").await;
    assert_eq!(office.offered(ANN).await.session, session);
    let mut office = office.kill();
    assert_eq!(office.offered(ANN).await.session, session);
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_told_once_and_long_lists_are_cut() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    for number in 0..40 {
        office.send(
            &customer(number),
            &format!("<iq type='set' id='j' to='{SUPPORT}'>{}</iq>", join_form("x")),
        );
    }
    office.pass(2).await;
    let seen = office.drain(ANN);
    let pushes = seen.iter().filter(|it| it.children().any(|child| child.name() == "notify-queue")).count();
    assert!(pushes <= 4, "{pushes} pushes");
    let details: Vec<_> = seen
        .iter()
        .filter_map(|it| it.children().find(|child| child.name() == "notify-queue-details"))
        .collect();
    assert_eq!(details.last().unwrap().children().count(), 5);
    let last =
        seen.iter().filter_map(|it| it.children().find(|child| child.name() == "notify-queue")).next_back();
    assert!(String::from(last.unwrap()).contains("<count>40</count>"));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_without_end_is_not_kept_without_end() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.join("wanda@example.test/home").await;
    let chat = office.chat(ANN, "wanda@example.test/home").await;
    let room = format!("{chat}@conference.example.test");
    let say = format!("<message type='groupchat' to='{room}'><body>again</body></message>");
    for _ in 0..4_990 {
        office.send(ANN, &say);
    }
    office.pass(120).await;
    office.send(ANN, &say);
    office.pass(1).await;
    assert_eq!(office.metrics.lines_dropped_total.load(Ordering::Relaxed), 0);
    // The next process counts on.
    let mut office = office.kill();
    office.pass(1).await;
    for _ in 0..100 {
        office.send(ANN, &say);
    }
    office.pass(1).await;
    let dropped = office.metrics.lines_dropped_total.load(Ordering::Relaxed);
    assert!((90..=100).contains(&dropped), "{dropped}");
    // Neither does the one after it say once more that nothing is kept; who goes is still written down.
    let mut office = office.kill();
    office.pass(1).await;
    office.send(ANN, &say);
    office.pass(1).await;
    office.leave(ANN, &chat, "agent");
    office.pass(120).await;
    let transcript = format!("<transcript xmlns='http://jabber.org/protocol/workgroup' sessionID='{chat}'/>");
    let answer = office.ask(ANN, "get", SUPPORT, &transcript).await;
    let text = String::from(&answer);
    assert_eq!(text.matches("What is said later is not kept.").count(), 1, "{text}");
    let end = text.split("What is said later is not kept.").nth(1).unwrap();
    assert!(!end.contains("again") && end.contains("unavailable"), "{end}");
    office.stop().await;
}
