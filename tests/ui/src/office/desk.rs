//! Ann's support desk.

use super::{ago, jid};
use crate::stage::NOW;
use flint_runtime::Update;
use flint_runtime::agent::AgentUpdate;
use flint_runtime::agent::update::{AgentRow, ChatLine, CustomerChatRow, OfferRow, QueueRow, WorkgroupRow};
use flint_runtime::core::model::Show;

/// Ann's workgroup.
pub fn workgroup() -> WorkgroupRow {
    let queue = |name: &str, waiting, seconds: i64| QueueRow {
        name: name.into(),
        waiting,
        oldest: (waiting > 0).then(|| NOW.plus(-seconds * 1000)),
        average_wait_s: None,
        customers: Vec::new(),
    };
    let agent = |name: &str, show, chats| AgentRow {
        jid: jid(&name.to_lowercase().replace(' ', ".")),
        name: name.into(),
        show,
        chats,
        max_chats: 3,
    };
    WorkgroupRow {
        jid: jid("demo@workgroup.example.test"),
        name: "Demo Support".into(),
        joined: true,
        show: Show::Available,
        max_chats: 3,
        current_chats: 2,
        queues: vec![queue("Billing", 5, 200), queue("Sales", 0, 0), queue("Returns", 1, 12)],
        agents: vec![
            agent("Bob Stone", Show::Available, 2),
            agent("Eva Lind", Show::Available, 3),
            agent("Raj Patel", Show::Away, 0),
        ],
    }
}

/// An offer with this id.
pub fn offer(id: &str) -> OfferRow {
    OfferRow {
        id: id.into(),
        session: format!("session-{id}"),
        workgroup: workgroup().jid,
        customer_name: "Ms Klein".into(),
        question: "The invoice of March is wrong: it bills two seats that we gave back in January.".into(),
        answers: vec![
            ("Order".into(), "4711".into()),
            ("Mail".into(), "ms.klein@customer.example".into()),
            ("City".into(), "Vienna".into()),
        ],
        waiting_since: Some(NOW.plus(-42_000)),
        received_at: NOW.plus(-12_000),
        expires_at: NOW.plus(18_000),
        accepting: false,
    }
}

/// A chat with a customer.
pub fn customer_chat(session: &str, name: &str, seconds: i64) -> CustomerChatRow {
    CustomerChatRow {
        session: session.into(),
        workgroup: workgroup().jid,
        room: jid(&format!("{session}@conference.example.test")),
        customer_name: name.into(),
        question: "Second user cannot sign in".into(),
        answers: vec![
            ("Product".into(), "Warehouse 5.2".into()),
            ("Page".into(), "help.example.test/login".into()),
        ],
        started_at: NOW.plus(-seconds * 1000),
        ended_at: None,
        customer_present: true,
        customer_typing: false,
    }
}

/// A line of such a chat.
pub fn line(sender: &str, own: bool, minutes: i64, body: &str) -> ChatLine {
    ChatLine {
        id: format!("{sender}-{minutes}"),
        sender: sender.into(),
        own,
        at: ago(minutes),
        body: body.into(),
    }
}

/// The desk in use.
pub fn desk() -> Vec<Update> {
    let says = |session: &str, line| AgentUpdate::ChatLine { session: session.into(), line };
    let typing = CustomerChatRow { customer_typing: true, ..customer_chat("s-ott", "Mr Ott", 362) };
    [
        AgentUpdate::Workgroups { workgroups: vec![workgroup()] },
        AgentUpdate::Chat { chat: customer_chat("s-sand", "Ms Sand", 75) },
        says("s-sand", line("Ms Sand", false, 1, "Is anybody there?")),
        AgentUpdate::Chat { chat: typing },
        says("s-ott", line("Mr Ott", false, 5, "Hello, the second user cannot sign in since this morning.")),
        says("s-ott", line("Ann Meyer", true, 4, "Good morning, Mr Ott. Is that the account lager2?")),
        says("s-ott", line("Mr Ott", false, 2, "Yes. It says the licence is used up.")),
        AgentUpdate::Offer { offer: offer("o1") },
    ]
    .map(Update::Agent)
    .to_vec()
}
