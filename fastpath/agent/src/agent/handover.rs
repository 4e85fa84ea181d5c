//! A running chat for somebody else: a colleague, or whoever of a queue or workgroup is free.

use super::{Agent, Request, rejected};
use crate::wire::AgentOutput;
use flint_core::secret::Private;
use flint_fastpath_protocol::room::{HandoverKind, HandoverRequest};
use flint_fastpath_protocol::{Condition, Hidden, Session};
use jid::Jid;
use minidom::Element;

impl Agent {
    /// Openfire breaks down over a request without a reason or with an unknown session (trap 5), so neither is sent.
    pub(super) fn hand_over(
        &mut self,
        session: &str,
        transfer: bool,
        to: Jid,
        reason: &Private,
        out: &mut AgentOutput,
    ) {
        let Some(chat) = self.chats.get(session).filter(|chat| chat.runs()) else {
            return out.updates.push(rejected(what(transfer), "This chat is over."));
        };
        let words = reason.0.trim();
        if words.is_empty() {
            let text = "Say in a few words why, so that your colleague knows what it is about.";
            return out.updates.push(rejected(what(transfer), text));
        }
        let kind = match (self.services.contains(to.domain().as_str()), to.resource()) {
            (true, Some(_)) => HandoverKind::Queue,
            (true, None) => HandoverKind::Workgroup,
            (false, _) => HandoverKind::User,
        };
        let workgroup = chat.row.workgroup.clone();
        let request = HandoverRequest {
            transfer,
            kind,
            session: Session { id: session.to_owned(), workgroup: Some(workgroup.clone()) },
            invitee: if kind == HandoverKind::User { to.to_bare().into() } else { to },
            reason: Hidden(words.to_owned()),
        };
        self.ask("set", &workgroup.into(), request.element(), Request::HandOver { transfer }, out);
    }

    /// The workgroup asked around, and nobody comes. Openfire says so after an invitation to a queue even when somebody
    /// came: of no use then, and harmless.
    pub(super) fn handover_failed(&mut self, message: &Element, out: &mut AgentOutput) {
        let named = |name: &str| message.children().any(|child| child.name() == name);
        let transfer = named("transfer");
        if !transfer && !named("invite") {
            return self.drop_stanza();
        }
        let text = "Nobody came into the chat. Choose somebody else, or try again in a moment.";
        out.updates.push(rejected(what(transfer), text));
    }
}

/// The workgroup's answer: a result says only that it was understood.
pub(super) fn answered(transfer: bool, result: Result<(), Option<Condition>>, out: &mut AgentOutput) {
    let text = match result {
        Ok(()) => return,
        Err(Some(Condition::ItemNotFound)) => {
            "There is no such person, queue or chat any more. Choose again."
        }
        Err(Some(Condition::NotAllowed)) => {
            "Customers can be handed to agents only. Invite this person instead."
        }
        Err(_) => "The workgroup does not do this now. Try again in a moment.",
    };
    out.updates.push(rejected(what(transfer), text));
}

/// No answer came.
pub(super) fn unanswered(transfer: bool, out: &mut AgentOutput) {
    out.updates.push(rejected(what(transfer), "The workgroup did not answer. Try again in a moment."));
}

fn what(transfer: bool) -> &'static str {
    if transfer { "Hand the customer over" } else { "Invite into the chat" }
}
