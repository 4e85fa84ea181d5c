//! Every screen that exists, each with the way to it: for the pictures, and for the tests that hold for all of them.

use crate::office::{self, core};
use crate::stage::NOW;
use crate::{Stage, tree};
use adw::prelude::*;
use flint::PolicyWindow;
use flint_runtime::core::model::{ConnectionState, ConversationId, DeliveryState, Show};
use flint_runtime::core::update::{AccountUpdate, ChatUpdate, HistoryUpdate, PeopleUpdate, RoomUpdate};
use flint_runtime::core::{Capabilities, Command, QueryId};
use flint_runtime::{Options, StartError, Update};
use std::rc::Rc;

/// Size of a window in pixels.
pub type Size = (i32, i32);

/// A window on a desktop.
pub const WIDE: Size = (1240, 780);
/// A window on a phone or in a corner.
pub const NARROW: Size = (360, 700);

/// Plays a screen; gives what is to be looked at when it is not the main window.
pub type Play = fn(&Stage) -> Option<gtk::Widget>;

/// Name, size and way to each screen.
pub fn all() -> Vec<(&'static str, Size, Play)> {
    vec![
        ("chat", WIDE, chat),
        ("chat-failed", WIDE, chat_failed),
        ("chat-empty", WIDE, chat_empty),
        ("nothing-open", WIDE, |stage| told(stage, office::signed_in())),
        ("first-start", WIDE, first_start),
        ("offline", WIDE, offline),
        ("people", WIDE, people),
        ("people-narrow", NARROW, people),
        ("rooms", WIDE, rooms),
        ("search", WIDE, search),
        ("chat-offer", WIDE, chat_offer),
        ("list-offer-narrow", NARROW, list_offer),
        ("about", WIDE, about),
        ("chat-narrow", NARROW, chat),
        ("list-narrow", NARROW, |stage| told(stage, office::signed_in())),
        ("desk", (1400, 820), desk),
        ("desk-idle", WIDE, desk_idle),
        ("desk-narrow", NARROW, desk),
        ("signin", (760, 760), |stage| {
            told(stage, vec![office::identity(), core(office::capabilities()), office::no_ticket()])
        }),
        ("signin-checks", (760, 900), sign_in_checks),
        ("signin-certificate", (760, 760), |stage| {
            told(stage, vec![office::identity(), core(office::capabilities()), office::wrong_certificate()])
        }),
        ("unmanaged", (760, 760), unmanaged),
        ("doctor", WIDE, doctor),
        ("signin-busy", (760, 760), signing_in),
        ("signin-narrow", NARROW, |stage| {
            told(stage, vec![office::identity(), core(office::capabilities()), office::no_ticket()])
        }),
        ("start", (760, 760), start),
        ("policy", WIDE, policy),
        ("policy-narrow", NARROW, |stage| policy(stage).inspect(|window| resize(window, NARROW))),
        ("policy-failed", WIDE, policy_failed),
        ("presence-menu", WIDE, presence_menu),
        ("desk-menu", WIDE, desk_menu),
        ("add-contact", WIDE, add_contact),
        ("shortcuts", WIDE, shortcuts),
        ("end-chat", (1400, 820), end_chat),
        ("transcript", (1400, 820), transcript),
    ]
}

fn told(stage: &Stage, updates: Vec<Update>) -> Option<gtk::Widget> {
    stage.tell(updates);
    None
}

/// Wide enough for the list beside what was chosen from it.
fn is_wide(stage: &Stage) -> bool {
    stage.window.default_width() > 640
}

fn chat(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    if is_wide(stage) {
        tree::click_row(&tree::row_with(&stage.window, "roadmap"));
    }
    tree::click_row(&tree::row_with(&stage.window, "Bob Stone"));
    stage.tell([
        office::timeline(office::with("bob"), office::talk_with_bob(), Some("m6")),
        core(ChatUpdate::Typing { conversation: office::with("bob"), names: vec!["Bob Stone".into()] }),
    ]);
    None
}

fn chat_offer(stage: &Stage) -> Option<gtk::Widget> {
    chat(stage);
    stage.tell(office::desk());
    None
}

fn list_offer(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    stage.tell(office::desk());
    stage.tell([core(PeopleUpdate::SubscriptionRequested { jid: office::jid("nora.lindqvist") })]);
    None
}

fn about(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    WidgetExt::activate_action(&stage.window, "win.about", None).expect("the action is there");
    stage.settle();
    gtk::Window::list_toplevels().into_iter().find(|window| window.is::<adw::AboutWindow>())
}

fn chat_failed(stage: &Stage) -> Option<gtk::Widget> {
    let mut talk = office::talk_with_bob();
    talk.push(office::wrote(
        "m8",
        office::with("bob"),
        0,
        "One is fine.",
        DeliveryState::Failed { reason: "The server could not find this account.".into() },
    ));
    talk.push(office::wrote(
        "m9",
        office::with("bob"),
        0,
        "Or half past, if the board runs late.",
        DeliveryState::Queued,
    ));
    stage.tell(office::signed_in());
    tree::click_row(&tree::row_with(&stage.window, "Bob Stone"));
    stage.tell([office::timeline(office::with("bob"), talk, None)]);
    None
}

fn chat_empty(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    tree::click_row(&tree::row_with(&stage.window, "Raj Patel"));
    stage.tell([office::timeline(office::with("raj"), Vec::new(), None)]);
    None
}

fn first_start(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell([
        office::identity(),
        core(PeopleUpdate::Reset { people: office::people() }),
        core(ChatUpdate::ListReset { conversations: Vec::new() }),
        office::online(),
    ]);
    None
}

fn offline(stage: &Stage) -> Option<gtk::Widget> {
    chat(stage);
    stage.tell([core(AccountUpdate::Connection(ConnectionState::Waiting {
        reason: "The network is down.".into(),
        retry_at: NOW.plus(12_000),
    }))]);
    None
}

fn people(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    let capabilities = Capabilities {
        notice: Some(flint_runtime::core::capability::Notice {
            text: "Mail is down until noon. Ask here instead.".into(),
            warning: false,
        }),
        ..office::capabilities()
    };
    stage.tell([core(capabilities)]);
    tree::toggle(&stage.window, "People").set_active(true);
    stage.settle();
    None
}

fn rooms(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    tree::toggle(&stage.window, "Rooms").set_active(true);
    tree::click_row(&tree::row_with(&stage.window, "Works council"));
    stage.tell([core(RoomUpdate::Reset { rooms: office::rooms() })]);
    None
}

fn search(stage: &Stage) -> Option<gtk::Widget> {
    match is_wide(stage) {
        true => chat(stage),
        false => told(stage, office::signed_in()),
    };
    tree::all::<gtk::SearchEntry>(&stage.window)[0].set_text("le");
    let mut query = None;
    for _ in 0..40 {
        stage.settle();
        for command in stage.commands() {
            if let flint_runtime::Command::Core(Command::History(
                flint_runtime::core::command::HistoryCommand::Search { query: id, .. },
            )) = command
            {
                query = Some(id);
            }
        }
        if query.is_some() {
            break;
        }
    }
    let hit = |id: &str, conversation: ConversationId, minutes, snippet: &str| {
        flint_runtime::core::model::SearchHit {
            message: office::said(id, conversation, "Bob Stone", minutes, snippet),
            snippet: snippet.into(),
        }
    };
    stage.tell([core(HistoryUpdate::Results {
        query: query.unwrap_or(QueryId(0)),
        hits: vec![
            hit("h1", office::with("bob"), 3, "I will \u{2}le\u{3}ave the wording of §4 to you"),
            hit("h2", office::room_id("roadmap"), 3000, "the \u{2}Le\u{3}ipzig office moves in April"),
        ],
    })]);
    None
}

fn desk(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    stage.tell(office::desk());
    tree::toggle(&stage.window, "Desk").set_active(true);
    stage.settle();
    // His name stands in the chat as well; the list is drawn last.
    let rows = tree::all::<gtk::ListBoxRow>(&stage.window).into_iter();
    let row = rows.rev().find(|row| tree::mentions(row, "Mr Ott"));
    tree::click_row(&row.expect("he is in the list"));
    stage.settle();
    None
}

fn desk_idle(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    let idle = flint_runtime::agent::update::WorkgroupRow { current_chats: 0, ..office::workgroup() };
    stage.tell([Update::Agent(flint_runtime::agent::AgentUpdate::Workgroups { workgroups: vec![idle] })]);
    tree::toggle(&stage.window, "Desk").set_active(true);
    stage.settle();
    None
}

fn signing_in(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell([
        office::identity(),
        core(office::capabilities()),
        core(AccountUpdate::Connection(ConnectionState::Connecting)),
    ]);
    let _ = stage.until("the spinner", || !tree::all::<gtk::Spinner>(&stage.window).is_empty());
    None
}

fn policy(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    stage.tell([office::policies()]);
    let window = PolicyWindow::new(&stage.session, Some(&stage.window));
    window.set_default_size(760, 860);
    window.present();
    stage.settle();
    Some(window.upcast())
}

fn sign_in_checks(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell([office::identity(), core(office::capabilities()), office::unknown_service()]);
    let expanders = tree::all::<adw::ExpanderRow>(&stage.window);
    expanders.iter().find(|row| row.title() == "What was tried")?.set_expanded(true);
    stage.tell([office::checks(7)]);
    None
}

fn unmanaged(stage: &Stage) -> Option<gtk::Widget> {
    let reason = "This computer must be managed, and no verified policy of example.test is here.".into();
    let management = flint_runtime::core::capability::Management::Missing { reason };
    told(stage, vec![office::identity(), core(Capabilities { management, ..office::capabilities() })])
}

fn doctor(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    let window = opened(stage, "win.doctor");
    stage.tell([office::checks(4)]);
    window
}

fn resize(window: &gtk::Widget, (width, height): Size) {
    if let Some(window) = window.downcast_ref::<gtk::Window>() {
        window.set_default_size(width, height);
    }
}

fn start(stage: &Stage) -> Option<gtk::Widget> {
    let error = StartError::NoAccount("There is no ticket. Run kinit in a terminal.".into());
    let begin: flint::Begin = Rc::new(|_| Ok(()));
    let application = stage.window.application()?;
    let window = flint::start_window(&application, Options::default(), &error, begin);
    window.present();
    Some(window.upcast())
}

fn policy_failed(stage: &Stage) -> Option<gtk::Widget> {
    let window = policy(stage);
    let Update::Core(flint_runtime::core::Update::Policy(mut report)) = office::policies() else {
        return window;
    };
    report.server.problem = Some("https://console.example.test does not answer: connection refused.".into());
    stage.tell([Update::Core(flint_runtime::core::Update::Policy(report))]);
    window
}

/// Opens the popover of the button with this name, alone: it is a surface of its own.
fn popover(stage: &Stage, tooltip: &str) -> Option<gtk::Widget> {
    let buttons = tree::all::<gtk::MenuButton>(&stage.window).into_iter();
    let button = buttons.into_iter().find(|button| {
        button.tooltip_text().is_some_and(|text| text.contains(tooltip)) || tree::mentions(button, tooltip)
    })?;
    button.popup();
    stage.settle();
    button.popover().map(|popover| popover.upcast())
}

fn presence_menu(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    let presets = [("On the phone", Show::DoNotDisturb), ("Shop floor until noon", Show::Away)];
    let status_presets = presets.map(|(text, show)| (text.to_owned(), show)).to_vec();
    stage.tell([core(Capabilities { status_presets, ..office::capabilities() })]);
    popover(stage, "Ann Meyer")
}

fn desk_menu(stage: &Stage) -> Option<gtk::Widget> {
    desk(stage);
    popover(stage, "Available")
}

fn opened(stage: &Stage, action: &str) -> Option<gtk::Widget> {
    let before = gtk::Window::list_toplevels();
    WidgetExt::activate_action(&stage.window, action, None).expect("the action is there");
    stage.settle();
    gtk::Window::list_toplevels().into_iter().find(|window| window.is_visible() && !before.contains(window))
}

fn add_contact(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    stage.tell([core(Capabilities::default())]);
    opened(stage, "win.add-contact")
}

fn shortcuts(stage: &Stage) -> Option<gtk::Widget> {
    stage.tell(office::signed_in());
    WidgetExt::activate_action(&stage.window, "win.show-help-overlay", None).expect("the action is there");
    stage.window.help_overlay().map(|window| window.upcast())
}

fn end_chat(stage: &Stage) -> Option<gtk::Widget> {
    desk(stage);
    if !tree::has_button(&stage.window, "End chat") {
        WidgetExt::activate_action(&stage.window, "win.customer", None).expect("the action is there");
        stage.settle();
    }
    tree::button(&stage.window, "End chat").emit_clicked();
    stage.settle();
    tree::dialog().map(|dialog| dialog.upcast())
}

fn transcript(stage: &Stage) -> Option<gtk::Widget> {
    desk(stage);
    let before = gtk::Window::list_toplevels();
    let lines =
        ["Hello, the second user cannot sign in since this morning.", "Yes. It says the licence is used up."];
    let lines = lines.map(|body| office::line("Mr Ott", false, 5, body)).to_vec();
    let told = flint_runtime::agent::AgentUpdate::Transcript { session: "s-ott".into(), lines };
    stage.tell([Update::Agent(told)]);
    gtk::Window::list_toplevels().into_iter().find(|window| window.is_visible() && !before.contains(window))
}
