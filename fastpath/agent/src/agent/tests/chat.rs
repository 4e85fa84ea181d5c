//! Chats: said and heard, left, lost and found again.

use super::*;

fn say(bench: &mut Bench, text: &str) {
    bench.command(AgentCommand::SendToCustomer { session: SESSION.to_owned(), body: text.into() });
}

#[test]
fn the_normal_case() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    bench.invite(W, SESSION);
    bench.occupant("support", "");
    bench.occupant("alice", r#"<status code="110"/>"#);
    assert!(!bench.chat().customer_present, "the workgroup's own occupant is no customer");
    bench.occupant("Wanda", "");
    assert!(bench.chat().customer_present);
    assert_eq!(bench.workgroup().current_chats, 1);
    bench.clear();

    bench.said("Wanda", "w1", "<body>hello?</body>");
    say(&mut bench, "hi, alice here");
    let sent = bench.sent.last().unwrap();
    assert_eq!((sent.attr("to"), sent.attr("type")), (Some(ROOM), Some("groupchat")));
    let id = sent.attr("id").unwrap().to_owned();
    bench.said("alice", &id, "<body>hi, alice here</body>");
    let lines: Vec<(&str, bool, &str)> =
        bench.lines().iter().map(|line| (line.sender.as_str(), line.own, line.body.0.as_str())).collect();
    assert_eq!(lines, [("Wanda", false, "hello?"), ("Alice Adams", true, "hi, alice here")]);
    bench.pass(60_000);
    assert_eq!(bench.rejections(), 0, "the reflection settled the line");

    bench.occupant_is("Wanda", Some("unavailable"), "");
    assert!(!bench.chat().customer_present);
    bench.command(AgentCommand::EndChat { session: SESSION.to_owned() });
    assert_eq!(bench.presences_to(&format!("{ROOM}/alice"))[0].attr("type"), Some("unavailable"));
    assert!(bench.chat().ended_at.is_some());
    assert_eq!(bench.workgroup().current_chats, 0);
    assert!(!bench.effects.iter().any(|effect| matches!(effect, AgentEffect::ReleaseRoom(_))));
    bench.occupant_is("alice", Some("unavailable"), r#"<status code="110"/>"#);
    assert!(bench.effects.contains(&AgentEffect::ReleaseRoom(BareJid::new(ROOM).unwrap())));
}

#[test]
fn lines_and_transcript_carry_names_and_not_nicknames() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    bench.invite(W, SESSION);
    bench.occupant("w77", "");
    bench.occupant("alice", r#"<status code="110"/>"#);
    bench.occupant("bob", "");
    bench.occupants_info(&[("bob", "bob@example.test/desk")]);
    bench.occupant("zed", "");
    bench.said("w77", "w1", "<body>hello?</body>");
    say(&mut bench, "hi");
    bench.said("bob", "b1", "<body>me too</body>");
    bench.said("zed", "z1", "<body>and I</body>");
    let inner = r#"<x xmlns="http://jabber.org/protocol/muc#user"><item nick="ww" role="participant"/><status code="303"/></x>"#;
    bench.stanza(StanzaKind::Presence, &format!("{ROOM}/w77"), Some("unavailable"), None, inner);
    bench.occupant("ww", "");
    bench.said("ww", "w2", "<body>again</body>");
    bench.occupant_is("bob", Some("unavailable"), "");
    let lines: Vec<(&str, &str)> =
        bench.lines().iter().map(|line| (line.sender.as_str(), line.body.0.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("", "bob joined."),
            ("", "zed joined."),
            ("Wanda", "hello?"),
            ("Alice Adams", "hi"),
            ("Bob Byrne", "me too"),
            ("zed", "and I"),
            ("Wanda", "again"),
            ("", "Bob Byrne left."),
        ]
    );

    bench.command(AgentCommand::EndChat { session: SESSION.to_owned() });
    let workgroup = BareJid::new(W).unwrap();
    bench.command(AgentCommand::GetTranscript { workgroup, session: SESSION.to_owned() });
    let said: String = ["w77", "alice", "bob", "zed", "ww"]
        .iter()
        .map(|nick| {
            format!(r#"<message xmlns="" type="groupchat" from="{ROOM}/{nick}"><body>x</body></message>"#)
        })
        .collect();
    let list = "http://jivesoftware.com/protocol/workgroup";
    bench.answer(
        "transcript",
        W,
        &format!(r#"<transcript xmlns="{list}" sessionID="{SESSION}">{said}</transcript>"#),
    );
    let Some(AgentUpdate::Transcript { lines, .. }) = bench.updates.last() else { panic!("no transcript") };
    let names: Vec<(&str, bool)> = lines.iter().map(|line| (line.sender.as_str(), line.own)).collect();
    assert_eq!(
        names,
        [("Wanda", false), ("Alice Adams", true), ("Bob Byrne", false), ("zed", false), ("Wanda", false)]
    );
}

#[test]
fn typing_in_both_ways_of_saying_it() {
    let states = "http://jabber.org/protocol/chatstates";
    for (kind, on, off) in [
        ("groupchat", format!(r#"<composing xmlns="{states}"/>"#), format!(r#"<paused xmlns="{states}"/>"#)),
        (
            "normal",
            r#"<x xmlns="jabber:x:event"><composing/><id>1</id></x>"#.to_owned(),
            r#"<x xmlns="jabber:x:event"><id>1</id></x>"#.to_owned(),
        ),
    ] {
        let mut bench = Bench::chatting();
        let from = format!("{ROOM}/Wanda");
        bench.stanza(StanzaKind::Message, &from, Some(kind), None, &on);
        assert!(bench.chat().customer_typing, "{kind}");
        bench.stanza(StanzaKind::Message, &from, Some(kind), None, &off);
        assert!(!bench.chat().customer_typing, "{kind}");
        bench.stanza(StanzaKind::Message, &from, Some(kind), None, &on);
        bench.said("Wanda", "w", "<body>x</body>");
        assert!(!bench.chat().customer_typing, "what was typed is said");
        bench.stanza(StanzaKind::Message, &from, Some(kind), None, &on);
        bench.pass(30_000);
        assert!(!bench.chat().customer_typing, "without a word for long");
        bench.clear();
        bench.stanza(StanzaKind::Message, &format!("{ROOM}/support"), Some(kind), None, &on);
        assert!(bench.updates.is_empty(), "only the customer's counts");
    }
}

#[test]
fn a_line_that_does_not_come_back_is_reported_once() {
    let mut bench = Bench::chatting();
    say(&mut bench, "lost");
    bench.pass(29_999);
    assert_eq!(bench.rejections(), 0);
    bench.pass(60_000);
    assert_eq!(bench.rejections(), 1);
    say(&mut bench, "refused");
    let id = bench.sent.last().unwrap().attr("id").unwrap().to_owned();
    bench.stanza(StanzaKind::Message, ROOM, Some("error"), Some(&id), "");
    bench.pass(60_000);
    assert_eq!(bench.rejections(), 2);
}

#[test]
fn private_messages_are_no_lines() {
    let mut bench = Bench::chatting();
    bench.stanza(StanzaKind::Message, &format!("{ROOM}/Wanda"), Some("chat"), None, "<body>psst</body>");
    bench.stanza(StanzaKind::Message, ROOM, Some("groupchat"), None, "<body>This room is logged</body>");
    assert!(bench.lines().is_empty());
}

#[test]
fn reconnecting_brings_the_chat_back_without_doubles() {
    let mut bench = Bench::chatting();
    let stamped = |id: &str| format!(r#"<stanza-id xmlns="urn:xmpp:sid:0" id="{id}" by="{ROOM}"/>"#);
    bench.said("Wanda", "w1", &format!("<body>one</body>{}", stamped("a")));
    say(&mut bench, "mine");
    let mine = bench.sent.last().unwrap().attr("id").unwrap().to_owned();
    bench.offer(W, "other3", 60);
    bench.input(AgentInput::Offline);
    assert_eq!(bench.closed(), [("other3", OfferEnd::Revoked)]);
    assert!(!bench.workgroup().joined);
    assert!(!bench.chat().customer_present);
    assert!(bench.chat().ended_at.is_none());
    say(&mut bench, "not now");
    assert_eq!(bench.rejections(), 1);
    bench.clear();

    bench.online();
    assert!(bench.effects.contains(&AgentEffect::ClaimRoom(BareJid::new(ROOM).unwrap())));
    assert_eq!(bench.presences_to(W).len(), 1, "joins the workgroup again by itself");
    let enter = String::from(bench.presences_to(&format!("{ROOM}/alice"))[0]);
    assert!(enter.contains("since="), "{enter}");
    bench.queue(0);
    bench.occupant("Wanda", "");
    bench.occupant("alice", r#"<status code="110"/>"#);
    assert!(bench.chat().customer_present);
    let delay = r#"<delay xmlns="urn:xmpp:delay" stamp="2026-11-23T08:41:18Z"/>"#;
    bench.said("Wanda", "w1", &format!("<body>one</body>{}{delay}", stamped("a")));
    bench.said("alice", &mine, &format!("<body>mine</body>{}{delay}", stamped("b")));
    bench.said("Wanda", "w2", &format!("<body>two</body>{}{delay}", stamped("c")));
    let lines: Vec<(&str, i64)> =
        bench.lines().iter().map(|line| (line.body.0.as_str(), line.at.0)).collect();
    assert_eq!(lines, [("two", 1_795_423_278_000)]);
    bench.pass(60_000);
    assert_eq!(bench.rejections(), 0, "the past settled the own line");
}

#[test]
fn a_taken_nickname_is_varied() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    bench.invite(W, SESSION);
    let conflict = String::from(&Condition::Conflict.element(None));
    bench.stanza(StanzaKind::Presence, &format!("{ROOM}/alice"), Some("error"), None, &conflict);
    assert_eq!(bench.presences_to(&format!("{ROOM}/alice (2)")).len(), 1);
    let closed = String::from(&Condition::ItemNotFound.element(None));
    bench.stanza(StanzaKind::Presence, &format!("{ROOM}/alice (2)"), Some("error"), None, &closed);
    assert_eq!(bench.rejections(), 1);
    assert!(bench.chat().ended_at.is_some());
}

#[test]
fn a_silent_room_is_given_up() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    bench.invite(W, SESSION);
    bench.pass(20_000);
    assert_eq!(bench.rejections(), 1);
    assert!(bench.chat().ended_at.is_some());
}

#[test]
fn taken_out_after_a_transfer() {
    let mut bench = Bench::chatting();
    let inner = r#"<x xmlns="http://jabber.org/protocol/muc#user"><item role="none" affiliation="none"><reason>Transfer was successful</reason></item><status code="307"/><status code="110"/></x>"#;
    bench.stanza(StanzaKind::Presence, &format!("{ROOM}/alice"), Some("unavailable"), None, inner);
    assert_eq!(bench.lines()[0].body.0, "You were taken out of the chat: Transfer was successful");
    assert!(bench.chat().ended_at.is_some());
    assert!(bench.effects.contains(&AgentEffect::ReleaseRoom(BareJid::new(ROOM).unwrap())));
    say(&mut bench, "still there?");
    assert_eq!(bench.rejections(), 1);
}

#[test]
fn a_customer_who_changes_the_nickname_stays() {
    let mut bench = Bench::chatting();
    let inner = r#"<x xmlns="http://jabber.org/protocol/muc#user"><item nick="Ms W" role="participant"/><status code="303"/></x>"#;
    bench.stanza(StanzaKind::Presence, &format!("{ROOM}/Wanda"), Some("unavailable"), None, inner);
    bench.occupant("Ms W", "");
    assert!(bench.updates.is_empty(), "nobody left or came");
    bench.occupant_is("Ms W", Some("unavailable"), "");
    assert!(!bench.chat().customer_present);
}

#[test]
fn colleagues_are_no_customers() {
    for (nick, item, present) in [
        ("bob", "", false),
        ("Wanda B.", "", true),
        ("w", r#"<item jid="wanda@example.test/home"/>"#, true),
        ("x", r#"<item jid="carl@example.test/home"/>"#, false),
    ] {
        let mut bench = Bench::chatting();
        bench.occupant_is("Wanda", Some("unavailable"), "");
        let inner = if item.is_empty() { r#"<item role="participant"/>"# } else { item };
        let inner = format!(r#"<x xmlns="http://jabber.org/protocol/muc#user">{inner}</x>"#);
        bench.stanza(StanzaKind::Presence, &format!("{ROOM}/{nick}"), None, None, &inner);
        assert_eq!(bench.chat().customer_present, present, "{nick}");
    }
}

#[test]
fn a_colleagues_nickname_makes_no_colleague() {
    for (real, name, present) in [
        (Some("wanda@example.test/home"), "Wanda", true),
        (Some("bob@example.test/desk"), "Bob Byrne", false),
        (Some("bob@evil.test/desk"), "Wanda", true),
        // Nobody vouches.
        (None, "Wanda", true),
    ] {
        let mut bench = Bench::chatting();
        bench.occupant_is("Wanda", Some("unavailable"), "");
        bench.occupant("bob", "");
        bench.said("bob", "1", "<body>Give me the money</body>");
        assert_eq!(bench.lines().last().unwrap().sender, "bob", "not vouched for yet");
        assert!(!bench.chat().customer_present);
        match real {
            Some(real) => bench.occupants_info(&[("bob", real)]),
            None => bench.refuse("occupants-info", W, Condition::ItemNotFound),
        }
        assert_eq!(bench.chat().customer_present, present, "{real:?}");
        bench.said("bob", "2", "<body>Now</body>");
        assert_eq!(bench.lines().last().unwrap().sender, name, "{real:?}");
    }
}

#[test]
fn transcripts_in_openfires_form() {
    let mut bench = Bench::joined();
    bench.command(AgentCommand::GetTranscript {
        workgroup: BareJid::new(W).unwrap(),
        session: SESSION.to_owned(),
    });
    let stamp = r#"<x xmlns="jabber:x:delay" stamp="2026-11-23T08:41:17.65"/>"#;
    bench.answer(
        "transcript",
        W,
        &format!(
            r#"<transcript xmlns="http://jivesoftware.com/protocol/workgroup" sessionID="{SESSION}">
            <presence xmlns="" from="{ROOM}/support">{stamp}</presence><presence xmlns="" from="{ROOM}/Wanda">{stamp}{stamp}</presence>
            <message xmlns="" type="groupchat" from="{ROOM}/Wanda"><body>hello?</body>{stamp}{stamp}</message>
            <message xmlns="" type="groupchat" from="{ROOM}/alice"><body>hi</body>{stamp}</message></transcript>"#
        ),
    );
    let Some(AgentUpdate::Transcript { lines, .. }) = bench.updates.last() else { panic!("no transcript") };
    let lines: Vec<(&str, bool, &str, i64)> =
        lines.iter().map(|line| (line.sender.as_str(), line.own, line.body.0.as_str(), line.at.0)).collect();
    let at = 1_795_423_277_650;
    assert_eq!(
        lines,
        [("", false, "Wanda joined.", at), ("Wanda", false, "hello?", at), ("Alice Adams", true, "hi", at)]
    );

    bench.command(AgentCommand::GetTranscript {
        workgroup: BareJid::new(W).unwrap(),
        session: SESSION.to_owned(),
    });
    bench.refuse("transcript", W, Condition::NotAuthorized);
    bench.command(AgentCommand::GetTranscript {
        workgroup: BareJid::new(W).unwrap(),
        session: SESSION.to_owned(),
    });
    bench.pass(20_000);
    assert_eq!(bench.rejections(), 2);
}

#[test]
fn nothing_private_is_printed() {
    let mut bench = Bench::chatting();
    bench.said("Wanda", "w1", "<body>my password is swordfish</body>");
    let printed = format!("{:?} {:?} {:?}", bench.agent, bench.updates, bench.effects);
    assert!(!printed.contains("swordfish") && !printed.contains("My phone is dead"));
}

/// `GroupChatAllowed` and all other gates are the engine's, and a customer's room is none of the engine's rooms.
#[test]
fn a_customers_room_is_joined_past_the_engine_whatever_policy_says_of_rooms() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    bench.invite(W, SESSION);
    bench.occupant("alice", r#"<status code="110"/>"#);
    say(&mut bench, "Hello");
    let asks = bench.effects.iter().filter(|effect| matches!(effect, AgentEffect::Core(_)));
    assert_eq!(asks.count(), 0, "the engine would refuse it where group chat is not allowed");
    assert_eq!(bench.presences_to(&format!("{ROOM}/alice")).len(), 1);
    assert!(bench.sent.iter().any(|stanza| stanza.name() == "message" && stanza.attr("to") == Some(ROOM)));
}
