//! The window shown when no client could be started: what is wrong, and another way in.

use crate::{text, widgets};
use adw::prelude::*;
use flint_runtime::core::BareJid;
use flint_runtime::{Options, SignIn, StartError};
use gtk::glib;
use std::cell::RefCell;
use std::rc::Rc;

/// Starts a client with these options, and shows it.
pub type Begin = Rc<dyn Fn(Options) -> Result<(), StartError>>;

struct Start {
    window: adw::ApplicationWindow,
    page: adw::StatusPage,
    entries: adw::PreferencesGroup,
    address: adw::EntryRow,
    password: adw::PasswordEntryRow,
    sign_in: gtk::Button,
    options: RefCell<Options>,
    begin: Begin,
}

/// A window that says why there is no client. It closes itself once `begin` has succeeded.
pub fn start_window(
    application: &impl IsA<gtk::Application>,
    options: Options,
    error: &StartError,
    begin: Begin,
) -> adw::ApplicationWindow {
    let window = adw::ApplicationWindow::builder()
        .application(application)
        .title("Flint")
        .default_width(760)
        .default_height(680)
        .build();
    let again = gtk::Button::builder().label("Try again").halign(gtk::Align::Center).build();
    again.set_css_classes(&["pill", "suggested-action"]);
    let address = adw::EntryRow::builder().title("Address, such as ann@example.org").build();
    let password = adw::PasswordEntryRow::builder().title("Password").build();
    widgets::name(&address, "Address");
    widgets::name(&password, "Password");
    let sign_in = gtk::Button::builder().label("Sign in").valign(gtk::Align::Center).sensitive(false).build();
    password.add_suffix(&sign_in);
    let entries = adw::PreferencesGroup::builder()
        .title("Use a password")
        .description("Kept in memory only, for this session")
        .build();
    entries.add(&address);
    entries.add(&password);
    let column = gtk::Box::new(gtk::Orientation::Vertical, 24);
    column.append(&again);
    column.append(&entries);
    let clamp = adw::Clamp::builder().maximum_size(520).child(&column).build();
    let page = adw::StatusPage::builder().vexpand(true).child(&clamp).build();
    let whole = gtk::Box::new(gtk::Orientation::Vertical, 0);
    whole.append(&adw::HeaderBar::new());
    whole.append(&page);
    window.set_content(Some(&whole));

    if let Some(jid) = &options.account.jid {
        address.set_text(jid.as_str());
    }
    let options = RefCell::new(options);
    let start = Rc::new(Start { window, page, entries, address, password, sign_in, options, begin });
    start.say(error);
    start.connect(&again);
    start.window.clone()
}

impl Start {
    fn connect(self: &Rc<Self>, again: &gtk::Button) {
        // The widgets keep what they call; it goes with them when the window is destroyed.
        let weak = || Rc::downgrade(self);
        let start = self.clone();
        again.connect_clicked(move |_| start.try_again());
        let start = weak();
        self.sign_in.connect_clicked(move |_| {
            if let Some(start) = start.upgrade() {
                start.use_password();
            }
        });
        let start = weak();
        self.address.connect_changed(move |_| {
            if let Some(start) = start.upgrade() {
                start.refresh();
            }
        });
        let start = weak();
        self.password.connect_changed(move |_| {
            if let Some(start) = start.upgrade() {
                start.refresh();
            }
        });
        let start = weak();
        self.password.connect_entry_activated(move |_| {
            if let Some(start) = start.upgrade() {
                start.use_password();
            }
        });
    }

    fn account(&self) -> Option<BareJid> {
        let jid: BareJid = self.address.text().trim().parse().ok()?;
        jid.node().is_some().then_some(jid)
    }

    fn refresh(&self) {
        let address = self.address.text();
        let is_wrong = !address.trim().is_empty() && self.account().is_none();
        widgets::set_class(&self.address, "error", is_wrong);
        self.sign_in.set_sensitive(self.account().is_some() && !self.password.text().is_empty());
    }

    fn say(&self, error: &StartError) {
        let (icon, title, by_password) = match error {
            StartError::NoAccount(_) => ("dialog-password-symbolic", "No Kerberos ticket", true),
            StartError::Files(_) => ("dialog-error-symbolic", "Flint can't use its files", false),
            StartError::AlreadyRunning(_) => ("dialog-information-symbolic", "Flint runs already", false),
            _ => ("dialog-error-symbolic", "Flint can't start", false),
        };
        self.page.set_icon_name(Some(icon));
        self.page.set_title(title);
        self.page.set_description(Some(&text::escaped(&text::one_line(&error.to_string(), 600))));
        self.entries.set_visible(by_password);
    }

    fn try_again(&self) {
        self.begin(self.options.borrow().clone());
    }

    fn use_password(&self) {
        let password = self.password.text();
        let Some(jid) = self.account().filter(|_| !password.is_empty()) else { return };
        let mut options = self.options.borrow().clone();
        options.account.jid = Some(jid);
        options.account.sign_in = SignIn::Password(password.as_str().into());
        self.password.set_text("");
        self.begin(options);
    }

    fn begin(&self, options: Options) {
        match (self.begin)(options) {
            Ok(()) => {
                let window = self.window.clone();
                // Not while one of its buttons is being pressed.
                glib::idle_add_local_once(move || window.destroy());
            }
            Err(error) => self.say(&error),
        }
    }
}
