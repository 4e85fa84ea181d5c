//! The support desk.

use super::{started, with_bob};
use adw::prelude::*;
use anyhow::{Result, ensure};
use flint_runtime::agent::update::{OfferEnd, WorkgroupRow};
use flint_runtime::agent::{AgentCommand, AgentUpdate};
use flint_runtime::core::model::ConnectionState;
use flint_runtime::core::update::AccountUpdate;
use flint_runtime::{Command, Update};
use flint_test_ui::office::{self, core};
use flint_test_ui::stage::NOW;
use flint_test_ui::tree;
use gtk::gdk::{Key, ModifierType};

pub(super) fn offers(application: &adw::Application) -> Result<()> {
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
    stage.pass(61_000);
    stage.until("the waiting time to go on", || tree::reads(&stage.window, "5 waiting · oldest 4:21"))?;
    stage.pass(-61_000);
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

pub(super) fn customer_chat(application: &adw::Application) -> Result<()> {
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
    for (answer, expected) in [
        ("Cancel", Vec::new()),
        ("End chat now", vec![Command::Agent(AgentCommand::EndChat { session: "s-sand".into() })]),
    ] {
        tree::button(&stage.window, "End chat").emit_clicked();
        ensure!(stage.commands().is_empty(), "it is asked first");
        let dialog = tree::dialog().expect("a question");
        ensure!(tree::reads(&dialog, "End the chat with Ms Sand?"), "{:?}", tree::texts(&dialog));
        ensure!(dialog.default_response().as_deref() == Some("end"), "Enter ends the chat");
        tree::button(&dialog, answer).emit_clicked();
        ensure!(stage.commands() == expected, "after {answer}");
        drop(dialog);
        stage.until("the question goes", || tree::dialog().is_none())?;
    }
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

pub(super) fn desk_offline(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    stage.tell(office::desk());
    tree::toggle(&stage.window, "Desk").set_active(true);
    stage.settle();
    ensure!(
        tree::reads(&stage.window, "2 of 3 chats · 6 waiting") && tree::reads(&stage.window, "Available")
    );
    stage.tell([office::network_down()]);
    let texts = tree::texts(&stage.window);
    ensure!(texts.iter().any(|text| text == "Offline"), "the own card: {texts:?}");
    ensure!(
        texts.iter().any(|text| text == "Not connected") && texts.iter().any(|text| text == "not connected")
    );
    for stale in ["Available", "waiting", "of 3 chats", "free", "●"] {
        ensure!(!texts.iter().any(|text| text.contains(stale)), "{stale:?} is not known now: {texts:?}");
    }
    ensure!(texts.iter().any(|text| text == "Ms Sand"), "own chats stay in the list");
    stage.tell([core(AccountUpdate::Connection(ConnectionState::Connecting))]);
    ensure!(
        tree::texts(&stage.window).iter().filter(|text| *text == "Connecting…").count() >= 2,
        "banner, card"
    );
    stage.tell([office::online()]);
    ensure!(
        tree::reads(&stage.window, "2 of 3 chats · 6 waiting") && tree::reads(&stage.window, "Available")
    );
    stage.tell([office::online()]);
    stage.tell([Update::Agent(AgentUpdate::Offer { offer: office::offer("o3") })]);
    ensure!(tree::button(&stage.window, "Accept").is_sensitive());
    stage.tell([office::network_down()]);
    let _ = stage.commands();
    for answer in ["Accept", "Decline"] {
        ensure!(!tree::button(&stage.window, answer).is_sensitive(), "{answer} would be heard by nobody");
    }
    gtk::prelude::WidgetExt::activate_action(&stage.window, "win.accept-offer", None)?;
    ensure!(stage.commands().is_empty(), "the keyboard accepts nothing either");
    Ok(())
}

pub(super) fn desk_join(application: &adw::Application) -> Result<()> {
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
