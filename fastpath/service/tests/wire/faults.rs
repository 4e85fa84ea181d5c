//! Everything that goes otherwise.

use crate::office::*;
use std::sync::atomic::Ordering;

const ANN: &str = "ann@example.test/desk";
const BOB: &str = "bob@example.test/desk";
const WANDA: &str = "wanda@example.test/home";
const ZOE: &str = "zoe@example.test/home";

fn reject(id: &str) -> String {
    format!("<offer-reject xmlns='http://jabber.org/protocol/workgroup' id='{id}'/>")
}

#[tokio::test(start_paused = true)]
async fn rejected_then_timed_out_then_late() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.agent(BOB, 1).await;
    let session = office.join(WANDA).await;
    let first = office.offered(ANN).await;
    assert_eq!(first.id, session);
    assert_eq!(office.ask(ANN, "set", SUPPORT, &reject(&first.id)).await.attr("type"), Some("result"));
    let second = office.offered(BOB).await;
    assert_eq!((second.id.as_str(), &second.session), (format!("{session}-2").as_str(), &session));
    // Bob is silent.
    let revoke = office.payload(BOB, "offer-revoke").await;
    let element = revoke.children().next().unwrap();
    assert_eq!((element.attr("id"), element.attr("jid")), (Some(second.id.as_str()), Some(WANDA)));
    assert_eq!(element.children().next().unwrap().text(), "The offer has timed out");
    assert_eq!(condition(&office.accept(BOB, &second.id).await), "item-not-found");
    // Ann is asked again after her pause, and only after it.
    let third = office.offered(ANN).await;
    assert_eq!(third.id, format!("{session}-3"));
    // Her first refusal, arriving again, concerns an old offer.
    assert_eq!(condition(&office.accept(ANN, &second.id).await), "item-not-found");
    assert_eq!(office.accept(ANN, &third.id).await.attr("type"), Some("result"));
    office.expect(ANN, "the invitation", is_invitation).await;
    assert_eq!(condition(&office.accept(BOB, &second.id).await), "item-not-found");
    // Said twice, and invited anew over the next connection: it is one accept.
    assert_eq!(office.accept(ANN, &third.id).await.attr("type"), Some("result"));
    office.cut();
    office.expect(ANN, "the invitation", is_invitation).await;
    assert_eq!(office.metrics.accepts_total.load(Ordering::Relaxed), 1);
    assert_eq!(office.metrics.late_accepts_total.load(Ordering::Relaxed), 3);
    assert_eq!(office.metrics.offer_timeouts_total.load(Ordering::Relaxed), 1);
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_spark_accepts_by_session_and_a_repeated_accept_changes_nothing() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    let session = office.join(WANDA).await;
    let first = office.offered(ANN).await;
    office.ask(ANN, "set", SUPPORT, &reject(&first.id)).await;
    let second = office.offered(ANN).await;
    assert_ne!(second.id, session);
    for _ in 0..2 {
        assert_eq!(office.accept(ANN, &session).await.attr("type"), Some("result"));
    }
    office.expect(ANN, "the invitation", is_invitation).await;
    office.quiet().await;
    assert!(!office.drain(ANN).iter().any(is_invitation), "one accept, one invitation");
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn only_the_addressee_can_take_an_offer() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.agent(BOB, 1).await;
    let session = office.join(WANDA).await;
    office.offered(ANN).await;
    for forger in [BOB, "ann@example.test/phone", "mallory@example.test/x", WANDA, "cleo@example.test/desk"] {
        assert_eq!(condition(&office.accept(forger, &session).await), "item-not-found", "{forger}");
        let answer = office.ask(forger, "set", SUPPORT, &reject(&session)).await;
        assert!(matches!(answer.attr("type"), Some("result" | "error")));
    }
    assert_eq!(office.accept(ANN, &session).await.attr("type"), Some("result"));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_customer_who_is_gone_is_noticed_in_each_way() {
    for way in ["unavailable", "ping", "bounce", "depart"] {
        let mut office = Office::open();
        // Right after the connection somebody may just be on the way back.
        office.pass(31).await;
        office.agent(ANN, 1).await;
        let session = office.join(WANDA).await;
        office.join(ZOE).await;
        office.offered(ANN).await;
        match way {
            "unavailable" => office.send(WANDA, &format!("<presence type='unavailable' to='{SUPPORT}'/>")),
            "ping" => {
                office.ask(ANN, "set", SUPPORT, &reject(&session)).await;
                office.online.remove(WANDA);
            }
            "bounce" => office.send(
                WANDA,
                &format!(
                    "<message type='error' to='{SUPPORT}'><error type='cancel'><service-unavailable \
                     xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
                ),
            ),
            _ => {
                let depart = "<depart-queue xmlns='http://jabber.org/protocol/workgroup'/>";
                assert_eq!(office.ask(WANDA, "set", SUPPORT, depart).await.attr("type"), Some("result"));
                let push = office.payload(WANDA, "depart-queue").await;
                assert_eq!(
                    push.children().next().unwrap().children().next().unwrap().name(),
                    "departure-requested"
                );
                assert_eq!(condition(&office.ask(WANDA, "set", SUPPORT, depart).await), "item-not-found");
            }
        }
        if way != "ping" {
            let revoke = office.payload(ANN, "offer-revoke").await;
            assert!(String::from(&revoke).contains("User canceled"), "{way}");
        }
        let zoe = office
            .expect(ZOE, "the first place", |it| String::from(it).contains("<position>1</position>"))
            .await;
        assert_eq!(zoe.name(), "message", "{way}");
        assert_eq!(office.metrics.abandoned_total.load(Ordering::Relaxed), 1, "{way}");
        office.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_who_is_gone_passes_the_offer_on() {
    for way in ["unavailable", "bounce"] {
        let mut office = Office::open();
        office.agent(ANN, 1).await;
        office.agent(BOB, 1).await;
        if way == "bounce" {
            office.online.remove(ANN);
        }
        let session = office.join(WANDA).await;
        if way == "unavailable" {
            office.offered(ANN).await;
            office.send(ANN, &format!("<presence type='unavailable' to='{SUPPORT}'/>"));
        }
        let offer = office.offered(BOB).await;
        assert_eq!(offer.session, session, "{way}");
        let left = office.payload(BOB, "agent-status").await;
        let left = if left.attr("type").is_none() { office.payload(BOB, "agent-status").await } else { left };
        assert_eq!(
            (left.attr("from"), left.attr("type")),
            (Some("ann@workgroup.example.test/desk"), Some("unavailable"))
        );
        office.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_chat_whose_agent_drops_goes_on_with_another() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.join(WANDA).await;
    let session = office.chat(ANN, WANDA).await;
    office.agent(BOB, 1).await;
    office.leave(ANN, &session, "agent");
    office.send(ANN, &format!("<presence type='unavailable' to='{SUPPORT}'/>"));
    let notice = office.expect(WANDA, "a notice", |it| String::from(it).contains("next in line")).await;
    assert_eq!(notice.attr("type"), Some("groupchat"));
    let offer = office.offered(BOB).await;
    assert_eq!(offer.session, session);
    // A Spark goes into the room without waiting for anything: that settles the offer.
    office.enter(BOB, &session, "bob");
    office.pass(120).await;
    assert!(office.rooms.exists(&session));
    assert!(!office.drain(BOB).iter().any(|it| it.children().any(|child| child.name() == "offer-revoke")));
    office.leave(BOB, &session, "bob");
    let bye = office.expect(WANDA, "the end", |it| String::from(it).contains("This chat has ended")).await;
    assert_eq!(bye.attr("type"), Some("groupchat"));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_that_nobody_enters_or_that_can_not_be_made() {
    for (broken, silent) in [(false, false), (true, false), (false, true)] {
        let mut office = Office::open();
        office.agent(ANN, 1).await;
        let session = office.join(WANDA).await;
        let offer = office.offered(ANN).await;
        (office.rooms.broken, office.rooms.silent) = (broken, silent);
        office.accept(ANN, &offer.id).await;
        if !broken && !silent {
            office.expect(WANDA, "the invitation", is_invitation).await;
            office.expect(WANDA, "it again, ten seconds later", is_invitation).await;
            office.quiet().await;
        }
        office.payload(ANN, "offer-revoke").await;
        (office.rooms.broken, office.rooms.silent) = (false, false);
        let again = office.offered(ANN).await;
        assert_eq!(again.session, session);
        office.accept(ANN, &again.id).await;
        office.expect(ANN, "the invitation", is_invitation).await;
        office.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_transfer_shows_the_old_agent_out() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.join(WANDA).await;
    let session = office.chat(ANN, WANDA).await;
    let transfer = |to: &str| {
        format!(
            "<transfer xmlns='http://jabber.org/protocol/workgroup' type='workgroup'>\
             <session xmlns='http://jivesoftware.com/protocol/workgroup' id='{session}'/>\
             <invitee>{to}</invitee><reason>Please take over</reason></transfer>"
        )
    };
    assert_eq!(
        condition(&office.ask(ANN, "set", SUPPORT, &transfer("nowhere@workgroup.example.test")).await),
        "item-not-found"
    );
    assert_eq!(
        condition(&office.ask(ANN, "set", SUPPORT, &transfer("eve@example.test")).await),
        "not-allowed"
    );
    assert_eq!(
        condition(&office.ask(BOB, "set", SUPPORT, &transfer("bob@example.test")).await),
        "item-not-found"
    );
    office.online.insert("bob@example.test".to_owned());
    assert_eq!(
        office.ask(ANN, "set", SUPPORT, &transfer("bob@workgroup.example.test")).await.attr("type"),
        Some("result")
    );
    let invitation = office.expect("bob@example.test", "the invitation", is_invitation).await;
    assert!(String::from(&invitation).contains("metadata"), "Spark needs it");
    office.enter(BOB, &session, "bob");
    let kicked = office.expect(ANN, "the kick", |it| String::from(it).contains("307")).await;
    assert_eq!(kicked.attr("type"), Some("unavailable"));
    office.pass(30).await;
    assert!(office.rooms.exists(&session));
    office.leave(BOB, &session, "bob");
    office.pass(2).await;
    assert!(!office.rooms.exists(&session));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_logged_out_spark_does_not_keep_customers_waiting() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    let form = "<workgroup-form xmlns='http://jivesoftware.com/protocol/workgroup'/>";
    office.join(WANDA).await;
    let offer = office.offered(ANN).await;
    office.ask(ANN, "get", SUPPORT, form).await;
    office.ask(ANN, "set", SUPPORT, &reject(&offer.id)).await;
    office.offered(ANN).await;
    let start = tokio::time::Instant::now();
    office.payload(ANN, "offer-revoke").await;
    assert_eq!(start.elapsed().as_secs(), 2);
    office.stop().await;
}
