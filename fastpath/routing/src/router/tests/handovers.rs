//! Running chats that are handed on while agents, rooms and connections come and go.

use super::*;
use crate::decision::{EndReason, RevokeReason};
use crate::event::{HandoverRequest, HandoverTarget, Words};

/// Ann has a chat with wanda; bob, cleo and dan serve the queue as well, when they are there.
fn chatting() -> Desk {
    let mut config = config();
    config.workgroups[0].queues = vec![queue("General", &["ann", "bob", "cleo", "dan"])];
    let mut desk = Desk::new(config);
    desk.online("ann", "support", 1);
    desk.join("wanda", "support");
    desk.begin("wanda1", "ann");
    desk
}

fn ask(desk: &mut Desk, handover: &str, who: &str, transfer: bool, target: HandoverTarget) -> Vec<Decision> {
    let request = HandoverRequest {
        session: id("wanda1"),
        inviter: agent(who),
        target,
        transfer,
        reason: Words(String::new()),
    };
    desk.tell(Event::HandoverAsked { id: id(handover), request })
}

fn support() -> HandoverTarget {
    HandoverTarget::Workgroup { workgroup: name("support") }
}

fn enters(desk: &mut Desk, who: &str) -> Vec<Decision> {
    desk.tell(Event::AgentEntered { session: id("wanda1"), agent: agent(who) })
}

fn leaves(desk: &mut Desk, who: &str) -> Vec<Decision> {
    desk.tell(Event::AgentLeftRoom { session: id("wanda1"), agent: agent(who) })
}

fn holder(desk: &Desk) -> Option<FullJid> {
    match desk.phase("wanda1") {
        Some(Phase::Active { agent, .. }) => Some(agent),
        _ => None,
    }
}

fn ended(decisions: &[Decision]) -> bool {
    decisions.contains(&Decision::Ended { session: id("wanda1"), reason: EndReason::AgentLeft })
}

#[test]
fn a_customer_who_waits_again_is_offered_to_one_agent_only() {
    for accepts in [false, true] {
        let mut desk = chatting();
        desk.online("bob", "support", 1);
        assert_eq!(offers(&ask(&mut desk, "h", "ann", true, support())), to("h", "bob"));
        if accepts {
            assert!(desk.accept("h", "bob").contains(&Decision::Reply(Reply::Accepted)));
        }
        let decisions = desk.tell(Event::RoomLost { session: id("wanda1") });
        assert!(decisions.contains(&Decision::Requeued { session: id("wanda1") }));
        let revoked = decisions
            .iter()
            .any(|it| matches!(it, Decision::RevokeHandover { reason: RevokeReason::CustomerGone, .. }));
        assert_eq!(revoked, !accepts);
        assert!(desk.router.handover(&id("h")).is_none());
        assert!(!desk.accept("h", "bob").contains(&Decision::Reply(Reply::Accepted)));
    }
}

#[test]
fn a_customer_who_was_given_away_does_not_go_with_the_agent_who_leaves() {
    let mut desk = chatting();
    desk.online("bob", "support", 1);
    ask(&mut desk, "h", "ann", true, support());
    leaves(&mut desk, "ann");
    assert!(!ended(&desk.pass(5_000)));
    // Going home later doesn't change it either.
    desk.tell(Event::AgentGone { agent: agent("ann"), workgroup: None });
    assert!(desk.accept("h", "bob").contains(&Decision::Reply(Reply::Accepted)));
    assert!(!ended(&desk.pass(5_000)));
    enters(&mut desk, "bob");
    assert_eq!(holder(&desk), Some(agent("bob")));
    assert!(!ended(&desk.pass(100_000)));
    leaves(&mut desk, "bob");
    assert!(ended(&desk.pass(1_000)));
}

#[test]
fn a_customer_who_was_given_away_and_whom_nobody_took_waits_again() {
    // Declined, never answered, and taken by somebody who doesn't come.
    for answer in ["decline", "silence", "no-show"] {
        let mut desk = chatting();
        desk.online("bob", "support", 1);
        ask(&mut desk, "h", "ann", true, support());
        leaves(&mut desk, "ann");
        let mut decisions = desk.pass(2_000);
        match answer {
            "decline" => decisions.extend(desk.tell(Event::OfferDeclined {
                session: id("h"),
                agent: agent("bob"),
                fence: None,
            })),
            "no-show" => decisions.extend(desk.accept("h", "bob")),
            _ => {}
        }
        decisions.extend(desk.pass(70_000));
        assert!(!ended(&decisions), "{answer}");
        assert!(decisions.contains(&Decision::Requeued { session: id("wanda1") }), "{answer}");
        assert_eq!(desk.router.position(&id("wanda1")), Some(1), "{answer}");
    }
}

#[test]
fn an_agent_who_only_called_somebody_in_addition_ends_the_chat_by_leaving() {
    let mut desk = chatting();
    desk.online("bob", "support", 1);
    ask(&mut desk, "h", "ann", false, support());
    leaves(&mut desk, "ann");
    assert!(ended(&desk.pass(1_000)));
}

fn show_out(who: &str) -> Decision {
    Decision::ShowOut { session: id("wanda1"), agent: agent(who) }
}

#[test]
fn a_handover_that_fails_for_want_of_agents_puts_its_customer_back_in_line_at_once() {
    let mut config = config();
    config.workgroups[0].queues = vec![queue("General", &["ann", "bob"])];
    let mut desk = Desk::new(config);
    desk.online("ann", "support", 1);
    desk.online("cleo", "sales", 1);
    desk.join("wanda", "support");
    desk.begin("wanda1", "ann");
    let sales = HandoverTarget::Workgroup { workgroup: name("sales") };
    assert_eq!(offers(&ask(&mut desk, "h", "ann", true, sales)), to("h", "cleo"));
    leaves(&mut desk, "ann");
    desk.pass(2_000);
    desk.online("bob", "support", 1);
    let decisions = desk.tell(Event::AgentGone { agent: agent("cleo"), workgroup: None });
    assert!(decisions.contains(&Decision::Requeued { session: id("wanda1") }));
    assert_eq!(offers(&decisions), to("wanda1", "bob"));
}

#[test]
fn an_agent_who_takes_a_handover_is_not_offered_more_than_it_can_have() {
    let mut desk = chatting();
    desk.online("bob", "support", 1);
    ask(&mut desk, "h", "ann", true, support());
    assert_eq!(offers(&desk.join("zoe", "support")), []);
    let decisions = desk.accept("h", "bob");
    assert_eq!(offers(&decisions), [], "bob has one, and may have one");
    // Not coming frees bob again.
    assert_eq!(offers(&desk.pass(60_000)), to("zoe2", "bob"));
}

#[test]
fn the_customer_goes_to_whom_it_was_given_and_not_to_somebody_who_watches() {
    let mut desk = chatting();
    desk.online("dan", "support", 1);
    ask(&mut desk, "h", "ann", true, support());
    desk.accept("h", "dan");
    enters(&mut desk, "bob");
    let decisions = enters(&mut desk, "dan");
    assert!(decisions.contains(&show_out("ann")));
    assert_eq!(holder(&desk), Some(agent("dan")));
    leaves(&mut desk, "ann");
    assert_eq!(holder(&desk), Some(agent("dan")));
    // Ann is free, dan is not.
    assert_eq!(offers(&desk.join("zoe", "support")), to("zoe2", "ann"));
}

#[test]
fn who_gave_the_customer_away_is_shown_out_even_when_the_connection_broke_meanwhile() {
    let mut desk = chatting();
    desk.online("bob", "support", 1);
    ask(&mut desk, "h", "ann", true, support());
    desk.accept("h", "bob");
    desk.tell(Event::Connected);
    // The room names whoever is in it, the newcomer before the one who called.
    enters(&mut desk, "bob");
    assert!(enters(&mut desk, "ann").contains(&show_out("ann")));
    desk.tell(Event::Connected);
    assert_eq!(enters(&mut desk, "bob"), []);
    assert_eq!(enters(&mut desk, "ann"), [show_out("ann")]);
    leaves(&mut desk, "ann");
    // Coming back later is another matter.
    assert_eq!(enters(&mut desk, "ann"), []);
}

#[test]
fn an_agent_who_goes_to_another_device_is_offered_the_handover_there() {
    let mut desk = chatting();
    desk.online("bob", "support", 1);
    assert_eq!(offers(&ask(&mut desk, "h", "ann", true, support())), to("h", "bob"));
    let decisions = desk.online("bob/phone", "support", 1);
    assert_eq!(offers(&decisions), [("h".to_owned(), "bob/phone".to_owned())]);
    assert!(!decisions.iter().any(|it| matches!(it, Decision::HandoverFailed { .. })));
}

#[test]
fn guests_stay_guests_in_a_room_that_was_made_anew() {
    let mut desk = chatting();
    enters(&mut desk, "bob");
    desk.tell(Event::Connected);
    desk.tell(Event::RoomRenewed { session: id("wanda1") });
    enters(&mut desk, "bob");
    enters(&mut desk, "ann");
    assert_eq!(holder(&desk), Some(agent("ann")));
    leaves(&mut desk, "ann");
    assert_eq!(holder(&desk), Some(agent("bob")));
}

#[test]
fn a_colleague_who_comes_first_into_a_room_made_anew_has_the_customer() {
    let mut desk = chatting();
    desk.online("bob", "support", 1);
    ask(&mut desk, "h", "ann", true, support());
    desk.accept("h", "bob");
    desk.tell(Event::RoomRenewed { session: id("wanda1") });
    enters(&mut desk, "bob");
    assert_eq!(holder(&desk), Some(agent("bob")));
    assert_eq!(enters(&mut desk, "ann"), [show_out("ann")]);
}
