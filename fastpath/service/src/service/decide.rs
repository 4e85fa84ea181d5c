//! Carrying out what the router decided.

use super::Service;
use super::agents::offer_id;
use super::room::Stage;
use crate::journal::JournalRecord;
use crate::xml::message;
use flint_fastpath_protocol::DepartNotice;
use flint_fastpath_routing::{Decision, EndReason, SessionId, Timestamp};

impl Service {
    pub(super) fn carry_out(&mut self, decision: Decision, now: Timestamp) {
        match decision {
            Decision::Offer { session, agent, fence, deadline } => {
                let seconds = deadline.since(now).div_ceil(1_000).max(1);
                self.send_offer(&session, &agent, fence, seconds);
            }
            Decision::Revoke { session, agent, fence, reason } => {
                self.revoke(offer_id(&session, fence), &session, None, &agent, reason);
            }
            Decision::Invite { session, agent } => {
                if let Some(visit) = self.visits.get_mut(&session) {
                    visit.summary.started.get_or_insert(now);
                }
                self.open_room(&session, Some(agent));
            }
            Decision::Rejoin { session } => self.open_room(&session, None),
            Decision::InviteAgain { session } => self.invite_customer(&session),
            Decision::RevokeHandover { id, request, workgroup, agent, fence, reason } => {
                let home = self.address(&workgroup.0);
                self.revoke(offer_id(&id, fence), &request.session, home, &agent, reason);
            }
            Decision::CallAgain { id } => self.call_again(id),
            Decision::ShowOut { session, agent } => self.show_out(&session, &agent),
            Decision::HandoverFailed { request, reason } => self.handover_failed(request, reason),
            Decision::Requeued { session } => self.requeued(&session),
            Decision::Ended { session, reason } => self.ended(&session, reason, now),
            Decision::QueueChanged { workgroup, queue } => self.queue_changed(workgroup, queue),
            Decision::WorkgroupChanged { workgroup } => {
                self.workgroup_changed(&workgroup.0);
                let queues: Vec<String> = self
                    .config
                    .workgroup(&workgroup.0)
                    .map(|config| config.queues.iter().map(|queue| queue.name.clone()).collect())
                    .unwrap_or_default();
                for queue in queues {
                    self.queue_changed(workgroup.clone(), queue);
                }
            }
            Decision::AgentChanged { workgroup, agent } => self.agent_changed(&workgroup, &agent),
            Decision::AgentLeft { workgroup, agent } => self.agent_left(&workgroup, &agent),
            Decision::Displaced { workgroup, agent } => self.displaced(&workgroup, &agent),
            Decision::AskAlive { agent } => self.ask_alive(&agent),
            Decision::Reply(_) | Decision::SetTimer { .. } | Decision::CancelTimer { .. } => {}
        }
    }

    /// The customer lost the agent and waits again.
    fn requeued(&mut self, session: &SessionId) {
        if let Some(visit) = self.visits.get_mut(session) {
            visit.told = None;
        }
        // A room that never answered is asked for anew the next time.
        self.rooms.retain(|id, room| id != session || room.stage == Stage::Ready);
        self.say_in_room(
            session,
            "The connection to your agent was lost. You are next in line; please stay.",
        );
        if let Some(position) = self.router.position(session) {
            self.tell_position(session, position);
        }
    }

    fn ended(&mut self, session: &SessionId, reason: EndReason, now: Timestamp) {
        let Some(mut visit) = self.visits.remove(session) else { return };
        let summary = &mut visit.summary;
        summary.ended = Some(now);
        summary.end = Some(reason.kind().to_owned());
        for agent in &mut summary.agents {
            agent.left.get_or_insert(now);
        }
        if summary.agents.is_empty() {
            self.count(|metrics| &metrics.abandoned_total);
        } else {
            self.count(|metrics| &metrics.chats_total);
        }
        let notice = match reason {
            EndReason::Departed => Some(DepartNotice::Requested),
            EndReason::TimedOut | EndReason::WorkgroupGone => Some(DepartNotice::AgentNotFound),
            EndReason::Vanished | EndReason::AgentLeft => None,
        };
        if let Some(notice) = notice {
            let from = format!("{}@{}", summary.workgroup, self.config.domain);
            let push = message(&from, visit.client.as_str()).child(notice.element());
            self.send(push);
        }
        let text = self
            .config
            .workgroup(&visit.summary.workgroup)
            .and_then(|config| config.texts.get("chatSessionEnded_text"))
            .cloned()
            .unwrap_or_else(|| "This chat has ended. Thank you for your visit.".to_owned());
        self.close_room(session, &text);
        self.records.push(JournalRecord::Session(visit.summary));
    }
}
