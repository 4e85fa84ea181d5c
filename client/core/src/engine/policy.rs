//! Policy in the engine: the snapshot that every gate asks, the policy page, retention.

use super::Engine;
use crate::capability::{Capabilities, Capability};
use crate::command::{Command, PeopleCommand};
use crate::effect::{Effect, Persist};
use crate::ids::Timestamp;
use crate::input::{PolicyResolved, TimerId};
use crate::model::{ConnectionState, PolicyReport};
use crate::update::Update;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// A clock that is less than this ahead of the newest message is believed: people go on holiday.
const MIN_AHEAD_DAYS: i64 = 60;
/// Most commands kept until policy is there.
const MAX_KEPT: usize = 100;

/// Policy as it was resolved last.
#[derive(Debug)]
pub(super) struct Policy {
    capabilities: Capabilities,
    /// `None` until policy was resolved for the first time.
    report: Option<PolicyReport>,
    kept: Vec<Command>,
    /// Nothing is deleted in this run.
    clock_is_doubtful: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            capabilities: Capabilities::unresolved(),
            report: None,
            kept: Vec::new(),
            clock_is_doubtful: false,
        }
    }
}

impl Policy {
    pub(super) fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    pub(super) fn report(&self) -> Option<&PolicyReport> {
        self.report.as_ref()
    }

    pub(super) fn adopt(&mut self, resolved: PolicyResolved) {
        self.capabilities = Capabilities::from_policy(
            &resolved.effective,
            resolved.managed_by.as_deref(),
            resolved.missing.as_deref(),
        );
        self.capabilities.brand_image = resolved.brand_image;
        self.report = Some(PolicyReport::new(&resolved.effective, resolved.managed_by, resolved.server));
    }

    /// Before policy is known a command that it may forbid is neither done nor refused: it waits.
    pub(super) fn keeps_back(&mut self, command: &Command) -> bool {
        let lets_in =
            matches!(command, Command::People(PeopleCommand::AnswerSubscription { allow: true, .. }));
        let may_be_gated = lets_in
            || super::gates::needs(command).1.iter().any(|capability| *capability != Capability::Chat);
        let waits = may_be_gated && self.report.is_none() && self.kept.len() < MAX_KEPT;
        if waits {
            self.kept.push(command.clone());
        }
        waits
    }

    /// The moment before which nothing is kept.
    pub(super) fn keeps_since(&self, now: Timestamp) -> Option<Timestamp> {
        let days = self.capabilities.history_retention_days.filter(|_| !self.clock_is_doubtful)?;
        Some(now.plus(-DAY_MS.saturating_mul(i64::from(days))))
    }
}

impl Engine {
    /// No chat until a policy is held: away from the others' sight, so that the server keeps what they write, and back
    /// only to fetch.
    fn withhold(&mut self) {
        self.show_everything();
        if !matches!(self.account.connection, ConnectionState::Offline | ConnectionState::Refused { .. }) {
            self.effect(Effect::Disconnect);
            self.effect(Effect::Connect);
        }
    }

    /// The policy is there: what was withheld is shown, and the stream that fetched it begins to chat.
    fn open_chat(&mut self) {
        self.show_everything();
        if self.is_online() {
            self.begin_stream();
        }
    }

    fn room_policy_changed(&mut self, before: &Capabilities) {
        match (before.group_chat.is_allowed(), self.may(Capability::GroupChat)) {
            (true, false) => self.close_rooms(),
            (false, true) if self.is_online() => self.join_wanted_rooms(),
            _ => self.join_default_rooms(&before.default_rooms),
        }
    }

    fn is_clock_far_ahead(&self) -> bool {
        let Some(days) = self.policy.capabilities().history_retention_days else { return false };
        let ahead = DAY_MS.saturating_mul(i64::from(days).saturating_mul(2).max(MIN_AHEAD_DAYS));
        let newest = self.chats.values().filter_map(super::chat::Conversation::newest).max();
        newest.is_some_and(|newest| self.now > newest.plus(ahead))
    }

    pub(super) fn policy_resolved(&mut self, resolved: PolicyResolved) {
        let before = self.policy.capabilities().clone();
        let first = self.policy.report().is_none();
        self.policy.adopt(resolved);
        let after = self.policy.capabilities().clone();
        if let Some(report) = self.policy.report().cloned() {
            self.update(Update::Policy(report));
        }
        if first || before != after {
            self.update(Update::Capabilities(after.clone()));
        }
        if before.organization_name != after.organization_name {
            self.show_identity();
        }
        if before.history_retention_days != after.history_retention_days {
            self.apply_retention();
        }
        match (before.management.missing().is_some(), after.management.missing().is_some()) {
            (false, true) => self.withhold(),
            (true, false) => self.open_chat(),
            (true, true) => {}
            (false, false) => self.room_policy_changed(&before),
        }
        for command in std::mem::take(&mut self.policy.kept) {
            self.command(command);
        }
    }

    /// Deletes what is too old, and again each day. Not when the clock is far beyond all that is here: were it wrong,
    /// everything would be gone for good; were it right after all, the next start deletes.
    pub(super) fn apply_retention(&mut self) {
        if !self.policy.clock_is_doubtful && self.is_clock_far_ahead() {
            self.policy.clock_is_doubtful = true;
            let reason = "This computer's clock is far ahead of the newest message, so old messages are not deleted \
                          now. Check the clock, then start Flint again.";
            self.reject("delete old messages", reason, None);
        }
        match self.policy.keeps_since(self.now) {
            Some(before) => {
                self.persist(Persist::DeleteOlderThan { before });
                self.forget_before(before);
                self.timer(TimerId::Retention, DAY_MS.unsigned_abs());
            }
            None => self.effect(Effect::CancelTimer(TimerId::Retention)),
        }
    }
}
