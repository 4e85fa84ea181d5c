//! Messages, presence, roster pushes, carbons.

use super::{handed_out, sent, translator};
use flint_core::ids::{StanzaId, Timestamp};
use flint_core::input::{IncomingMessage, Origin, RemoteEvent, RosterItem};
use flint_core::model::{Show, Subscription};
use flint_core::secret::Private;
use flint_core::{Jid, StanzaKind};

fn jid(text: &str) -> Jid {
    text.parse().unwrap()
}

fn message(from: &str, body: &str) -> IncomingMessage {
    IncomingMessage {
        origin: Origin::Person { from: jid(from) },
        id: None,
        origin_id: None,
        stanza_id: None,
        body: Private::from(body),
        delayed: None,
        wants_receipt: false,
        markable: false,
        archived: false,
    }
}

#[test]
fn messages_of_people() {
    let bob = "bob@example.test/desk";
    let table = [
        (
            "<message from='bob@example.test/desk' type='chat' id='m1'><body>hi</body>\
             <origin-id xmlns='urn:xmpp:sid:0' id='o1'/><request xmlns='urn:xmpp:receipts'/>\
             <markable xmlns='urn:xmpp:chat-markers:0'/>\
             <stanza-id xmlns='urn:xmpp:sid:0' by='ann@example.test' id='a1'/></message>",
            vec![RemoteEvent::MessageReceived(IncomingMessage {
                id: Some("m1".to_owned()),
                origin_id: Some("o1".to_owned()),
                stanza_id: Some(StanzaId("a1".to_owned())),
                wants_receipt: true,
                markable: true,
                ..message(bob, "hi")
            })],
        ),
        // Ids by anybody else, delays by anybody else: not taken over.
        (
            "<message from='bob@example.test/desk'><body>hi</body>\
             <stanza-id xmlns='urn:xmpp:sid:0' by='bob@example.test' id='forged'/>\
             <delay xmlns='urn:xmpp:delay' from='bob@example.test' stamp='2001-01-01T00:00:00Z'/>\
             <delay xmlns='urn:xmpp:delay' stamp='2001-01-01T00:00:00Z'/></message>",
            vec![RemoteEvent::MessageReceived(message(bob, "hi"))],
        ),
        (
            "<message from='bob@example.test/desk'><body>hi</body>\
             <delay xmlns='urn:xmpp:delay' from='example.test' stamp='1970-01-01T00:00:01.5Z'/></message>",
            vec![RemoteEvent::MessageReceived(IncomingMessage {
                delayed: Some(Timestamp(1_500)),
                ..message(bob, "hi")
            })],
        ),
        (
            "<message from='bob@example.test/desk'><body xml:lang='de'>hallo</body><body>hi</body></message>",
            vec![RemoteEvent::MessageReceived(message(bob, "hi"))],
        ),
        (
            "<message from='bob@example.test/desk'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
            vec![RemoteEvent::TypingChanged { from: jid(bob), in_room: false, typing: true }],
        ),
        (
            "<message from='bob@example.test/desk'><received xmlns='urn:xmpp:receipts' id='m7'/></message>",
            vec![RemoteEvent::ReceiptReceived { from: jid(bob), id: "m7".to_owned() }],
        ),
        (
            "<message from='bob@example.test/desk'><displayed xmlns='urn:xmpp:chat-markers:0' id='m7'/></message>",
            vec![RemoteEvent::DisplayedReceived { from: jid(bob), id: "m7".to_owned() }],
        ),
        (
            "<message from='bob@example.test' type='error' id='m8'><error type='cancel'>\
             <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
            vec![RemoteEvent::MessageFailed {
                from: jid("bob@example.test"),
                id: "m8".to_owned(),
                reason:
                    "The message could not be delivered: the other side is not there or does not offer this."
                        .to_owned(),
            }],
        ),
        ("<message from='bob@example.test/desk'><body/></message>", vec![]),
        (
            "<message from='example.test' type='headline'><body>Maintenance at ten.</body></message>",
            vec![RemoteEvent::MessageReceived(message("example.test", "Maintenance at ten."))],
        ),
        (
            "<message from='ann@example.test/phone'><body>note</body></message>",
            vec![RemoteEvent::MessageReceived(IncomingMessage {
                origin: Origin::OwnDevice { to: "ann@example.test".parse().unwrap() },
                ..message(bob, "note")
            })],
        ),
    ];
    for (stanza, expected) in table {
        assert_eq!(translator().events(stanza), expected, "{stanza}");
    }
}

#[test]
fn a_text_is_cut_at_its_limit_and_not_inside_a_character() {
    let body = "ä".repeat(40_000);
    let events =
        translator().events(&format!("<message from='bob@example.test/desk'><body>{body}</body></message>"));
    let [RemoteEvent::MessageReceived(message)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(message.body.0.len(), 65_536);
}

#[test]
fn carbons_count_only_from_the_own_bare_address() {
    let forwarded = |kind: &str, from: &str, inner: &str| {
        format!(
            "<message {from}><{kind} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
             <message xmlns='jabber:client' {inner}><body>hi</body>\
             <stanza-id xmlns='urn:xmpp:sid:0' by='ann@example.test' id='a1'/></message></forwarded></{kind}></message>"
        )
    };
    let sent_by_phone = "from='ann@example.test/phone' to='bob@example.test/x' type='chat'";
    let from_bob = "from='bob@example.test/x' to='ann@example.test/phone' type='chat'";
    let stanza_id = Some(StanzaId("a1".to_owned()));

    let got = translator().events(&forwarded("sent", "from='ann@example.test'", sent_by_phone));
    let origin = Origin::OwnDevice { to: "bob@example.test".parse().unwrap() };
    let stated = stanza_id.clone();
    let expected = IncomingMessage { origin, stanza_id: stated, ..message("bob@example.test/x", "hi") };
    assert_eq!(got, [RemoteEvent::MessageReceived(expected)]);

    let got = translator().events(&forwarded("received", "from='ann@example.test'", from_bob));
    let expected = IncomingMessage { stanza_id, ..message("bob@example.test/x", "hi") };
    assert_eq!(got, [RemoteEvent::MessageReceived(expected)]);

    let mut translator = translator();
    for from in [
        "from='eve@evil.test/x'",
        "from='bob@example.test'",
        "from='ann@example.test/phone'",
        "from='example.test'",
    ] {
        translator.drops("carbon-from-elsewhere", &forwarded("sent", from, sent_by_phone));
        translator.drops("carbon-from-elsewhere", &forwarded("received", from, from_bob));
    }
    // The server would not make these, so whoever did is not trusted either.
    translator.drops("carbon-sender", &forwarded("sent", "from='ann@example.test'", from_bob));
    translator.drops(
        "carbon-kind",
        &forwarded(
            "received",
            "from='ann@example.test'",
            "from='tea@conference.example.test/x' type='groupchat'",
        ),
    );
}

#[test]
fn roster_pushes_count_only_from_the_own_account_and_are_answered() {
    let push = |from: &str| {
        format!(
            "<iq type='set' id='p1' {from}><query xmlns='jabber:iq:roster' ver='v2'>\
             <item jid='bob@example.test' name='Bob' subscription='both'><group>Legal</group><group>Legal</group></item>\
             </query></iq>"
        )
    };
    for from in ["", "from='ann@example.test'"] {
        let mut translator = translator();
        let steps = translator.feed(&push(from));
        let item = RosterItem {
            jid: "bob@example.test".parse().unwrap(),
            name: Some("Bob".to_owned()),
            groups: vec!["Legal".to_owned()],
            subscription: Subscription::Both,
            asked: false,
        };
        let expected = RemoteEvent::RosterPushed { item, removed: false, version: Some("v2".to_owned()) };
        let told = crate::output::SessionOutput::Remote(expected);
        assert_eq!(steps[0], super::Step::Tell(told));
        let answer = &sent(steps)[0];
        assert_eq!((answer.attr("type"), answer.attr("id")), (Some("result"), Some("p1")));
    }
    let mut translator = translator();
    for from in
        ["eve@evil.test/x", "ann@example.test/phone", "ann@example.test.evil.test", "bob@example.test"]
    {
        translator.drops("roster-push-from-elsewhere", &push(&format!("from='{from}'")));
    }
    let answer = &sent(translator.feed(&push("from='eve@evil.test/x'")))[0];
    assert_eq!((answer.attr("type"), answer.attr("to")), (Some("error"), Some("eve@evil.test/x")));
}

#[test]
fn presence_of_people() {
    let changed = |show, status: &str, priority| RemoteEvent::PresenceChanged {
        from: "bob@example.test/desk".parse().unwrap(),
        show,
        status: status.to_owned(),
        priority,
    };
    let bob = "bob@example.test".parse::<flint_core::BareJid>().unwrap();
    for (stanza, expected) in [
        ("<presence from='bob@example.test/desk'/>", vec![changed(Show::Available, "", 0)]),
        (
            "<presence from='bob@example.test/desk'><show>dnd</show><status> busy </status><priority>-3</priority></presence>",
            vec![changed(Show::DoNotDisturb, "busy", -3)],
        ),
        (
            "<presence from='bob@example.test/desk'><show>nonsense</show><priority>9999</priority></presence>",
            vec![changed(Show::Available, "", 0)],
        ),
        ("<presence from='bob@example.test/desk' type='unavailable'/>", vec![changed(Show::Offline, "", 0)]),
        (
            "<presence from='bob@example.test' type='unavailable'/>",
            vec![RemoteEvent::PresenceGone { from: bob.clone() }],
        ),
        (
            "<presence from='bob@example.test' type='subscribe'/>",
            vec![RemoteEvent::SubscriptionRequested { from: bob }],
        ),
        ("<presence from='ann@example.test/desk'/>", vec![]),
        ("<presence from='bob@example.test' type='subscribed'/>", vec![]),
    ] {
        assert_eq!(translator().events(stanza), expected, "{stanza}");
    }
    translator().drops("presence-type", "<presence from='bob@example.test/desk' type='strange'/>");
    translator().drops("sender-malformed", "<presence from='@@'/>");
}

#[test]
fn claimed_domains_workgroups_and_their_invitations_go_to_the_module() {
    let mut translator = translator();
    let offer = "<iq type='set' id='o1' from='demo@workgroup.example.test'>\
                 <offer xmlns='http://jabber.org/protocol/workgroup' id='7' jid='klein@example.test/x'/></iq>";
    let invitation = "<message from='r1@conference.example.test'><x xmlns='http://jabber.org/protocol/muc#user'>\
                      <invite from='demo@workgroup.example.test'><reason>help</reason></invite></x></message>";
    let plain = "<message from='demo@workgroup.example.test'><body>hello</body></message>";
    let status = "<presence from='demo@workgroup.example.test'>\
                  <notify-queue xmlns='http://jabber.org/protocol/workgroup'/></presence>";
    // Workgroup payloads always, other things only from what was claimed. A request of others is answered here, because
    // the module does not know them.
    assert_eq!(sent(translator.feed(offer))[0].attr("type"), Some("error"));
    assert_eq!(handed_out(translator.feed(status)).len(), 1);
    assert!(matches!(translator.events(invitation)[0], RemoteEvent::RoomInvited { .. }));
    assert!(matches!(translator.events(plain)[0], RemoteEvent::MessageReceived(_)));

    translator.claim_domain("workgroup.example.test");
    let got = handed_out(translator.feed(invitation));
    assert_eq!(got[0].kind, StanzaKind::Message);
    assert_eq!(got[0].from, jid("r1@conference.example.test"));
    let again: minidom::Element = got[0].xml.0.parse().unwrap();
    assert!(again.has_child("x", "http://jabber.org/protocol/muc#user"), "{}", got[0].xml.0);
    assert_eq!(handed_out(translator.feed(plain)).len(), 1);
    assert_eq!(handed_out(translator.feed(offer)).len(), 1);

    // The own domain can't be claimed, and what the session answers itself stays with it.
    translator.claim_domain("example.test");
    assert!(!translator.events("<message from='bob@example.test/x'><body>hi</body></message>").is_empty());
    let ping = "<iq type='get' id='1' from='workgroup.example.test'><ping xmlns='urn:xmpp:ping'/></iq>";
    assert_eq!(sent(translator.feed(ping))[0].attr("type"), Some("result"));

    translator.claim_room("r1@conference.example.test".parse().unwrap());
    let said = "<message from='r1@conference.example.test/klein' type='groupchat'><body>hi</body></message>";
    assert_eq!(handed_out(translator.feed(said))[0].stanza_type.as_deref(), Some("groupchat"));
    translator.release_room(&"r1@conference.example.test".parse().unwrap());
    translator.drops("groupchat-not-joined", said);

    let large =
        format!("<message from='demo@workgroup.example.test'><body>{}</body></message>", "x".repeat(70_000));
    translator.drops("extension-too-large", &large);
}
