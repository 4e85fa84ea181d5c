//! The application around one client: start, notifications' actions, end.

use crate::projection::Session;
use crate::start::{Begin, start_window};
use crate::window::Window;
use crate::{APPLICATION_ID, load_style, notifications, pace};
use adw::prelude::*;
use flint_runtime::{Client, Options};
use gtk::{gio, glib};
use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::rc::Rc;

/// Runs the window until it is closed. A second start runs a second, separate client: each has an account, a state
/// directory and a connection of its own.
pub fn run(options: Options) -> ExitCode {
    let application = adw::Application::builder()
        .application_id(APPLICATION_ID)
        .flags(gio::ApplicationFlags::NON_UNIQUE)
        .build();
    let started = Rc::new(Cell::new(false));
    let options = RefCell::new(Some(options));
    application.connect_startup(|application| {
        load_style();
        crate::window::set_accelerators(application);
    });
    application.connect_activate(glib::clone!(
        #[strong]
        started,
        move |application| {
            if let Some(window) = application.active_window() {
                return window.present();
            }
            let Some(options) = options.take() else { return };
            let begin = begin(application, &started);
            if let Err(error) = begin(options.clone()) {
                start_window(application, options, &error, begin).present();
            }
        }
    ));
    let code = application.run_with_args::<&str>(&[]);
    if code == glib::ExitCode::SUCCESS && started.get() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Starts a client and opens its window; what goes wrong is written to the log as well.
fn begin(application: &adw::Application, started: &Rc<Cell<bool>>) -> Begin {
    let (application, started) = (application.downgrade(), started.clone());
    Rc::new(move |options| {
        let client = Client::start(options).inspect_err(|error| tracing::error!("{error}"))?;
        if let Some(application) = application.upgrade() {
            started.set(true);
            open(&application, client);
        }
        Ok(())
    })
}

fn open(application: &adw::Application, client: Client) {
    let session = Session::new(client, Session::system_clock());
    let window = Window::new(application, &session);
    install_actions(application, &window, &session);
    notifications::attach(application, &window, &session);
    pace::watch(&window, &session);
    session.follow();
    window.present();
}

/// Actions that a notification calls.
fn install_actions(application: &adw::Application, window: &Window, session: &Session) {
    let with_window =
        |name: &str, parameter: Option<&glib::VariantTy>, run: fn(&Window, Option<&glib::Variant>)| {
            let action = gio::SimpleAction::new(name, parameter);
            action.connect_activate(glib::clone!(
                #[weak]
                window,
                move |_, target| {
                    run(&window, target);
                    window.present();
                }
            ));
            application.add_action(&action);
        };
    with_window("show-desk", None, |window, _| window.show_desk(None));
    with_window("open", glib::VariantTy::new("(bs)").ok(), |window, target| {
        if let Some(id) = target.and_then(notifications::conversation) {
            window.open(&id);
        }
    });
    for (name, accept) in [("accept-offer", true), ("decline-offer", false)] {
        let action = gio::SimpleAction::new(name, Some(glib::VariantTy::STRING));
        let session = session.clone();
        let window = window.downgrade();
        action.connect_activate(move |_, target| {
            let Some(offer) = target.and_then(glib::Variant::get::<String>) else { return };
            let answered = crate::desk::answer_by_id(&session, &offer, accept);
            if accept && let Some(window) = window.upgrade() {
                // Also when it came too late: the desk shows what became of it.
                window.show_desk(None);
                window.present();
                if !answered {
                    window.tell("This offer can't be accepted any more, or there is no connection.");
                }
            }
        });
        application.add_action(&action);
    }
}
