//! Offers: every way in which one can end.

use super::*;

#[test]
fn an_offer_is_answered_at_once_and_shown_with_labels() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    assert_eq!(bench.answers(), ["result"]);
    let offer = bench.offers()[0];
    assert_eq!(offer.customer_name, "Wanda");
    assert_eq!(offer.question.0, "My phone is dead");
    assert_eq!(offer.expires_at.0 - offer.received_at.0, 20_000);
    let answers: Vec<(&str, &str)> =
        offer.answers.iter().map(|(label, text)| (label.as_str(), text.0.as_str())).collect();
    assert_eq!(answers, [("E-mail address", "wanda@example.test"), ("Product", "A phone")]);
}

#[test]
fn accepting_waits_for_the_invitation() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    assert_eq!(bench.sent.iter().filter(|s| s.children().any(|c| c.name() == "offer-accept")).count(), 1);
    assert!(bench.offers().last().unwrap().accepting);
    bench.answer("offer-accept", W, "");
    assert!(bench.closed().is_empty(), "a result is no chat");
    bench.invite(W, SESSION);
    assert_eq!(bench.closed(), [(SESSION, OfferEnd::Accepted)]);
    assert!(bench.effects.contains(&AgentEffect::ClaimRoom(BareJid::new(ROOM).unwrap())));
    assert_eq!(bench.presences_to(&format!("{ROOM}/alice")).len(), 1);
    assert_eq!(bench.chat().customer_name, "Wanda");
}

#[test]
fn no_invitation_within_fifteen_seconds_is_said_and_a_late_one_followed() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    bench.answer("offer-accept", W, "");
    bench.pass(14_999);
    assert_eq!(bench.rejections(), 0);
    bench.pass(1);
    assert_eq!(bench.closed(), [(SESSION, OfferEnd::TimedOut)]);
    assert_eq!(bench.rejections(), 1);
    bench.pass(10_000);
    bench.invite(W, SESSION);
    assert_eq!(bench.chat().session, SESSION);
}

#[test]
fn declining() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::DeclineOffer { offer: SESSION.to_owned() });
    assert!(bench.has_sent("offer-reject"));
    assert_eq!(bench.closed(), [(SESSION, OfferEnd::Declined)]);
    bench.pass(60_000);
    assert_eq!(bench.closed().len(), 1);
    bench.invite(W, SESSION);
    assert!(!bench.effects.iter().any(|effect| matches!(effect, AgentEffect::ClaimRoom(_))));
}

#[test]
fn running_out_without_a_revoke() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.pass(20_000);
    assert!(bench.closed().is_empty(), "the workgroup's word comes first");
    bench.pass(GRACE);
    assert_eq!(bench.closed(), [(SESSION, OfferEnd::TimedOut)]);
    let presences = bench.presences_to(W);
    assert_eq!(presences.iter().map(|p| p.attr("type")).collect::<Vec<_>>(), [Some("unavailable"), None]);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    assert_eq!(bench.rejections(), 1);
    assert!(!bench.has_sent("offer-accept"));
}

const GRACE: i64 = 1_500;

#[test]
fn revokes() {
    // (accepting, revoked id, what is closed)
    let gone: &[(&str, OfferEnd)] = &[(SESSION, OfferEnd::Revoked)];
    for (accepting, id, expected) in [(false, SESSION, gone), (true, SESSION, gone), (false, "other", &[])] {
        let mut bench = Bench::joined();
        bench.offer(W, SESSION, 20);
        if accepting {
            bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
        }
        bench.revoke(id);
        assert_eq!(bench.closed(), expected, "accepting {accepting}, {id}");
        assert_eq!(bench.answers(), ["result", "result"]);
        if !expected.is_empty() {
            bench.pass(60_000);
            assert_eq!(bench.closed().len(), 1, "no timer is left");
        }
    }
}

#[test]
fn a_revoke_at_the_end_of_the_time_is_the_time_out() {
    // (milliseconds after the offer, what the workgroup says, how it ended)
    for (after, reason, expected) in [
        (18_999, "The offer has timed out", OfferEnd::Revoked), // Openfire: a colleague of the round was faster
        (19_000, "The offer has timed out", OfferEnd::TimedOut),
        (20_000, "The offer has timed out", OfferEnd::TimedOut),
        (21_499, "Anything else", OfferEnd::TimedOut),
        (20_000, "User canceled", OfferEnd::Revoked),
    ] {
        let mut bench = Bench::joined();
        bench.offer(W, SESSION, 20);
        bench.pass(after);
        bench.revoke_because(SESSION, reason);
        assert_eq!(bench.closed(), [(SESSION, expected)], "{after} {reason}");
        assert_eq!(bench.rejections(), 0);
    }
}

#[test]
fn accepting_in_the_moment_of_the_time_out_is_told_as_what_it_was() {
    // (accepted after, then a revoke, then a refusal), how it ended, a part of the sentence
    for (after, revoke, refusal, expected, sentence) in [
        (19_900, true, true, OfferEnd::TimedOut, "after the offer had run out"),
        (19_900, true, false, OfferEnd::TimedOut, "after the offer had run out"),
        (19_900, false, true, OfferEnd::TimedOut, "after the offer had run out"),
        (5_000, false, true, OfferEnd::Revoked, "Somebody else took"),
    ] {
        let mut bench = Bench::joined();
        bench.offer(W, SESSION, 20);
        bench.pass(after);
        bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
        bench.pass(100);
        if revoke {
            bench.revoke(SESSION);
        }
        if refusal {
            bench.refuse("offer-accept", W, Condition::ItemNotFound);
        }
        assert_eq!(bench.closed(), [(SESSION, expected)]);
        let told = bench.updates.iter().filter_map(|update| match update {
            AgentUpdate::Rejected { reason, .. } => Some(reason.as_str()),
            _ => None,
        });
        let told: Vec<&str> = told.collect();
        assert!(told.len() == 1 && told[0].contains(sentence), "{revoke} {refusal}: {told:?}");
    }
}

#[test]
fn a_refused_accept_closes_the_offer() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    bench.refuse("offer-accept", W, Condition::ItemNotFound);
    assert_eq!(bench.closed(), [(SESSION, OfferEnd::Revoked)]);
    assert_eq!(bench.rejections(), 1);
}

#[test]
fn each_of_two_offers_has_its_own_clock() {
    let mut bench = Bench::joined();
    bench.offer(W, "first1", 20);
    bench.pass(10_000);
    bench.offer(W, "second2", 20);
    bench.pass(10_000 + GRACE);
    assert_eq!(bench.closed(), [("first1", OfferEnd::TimedOut)]);
    bench.pass(10_000);
    assert_eq!(bench.closed(), [("first1", OfferEnd::TimedOut), ("second2", OfferEnd::TimedOut)]);
}

#[test]
fn offers_that_are_not_shown() {
    for (from, timeout, answers) in [
        ("support@workgroup.evil.test", 20, vec![]),
        ("wanda@example.test/home", 20, vec![]),
        ("sales@workgroup.example.test", 20, vec!["error"]),
        (W, 0, vec!["result"]),
        (W, -34, vec!["result"]),
    ] {
        let mut bench = Bench::joined();
        bench.offer(from, SESSION, timeout);
        assert!(bench.offers().is_empty(), "{from} {timeout}");
        assert_eq!(bench.answers(), answers, "{from} {timeout}");
    }
}

#[test]
fn malformed_and_oversized_offers_are_refused() {
    let head = r#"<offer xmlns="http://jabber.org/protocol/workgroup" id="a" jid="wanda@example.test/home">"#;
    let long = format!(
        r#"{head}<metadata xmlns="http://jivesoftware.com/protocol/workgroup"><value name="question">{}</value></metadata><timeout>20</timeout></offer>"#,
        "x".repeat(20_000)
    );
    let many: String = (0..200).map(|n| format!(r#"<value name="v{n}">x</value>"#)).collect();
    let many = format!(
        r#"{head}<metadata xmlns="http://jivesoftware.com/protocol/workgroup">{many}</metadata><timeout>20</timeout></offer>"#
    );
    for offer in [
        r#"<offer xmlns="http://jabber.org/protocol/workgroup"/>"#,
        &format!("{head}</offer>"),
        &format!("{head}<timeout>soon</timeout></offer>"),
        &format!("{head}<timeout>20</timeout><transfer type='user'/></offer>"),
        &head.replace("wanda@example.test/home", "@@").replace("\">", "\"><timeout>20</timeout></offer>"),
        &long,
        &many,
    ] {
        let mut bench = Bench::joined();
        bench.stanza(StanzaKind::IqSet, W, None, Some("1"), offer);
        assert_eq!(bench.answers(), ["error"]);
        assert!(bench.updates.is_empty());
        assert_eq!(bench.agent.dropped(), 1);
    }
}

#[test]
fn a_flood_of_offers_is_cut_off() {
    let mut bench = Bench::joined();
    for n in 0..60 {
        bench.offer(W, &format!("s{n}"), 20);
    }
    assert_eq!(bench.offers().len(), 50);
    assert_eq!(bench.answers().iter().filter(|kind| **kind == "error").count(), 10);
}

#[test]
fn invitations_of_strangers_are_dropped() {
    // (inviter, session, followed)
    for (inviter, session, followed) in [
        (W, SESSION, true),
        ("mallory@example.test", SESSION, false),
        ("support@workgroup.evil.test", SESSION, false),
        ("sales@workgroup.example.test", SESSION, false),
        (W, "unknown7", false),
    ] {
        let mut bench = Bench::joined();
        bench.offer(W, SESSION, 20);
        bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
        bench.invite(inviter, session);
        let claimed = bench.effects.iter().any(|effect| matches!(effect, AgentEffect::ClaimRoom(_)));
        assert_eq!(claimed, followed, "{inviter} {session}");
    }
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.invite(W, SESSION);
    assert!(!bench.effects.iter().any(|effect| matches!(effect, AgentEffect::ClaimRoom(_))), "not accepted");
}

#[test]
fn a_transfer_is_entered_without_an_invitation() {
    let mut bench = Bench::joined();
    let offer = format!(
        r#"<offer xmlns="http://jabber.org/protocol/workgroup" id="m3xw0p416" jid="wanda@example.test/home">
        <metadata xmlns="http://jivesoftware.com/protocol/workgroup"><value name="username">Wanda</value></metadata><timeout>20</timeout>
        <session xmlns="http://jivesoftware.com/protocol/workgroup" id="{SESSION}" workgroup="sales@workgroup.example.test"/>
        <transfer type="queue"><inviter>bob@example.test/desk</inviter><room>{ROOM}</room><reason>Needs a quote</reason></transfer></offer>"#
    );
    bench.stanza(StanzaKind::IqSet, W, None, Some("1"), &offer);
    bench.command(AgentCommand::AcceptOffer { offer: "m3xw0p416".to_owned() });
    bench.answer("offer-accept", W, "");
    assert_eq!(bench.presences_to(&format!("{ROOM}/alice")).len(), 1);
    assert_eq!(
        (bench.chat().session.as_str(), bench.closed()),
        (SESSION, vec![("m3xw0p416", OfferEnd::Accepted)])
    );
}

#[test]
fn an_offer_says_since_when_the_customer_waits() {
    let details = r#"<notify-queue-details xmlns="http://jabber.org/protocol/workgroup"><user jid="wanda@example.test/home">
        <position>0</position><time>15</time><join-time>20261123T08:40:17</join-time></user></notify-queue-details>"#;
    let queue = format!("{W}/Default Queue");
    let since = Some(Timestamp(1_795_423_217_000));
    for details_first in [true, false] {
        let mut bench = Bench::joined();
        if details_first {
            bench.stanza(StanzaKind::Presence, &queue, None, None, details);
        }
        bench.offer(W, SESSION, 20);
        assert_eq!(bench.offers()[0].waiting_since, since.filter(|_| details_first));
        bench.clear();
        bench.stanza(StanzaKind::Presence, &queue, None, None, details);
        let told: Vec<_> = bench.offers().iter().map(|offer| offer.waiting_since).collect();
        assert_eq!(told, if details_first { vec![] } else { vec![since] });
    }
}
