//! A message's way: states, a cut line, a lost stream, a restart. Every message arrives exactly once.

use flint_runtime::core::model::{DeliveryState, Direction};
use flint_test_scenarios::client::{Flint, person, texts};
use flint_test_scenarios::server::{Server, Stream, World};
use flint_test_support::peer::attribute;
use minidom::Element;

const RECEIPTS: &str = "urn:xmpp:receipts";

async fn signed_in(dir: &std::path::Path) -> (Server, Flint, Stream) {
    let server = Server::start(dir).await;
    let mut flint = Flint::start(dir, &server);
    let stream = server.online(&World::office()).await;
    flint.caught_up().await;
    (server, flint, stream)
}

fn is_last_word(stanza: &Element) -> bool {
    stanza.get_child("body", "jabber:client").is_some_and(|body| body.text() == "last word")
}

#[tokio::test]
async fn an_own_message_goes_from_queued_to_read() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, mut flint, mut stream) = signed_in(dir.path()).await;
    let bob = person("bob@example.test");
    assert!(flint.open(&bob).await.is_empty());
    let id = flint.say(&bob, "Lunch at one?").await;
    flint.delivered(&id, DeliveryState::Sent).await;
    flint.delivered(&id, DeliveryState::Acked).await;
    let (wire_id, text) = stream.message().await;
    assert_eq!((wire_id.as_str(), text.as_str()), (id.0.as_str(), "Lunch at one?"));

    stream.send(format!(
        "<message from='bob@example.test/phone' type='chat'><received xmlns='{RECEIPTS}' id='{wire_id}'/></message>"
    ));
    flint.delivered(&id, DeliveryState::Delivered).await;
    stream.send(format!(
        "<message from='bob@example.test/phone' type='chat'>\
         <displayed xmlns='urn:xmpp:chat-markers:0' id='{wire_id}'/></message>"
    ));
    flint.delivered(&id, DeliveryState::Read).await;

    // What is stored is what was shown.
    let stored = flint.open(&bob).await;
    assert_eq!(stored[0].direction, Direction::Outgoing { delivery: DeliveryState::Read });
    flint.quit().await;
}

#[tokio::test]
async fn a_contact_gets_a_receipt_and_a_stranger_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, mut flint, mut stream) = signed_in(dir.path()).await;
    for (from, id) in [("eve@example.org/x", "from-eve"), ("bob@example.test/phone", "from-bob")] {
        stream.send(format!(
            "<message from='{from}' type='chat' id='{id}'><body>{id}</body><request xmlns='{RECEIPTS}'/></message>"
        ));
        flint.arrived(id).await;
    }
    // The first receipt on the wire is Bob's: Eve may not learn that Ann is there.
    let (to, of) = stream
        .until("a receipt", |stanza| {
            let received = stanza.get_child("received", RECEIPTS)?;
            Some((attribute(stanza, "to").to_owned(), attribute(received, "id").to_owned()))
        })
        .await;
    assert_eq!((to.as_str(), of.as_str()), ("bob@example.test/phone", "from-bob"));
    flint.quit().await;
}

#[tokio::test]
async fn a_resumption_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (server, mut flint, mut stream) = signed_in(dir.path()).await;
    let bob = person("bob@example.test");
    flint.open(&bob).await;
    let first = flint.say(&bob, "before the cut").await;
    flint.delivered(&first, DeliveryState::Acked).await;
    assert_eq!(stream.message().await.1, "before the cut");

    stream.go_deaf();
    let second = flint.say(&bob, "into the dead line").await;
    flint.delivered(&second, DeliveryState::Sent).await;
    let mut past = stream.cut().await;
    flint.waiting().await;
    let third = flint.say(&bob, "while cut").await;
    past.sent.push(
        "<message from='bob@example.test/phone' type='chat' id='b1'><body>Are you still there?</body></message>"
            .to_owned(),
    );

    let mut stream = server.resumed(&World::office(), past).await;
    assert!(flint.online().await, "the stream was resumed");
    flint.arrived("Are you still there?").await;
    flint.say(&bob, "last word").await;
    let messages = stream.messages_until("the last word", is_last_word).await;
    let ids: Vec<&str> = messages[..2].iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, [second.0.as_str(), third.0.as_str()]);
    let said: Vec<&str> = messages.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(said, ["into the dead line", "while cut", "last word"]);
    let timeline = flint.open(&bob).await;
    assert_eq!(
        texts(&timeline),
        ["before the cut", "into the dead line", "while cut", "Are you still there?", "last word"]
    );
    flint.quit().await;
}

#[tokio::test]
async fn a_server_that_forgot_the_stream_gets_the_message_again_with_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let (server, mut flint, stream) = signed_in(dir.path()).await;
    let bob = person("bob@example.test");
    flint.open(&bob).await;
    stream.go_deaf();
    let id = flint.say(&bob, "into the dead line").await;
    flint.delivered(&id, DeliveryState::Sent).await;
    stream.cut().await;

    let mut stream = server.forgot(&World::office()).await;
    assert!(!flint.online().await, "this is a new stream");
    flint.say(&bob, "last word").await;
    let messages = stream.messages_until("the last word", is_last_word).await;
    assert_eq!(messages[0], (id.0.clone(), "into the dead line".to_owned()));
    assert_eq!(messages.len(), 2, "{messages:?}");
    flint.delivered(&id, DeliveryState::Acked).await;
    flint.quit().await;
}

/// Written without a connection, and written into a dead line: both leave after a restart, once, in their order.
#[tokio::test]
async fn unsent_messages_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (server, mut flint, stream) = signed_in(dir.path()).await;
    let bob = person("bob@example.test");
    flint.open(&bob).await;
    stream.go_deaf();
    let first = flint.say(&bob, "into the dead line").await;
    flint.delivered(&first, DeliveryState::Sent).await;
    stream.cut().await;
    flint.waiting().await;
    let second = flint.say(&bob, "while cut").await;
    flint.quit().await;

    let mut flint = Flint::start(dir.path(), &server);
    let mut stream = server.online(&World::office()).await;
    flint.caught_up().await;
    flint.open(&bob).await;
    flint.say(&bob, "last word").await;
    let messages = stream.messages_until("the last word", is_last_word).await;
    let ids: Vec<&str> = messages[..2].iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, [first.0.as_str(), second.0.as_str()]);
    assert_eq!(messages.len(), 3, "{messages:?}");
    flint.quit().await;
}
