//! Signing in and out, own presence and name.

use super::{Engine, MAX_NAME, MAX_STATUS, cap, local_part};
use crate::capability::Capability;
use crate::command::AccountCommand;
use crate::effect::{Effect, Outbound};
use crate::input::SessionEvent;
use crate::model::{ConnectionState, Show};
use crate::update::{AccountUpdate, Update};
use jid::BareJid;

/// State of the connection and of ourselves.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) connection: ConnectionState,
    pub(super) name: String,
    /// The present stream was begun: presence is sent, lists were asked for.
    begun: bool,
    show: Show,
    status: String,
}

impl Account {
    pub(super) fn new(jid: &BareJid) -> Self {
        let (show, status) = (Show::Available, String::new());
        Self { connection: ConnectionState::Offline, name: local_part(jid), begun: false, show, status }
    }
}

impl Engine {
    pub(super) fn is_online(&self) -> bool {
        matches!(self.account.connection, ConnectionState::Online { .. })
    }

    pub(super) fn account_command(&mut self, command: AccountCommand) {
        match command {
            AccountCommand::SignIn => self.effect(Effect::Connect),
            AccountCommand::SignOut => self.effect(Effect::Disconnect),
            AccountCommand::SetPresence { show: Show::Offline, .. } => {
                self.reject("change presence", "To go offline, sign out.", None);
            }
            AccountCommand::SetPresence { show, status } => {
                self.account.show = show;
                self.account.status = cap(status, MAX_STATUS);
                if self.is_online() {
                    self.send_presence();
                }
                self.show_own_presence();
            }
        }
    }

    pub(super) fn session_changed(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Connecting => self.connection(ConnectionState::Connecting),
            SessionEvent::Online { jid, mechanism } => {
                self.connection(ConnectionState::Online { jid, mechanism, resumed: false });
                self.account.begun = false;
                if self.may(Capability::Chat) {
                    self.begin_stream();
                }
            }
            SessionEvent::Resumed { jid, mechanism } => {
                self.connection(ConnectionState::Online { jid, mechanism, resumed: true });
                if !self.may(Capability::Chat) {
                    return;
                }
                if self.account.begun {
                    self.send_what_waits();
                    self.send_owed_markers();
                } else {
                    self.begin_stream();
                }
            }
            SessionEvent::Interrupted { reason, retry_at } => {
                self.connection(ConnectionState::Waiting { reason, retry_at });
            }
            SessionEvent::Refused { kind, reason, next_step } => {
                self.connection(ConnectionState::Refused { kind, reason, next_step });
                self.forget_presence();
                self.leave_all_rooms();
            }
            SessionEvent::SignedOut => {
                self.connection(ConnectionState::Offline);
                self.forget_presence();
                self.leave_all_rooms();
            }
            SessionEvent::Written(_) | SessionEvent::Acked(_) | SessionEvent::Lost(_) => {
                unreachable!("dispatch() hands these to the outbox")
            }
        }
    }

    /// A new stream knows nothing of the earlier one (RFC 6121 §4.2: the roster is asked for before presence is
    /// sent, so that it is there when others' presences come).
    pub(super) fn begin_stream(&mut self) {
        self.account.begun = true;
        self.outbox.forget_tokens();
        self.requests.clear();
        self.forget_presence();
        self.leave_all_rooms();
        let version = self.people.version();
        self.send(Outbound::GetRoster { version });
        self.send(Outbound::EnableCarbons);
        self.send_presence();
        self.send(Outbound::GetOwnName);
        self.send(Outbound::ListRooms);
        self.archive.begin_stream();
        self.catch_up(None);
        self.join_wanted_rooms();
        self.send_what_waits();
        self.send_owed_markers();
    }

    fn send_presence(&mut self) {
        let (show, status) = (self.account.show, self.account.status.clone());
        self.send(Outbound::Presence { show, status });
    }

    pub(super) fn show_own_presence(&mut self) {
        let (show, status) = (self.account.show, self.account.status.clone());
        self.update(Update::Account(AccountUpdate::Presence { show, status }));
    }

    fn connection(&mut self, state: ConnectionState) {
        self.account.connection = state.clone();
        self.update(Update::Account(AccountUpdate::Connection(state)));
    }

    pub(super) fn own_name(&mut self, name: String) {
        let name = cap(name.trim().to_owned(), MAX_NAME);
        if !name.is_empty() && name != self.account.name {
            self.account.name = name;
            self.show_identity();
        }
    }

    pub(super) fn show_identity(&mut self) {
        let jid = self.config.account.clone();
        let name = self.account.name.clone();
        let organization = self.policy.capabilities().organization_name.clone();
        self.update(Update::Account(AccountUpdate::Identity { jid, name, organization }));
    }
}
