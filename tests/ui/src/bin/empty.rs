//! The smallest window there can be, to measure the client's memory against: `flint-empty`.

use adw::prelude::*;

fn main() -> gtk::glib::ExitCode {
    let application = adw::Application::builder()
        .application_id("org.flint.Flint.Empty")
        .flags(gtk::gio::ApplicationFlags::NON_UNIQUE)
        .build();
    application.connect_activate(|application| {
        let window = adw::ApplicationWindow::builder().application(application).title("Empty").build();
        window.set_default_size(1100, 720);
        window.present();
    });
    application.run()
}
