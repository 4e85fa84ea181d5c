//! What a person, a script or a module asks the engine to do. Commands are imperative.
//!
//! Their JSON form is one object per command, `{"area": …, "command": {"do": …, …}}`; `flint-cli` takes one per line.
//! Names are in kebab-case, fields keep their names, absent optional fields are `null` or left out. A conversation is
//! `{"kind": "person" | "room", "jid": "bare address"}`. A refusal comes back as `Update::Rejected`.

use crate::ids::{MessageId, QueryId};
use crate::model::{ConversationId, Show};
use crate::secret::Private;
use jid::BareJid;
use serde::{Deserialize, Serialize};

/// Every command of the chat engine, one nested enum per area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "area", content = "command")]
pub enum Command {
    /// Signing in and out, own presence.
    Account(AccountCommand),
    /// The roster.
    People(PeopleCommand),
    /// One-to-one and room conversations.
    Chat(ChatCommand),
    /// Rooms.
    Room(RoomCommand),
    /// Stored history.
    History(HistoryCommand),
}

/// Signing in and out, own presence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum AccountCommand {
    /// Sign in, or try again after a refusal, or now instead of at the end of the back-off.
    ///
    /// ```json
    /// {"area":"account","command":{"do":"sign-in"}}
    /// ```
    SignIn,
    /// Sign out and stay out.
    ///
    /// ```json
    /// {"area":"account","command":{"do":"sign-out"}}
    /// ```
    SignOut,
    /// Change own presence.
    ///
    /// ```json
    /// {"area":"account","command":{"do":"set-presence","show":"away","status":"Lunch"}}
    /// ```
    SetPresence {
        /// Availability; `Offline` is not allowed here, use `SignOut`.
        show: Show,
        /// Status text, may be empty.
        status: String,
    },
}

/// The roster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum PeopleCommand {
    /// Add a contact and ask to see their presence (RFC 6121 §3.1). Gated by `Capability::AddContact`.
    ///
    /// ```json
    /// {"area":"people","command":{"do":"add-contact","jid":"bob@example.test","name":"Bob","groups":["Team"]}}
    /// ```
    AddContact {
        /// Who.
        jid: BareJid,
        /// Name to store.
        name: Option<String>,
        /// Groups to put them into.
        groups: Vec<String>,
    },
    /// Remove a contact (RFC 6121 §2.5).
    ///
    /// ```json
    /// {"area":"people","command":{"do":"remove-contact","jid":"bob@example.test"}}
    /// ```
    RemoveContact {
        /// Who.
        jid: BareJid,
    },
    /// Answer somebody's request to see our presence.
    ///
    /// ```json
    /// {"area":"people","command":{"do":"answer-subscription","jid":"bob@example.test","allow":true}}
    /// ```
    AnswerSubscription {
        /// Who asked.
        jid: BareJid,
        /// True to let them.
        allow: bool,
    },
}

/// One-to-one and room conversations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum ChatCommand {
    /// Open a conversation: answers with `ChatUpdate::TimelineReset` of the newest messages.
    ///
    /// ```json
    /// {"area":"chat","command":{"do":"open","conversation":{"kind":"person","jid":"bob@example.test"}}}
    /// ```
    Open {
        /// Which.
        conversation: ConversationId,
    },
    /// Close the timeline: no more timeline updates for it.
    ///
    /// ```json
    /// {"area":"chat","command":{"do":"close","conversation":{"kind":"person","jid":"bob@example.test"}}}
    /// ```
    Close {
        /// Which.
        conversation: ConversationId,
    },
    /// Load older messages above the oldest one shown (`ChatUpdate::TimelinePrepended`).
    ///
    /// ```json
    /// {"area":"chat","command":{"do":"load-older","conversation":{"kind":"room","jid":"lobby@conference.example.test"}}}
    /// ```
    LoadOlder {
        /// Which.
        conversation: ConversationId,
    },
    /// Send text. Answers at once with a local echo in state `Queued`.
    ///
    /// ```json
    /// {"area":"chat","command":{"do":"send","conversation":{"kind":"person","jid":"bob@example.test"},"body":"Hello"}}
    /// ```
    Send {
        /// To whom.
        conversation: ConversationId,
        /// Plain text, 1 … 65,536 bytes.
        body: Private,
    },
    /// Send a failed message again.
    ///
    /// ```json
    /// {"area":"chat","command":{"do":"retry","message":"0f3a6c…"}}
    /// ```
    Retry {
        /// Which message.
        message: MessageId,
    },
    /// The composer's text changed: keeps the draft and tells the peer that we type (XEP-0085).
    ///
    /// ```json
    /// {"area":"chat","command":{"do":"set-draft","conversation":{"kind":"person","jid":"bob@example.test"},"text":"Hel"}}
    /// ```
    SetDraft {
        /// Where.
        conversation: ConversationId,
        /// Text; empty clears it.
        text: Private,
    },
    /// Everything up to now was seen (clears unread, sends XEP-0333 `displayed`).
    ///
    /// ```json
    /// {"area":"chat","command":{"do":"mark-read","conversation":{"kind":"person","jid":"bob@example.test"}}}
    /// ```
    MarkRead {
        /// Which.
        conversation: ConversationId,
    },
    /// Pin to the top or unpin.
    ///
    /// ```json
    /// {"area":"chat","command":{"do":"set-pinned","conversation":{"kind":"person","jid":"bob@example.test"},"pinned":true}}
    /// ```
    SetPinned {
        /// Which.
        conversation: ConversationId,
        /// Pinned or not.
        pinned: bool,
    },
}

/// Rooms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum RoomCommand {
    /// Join a room (XEP-0045 §7.2).
    ///
    /// ```json
    /// {"area":"room","command":{"do":"join","room":"lobby@conference.example.test","nick":"ann","password":null}}
    /// ```
    Join {
        /// Room.
        room: BareJid,
        /// Nickname; ours by default.
        nick: Option<String>,
        /// Password of a protected room.
        password: Option<Private>,
    },
    /// Leave a room.
    ///
    /// ```json
    /// {"area":"room","command":{"do":"leave","room":"lobby@conference.example.test"}}
    /// ```
    Leave {
        /// Room.
        room: BareJid,
    },
}

/// Stored history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum HistoryCommand {
    /// Full-text search, newest first; answers with `HistoryUpdate::Results` carrying the same id.
    ///
    /// ```json
    /// {"area":"history","command":{"do":"search","query":1,"text":"paper \"jam\"","conversation":null,"limit":20}}
    /// ```
    Search {
        /// Chosen by the asker.
        query: QueryId,
        /// Words; each is matched as a prefix, `"…"` as a phrase.
        text: Private,
        /// Only within this conversation.
        conversation: Option<ConversationId>,
        /// At most this many hits (1 … 200).
        limit: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn every_documented_line_is_a_command() {
        let mut documented = 0;
        let mut lines = include_str!("command.rs").lines().map(str::trim);
        while let Some(line) = lines.next() {
            if line == "/// ```json" {
                let json = lines.next().and_then(|line| line.strip_prefix("/// ")).unwrap();
                let command: Command =
                    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
                let again = serde_json::to_value(&command).unwrap();
                assert_eq!(again, serde_json::from_str::<serde_json::Value>(json).unwrap());
                documented += 1;
            }
        }
        assert_eq!(documented, 17);
    }
}
