//! Signing in: with the desktop's ticket, or what is wrong with it and what to do.

use crate::doctor::CheckRows;
use crate::projection::{Session, Topic};
use crate::{doctor, text, time, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::Command as Core;
use flint_runtime::core::command::AccountCommand;
use flint_runtime::core::model::ConnectionState;
use flint_runtime::{Command, PolicyCommand};
use gtk::glib;
use std::cell::{OnceCell, RefCell};
use std::time::Duration;

/// A spinner that shows earlier only flickers.
const SPINNER_DELAY: Duration = Duration::from_millis(150);

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "login.ui")]
    pub(crate) struct SignInPage {
        #[template_child]
        pub(super) title: TemplateChild<adw::WindowTitle>,
        #[template_child]
        pub(super) toasts: TemplateChild<adw::ToastOverlay>,
        #[template_child]
        pub(super) copy_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) page: TemplateChild<adw::StatusPage>,
        #[template_child]
        pub(super) spinner: TemplateChild<gtk::Spinner>,
        #[template_child]
        pub(super) again_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) details_group: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        pub(super) who_row: TemplateChild<adw::ActionRow>,
        #[template_child]
        pub(super) step_row: TemplateChild<adw::ActionRow>,
        #[template_child]
        pub(super) tried_row: TemplateChild<adw::ExpanderRow>,
        #[template_child]
        pub(super) check_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) cancel_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) password_row: TemplateChild<adw::ExpanderRow>,
        #[template_child]
        pub(super) password_entry: TemplateChild<adw::PasswordEntryRow>,
        #[template_child]
        pub(super) password_button: TemplateChild<gtk::Button>,
        pub(super) session: OnceCell<Session>,
        pub(super) checks: CheckRows,
        pub(super) spinner_timer: RefCell<Option<glib::SourceId>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for SignInPage {
        const NAME: &'static str = "FlSignInPage";
        type Type = super::SignInPage;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for SignInPage {}
    impl WidgetImpl for SignInPage {}
    impl BinImpl for SignInPage {}
}

glib::wrapper! {
    /// Signing in.
    pub(crate) struct SignInPage(ObjectSubclass<imp::SignInPage>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

/// What the page says.
struct Face {
    icon: &'static str,
    title: String,
    description: String,
    busy: bool,
    /// What to do about something that went wrong.
    next_step: Option<String>,
    /// The server's certificate is what is wrong: no password helps, and nobody can say "go on".
    certificate: bool,
    /// A password may be used instead.
    password: bool,
    /// The checks of the sign-in can tell more.
    checks: bool,
}

impl SignInPage {
    /// Binds the page to the session.
    pub(crate) fn set_session(&self, session: &Session) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() {
            return;
        }
        widgets::name(&*imp.copy_button, "Copy report");
        imp.checks.rows().for_each(|row| imp.tried_row.add_row(row));
        imp.tried_row.connect_expanded_notify(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| {
                page.examine();
                page.refresh_checks();
            }
        ));
        imp.check_button.connect_clicked(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| page.examine()
        ));
        imp.cancel_button.connect_clicked(glib::clone!(
            #[strong]
            session,
            move |_| session.send(Core::Account(AccountCommand::SignOut))
        ));
        widgets::name(&*imp.password_entry, "Password");
        for row in [&imp.tried_row, &imp.password_row] {
            widgets::name(&**row, &row.title());
        }
        imp.again_button.connect_clicked(glib::clone!(
            #[strong]
            session,
            move |_| {
                if session.with(|state| state.capabilities.management.missing().is_some()) {
                    session.send(Command::Policy(PolicyCommand::Refresh));
                }
                session.sign_in();
            }
        ));
        doctor::connect_copy(&imp.copy_button, session, &imp.toasts);
        imp.password_entry.connect_entry_activated(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| page.use_password()
        ));
        imp.password_entry.connect_changed(|entry| {
            if let Some(page) = entry.ancestor(Self::static_type()).and_downcast::<Self>() {
                page.imp().password_button.set_sensitive(!entry.text().is_empty());
            }
        });
        imp.password_button.connect_clicked(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |_| page.use_password()
        ));
        session.listen(self, |page, topic| match topic {
            // The checks don't begin anew at each refusal: they sign in too, and somebody may count the tries.
            Topic::Connection | Topic::Identity | Topic::Capabilities => page.refresh(),
            Topic::Doctor => page.refresh_checks(),
            Topic::Tick if page.is_mapped() => page.refresh_countdown(),
            _ => {}
        });
        self.refresh();
    }

    /// Title of the window.
    pub(crate) fn set_title(&self, title: &str) {
        self.imp().title.set_title(title);
    }

    fn use_password(&self) {
        let imp = self.imp();
        let password = imp.password_entry.text();
        if let Some(session) = imp.session.get()
            && !password.is_empty()
            && !session.with(|state| state.capabilities.single_sign_on_required)
        {
            session.send(Command::SignInWithPassword { password: password.as_str().into() });
            imp.password_entry.set_text("");
        }
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let face = face(session);
        imp.page.set_icon_name(Some(face.icon));
        let brand = (face.next_step.is_none()).then(|| brand(session)).flatten();
        imp.page.set_paintable(brand.as_ref());
        imp.page.set_title(&text::escaped(&face.title));
        imp.page.set_description(Some(&text::escaped(&face.description)));
        imp.again_button.set_visible(!face.busy);
        imp.again_button.set_label(if face.next_step.is_some() { "Try again" } else { "Sign in" });
        imp.details_group.set_visible(!face.busy);
        imp.cancel_button.set_visible(face.busy);
        imp.step_row.set_visible(face.next_step.is_some());
        imp.step_row.set_subtitle(face.next_step.as_deref().unwrap_or_default());
        imp.step_row.set_title(if face.certificate {
            "What to tell your administrator"
        } else {
            "What to do"
        });
        imp.tried_row.set_visible(face.checks);
        imp.who_row.set_visible(face.certificate);
        imp.password_row.set_visible(face.password);
        let domain = session.with(|state| state.jid.as_ref().map(|jid| jid.domain().to_string()));
        imp.who_row.set_subtitle(&domain.unwrap_or_default());
        self.set_busy(face.busy);
        self.refresh_checks();
    }

    /// Checks what went wrong, once somebody wants to see it and nothing else is being tried.
    fn examine(&self) {
        let Some(session) = self.imp().session.get() else { return };
        let runs = session.with(|state| state.doctor.as_ref().is_some_and(|report| !report.finished));
        if self.imp().tried_row.is_expanded() && self.is_mapped() && !runs {
            session.examine();
        }
    }

    fn refresh_checks(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        session.with(|state| {
            let report = state.doctor.as_ref();
            imp.checks.show(report);
            imp.tried_row.set_subtitle(&text::escaped(&doctor::summary(report)));
            let finished = imp.tried_row.get_visible() && report.is_some_and(|report| report.finished);
            imp.copy_button.set_visible(finished);
            imp.check_button.set_visible(finished && imp.tried_row.is_expanded());
        });
    }

    /// Shows the spinner once the wait is long enough to be noticed.
    fn set_busy(&self, busy: bool) {
        let imp = self.imp();
        if !busy {
            if let Some(timer) = imp.spinner_timer.take() {
                timer.remove();
            }
            imp.spinner.set_visible(false);
        } else if imp.spinner_timer.borrow().is_none() && !imp.spinner.is_visible() {
            let timer = glib::timeout_add_local_once(
                SPINNER_DELAY,
                glib::clone!(
                    #[weak(rename_to = page)]
                    self,
                    move || {
                        page.imp().spinner_timer.take();
                        page.imp().spinner.set_visible(true);
                    }
                ),
            );
            imp.spinner_timer.replace(Some(timer));
        }
    }

    fn refresh_countdown(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        if session.with(|state| matches!(state.connection, ConnectionState::Waiting { .. })) {
            imp.step_row.set_subtitle(&face(session).next_step.unwrap_or_default());
        }
    }
}

/// The organisation's picture, whose content was verified before it was written.
fn brand(session: &Session) -> Option<gtk::gdk::Texture> {
    let file = session.with(|state| state.capabilities.brand_image.clone())?;
    let read = gtk::gdk::Texture::from_filename(&file);
    read.inspect_err(|error| tracing::warn!("the organisation's picture can't be shown: {error}")).ok()
}

fn face(session: &Session) -> Face {
    session.with(|state| {
        if let Some(reason) = state.capabilities.management.missing() {
            return Face {
                icon: "channel-secure-symbolic",
                title: "No chat without a policy".to_owned(),
                description: text::one_line(reason, 400),
                busy: false,
                next_step: Some(
                    "Your organisation’s policy has to be here before you can chat. Check your network and try \
                     again; if that does not help, tell your administrator."
                        .to_owned(),
                ),
                certificate: false,
                password: false,
                checks: false,
            };
        }
        let password = !state.capabilities.single_sign_on_required;
        let who = state.jid.as_ref().map(ToString::to_string).unwrap_or_else(|| "you".to_owned());
        match &state.connection {
            ConnectionState::Refused { kind, reason, next_step } => Face {
                icon: if is_unsafe(kind) { "channel-insecure-symbolic" } else { "dialog-password-symbolic" },
                title: refused_title(kind).to_owned(),
                description: text::one_line(reason, 400),
                busy: false,
                next_step: Some(text::one_line(next_step, 400)),
                certificate: is_unsafe(kind),
                password: password && !is_unsafe(kind),
                checks: true,
            },
            ConnectionState::Waiting { reason, retry_at } => {
                let left = time::left(retry_at.0.saturating_sub(session.now().0));
                Face {
                    icon: "network-offline-symbolic",
                    title: "The server can't be reached".to_owned(),
                    description: text::one_line(reason, 400),
                    busy: false,
                    next_step: Some(format!("Check your network. Flint tries again by itself in {left}.")),
                    certificate: false,
                    password,
                    checks: true,
                }
            }
            ConnectionState::Offline => Face {
                icon: "avatar-default-symbolic",
                title: "Signed out".to_owned(),
                description: format!("Sign in as {who} with the ticket of your desktop."),
                busy: false,
                next_step: None,
                certificate: false,
                password,
                checks: false,
            },
            ConnectionState::Connecting | ConnectionState::Online { .. } => Face {
                icon: "avatar-default-symbolic",
                title: format!("Signing in as {who}"),
                description: "with the ticket of your desktop".to_owned(),
                busy: true,
                next_step: None,
                certificate: false,
                password,
                checks: false,
            },
        }
    })
}

/// True when it is not certain who answers.
fn is_unsafe(kind: &str) -> bool {
    kind.starts_with("certificate") || kind == "tls"
}

/// Heading for a kind of refusal (`flint_kerberos::FailureKind::code`, `flint_stream::ConnectError::kind`).
fn refused_title(kind: &str) -> &'static str {
    match kind {
        "no-ticket" => "No Kerberos ticket",
        "ticket-expired" => "Your ticket has expired",
        "clock-skew" => "The clocks differ",
        "kdc-unreachable" => "The ticket server can't be reached",
        "unknown-service" => "The server is unknown to Kerberos",
        "realm-not-mapped" => "No Kerberos realm for this server",
        "certificate-unknown-ca" => "Nobody vouches for this server",
        "certificate-wrong-name" => "This is another server",
        "certificate-expired" => "The server’s certificate has expired",
        "certificate-not-yet-valid" => "The server’s certificate is not valid yet",
        kind if is_unsafe(kind) => "The connection is not safe",
        _ => "Signing in failed",
    }
}
