//! Running chats that are handed on: to a queue, to a workgroup, to a person.

use crate::office::*;
use jid::Jid;
use minidom::Element;

const ANN: &str = "ann@example.test/desk";
const BOB: &str = "bob@example.test/desk";
const CLEO: &str = "cleo@example.test/desk";
const WANDA: &str = "wanda@example.test/home";
const ZOE: &str = "zoe@example.test/home";
const SALES: &str = "sales@workgroup.example.test";

fn request(name: &str, kind: &str, session: &str, invitee: &str) -> String {
    format!(
        "<{name} xmlns='http://jabber.org/protocol/workgroup' type='{kind}'>\
         <session xmlns='http://jivesoftware.com/protocol/workgroup' id='{session}'/>\
         <invitee>{invitee}</invitee><reason>Needs a quote</reason></{name}>"
    )
}

fn answer(kind: &str, id: &str) -> String {
    format!("<offer-{kind} xmlns='http://jabber.org/protocol/workgroup' id='{id}'/>")
}

async fn chatting() -> (Office, String) {
    let mut office = Office::open();
    office.agent(ANN, 4).await;
    office.join(WANDA).await;
    let session = office.chat(ANN, WANDA).await;
    (office, session)
}

async fn join(office: &mut Office, who: &str, workgroup: &str) {
    let status = "<agent-status xmlns='http://jabber.org/protocol/workgroup'/>";
    office.send(who, &format!("<presence to='{workgroup}'>{status}</presence>"));
    office.payload(who, "notify-queue").await;
}

async fn ok(office: &mut Office, who: &str, to: &str, payload: &str) {
    let answer = office.ask(who, "set", to, payload).await;
    assert_eq!(answer.attr("type"), Some("result"), "{}", String::from(&answer));
}

fn text(offer: &Element, path: &[&str]) -> String {
    path.iter()
        .fold(offer, |element, name| element.children().find(|child| child.name() == *name).expect(name))
        .text()
}

#[tokio::test(start_paused = true)]
async fn a_transfer_to_a_workgroup_is_offered_taken_by_session_id_and_shows_the_old_agent_out() {
    let (mut office, session) = chatting().await;
    join(&mut office, CLEO, SALES).await;
    ok(&mut office, ANN, SUPPORT, &request("transfer", "workgroup", &session, SALES)).await;
    let stanza = office.payload(CLEO, "offer").await;
    assert_eq!(stanza.attr("from"), Some(SALES));
    let offer = stanza.children().next().unwrap();
    assert_ne!(offer.attr("id"), Some(session.as_str()));
    assert_eq!(session_of(&stanza), session);
    assert_eq!(text(offer, &["transfer", "inviter"]), ANN);
    assert_eq!(text(offer, &["transfer", "room"]), format!("{session}@conference.example.test"));
    assert_eq!(text(offer, &["transfer", "reason"]), "Needs a quote");
    // As Spark does: by the chat's id.
    ok(&mut office, CLEO, SALES, &answer("accept", &session)).await;
    office.enter(CLEO, &session, "cleo");
    let kicked = office.expect(ANN, "the kick", |it| String::from(it).contains("307")).await;
    assert_eq!(kicked.attr("type"), Some("unavailable"));
    office.pass(90).await;
    assert!(office.rooms.exists(&session));
    assert!(!office.drain(ANN).iter().any(|it| it.attr("type") == Some("error")), "nothing failed");
    office.leave(CLEO, &session, "cleo");
    office.pass(2).await;
    assert!(!office.rooms.exists(&session));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_invitation_to_a_queue_goes_on_to_the_next_agent_and_never_to_the_one_who_asked() {
    let (mut office, session) = chatting().await;
    office.agent(BOB, 1).await;
    let queue = format!("{SUPPORT}/Default Queue");
    ok(&mut office, ANN, SUPPORT, &request("invite", "queue", &session, &queue)).await;
    let stanza = office.payload(BOB, "offer").await;
    let offer = stanza.children().next().unwrap();
    assert_eq!(text(offer, &["invite", "inviter"]), ANN);
    ok(&mut office, BOB, SUPPORT, &answer("reject", offer.attr("id").unwrap())).await;
    let failure = office.payload(ANN, "invite").await;
    assert_eq!((failure.name(), condition(&failure).as_str()), ("message", "recipient-unavailable"));
    assert!(String::from(&failure).contains(&queue));
    assert!(!office.drain(ANN).iter().any(|it| it.children().any(|child| child.name() == "offer")));
    // Bob, who declined, is free for whoever waits.
    office.join(ZOE).await;
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_invited_agent_comes_in_addition_even_without_an_accept() {
    let (mut office, session) = chatting().await;
    office.agent(BOB, 4).await;
    let queue = format!("{SUPPORT}/Default Queue");
    ok(&mut office, ANN, SUPPORT, &request("invite", "queue", &session, &queue)).await;
    office.payload(BOB, "offer").await;
    office.enter(BOB, &session, "bob");
    office.pass(90).await;
    let seen = office.drain(BOB);
    assert!(!seen.iter().any(|it| it.children().any(|child| child.name() == "offer")), "it is settled");
    assert!(!office.drain(ANN).iter().any(|it| String::from(it).contains("307")));
    // The one who asked goes, and the chat goes on.
    office.leave(ANN, &session, "agent");
    office.pass(5).await;
    assert!(office.rooms.exists(&session));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_offer_of_a_chat_that_ends_is_taken_back() {
    let (mut office, session) = chatting().await;
    join(&mut office, CLEO, SALES).await;
    ok(&mut office, ANN, SUPPORT, &request("invite", "workgroup", &session, SALES)).await;
    let offer = office.payload(CLEO, "offer").await;
    let id = offer.children().next().unwrap().attr("id").unwrap().to_owned();
    office.leave(ANN, &session, "agent");
    office.pass(2).await;
    let revoke = office.payload(CLEO, "offer-revoke").await;
    assert_eq!(revoke.attr("from"), Some(SALES));
    assert_eq!(revoke.children().next().unwrap().attr("id"), Some(id.as_str()));
    assert_eq!(condition(&office.ask(CLEO, "set", SALES, &answer("accept", &id)).await), "item-not-found");
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_who_hands_the_customer_on_may_leave_at_once() {
    let (mut office, session) = chatting().await;
    join(&mut office, CLEO, SALES).await;
    ok(&mut office, ANN, SUPPORT, &request("transfer", "workgroup", &session, SALES)).await;
    office.payload(CLEO, "offer").await;
    office.leave(ANN, &session, "agent");
    office.pass(10).await;
    assert!(office.rooms.exists(&session));
    ok(&mut office, CLEO, SALES, &answer("accept", &session)).await;
    office.enter(CLEO, &session, "cleo");
    office.pass(90).await;
    assert!(office.rooms.exists(&session));
    office.leave(CLEO, &session, "cleo");
    office.pass(2).await;
    assert!(!office.rooms.exists(&session));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_guest_who_left_while_the_service_was_away_does_not_hold_the_chat_open() {
    let (mut office, session) = chatting().await;
    office.agent(BOB, 4).await;
    let queue = format!("{SUPPORT}/Default Queue");
    ok(&mut office, ANN, SUPPORT, &request("invite", "queue", &session, &queue)).await;
    office.payload(BOB, "offer").await;
    office.enter(BOB, &session, "bob");
    office.pass(5).await;
    office.unplug();
    office.leave(BOB, &session, "bob");
    office.pass(5).await;
    office.cut();
    office.pass(5).await;
    assert!(office.rooms.exists(&session));
    office.leave(ANN, &session, "agent");
    office.pass(5).await;
    assert!(!office.rooms.exists(&session), "nobody is there who could hold it");
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_come_is_reported_to_the_one_who_called() {
    let (mut office, session) = chatting().await;
    office.online.insert("bob@example.test".to_owned());
    ok(&mut office, ANN, SUPPORT, &request("transfer", "user", &session, "bob@example.test")).await;
    office.expect("bob@example.test", "the invitation", is_invitation).await;
    let start = tokio::time::Instant::now();
    let failure = office.payload(ANN, "transfer").await;
    assert_eq!(start.elapsed().as_secs(), 60);
    assert_eq!(condition(&failure), "recipient-unavailable");
    assert_eq!(Jid::new(failure.attr("from").unwrap()).unwrap().to_bare().as_str(), SUPPORT);
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_handover_survives_the_death_of_the_service() {
    let (mut office, session) = chatting().await;
    join(&mut office, CLEO, SALES).await;
    ok(&mut office, ANN, SUPPORT, &request("transfer", "workgroup", &session, SALES)).await;
    let first = office.payload(CLEO, "offer").await;
    let mut office = office.kill();
    let second = office.payload(CLEO, "offer").await;
    assert_ne!(
        first.children().next().unwrap().attr("id"),
        second.children().next().unwrap().attr("id"),
        "made anew after the connection"
    );
    ok(&mut office, CLEO, SALES, &answer("accept", &session)).await;
    office.enter(CLEO, &session, "cleo");
    office.expect(ANN, "the kick", |it| String::from(it).contains("307")).await;
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_was_taken_over_from_another_workgroup_can_be_handed_on() {
    let (mut office, session) = chatting().await;
    join(&mut office, CLEO, SALES).await;
    ok(&mut office, ANN, SUPPORT, &request("transfer", "workgroup", &session, SALES)).await;
    office.payload(CLEO, "offer").await;
    ok(&mut office, CLEO, SALES, &answer("accept", &session)).await;
    office.enter(CLEO, &session, "cleo");
    office.expect(ANN, "the kick", |it| String::from(it).contains("307")).await;
    office.quiet().await;
    // By the workgroup over which it was taken, and by the one whose chat it is.
    for to in [SALES, SUPPORT] {
        let ask = format!(
            "<occupants-info xmlns='http://jivesoftware.com/protocol/workgroup' \
             roomID='{session}@conference.example.test'/>"
        );
        let info = office.ask(CLEO, "get", to, &ask).await;
        assert!(String::from(&info).contains(CLEO), "{}", String::from(&info));
    }
    ok(&mut office, CLEO, SALES, &request("transfer", "workgroup", &session, SUPPORT)).await;
    let offer = office.payload(ANN, "offer").await;
    ok(&mut office, ANN, SUPPORT, &answer("reject", offer.children().next().unwrap().attr("id").unwrap()))
        .await;
    let failure = office.payload(CLEO, "transfer").await;
    assert_eq!(Jid::new(failure.attr("from").unwrap()).unwrap().to_bare().as_str(), SALES);
    ok(&mut office, CLEO, SUPPORT, &request("transfer", "workgroup", &session, SUPPORT)).await;
    office.payload(ANN, "offer").await;
    ok(&mut office, ANN, SUPPORT, &answer("accept", &session)).await;
    office.enter(ANN, &session, "ann");
    office.expect(CLEO, "the kick", |it| String::from(it).contains("307")).await;
    office.quiet().await;
    // Outside she has no more say than before.
    let refused = office.ask(CLEO, "set", SALES, &request("transfer", "workgroup", &session, SALES)).await;
    assert_eq!(condition(&refused), "item-not-found");
    let refused = office.ask(CLEO, "set", SUPPORT, &request("transfer", "workgroup", &session, SALES)).await;
    assert_eq!(condition(&refused), "not-authorized");
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_person_is_called_again_when_the_invitation_may_be_lost() {
    let (mut office, session) = chatting().await;
    office.online.insert("bob@example.test".to_owned());
    ok(&mut office, ANN, SUPPORT, &request("transfer", "user", &session, "bob@example.test")).await;
    office.expect("bob@example.test", "the invitation", is_invitation).await;
    office.pass(50).await;
    office.cut();
    office.expect("bob@example.test", "the invitation", is_invitation).await;
    office.pass(50).await;
    assert!(!office.drain(ANN).iter().any(|it| it.attr("type") == Some("error")), "there is time again");
    office.enter(BOB, &session, "bob");
    office.expect(ANN, "the kick", |it| String::from(it).contains("307")).await;
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_gave_the_customer_away_is_shown_out_although_the_colleague_came_while_nobody_watched() {
    let (mut office, session) = chatting().await;
    join(&mut office, CLEO, SALES).await;
    ok(&mut office, ANN, SUPPORT, &request("transfer", "workgroup", &session, SALES)).await;
    office.payload(CLEO, "offer").await;
    ok(&mut office, CLEO, SALES, &answer("accept", &session)).await;
    office.quiet().await;
    office.unplug();
    // The room names its occupants in the order in which they came: Ann comes last.
    office.enter(CLEO, &session, "cleo");
    office.leave(ANN, &session, "agent");
    office.enter(ANN, &session, "agent");
    office.cut();
    office.expect(ANN, "the kick", |it| String::from(it).contains("307")).await;
    office.pass(90).await;
    assert!(office.rooms.exists(&session));
    office.leave(CLEO, &session, "cleo");
    office.pass(2).await;
    assert!(!office.rooms.exists(&session));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_guest_in_a_room_that_was_made_anew_keeps_the_chat_open() {
    let (mut office, session) = chatting().await;
    office.agent(BOB, 4).await;
    let queue = format!("{SUPPORT}/Default Queue");
    ok(&mut office, ANN, SUPPORT, &request("invite", "queue", &session, &queue)).await;
    office.payload(BOB, "offer").await;
    office.enter(BOB, &session, "bob");
    office.pass(5).await;
    office.rooms = Default::default();
    office.cut();
    office.pass(5).await;
    for (who, nick) in [(BOB, "bob"), (ANN, "agent"), (WANDA, "customer")] {
        office.enter(who, &session, nick);
        office.quiet().await;
    }
    office.leave(ANN, &session, "agent");
    office.pass(90).await;
    assert!(office.rooms.exists(&session));
    office.stop().await;
}
