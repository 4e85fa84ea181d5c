//! What others may not do: forged stanzas change nothing, and a stanza beyond the limits costs no more than its stream.

use flint_runtime::core::Update;
use flint_runtime::core::command::{AccountCommand, Command};
use flint_runtime::core::model::{DeliveryState, Show};
use flint_runtime::core::update::{ChatUpdate, PeopleUpdate};
use flint_test_scenarios::client::{Flint, jid, person};
use flint_test_scenarios::server::{Archived, Server, World, result};
use flint_test_support::peer::attribute;

/// Stands in every forged stanza, so that nothing of it can hide.
const MARK: &str = "forged";

fn forwarded(sender: &str) -> String {
    format!(
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' type='chat' from='{sender}' \
         to='bob@example.test' id='f1'><body>{MARK}</body></message></forwarded>"
    )
}

fn archived() -> Archived {
    Archived::of("f2", 1, "bob@example.test", MARK)
}

/// Stanzas that change nothing. `ID` stands for the id of an acknowledged message from Ann to Bob.
fn forgeries() -> Vec<(&'static str, String)> {
    let roster = |from: &str| {
        format!(
            "<iq type='set' id='push' {from}><query xmlns='jabber:iq:roster'>\
             <item jid='mallory@example.org' name='{MARK}' subscription='both'/></query></iq>"
        )
    };
    vec![
        ("roster push by a stranger", roster("from='mallory@example.org/x'")),
        ("roster push by a contact", roster("from='bob@example.test/phone'")),
        ("roster push by the domain of another", roster("from='example.org'")),
        (
            "sent carbon by a contact",
            format!(
                "<message from='bob@example.test/phone'><sent xmlns='urn:xmpp:carbons:2'>{}</sent></message>",
                forwarded("ann@example.test/other")
            ),
        ),
        (
            "received carbon by a stranger",
            format!(
                "<message from='mallory@example.org'><received xmlns='urn:xmpp:carbons:2'>{}</received></message>",
                forwarded("carla@example.test/x")
            ),
        ),
        (
            "sent carbon of words that are not Ann's",
            format!(
                "<message from='ann@example.test'><sent xmlns='urn:xmpp:carbons:2'>{}</sent></message>",
                forwarded("carla@example.test/x")
            ),
        ),
        ("archive result that was not asked for", result("not-asked", &archived())),
        (
            "archive result by a contact",
            result("not-asked", &archived()).replacen("from='ann@example.test'", "from='bob@example.test/phone'", 1),
        ),
        (
            "talk in a room that was never joined",
            format!("<message from='r@conference.example.test/x' type='groupchat'><body>{MARK}</body></message>"),
        ),
        (
            "presence in a room that was never joined",
            format!(
                "<presence from='r@conference.example.test/{MARK}'><x xmlns='http://jabber.org/protocol/muc#user'>\
                 <item role='moderator' affiliation='owner'/><status code='110'/></x></presence>"
            ),
        ),
        (
            "receipt by somebody else",
            "<message from='carla@example.test/x'><received xmlns='urn:xmpp:receipts' id='ID'/></message>".to_owned(),
        ),
        (
            "displayed marker by somebody else",
            "<message from='carla@example.test/x'><displayed xmlns='urn:xmpp:chat-markers:0' id='ID'/></message>"
                .to_owned(),
        ),
        (
            "bounce by somebody else",
            "<message from='carla@example.test' type='error' id='ID'><error type='cancel'>\
             <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
                .to_owned(),
        ),
        (
            "answer that was not asked for",
            format!(
                "<iq type='result' id='x1' from='ann@example.test'><query xmlns='jabber:iq:roster'>\
                 <item jid='mallory@example.org' name='{MARK}' subscription='both'/></query></iq>"
            ),
        ),
        (
            "news of a policy by a contact",
            "<message from='bob@example.test/phone' type='headline'><policy xmlns='urn:flint:policy:1' version='99'/>\
             </message>"
                .to_owned(),
        ),
        ("message from nobody", format!("<message type='chat' from='@@'><body>{MARK}</body></message>")),
    ]
}

#[tokio::test]
async fn forged_stanzas_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut flint = Flint::start(dir.path(), &server);
    let mut stream = server.online(&World::office()).await;
    flint.caught_up().await;
    let bob = person("bob@example.test");
    flint.open(&bob).await;
    let id = flint.say(&bob, "for Bob only").await;
    flint.delivered(&id, DeliveryState::Acked).await;
    // A change of our own whose echo comes last: before it, everything of the sign-in has been told.
    settle(&mut flint).await;

    for (number, (case, stanza)) in forgeries().into_iter().enumerate() {
        stream.send(stanza.replace("ID", &id.0));
        // Stanzas are dealt with in order: after this one, whatever the forged one did has been told.
        stream.send(format!(
            "<message from='bob@example.test/phone' type='chat'><body>honest {number}</body></message>"
        ));
        let mut told = Vec::new();
        flint
            .until("the honest message", |update| {
                told.push(update.clone());
                matches!(update, Update::Chat(ChatUpdate::Arrived { .. })).then_some(())
            })
            .await;
        for update in told {
            let honest = match &update {
                Update::Chat(
                    ChatUpdate::TimelineChanged { message } | ChatUpdate::Arrived { message, .. },
                ) => message.body.0 == format!("honest {number}"),
                Update::Chat(ChatUpdate::ListChanged { conversation }) => {
                    conversation.id == bob && conversation.preview.0 == format!("honest {number}")
                }
                _ => false,
            };
            assert!(honest, "{case} led to {update:?}");
        }
    }
    assert!(flint.search(MARK).await.is_empty(), "something forged was stored");

    // The pushes were answered, each by an error.
    let refused = stream.answer("push").await;
    assert_eq!(attribute(&refused, "type"), "error");
    assert_eq!(attribute(&refused, "to"), "mallory@example.org/x");

    // The same push from the own account counts: the cases above fail because of their sender.
    stream.send(
        "<iq type='set' id='true-push'><query xmlns='jabber:iq:roster'>\
         <item jid='dora@example.test' name='Dora Fox' subscription='both'/></query></iq>",
    );
    let name = flint
        .people("the pushed contact", |update| match update {
            PeopleUpdate::Changed { person } if person.jid == jid("dora@example.test") => {
                Some(person.name.clone())
            }
            _ => None,
        })
        .await;
    assert_eq!(name, "Dora Fox");
    assert_eq!(attribute(&stream.answer("true-push").await, "type"), "result");
    flint.quit().await;
}

async fn settle(flint: &mut Flint) {
    flint.ask(Command::Account(AccountCommand::SetPresence {
        show: Show::Away,
        status: "settled".to_owned(),
    }));
    flint
        .until("own presence", |update| match update {
            Update::Account(flint_runtime::core::update::AccountUpdate::Presence { status, .. }) => {
                (status == "settled").then_some(())
            }
            _ => None,
        })
        .await;
}

/// A stanza beyond a limit ends the stream; the client comes back, is not sent the same again, and goes on.
#[tokio::test]
async fn a_poisonous_stanza_costs_one_stream() {
    let deep =
        format!("<message from='bob@example.test/x'>{}{}</message>", "<a>".repeat(200), "</a>".repeat(200));
    let large = format!("<message from='bob@example.test/x'><body>{}</body></message>", "x".repeat(9 << 20));
    let wide: String = (0..100).map(|number| format!(" a{number}='1'")).collect();
    let wide = format!("<message from='bob@example.test/x'{wide}/>");
    let comment = "<message from='bob@example.test/x'><!-- no --></message>".to_owned();
    let cases = [("deep", deep), ("large", large), ("many attributes", wide), ("prohibited XML", comment)];
    for (case, poison) in cases {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path()).await;
        let mut flint = Flint::start(dir.path(), &server);
        let stream = server.online(&World::office()).await;
        flint.caught_up().await;
        stream.send(poison);
        let past = stream.ended_by_client().await;
        flint.waiting().await;
        let stream = server.resumed(&World::office(), past).await;
        assert!(flint.online().await, "{case}");
        stream.send("<message from='bob@example.test/x' type='chat'><body>still there?</body></message>");
        flint.arrived("still there?").await;
        flint.quit().await;
    }
}

/// Within a stanza, it counts as dealt with and the stream is resumed; elsewhere nobody knows, and a new one begins.
#[tokio::test]
async fn broken_xml_costs_one_stream() {
    let cases = [
        ("<message from='bob@example.test/x'><body>a & b</body></message>", true),
        ("<message from='bob@example.test/x'></presence>", true),
        ("<message from='bob@example.test/x'><body>&lol;</body></message>", true),
        ("<message from='bob@example.test/x' from='eve@example.test/x'/>", false),
    ];
    for (case, resumes) in cases {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path()).await;
        let mut flint = Flint::start(dir.path(), &server);
        let stream = server.online(&World::office()).await;
        flint.caught_up().await;
        stream.send(case);
        let past = stream.ended_by_client().await;
        flint.waiting().await;
        let stream = match resumes {
            true => server.resumed(&World::office(), past).await,
            false => server.online(&World::office()).await,
        };
        assert_eq!(flint.online().await, resumes, "{case}");
        stream.send("<message from='bob@example.test/x' type='chat'><body>still there?</body></message>");
        flint.arrived("still there?").await;
        flint.quit().await;
    }
}
