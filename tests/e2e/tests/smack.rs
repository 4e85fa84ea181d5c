//! The workgroup service with agents and a customer by Smack, the library in Spark, on a real Prosody.
//!
//! Smack's own classes say what an unchanged client sends and what it understands. Traps of Openfire that show in this
//! library are named by their numbers (docs of `traps.rs` in `fastpath/service/tests`).

use anyhow::{Result, ensure};
use flint_test_e2e::programs;
use flint_test_e2e::realm::Realm;
use flint_test_e2e::smack::{Harness, Peer};
use serde_json::json;

/// Everybody, and what later steps have to know of earlier ones.
struct Desk {
    demo: String,
    ann: Peer,
    mia: Peer,
    klein: Peer,
    session: String,
    room: String,
}

type Step = (&'static str, fn(&mut Desk) -> Result<()>);

const STEPS: [Step; 9] = [
    ("the customer looks around", the_customer_looks_around),
    ("agents come to the desk", agents_come_to_the_desk),
    ("a declined customer goes to the next agent", a_declined_customer_goes_to_the_next_agent),
    ("both come into the room and talk", both_come_into_the_room_and_talk),
    ("the tools answer", the_tools_answer),
    ("a colleague of the queue is called in", a_colleague_of_the_queue_is_called_in),
    ("the chat goes over to a colleague", the_chat_goes_over_to_a_colleague),
    ("the end is the same for everybody, and is kept", the_end_is_the_same_for_everybody_and_is_kept),
    ("an unanswered offer and a customer who leaves", an_unanswered_offer_and_a_customer_who_leaves),
];

#[test]
fn fastpath_between_an_agent_and_a_customer_by_smack() {
    let harness = Harness::prepare(programs().parent().expect("the target folder")).expect("the harness");
    let realm = Realm::start(&programs()).expect("the realm starts");
    let demo = realm.report["workgroups"][0].as_str().expect("a workgroup").to_owned();
    let peer = |part, user| harness.peer(&realm, part, user, &demo).expect("a peer signs in");
    let mut desk = Desk {
        ann: peer("agent", "ann"),
        mia: peer("agent", "mia"),
        klein: peer("customer", realm.text("customer")),
        demo,
        session: String::new(),
        room: String::new(),
    };
    for (name, step) in STEPS {
        if let Err(error) = step(&mut desk) {
            panic!("{name}: {error:#}");
        }
    }
    drop(desk);
    realm.stop();
}

fn is(event: &serde_json::Value, key: &str, value: &str) -> bool {
    event[key] == json!(value)
}

fn the_customer_looks_around(desk: &mut Desk) -> Result<()> {
    let klein = &mut desk.klein;
    ensure!(klein.value("available", "available", "value")? == "false", "nobody is there");
    ensure!(klein.value("properties", "properties", "authRequired")? == "false");
    let fields = klein.value("form", "form", "fields")?;
    ensure!(fields.contains("username") && fields.contains("question"), "{fields}");
    ensure!(klein.value("email", "email", "value")? == "false", "no mail is sent");
    for (command, condition) in [("offline", "item-not-found"), ("sound", "item-not-found")] {
        let answer = klein.answer(command)?;
        ensure!(answer == condition, "{command}: {answer}");
    }
    let answer = klein.answer("join Is anybody there?")?;
    ensure!(answer == "service-unavailable", "{answer}");
    Ok(())
}

fn agents_come_to_the_desk(desk: &mut Desk) -> Result<()> {
    let Desk { ann, mia, klein, demo, .. } = desk;
    let list = ann.value("workgroups", "workgroups", "list")?;
    ensure!(list == *demo, "{list}");
    // Smack waits here for a presence of the workgroup itself.
    ann.ask("online")?;
    ann.event("queue-status", |it| is(it, "status", "open"))?;
    mia.ask("online")?;
    let agents = ann.value("roster", "roster", "agents")?;
    ensure!(agents.contains("mia@workgroup."), "{agents}");
    ann.event("colleague-presence", |it| is(it, "type", "available"))?;
    let name = ann.value("agent-name", "agent-name", "name")?;
    ensure!(!name.is_empty() && name != "null", "{name}");
    ann.ask("status chat 3")?;
    ensure!(klein.value("available", "available", "value")? == "true", "agents are there");
    Ok(())
}

fn a_declined_customer_goes_to_the_next_agent(desk: &mut Desk) -> Result<()> {
    let Desk { ann, mia, klein, .. } = desk;
    klein.ask("join The invoice of March is wrong.")?;
    klein.event("position", |it| is(it, "position", "1"))?;
    let offer = ann.event("offer", |_| true)?;
    ensure!(is(&offer, "kind", "customer"), "{offer}");
    ensure!(offer["question"].as_str().is_some_and(|text| text.contains("The invoice of March")), "{offer}");
    desk.session = offer["session"].as_str().unwrap_or_default().to_owned();
    ann.ask(&format!("reject {}", desk.session))?;
    mia.event("offer", |it| is(it, "session", &desk.session))?;
    Ok(())
}

fn both_come_into_the_room_and_talk(desk: &mut Desk) -> Result<()> {
    let Desk { mia, klein, session, .. } = desk;
    mia.ask(&format!("accept {session}"))?;
    let invitation = mia.event("invited", |_| true)?;
    // Prosody puts a sentence of its own around the reason; Spark reads the reason itself.
    ensure!(is(&invitation, "session", session), "{invitation}");
    let room = invitation["room"].as_str().unwrap_or_default().to_owned();
    ensure!(room.starts_with(session.as_str()), "{invitation}");
    let called = klein.event("invited", |_| true)?;
    ensure!(is(&called, "room", &room), "{called}");
    for person in [&mut *mia, &mut *klein] {
        person.ask(&format!("enter {room}"))?;
    }
    mia.ask("say Good morning, how can I help?")?;
    klein.event("said", |it| is(it, "body", "Good morning, how can I help?"))?;
    klein.ask("say The number is 4711.")?;
    mia.event("said", |it| is(it, "body", "The number is 4711."))?;
    desk.room = room;
    Ok(())
}

fn the_tools_answer(desk: &mut Desk) -> Result<()> {
    let Desk { mia, session, .. } = desk;
    let people = mia.value(&format!("occupants {session}"), "occupants", "jids")?;
    ensure!(people.contains("mia@") && people.split(' ').count() >= 2, "{people}");
    let keys = mia.value(&format!("metadata {session}"), "metadata", "keys")?;
    ensure!(keys.contains("question"), "{keys}");
    mia.ask(&format!("note {session} Asked <twice> & waits"))?;
    let note = mia.value(&format!("read-note {session}"), "note", "text")?;
    ensure!(note == "Asked <twice> & waits", "{note}");
    ensure!(mia.value("monitor", "monitor", "value")? == "false");
    for command in ["macros global", "macros", "search-settings", "generic"] {
        mia.ask(command)?;
    }
    let form = mia.value("search-form", "search-form", "fields")?;
    ensure!(form.contains("queryString"), "{form}");
    Ok(())
}

fn a_colleague_of_the_queue_is_called_in(desk: &mut Desk) -> Result<()> {
    let Desk { ann, mia, demo, session, room, .. } = desk;
    // What Openfire answers with a result and then an endless loop (trap 5).
    let answer = mia.answer(&format!("invite queue {demo}/Default%20Queue made-up Please help"))?;
    ensure!(answer == "item-not-found", "{answer}");
    let answer = mia.answer(&format!("invite queue {demo}/Nowhere {session} Please help"))?;
    ensure!(answer == "item-not-found", "{answer}");
    mia.ask(&format!("invite queue {demo}/Default%20Queue {session} Please help"))?;
    let offer = ann.event("offer", |it| is(it, "kind", "invite"))?;
    ensure!(is(&offer, "room", room) && is(&offer, "reason", "Please help"), "{offer}");
    // Smack accepts by the chat's id, and comes without an invitation.
    ann.ask(&format!("accept {session}"))?;
    ann.ask(&format!("enter {room}"))?;
    mia.event("occupant", |it| it["from"].as_str().is_some_and(|from| from.ends_with("/ann")))?;
    ann.ask("leave")?;
    Ok(())
}

fn the_chat_goes_over_to_a_colleague(desk: &mut Desk) -> Result<()> {
    let Desk { ann, mia, klein, demo, session, room } = desk;
    mia.ask(&format!("transfer workgroup {demo} {session} Knows invoices"))?;
    let offer = ann.event("offer", |it| is(it, "kind", "transfer"))?;
    ensure!(is(&offer, "room", room), "{offer}");
    ann.ask(&format!("accept {session}"))?;
    ann.ask(&format!("enter {room}"))?;
    mia.event("occupant", |it| is(it, "kicked", "true"))?;
    ann.ask("say I have your invoice here.")?;
    klein.event("said", |it| is(it, "body", "I have your invoice here."))?;

    // And to a person, by the address under which she is a colleague.
    let colleague = format!("mia@{}", demo.split('@').nth(1).unwrap_or_default());
    ann.ask(&format!("transfer user {colleague} {session} Back to you"))?;
    mia.event("invited", |it| is(it, "room", room))?;
    mia.ask(&format!("enter {room}"))?;
    ann.event("occupant", |it| is(it, "kicked", "true"))?;
    Ok(())
}

fn the_end_is_the_same_for_everybody_and_is_kept(desk: &mut Desk) -> Result<()> {
    let Desk { mia, klein, session, .. } = desk;
    mia.ask("leave")?;
    // The room goes, and with it the customer.
    let gone = |it: &serde_json::Value| it["from"].as_str().is_some_and(|from| from.ends_with("/klein"));
    klein.event("occupant", |it| is(it, "type", "unavailable") && gone(it))?;
    let stanzas = mia.value(&format!("transcript {session}"), "transcript", "stanzas")?;
    ensure!(stanzas.contains("Message") || stanzas.contains("<message"), "{stanzas}");
    let history = mia.value("history", "history", "sessions")?;
    ensure!(history.contains(session.as_str()), "{history}");
    let found = mia.value("search 4711", "search", "sessions")?;
    ensure!(found == *session, "{found}");
    Ok(())
}

fn an_unanswered_offer_and_a_customer_who_leaves(desk: &mut Desk) -> Result<()> {
    let Desk { ann, mia, klein, .. } = desk;
    mia.ask("offline")?;
    klein.ask("join Once more")?;
    let offer = ann.event("offer", |it| is(it, "kind", "customer"))?;
    let session = offer["session"].as_str().unwrap_or_default().to_owned();
    ann.event("revoked", |it| is(it, "session", &session))?;
    ann.event("offer", |it| is(it, "session", &session))?;
    klein.ask("depart")?;
    klein.event("departed", |_| true)?;
    ann.event("revoked", |it| is(it, "session", &session))?;
    Ok(())
}
