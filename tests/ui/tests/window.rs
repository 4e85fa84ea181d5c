//! The window over a played client: what updates make of it, which commands it sends.
//!
//! Needs a display; `cargo xtask test ui` brings one.

use adw::prelude::*;
use anyhow::{Result, ensure};
use flint_runtime::agent::update::{OfferEnd, WorkgroupRow};
use flint_runtime::agent::{AgentCommand, AgentUpdate};
use flint_runtime::core::command::{AccountCommand, ChatCommand, HistoryCommand, PeopleCommand, RoomCommand};
use flint_runtime::core::model::{ConnectionState, ConversationRow, DeliveryState};
use flint_runtime::core::update::{AccountUpdate, ChatUpdate, HistoryUpdate, PeopleUpdate, RoomUpdate};
use flint_runtime::core::{Capabilities, Command as Core, MessageId};
use flint_runtime::{Command, PolicyCommand, Update};
use flint_test_ui::office::{self, core};
use flint_test_ui::stage::{self, NOW};
use flint_test_ui::{Stage, tree};
use gtk::gdk::{Key, ModifierType};
use gtk::glib;

type Case = (&'static str, fn(&adw::Application) -> Result<()>);

const CASES: &[Case] = &[
    ("every widget constructs", every_widget_constructs),
    ("updates fill the list", updates_fill_the_list),
    ("a timeline shows who said what", timeline_shows),
    ("enter sends, shift+enter does not", enter_sends),
    ("a failed message can be retried", failed_is_retried),
    ("older messages are asked for and put above", older_messages),
    ("the newest message stays in view", newest_in_view),
    ("policy locks the contact button", policy_locks),
    ("search shows people, rooms, messages", search_finds),
    ("a search hit shows its message", search_hit_is_shown),
    ("tabs by keyboard", tabs_by_keyboard),
    ("offers come, are answered, and go", offers),
    ("a chat with a customer", customer_chat),
    ("an agent who is in no workgroup joins one", desk_join),
    ("sign-in says what is wrong", sign_in),
    ("offline is said and can be ended", offline),
    ("rooms are joined and left", rooms),
    ("who asks for presence is allowed or denied", presence_requests),
    ("the policy page", policy_page),
    ("one pane at 360 pixels", folds),
    ("hostile text stays text", hostile_text),
    ("links and styles in messages", links_and_styles),
    ("updates about unknown things change nothing", unknown_things),
    ("fifty thousand people", many_people),
    ("closing quits the client first", closing_quits),
    ("a client that does not end is not waited for", closing_is_bounded),
];

fn main() -> Result<()> {
    glib::setenv("TZ", "Europe/Berlin", true)?;
    let application = stage::begin()?;
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut failed = 0;
    for (name, case) in CASES {
        if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let outcome = std::panic::catch_unwind(|| case(&application));
        let problem = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(_) => Some("panicked".to_owned()),
        };
        failed += usize::from(problem.is_some());
        report(name, problem.as_deref());
    }
    ensure!(failed == 0, "{failed} cases failed");
    Ok(())
}

#[allow(clippy::print_stdout)] // This is the test's own harness.
fn report(name: &str, problem: Option<&str>) {
    match problem {
        None => println!("ok      {name}"),
        Some(problem) => println!("FAILED  {name}: {problem}"),
    }
}

fn started(application: &adw::Application) -> Stage {
    let stage = Stage::open(application, 1240, 780);
    stage.tell(office::signed_in());
    stage
}

/// A window with the conversation with Bob open and loaded.
fn with_bob(application: &adw::Application) -> Stage {
    let stage = started(application);
    tree::click_row(&tree::row(&stage.window, "Bob Stone"));
    stage.tell([office::timeline(office::with("bob"), office::talk_with_bob(), Some("m6"))]);
    let _ = stage.commands();
    stage
}

fn chat(command: ChatCommand) -> Command {
    Command::Core(Core::Chat(command))
}

fn every_widget_constructs(application: &adw::Application) -> Result<()> {
    let stage = with_bob(application);
    stage.tell(office::desk());
    stage.tell([office::policies()]);
    for view in ["Chats", "People", "Rooms", "Desk"] {
        tree::toggle(&stage.window, view).set_active(true);
        stage.settle();
    }
    stage.tell([core(Capabilities::default())]);
    for action in ["win.show-help-overlay", "win.policies", "win.about", "win.add-contact"] {
        gtk::prelude::WidgetExt::activate_action(&stage.window, action, None)?;
        stage.settle();
    }
    let transcript = AgentUpdate::Transcript {
        session: "s-ott".into(),
        lines: vec![office::line("Mr Ott", false, 5, "Hello")],
    };
    stage.tell([Update::Agent(transcript)]);
    let others = gtk::Window::list_toplevels();
    ensure!(others.len() >= 5, "only {} windows", others.len());
    for other in others.into_iter().filter_map(|other| other.downcast::<gtk::Window>().ok()) {
        if other != *stage.window.upcast_ref::<gtk::Window>() {
            other.destroy();
        }
    }
    Ok(())
}

fn updates_fill_the_list(application: &adw::Application) -> Result<()> {
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

fn timeline_shows(application: &adw::Application) -> Result<()> {
    let stage = with_bob(application);
    let texts = tree::texts(&stage.window);
    for text in [
        "Yesterday",
        "Today",
        "New",
        "Reading it now.",
        "✓✓ Read",
        "✓✓ Delivered",
        "Lunch at one?",
        "Available · Legal, Berlin",
    ] {
        ensure!(texts.iter().any(|label| label == text), "{text:?} is missing in {texts:?}");
    }
    let place = |text: &str| texts.iter().rposition(|label| label == text);
    ensure!(place("New") < place("Lunch at one?") && place("Reading it now.") < place("New"));
    stage.tell([
        core(ChatUpdate::DeliveryChanged {
            conversation: office::with("bob"),
            message: MessageId("m5".into()),
            delivery: DeliveryState::Read,
        }),
        core(ChatUpdate::Typing { conversation: office::with("bob"), names: vec!["Bob Stone".into()] }),
    ]);
    ensure!(tree::mentions(&stage.window, "is typing…"));
    stage.tell([core(ChatUpdate::Typing { conversation: office::with("bob"), names: Vec::new() })]);
    ensure!(!tree::mentions(&stage.window, "is typing…"));
    Ok(())
}

fn enter_sends(application: &adw::Application) -> Result<()> {
    let stage = with_bob(application);
    let composer = tree::composer(&stage.window);
    composer.buffer().set_text("One is fine.");
    let draft =
        chat(ChatCommand::SetDraft { conversation: office::with("bob"), text: "One is fine.".into() });
    ensure!(stage.commands().contains(&draft), "the draft is kept");
    tree::press(&composer, Key::Return, ModifierType::SHIFT_MASK);
    let sent = stage
        .commands()
        .into_iter()
        .any(|command| matches!(command, Command::Core(Core::Chat(ChatCommand::Send { .. }))));
    ensure!(!sent, "nothing is sent by shift+enter");
    composer.buffer().set_text("One is fine.");
    let _ = stage.commands();
    ensure!(tree::press(&composer, Key::Return, ModifierType::empty()));
    ensure!(
        stage.commands()
            == [chat(ChatCommand::Send { conversation: office::with("bob"), body: "One is fine.".into() })]
    );
    ensure!(tree::written(&composer).is_empty());
    for (text, sensitive) in
        [("", false), ("  \n ", false), ("x", true), ("y".repeat(65_537).as_str(), false)]
    {
        composer.buffer().set_text(text);
        ensure!(tree::button(&stage.window, "Send").is_sensitive() == sensitive, "{} bytes", text.len());
        let _ = stage.commands();
        if !sensitive {
            tree::press(&composer, Key::Return, ModifierType::empty());
            ensure!(stage.commands().is_empty(), "{} bytes were sent", text.len());
        }
    }
    composer.buffer().set_text("by click");
    let _ = stage.commands();
    tree::button(&stage.window, "Send").emit_clicked();
    ensure!(
        stage.commands()
            == [chat(ChatCommand::Send { conversation: office::with("bob"), body: "by click".into() })]
    );
    Ok(())
}

fn failed_is_retried(application: &adw::Application) -> Result<()> {
    let stage = with_bob(application);
    ensure!(!tree::has_button(&stage.window, "Retry"));
    let failed = DeliveryState::Failed { reason: "The server could not find this account.".into() };
    let message = office::wrote("m8", office::with("bob"), 0, "Hello?", failed);
    stage.tell([core(ChatUpdate::TimelineChanged { message })]);
    ensure!(tree::mentions(&stage.window, "The server could not find this account."));
    tree::button(&stage.window, "Retry").emit_clicked();
    ensure!(stage.commands() == [chat(ChatCommand::Retry { message: MessageId("m8".into()) })]);
    Ok(())
}

fn older_messages(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    tree::click_row(&tree::row(&stage.window, "Bob Stone"));
    let bob = || office::with("bob");
    let talk = |range: std::ops::Range<i64>| {
        let said = |index: i64| {
            office::said(
                &format!("t{index}"),
                bob(),
                if index % 2 == 0 { "Bob Stone" } else { "Eva Lind" },
                10_000 - index,
                &format!("line {index}"),
            )
        };
        range.map(said).collect::<Vec<_>>()
    };
    let reset = ChatUpdate::TimelineReset {
        conversation: bob(),
        messages: talk(100..160),
        has_older: true,
        first_unread: None,
        draft: "half a".into(),
    };
    stage.tell([core(reset)]);
    let scroller =
        tree::all::<gtk::ListBox>(&stage.window).into_iter().find(|list| tree::mentions(list, "line 159"));
    let scroller = scroller
        .and_then(|list| list.ancestor(gtk::ScrolledWindow::static_type()))
        .and_downcast::<gtk::ScrolledWindow>();
    let adjustment = scroller.expect("the timeline scrolls").vadjustment();
    stage.until("the bottom", || {
        adjustment.value() + adjustment.page_size() >= adjustment.upper() - 1.0
            && adjustment.upper() > 1_000.0
    })?;
    let older = chat(ChatCommand::LoadOlder { conversation: bob() });
    ensure!(!stage.commands().contains(&older), "nothing is asked for at the bottom");
    adjustment.set_value(0.0);
    ensure!(stage.commands() == std::slice::from_ref(&older));
    adjustment.set_value(5.0);
    ensure!(stage.commands().is_empty(), "asked for once only");
    let height = adjustment.upper();
    stage.tell([core(ChatUpdate::TimelinePrepended {
        conversation: bob(),
        messages: talk(50..100),
        has_older: false,
    })]);
    stage.until("the older ones", || adjustment.upper() > height + 500.0)?;
    let moved = adjustment.value() - (adjustment.upper() - height);
    ensure!(moved.abs() < 40.0, "what was in view moved by {moved} pixels");
    stage.tell([core(ChatUpdate::TimelineChanged {
        message: office::said("t160", bob(), "Bob Stone", 0, "newest"),
    })]);
    ensure!(tree::mentions(&stage.window, "1 new message"), "{:?}", tree::texts(&stage.window));
    Ok(())
}

/// The scroller of the timeline that shows `text`.
fn scroller(stage: &Stage, text: &str) -> gtk::ScrolledWindow {
    let list = tree::all::<gtk::ListBox>(&stage.window).into_iter().find(|list| tree::mentions(list, text));
    let scroller = list.and_then(|list| list.ancestor(gtk::ScrolledWindow::static_type()));
    scroller.and_downcast().expect("the timeline scrolls")
}

/// True when the row that reads `text` lies wholly inside the scroller.
fn in_view(stage: &Stage, text: &str) -> bool {
    let scroller = scroller(stage, text);
    let row = tree::all::<gtk::ListBoxRow>(&scroller).into_iter().rfind(|row| tree::reads(row, text));
    let bounds = row.and_then(|row| row.compute_bounds(&scroller)).expect("the row is shown");
    bounds.height() > 0.0 && bounds.y() >= 0.0 && bounds.y() + bounds.height() <= scroller.height() as f32
}

fn newest_in_view(application: &adw::Application) -> Result<()> {
    let settings = gtk::Settings::default().expect("a display");
    // People have animations; a timeline must hold its place with them too.
    settings.set_gtk_enable_animations(true);
    let outcome = newest_in_view_animated(application);
    settings.set_gtk_enable_animations(false);
    outcome
}

fn newest_in_view_animated(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let bob = || office::with("bob");
    tree::click_row(&tree::row(&stage.window, "Bob Stone"));
    let talk = (0..24).map(|index| {
        let (id, text) = (format!("t{index}"), format!("line {index}"));
        match index % 2 {
            0 => office::said(&id, bob(), "Bob Stone", 9_000 - 300 * index, &text),
            _ => office::wrote(&id, bob(), 9_000 - 300 * index, &text, DeliveryState::Acked),
        }
    });
    stage.tell([office::timeline(bob(), talk.collect(), None)]);
    ensure!(in_view(&stage, "line 23"), "opened at the end");
    let composer = tree::composer(&stage.window);
    for round in 0..4 {
        let (own, answer) = (format!("own{round}"), format!("answer{round}"));
        composer.buffer().set_text(&own);
        tree::press(&composer, Key::Return, ModifierType::empty());
        let sent = office::wrote(&own, bob(), -2 * round, &own, DeliveryState::Queued);
        stage.tell([core(ChatUpdate::TimelineChanged { message: sent })]);
        ensure!(in_view(&stage, &own), "{own} is hidden");
        for delivery in [DeliveryState::Sent, DeliveryState::Acked, DeliveryState::Delivered] {
            stage.tell([core(ChatUpdate::DeliveryChanged {
                conversation: bob(),
                message: MessageId(own.clone()),
                delivery,
            })]);
            ensure!(in_view(&stage, &own), "the state of {own} hides it");
        }
        stage.tell([core(ChatUpdate::Typing { conversation: bob(), names: vec!["Bob Stone".into()] })]);
        let row = office::conversation(bob(), "Bob Stone", &answer, -2 * round - 1, None);
        stage.tell([
            core(ChatUpdate::Typing { conversation: bob(), names: Vec::new() }),
            core(ChatUpdate::TimelineChanged {
                message: office::said(&answer, bob(), "Bob Stone", -2 * round - 1, &answer),
            }),
            core(ChatUpdate::ListChanged { conversation: ConversationRow { unread: 1, ..row } }),
        ]);
        ensure!(in_view(&stage, &answer), "{answer} is hidden");
        ensure!(
            stage.commands().contains(&chat(ChatCommand::MarkRead { conversation: bob() })),
            "what is in view was read"
        );
    }
    Ok(())
}

fn policy_locks(application: &adw::Application) -> Result<()> {
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

fn search_finds(application: &adw::Application) -> Result<()> {
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

fn search_hit_is_shown(application: &adw::Application) -> Result<()> {
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

fn tabs_by_keyboard(application: &adw::Application) -> Result<()> {
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

fn offers(application: &adw::Application) -> Result<()> {
    let stage = with_bob(application);
    stage.tell(office::desk());
    for text in ["Ms Klein waits", "0:18", "Write to Bob Stone"] {
        ensure!(tree::reads(&stage.window, text), "{text:?} is missing beside the conversation");
    }
    let shown = gtk::Window::list_toplevels().into_iter().filter(|window| window.is_visible()).count();
    ensure!(shown == 1, "nothing pops up over the conversation");
    let _ = stage.commands();
    tree::button(&stage.window, "Decline").emit_clicked();
    ensure!(stage.commands() == [Command::Agent(AgentCommand::DeclineOffer { offer: "o1".into() })]);
    stage.tell([Update::Agent(AgentUpdate::OfferClosed { offer: "o1".into(), reason: OfferEnd::Declined })]);
    ensure!(!tree::has_button(&stage.window, "Accept"), "the strip goes with the offer");
    stage.tell([Update::Agent(AgentUpdate::Offer { offer: office::offer("o0") })]);
    tree::button(&stage.window, "Accept").emit_clicked();
    ensure!(stage.commands() == [Command::Agent(AgentCommand::AcceptOffer { offer: "o0".into() })]);
    ensure!(tree::reads(&stage.window, "Demo Support"), "the desk is shown");
    stage.tell([Update::Agent(AgentUpdate::OfferClosed { offer: "o0".into(), reason: OfferEnd::Accepted })]);
    stage.tell([Update::Agent(AgentUpdate::Offer { offer: office::offer("o1") })]);
    tree::toggle(&stage.window, "Desk").set_active(true);
    stage.settle();
    for text in ["Ms Klein", "0:18", "5 waiting · oldest 3:20", "Demo Support · waited 0:42"] {
        ensure!(tree::reads(&stage.window, text), "{text:?} is missing in {:?}", tree::texts(&stage.window));
    }
    ensure!(
        tree::mentions(&stage.window, "4711")
            && tree::mentions(&stage.window, "The invoice of March is wrong")
    );
    let _ = stage.commands();
    tree::button(&stage.window, "Decline").emit_clicked();
    ensure!(stage.commands() == [Command::Agent(AgentCommand::DeclineOffer { offer: "o1".into() })]);
    stage.tell([Update::Agent(AgentUpdate::OfferClosed { offer: "o1".into(), reason: OfferEnd::Declined })]);
    ensure!(!tree::has_button(&stage.window, "Accept"));
    stage.tell([Update::Agent(AgentUpdate::Offer { offer: office::offer("o2") })]);
    gtk::prelude::WidgetExt::activate_action(&stage.window, "win.accept-offer", None)?;
    ensure!(stage.commands() == [Command::Agent(AgentCommand::AcceptOffer { offer: "o2".into() })]);
    let accepting = flint_runtime::agent::update::OfferRow { accepting: true, ..office::offer("o2") };
    stage.tell([Update::Agent(AgentUpdate::Offer { offer: accepting })]);
    ensure!(!tree::button(&stage.window, "Accepting").is_sensitive());
    stage.tell([Update::Agent(AgentUpdate::OfferClosed { offer: "o2".into(), reason: OfferEnd::Revoked })]);
    ensure!(tree::mentions(&stage.window, "was taken back"));
    Ok(())
}

fn customer_chat(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    stage.tell(office::desk());
    tree::toggle(&stage.window, "Desk").set_active(true);
    stage.settle();
    tree::click_row(&tree::row(&stage.window, "Ms Sand"));
    stage.settle();
    for text in ["Is anybody there?", "Product", "Warehouse 5.2", "Write to Ms Sand"] {
        ensure!(tree::reads(&stage.window, text), "{text:?} is missing in {:?}", tree::texts(&stage.window));
    }
    let _ = stage.commands();
    let composer = tree::composer(&stage.window);
    composer.buffer().set_text("Good morning");
    tree::press(&composer, Key::Return, ModifierType::empty());
    let sent = AgentCommand::SendToCustomer { session: "s-sand".into(), body: "Good morning".into() };
    ensure!(stage.commands() == [Command::Agent(sent)]);
    tree::button(&stage.window, "End chat").emit_clicked();
    ensure!(stage.commands() == [Command::Agent(AgentCommand::EndChat { session: "s-sand".into() })]);
    let ended = flint_runtime::agent::update::CustomerChatRow {
        ended_at: Some(NOW),
        ..office::customer_chat("s-sand", "Ms Sand", 75)
    };
    stage.tell([Update::Agent(AgentUpdate::Chat { chat: ended })]);
    ensure!(!tree::has_button(&stage.window, "End chat") && tree::reads(&stage.window, "ENDED"));
    tree::button(&stage.window, "Show transcript").emit_clicked();
    let asked = AgentCommand::GetTranscript { workgroup: office::workgroup().jid, session: "s-sand".into() };
    ensure!(stage.commands() == [Command::Agent(asked)]);
    Ok(())
}

fn desk_join(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let apart = WorkgroupRow { joined: false, ..office::workgroup() };
    stage.tell([Update::Agent(AgentUpdate::Workgroups { workgroups: vec![apart] })]);
    tree::toggle(&stage.window, "Desk").set_active(true);
    stage.settle();
    let _ = stage.commands();
    tree::button(&stage.window, "Join Demo Support").emit_clicked();
    ensure!(
        stage.commands()
            == [Command::Agent(AgentCommand::JoinWorkgroup { workgroup: office::workgroup().jid })]
    );
    stage.tell([Update::Agent(AgentUpdate::WorkgroupChanged { workgroup: office::workgroup() })]);
    ensure!(
        !tree::has_button(&stage.window, "Join Demo Support") && tree::mentions(&stage.window, "waiting")
    );
    stage.tell([Update::Agent(AgentUpdate::Workgroups { workgroups: Vec::new() })]);
    ensure!(!tree::reads(&stage.window, "Desk"), "the desk goes with the last workgroup");
    Ok(())
}

fn sign_in(application: &adw::Application) -> Result<()> {
    let stage = Stage::open(application, 760, 760);
    stage.tell([office::identity(), office::no_ticket()]);
    for text in ["No Kerberos ticket", "What to do", "no-ticket"] {
        ensure!(tree::reads(&stage.window, text), "{text:?} is missing in {:?}", tree::texts(&stage.window));
    }
    let _ = stage.commands();
    tree::button(&stage.window, "Try again").emit_clicked();
    ensure!(stage.commands() == [Command::Core(Core::Account(AccountCommand::SignIn))]);
    stage.tell([core(AccountUpdate::Connection(ConnectionState::Connecting))]);
    ensure!(tree::reads(&stage.window, "Signing in as ann@example.test"));
    ensure!(!tree::has_button(&stage.window, "Try again"));
    stage.tell([office::no_ticket()]);
    let expander = tree::all::<adw::ExpanderRow>(&stage.window).remove(0);
    expander.set_expanded(true);
    stage.settle();
    let entry = tree::all::<adw::PasswordEntryRow>(&stage.window).remove(0);
    entry.set_text("correct horse");
    stage.settle();
    tree::button(&entry, "Sign in").emit_clicked();
    ensure!(stage.commands() == [Command::SignInWithPassword { password: "correct horse".into() }]);
    ensure!(entry.text().is_empty(), "the password does not stay on screen");
    stage.tell([office::online()]);
    ensure!(tree::reads(&stage.window, "Nothing is open"));
    Ok(())
}

fn offline(application: &adw::Application) -> Result<()> {
    let stage = with_bob(application);
    let waiting =
        ConnectionState::Waiting { reason: "The network is down.".into(), retry_at: NOW.plus(12_000) };
    stage.tell([core(AccountUpdate::Connection(waiting))]);
    ensure!(tree::reads(&stage.window, "Offline. The network is down. Next try in 0:12."));
    let _ = stage.commands();
    tree::button(&stage.window, "Reconnect now").emit_clicked();
    ensure!(stage.commands() == [Command::Core(Core::Account(AccountCommand::SignIn))]);
    stage.pass(5_000);
    stage.until("the countdown", || {
        tree::reads(&stage.window, "Offline. The network is down. Next try in 0:07.")
    })?;
    stage.tell([office::online()]);
    ensure!(!tree::mentions(&stage.window, "Offline."));
    Ok(())
}

fn rooms(application: &adw::Application) -> Result<()> {
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
    tree::click_row(&tree::row(&stage.window, "Works council"));
    stage.settle();
    ensure!(tree::has_button(&stage.window, "Join room"));
    ensure!(!tree::composer(&stage.window).is_sensitive(), "nobody writes into a room from outside");
    Ok(())
}

fn presence_requests(application: &adw::Application) -> Result<()> {
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

fn policy_page(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    stage.tell([office::policies()]);
    let window = flint::PolicyWindow::new(&stage.session, Some(&stage.window));
    window.present();
    stage.settle();
    for text in
        ["Managed by example.test", "Version 42, signed by console-2026", "ContactAddingAllowed", "off"]
    {
        ensure!(tree::reads(&window, text), "{text:?} is missing in {:?}", tree::texts(&window));
    }
    ensure!(tree::mentions(&window, "replaces: on (everybody)"));
    let _ = stage.commands();
    tree::button(&window, "Fetch now").emit_clicked();
    ensure!(stage.commands() == [Command::Policy(PolicyCommand::Refresh)]);
    tree::all::<gtk::SearchEntry>(&window)[0].set_text("retention");
    stage.until("the filter", || !tree::reads(&window, "ContactAddingAllowed"))?;
    ensure!(tree::reads(&window, "HistoryRetentionDays"));
    window.destroy();
    Ok(())
}

fn folds(application: &adw::Application) -> Result<()> {
    let stage = Stage::open(application, 360, 640);
    stage.tell(office::signed_in());
    ensure!(stage.window.width() <= 360, "{} pixels wide", stage.window.width());
    ensure!(!tree::reads(&stage.window, "Nothing is open"), "one pane only");
    tree::click_row(&tree::row(&stage.window, "Bob Stone"));
    stage.settle();
    ensure!(tree::reads(&stage.window, "Write to Bob Stone") && !tree::reads(&stage.window, "RECENT"));
    ensure!(stage.window.width() <= 360, "{} pixels wide", stage.window.width());
    tree::button(&stage.window, "Back to the list").emit_clicked();
    stage.settle();
    ensure!(tree::reads(&stage.window, "RECENT"));
    stage.tell(office::desk());
    tree::toggle(&stage.window, "Desk").set_active(true);
    stage.settle();
    tree::click_row(&tree::row(&stage.window, "Mr Ott"));
    stage.settle();
    ensure!(stage.window.width() <= 360, "the desk is {} pixels wide", stage.window.width());
    Ok(())
}

fn hostile_text(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let evil = "<b>bold</b> & <span size='99999'>\u{202E}gnihton\u{202C}</span>\u{0}\u{7} &amp;";
    let row = office::conversation(office::with("eve"), evil, evil, -2, None);
    stage.tell([core(ChatUpdate::ListChanged { conversation: row })]);
    let first = tree::all::<gtk::ListBoxRow>(&stage.window)
        .into_iter()
        .find(|row| tree::mentions(row, "<b>bold</b>"));
    tree::click_row(&first.expect("the row shows its text as it is"));
    let long = "x".repeat(65_536);
    let messages = vec![
        office::said("e1", office::with("eve"), evil, 3, evil),
        office::said("e2", office::with("eve"), "Eve\nAnn Meyer", 2, &long),
        office::said("e3", office::with("eve"), "", 1, &"\u{202E}\u{2067}\n".repeat(500)),
    ];
    stage.tell([
        office::timeline(office::with("eve"), messages, Some("e1")),
        core(ChatUpdate::Typing { conversation: office::with("eve"), names: vec![evil.into()] }),
        core(AccountUpdate::Presence { show: flint_runtime::core::model::Show::Away, status: evil.into() }),
        Update::Fatal(evil.into()),
    ]);
    let texts = tree::texts(&stage.window);
    ensure!(texts.iter().any(|text| text.contains("<b>bold</b> & <span size='99999'>")), "{texts:?}");
    ensure!(
        texts.iter().all(|text| !text.contains('\u{202E}') && !text.contains('\u{0}')),
        "an override got through"
    );
    ensure!(texts.iter().any(|text| text == "Eve Ann Meyer"), "a name is one line");
    ensure!(texts.iter().all(|text| text.matches('x').count() <= 4_001), "a line of 64 KiB is cut");
    tree::button(&stage.window, "Show all of this message").emit_clicked();
    stage.settle();
    ensure!(tree::texts(&stage.window).iter().any(|text| text.matches('x').count() == 65_536));
    let offer = flint_runtime::agent::update::OfferRow {
        customer_name: evil.into(),
        question: evil.into(),
        answers: vec![(evil.into(), evil.into())],
        ..office::offer("evil")
    };
    stage.tell(office::desk());
    stage.tell([Update::Agent(AgentUpdate::Offer { offer })]);
    tree::toggle(&stage.window, "Desk").set_active(true);
    stage.settle();
    ensure!(tree::texts(&stage.window).iter().all(|text| !text.contains('\u{202E}')));
    Ok(())
}

fn links_and_styles(application: &adw::Application) -> Result<()> {
    let stage = with_bob(application);
    let bodies = [
        ("s1", "read https://example.test/a?b=1&c=2, it is *good*"),
        ("s2", "<a href='file:///etc/passwd'>x</a> javascript:alert(1) file:///etc/passwd"),
        ("s3", "*<b>* `&amp;` https://x.test/\"><b>y</b>"),
        ("s4", "```\n<i>*code*</i>\n```"),
    ];
    for (id, body) in bodies {
        let message = office::said(id, office::with("bob"), "Bob Stone", -1, body);
        stage.tell([core(ChatUpdate::TimelineChanged { message })]);
    }
    let label = |body: &str| {
        let labels: Vec<gtk::Label> = tree::all(&stage.window);
        labels.into_iter().find(|label| label.text() == body).expect("the text reads as it was written")
    };
    for (id, body) in bodies {
        let label = label(body);
        ensure!(
            label.is_focusable() == matches!(id, "s1" | "s3"),
            "{id}: only links are stops for the keyboard"
        );
        ensure!(!label.label().contains("\"file:") && !label.label().contains("\"javascript"), "{id}");
    }
    let opened = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let first = label(bodies[0].1);
    let seen = opened.clone();
    first.connect_activate_link(move |_, address| {
        seen.borrow_mut().push(address.to_owned());
        glib::Propagation::Stop
    });
    first.grab_focus();
    stage.settle();
    first.emit_activate_current_link();
    ensure!(*opened.borrow() == ["https://example.test/a?b=1&c=2"], "{:?}", opened.borrow());
    Ok(())
}

fn unknown_things(application: &adw::Application) -> Result<()> {
    let stage = with_bob(application);
    let before = tree::texts(&stage.window);
    let nobody = || office::with("nobody");
    stage.tell([
        core(ChatUpdate::TimelineChanged { message: office::said("x", nobody(), "X", 0, "x") }),
        core(ChatUpdate::TimelinePrepended { conversation: nobody(), messages: Vec::new(), has_older: true }),
        core(ChatUpdate::DeliveryChanged {
            conversation: office::with("bob"),
            message: MessageId("?".into()),
            delivery: DeliveryState::Read,
        }),
        core(ChatUpdate::Typing { conversation: nobody(), names: vec!["X".into()] }),
        core(PeopleUpdate::Removed { jid: office::jid("nobody") }),
        Update::Agent(AgentUpdate::OfferClosed { offer: "?".into(), reason: OfferEnd::TimedOut }),
        Update::Agent(AgentUpdate::ChatLine { session: "?".into(), line: office::line("X", false, 0, "x") }),
    ]);
    ensure!(tree::texts(&stage.window) == before);
    Ok(())
}

fn many_people(application: &adw::Application) -> Result<()> {
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

fn closing_quits(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let _ = stage.commands();
    stage.window.close();
    ensure!(stage.commands() == [Command::Quit]);
    ensure!(stage.window.is_visible(), "the window stays until everything is written down");
    stage.tell([Update::Ended]);
    ensure!(!stage.window.is_visible());
    Ok(())
}

fn closing_is_bounded(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    stage.window.close();
    ensure!(stage.commands().ends_with(&[Command::Quit]) && stage.window.is_visible());
    let window = stage.window.clone();
    stage.until("the window goes", || !window.is_visible())
}
