//! Every request is answered, and hostile ones harm nobody.

use crate::office::*;
use std::sync::atomic::Ordering;

const ANN: &str = "ann@example.test/desk";
const WANDA: &str = "wanda@example.test/home";
const WG: &str = "http://jabber.org/protocol/workgroup";
const JWG: &str = "http://jivesoftware.com/protocol/workgroup";

#[tokio::test(start_paused = true)]
async fn each_request_has_its_answer() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    let info = "http://jabber.org/protocol/disco#info";
    let items = "http://jabber.org/protocol/disco#items";
    let table: &[(&str, &str, &str, &str, &str, &str)] = &[
        // who, kind, to, name, namespace, condition or a part of the answer
        (WANDA, "get", SERVICE, "query", info, "category=\"collaboration\""),
        (WANDA, "get", SERVICE, "query", items, "jid=\"support@workgroup.example.test\""),
        (WANDA, "get", SUPPORT, "query", info, "<value>OPEN</value>"),
        (WANDA, "get", "sales@workgroup.example.test", "query", info, "<value>READY</value>"),
        (WANDA, "get", "nosuch@workgroup.example.test", "query", info, "item-not-found"),
        (WANDA, "get", SUPPORT, "query", items, "not-acceptable"),
        (WANDA, "get", SUPPORT, "query", "jabber:iq:version", "Flint"),
        (WANDA, "get", SUPPORT, "vCard", "vcard-temp", "<FN>support</FN>"),
        (WANDA, "set", SUPPORT, "vCard", "vcard-temp", "bad-request"),
        (WANDA, "get", SUPPORT, "ping", "urn:xmpp:ping", ""),
        (WANDA, "get", SUPPORT, "workgroup-form", JWG, "label=\"Question:\""),
        (WANDA, "get", SUPPORT, "workgroup-properties", JWG, "<authRequired>false"),
        (WANDA, "get", SUPPORT, "chat-settings", JWG, "item-not-found"),
        (WANDA, "get", SUPPORT, "offline-settings", JWG, "item-not-found"),
        (WANDA, "get", SUPPORT, "sound-settings", JWG, "item-not-found"),
        (WANDA, "set", SUPPORT, "send-email", JWG, "service-unavailable"),
        (WANDA, "get", SUPPORT, "queue-status", WG, "item-not-found"),
        (WANDA, "set", SUPPORT, "depart-queue", WG, "item-not-found"),
        (WANDA, "get", SUPPORT, "join-queue", WG, "not-authorized"),
        (WANDA, "get", SERVICE, "workgroups", WG, "not-authorized"),
        (WANDA, "get", SUPPORT, "transcripts", WG, "not-authorized"),
        (WANDA, "get", SERVICE, "transcript-search", JWG, "not-authorized"),
        (WANDA, "get", SUPPORT, "nonsense", JWG, "not-authorized"),
        (WANDA, "get", SUPPORT, "nonsense", "urn:nonsense", "service-unavailable"),
        (WANDA, "get", "nosuch@workgroup.example.test", "workgroup-form", JWG, "not-authorized"),
        (WANDA, "get", SERVICE, "nonsense", JWG, "service-unavailable"),
        (
            ANN,
            "get",
            SERVICE,
            "workgroups",
            WG,
            "<workgroup jid=\"support@workgroup.example.test\"/></workgroups>",
        ),
        (ANN, "get", SUPPORT, "monitor", JWG, "<isMonitor>false"),
        (ANN, "set", SUPPORT, "monitor", JWG, "forbidden"),
        (ANN, "get", SUPPORT, "macros", JWG, "&lt;x&gt;\n&lt;macrogroup&gt;"),
        (ANN, "set", SUPPORT, "macros", JWG, "not-acceptable"),
        (ANN, "get", SUPPORT, "search-settings", JWG, "search-settings"),
        (ANN, "get", SUPPORT, "generic-metadata", JWG, "generic-metadata"),
        (ANN, "get", SUPPORT, "agent-info", JWG, "<name>ann</name>"),
        (ANN, "set", SUPPORT, "agent-info", JWG, "service-unavailable"),
        (ANN, "get", SUPPORT, "occupants-info", JWG, "occupants-info"),
        (ANN, "get", SUPPORT, "chat-sessions", JWG, "bad-request"),
        (ANN, "get", SUPPORT, "chat-notes", JWG, "bad-request"),
        (ANN, "get", SERVICE, "transcript-search", JWG, "var=\"queryString\""),
        (ANN, "set", SUPPORT, "offer-accept", WG, "item-not-found"),
        (ANN, "set", SUPPORT, "invite", WG, "bad-request"),
        (ANN, "set", SUPPORT, "offer-confirmation", WG, "bad-request"),
        (ANN, "get", SUPPORT, "query", "jabber:iq:private", "not-allowed"),
    ];
    for (who, kind, to, name, ns, expected) in table {
        let answer = office.ask(who, kind, to, &format!("<{name} xmlns='{ns}'/>")).await;
        let text = String::from(&answer).replace('\'', "\"");
        if answer.attr("type") == Some("error") {
            assert_eq!(condition(&answer), *expected, "{kind} {name} {ns} by {who}");
        } else {
            assert!(text.contains(expected), "{kind} {name} {ns} by {who}: {text}");
        }
    }
    // Personal responses come back as they were stored, in the shape that Spark reads.
    let set = format!(
        "<macros xmlns='{JWG}'><personal>true</personal>\
         <personalMacro>&lt;macrogroup&gt;&lt;title&gt;R&amp;D&lt;/title&gt;&lt;/macrogroup&gt;</personalMacro></macros>"
    );
    assert_eq!(office.ask(ANN, "set", SUPPORT, &set).await.attr("type"), Some("result"));
    let get = format!("<macros xmlns='{JWG}'><personal>true</personal></macros>");
    let answer = office.ask(ANN, "get", SUPPORT, &get).await;
    let model = answer.children().next().unwrap().children().next().unwrap().text();
    assert!(model.starts_with("<x>\n<macrogroup>") && model.contains("<title>R&amp;D</title>"), "{model}");
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_join_is_checked_against_the_form() {
    let mut office = Office::open();
    let join = |fields: &str| {
        format!("<join-queue xmlns='{WG}'><x xmlns='jabber:x:data' type='submit'>{fields}</x></join-queue>")
    };
    let field = |var: &str, value: &str| format!("<field var='{var}'><value>{value}</value></field>");
    let good = format!("{}{}{}", field("username", "W"), field("email", "w@x"), field("question", "?"));
    assert_eq!(condition(&office.ask(WANDA, "set", SUPPORT, &join(&good)).await), "service-unavailable");
    office.agent(ANN, 1).await;
    let long = field("question", &"x".repeat(5_000));
    let many: String = (0..100).map(|n| field(&format!("f{n}"), "x")).collect();
    for bad in [
        String::new(),
        field("username", "W"),
        format!("{good}{long}"),
        format!("{good}{many}"),
        field("username", " "),
    ] {
        assert_eq!(condition(&office.ask(WANDA, "set", SUPPORT, &join(&bad)).await), "not-acceptable");
    }
    assert_eq!(office.ask(WANDA, "set", SUPPORT, &join(&good)).await.attr("type"), Some("result"));
    let again = office.ask(WANDA, "set", SUPPORT, &join(&good)).await;
    assert_eq!(condition(&again), "conflict");
    let session = session_of(&office.payload(WANDA, "queue-status").await);
    assert!(String::from(&again).contains(&session));
    let poll = office.ask(WANDA, "get", SUPPORT, &format!("<queue-status xmlns='{WG}'/>")).await;
    assert_eq!((poll.attr("type"), session_of(&poll)), (Some("result"), session));
    office.stop().await;
}

/// Prosody ends the stream of a component that sends more than 512 KiB in one stanza (`component_stanza_size_limit`).
#[tokio::test(start_paused = true)]
async fn nothing_leaves_that_would_end_the_stream() {
    let mut office = Office::open();
    // From another server come 512 KiB, and a refusal repeats what it refuses.
    let long = format!("<nonsense xmlns='urn:nonsense'>{}</nonsense>", "x".repeat(500_000));
    let answer = office.ask("mallory@evil.test/x", "get", SUPPORT, &long).await;
    assert_eq!(condition(&answer), "service-unavailable");
    assert!(String::from(&answer).len() < 1_000);

    office.agent(ANN, 1).await;
    office.join(WANDA).await;
    let session = office.chat(ANN, WANDA).await;
    let room = format!("{session}@conference.example.test");
    for number in 0..1_000 {
        let text = format!("line {number} {}", "x".repeat(600));
        office.send(WANDA, &format!("<message type='groupchat' to='{room}'><body>{text}</body></message>"));
    }
    office.quiet().await;
    let ask = format!("<transcript xmlns='{WG}' sessionID='{session}'/>");
    let answer = String::from(&office.ask(ANN, "get", SUPPORT, &ask).await);
    assert!(answer.len() < 400_000, "{} bytes", answer.len());
    assert!(answer.contains("line 999 ") && !answer.contains("line 0 "), "the newest count");
    let note = answer.split("Earlier lines are left out.").next().unwrap();
    assert!(
        note.len() < answer.len() && note.rfind("/support") > note.rfind("/customer"),
        "said by the workgroup"
    );
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_very_long_chat_shows_its_end() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    office.join(WANDA).await;
    let session = office.chat(ANN, WANDA).await;
    let room = format!("{session}@conference.example.test");
    for number in 0..2_100 {
        office.send(
            WANDA,
            &format!("<message type='groupchat' to='{room}'><body>line {number}.</body></message>"),
        );
    }
    office.quiet().await;
    let ask = format!("<transcript xmlns='{WG}' sessionID='{session}'/>");
    let answer = String::from(&office.ask(ANN, "get", SUPPORT, &ask).await);
    assert!(answer.contains("line 2099."), "the last line is missing");
    assert!(answer.contains("Earlier lines are left out.") && !answer.contains("line 0."));
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_takes_the_name_of_somebody_else() {
    let mut office = Office::open();
    office.agent(ANN, 4).await;
    for (who, named, taken) in [
        ("a1@anonymous.test/web", "visitor-7@visitors.test", true),
        ("a2@anonymous.test/web", "boss@example.test", false),
        ("a3@anonymous.test/web", "other@anonymous.test", false),
        ("a4@anonymous.test/web", "x@workgroup.example.test", false),
    ] {
        let user = format!("<user xmlns='{JWG}' id='{named}'/><x xmlns='jabber:x:data'");
        // Spark looks for past chats under the `userID` of the form.
        let field = format!("<field var='userID'><value>{named}</value></field></x>");
        let join = join_form(who).replacen("<x xmlns='jabber:x:data'", &user, 1).replacen("</x>", &field, 1);
        assert_eq!(office.ask(who, "set", SUPPORT, &join).await.attr("type"), Some("result"));
        let offer = office.payload(ANN, "offer").await;
        assert_eq!(String::from(&offer).contains(named), taken, "{named}");
        office.accept(ANN, &session_of(&offer)).await;
    }
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn presence_tells_whether_it_is_open() {
    let mut office = Office::open();
    office.send("wanda@example.test", &format!("<presence type='subscribe' to='{SUPPORT}'/>"));
    office.expect("wanda@example.test", "subscribed", |it| it.attr("type") == Some("subscribed")).await;
    office.expect("wanda@example.test", "closed", |it| it.attr("type") == Some("unavailable")).await;
    office.send(WANDA, &format!("<presence to='{SUPPORT}'/>"));
    office.expect(WANDA, "closed", |it| it.attr("type") == Some("unavailable")).await;
    office.agent(ANN, 1).await;
    for who in [WANDA, "wanda@example.test"] {
        let open = office.payload(who, "workgroup").await;
        assert_eq!((open.attr("from"), open.attr("type")), (Some(SUPPORT), None));
    }
    office.send(ANN, &format!("<presence type='unavailable' to='{SUPPORT}'/>"));
    office.expect(WANDA, "closed", |it| it.attr("type") == Some("unavailable")).await;
    // Agents of other workgroups, bad limits, other devices.
    let status = |max: &str| {
        format!(
            "<presence id='p' to='{SUPPORT}'><agent-status xmlns='{WG}'><max-chats>{max}</max-chats></agent-status></presence>"
        )
    };
    office.send("cleo@example.test/desk", &status("1"));
    assert_eq!(
        condition(
            &office.expect("cleo@example.test/desk", "error", |it| it.attr("type") == Some("error")).await
        ),
        "not-authorized"
    );
    office.send(ANN, &status("many"));
    assert_eq!(
        condition(&office.expect(ANN, "error", |it| it.attr("type") == Some("error")).await),
        "not-acceptable"
    );
    office.agent(ANN, 1).await;
    office.send("ann@example.test/phone", &status("2"));
    office.payload("ann@example.test/phone", "notify-queue").await;
    assert_eq!(
        condition(&office.expect(ANN, "error", |it| it.attr("type") == Some("error")).await),
        "not-allowed"
    );
    office.stop().await;
}

#[tokio::test(start_paused = true)]
async fn hostile_stanzas_are_dropped_and_counted() {
    let mut office = Office::open();
    office.agent(ANN, 1).await;
    let session = office.join(WANDA).await;
    office.offered(ANN).await;
    let room = format!("{session}@conference.example.test");
    // An answer to a ping from somebody else, presence of an unknown kind, an IQ without an id, one with two payloads,
    // a room that isn't ours, an occupant of a room that was never made, an offer's error from a stranger.
    let gone = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    let before = office.metrics.dropped_total.load(Ordering::Relaxed);
    office.send("eve@example.test/x", &format!("<iq type='error' id='ping-1' to='{SUPPORT}'>{gone}</iq>"));
    office.send("eve@example.test/x", &format!("<presence type='nonsense' to='{SUPPORT}'/>"));
    office.send(
        "eve@example.test/x",
        &format!("<iq type='get' to='{SUPPORT}'><ping xmlns='urn:xmpp:ping'/></iq>"),
    );
    office.send("eve@example.test/x", &format!("<nonsense to='{SUPPORT}'/>"));
    office.send(
        "eve@example.test/x",
        &format!("<iq type='error' id='offer:{session}' to='{SUPPORT}'>{gone}</iq>"),
    );
    office.send("eve@example.test/x", &format!("<message type='error' to='{SUPPORT}'>{gone}</message>"));
    office.send(&format!("{room}/eve"), &format!("<presence to='{SUPPORT}/support'/>"));
    office.send(
        "other@conference.example.test/x",
        &format!("<message type='groupchat' to='{SUPPORT}/support'><body>x</body></message>"),
    );
    office.quiet().await;
    assert_eq!(office.metrics.dropped_total.load(Ordering::Relaxed), before + 3);
    let two = format!(
        "<iq type='get' id='two' to='{SUPPORT}'><ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>"
    );
    office.send("eve@example.test/x", &two);
    assert_eq!(
        condition(&office.expect("eve@example.test/x", "refusal", |it| it.attr("id") == Some("two")).await),
        "bad-request"
    );
    // The offer stands.
    assert_eq!(office.accept(ANN, &session).await.attr("type"), Some("result"));
    let mut text = String::new();
    office.metrics.render("flint_workgroup_", &mut text);
    assert!(
        text.contains("# TYPE flint_workgroup_dropped_total counter\nflint_workgroup_dropped_total 3\n"),
        "{text}"
    );
    office.stop().await;
}
