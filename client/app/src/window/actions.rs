//! Everything that can be done by keyboard, as actions of the window.

use crate::window::sidebar::{Target, View};
use crate::window::{Window, imp};
use adw::prelude::*;
use adw::subclass::prelude::*;

/// Keys of the actions; `shortcuts.ui` lists the same ones.
pub(crate) const ACCELERATORS: &[(&str, &[&str])] = &[
    ("win.search", &["<Control>k"]),
    ("win.new-chat", &["<Control>n"]),
    ("win.add-contact", &["<Control><Shift>n"]),
    ("win.close-tab", &["<Control>w"]),
    ("win.reopen-tab", &["<Control><Shift>t"]),
    ("win.next-tab", &["<Control>Tab", "<Control>Page_Down"]),
    ("win.previous-tab", &["<Control><Shift>Tab", "<Control>Page_Up"]),
    ("win.show-chats", &["<Control>1"]),
    ("win.show-people", &["<Control>2"]),
    ("win.show-rooms", &["<Control>3"]),
    ("win.show-desk", &["<Control>4"]),
    ("win.pin", &["<Control>p"]),
    ("win.customer", &["F9"]),
    ("win.accept-offer", &["<Control>Return", "<Control>KP_Enter"]),
    ("win.policies", &["<Control><Shift>p"]),
    ("win.show-help-overlay", &["<Control>question"]),
    ("window.close", &["<Control>q"]),
];

/// Installs the actions on the window's class.
pub(super) fn install(class: &mut <imp::Window as ObjectSubclass>::Class) {
    let mut act =
        |name: &str, run: fn(&Window)| class.install_action(name, None, move |window, _, _| run(window));
    act("win.search", |window| {
        window.imp().leaflet.set_visible_child_name("sidebar");
        window.imp().sidebar.search();
    });
    act("win.new-chat", |window| {
        window.imp().leaflet.set_visible_child_name("sidebar");
        window.imp().sidebar.show(View::People);
        window.imp().sidebar.search();
    });
    act("win.add-contact", |window| {
        window.imp().sidebar.show(View::People);
        window.imp().sidebar.add_contact();
    });
    act("win.close-tab", |window| window.imp().tabs.close_current());
    act("win.reopen-tab", |window| window.imp().tabs.reopen());
    act("win.next-tab", |window| window.imp().tabs.step(true));
    act("win.previous-tab", |window| window.imp().tabs.step(false));
    act("win.show-chats", |window| show(window, View::Chats));
    act("win.show-people", |window| show(window, View::People));
    act("win.show-rooms", |window| show(window, View::Rooms));
    act("win.show-desk", |window| {
        if !window.session().desk().workgroups().is_empty() {
            show(window, View::Desk);
        }
    });
    act("win.pin", |window| window.imp().tabs.toggle_pin());
    act("win.customer", |window| window.imp().desk.toggle_customer());
    act("win.accept-offer", |window| {
        if crate::desk::accept_oldest(window.session()) {
            window.show_desk(None);
        }
    });
    act("win.policies", |window| crate::policy::PolicyWindow::new(window.session(), Some(window)).present());
    act("win.doctor", |window| crate::doctor::window(window.session(), window).present());
    act("win.about", about);
    for number in 1..=9 {
        class.install_action(&format!("win.tab-{number}"), None, move |window, _, _| {
            window.imp().tabs.select(number)
        });
    }
}

/// Sets the keys, once per application.
pub fn set_accelerators(application: &impl IsA<gtk::Application>) {
    for (action, keys) in ACCELERATORS {
        application.set_accels_for_action(action, keys);
    }
    for number in 1..=9 {
        application.set_accels_for_action(&format!("win.tab-{number}"), &[&format!("<Alt>{number}")]);
    }
}

fn show(window: &Window, view: View) {
    window.imp().leaflet.set_visible_child_name("sidebar");
    window.imp().sidebar.show(view);
    window.go(Target::View(view));
}

fn about(window: &Window) {
    let about = adw::AboutWindow::builder()
        .application_name("Flint")
        .application_icon(crate::APPLICATION_ID)
        .version(env!("CARGO_PKG_VERSION"))
        .comments("Chat and support desk of your organisation")
        .license_type(gtk::License::Apache20)
        .transient_for(window)
        .build();
    about.present();
}
