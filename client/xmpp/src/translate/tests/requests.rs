//! Requests and answers, discovery, the policy service, stanzas on their way out.

use super::{handed_out, sent, signals, translator, xml};
use crate::output::PolicySignal;
use crate::translate::{Step, iq};
use flint_core::effect::{Outbound, SubscriptionStanza};
use flint_core::ids::{MessageId, SendToken};
use flint_core::input::RemoteEvent;
use flint_core::model::{ConversationId, Show};
use flint_core::secret::Private;
use minidom::Element;
use std::time::Duration;
use tokio::time::Instant;

const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

fn out(stanza: &Outbound) -> Element {
    let mut translator = translator();
    translator.outbound(SendToken(7), stanza, Instant::now());
    translator.sent()
}

#[test]
fn stanzas_on_their_way_out() {
    let person = ConversationId::Person("bob@example.test".parse().unwrap());
    let room = ConversationId::Room("tea@conference.example.test".parse().unwrap());
    let text = |conversation: &ConversationId| Outbound::Message {
        conversation: conversation.clone(),
        id: MessageId("m1".to_owned()),
        body: Private::from("a < b"),
        resent: false,
    };
    let table: Vec<(Outbound, &str)> = vec![
        (
            text(&person),
            "<message to='bob@example.test' type='chat' id='m1'><body>a &lt; b</body>\
             <origin-id xmlns='urn:xmpp:sid:0' id='m1'/><active xmlns='http://jabber.org/protocol/chatstates'/>\
             <request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/></message>",
        ),
        (
            text(&room),
            "<message to='tea@conference.example.test' type='groupchat' id='m1'><body>a &lt; b</body>\
             <origin-id xmlns='urn:xmpp:sid:0' id='m1'/><active xmlns='http://jabber.org/protocol/chatstates'/>\
             <markable xmlns='urn:xmpp:chat-markers:0'/></message>",
        ),
        (
            Outbound::Receipt { to: "bob@example.test/x".parse().unwrap(), id: "m2".to_owned() },
            "<message to='bob@example.test/x' type='chat'><received xmlns='urn:xmpp:receipts' id='m2'/>\
             <store xmlns='urn:xmpp:hints'/></message>",
        ),
        (
            Outbound::ChatState { conversation: room.clone(), typing: true },
            "<message to='tea@conference.example.test' type='groupchat'>\
             <composing xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/></message>",
        ),
        (
            Outbound::Displayed { conversation: person, id: "m3".to_owned() },
            "<message to='bob@example.test' type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='m3'/>\
             <store xmlns='urn:xmpp:hints'/></message>",
        ),
        (
            Outbound::Subscription {
                to: "bob@example.test".parse().unwrap(),
                kind: SubscriptionStanza::Subscribe,
            },
            "<presence to='bob@example.test' type='subscribe'/>",
        ),
        (
            Outbound::RemoveRosterItem { jid: "bob@example.test".parse().unwrap() },
            "<iq type='set' id='ff00-2'><query xmlns='jabber:iq:roster'>\
             <item jid='bob@example.test' subscription='remove'/></query></iq>",
        ),
    ];
    for (stanza, expected) in table {
        assert_eq!(out(&stanza), xml(expected), "{stanza:?}");
    }
    let presence = out(&Outbound::Presence { show: Show::Away, status: "tea".to_owned() });
    assert_eq!(presence.get_child("show", "jabber:client").unwrap().text(), "away");
    assert!(presence.has_child("c", "http://jabber.org/protocol/caps"));
}

/// XEP-0115 §5.1: the hash is over what disco#info answers.
#[test]
fn what_we_are_matches_its_hash() {
    use base64::Engine;
    use sha1::Digest;
    let presence = out(&Outbound::Presence { show: Show::Available, status: String::new() });
    let caps = presence.get_child("c", "http://jabber.org/protocol/caps").unwrap().clone();
    let (node, ver) = (caps.attr("node").unwrap(), caps.attr("ver").unwrap());
    let ask = format!(
        "<iq type='get' id='1' from='bob@example.test/x'>\
         <query xmlns='http://jabber.org/protocol/disco#info' node='{node}#{ver}'/></iq>"
    );
    let answer = sent(translator().feed(&ask)).remove(0);
    let query = answer.children().next().unwrap();
    let mut text = String::new();
    let mut features = Vec::new();
    for child in query.children() {
        match child.name() {
            "identity" => {
                text = format!(
                    "{}/{}//{}<",
                    child.attr("category").unwrap(),
                    child.attr("type").unwrap(),
                    child.attr("name").unwrap()
                )
            }
            _ => features.push(child.attr("var").unwrap().to_owned()),
        }
    }
    assert!(features.is_sorted());
    features.iter().for_each(|feature| text.push_str(&format!("{feature}<")));
    assert_eq!(ver, base64::engine::general_purpose::STANDARD.encode(sha1::Sha1::digest(text)));
}

#[test]
fn every_request_of_others_gets_one_answer() {
    for (payload, kind) in [
        ("<ping xmlns='urn:xmpp:ping'/>", "result"),
        ("<query xmlns='jabber:iq:version'/>", "result"),
        ("<query xmlns='http://jabber.org/protocol/disco#info'/>", "result"),
        ("<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>", "error"),
        ("<query xmlns='jabber:iq:last'/>", "error"),
        ("<query xmlns='jabber:iq:roster'/>", "error"),
        ("", "error"),
    ] {
        let ask = format!("<iq type='get' id='7' from='bob@example.test/x'>{payload}</iq>");
        let answers = sent(translator().feed(&ask));
        assert_eq!(answers.len(), 1, "{ask}");
        let got = (answers[0].attr("type"), answers[0].attr("id"), answers[0].attr("to"));
        assert_eq!(got, (Some(kind), Some("7"), Some("bob@example.test/x")), "{ask}");
    }
    translator().drops("iq-type", "<iq type='strange' id='7' from='bob@example.test/x'/>");
    translator().drops("iq-without-id", "<iq type='get' from='bob@example.test/x'/>");
}

#[test]
fn an_answer_from_elsewhere_leaves_the_request_open() {
    let mut translator = translator();
    translator.outbound(SendToken(3), &Outbound::EnableCarbons, Instant::now());
    let id = translator.sent().attr("id").unwrap().to_owned();
    let answer = |from: &str, kind: &str| format!("<iq type='{kind}' id='{id}' {from}/>");
    translator.drops("answer-from-elsewhere", &answer("from='eve@evil.test/x'", "result"));
    translator.drops("answer-from-elsewhere", &answer("from='bob@example.test'", "error"));
    translator.drops("answer-unasked", "<iq type='result' id='other'/>");
    let expected = RemoteEvent::RequestAnswered { token: SendToken(3), result: Ok(()) };
    assert_eq!(translator.events(&answer("from='ann@example.test'", "result")), [expected]);
    translator.drops("answer-unasked", &answer("", "result"));
}

#[test]
fn requests_fail_by_error_by_time_and_with_their_stream() {
    let failed = |events: Vec<Step>| format!("{events:?}");
    let mut translator = translator();
    let now = Instant::now();
    translator.outbound(SendToken(1), &Outbound::GetRoster { version: None }, now);
    let id = translator.sent().attr("id").unwrap().to_owned();
    let error = format!(
        "<iq type='error' id='{id}'><error type='cancel'><forbidden xmlns='{STANZAS}'/></error></iq>"
    );
    assert!(failed(translator.feed(&error)).contains("you do not have the right"));

    translator.outbound(SendToken(2), &Outbound::EnableCarbons, now);
    translator.take_steps();
    translator.expire(now + iq::ANSWER - Duration::from_millis(1));
    assert_eq!(translator.take_steps(), []);
    translator.expire(now + iq::ANSWER);
    let text = failed(translator.take_steps());
    assert!(text.contains("SendToken(2)") && text.contains("did not answer in time"), "{text}");
    // The discovery's first question has run out as well, which ends it.
    assert!(text.contains("NoService"), "{text}");

    translator.outbound(SendToken(4), &Outbound::EnableCarbons, now);
    translator.take_steps();
    translator.lost("gone");
    assert!(failed(translator.take_steps()).contains("SendToken(4)"));
    assert_eq!(translator.deadline(), None);
}

fn answer_of(question: &Element, inner: &str) -> String {
    let payload = question.children().next().unwrap();
    let from = question.attr("to").map(|to| format!("from='{to}'")).unwrap_or_default();
    format!(
        "<iq type='result' id='{}' {from}><query xmlns='{}'>{inner}</query></iq>",
        question.attr("id").unwrap(),
        payload.ns()
    )
}

#[test]
fn the_domain_is_looked_through_for_rooms_and_policy() {
    let now = Instant::now();
    let mut translator = crate::translate::Translator::new("ann@example.test".parse().unwrap(), 1, now);
    translator.online("ann@example.test/desk".parse().unwrap(), now);
    let first = translator.sent();
    assert_eq!(first.attr("to"), Some("example.test"));
    translator.outbound(SendToken(9), &Outbound::ListRooms, now);
    let items =
        "<item jid='conference.example.test'/><item jid='flint.example.test'/><item jid='bob@example.test'/>";
    let questions = sent(translator.feed(&answer_of(&first, items)));
    assert_eq!(questions.len(), 2);
    let state = flint_xep::policy::ClientState { device: "d".into(), version: "1".into(), applied: 4 };
    translator.set_client_state(state);
    assert_eq!(translator.take_steps(), []);

    let conference =
        "<identity category='conference' type='text'/><feature var='http://jabber.org/protocol/muc'/>";
    translator.feed(&answer_of(&questions[0], conference));
    let form = String::from(&flint_xep::policy::form("https://localhost:1/"));
    let steps =
        translator.feed(&answer_of(&questions[1], &format!("<feature var='urn:flint:policy:1'/>{form}")));
    let presence = sent(steps.clone()).remove(0);
    assert_eq!((presence.name(), presence.attr("to")), ("presence", Some("flint.example.test")));
    assert_eq!(presence.children().next().unwrap().attr("applied"), Some("4"));
    let service = PolicySignal::Service {
        jid: "flint.example.test".parse().unwrap(),
        url: "https://localhost:1/".to_owned(),
    };
    assert_eq!(signals(steps.clone()), [service]);
    let rooms = sent(steps).remove(1);
    let list = "<item jid='tea@conference.example.test' name='Tea'/><item jid='x@conference.example.test'/><item jid='@'/>";
    let expected = vec![
        ("tea@conference.example.test".parse().unwrap(), "Tea".to_owned()),
        ("x@conference.example.test".parse().unwrap(), "x".to_owned()),
    ];
    assert_eq!(translator.events(&answer_of(&rooms, list)), [RemoteEvent::RoomsListed { rooms: expected }]);

    // A list that is under way when the stream breaks is no empty list.
    translator.outbound(SendToken(10), &Outbound::ListRooms, now);
    assert_eq!(sent(translator.take_steps()).len(), 1);
    translator.lost("gone");
    assert_eq!(translator.take_steps(), []);
    translator.online("ann@example.test/desk".parse().unwrap(), now);
    let first = translator.sent();
    let second = sent(translator.feed(&answer_of(&first, "<item jid='flint.example.test'/>"))).remove(0);
    translator.feed(&answer_of(&second, &format!("<feature var='urn:flint:policy:1'/>{form}")));

    // Pushes count from that very service only.
    let push = |from: &str| {
        format!(
            "<message type='headline' from='{from}'><policy xmlns='urn:flint:policy:1' version='5'/></message>"
        )
    };
    assert_eq!(signals(translator.feed(&push("flint.example.test"))), [PolicySignal::Changed { version: 5 }]);
    for from in ["eve@evil.test/x", "flint.example.test/x", "x@flint.example.test", "example.test"] {
        assert_eq!(signals(translator.feed(&push(from))), [], "{from}");
    }
}

#[test]
fn a_modules_requests_come_back_to_it_from_the_asked_address() {
    let mut translator = translator();
    let ask = "<iq xmlns='jabber:client' type='get' id='desk-1' to='demo@workgroup.example.test'>\
               <query xmlns='jabber:iq:last'/></iq>";
    translator.outbound_extension(ask, Instant::now());
    assert_eq!(translator.sent().attr("id"), Some("desk-1"));
    translator.drops("answer-from-elsewhere", "<iq type='result' id='desk-1' from='eve@evil.test/x'/>");
    // Not even from what the module has claimed: it knows answers by their ids alone.
    translator.claim_room("r1@conference.example.test".parse().unwrap());
    translator.drops(
        "answer-from-elsewhere",
        "<iq type='result' id='desk-1' from='r1@conference.example.test/klein'/>",
    );
    translator
        .drops("answer-unasked", "<iq type='result' id='desk-2' from='r1@conference.example.test/klein'/>");
    // Nor may an occupant ask it something: the answer is ours.
    let asks = "<iq type='set' id='1' from='r1@conference.example.test/klein'>\
                <offer xmlns='http://jabber.org/protocol/workgroup'/></iq>";
    let steps = translator.feed(asks);
    assert!(matches!(&sent(steps)[..], [answer] if answer.attr("type") == Some("error")));
    let answer = "<iq type='result' id='desk-1' from='demo@workgroup.example.test'/>";
    assert_eq!(handed_out(translator.feed(answer)).len(), 1);
    for bad in [
        "<iq",
        "<presence xmlns='other'/>",
        "<stream xmlns='jabber:client'/>",
        "<iq xmlns='jabber:client' type='get'/>",
    ] {
        translator.outbound_extension(bad, Instant::now());
        assert_eq!(translator.take_steps(), [], "{bad}");
    }
}
