//! Conversations: what is said, written, and kept in view.

use super::{chat, in_view, started, with_bob};
use adw::prelude::*;
use anyhow::{Result, ensure};
use flint_runtime::Command;
use flint_runtime::core::command::ChatCommand;
use flint_runtime::core::model::{ConversationRow, DeliveryState, MessageRow};
use flint_runtime::core::update::ChatUpdate;
use flint_runtime::core::{Command as Core, MessageId};
use flint_test_ui::office::{self, core};
use flint_test_ui::tree;
use gtk::gdk::{Key, ModifierType};
use gtk::glib;

pub(super) fn timeline_shows(application: &adw::Application) -> Result<()> {
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

pub(super) fn own_lines_in_a_room(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    tree::click_row(&tree::row(&stage.window, "Facility"));
    let room = || office::room_id("facility");
    let vouched = MessageRow {
        sender: Some(office::jid("ann")),
        ..office::said("r1", room(), "annie", 40, "From the telephone.")
    };
    let claimed = office::said("r2", room(), "ann", 20, "I am somebody else.");
    let sent = MessageRow {
        sender_name: "ann".into(),
        ..office::wrote("r3", room(), 1, "From here.", DeliveryState::Acked)
    };
    stage.tell([office::timeline(room(), vec![vouched, claimed, sent], None)]);
    let heads: Vec<(String, bool)> = tree::all::<gtk::Label>(&stage.window)
        .into_iter()
        .filter(|label| label.has_css_class("sender"))
        .map(|label| (label.text().into(), label.has_css_class("mine")))
        .collect();
    let expected = [("Ann Meyer", true), ("ann", false), ("Ann Meyer", true)];
    ensure!(heads == expected.map(|(name, mine)| (name.to_owned(), mine)), "{heads:?}");
    Ok(())
}

pub(super) fn enter_sends(application: &adw::Application) -> Result<()> {
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

pub(super) fn failed_is_retried(application: &adw::Application) -> Result<()> {
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

pub(super) fn older_messages(application: &adw::Application) -> Result<()> {
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

pub(super) fn newest_in_view(application: &adw::Application) -> Result<()> {
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

pub(super) fn links_and_styles(application: &adw::Application) -> Result<()> {
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
