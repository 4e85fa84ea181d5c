//! The lists on the left, the search above them, the tabs.

use super::{chat, in_view, scroller, started, with_bob};
use adw::prelude::*;
use anyhow::{Result, ensure};
use flint_runtime::Command;
use flint_runtime::core::command::{ChatCommand, HistoryCommand, PeopleCommand, RoomCommand};
use flint_runtime::core::model::ConversationRow;
use flint_runtime::core::update::{ChatUpdate, HistoryUpdate, PeopleUpdate, RoomUpdate};
use flint_runtime::core::{Capabilities, Command as Core};
use flint_test_ui::office::{self, core};
use flint_test_ui::tree;

pub(super) fn updates_fill_the_list(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let texts = tree::texts(&stage.window);
    for text in [
        "Ann Meyer",
        "PINNED",
        "RECENT",
        "Bob Stone",
        "roadmap",
        "3",
        "12",
        "9:41",
        "Mon",
        "You: have a good flight!",
    ] {
        ensure!(texts.iter().any(|label| label == text), "{text:?} is missing in {texts:?}");
    }
    ensure!(!tree::reads(&stage.window, "Desk"), "no desk without a workgroup");
    let carla = ConversationRow {
        unread: 1,
        ..office::conversation(office::with("carla"), "Carla Brandt", "One more thing", -1, None)
    };
    stage.tell([core(ChatUpdate::ListChanged { conversation: carla })]);
    // The first label of a row may be the initials of its picture.
    let title = |row: &gtk::ListBoxRow| tree::texts(row).into_iter().find(|text| text.chars().count() > 2);
    let rows: Vec<String> = tree::all::<gtk::ListBoxRow>(&stage.window).iter().filter_map(title).collect();
    ensure!(rows[..4] == ["Bob Stone", "roadmap", "Carla Brandt", "Legal and contracts"], "{rows:?}");
    ensure!(tree::reads(&stage.window, "One more thing"));
    Ok(())
}

pub(super) fn policy_locks(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    tree::toggle(&stage.window, "People").set_active(true);
    stage.settle();
    let button = tree::button(&stage.window, "Add contact");
    ensure!(!button.is_sensitive());
    ensure!(button.tooltip_text().as_deref() == Some("Managed by example.test: ContactAddingAllowed"));
    stage.tell([core(Capabilities::default())]);
    ensure!(button.is_sensitive());
    stage.tell([core(office::capabilities())]);
    ensure!(!button.is_sensitive());
    Ok(())
}

pub(super) fn search_finds(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let entry = tree::all::<gtk::SearchEntry>(&stage.window).remove(0);
    entry.set_text("roadm");
    let mut query = None;
    stage.until("the search", || tree::reads(&stage.window, "ROOMS"))?;
    for command in stage.commands() {
        if let Command::Core(Core::History(HistoryCommand::Search { query: id, text, .. })) = command {
            query = Some((id, text.0));
        }
    }
    let (query, text) = query.expect("the store is asked");
    ensure!(text == "roadm");
    let message = office::said("h", office::with("eva"), "Eva Lind", 5, "the roadmap is done");
    let hit =
        flint_runtime::core::model::SearchHit { message, snippet: "the \u{2}roadm\u{3}ap is done".into() };
    stage.tell([core(HistoryUpdate::Results { query, hits: vec![hit] })]);
    for text in ["ROOMS", "MESSAGES", "the roadmap is done"] {
        ensure!(tree::reads(&stage.window, text), "{text:?} is missing in {:?}", tree::texts(&stage.window));
    }
    entry.emit_activate();
    ensure!(stage.commands().contains(&chat(ChatCommand::Open { conversation: office::room_id("roadmap") })));
    ensure!(entry.text().is_empty());
    entry.set_text("bob stone");
    entry.emit_activate();
    ensure!(
        stage.commands().contains(&chat(ChatCommand::Open { conversation: office::with("bob") })),
        "enter does not wait"
    );
    Ok(())
}

pub(super) fn search_hit_is_shown(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let bob = || office::with("bob");
    let talk = |range: std::ops::Range<i64>| {
        let said = |index: i64| {
            office::said(
                &format!("t{index}"),
                bob(),
                "Bob Stone",
                9_000 - 10 * index,
                &format!("line {index}"),
            )
        };
        range.map(said).collect::<Vec<_>>()
    };
    let entry = tree::all::<gtk::SearchEntry>(&stage.window).remove(0);
    let search = |key: i64| -> Result<()> {
        entry.set_text(&format!("line {key}"));
        let query = std::cell::Cell::new(None);
        stage.until("the search", || {
            let asked = |command: &Command| match command {
                Command::Core(Core::History(HistoryCommand::Search { query, .. })) => Some(*query),
                _ => None,
            };
            query.set(stage.commands().iter().find_map(asked).or(query.get()));
            query.get().is_some()
        })?;
        let query = query.get().expect("it was asked for");
        let message = talk(key..key + 1).remove(0);
        let hit = flint_runtime::core::model::SearchHit { snippet: message.body.clone(), message };
        stage.tell([core(HistoryUpdate::Results { query, hits: vec![hit] })]);
        tree::click_row(&tree::row(&stage.window, &format!("line {key}")));
        Ok(())
    };
    let older = chat(ChatCommand::LoadOlder { conversation: bob() });
    let prepend = |range, has_older| {
        core(ChatUpdate::TimelinePrepended { conversation: bob(), messages: talk(range), has_older })
    };
    search(120)?;
    ensure!(stage.commands().contains(&chat(ChatCommand::Open { conversation: bob() })));
    stage.tell([core(ChatUpdate::TimelineReset {
        conversation: bob(),
        messages: talk(200..250),
        has_older: true,
        first_unread: None,
        draft: "".into(),
    })]);
    ensure!(stage.commands().contains(&older), "older ones are asked for");
    stage.tell([prepend(150..200, true)]);
    ensure!(stage.commands().contains(&older), "and still older ones");
    stage.tell([prepend(100..150, true)]);
    stage.until("the message", || in_view(&stage, "line 120"))?;
    let lit = |text: &str| tree::row(&scroller(&stage, text), text).has_css_class("found");
    ensure!(lit("line 120") && !lit("line 121"));
    let _ = stage.commands();
    search(240)?;
    stage.until("a later one, without asking", || in_view(&stage, "line 240"))?;
    search(7)?;
    ensure!(stage.commands().contains(&older));
    stage.tell([prepend(50..100, false)]);
    ensure!(tree::mentions(&stage.window, "too far back"), "{:?}", tree::texts(&stage.window));
    Ok(())
}

pub(super) fn tabs_by_keyboard(application: &adw::Application) -> Result<()> {
    let stage = with_bob(application);
    tree::click_row(&tree::row(&stage.window, "Carla Brandt"));
    let act = |action: &str| gtk::prelude::WidgetExt::activate_action(&stage.window, action, None);
    let hints = || tree::texts(&stage.window).into_iter().find(|text| text.starts_with("Write to "));
    for (action, shown) in [
        ("win.next-tab", "Bob Stone"),
        ("win.previous-tab", "Carla Brandt"),
        ("win.tab-1", "Bob Stone"),
        ("win.tab-9", "Carla Brandt"),
        ("win.tab-7", "Carla Brandt"),
    ] {
        act(action)?;
        stage.settle();
        ensure!(hints() == Some(format!("Write to {shown}")), "{action}: {:?}", hints());
    }
    let _ = stage.commands();
    act("win.close-tab")?;
    ensure!(stage.commands().contains(&chat(ChatCommand::Close { conversation: office::with("carla") })));
    act("win.reopen-tab")?;
    ensure!(stage.commands().contains(&chat(ChatCommand::Open { conversation: office::with("carla") })));
    for (action, key) in [
        ("win.close-tab", "<Control>w"),
        ("win.search", "<Control>k"),
        ("win.next-tab", "<Control>Tab"),
        ("win.tab-3", "<Alt>3"),
        ("win.accept-offer", "<Control>Return"),
    ] {
        ensure!(
            application.accels_for_action(action).iter().any(|set| set == key),
            "{action}: {:?}",
            application.accels_for_action(action)
        );
    }
    Ok(())
}

pub(super) fn rooms(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    tree::toggle(&stage.window, "Rooms").set_active(true);
    stage.settle();
    let _ = stage.commands();
    let room = |name: &str| office::room_id(name).jid().clone();
    tree::button(&tree::row(&stage.window, "Lunch"), "Join").emit_clicked();
    tree::button(&tree::row(&stage.window, "roadmap"), "Leave").emit_clicked();
    let join = RoomCommand::Join { room: room("lunch"), nick: None, password: None };
    let expected = [join, RoomCommand::Leave { room: room("roadmap") }]
        .map(|command| Command::Core(Core::Room(command)));
    ensure!(stage.commands() == expected);
    let lunch = |state| {
        let row = office::rooms().into_iter().find(|row| row.jid == room("lunch")).expect("the lunch room");
        core(RoomUpdate::Changed { room: flint_runtime::core::model::RoomRow { state, ..row } })
    };
    stage.tell([lunch(flint_runtime::core::model::RoomState::Joining)]);
    ensure!(!tree::reads(&stage.window, "Write to Lunch"), "not joined yet");
    stage.tell([lunch(flint_runtime::core::model::RoomState::Joined { nick: "ann".into() })]);
    ensure!(tree::reads(&stage.window, "Write to Lunch"), "a joined room is opened");
    let entry = tree::all::<gtk::Entry>(&stage.window)
        .into_iter()
        .find(|entry| entry.placeholder_text().as_deref() == Some("Room address"));
    let entry = entry.expect("the address entry");
    let _ = stage.commands();
    entry.set_text("not a room!!");
    entry.emit_activate();
    ensure!(
        stage.commands().is_empty() && tree::mentions(&stage.window, "“not a room!!” is no room's address")
    );
    entry.set_text("not a room");
    stage.settle();
    ensure!(!tree::mentions(&stage.window, "is no room's address"), "gone as soon as one goes on writing");
    tree::click_row(&tree::row(&stage.window, "Works council"));
    stage.settle();
    ensure!(tree::has_button(&stage.window, "Join room"));
    ensure!(!tree::composer(&stage.window).is_sensitive(), "nobody writes into a room from outside");
    Ok(())
}

pub(super) fn presence_requests(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let asks = |who: &str| core(PeopleUpdate::SubscriptionRequested { jid: office::jid(who) });
    stage.tell([asks("stranger"), asks("bob"), asks("stranger")]);
    let _ = stage.commands();
    for (who, word, allow) in [("stranger", "Deny", false), ("bob", "Allow", true)] {
        ensure!(tree::mentions(&stage.window, &format!("{who}@example.test")), "{who} is not shown");
        tree::button(&stage.window, word).emit_clicked();
        let answer = PeopleCommand::AnswerSubscription { jid: office::jid(who), allow };
        ensure!(stage.commands() == [Command::Core(Core::People(answer))]);
    }
    ensure!(!tree::has_button(&stage.window, "Allow"), "nobody is asked about twice");
    let room = office::room_id("lunch").jid().clone();
    stage.tell([core(RoomUpdate::Invited { room: room.clone(), by: None, reason: String::new() })]);
    tree::button(&stage.window, "Join").emit_clicked();
    let join = RoomCommand::Join { room, nick: None, password: None };
    ensure!(stage.commands().contains(&Command::Core(Core::Room(join))));
    Ok(())
}

pub(super) fn many_people(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let people = (0..50_000).map(|index| {
        let group = format!("Department {:02}", index % 40);
        office::person(
            &format!("user{index}"),
            &format!("Person {index:05}"),
            &[&group],
            flint_runtime::core::model::Show::Away,
            "",
        )
    });
    stage.tell([core(PeopleUpdate::Reset { people: people.collect() })]);
    tree::toggle(&stage.window, "People").set_active(true);
    stage.settle();
    ensure!(tree::reads(&stage.window, "1250 / 1250"));
    let rows = tree::on_screen(&stage.window).len();
    ensure!(rows < 5_000, "{rows} widgets: rows are made for what is visible only");
    tree::all::<gtk::SearchEntry>(&stage.window)[0].set_text("person 49999");
    stage.until("the filter", || {
        tree::reads(&stage.window, "Person 49999") && !tree::reads(&stage.window, "Department 00")
    })?;
    Ok(())
}
