//! Updates for people. Whatever somebody else wrote is cleaned of control characters: a terminal obeys them.

use chrono::{DateTime, Local};
use flint_runtime::Update;
use flint_runtime::core::model::{
    ConnectionState, ConversationId, DeliveryState, Direction, MessageRow, RoomState,
};
use flint_runtime::core::update::{AccountUpdate, ChatUpdate, HistoryUpdate, PeopleUpdate, RoomUpdate};
use flint_runtime::core::{self, Timestamp};

/// Without control characters, and without those that end a line or turn the direction of what follows: they could make
/// one person's words look like another's.
pub(crate) fn clean(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{200e}' | '\u{200f}')
    };
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

/// What waits for the next start.
pub(crate) fn unsent(messages: usize) -> String {
    match messages {
        1 => "1 message was not sent. It is kept and sent at the next start.".to_owned(),
        _ => format!("{messages} messages were not sent. They are kept and sent at the next start."),
    }
}

/// Local date and time.
pub(crate) fn moment(at: Timestamp) -> String {
    DateTime::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .with_timezone(&Local)
        .format("%Y-%m-%d %H:%M")
        .to_string()
}

/// One line for an update; `None` for what a person at a terminal need not see.
pub(crate) fn update(update: &Update) -> Option<String> {
    let text = match update {
        Update::Core(update) => core_update(update)?,
        Update::Agent(update) => agent_update(update)?,
        Update::Fatal(sentence) => format!("! {sentence}"),
        Update::Unsent(messages) => format!("! {}", unsent(*messages)),
        Update::Doctor(report) if report.finished => report.to_text(),
        Update::Doctor(_) => return None,
        Update::Ended => "Signed out.".to_owned(),
    };
    Some(clean(&text))
}

fn core_update(update: &core::Update) -> Option<String> {
    Some(match update {
        core::Update::Account(AccountUpdate::Connection(state)) => connection(state),
        core::Update::People(PeopleUpdate::SubscriptionRequested { jid }) => {
            format!("{jid} asks to see when you are online")
        }
        core::Update::Chat(ChatUpdate::Arrived { message: row, title }) => message(row, title),
        core::Update::Chat(ChatUpdate::TimelineChanged { message: row }) => match &row.direction {
            Direction::Outgoing { delivery: DeliveryState::Failed { reason } } => {
                format!("! Not sent to {}: {reason}", row.conversation.jid())
            }
            _ => return None,
        },
        core::Update::Chat(ChatUpdate::DeliveryChanged {
            conversation,
            delivery: DeliveryState::Failed { reason },
            ..
        }) => format!("! Not sent to {}: {reason}", conversation.jid()),
        core::Update::Room(RoomUpdate::Changed { room }) => match &room.state {
            RoomState::Joined { nick } => {
                format!("In {} as {nick}, {} there", room.name, room.occupants.len())
            }
            RoomState::Failed { reason } => format!("! {}: {reason}", room.name),
            _ => return None,
        },
        core::Update::Room(RoomUpdate::Invited { room, by, reason }) => {
            let by = by.as_ref().map_or_else(|| "somebody".to_owned(), ToString::to_string);
            format!("{by} invites you to {room} {reason}")
        }
        core::Update::History(HistoryUpdate::Results { hits, .. }) => crate::show::hits(hits),
        core::Update::Policy(report) => match &report.server.problem {
            Some(problem) => format!("! Policy: {problem}"),
            None if report.server.version == 0 => return None,
            None => format!("Policy version {} is in force", report.server.version),
        },
        core::Update::Rejected(rejection) => format!("! {}: {}", rejection.what, rejection.reason),
        _ => return None,
    })
}

fn connection(state: &ConnectionState) -> String {
    match state {
        ConnectionState::Offline => "Offline".to_owned(),
        ConnectionState::Connecting => "Connecting …".to_owned(),
        ConnectionState::Online { jid, mechanism, resumed } => {
            let how = if *resumed { "Back online" } else { "Online" };
            format!("{how} as {jid} ({mechanism})")
        }
        ConnectionState::Waiting { reason, retry_at } => {
            format!("! {reason} Next try: {}", moment(*retry_at))
        }
        ConnectionState::Refused { reason, next_step, .. } => format!("! {reason} {next_step}"),
    }
}

fn message(row: &MessageRow, title: &str) -> String {
    let place = match &row.conversation {
        ConversationId::Person(jid) => jid.to_string(),
        ConversationId::Room(_) => format!("{title} / {}", row.sender_name),
    };
    format!("[{}] {place}: {}", moment(row.at), row.body.0)
}

fn agent_update(update: &flint_runtime::agent::AgentUpdate) -> Option<String> {
    use flint_runtime::agent::AgentUpdate;
    Some(match update {
        AgentUpdate::Offer { offer } => {
            format!("Offer {}: {} asks: {}", offer.id, offer.customer_name, offer.question.0)
        }
        AgentUpdate::OfferClosed { offer, reason } => format!("Offer {offer} is gone: {reason:?}"),
        AgentUpdate::Chat { chat } => match chat.ended_at {
            Some(_) => format!("Chat {} with {} has ended", chat.session, chat.customer_name),
            None => format!("Chat {} with {}", chat.session, chat.customer_name),
        },
        AgentUpdate::ChatLine { line, .. } => {
            format!("[{}] {}: {}", moment(line.at), line.sender, line.body.0)
        }
        AgentUpdate::Rejected { what, reason } => format!("! {what}: {reason}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_writes_to_the_terminal_but_us() {
        assert_eq!(clean("a\u{1b}[2Jb\u{7}\r\nc"), "a [2Jb   c");
        assert_eq!(
            clean("a\u{202e}b\u{2066}c\u{2069}\u{2028}d é עברית 👨\u{200d}👩"),
            "a b c  d é עברית 👨\u{200d}👩"
        );
        let update_of = update(&Update::Fatal("x\u{1b}]0;owned\u{7}".to_owned()));
        assert_eq!(update_of.as_deref(), Some("! x ]0;owned "));
    }
}
