//! Running chats that are handed on.

use super::*;
use flint_fastpath_protocol::room::{HandoverKind, HandoverRequest};

fn hand_over(session: &str, to: &str, reason: &str) -> AgentCommand {
    AgentCommand::HandOver {
        session: session.to_owned(),
        transfer: true,
        to: Jid::new(to).unwrap(),
        reason: Private(reason.to_owned()),
    }
}

#[test]
fn people_queues_and_workgroups_are_asked_in_their_own_way() {
    for (to, kind, invitee) in [
        ("bob@example.test/laptop", HandoverKind::User, "bob@example.test"),
        ("sales@workgroup.example.test", HandoverKind::Workgroup, "sales@workgroup.example.test"),
        ("sales@workgroup.example.test/Billing", HandoverKind::Queue, "sales@workgroup.example.test/Billing"),
    ] {
        let mut bench = Bench::chatting();
        bench.command(hand_over(SESSION, to, " Needs a quote "));
        let sent = bench.sent.last().unwrap();
        assert_eq!((sent.attr("to"), sent.attr("type")), (Some(W), Some("set")));
        let request = HandoverRequest::read(sent.children().next().unwrap()).unwrap();
        assert_eq!((request.kind, request.invitee.as_str()), (kind, invitee));
        assert_eq!((request.session.id.as_str(), request.reason.0.as_str()), (SESSION, "Needs a quote"));
        bench.answer("transfer", W, "");
        assert_eq!(bench.rejections(), 0, "a result says nothing yet");
    }
}

#[test]
fn whatever_goes_wrong_is_told_once() {
    for way in ["refused", "silent", "nobody"] {
        let mut bench = Bench::chatting();
        bench.command(hand_over(SESSION, "sales@workgroup.example.test", "Needs a quote"));
        match way {
            "refused" => bench.refuse("transfer", W, Condition::ItemNotFound),
            "silent" => bench.pass(30_000),
            _ => {
                bench.answer("transfer", W, "");
                let wg = "http://jabber.org/protocol/workgroup";
                let inner = format!("<transfer xmlns='{wg}' type='workgroup'/>");
                bench.stanza(StanzaKind::Message, W, Some("error"), None, &inner);
            }
        }
        assert_eq!(bench.rejections(), 1, "{way}");
    }
}
