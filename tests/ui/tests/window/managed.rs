//! What the organisation's policy makes of the window: each lock in each place, by mouse and by keyboard.

use super::started;
use adw::prelude::*;
use anyhow::{Result, ensure};
use flint_runtime::core::capability::Management;
use flint_runtime::core::command::AccountCommand;
use flint_runtime::core::model::Show;
use flint_runtime::core::{Capabilities, Command as Core, Verdict};
use flint_runtime::{Command, PolicyCommand};
use flint_test_ui::office::{self, core};
use flint_test_ui::{Stage, tree};

const LOCKED: &str = "Managed by example.test: GroupChatAllowed";

fn denied(policy: &str) -> Verdict {
    Verdict::Denied { policy: policy.into(), managed_by: "example.test".into() }
}

fn no_rooms() -> Capabilities {
    Capabilities { group_chat: denied("GroupChatAllowed"), ..office::capabilities() }
}

pub(super) fn rooms_locked(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    stage.tell([core(no_rooms())]);
    tree::toggle(&stage.window, "Rooms").set_active(true);
    stage.settle();
    let row = tree::row(&stage.window, "Lunch");
    let join = tree::button(&row, "Join");
    ensure!(!join.is_sensitive() && join.tooltip_text().as_deref() == Some(LOCKED));
    let leave = tree::button(&tree::row(&stage.window, "Facility"), "Leave");
    ensure!(leave.is_sensitive(), "nobody is kept in a room");
    let entries: Vec<gtk::Entry> = tree::all(&stage.window);
    let address = entries.iter().find(|entry| entry.tooltip_text().as_deref() == Some(LOCKED));
    let address = address.expect("the address of a room is locked");
    ensure!(!address.is_sensitive());
    tree::click_row(&row);
    stage.settle();
    ensure!(!tree::button(&stage.window, "Join room").is_sensitive(), "the bar in the conversation");
    let _ = stage.commands();
    // Pressed all the same, as a shortcut or an old notification does it.
    address.set_text("lunch@conference.example.test");
    address.emit_activate();
    join.emit_clicked();
    let commands = stage.commands();
    ensure!(!commands.iter().any(|command| matches!(command, Command::Core(Core::Room(_)))), "{commands:?}");
    stage.until("it says why", || tree::reads(&stage.window, LOCKED))?;
    stage.tell([core(office::capabilities())]);
    ensure!(tree::button(&tree::row(&stage.window, "Lunch"), "Join").is_sensitive(), "open again at once");
    Ok(())
}

pub(super) fn contacts_locked(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let windows = gtk::Window::list_toplevels().len();
    gtk::prelude::WidgetExt::activate_action(&stage.window, "win.add-contact", None)?;
    stage.settle();
    ensure!(gtk::Window::list_toplevels().len() == windows, "the shortcut opens nothing");
    Ok(())
}

pub(super) fn management_required(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let reason = "No verified policy of example.test is on this computer.";
    let missing =
        Capabilities { management: Management::Missing { reason: reason.into() }, ..office::capabilities() };
    stage.tell([core(missing)]);
    ensure!(tree::reads(&stage.window, reason), "{:?}", tree::texts(&stage.window));
    for chat in ["Bob Stone", "Chats", "Use a password…", "What was tried"] {
        ensure!(!tree::reads(&stage.window, chat), "{chat:?} shows without a policy");
    }
    let _ = stage.commands();
    tree::button(&stage.window, "Try again").emit_clicked();
    let expected =
        [Command::Policy(PolicyCommand::Refresh), Command::Core(Core::Account(AccountCommand::SignIn))];
    ensure!(stage.commands() == expected);
    stage.tell([core(office::capabilities())]);
    ensure!(tree::reads(&stage.window, "Bob Stone"), "chat is there as soon as the policy is");
    Ok(())
}

pub(super) fn ticket_only(application: &adw::Application) -> Result<()> {
    let stage = Stage::open(application, 760, 760);
    stage.tell([office::identity(), core(office::capabilities()), office::no_ticket()]);
    ensure!(tree::reads(&stage.window, "Use a password…"));
    let only = Capabilities { single_sign_on_required: true, ..office::capabilities() };
    stage.tell([core(only)]);
    ensure!(!tree::reads(&stage.window, "Use a password…"), "no password where only the ticket counts");
    ensure!(tree::reads(&stage.window, "What was tried") && tree::has_button(&stage.window, "Try again"));
    Ok(())
}

pub(super) fn status_presets(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let presets =
        vec![("On the phone".to_owned(), Show::DoNotDisturb), ("Shop floor".to_owned(), Show::Away)];
    stage.tell([core(Capabilities { status_presets: presets, ..office::capabilities() })]);
    let menu = tree::all::<gtk::MenuButton>(&stage.window).into_iter();
    let menu = menu.into_iter().find(|button| tree::reads(button, "Ann Meyer")).expect("the own card");
    menu.popup();
    stage.settle();
    let popover = menu.popover().expect("the presence menu");
    ensure!(tree::reads(&popover, "Shop floor"));
    let _ = stage.commands();
    tree::button(&popover, "On the phone").emit_clicked();
    let set = AccountCommand::SetPresence { show: Show::DoNotDisturb, status: "On the phone".into() };
    ensure!(stage.commands() == [Command::Core(Core::Account(set))]);
    stage.tell([core(office::capabilities())]);
    ensure!(!tree::reads(&popover, "Shop floor"), "what the policy takes back goes");
    Ok(())
}
