//! The gate before every command: what it needs, and the refusal in the name of the policy that denies it.
//!
//! Each front end, script and module comes through here, so a button that is missing is a courtesy and this is the lock.

use super::Engine;
use crate::capability::{Capability, Verdict};
use crate::command::{AccountCommand, ChatCommand, Command, HistoryCommand, PeopleCommand, RoomCommand};
use crate::model::ConversationId;

/// What a command is in words, and what it needs.
pub(super) fn needs(command: &Command) -> (&'static str, &'static [Capability]) {
    use Capability::{AddContact, Chat, GroupChat};
    match command {
        // Also without a policy: the policy comes from a server that is signed in to.
        Command::Account(AccountCommand::SignIn) => ("sign in", &[]),
        Command::Account(AccountCommand::SignOut) => ("sign out", &[]),
        Command::Account(AccountCommand::SetPresence { .. }) => ("change presence", &[Chat]),
        Command::People(PeopleCommand::AddContact { .. }) => ("add contact", &[Chat, AddContact]),
        Command::People(PeopleCommand::RemoveContact { .. }) => ("remove contact", &[Chat]),
        // To let a stranger in needs more, which depends on the roster.
        Command::People(PeopleCommand::AnswerSubscription { .. }) => {
            ("let a contact see your presence", &[Chat])
        }
        Command::Chat(ChatCommand::Send { conversation: ConversationId::Room(_), .. }) => {
            ("send a message to a room", &[Chat, GroupChat])
        }
        Command::Chat(ChatCommand::Send { .. }) => ("send a message", &[Chat]),
        Command::Chat(ChatCommand::Open { .. }) => ("open a conversation", &[Chat]),
        Command::Chat(ChatCommand::Close { .. }) => ("close a conversation", &[]),
        Command::Chat(ChatCommand::LoadOlder { .. }) => ("load older messages", &[Chat]),
        Command::Chat(ChatCommand::Retry { .. }) => ("send a message again", &[Chat]),
        Command::Chat(ChatCommand::SetDraft { .. }) => ("keep a draft", &[Chat]),
        Command::Chat(ChatCommand::MarkRead { .. }) => ("mark a conversation as read", &[Chat]),
        Command::Chat(ChatCommand::SetPinned { .. }) => ("pin a conversation", &[Chat]),
        Command::Room(RoomCommand::Join { .. }) => ("join room", &[Chat, GroupChat]),
        Command::Room(RoomCommand::Leave { .. }) => ("leave room", &[Chat]),
        Command::History(HistoryCommand::Search { .. }) => ("search", &[Chat]),
    }
}

impl Engine {
    pub(super) fn command(&mut self, command: Command) {
        if self.policy.keeps_back(&command) {
            return;
        }
        let (what, needed) = needs(&command);
        if !needed.iter().all(|capability| self.gate(*capability, what)) {
            // Whoever waits for the answer to a search is told that there is none.
            if let Command::History(HistoryCommand::Search { query, .. }) = command {
                self.hits(query, Vec::new());
            }
            return;
        }
        match command {
            Command::Account(command) => self.account_command(command),
            Command::People(command) => self.people_command(command),
            Command::Chat(command) => self.chat_command(command),
            Command::Room(command) => self.room_command(command),
            Command::History(command) => self.history_command(command),
        }
    }

    /// True when the capability is there; else the command is refused in the policy's name.
    pub(super) fn gate(&mut self, capability: Capability, what: &str) -> bool {
        let capabilities = self.policy.capabilities();
        match capabilities.verdict(capability) {
            Verdict::Allowed => true,
            Verdict::Denied { policy, managed_by } => {
                let reason = capabilities.management.missing().map_or_else(
                    || {
                        format!(
                            "Your organisation does not allow this (managed by {managed_by}). Ask your administrator \
                             to do it for you."
                        )
                    },
                    str::to_owned,
                );
                self.reject(what, reason, Some(policy));
                false
            }
        }
    }

    pub(super) fn may(&self, capability: Capability) -> bool {
        self.policy.capabilities().verdict(capability).is_allowed()
    }
}
