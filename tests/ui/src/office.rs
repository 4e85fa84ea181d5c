//! A believable office: Ann Meyer's account at example.test, as an engine would tell of it.

mod desk;
mod policy;
mod sign_in;

pub use desk::{customer_chat, desk, line, offer, workgroup};
pub use policy::{SECRET, policies};
pub use sign_in::{checks, network_down, no_ticket, unknown_service, wrong_certificate};

use crate::stage::NOW;
use flint_runtime::Update;
use flint_runtime::core::model::{
    ConnectionState, ConversationId, ConversationRow, DeliveryState, Direction, MessageRow, OccupantRow,
    PersonRow, RoomRow, RoomState, Show, Subscription,
};
use flint_runtime::core::update::{AccountUpdate, ChatUpdate, PeopleUpdate, RoomUpdate};
use flint_runtime::core::{self as core, BareJid, Capabilities, MessageId, Timestamp, Verdict};

/// One minute in milliseconds.
pub const MINUTE: i64 = 60_000;
/// One day in milliseconds.
pub const DAY: i64 = 24 * 60 * MINUTE;

/// `NOW`, some minutes ago.
pub fn ago(minutes: i64) -> Timestamp {
    NOW.plus(-minutes * MINUTE)
}

/// An address at example.test, or a whole one.
pub fn jid(text: &str) -> BareJid {
    let text = if text.contains('@') { text.to_owned() } else { format!("{text}@example.test") };
    text.parse().expect("fixtures hold good addresses")
}

/// A conversation with somebody.
pub fn with(text: &str) -> ConversationId {
    ConversationId::Person(jid(text))
}

/// A room of conference.example.test.
pub fn room_id(name: &str) -> ConversationId {
    ConversationId::Room(jid(&format!("{name}@conference.example.test")))
}

/// A row of the conversation list.
pub fn conversation(
    id: ConversationId,
    title: &str,
    preview: &str,
    minutes: i64,
    show: Option<Show>,
) -> ConversationRow {
    ConversationRow {
        id,
        title: title.into(),
        preview: preview.into(),
        last_at: Some(ago(minutes)),
        unread: 0,
        pinned: false,
        show,
        typing: false,
        draft: None,
    }
}

/// A message from somebody else.
pub fn said(id: &str, conversation: ConversationId, sender: &str, minutes: i64, body: &str) -> MessageRow {
    MessageRow {
        id: MessageId(id.into()),
        conversation,
        sender_name: sender.into(),
        sender: None,
        at: ago(minutes),
        direction: Direction::Incoming,
        body: body.into(),
        stanza_id: None,
        sort: ago(minutes).0,
    }
}

/// A message of ours.
pub fn wrote(
    id: &str,
    conversation: ConversationId,
    minutes: i64,
    body: &str,
    delivery: DeliveryState,
) -> MessageRow {
    MessageRow {
        direction: Direction::Outgoing { delivery },
        ..said(id, conversation, "Ann Meyer", minutes, body)
    }
}

/// Wraps an update of the engine.
pub fn core(update: impl Into<CoreUpdate>) -> Update {
    Update::Core(update.into().0)
}

/// An update of any area of the engine.
pub struct CoreUpdate(core::Update);

impl From<ChatUpdate> for CoreUpdate {
    fn from(update: ChatUpdate) -> Self {
        Self(core::Update::Chat(update))
    }
}
impl From<AccountUpdate> for CoreUpdate {
    fn from(update: AccountUpdate) -> Self {
        Self(core::Update::Account(update))
    }
}
impl From<PeopleUpdate> for CoreUpdate {
    fn from(update: PeopleUpdate) -> Self {
        Self(core::Update::People(update))
    }
}
impl From<RoomUpdate> for CoreUpdate {
    fn from(update: RoomUpdate) -> Self {
        Self(core::Update::Room(update))
    }
}
impl From<core::update::HistoryUpdate> for CoreUpdate {
    fn from(update: core::update::HistoryUpdate) -> Self {
        Self(core::Update::History(update))
    }
}
impl From<Capabilities> for CoreUpdate {
    fn from(capabilities: Capabilities) -> Self {
        Self(core::Update::Capabilities(capabilities))
    }
}

/// Who Ann is.
pub fn identity() -> Update {
    core(AccountUpdate::Identity { jid: jid("ann"), name: "Ann Meyer".into(), organization: None })
}

/// Ann is signed in by ticket.
pub fn online() -> Update {
    core(AccountUpdate::Connection(ConnectionState::Online {
        jid: "ann@example.test/flint".parse().expect("a full JID"),
        mechanism: "GSSAPI".into(),
        resumed: false,
    }))
}

/// What the organisation allows: no contacts to be added.
pub fn capabilities() -> Capabilities {
    Capabilities {
        add_contact: Verdict::Denied {
            policy: "ContactAddingAllowed".into(),
            managed_by: "example.test".into(),
        },
        organization_name: Some("Example Corp".into()),
        ..Capabilities::default()
    }
}

/// Somebody of the roster.
pub fn person(address: &str, name: &str, groups: &[&str], show: Show, status: &str) -> PersonRow {
    PersonRow {
        jid: jid(address),
        name: name.into(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        subscription: Subscription::Both,
        asked: false,
        show,
        status: status.into(),
    }
}

/// The roster.
pub fn people() -> Vec<PersonRow> {
    vec![
        person("bob", "Bob Stone", &["Legal"], Show::Available, "Legal, Berlin"),
        person("carla", "Carla Brandt", &["Legal"], Show::Away, "back at ten"),
        person(
            "konstantin",
            "Dr. Konstantin Weissenberger-Moser",
            &["Laboratory"],
            Show::DoNotDisturb,
            "In the lab until noon",
        ),
        person("eva", "Eva Lind", &["Board", "Legal"], Show::Chat, ""),
        person("raj", "Raj Patel", &["Facility"], Show::Offline, ""),
        person("tom", "Tom Okafor", &["Board"], Show::ExtendedAway, "On leave until Thursday"),
        person("yusuf", "Yusuf Demir", &["Facility"], Show::Available, "Building B"),
    ]
}

/// The rooms.
pub fn rooms() -> Vec<RoomRow> {
    let occupant = |nick: &str| OccupantRow {
        nick: nick.into(),
        jid: None,
        role: "participant".into(),
        affiliation: "member".into(),
    };
    let room = |name: &str, title: &str, subject: &str, state| RoomRow {
        jid: jid(&format!("{name}@conference.example.test")),
        name: title.into(),
        subject: subject.into(),
        state,
        occupants: Vec::new(),
    };
    vec![
        RoomRow {
            occupants: ["Ann Meyer", "Yusuf Demir"].map(occupant).to_vec(),
            ..room(
                "facility",
                "Facility",
                "Lifts, heating, keys",
                RoomState::Joined { nick: "Ann Meyer".into() },
            )
        },
        RoomRow {
            occupants: ["Ann Meyer", "Bob Stone", "Tom Okafor"].map(occupant).to_vec(),
            ..room("legal", "Legal and contracts", "", RoomState::Joined { nick: "Ann Meyer".into() })
        },
        room("lunch", "Lunch", "", RoomState::NotJoined),
        RoomRow {
            occupants: ["Ann Meyer", "Bob Stone", "Eva Lind", "Raj Patel"].map(occupant).to_vec(),
            ..room(
                "roadmap",
                "roadmap",
                "Release 5.3 on 2 April",
                RoomState::Joined { nick: "Ann Meyer".into() },
            )
        },
        room(
            "works-council",
            "Works council",
            "",
            RoomState::Failed { reason: "Only members may enter this room.".into() },
        ),
    ]
}

/// The conversation list.
pub fn conversations() -> Vec<ConversationRow> {
    let pinned = |row: ConversationRow, unread| ConversationRow { pinned: true, unread, ..row };
    let unread = |row: ConversationRow, unread| ConversationRow { unread, ..row };
    vec![
        pinned(conversation(with("bob"), "Bob Stone", "Lunch at one?", 0, Some(Show::Available)), 0),
        pinned(conversation(room_id("roadmap"), "roadmap", "Eva: the second half of it is mine", 3, None), 3),
        conversation(with("carla"), "Carla Brandt", "Thanks, that was all I needed", 29, Some(Show::Away)),
        unread(
            conversation(
                room_id("legal"),
                "Legal and contracts",
                "Tom: signed copy is in the folder",
                46,
                None,
            ),
            12,
        ),
        conversation(
            with("konstantin"),
            "Dr. Konstantin Weissenberger-Moser",
            "In the lab until noon",
            26 * 60,
            Some(Show::DoNotDisturb),
        ),
        conversation(with("eva"), "Eva Lind", "👍", 27 * 60, Some(Show::Chat)),
        conversation(room_id("facility"), "Facility", "Yusuf: Lift B is back", 4 * 24 * 60, None),
        conversation(
            with("raj"),
            "Raj Patel",
            "You: have a good flight!",
            4 * 24 * 60 + 30,
            Some(Show::Offline),
        ),
    ]
}

/// Ann's talk with Bob.
pub fn talk_with_bob() -> Vec<MessageRow> {
    let bob = || with("bob");
    let evening = 15 * 60 + 49;
    vec![
        said(
            "m1",
            bob(),
            "Bob Stone",
            evening,
            "Can you look at §4 before tomorrow? The notice period is the point.",
        ),
        wrote(
            "m2",
            bob(),
            evening - 6,
            "On it. *Thirty days* is what we agreed with Tom, I will find the mail.",
            DeliveryState::Read,
        ),
        said("m3", bob(), "Bob Stone", 3, "Did you see the draft? It is the one with the new notice period."),
        wrote("m4", bob(), 2, "Reading it now.", DeliveryState::Delivered),
        wrote(
            "m5",
            bob(),
            1,
            "One thing: `termination_notice = 30` is days, not working days.",
            DeliveryState::Delivered,
        ),
        said(
            "m6",
            bob(),
            "Bob Stone",
            0,
            "Good catch. I will change the wording, then https://wiki.example.test/contracts has the final one.",
        ),
        said("m7", bob(), "Bob Stone", 0, "Lunch at one?"),
    ]
}

/// The answer to the opening of a conversation.
pub fn timeline(
    conversation: ConversationId,
    messages: Vec<MessageRow>,
    first_unread: Option<&str>,
) -> Update {
    core(ChatUpdate::TimelineReset {
        conversation,
        messages,
        has_older: false,
        first_unread: first_unread.map(|id| MessageId(id.into())),
        draft: "".into(),
    })
}

/// Everything of a normal start, signed in.
pub fn signed_in() -> Vec<Update> {
    vec![
        identity(),
        core(capabilities()),
        core(AccountUpdate::Presence { show: Show::Available, status: String::new() }),
        core(PeopleUpdate::Reset { people: people() }),
        core(RoomUpdate::Reset { rooms: rooms() }),
        core(ChatUpdate::ListReset { conversations: conversations() }),
        online(),
    ]
}
