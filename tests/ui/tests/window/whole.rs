//! The window as a whole: sign-in, policy, narrow, hostile and plain wrong input, the end.

use super::{started, with_bob};
use adw::prelude::*;
use anyhow::{Result, ensure};
use flint_runtime::agent::AgentUpdate;
use flint_runtime::agent::update::OfferEnd;
use flint_runtime::core::command::AccountCommand;
use flint_runtime::core::model::{ConnectionState, DeliveryState};
use flint_runtime::core::update::{AccountUpdate, ChatUpdate, PeopleUpdate};
use flint_runtime::core::{Capabilities, Command as Core, MessageId};
use flint_runtime::policy::MASK;
use flint_runtime::{AccountOptions, Command, Options, PolicyCommand, SignIn, StartError, Update};
use flint_test_ui::office::{self, core};
use flint_test_ui::stage::NOW;
use flint_test_ui::{Stage, disguise, screens, tree};
use std::cell::RefCell;
use std::rc::Rc;

pub(super) fn every_widget_constructs(application: &adw::Application) -> Result<()> {
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

pub(super) fn sign_in(application: &adw::Application) -> Result<()> {
    let stage = Stage::open(application, 760, 760);
    stage.tell([office::identity(), office::no_ticket()]);
    let offers_password =
        || tree::all::<adw::ExpanderRow>(&stage.window).iter().any(|row| row.title() == "Use a password…");
    ensure!(!offers_password(), "a password is offered before it is known that it may be used");
    stage.tell([core(Capabilities::default())]);
    for text in ["No Kerberos ticket", "What to do", "What was tried"] {
        ensure!(tree::reads(&stage.window, text), "{text:?} is missing in {:?}", tree::texts(&stage.window));
    }
    let _ = stage.commands();
    tree::button(&stage.window, "Try again").emit_clicked();
    ensure!(stage.commands() == [Command::Core(Core::Account(AccountCommand::SignIn))]);
    stage.tell([core(AccountUpdate::Connection(ConnectionState::Connecting))]);
    ensure!(tree::reads(&stage.window, "Signing in as ann@example.test"));
    ensure!(!tree::has_button(&stage.window, "Try again"));
    stage.tell([office::no_ticket()]);
    expand(&stage, "Use a password…");
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

fn expand(stage: &Stage, title: &str) {
    let expanders = tree::all::<adw::ExpanderRow>(&stage.window);
    let expander = expanders.iter().find(|row| row.title() == title).expect("it is on screen");
    expander.set_expanded(true);
}

pub(super) fn sign_in_checks(application: &adw::Application) -> Result<()> {
    let stage = Stage::open(application, 760, 900);
    stage.tell([office::identity(), office::unknown_service()]);
    ensure!(!stage.commands().contains(&Command::Doctor), "nothing is tried before somebody asks");
    expand(&stage, "What was tried");
    ensure!(stage.commands() == [Command::Doctor]);
    ensure!(tree::reads(&stage.window, "Checking: 0 of 7 done"));
    stage.tell([office::checks(2)]);
    ensure!(tree::reads(&stage.window, "Checking: 2 of 7 done"), "{:?}", tree::texts(&stage.window));
    ensure!(
        tree::reads(&stage.window, "chat.example.test:5222") && tree::reads(&stage.window, "Not checked yet")
    );
    stage.tell([office::checks(7)]);
    for text in ["5 of 7 checks passed · Ticket for the server failed", "GSSAPI"] {
        ensure!(tree::reads(&stage.window, text), "{text:?} is missing in {:?}", tree::texts(&stage.window));
    }
    let step = "Kerberos knows no service xmpp/chat.example.test.\nAsk your administrator for the principal \
                xmpp/chat.example.test.";
    ensure!(tree::reads(&stage.window, step), "what was found, and what to do");
    tree::button(&stage.window, "Copy report").emit_clicked();
    stage.until("it is said", || tree::reads(&stage.window, "Report copied."))?;
    stage.tell([core(AccountUpdate::Connection(ConnectionState::Connecting))]);
    let _ = stage.commands();
    tree::button(&stage.window, "Cancel").emit_clicked();
    ensure!(stage.commands() == [Command::Core(Core::Account(AccountCommand::SignOut))]);
    stage.tell([office::unknown_service()]);
    ensure!(!stage.commands().contains(&Command::Doctor), "no second sign-in at each refusal");
    tree::button(&stage.window, "Check again").emit_clicked();
    ensure!(stage.commands() == [Command::Doctor] && tree::reads(&stage.window, "Checking: 0 of 7 done"));
    Ok(())
}

pub(super) fn certificate(application: &adw::Application) -> Result<()> {
    let stage = Stage::open(application, 760, 760);
    stage.tell([office::identity(), office::wrong_certificate()]);
    for text in ["This is another server", "Server", "example.test", "What to tell your administrator"] {
        ensure!(tree::reads(&stage.window, text), "{text:?} is missing in {:?}", tree::texts(&stage.window));
    }
    ensure!(tree::has_button(&stage.window, "Try again"));
    let texts = tree::texts(&stage.window).join(" ").to_lowercase();
    for way in ["anyway", "accept", "password", "continue"] {
        ensure!(!texts.contains(way), "there is no way past it: {texts}");
    }
    Ok(())
}

pub(super) fn connection_check(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let _ = stage.commands();
    let before = gtk::Window::list_toplevels();
    gtk::prelude::WidgetExt::activate_action(&stage.window, "win.doctor", None)?;
    ensure!(stage.commands() == [Command::Doctor]);
    let window = gtk::Window::list_toplevels().into_iter().find(|window| !before.contains(window));
    let window = window.expect("a window");
    ensure!(!tree::button(&window, "Copy report").is_sensitive(), "not before there is something to copy");
    stage.tell([office::checks(7)]);
    ensure!(tree::reads(&window, "5 of 7 checks passed · Ticket for the server failed"));
    ensure!(tree::button(&window, "Copy report").is_sensitive());
    tree::button(&window, "Check again").emit_clicked();
    ensure!(stage.commands() == [Command::Doctor] && tree::reads(&window, "Checking: 0 of 7 done"));
    if let Some(window) = window.downcast_ref::<gtk::Window>() {
        window.destroy();
    }
    Ok(())
}

pub(super) fn no_client(application: &adw::Application) -> Result<()> {
    let stage = Stage::open(application, 360, 300);
    let tried: Rc<RefCell<Vec<AccountOptions>>> = Rc::default();
    let seen = tried.clone();
    let begin: flint::Begin = Rc::new(move |options| {
        let by_password = matches!(options.account.sign_in, SignIn::Password(_));
        seen.borrow_mut().push(options.account);
        let error = StartError::AlreadyRunning("Flint runs already for ann@example.test.".into());
        if by_password { Ok(()) } else { Err(error) }
    });
    let error = StartError::NoAccount("There is no ticket. Run kinit in a terminal.".into());
    let window = flint::start_window(application, Options::default(), &error, begin);
    window.present();
    stage.settle();
    ensure!(
        tree::reads(&window, "No Kerberos ticket") && tree::mentions(&window, "Run kinit in a terminal.")
    );
    let address =
        tree::all::<adw::EntryRow>(&window).into_iter().find(|row| !row.is::<adw::PasswordEntryRow>());
    let (address, password) =
        (address.expect("an address"), tree::all::<adw::PasswordEntryRow>(&window).remove(0));
    password.set_text("correct horse");
    address.set_text("example.test");
    ensure!(!tree::button(&window, "Sign in").is_sensitive(), "a domain is no account");
    address.set_text("ann@example.test");
    ensure!(tree::button(&window, "Sign in").is_sensitive());
    tree::button(&window, "Try again").emit_clicked();
    stage.settle();
    ensure!(tree::reads(&window, "Flint runs already") && !tree::has_button(&window, "Sign in"));
    ensure!(window.is_visible(), "a failure closes nothing");
    password.emit_by_name::<()>("entry-activated", &[]);
    stage.until("the window goes", || !window.is_visible())?;
    let tried = tried.borrow();
    let [ticket, by_password] = tried.as_slice() else { anyhow::bail!("tried {}", tried.len()) };
    ensure!(ticket.jid.is_none() && matches!(ticket.sign_in, SignIn::Ticket));
    ensure!(by_password.jid == Some(office::jid("ann")));
    ensure!(matches!(&by_password.sign_in, SignIn::Password(password) if password.0 == "correct horse"));
    ensure!(password.text().is_empty(), "the password does not stay on screen");
    Ok(())
}

pub(super) fn offline(application: &adw::Application) -> Result<()> {
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

pub(super) fn one_toast(application: &adw::Application) -> Result<()> {
    let stage = with_bob(application);
    let all = ["First.", "Second.", "Third."];
    stage.tell(all.map(|sentence| Update::Fatal(sentence.into())));
    stage.until("the newest", || tree::reads(&stage.window, "Third."))?;
    stage.until("the others go", || all[..2].iter().all(|old| !tree::reads(&stage.window, old)))?;
    let label = tree::all::<gtk::Label>(&stage.window).into_iter().find(|label| label.text() == "Third.");
    let toast = label.and_then(|label| label.compute_bounds(&stage.window)).expect("a toast");
    let composer = tree::composer(&stage.window).compute_bounds(&stage.window).expect("a composer");
    ensure!(toast.y() + toast.height() < composer.y(), "{toast:?} covers {composer:?}");
    // Not one after the other, each for its time.
    stage.until("the newest goes", || !tree::reads(&stage.window, "Third."))?;
    ensure!(all.iter().all(|old| !tree::reads(&stage.window, old)));
    Ok(())
}

fn clipboard(stage: &Stage, window: &impl IsA<gtk::Widget>) -> Result<String> {
    let read: Rc<RefCell<Option<String>>> = Rc::default();
    let into = read.clone();
    window.clipboard().read_text_async(gtk::gio::Cancellable::NONE, move |text| {
        into.replace(text.ok().flatten().map(Into::into));
    });
    stage.until("the clipboard is read", || read.borrow().is_some())?;
    read.take().ok_or_else(|| anyhow::anyhow!("nothing was copied"))
}

pub(super) fn policy_page(application: &adw::Application) -> Result<()> {
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
    for value in [
        "On the phone (dnd), Shop floor until noon (away)",
        "https://www.example.test/logo.png (SHA-256 abababab…)",
        MASK,
    ] {
        ensure!(tree::reads(&window, value), "{value:?} is missing in {:?}", tree::texts(&window));
    }
    ensure!(!tree::mentions(&window, office::SECRET));
    tree::button(&window, "Copy as JSON").emit_clicked();
    stage.until("it is said", || tree::reads(&window, "Copied as JSON."))?;
    let copied = clipboard(&stage, &window)?;
    ensure!(!copied.contains(office::SECRET), "a secret got out");
    let copied: serde_json::Value = serde_json::from_str(&copied)?;
    let value = |name: &str| copied["rows"].as_array()?.iter().find(|row| row["name"] == name)?.get("json");
    ensure!(value("ProxyPassword").is_some_and(|value| value == MASK));
    ensure!(value("StatusPresets").is_some_and(|value| value["On the phone"] == "dnd"));
    ensure!(value("BrandImage").is_some_and(|value| value["url"] == "https://www.example.test/logo.png"));
    let _ = stage.commands();
    tree::button(&window, "Fetch now").emit_clicked();
    ensure!(stage.commands() == [Command::Policy(PolicyCommand::Refresh)]);
    tree::all::<gtk::SearchEntry>(&window)[0].set_text("retention");
    stage.until("the filter", || !tree::reads(&window, "ContactAddingAllowed"))?;
    ensure!(tree::reads(&window, "HistoryRetentionDays"));
    window.destroy();
    Ok(())
}

pub(super) fn folds(application: &adw::Application) -> Result<()> {
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

pub(super) fn long_words_fit(application: &adw::Application) -> Result<()> {
    for (name, _, play) in screens::all() {
        let (width, height) = screens::NARROW;
        let stage = Stage::open(application, width, height).disguised(disguise::german);
        let other = play(&stage).and_downcast::<gtk::Window>();
        // GTK's own page of shortcuts has two columns always.
        let other = other.filter(|window| !window.is::<gtk::ShortcutsWindow>());
        ensure!(stage.window.width() <= width, "{name} is {} pixels wide", stage.window.width());
        if let Some(window) = other {
            // The shadow around a window is none of its width.
            let child = window.child().expect("every window holds something");
            let (least, ..) = child.measure(gtk::Orientation::Horizontal, -1);
            ensure!(least <= width, "{name} can't be less than {least} pixels wide");
            window.destroy();
        }
    }
    Ok(())
}

pub(super) fn hostile_text(application: &adw::Application) -> Result<()> {
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

pub(super) fn unknown_things(application: &adw::Application) -> Result<()> {
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

pub(super) fn closing_quits(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    let _ = stage.commands();
    stage.window.close();
    ensure!(stage.commands() == [Command::Quit]);
    ensure!(stage.window.is_visible(), "the window stays until everything is written down");
    stage.tell([Update::Ended]);
    ensure!(!stage.window.is_visible());
    Ok(())
}

pub(super) fn closing_is_bounded(application: &adw::Application) -> Result<()> {
    let stage = started(application);
    stage.window.close();
    ensure!(stage.commands().ends_with(&[Command::Quit]) && stage.window.is_visible());
    let window = stage.window.clone();
    stage.until("the window goes", || !window.is_visible())
}
