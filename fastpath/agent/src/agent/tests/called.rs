//! A colleague calls us by name into a running chat.

use super::*;

impl Bench {
    fn called_from(&mut self, room: &str, workgroup: &str, known: &str) {
        let inner = format!(
            r#"<workgroup xmlns="http://jabber.org/protocol/workgroup" jid="{workgroup}"/>
            <session xmlns="http://jivesoftware.com/protocol/workgroup" workgroup="{workgroup}" id="{SESSION}"/>
            {known}
            <x xmlns="http://jabber.org/protocol/muc#user"><invite from="{workgroup}"><reason>Please help</reason></invite></x>"#
        );
        self.stanza(StanzaKind::Message, room, None, None, &inner);
    }

    fn called(&mut self) {
        self.called_from(ROOM, W, KNOWN);
    }
}

const CALL: &str = "called:2wvubi12";
const KNOWN: &str = r#"<metadata xmlns="http://jivesoftware.com/protocol/workgroup"><value name="username">Wanda</value>
<value name="question">My phone is dead</value><value name="inviter">bob@example.test</value></metadata>"#;

#[test]
fn a_call_is_shown_as_an_offer_and_leads_into_the_room() {
    let mut bench = Bench::joined();
    bench.called();
    bench.called();
    let offers = bench.offers();
    assert_eq!(offers.len(), 1, "the invitation came twice");
    assert_eq!((offers[0].customer_name.as_str(), offers[0].id.as_str()), ("Wanda", CALL));
    assert_eq!(offers[0].expires_at.0 - offers[0].received_at.0, 60_000);
    bench.command(AgentCommand::AcceptOffer { offer: CALL.to_owned() });
    assert!(!bench.has_sent("offer-accept"), "the workgroup offered nothing");
    assert_eq!(bench.closed(), [(CALL, OfferEnd::Accepted)]);
    assert_eq!(bench.presences_to(&format!("{ROOM}/alice")).len(), 1);
    assert_eq!((bench.chat().session.as_str(), bench.chat().customer_name.as_str()), (SESSION, "Wanda"));
    bench.called();
    assert_eq!(bench.offers().len(), 1, "we are there");
}

#[test]
fn a_call_is_declined_or_runs_out_in_silence() {
    let mut bench = Bench::joined();
    bench.called();
    bench.command(AgentCommand::DeclineOffer { offer: CALL.to_owned() });
    assert_eq!(bench.closed(), [(CALL, OfferEnd::Declined)]);
    bench.clear();
    bench.called();
    bench.pass(59_999);
    assert!(bench.closed().is_empty());
    bench.pass(1);
    assert_eq!(bench.closed(), [(CALL, OfferEnd::TimedOut)]);
    assert!(bench.sent.is_empty(), "{:?}", bench.sent);
}

#[test]
fn only_the_own_servers_rooms_call_and_only_for_a_joined_workgroup() {
    let mut bench = Bench::joined();
    let foreign = "2wvubi12@conference.evil.test";
    for (room, workgroup, known) in [
        (foreign, W, KNOWN),
        ("2wvubi12@notexample.test", W, KNOWN),
        ("2wvubi12@workgroup.example.test", W, KNOWN),
        ("another@conference.example.test", W, KNOWN),
        (ROOM, "sales@workgroup.example.test", KNOWN),
        // As a customer is invited.
        (ROOM, W, ""),
    ] {
        let dropped = bench.agent.dropped();
        bench.called_from(room, workgroup, known);
        assert_eq!(bench.agent.dropped(), dropped + 1, "{room} {workgroup} {known}");
    }
    assert!(bench.offers().is_empty() && bench.effects.is_empty());
}
