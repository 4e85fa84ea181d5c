//! The whole normal case, stanza by stanza as `fastpath-03-normal` has it.

use crate::office::*;
use minidom::Element;
use std::sync::atomic::Ordering;

const ANN: &str = "ann@example.test/desk";
const BOB: &str = "bob@example.test/desk";
const WANDA: &str = "wanda@example.test/home";

/// The same stanza, or the same payload when it brings its own namespace.
fn same(got: &Element, expected: &str) {
    let tag = expected.split('>').next().unwrap();
    let expected = if tag.contains("xmlns=") { expected.parse().unwrap() } else { parse(expected) };
    assert_eq!(String::from(got), String::from(&expected));
}

/// With every date replaced by `DATE`.
fn undated(element: &Element) -> Element {
    let text = String::from(element);
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("20") {
        let date = rest.get(at..at + 17).filter(|it| it.as_bytes()[8] == b'T' && it.as_bytes()[11] == b':');
        out.push_str(&rest[..at]);
        let (word, skip) = if date.is_some() { ("DATE", 17) } else { ("20", 2) };
        out.push_str(word);
        rest = &rest[at + skip..];
    }
    out.push_str(rest);
    out.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn from_join_to_transcript() {
    let mut office = Office::open();
    office.agent(ANN, 3).await;
    office.agent(BOB, 2).await;
    let sent = office
        .ask(ANN, "get", SUPPORT, "<agent-status-request xmlns='http://jabber.org/protocol/workgroup'/>")
        .await;
    same(
        sent.children().next().unwrap(),
        "<agent-status-request xmlns='http://jabber.org/protocol/workgroup'><agent jid='bob@workgroup.example.test'>\
         <name xmlns='http://jivesoftware.com/protocol/workgroup'>Bob Byrne</name></agent></agent-status-request>",
    );
    let colleague = office.payload(ANN, "agent-status").await;
    same(
        &colleague,
        "<presence from='bob@workgroup.example.test/desk' to='ann@example.test/desk'>\
         <agent-status xmlns='http://jabber.org/protocol/workgroup' jid='support@workgroup.example.test'>\
         <max-chats>2</max-chats>\
         <current-chats xmlns='http://jivesoftware.com/protocol/workgroup'/></agent-status></presence>",
    );
    // Away agents get no offers.
    office.send(
        BOB,
        &format!("<presence to='{SUPPORT}'><show>away</show><agent-status xmlns='http://jabber.org/protocol/workgroup'/></presence>"),
    );
    office.payload(BOB, "notify-queue").await;
    office.quiet().await;
    office.drain(ANN);

    office.send(WANDA, &format!("<iq type='set' id='p45' to='{SUPPORT}'>{}</iq>", join_form(WANDA)));
    office.expect(WANDA, "the result", |it| it.attr("id") == Some("p45")).await;
    let status = office.payload(WANDA, "queue-status").await;
    let session = session_of(&status);
    same(
        &status,
        &format!(
            "<message from='{SUPPORT}' to='{WANDA}'><queue-status xmlns='http://jabber.org/protocol/workgroup'>\
             <time>15</time><position>1</position>\
             <session xmlns='http://jivesoftware.com/protocol/workgroup' id='{session}' workgroup='{SUPPORT}'/>\
             </queue-status></message>"
        ),
    );
    let offer = office.payload(ANN, "offer").await;
    assert_eq!(offer.attr("type"), Some("set"));
    same(
        offer.children().next().unwrap(),
        &format!(
            "<offer xmlns='http://jabber.org/protocol/workgroup' id='{session}' jid='{WANDA}'>\
             <metadata xmlns='http://jivesoftware.com/protocol/workgroup'><value name='username'>Wanda</value>\
             <value name='email'>wanda@example.test</value><value name='question'>My phone is dead</value></metadata>\
             <timeout>20</timeout>\
             <session xmlns='http://jivesoftware.com/protocol/workgroup' id='{session}' workgroup='{SUPPORT}'/>\
             <user-request/></offer>"
        ),
    );
    let queue =
        office.expect(ANN, "a waiting customer", |it| String::from(it).contains("<count>1</count>")).await;
    same(
        &undated(&queue),
        &format!(
            "<presence from='{SUPPORT}/Default Queue' to='{ANN}'>\
             <notify-queue xmlns='http://jabber.org/protocol/workgroup'><count>1</count><oldest>DATE</oldest>\
             <time>0</time><status>open</status></notify-queue></presence>"
        ),
    );
    let details = office.expect(ANN, "details", |it| String::from(it).contains("<user ")).await;
    same(
        &undated(&details),
        &format!(
            "<presence from='{SUPPORT}/Default Queue' to='{ANN}'>\
             <notify-queue-details xmlns='http://jabber.org/protocol/workgroup'><user jid='{WANDA}'>\
             <position>0</position><time>15</time><join-time>DATE</join-time></user></notify-queue-details></presence>"
        ),
    );
    let answer = office.accept(ANN, &session).await;
    same(
        &answer,
        &format!("<iq type='result' id='{}' from='{SUPPORT}' to='{ANN}'/>", answer.attr("id").unwrap()),
    );

    let room = format!("{session}@conference.example.test");
    let invitation = office.expect(ANN, "the invitation", is_invitation).await;
    same(
        &invitation,
        &format!(
            "<message from='{room}' to='{ANN}'><offer xmlns='http://jabber.org/protocol/workgroup' jid='{WANDA}'/>\
             <session xmlns='http://jivesoftware.com/protocol/workgroup' id='{session}' workgroup='{SUPPORT}'/>\
             <x xmlns='http://jabber.org/protocol/muc#user'><invite from='{SUPPORT}'><reason>{session}</reason></invite>\
             </x></message>"
        ),
    );
    let invitation = office.expect(WANDA, "the invitation", is_invitation).await;
    same(
        &invitation,
        &format!(
            "<message from='{room}' to='{WANDA}'>\
             <workgroup xmlns='http://jabber.org/protocol/workgroup' jid='{SUPPORT}'/>\
             <session xmlns='http://jivesoftware.com/protocol/workgroup' id='{session}'/>\
             <x xmlns='http://jabber.org/protocol/muc#user'><invite from='{SUPPORT}'>\
             <reason>Please join me for a chat.</reason></invite></x></message>"
        ),
    );
    office.enter(ANN, &session, "ann");
    office.enter(WANDA, &session, "Wanda");
    office.send(WANDA, &format!("<message type='groupchat' to='{room}'><body>hello?</body></message>"));
    office
        .send(ANN, &format!("<message type='groupchat' to='{room}'><body>hi &amp; welcome</body></message>"));
    let chats = office.expect(BOB, "the chat", |it| String::from(it).contains("sessionID")).await;
    assert!(
        String::from(&chats).contains("question=\"My phone is dead\"")
            || String::from(&chats).contains("question='My phone is dead'")
    );

    let tool = |name: &str| {
        format!(
            "<{name} xmlns='http://jivesoftware.com/protocol/workgroup'><sessionID>{session}</sessionID></{name}>"
        )
    };
    assert_eq!(condition(&office.ask(ANN, "get", SUPPORT, &tool("chat-notes")).await), "item-not-found");
    let notes = format!(
        "<chat-notes xmlns='http://jivesoftware.com/protocol/workgroup'><sessionID>{session}</sessionID>\
         <notes>refund promised</notes></chat-notes>"
    );
    assert_eq!(office.ask(ANN, "set", SUPPORT, &notes).await.attr("type"), Some("result"));
    assert!(
        String::from(&office.ask(ANN, "get", SUPPORT, &tool("chat-notes")).await)
            .contains("<text>refund promised</text>")
    );
    assert!(
        String::from(&office.ask(ANN, "get", SUPPORT, &tool("chat-metadata")).await)
            .contains("My phone is dead")
    );
    let occupants =
        format!("<occupants-info xmlns='http://jivesoftware.com/protocol/workgroup' roomID='{session}'/>");
    let occupants = String::from(&office.ask(ANN, "get", SUPPORT, &occupants).await);
    assert!(occupants.contains(&format!("<jid>{WANDA}</jid><nickname>Wanda</nickname>")), "{occupants}");

    office.leave(WANDA, &session, "Wanda");
    office.pass(5).await;
    assert!(office.rooms.exists(&session));
    office.leave(ANN, &session, "ann");
    office.pass(2).await;
    assert!(!office.rooms.exists(&session));
    history(&mut office, &session).await;
    assert_eq!(office.metrics.chats_total.load(Ordering::Relaxed), 1);
    assert_eq!(office.metrics.dropped_total.load(Ordering::Relaxed), 0);
    office.stop().await;
}

async fn history(office: &mut Office, session: &str) {
    const WG: &str = "http://jabber.org/protocol/workgroup";
    const JWG: &str = "http://jivesoftware.com/protocol/workgroup";
    let transcripts = format!("<transcripts xmlns='{WG}' userID='wanda@example.test'/>");
    let answer = office.ask(ANN, "get", SUPPORT, &transcripts).await;
    same(
        undated(&answer).children().next().unwrap(),
        &format!(
            "<transcripts xmlns='{JWG}' userID='wanda@example.test'><transcript sessionID='{session}'><agents><agent>\
             <agentJID>ann@example.test</agentJID><joinTime>DATE</joinTime><leftTime>DATE</leftTime></agent></agents>\
             <joinTime>DATE</joinTime><leftTime>DATE</leftTime></transcript></transcripts>"
        ),
    );
    let transcript = format!("<transcript xmlns='{WG}' sessionID='{session}'/>");
    let answer = office.ask(ANN, "get", SUPPORT, &transcript).await;
    let element = answer.children().next().unwrap().clone();
    assert!(element.is("transcript", JWG) && element.children().all(|child| child.ns() == "jabber:client"));
    let lines: Vec<(String, String)> = element
        .children()
        .map(|child| {
            let text = child.get_child("body", "jabber:client").map(Element::text);
            let stamp = child.get_child("x", "jabber:x:delay").unwrap().attr("stamp").unwrap();
            assert_eq!((stamp.len(), &stamp[8..9]), (17, "T"), "the only stamp that Spark reads");
            let what = text.unwrap_or_else(|| child.attr("type").unwrap_or("joined").to_owned());
            (child.attr("from").unwrap().rsplit('/').next().unwrap().to_owned(), what)
        })
        .collect();
    let expected = [
        ("ann", "joined"),
        ("Wanda", "joined"),
        ("Wanda", "hello?"),
        ("ann", "hi & welcome"),
        ("Wanda", "unavailable"),
        ("ann", "unavailable"),
    ];
    assert_eq!(lines, expected.map(|(who, what)| (who.to_owned(), what.to_owned())));
    let sessions =
        format!("<chat-sessions xmlns='{JWG}' agentJID='ann@example.test' maxSessions='10' startDate='0'/>");
    let answer = String::from(&office.ask(ANN, "get", SUPPORT, &sessions).await);
    assert!(
        answer.contains(&format!("<sessionID>{session}</sessionID>"))
            && answer.contains("<visitorsName>Wanda")
    );
    let search = format!(
        "<transcript-search xmlns='{JWG}'><x xmlns='jabber:x:data' type='submit'>\
         <field var='queryString'><value>WELCOME</value></field></x></transcript-search>"
    );
    assert!(String::from(&office.ask(ANN, "get", SERVICE, &search).await).contains(session));
    // Neither customers nor agents of other workgroups see any of it.
    let cleo = "cleo@example.test/desk";
    assert_eq!(condition(&office.ask(WANDA, "get", SUPPORT, &transcript).await), "not-authorized");
    assert_eq!(condition(&office.ask(cleo, "get", SUPPORT, &transcript).await), "not-authorized");
    let sales = "sales@workgroup.example.test";
    let answer = office.ask(cleo, "get", sales, &transcript).await;
    assert_eq!(answer.children().next().unwrap().children().count(), 0);
    assert!(!String::from(&office.ask(cleo, "get", SERVICE, &search).await).contains(session));
}
