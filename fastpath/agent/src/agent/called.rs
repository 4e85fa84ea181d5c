//! A colleague calls us by name into a running chat: no offer comes, the room itself invites. It is shown as an offer.
//!
//! A room may claim any inviter, so the invitation counts only from a room of the own server that is named like its
//! session, and in the name of a workgroup that we joined.

use super::Agent;
use super::offers::{MAX_OFFERS, OpenOffer, answers, customer_name};
use crate::update::{AgentUpdate, OfferRow};
use crate::wire::{AgentEffect, AgentOutput, AgentTimer};
use flint_fastpath_protocol::offer::{Offer, OfferKind};
use flint_fastpath_protocol::room::{Handover, HandoverKind, Invitation, InvitationKind};
use flint_fastpath_protocol::{Hidden, Session};
use jid::{BareJid, Jid};

/// How long the workgroup waits for us, in seconds.
const WAITS_S: i64 = 60;

impl Agent {
    /// An invitation in the name of a workgroup of which we took nothing.
    pub(super) fn called(&mut self, inviter: &BareJid, invitation: Invitation, out: &mut AgentOutput) {
        let Some(offer) = self.call_of(inviter, invitation) else { return self.drop_stanza() };
        let runs = self.chats.get(&offer.session.id).is_some_and(super::Chat::runs);
        if runs || self.offers.contains_key(&offer.id) {
            return;
        }
        if self.offers.len() >= MAX_OFFERS {
            return self.drop_stanza();
        }
        let form = self.desks.get(inviter).and_then(|desk| desk.form.as_ref());
        let row = OfferRow {
            id: offer.id.clone(),
            session: offer.session.id.clone(),
            workgroup: inviter.clone(),
            customer_name: customer_name(&offer),
            question: offer.metadata.first("question").unwrap_or_default().into(),
            answers: answers(&offer.metadata, form),
            waiting_since: None,
            received_at: out.at,
            expires_at: out.at.plus(WAITS_S * 1_000),
            accepting: false,
        };
        out.effects.push(AgentEffect::SetTimer {
            id: AgentTimer::Offer(offer.id.clone()),
            after_ms: WAITS_S.unsigned_abs() * 1_000,
        });
        out.updates.push(AgentUpdate::Offer { offer: row.clone() });
        self.offers.insert(offer.id.clone(), OpenOffer { row, offer, called: true });
    }

    /// The invitation as an offer of the running chat, if it is to be believed.
    fn call_of(&self, inviter: &BareJid, invitation: Invitation) -> Option<Offer> {
        self.desks.get(inviter).filter(|desk| desk.wanted())?;
        let domain = invitation.room.domain().as_str();
        let own = domain.strip_suffix(self.account.domain().as_str()).is_some_and(|sub| sub.ends_with('.'));
        let of_workgroup =
            matches!(&invitation.kind, InvitationKind::Person { workgroup } if workgroup == inviter);
        let Session { id: session, .. } = invitation.session?;
        let named = invitation.room.node().is_some_and(|node| node.as_str() == session);
        if !(own && of_workgroup && named) || self.services.contains(domain) {
            return None;
        }
        // A customer's invitation says nothing about the customer; a colleague's says who calls.
        let metadata = invitation.metadata?;
        let colleague = Jid::new(metadata.first("inviter")?).ok()?;
        let handover = Handover {
            kind: HandoverKind::User,
            inviter: colleague,
            room: invitation.room.clone(),
            reason: Hidden(invitation.reason),
        };
        Some(Offer {
            id: format!("called:{session}"),
            // The room hides the customer's address, and so does the invitation.
            customer: Jid::from(invitation.room),
            metadata,
            timeout_s: WAITS_S,
            session: Session { id: session, workgroup: Some(inviter.clone()) },
            kind: OfferKind::Invitation(handover),
            user: invitation.user,
        })
    }
}
