//! Draws each screen from fixtures into PNG files, light and dark, wide and narrow: `flint-screens OUTDIR`.
//!
//! Runs under an X server that the caller starts, with GSK_RENDERER=cairo.

use adw::prelude::*;
use anyhow::Context;
use flint::PolicyWindow;
use flint_runtime::core::model::{ConnectionState, ConversationId, DeliveryState};
use flint_runtime::core::update::{AccountUpdate, ChatUpdate, HistoryUpdate, PeopleUpdate, RoomUpdate};
use flint_runtime::core::{Capabilities, Command, QueryId};
use flint_test_ui::office::{self, core};
use flint_test_ui::stage::{self, NOW};
use flint_test_ui::{Stage, tree};
use gtk::glib;
use std::path::PathBuf;

const WIDE: (i32, i32) = (1240, 780);
const NARROW: (i32, i32) = (360, 700);

fn main() -> anyhow::Result<()> {
    // Times in the pictures are those of the fixtures, wherever they are drawn.
    glib::setenv("TZ", "Europe/Berlin", true)?;
    let directory = PathBuf::from(std::env::args_os().nth(1).context("usage: flint-screens OUTDIR")?);
    std::fs::create_dir_all(&directory)?;
    let application = stage::begin()?;
    let style = adw::StyleManager::default();
    for (scheme, suffix) in [(adw::ColorScheme::ForceLight, "light"), (adw::ColorScheme::ForceDark, "dark")] {
        style.set_color_scheme(scheme);
        for (name, (width, height), play) in screens() {
            let stage = Stage::open(&application, width, height);
            let file = directory.join(format!("{name}-{suffix}.png"));
            match play(&stage) {
                Some(other) => {
                    other.present();
                    stage.picture(&other, &file)?;
                    other.destroy();
                }
                None => stage.picture(&stage.window, &file)?,
            }
        }
    }
    Ok(())
}

type Play = fn(&Stage) -> Option<gtk::Window>;

fn screens() -> Vec<(&'static str, (i32, i32), Play)> {
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
        ("signin-busy", (760, 760), signing_in),
        ("signin-narrow", NARROW, |stage| told(stage, vec![office::identity(), office::no_ticket()])),
        ("policy", WIDE, policy),
    ]
}

fn told(stage: &Stage, updates: Vec<flint_runtime::Update>) -> Option<gtk::Window> {
    stage.tell(updates);
    None
}

fn chat(stage: &Stage) -> Option<gtk::Window> {
    stage.tell(office::signed_in());
    if stage.window.width() > 640 {
        tree::click_row(&tree::row(&stage.window, "roadmap"));
    }
    tree::click_row(&tree::row(&stage.window, "Bob Stone"));
    stage.tell([
        office::timeline(office::with("bob"), office::talk_with_bob(), Some("m6")),
        core(ChatUpdate::Typing { conversation: office::with("bob"), names: vec!["Bob Stone".into()] }),
    ]);
    None
}

fn chat_offer(stage: &Stage) -> Option<gtk::Window> {
    chat(stage);
    stage.tell(office::desk());
    None
}

fn list_offer(stage: &Stage) -> Option<gtk::Window> {
    stage.tell(office::signed_in());
    stage.tell(office::desk());
    stage.tell([core(PeopleUpdate::SubscriptionRequested { jid: office::jid("nora.lindqvist") })]);
    None
}

fn about(stage: &Stage) -> Option<gtk::Window> {
    stage.tell(office::signed_in());
    gtk::prelude::WidgetExt::activate_action(&stage.window, "win.about", None).expect("the action is there");
    stage.settle();
    gtk::Window::list_toplevels()
        .into_iter()
        .find_map(|window| window.downcast::<adw::AboutWindow>().ok())
        .map(|about| about.upcast())
}

fn chat_failed(stage: &Stage) -> Option<gtk::Window> {
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
    tree::click_row(&tree::row(&stage.window, "Bob Stone"));
    stage.tell([office::timeline(office::with("bob"), talk, None)]);
    None
}

fn chat_empty(stage: &Stage) -> Option<gtk::Window> {
    stage.tell(office::signed_in());
    tree::click_row(&tree::row(&stage.window, "Raj Patel"));
    stage.tell([office::timeline(office::with("raj"), Vec::new(), None)]);
    None
}

fn first_start(stage: &Stage) -> Option<gtk::Window> {
    stage.tell([
        office::identity(),
        core(PeopleUpdate::Reset { people: office::people() }),
        core(ChatUpdate::ListReset { conversations: Vec::new() }),
        office::online(),
    ]);
    None
}

fn offline(stage: &Stage) -> Option<gtk::Window> {
    chat(stage);
    stage.tell([core(AccountUpdate::Connection(ConnectionState::Waiting {
        reason: "The network is down.".into(),
        retry_at: NOW.plus(12_000),
    }))]);
    None
}

fn people(stage: &Stage) -> Option<gtk::Window> {
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

fn rooms(stage: &Stage) -> Option<gtk::Window> {
    stage.tell(office::signed_in());
    tree::toggle(&stage.window, "Rooms").set_active(true);
    tree::click_row(&tree::row(&stage.window, "Works council"));
    stage.tell([core(RoomUpdate::Reset { rooms: office::rooms() })]);
    None
}

fn search(stage: &Stage) -> Option<gtk::Window> {
    chat(stage);
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

fn desk(stage: &Stage) -> Option<gtk::Window> {
    stage.tell(office::signed_in());
    stage.tell(office::desk());
    tree::toggle(&stage.window, "Desk").set_active(true);
    stage.settle();
    tree::click_row(&tree::row(&stage.window, "Mr Ott"));
    stage.settle();
    None
}

fn desk_idle(stage: &Stage) -> Option<gtk::Window> {
    stage.tell(office::signed_in());
    let idle = flint_runtime::agent::update::WorkgroupRow { current_chats: 0, ..office::workgroup() };
    stage.tell([flint_runtime::Update::Agent(flint_runtime::agent::AgentUpdate::Workgroups {
        workgroups: vec![idle],
    })]);
    tree::toggle(&stage.window, "Desk").set_active(true);
    stage.settle();
    None
}

fn signing_in(stage: &Stage) -> Option<gtk::Window> {
    stage.tell([
        office::identity(),
        core(office::capabilities()),
        core(AccountUpdate::Connection(ConnectionState::Connecting)),
    ]);
    let _ = stage.until("the spinner", || !tree::all::<gtk::Spinner>(&stage.window).is_empty());
    None
}

fn policy(stage: &Stage) -> Option<gtk::Window> {
    stage.tell(office::signed_in());
    stage.tell([office::policies()]);
    let window = PolicyWindow::new(&stage.session, Some(&stage.window));
    window.set_default_size(760, 860);
    window.present();
    stage.settle();
    Some(window.upcast())
}
