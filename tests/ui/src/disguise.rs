//! The same office with other words: long German compounds, or Arabic read from right to left.

use flint_runtime::Update;
use flint_runtime::agent::AgentUpdate;
use flint_runtime::core::Update as Core;
use flint_runtime::core::model::{ConnectionState, ConversationRow, MessageRow, PersonRow, RoomRow};
use flint_runtime::core::secret::Private;
use flint_runtime::core::update::{AccountUpdate, ChatUpdate, PeopleUpdate, RoomUpdate};

/// What becomes of a text.
pub type Words = fn(&str) -> String;

const COMPOUNDS: [&str; 5] = [
    "Rechtsschutzversicherungsgesellschaften",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "Kraftfahrzeughaftpflichtversicherung",
    "Betäubungsmittelverschreibungsverordnung",
    "Grundstücksverkehrsgenehmigungszuständigkeitsübertragungsverordnung",
];

/// Adds a compound that no line can break.
pub fn german(text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!("{text}-{}", COMPOUNDS[text.len() % COMPOUNDS.len()]),
    }
}

/// Begins a text in Arabic, so that it reads from right to left.
pub fn arabic(text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!("مرحبا، {text}"),
    }
}

/// An update that says the same in other words.
pub fn disguised(update: Update, words: Words) -> Update {
    match update {
        Update::Core(update) => Update::Core(core(update, words)),
        Update::Agent(update) => Update::Agent(agent(update, words)),
        other => other,
    }
}

fn core(update: Core, words: Words) -> Core {
    match update {
        Core::Account(update) => Core::Account(account(update, words)),
        Core::People(PeopleUpdate::Reset { people }) => Core::People(PeopleUpdate::Reset {
            people: people.into_iter().map(|row| person(row, words)).collect(),
        }),
        Core::Room(RoomUpdate::Reset { rooms }) => {
            Core::Room(RoomUpdate::Reset { rooms: rooms.into_iter().map(|row| room(row, words)).collect() })
        }
        Core::Chat(update) => Core::Chat(chat(update, words)),
        Core::Capabilities(mut capabilities) => {
            capabilities.organization_name = capabilities.organization_name.as_deref().map(words);
            if let Some(notice) = &mut capabilities.notice {
                notice.text = words(&notice.text);
            }
            Core::Capabilities(capabilities)
        }
        Core::Policy(mut report) => {
            for row in &mut report.rows {
                row.value = words(&row.value);
                row.source = words(&row.source);
            }
            Core::Policy(report)
        }
        other => other,
    }
}

fn account(update: AccountUpdate, words: Words) -> AccountUpdate {
    match update {
        AccountUpdate::Identity { jid, name, organization } => {
            AccountUpdate::Identity { jid, name: words(&name), organization }
        }
        AccountUpdate::Presence { show, status } => AccountUpdate::Presence { show, status: words(&status) },
        AccountUpdate::Connection(ConnectionState::Refused { kind, reason, next_step }) => {
            AccountUpdate::Connection(ConnectionState::Refused {
                kind,
                reason: words(&reason),
                next_step: words(&next_step),
            })
        }
        AccountUpdate::Connection(ConnectionState::Waiting { reason, retry_at }) => {
            AccountUpdate::Connection(ConnectionState::Waiting { reason: words(&reason), retry_at })
        }
        other => other,
    }
}

fn person(row: PersonRow, words: Words) -> PersonRow {
    PersonRow {
        name: words(&row.name),
        status: words(&row.status),
        groups: row.groups.iter().map(|group| words(group)).collect(),
        ..row
    }
}

fn room(row: RoomRow, words: Words) -> RoomRow {
    RoomRow { name: words(&row.name), subject: words(&row.subject), ..row }
}

fn chat(update: ChatUpdate, words: Words) -> ChatUpdate {
    let conversation = |row: ConversationRow| ConversationRow {
        title: words(&row.title),
        preview: words(&row.preview.0).into(),
        ..row
    };
    let message = |row: MessageRow| MessageRow {
        sender_name: words(&row.sender_name),
        body: words(&row.body.0).into(),
        ..row
    };
    match update {
        ChatUpdate::ListReset { conversations } => {
            ChatUpdate::ListReset { conversations: conversations.into_iter().map(conversation).collect() }
        }
        ChatUpdate::TimelineReset { conversation, messages, has_older, first_unread, draft } => {
            let messages = messages.into_iter().map(message).collect();
            ChatUpdate::TimelineReset { conversation, messages, has_older, first_unread, draft }
        }
        ChatUpdate::Typing { conversation, names } => {
            ChatUpdate::Typing { conversation, names: names.iter().map(|name| words(name)).collect() }
        }
        other => other,
    }
}

fn agent(update: AgentUpdate, words: Words) -> AgentUpdate {
    let change = |answers: &mut Vec<(String, Private)>| {
        for (question, answer) in answers {
            (*question, *answer) = (words(question), words(&answer.0).into());
        }
    };
    match update {
        AgentUpdate::Workgroups { mut workgroups } => {
            for workgroup in &mut workgroups {
                workgroup.name = words(&workgroup.name);
                workgroup.queues.iter_mut().for_each(|queue| queue.name = words(&queue.name));
                workgroup.agents.iter_mut().for_each(|agent| agent.name = words(&agent.name));
            }
            AgentUpdate::Workgroups { workgroups }
        }
        AgentUpdate::Offer { mut offer } => {
            offer.customer_name = words(&offer.customer_name);
            offer.question = words(&offer.question.0).into();
            change(&mut offer.answers);
            AgentUpdate::Offer { offer }
        }
        AgentUpdate::Chat { mut chat } => {
            chat.customer_name = words(&chat.customer_name);
            chat.question = words(&chat.question.0).into();
            change(&mut chat.answers);
            AgentUpdate::Chat { chat }
        }
        AgentUpdate::ChatLine { session, mut line } => {
            line.sender = words(&line.sender);
            line.body = words(&line.body.0).into();
            AgentUpdate::ChatLine { session, line }
        }
        other => other,
    }
}
