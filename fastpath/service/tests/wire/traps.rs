//! Openfire's traps and Spark's rules, from the server's side: the service does not copy the bug, and serves clients
//! that rely on it. The numbers are those of the recordings. The client's side is in
//! `fastpath/agent/src/agent/tests/traps.rs`.
//!
//! | trap | test, or why there is none |
//! |---|---|
//! | 1 second resource | `trap_01_…` |
//! | 2 private storage | `trap_02_…` |
//! | 3 accept after the time | `trap_03_…` |
//! | 4 order of the queue | `trap_04_…` |
//! | 5 endless loop | `trap_05_…` |
//! | 6, 7, 18, 19, 24 | updater, permitted clients, sign-in, version: not this service |
//! | 8 members by bare names | there is no such command; agents are imported with whole addresses |
//! | 9 transcripts | rule 9: `normal.rs`, `from_join_to_transcript` |
//! | 10 MUC invitation | `normal.rs`, `from_join_to_transcript` |
//! | 11 legacy codes | `trap_11_…` |
//! | 12 semi-anonymous rooms | `normal.rs`: `occupants-info` names the people |
//! | 13 late presence | `trap_13_…` |
//! | 14 rhythm of offers | `trap_14_…` |
//! | 15 leaving agents | `faults.rs`, `an_agent_who_is_gone_passes_the_offer_on` |
//! | 16 vanished customer | `faults.rs`, `a_customer_who_is_gone_is_noticed_in_each_way` |
//! | 17 waiting time | `trap_17_…` |
//! | 20 chatbot off, no revoke | `faults.rs`, `a_customer_who_is_gone_is_noticed_in_each_way`, way `depart` |
//! | 21 negative time | `trap_21_…` |
//! | 22 overflow | there are no backup queues |
//! | 23 restart | `survival.rs`, `a_killed_process_loses_nobody` |
//! | 25 component is asked | `requests.rs`, `each_request_has_its_answer` |
//!
//! | rule | test |
//! |---|---|
//! | 1 every request is answered | `requests.rs`, `each_request_has_its_answer` |
//! | 2 the join is acknowledged | `rule_02_…` |
//! | 3 the form is always there | `rule_03_…` |
//! | 4 one open offer | `rule_04_…` |
//! | 5 accept by session id | `faults.rs`; of a handover: `handovers.rs` |
//! | 6 the reason is the session id | `normal.rs`, `from_join_to_transcript` |
//! | 7 metadata in invitations | `faults.rs`, `a_transfer_shows_the_old_agent_out` |
//! | 8 shape of the macros | `requests.rs`, `each_request_has_its_answer` |
//! | 9 shape of transcripts | `normal.rs`, `from_join_to_transcript` |
//! | 10 Spark's state is not trusted | `faults.rs`, `a_logged_out_spark_does_not_keep_customers_waiting`; `rule_10_…` |

use crate::office::*;
use minidom::Element;

const ANN: &str = "ann@example.test/desk";
const PHONE: &str = "ann@example.test/phone";
const BOB: &str = "bob@example.test/desk";
const WANDA: &str = "wanda@example.test/home";
const ZOE: &str = "zoe@example.test/home";
const WG: &str = "http://jabber.org/protocol/workgroup";
const JWG: &str = "http://jivesoftware.com/protocol/workgroup";

fn is_offer(stanza: &Element) -> bool {
    stanza.name() == "iq" && stanza.children().any(|child| child.name() == "offer")
}

#[tokio::test(start_paused = true)]
async fn trap_01_a_second_resource_takes_over_and_the_first_is_told() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.agent(PHONE, 1).await;
    let told = office.expect(ANN, "the loss", |it| it.attr("type") == Some("error")).await;
    assert_eq!(condition(&told), "not-allowed");
    office.join(WANDA).await;
    let offer = office.offered(PHONE).await;
    // The old one can neither take it nor end the new one's session.
    assert_eq!(condition(&office.accept(ANN, &offer.id).await), "item-not-found");
    office.send(ANN, &format!("<presence type='unavailable' to='{SUPPORT}'/>"));
    assert_eq!(office.accept(PHONE, &offer.id).await.attr("type"), Some("result"));
    assert!(is_invitation(&office.expect(PHONE, "the invitation", is_invitation).await));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn trap_02_private_storage_is_empty_and_says_that_it_keeps_nothing() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    let payload = "<query xmlns='jabber:iq:private'><x xmlns='urn:x'>secret</x></query>";
    let answer = office.ask(ANN, "get", SUPPORT, payload).await;
    assert!(!String::from(&answer).contains("secret") && answer.attr("type") == Some("result"));
    assert_eq!(condition(&office.ask(ANN, "set", SUPPORT, payload).await), "not-allowed");
    assert_eq!(condition(&office.ask(WANDA, "get", SUPPORT, payload).await), "not-allowed");
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn trap_03_an_accept_after_the_time_is_an_error_and_the_pause_holds() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.join(WANDA).await;
    let offer = office.offered(ANN).await;
    office.payload(ANN, "offer-revoke").await;
    let start = tokio::time::Instant::now();
    assert_eq!(condition(&office.accept(ANN, &offer.id).await), "item-not-found");
    office.offered(ANN).await;
    assert!(start.elapsed().as_secs() >= 19, "not two seconds later");
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn trap_04_who_came_first_is_offered_first() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.join(WANDA).await;
    let mut waiting = Vec::new();
    for name in ["zoe", "carl", "eve", "dora", "finn", "gus"] {
        waiting.push(office.join(&format!("{name}@example.test/home")).await);
    }
    let session = office.chat(ANN, WANDA).await;
    office.leave(ANN, &session, "agent");
    for expected in waiting {
        let offer = office.offered(ANN).await;
        assert_eq!(offer.session, expected);
        assert_eq!(office.accept(ANN, &offer.id).await.attr("type"), Some("result"));
        office.expect(ANN, "the invitation", is_invitation).await;
        office.enter(ANN, &expected, "agent");
        office.quiet().await;
        office.leave(ANN, &expected, "agent");
    }
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn trap_05_a_handover_without_reason_or_with_an_unknown_session_is_refused() {
    let mut office = Office::open();
    office.agent(ANN, 4).await;
    office.agent(BOB, 4).await;
    office.join(WANDA).await;
    let session = office.chat(ANN, WANDA).await;
    for name in ["invite", "transfer"] {
        for (id, reason, refusal) in [
            (session.as_str(), "", "bad-request"),
            (session.as_str(), "<reason/>", "bad-request"),
            ("unknown7", "<reason>Please</reason>", "item-not-found"),
        ] {
            let request = format!(
                "<{name} xmlns='{WG}' type='queue'><session xmlns='{JWG}' id='{id}'/>\
                 <invitee>{SUPPORT}/Default Queue</invitee>{reason}</{name}>"
            );
            let answer = office.ask(ANN, "set", SUPPORT, &request).await;
            assert_eq!(condition(&answer), refusal, "{name} {id} {reason}");
        }
    }
    office.pass(120).await;
    assert!(!office.drain(BOB).iter().any(is_offer), "nothing was offered");
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn trap_11_errors_carry_the_legacy_code() {
    let mut office = Office::open();
    let answer = office.ask(WANDA, "set", SUPPORT, &format!("<depart-queue xmlns='{WG}'/>")).await;
    let error = answer.children().find(|child| child.name() == "error").unwrap();
    assert_eq!((error.attr("code"), error.attr("type")), (Some("404"), Some("cancel")));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn trap_13_an_agent_who_goes_away_closes_the_workgroup_at_once() {
    let mut office = Office::open();
    office.send(WANDA, &format!("<presence to='{SUPPORT}'/>"));
    office.payload(WANDA, "workgroup").await;
    office.agent(ANN, 1).await;
    let opened = office.payload(WANDA, "workgroup").await;
    assert_eq!(opened.attr("type"), None);
    let start = tokio::time::Instant::now();
    office.send(ANN, &format!("<presence to='{SUPPORT}'><show>away</show></presence>"));
    let closed = office.payload(WANDA, "workgroup").await;
    assert_eq!((closed.attr("type"), start.elapsed().as_secs()), (Some("unavailable"), 0));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn trap_14_the_only_agent_is_asked_again_after_twenty_seconds() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.join(WANDA).await;
    office.offered(ANN).await;
    for _ in 0..3 {
        let start = tokio::time::Instant::now();
        office.payload(ANN, "offer-revoke").await;
        assert_eq!(start.elapsed().as_secs(), 20, "the offer's time");
        office.offered(ANN).await;
        assert_eq!(start.elapsed().as_secs(), 40, "and the pause");
    }
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn trap_17_the_expected_wait_grows_with_the_place() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.join(WANDA).await;
    office.ask(ZOE, "set", SUPPORT, &join_form(ZOE)).await;
    let status = String::from(&office.payload(ZOE, "queue-status").await);
    assert!(status.contains("<time>30</time>") && status.contains("<position>2</position>"), "{status}");
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn trap_21_no_offer_is_made_without_time_to_take_it() {
    let mut short = config();
    short.workgroups[0].request_timeout_s = 45;
    let mut office = Office::open_with(short, Default::default(), Default::default());
    office.agent(ANN, 1).await;
    office.join(WANDA).await;
    office.payload(WANDA, "depart-queue").await;
    office.quiet().await;
    let offers: Vec<Element> = office.drain(ANN).into_iter().filter(is_offer).collect();
    assert!(!offers.is_empty());
    for stanza in offers {
        let offer = stanza.children().next().unwrap();
        let timeout = offer.children().find(|child| child.name() == "timeout").unwrap().text();
        assert!(timeout.parse::<i64>().unwrap() > 0, "{timeout}");
    }
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rule_02_a_join_as_spark_does_it_is_acknowledged_each_time() {
    let mut office = Office::open();
    for _ in 0..2 {
        let empty = format!("<priority>0</priority><agent-status xmlns='{WG}'/>");
        office.send(ANN, &format!("<presence to='{SUPPORT}' id='p1'>{empty}</presence>"));
        office.payload(ANN, "notify-queue").await;
        let plain = "<status>Online</status><priority>1</priority>";
        office.send(ANN, &format!("<presence to='{SUPPORT}'>{plain}</presence>"));
        office.payload(ANN, "notify-queue").await;
    }
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rule_03_every_field_of_the_form_has_a_label() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    for _ in 0..2 {
        let answer = office.ask(ANN, "get", SUPPORT, &format!("<workgroup-form xmlns='{JWG}'/>")).await;
        let form = answer.children().next().unwrap().children().next().unwrap();
        let mut fields = form.children().filter(|child| child.name() == "field").peekable();
        assert!(fields.peek().is_some());
        assert!(fields.all(|field| field.attr("label").is_some_and(|label| !label.is_empty())));
    }
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rule_04_an_agent_has_one_open_offer_also_of_running_chats() {
    let mut office = Office::open();
    office.agent(ANN, 4).await;
    office.join(WANDA).await;
    let session = office.chat(ANN, WANDA).await;
    office.agent(BOB, 4).await;
    office.send(ANN, &format!("<presence to='{SUPPORT}'><show>away</show></presence>"));
    office.quiet().await;
    office.join(ZOE).await;
    let first = office.offered(BOB).await;
    let request = format!(
        "<invite xmlns='{WG}' type='queue'><session xmlns='{JWG}' id='{session}'/>\
         <invitee>{SUPPORT}/Default Queue</invitee><reason>Please</reason></invite>"
    );
    assert_eq!(office.ask(ANN, "set", SUPPORT, &request).await.attr("type"), Some("result"));
    office.pass(5).await;
    assert!(!office.drain(BOB).iter().any(is_offer), "the first one is open");
    office.ask(BOB, "set", SUPPORT, &format!("<offer-reject xmlns='{WG}' id='{}'/>", first.id)).await;
    assert_eq!(office.offered(BOB).await.session, session);
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rule_10_the_end_of_the_agents_session_frees_the_customer() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.agent(BOB, 1).await;
    let session = office.join(WANDA).await;
    office.offered(ANN).await;
    office.send(ANN, &format!("<presence type='unavailable' to='{SUPPORT}'/>"));
    assert_eq!(office.offered(BOB).await.session, session);
    office.stop().await;
}
