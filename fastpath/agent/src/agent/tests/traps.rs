//! What a real Openfire does otherwise than one expects, played to the module in the recorded shapes. The numbers are
//! those of the recordings' list of traps; the server's side of them is in `fastpath/service/tests/wire/traps.rs`,
//! which also says which traps touch nothing.
//!
//! | trap | test, or why there is none |
//! |---|---|
//! | 1 second resource | `trap_01_…` |
//! | 2 private storage | the module stores nothing at a workgroup |
//! | 3 accept without effect | `trap_03_…` |
//! | 4 order of the queue | the order is the server's alone |
//! | 5 endless loop | `trap_05_…` |
//! | 6, 7, 18, 19, 24 | other services of Openfire, not the support desk |
//! | 8 members by bare names | administration of Openfire's own service |
//! | 9 stored transcripts | `trap_09_…` |
//! | 10 MUC invitation | `trap_10_…` |
//! | 11 legacy error codes | `trap_11_…` |
//! | 12 semi-anonymous rooms | `trap_12_…` |
//! | 13 late presence of the workgroup | `trap_13_…` |
//! | 14, 15, 20, 21 offers | `trap_14_…`, `trap_15_…`, `trap_20_…`, `trap_21_…` |
//! | 16 vanished customer | `trap_16_…` |
//! | 17 waiting times, 22 overflow | the customer's side, which this module is not |
//! | 23 restart | `trap_23_…` |
//! | 25 addresses of components | `trap_25_…` |

use super::*;

const WG: &str = "http://jabber.org/protocol/workgroup";

fn claimed(bench: &Bench) -> bool {
    bench.effects.iter().any(|effect| matches!(effect, AgentEffect::ClaimRoom(_)))
}

#[test]
fn trap_01_a_session_lost_without_notice_is_taken_again() {
    let mut bench = Bench::joined();
    bench.pass(120_000);
    bench.refuse("agent-status-request", W, Condition::ItemNotFound);
    assert_eq!(bench.presences_to(W).len(), 1);
}

#[test]
fn trap_03_the_result_of_an_accept_is_not_believed() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.pass(19_000);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    bench.answer("offer-accept", W, "");
    assert!(!claimed(&bench), "only the invitation counts");
    bench.revoke(SESSION);
    bench.pass(2_000);
    bench.clear();
    bench.offer(W, SESSION, 20);
    assert_eq!(bench.offers().len(), 1, "the same customer, offered again two seconds later");
}

#[test]
fn trap_05_a_request_that_breaks_openfire_is_never_sent() {
    for (session, reason) in [(SESSION, " "), ("unknown7", "Needs a quote")] {
        let mut bench = Bench::chatting();
        bench.command(AgentCommand::HandOver {
            session: session.to_owned(),
            transfer: false,
            to: Jid::new("sales@workgroup.example.test/Billing").unwrap(),
            reason: Private(reason.to_owned()),
        });
        assert!(!bench.has_sent("invite") && bench.rejections() == 1, "{session} {reason}");
    }
}

#[test]
fn trap_09_a_transcript_in_the_empty_namespace_with_two_delays_is_read() {
    let mut bench = Bench::joined();
    let workgroup = BareJid::new(W).unwrap();
    bench.command(AgentCommand::GetTranscript { workgroup, session: SESSION.to_owned() });
    bench.answer(
        "transcript",
        W,
        &format!(
            r#"<transcript xmlns="http://jivesoftware.com/protocol/workgroup" sessionID="{SESSION}">
            <message xmlns="" from="{ROOM}/Wanda" type="groupchat"><body>Hello</body>
            <x xmlns="jabber:x:delay" stamp="2026-11-23T08:41:17.65"/><x xmlns="jabber:x:delay" stamp="2026-11-23T08:41:17.65"/>
            </message></transcript>"#
        ),
    );
    assert_eq!(bench.rejections(), 0);
    let told = bench.updates.iter().any(|update| match update {
        AgentUpdate::Transcript { lines, .. } => lines.iter().any(|line| line.body.0 == "Hello"),
        _ => false,
    });
    assert!(told, "{:?}", bench.updates);
}

#[test]
fn trap_10_an_invitation_with_ids_before_it_is_followed() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    let inner = format!(
        r#"<offer xmlns="{WG}" jid="wanda@example.test/home"/>
        <session xmlns="http://jivesoftware.com/protocol/workgroup" workgroup="{W}" id="{SESSION}"/>
        <stanza-id xmlns="urn:xmpp:sid:0" id="1" by="{ROOM}"/><occupant-id xmlns="urn:xmpp:occupant-id:0" id="2"/>
        <x xmlns="http://jabber.org/protocol/muc#user"><invite from="{W}"><reason>{SESSION}</reason></invite></x>"#
    );
    bench.stanza(StanzaKind::Message, ROOM, None, None, &inner);
    assert!(claimed(&bench));
}

#[test]
fn trap_11_the_condition_counts_and_not_the_legacy_code() {
    let error = Condition::ItemNotFound.element(None);
    assert_eq!(error.attr("code"), Some("404"));
    let bare = String::from(&error).replace("404", "999");
    assert_eq!(Condition::read(&bare.parse().unwrap()), Some(Condition::ItemNotFound));
}

#[test]
fn trap_12_who_is_who_in_a_room_that_hides_addresses_is_asked() {
    let mut bench = Bench::chatting();
    bench.occupant("bob", "");
    assert!(bench.has_sent("occupants-info"), "a nickname alone makes no colleague");
}

#[test]
fn trap_13_a_late_presence_of_the_workgroup_ends_nothing() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    let closed = r#"<workgroup xmlns="http://jivesoftware.com/protocol/workgroup"/>"#;
    bench.stanza(StanzaKind::Presence, W, Some("unavailable"), None, closed);
    assert!(bench.closed().is_empty(), "what is offered is offered");
}

#[test]
fn trap_14_the_same_customer_is_offered_again_and_again() {
    let mut bench = Bench::joined();
    for _ in 0..3 {
        bench.offer(W, SESSION, 20);
        bench.pass(20_000);
        bench.revoke(SESSION);
        bench.pass(20_000);
    }
    assert_eq!(bench.closed(), vec![(SESSION, OfferEnd::TimedOut); 3]);
}

#[test]
fn trap_15_leaving_with_an_offer_open_leaves_nothing_on_the_screen() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::LeaveWorkgroup { workgroup: BareJid::new(W).unwrap() });
    assert_eq!(bench.closed().len(), 1);
}

#[test]
fn trap_16_a_chat_without_its_customer_can_be_ended() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.command(AgentCommand::AcceptOffer { offer: SESSION.to_owned() });
    bench.invite(W, SESSION);
    bench.occupant("support", "");
    bench.occupant("alice", r#"<status code="110"/>"#);
    bench.command(AgentCommand::EndChat { session: SESSION.to_owned() });
    let left = bench.presences_to(&format!("{ROOM}/alice"));
    assert!(left.iter().any(|it| it.attr("type") == Some("unavailable")));
}

#[test]
fn trap_20_an_offer_without_a_revoke_ends_by_its_own_clock() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.pass(25_000);
    assert_eq!(bench.closed(), [(SESSION, OfferEnd::TimedOut)]);
}

#[test]
fn trap_21_an_offer_whose_time_is_over_is_not_shown() {
    for timeout in [0, -14, -34] {
        let mut bench = Bench::joined();
        bench.offer(W, SESSION, timeout);
        bench.revoke(SESSION);
        assert!(bench.offers().is_empty() && bench.closed().is_empty(), "{timeout}");
        assert_eq!(bench.answers(), ["result", "result"], "both are answered");
    }
}

#[test]
fn trap_23_after_a_restart_of_the_server_the_agent_joins_again() {
    let mut bench = Bench::joined();
    bench.offer(W, SESSION, 20);
    bench.input(AgentInput::Offline);
    assert_eq!(bench.closed().len(), 1, "the offer is gone");
    bench.clear();
    bench.online();
    assert_eq!(bench.presences_to(W).len(), 1);
}

#[test]
fn trap_25_a_workgroup_is_believed_by_its_address_in_our_own_list_only() {
    let mut bench = Bench::joined();
    bench.offer("support@workgroup.evil.test", SESSION, 20);
    assert!(bench.offers().is_empty());
}
