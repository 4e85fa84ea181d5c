//! The window over a played client: what updates make of it, which commands it sends.
//!
//! Needs a display; `cargo xtask test ui` brings one.

mod desk;
mod lists;
mod managed;
mod spoken;
mod timeline;
mod whole;

use adw::prelude::*;
use anyhow::{Result, ensure};
use flint_runtime::Command;
use flint_runtime::core::Command as Core;
use flint_runtime::core::command::ChatCommand;
use flint_test_ui::office::{self};
use flint_test_ui::stage::{self};
use flint_test_ui::{Stage, tree};
use gtk::glib;

type Case = (&'static str, fn(&adw::Application) -> Result<()>);

const CASES: &[Case] = &[
    ("every widget constructs", whole::every_widget_constructs),
    ("everything that takes the focus has a name", spoken::everything_has_a_name),
    ("the keyboard begins where one acts", spoken::keyboard_begins),
    ("updates fill the list", lists::updates_fill_the_list),
    ("a timeline shows who said what", timeline::timeline_shows),
    ("own lines in a room have one name and look", timeline::own_lines_in_a_room),
    ("enter sends, shift+enter does not", timeline::enter_sends),
    ("a failed message can be retried", timeline::failed_is_retried),
    ("older messages are asked for and put above", timeline::older_messages),
    ("the newest message stays in view", timeline::newest_in_view),
    ("policy locks the contact button", lists::policy_locks),
    ("search shows people, rooms, messages", lists::search_finds),
    ("a search hit shows its message", lists::search_hit_is_shown),
    ("tabs by keyboard", lists::tabs_by_keyboard),
    ("offers come, are answered, and go", desk::offers),
    ("a chat with a customer", desk::customer_chat),
    ("an agent who is in no workgroup joins one", desk::desk_join),
    ("without a connection the desk knows nothing", desk::desk_offline),
    ("one sentence at a time", whole::one_toast),
    ("without a ticket there is a window", whole::no_client),
    ("sign-in says what is wrong", whole::sign_in),
    ("what was tried is listed as it goes", whole::sign_in_checks),
    ("there is no way past a wrong certificate", whole::certificate),
    ("a policy against rooms locks every way into one", managed::rooms_locked),
    ("a policy against contacts holds for the keyboard", managed::contacts_locked),
    ("no chat before a policy that is required", managed::management_required),
    ("no password where only the ticket counts", managed::ticket_only),
    ("ready-made status texts are in the presence menu", managed::status_presets),
    ("the connection check is in the menu", whole::connection_check),
    ("offline is said and can be ended", whole::offline),
    ("rooms are joined and left", lists::rooms),
    ("who asks for presence is allowed or denied", lists::presence_requests),
    ("the policy page", whole::policy_page),
    ("one pane at 360 pixels", whole::folds),
    ("every screen with long words fits into 360 pixels", whole::long_words_fit),
    ("hostile text stays text", whole::hostile_text),
    ("links and styles in messages", timeline::links_and_styles),
    ("updates about unknown things change nothing", whole::unknown_things),
    ("fifty thousand people", lists::many_people),
    ("closing quits the client first", whole::closing_quits),
    ("a client that does not end is not waited for", whole::closing_is_bounded),
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

fn scroller(stage: &Stage, text: &str) -> gtk::ScrolledWindow {
    let list = tree::all::<gtk::ListBox>(&stage.window).into_iter().find(|list| tree::mentions(list, text));
    let scroller = list.and_then(|list| list.ancestor(gtk::ScrolledWindow::static_type()));
    scroller.and_downcast().expect("the timeline scrolls")
}

fn in_view(stage: &Stage, text: &str) -> bool {
    let scroller = scroller(stage, text);
    let row = tree::all::<gtk::ListBoxRow>(&scroller).into_iter().rfind(|row| tree::reads(row, text));
    let bounds = row.and_then(|row| row.compute_bounds(&scroller)).expect("the row is shown");
    bounds.height() > 0.0 && bounds.y() >= 0.0 && bounds.y() + bounds.height() <= scroller.height() as f32
}
