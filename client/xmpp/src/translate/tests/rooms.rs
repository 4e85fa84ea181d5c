//! Rooms and archives.

use super::{sent, translator};
use crate::translate::muc;
use flint_core::effect::Outbound;
use flint_core::ids::{SendToken, StanzaId, Timestamp};
use flint_core::input::{Origin, RemoteEvent};
use flint_core::model::OccupantRow;
use tokio::time::Instant;

const ROOM: &str = "tea@conference.example.test";
const USER: &str = "http://jabber.org/protocol/muc#user";

fn room() -> flint_core::BareJid {
    ROOM.parse().unwrap()
}

fn presence(nick: &str, kind: &str, inner: &str) -> String {
    format!("<presence from='{ROOM}/{nick}' {kind}><x xmlns='{USER}'>{inner}</x></presence>")
}

#[test]
fn a_room_is_heard_only_from_the_joining_on() {
    let mut translator = translator();
    let said = format!("<message from='{ROOM}/bob' type='groupchat' id='m1'><body>hi</body></message>");
    translator.drops("groupchat-not-joined", &said);
    muc::join(&mut translator, &room(), "Ann", None, Some(Timestamp(0)));
    let join = translator.sent();
    assert_eq!(join.attr("to"), Some("tea@conference.example.test/Ann"));
    let x = join.get_child("x", "http://jabber.org/protocol/muc").unwrap();
    let history = x.get_child("history", "http://jabber.org/protocol/muc").unwrap();
    assert_eq!(history.attr("since"), Some("1970-01-01T00:00:00.000Z"));

    let bob = "<item affiliation='owner' role='moderator' jid='bob@example.test/desk'/>";
    let occupant =
        |nick: &str, jid: Option<&str>, role: &str, affiliation: &str| RemoteEvent::OccupantChanged {
            room: room(),
            occupant: OccupantRow {
                nick: nick.to_owned(),
                jid: jid.map(|jid| jid.parse().unwrap()),
                role: role.to_owned(),
                affiliation: affiliation.to_owned(),
            },
        };
    assert_eq!(
        translator.events(&presence("bob", "", bob)),
        [occupant("bob", Some("bob@example.test/desk"), "moderator", "owner")]
    );
    // The service may give another nickname than the one asked for (status 210); a forged role is none.
    let own = "<item affiliation='none' role='emperor'/><status code='110'/><status code='210'/><status code='201'/>";
    let steps = translator.feed(&presence("Ann2", "", own));
    let told: Vec<_> = steps.iter().filter(|step| matches!(step, super::Step::Tell(_))).collect();
    assert_eq!(told.len(), 2);
    assert!(format!("{told:?}").contains("RoomJoined"), "{told:?}");
    let asked: Vec<String> = sent(steps).iter().map(|iq| iq.children().next().unwrap().ns()).collect();
    assert_eq!(asked, ["http://jabber.org/protocol/muc#owner", "http://jabber.org/protocol/disco#info"]);

    for (nick, own) in [("bob", false), ("Ann2", true)] {
        let said = format!(
            "<message from='{ROOM}/{nick}' type='groupchat' id='m1'><body>hi</body>\
             <stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='s1'/>\
             <delay xmlns='urn:xmpp:delay' from='{ROOM}' stamp='1970-01-01T00:00:02Z'/></message>"
        );
        let events = translator.events(&said);
        let [RemoteEvent::MessageReceived(message)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(message.origin, Origin::Occupant { room: room(), nick: Some(nick.to_owned()), own });
        assert_eq!(message.stanza_id, Some(StanzaId("s1".to_owned())));
        assert_eq!(message.delayed, Some(Timestamp(2_000)));
    }
    translator.drops(
        "private-message-in-room",
        &format!("<message from='{ROOM}/bob' type='chat'><body>psst</body></message>"),
    );
    let subject = format!("<message from='{ROOM}/bob' type='groupchat'><subject>Tea</subject></message>");
    assert_eq!(
        translator.events(&subject),
        [RemoteEvent::RoomSubject { room: room(), subject: "Tea".to_owned() }]
    );
}

#[test]
fn nicknames_change_and_people_leave() {
    let mut translator = translator();
    translator.enter(ROOM);
    let renamed = "<item nick='annie' affiliation='member' role='participant'/><status code='303'/><status code='110'/>";
    let left = |nick: &str| RemoteEvent::OccupantLeft { room: room(), nick: nick.to_owned() };
    assert_eq!(translator.events(&presence("ann", "type='unavailable'", renamed)), [left("ann")]);
    let own = translator
        .events(&format!("<message from='{ROOM}/annie' type='groupchat'><body>me</body></message>"));
    assert!(
        matches!(&own[0], RemoteEvent::MessageReceived(m) if m.origin == Origin::Occupant { room: room(), nick: Some("annie".to_owned()), own: true })
    );
    assert_eq!(translator.events(&presence("bob", "type='unavailable'", "<item/>")), [left("bob")]);
    let kicked = "<item affiliation='none' role='none'><reason>spam</reason></item><status code='307'/><status code='110'/>";
    assert_eq!(
        translator.events(&presence("annie", "type='unavailable'", kicked)),
        [RemoteEvent::RoomLeft {
            room: room(),
            reason: Some("You were removed from the room: spam.".to_owned())
        }]
    );
    translator.drops(
        "groupchat-not-joined",
        &format!("<message from='{ROOM}/bob' type='groupchat'><body>x</body></message>"),
    );
}

#[test]
fn a_refused_join_says_why() {
    for (condition, nick_taken, reason) in [
        ("conflict", true, "Somebody in the room has this nickname already; choose another one."),
        ("registration-required", false, "The room is for members only; ask its owner to add you."),
        ("strange", false, "The room refused to let you in."),
    ] {
        let mut translator = translator();
        muc::join(&mut translator, &room(), "ann", None, None);
        translator.take_steps();
        let error = format!(
            "<presence from='{ROOM}/ann' type='error'><error type='cancel'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
        );
        let expected = RemoteEvent::RoomJoinFailed { room: room(), reason: reason.to_owned(), nick_taken };
        assert_eq!(translator.events(&error), [expected]);
    }
}

#[test]
fn trying_to_enter_a_person_does_not_silence_them() {
    let mut translator = translator();
    muc::join(&mut translator, &"bob@example.test".parse().unwrap(), "ann", None, None);
    translator.take_steps();
    let said = "<message from='bob@example.test/desk' type='chat'><body>hi</body></message>";
    assert!(
        matches!(&translator.events(said)[..], [RemoteEvent::MessageReceived(m)] if matches!(m.origin, Origin::Person { .. }))
    );
    let there = "<presence from='bob@example.test/desk'/>";
    assert!(matches!(translator.events(there)[..], [RemoteEvent::PresenceChanged { .. }]));
    muc::leave(&mut translator, &"bob@example.test".parse().unwrap(), "ann");
    translator.take_steps();
    let refused = "<presence from='bob@example.test/ann' type='error'/>";
    assert!(matches!(translator.events(refused)[..], [RemoteEvent::PresenceGone { .. }]));
}

#[test]
fn invitations_come_from_a_room_or_a_person() {
    let mediated = |from: &str| {
        format!(
            "<message from='{from}'><x xmlns='{USER}'><invite from='bob@example.test/x'><reason> tea </reason></invite></x></message>"
        )
    };
    let expected = RemoteEvent::RoomInvited {
        room: room(),
        by: Some("bob@example.test/x".parse().unwrap()),
        reason: "tea".to_owned(),
        password: None,
    };
    assert_eq!(translator().events(&mediated(ROOM)), [expected]);
    // A person's client always has a resource: this one pretends to be a room.
    assert_eq!(translator().events(&mediated("eve@evil.test/x")), []);
    let direct = format!(
        "<message from='bob@example.test/x'><x xmlns='jabber:x:conference' jid='{ROOM}' reason='tea' password='p'/></message>"
    );
    assert!(matches!(&translator().events(&direct)[0], RemoteEvent::RoomInvited { password: Some(_), .. }));
}

fn query(translator: &mut crate::translate::Translator, archive: Option<&str>) -> String {
    let archive = archive.map(|room| room.parse().unwrap());
    let stanza =
        Outbound::QueryArchive { archive, after: Some(StanzaId("a0".to_owned())), since: None, max: 50 };
    translator.outbound(SendToken(1), &stanza, Instant::now());
    translator.sent().attr("id").unwrap().to_owned()
}

fn result(from: &str, id: &str, inner: &str) -> String {
    format!(
        "<message {from}><result xmlns='urn:xmpp:mam:2' queryid='{id}' id='a1'><forwarded xmlns='urn:xmpp:forward:0'>\
         <delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:03Z'/>\
         <message xmlns='jabber:client' {inner}><body>old</body></message></forwarded></result></message>"
    )
}

#[test]
fn archive_results_need_our_query_and_the_asked_archive() {
    let mut translator = translator();
    let id = query(&mut translator, None);
    let bob = "from='bob@example.test/x' to='ann@example.test' type='chat'";
    for from in ["", "from='ann@example.test'"] {
        let events = translator.events(&result(from, &id, bob));
        let [RemoteEvent::MessageReceived(message)] = events.as_slice() else { panic!("{events:?}") };
        assert!(message.archived);
        assert_eq!(message.stanza_id, Some(StanzaId("a1".to_owned())));
        assert_eq!(message.delayed, Some(Timestamp(3_000)));
    }
    let own = translator.events(&result("", &id, "from='ann@example.test/y' to='bob@example.test'"));
    let origin = Origin::OwnDevice { to: "bob@example.test".parse().unwrap() };
    assert!(matches!(&own[0], RemoteEvent::MessageReceived(message) if message.origin == origin));

    for (from, id) in
        [("from='eve@evil.test/x'", id.as_str()), ("from='ann@example.test/phone'", &id), ("", "guessed")]
    {
        translator.drops("archive-result-unasked", &result(from, id, bob));
    }
    let fin = format!(
        "<iq type='result' id='{id}'><fin xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'>\
         <last>a9</last></set></fin></iq>"
    );
    let page =
        RemoteEvent::ArchivePage { archive: None, last: Some(StanzaId("a9".to_owned())), complete: false };
    assert_eq!(translator.events(&fin), [page]);
    translator.drops("archive-result-unasked", &result("", &id, bob));
}

#[test]
fn a_rooms_archive_speaks_only_for_the_room() {
    let mut translator = translator();
    translator.enter(ROOM);
    let id = query(&mut translator, Some(ROOM));
    let from = format!("from='{ROOM}'");
    let events = translator.events(&result(&from, &id, &format!("from='{ROOM}/ann' type='groupchat'")));
    let origin = Origin::Occupant { room: room(), nick: Some("ann".to_owned()), own: true };
    assert!(matches!(&events[0], RemoteEvent::MessageReceived(message) if message.origin == origin));
    translator.drops("archive-sender", &result(&from, &id, "from='bob@example.test/x' type='chat'"));
    translator.drops("archive-result-unasked", &result("", &id, &format!("from='{ROOM}/bob'")));
}
