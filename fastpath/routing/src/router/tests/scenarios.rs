//! What must happen, one story at a time.

use super::*;
use crate::decision::{EndReason, LostReason, RevokeReason};
use crate::router::WorkgroupState;

#[test]
fn the_normal_case() {
    let mut desk = Desk::new(config());
    assert_eq!(desk.router.workgroup_state(&name("support")), Some(WorkgroupState::Ready));
    let decisions = desk.online("ann", "support", 3);
    assert!(decisions.contains(&Decision::WorkgroupChanged { workgroup: name("support") }));
    let decisions = desk.join("wanda", "support");
    assert_eq!(decisions[0], Decision::Reply(Reply::Joined { position: 1 }));
    assert_eq!(offers(&decisions), to("wanda1", "ann"));
    let decisions = desk.accept("wanda1", "ann");
    assert_eq!(decisions[0], Decision::Reply(Reply::Accepted));
    assert_eq!(decisions[1], Decision::Invite { session: id("wanda1"), agent: agent("ann") });
    // Said twice, because the reply got lost: the same reply and nothing else.
    assert_eq!(desk.accept("wanda1", "ann"), [Decision::Reply(Reply::Accepted)]);
    desk.tell(Event::AgentEntered { session: id("wanda1"), agent: agent("ann") });
    desk.tell(Event::CustomerEntered { session: id("wanda1") });
    assert_eq!(desk.pass(100_000), []);
    desk.tell(Event::CustomerLeftRoom { session: id("wanda1") });
    desk.tell(Event::AgentLeftRoom { session: id("wanda1"), agent: agent("ann") });
    let ended = Decision::Ended { session: id("wanda1"), reason: EndReason::AgentLeft };
    assert!(desk.pass(1_000).contains(&ended));
    assert!(desk.timers.is_empty() && desk.router.sessions().next().is_none());
}

#[test]
fn nobody_is_let_in_where_nobody_serves() {
    let mut desk = Desk::new(config());
    assert_eq!(reply(&desk.join("wanda", "support")), &Reply::NotOpen);
    assert_eq!(reply(&desk.join("wanda", "nosuch")), &Reply::UnknownWorkgroup);
    desk.online("ann", "support", 1);
    desk.tell(Event::AgentUpdated {
        agent: agent("ann"),
        workgroup: name("support"),
        available: false,
        max_chats: None,
    });
    assert_eq!(reply(&desk.join("wanda", "support")), &Reply::NotOpen);
    let decisions = desk.online("dan", "support", 1);
    assert_eq!(reply(&decisions), &Reply::NotAnAgent);
    let mut small = config();
    small.workgroups[0].max_waiting = 1;
    small.workgroups[0].open = false;
    desk.tell(Event::Configured { config: small.clone() });
    desk.online("ann", "support", 1);
    assert_eq!(reply(&desk.join("wanda", "support")), &Reply::NotOpen);
    small.workgroups[0].open = true;
    desk.tell(Event::Configured { config: small });
    let decisions = desk.join("wanda", "support");
    assert_eq!(reply(&decisions), &Reply::Joined { position: 1 });
    assert!(matches!(reply(&desk.join("wanda", "support")), Reply::AlreadyQueued { .. }));
    assert_eq!(reply(&desk.join("zoe", "support")), &Reply::Full);
}

#[test]
fn places_are_kept_whatever_happens() {
    let mut desk = Desk::new(config());
    desk.online("ann", "support", 1);
    for (step, (who, priority)) in [("a", 0), ("b", 0), ("c", 5), ("d", 0)].into_iter().enumerate() {
        let decisions = desk.join_with(who, "support", priority, &[]);
        assert_eq!(offers(&decisions).len(), usize::from(step == 0));
        desk.pass(10);
    }
    // a is offered; c goes before b by its priority.
    let position = |desk: &Desk, session: &str| desk.router.position(&id(session));
    assert_eq!(["c3", "a1", "b2", "d4"].map(|it| position(&desk, it)), [Some(1), Some(2), Some(3), Some(4)]);
    let decline = |desk: &mut Desk, session: &str| {
        desk.tell(Event::OfferDeclined { session: id(session), agent: agent("ann"), fence: None })
    };
    assert_eq!(offers(&decline(&mut desk, "a1")), to("c3", "ann"));
    assert_eq!(offers(&decline(&mut desk, "c3")), to("b2", "ann"));
    desk.begin("b2", "ann");
    desk.tell(Event::AgentLeftRoom { session: id("b2"), agent: agent("ann") });
    // Twenty seconds later the pauses are over; the one with priority is first again.
    assert_eq!(offers(&desk.pass(1_000)), to("d4", "ann"));
    let decisions = desk.pass(19_000);
    assert_eq!(offers(&decisions), []);
    assert_eq!(offers(&decline(&mut desk, "d4")), to("c3", "ann"));
}

#[test]
fn the_least_busy_then_the_longest_idle_gets_the_customer() {
    let mut desk = Desk::new(config());
    desk.online("bob", "support", 3);
    desk.online("ann", "support", 3);
    // Neither has done anything: the order of names decides, then the number of chats.
    assert_eq!(offers(&desk.join("a", "support")), to("a1", "ann"));
    desk.begin("a1", "ann");
    desk.pass(5);
    assert_eq!(offers(&desk.join("b", "support")), to("b2", "bob"));
    desk.begin("b2", "bob");
    desk.pass(5);
    for (session, who) in [("b2", "bob"), ("a1", "ann")] {
        desk.tell(Event::AgentLeftRoom { session: id(session), agent: agent(who) });
        desk.pass(2_000);
    }
    // Both are free; bob has been longer.
    assert_eq!(offers(&desk.join("c", "support")), to("c3", "bob"));
    assert_eq!(offers(&desk.join("d", "support")), to("d4", "ann"));
}

#[test]
fn nobody_answers_and_the_next_is_asked() {
    let mut desk = Desk::new(config());
    desk.online("ann", "support", 1);
    desk.online("bob", "support", 1);
    assert_eq!(offers(&desk.join("wanda", "support")), to("wanda1", "ann"));
    let decisions = desk.pass(20_000);
    let revoke = Decision::Revoke {
        session: id("wanda1"),
        agent: agent("ann"),
        fence: 1,
        reason: RevokeReason::TimedOut,
    };
    assert!(decisions.contains(&revoke));
    assert_eq!(offers(&decisions), to("wanda1", "bob"));
    // Too late: told so once, and bob's offer stands.
    assert_eq!(desk.accept("wanda1", "ann"), [Decision::Reply(Reply::Lost(LostReason::Expired))]);
    assert!(desk.accept("wanda1", "bob").contains(&Decision::Reply(Reply::Accepted)));
    assert_eq!(desk.accept("wanda1", "ann"), [Decision::Reply(Reply::Lost(LostReason::Taken))]);
    assert_eq!(desk.accept("nosuch", "ann"), [Decision::Reply(Reply::Lost(LostReason::Unknown))]);
}

#[test]
fn an_accept_with_an_old_number_loses() {
    let mut desk = Desk::new(config());
    desk.online("ann", "support", 1);
    desk.join("wanda", "support");
    desk.pass(20_000);
    assert_eq!(offers(&desk.pass(20_000)), to("wanda1", "ann"));
    let accept =
        |fence| Event::OfferAccepted { session: id("wanda1"), agent: agent("ann"), fence: Some(fence) };
    assert_eq!(desk.tell(accept(1)), [Decision::Reply(Reply::Lost(LostReason::Expired))]);
    assert!(desk.tell(accept(2)).contains(&Decision::Reply(Reply::Accepted)));
    assert_eq!(desk.tell(accept(2)), [Decision::Reply(Reply::Accepted)]);
}

#[test]
fn only_the_addressee_counts() {
    let mut desk = Desk::new(config());
    desk.online("ann", "support", 1);
    desk.join("wanda", "support");
    for forger in ["bob", "ann/phone", "mallory"] {
        assert_eq!(desk.accept("wanda1", forger), [Decision::Reply(Reply::Lost(LostReason::NotAddressee))]);
        let decline = Event::OfferDeclined { session: id("wanda1"), agent: agent(forger), fence: None };
        assert_eq!(desk.tell(decline), [Decision::Reply(Reply::NothingToDecline)]);
    }
    assert!(matches!(desk.phase("wanda1"), Some(Phase::Offered { .. })));
}

#[test]
fn a_client_that_shows_offers_must_show_the_next_one() {
    let mut desk = Desk::new(config());
    desk.online("ann", "support", 1);
    desk.online("bob", "support", 1);
    desk.join("wanda", "support");
    assert_eq!(desk.pass(3_000), []);
    desk.tell(Event::OfferSeen { session: id("wanda1"), agent: agent("ann") });
    desk.tell(Event::OfferDeclined { session: id("wanda1"), agent: agent("ann"), fence: None });
    desk.accept("wanda1", "bob");
    assert_eq!(offers(&desk.join("zoe", "support")), to("zoe2", "ann"));
    // Ann's Spark is logged out of the workgroup: it answers the offer and shows nothing.
    let decisions = desk.pass(2_000);
    assert!(decisions.iter().any(|it| matches!(it, Decision::Revoke { .. })));
    assert_eq!(desk.phase("zoe2"), Some(Phase::Waiting));
}

#[test]
fn a_customer_who_goes_takes_the_offer_along() {
    for vanished in [false, true] {
        let mut desk = Desk::new(config());
        desk.online("ann", "support", 1);
        desk.join("wanda", "support");
        desk.join("zoe", "support");
        let session = id("wanda1");
        let decisions = desk.tell(if vanished {
            Event::CustomerVanished { session: session.clone() }
        } else {
            Event::CustomerDeparted { session: session.clone() }
        });
        let reason = if vanished { EndReason::Vanished } else { EndReason::Departed };
        assert!(decisions.contains(&Decision::Ended { session: session.clone(), reason }));
        assert!(
            decisions
                .iter()
                .any(|it| matches!(it, Decision::Revoke { reason: RevokeReason::CustomerGone, .. }))
        );
        assert_eq!(offers(&decisions), to("zoe2", "ann"));
        assert_eq!(desk.tell(Event::CustomerDeparted { session }), [Decision::Reply(Reply::NotQueued)]);
    }
}

#[test]
fn an_agent_who_goes_loses_the_offer_and_the_chat() {
    let mut desk = Desk::new(config());
    desk.online("ann", "support", 2);
    desk.join("wanda", "support");
    desk.online("bob", "support", 2);
    desk.begin("wanda1", "ann");
    desk.pass(5);
    desk.join("zoe", "support");
    desk.join("carl", "support");
    assert!(matches!(desk.phase("carl3"), Some(Phase::Offered { .. })));
    // The connection breaks: the server says so to the room and to the workgroup, in either order.
    for room_first in [true, false] {
        let mut desk =
            Desk { router: desk.router.clone(), timers: desk.timers.clone(), journal: Vec::new(), ..desk };
        let left = Event::AgentLeftRoom { session: id("wanda1"), agent: agent("ann") };
        let gone = Event::AgentGone { agent: agent("ann"), workgroup: None };
        let mut decisions = Vec::new();
        for event in if room_first { [left, gone] } else { [gone, left] } {
            decisions.extend(desk.tell(event));
        }
        assert!(decisions.contains(&Decision::Requeued { session: id("wanda1") }));
        // The one who waited longest comes first.
        assert_eq!(desk.router.position(&id("wanda1")), Some(1));
        assert_eq!(desk.phase("carl3"), Some(Phase::Waiting));
    }
}

#[test]
fn an_agent_who_never_comes_counts_as_a_miss() {
    let mut desk = Desk::new(config());
    desk.online("ann", "support", 1);
    desk.online("bob", "support", 1);
    desk.join("wanda", "support");
    desk.accept("wanda1", "ann");
    let decisions = desk.pass(60_000);
    assert!(decisions.contains(&Decision::InviteAgain { session: id("wanda1") }));
    assert!(decisions.contains(&Decision::Requeued { session: id("wanda1") }));
    assert_eq!(offers(&decisions), to("wanda1", "bob"));
    // Entering the room settles an offer as well.
    desk.tell(Event::AgentEntered { session: id("wanda1"), agent: agent("bob") });
    assert!(matches!(desk.phase("wanda1"), Some(Phase::Active { .. })));
}

#[test]
fn another_client_of_the_agent_takes_over() {
    let mut desk = Desk::new(config());
    desk.online("ann", "support", 1);
    desk.join("wanda", "support");
    let decisions = desk.online("ann/phone", "support", 1);
    assert!(decisions.contains(&Decision::Displaced { workgroup: name("support"), agent: agent("ann") }));
    assert_eq!(offers(&decisions), [("wanda1".to_owned(), "ann/phone".to_owned())]);
    assert_eq!(desk.accept("wanda1", "ann"), [Decision::Reply(Reply::Lost(LostReason::NotAddressee))]);
    // The old client's departure doesn't touch the new one.
    desk.tell(Event::AgentGone { agent: agent("ann"), workgroup: None });
    assert!(desk.accept("wanda1", "ann/phone").contains(&Decision::Reply(Reply::Accepted)));
}

#[test]
fn the_longest_waiting_of_all_queues_goes_first() {
    let mut desk = Desk::new(config());
    desk.online("cleo", "support", 1);
    desk.online("cleo", "sales", 1);
    desk.join("first", "sales");
    desk.pass(10);
    desk.join_with("second", "support", 0, &[("product", "Router")]);
    desk.pass(10);
    desk.join("third", "sales");
    desk.begin("first1", "cleo");
    desk.tell(Event::AgentLeftRoom { session: id("first1"), agent: agent("cleo") });
    assert_eq!(offers(&desk.pass(1_000)), to("second2", "cleo"));
}

#[test]
fn after_a_lost_connection_offers_are_made_anew_and_agents_answer() {
    let mut desk = Desk::new(config());
    desk.online("ann", "support", 3);
    desk.online("bob", "support", 3);
    desk.join("a", "support");
    desk.begin("a1", "ann");
    desk.join("b", "support");
    desk.accept("b2", "bob");
    desk.join("c", "support");
    let decisions = desk.tell(Event::Connected);
    assert!(decisions.contains(&Decision::AskAlive { agent: agent("ann") }));
    assert!(decisions.contains(&Decision::Rejoin { session: id("a1") }));
    let invite = Decision::Invite { session: id("b2"), agent: agent("bob") };
    assert!(!decisions.contains(&invite), "before bob is known to be there");
    assert!(
        decisions.iter().any(|it| matches!(it, Decision::Revoke { reason: RevokeReason::Withdrawn, .. }))
    );
    assert_eq!(offers(&decisions), []);
    // Customers who come meanwhile are let in.
    assert_eq!(reply(&desk.join("d", "support")), &Reply::Joined { position: 2 });
    assert_eq!(offers(&desk.tell(Event::AgentAlive { agent: agent("ann") })), to("c3", "ann"));
    let decisions = desk.pass(10_000);
    assert!(decisions.contains(&Decision::AgentLeft { workgroup: name("support"), agent: agent("bob") }));
    assert!(decisions.contains(&Decision::Requeued { session: id("b2") }));
    assert_eq!(desk.router.position(&id("b2")), Some(1));
}

#[test]
fn a_chat_whose_room_was_forgotten_goes_on_in_the_new_room() {
    let mut desk = Desk::new(config());
    desk.online("ann", "support", 1);
    desk.join("wanda", "support");
    desk.begin("wanda1", "ann");
    desk.tell(Event::CustomerEntered { session: id("wanda1") });
    desk.tell(Event::Connected);
    let decisions = desk.tell(Event::RoomRenewed { session: id("wanda1") });
    let invite = Decision::Invite { session: id("wanda1"), agent: agent("ann") };
    assert!(decisions.contains(&invite));
    // The first invitation may have come before ann was back.
    assert!(desk.tell(Event::AgentAlive { agent: agent("ann") }).contains(&invite));
    desk.tell(Event::AgentEntered { session: id("wanda1"), agent: agent("ann") });
    assert!(matches!(desk.phase("wanda1"), Some(Phase::Active { .. })));
    // A room that can't be made again puts the customer back in line, and not out.
    let decisions = desk.tell(Event::RoomLost { session: id("wanda1") });
    assert!(decisions.contains(&Decision::Requeued { session: id("wanda1") }));
}

#[test]
fn waiting_ends_only_where_the_administrator_says_so() {
    for (limit, reason) in [(0, None), (30_000, Some(EndReason::TimedOut))] {
        let mut config = config();
        config.workgroups[0].request_timeout_ms = limit;
        let mut desk = Desk::new(config);
        desk.online("ann", "support", 1);
        desk.join("wanda", "support");
        desk.tell(Event::AgentGone { agent: agent("ann"), workgroup: None });
        let decisions = desk.pass(3_600_000);
        let ended = decisions
            .iter()
            .find_map(|it| if let Decision::Ended { reason, .. } = it { Some(*reason) } else { None });
        assert_eq!(ended, reason);
    }
}

#[test]
fn a_deleted_queue_hands_its_customers_over() {
    let mut desk = Desk::new(config());
    desk.online("cleo", "support", 1);
    desk.join_with("wanda", "support", 0, &[("product", "router")]);
    let mut smaller = config();
    smaller.workgroups[0].queues.pop();
    let decisions = desk.tell(Event::Configured { config: smaller.clone() });
    assert!(
        decisions.iter().any(|it| matches!(it, Decision::Revoke { reason: RevokeReason::Withdrawn, .. }))
    );
    assert!(decisions.contains(&Decision::AgentLeft { workgroup: name("support"), agent: agent("cleo") }));
    assert_eq!(offers(&desk.online("ann", "support", 1)), to("wanda1", "ann"));
    smaller.workgroups.remove(0);
    let decisions = desk.tell(Event::Configured { config: smaller });
    assert!(decisions.contains(&Decision::Ended { session: id("wanda1"), reason: EndReason::WorkgroupGone }));
}

#[test]
fn debug_output_has_no_answer_in_it() {
    let mut desk = Desk::new(config());
    desk.online("ann", "support", 1);
    desk.join_with("wanda", "support", 0, &[("question", "my secret")]);
    assert!(!format!("{:?} {:?}", desk.router, desk.journal).contains("my secret"));
}
