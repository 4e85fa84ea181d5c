//! Who waits for an answer of ours: people who want to see our presence, rooms we are invited to. Lines in the
//! sidebar, which wait; nothing covers other work.

use crate::projection::{Session, Topic};
use crate::widgets;
use crate::{text, window::Window};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::command::PeopleCommand;
use flint_runtime::core::model::ConversationId;
use flint_runtime::core::{BareJid, Command};
use gtk::glib;
use std::cell::{OnceCell, RefCell};

/// Lines kept at most; strangers can send any number of requests.
const KEPT: usize = 50;
/// Lines shown at a time: the lists below stay usable. The next ones follow as these are answered.
const SHOWN: usize = 2;

/// Something that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Request {
    /// Somebody wants to see our presence.
    Presence(BareJid),
    /// Somebody invites us to a room.
    Room(BareJid),
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub(crate) struct Requests {
        pub(super) lines: OnceCell<gtk::Box>,
        pub(super) open: RefCell<Vec<(Request, gtk::Box)>>,
        pub(super) session: OnceCell<Session>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Requests {
        const NAME: &'static str = "FlRequests";
        type Type = super::Requests;
        type ParentType = adw::Bin;
    }

    impl ObjectImpl for Requests {
        fn constructed(&self) {
            self.parent_constructed();
            let lines = gtk::Box::new(gtk::Orientation::Vertical, 6);
            self.obj().set_child(Some(&lines));
            self.obj().set_visible(false);
            let _ = self.lines.set(lines);
        }
    }
    impl WidgetImpl for Requests {}
    impl BinImpl for Requests {}
}

glib::wrapper! {
    /// Who waits for an answer of ours.
    pub(crate) struct Requests(ObjectSubclass<imp::Requests>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Requests {
    /// Binds the lines to the session.
    pub(crate) fn set_session(&self, session: &Session) {
        if self.imp().session.set(session.clone()).is_err() {
            return;
        }
        session.listen(self, |requests, topic| match topic {
            Topic::SubscriptionRequested(jid) => requests.presence_asked(jid),
            Topic::Invited { room, by } => requests.invited(room, by.as_deref()),
            _ => {}
        });
    }

    fn presence_asked(&self, jid: &BareJid) {
        let Some(session) = self.imp().session.get() else { return };
        let address = text::isolated(jid.as_str(), 80);
        let who = match session.people().person(jid) {
            Some(person) => format!("{} ({address})", text::isolated(&person.name, 60)),
            None => address,
        };
        let request = Request::Presence(jid.clone());
        let answer = |allow: bool| {
            let (session, jid) = (session.clone(), jid.clone());
            move || {
                session.send(Command::People(PeopleCommand::AnswerSubscription { jid: jid.clone(), allow }));
            }
        };
        let sentence = format!("{who} wants to see your presence.");
        self.add(request, &sentence, ("Deny", answer(false)), ("Allow", answer(true)));
    }

    fn invited(&self, room: &BareJid, by: Option<&str>) {
        let Some(session) = self.imp().session.get() else { return };
        let who = by.map_or_else(|| "Somebody".to_owned(), |by| text::isolated(by, 60));
        let sentence = format!("{who} invites you to {}.", text::isolated(room.as_str(), 60));
        let (session, room) = (session.clone(), room.clone());
        let request = Request::Room(room.clone());
        let join = glib::clone!(
            #[weak(rename_to = requests)]
            self,
            move || {
                if session.join_room(&room)
                    && let Some(window) = requests.root().and_downcast::<Window>()
                {
                    window.open(&ConversationId::Room(room.clone()));
                }
            }
        );
        self.add(request, &sentence, ("Dismiss", || {}), ("Join", join));
    }

    /// Adds a line with two answers; the second one is the suggested one. One line per request.
    fn add(
        &self,
        request: Request,
        sentence: &str,
        no: (&str, impl Fn() + 'static),
        yes: (&str, impl Fn() + 'static),
    ) {
        let imp = self.imp();
        let Some(lines) = imp.lines.get() else { return };
        let is_known = imp.open.borrow().iter().any(|(known, _)| *known == request);
        if is_known || imp.open.borrow().len() >= KEPT {
            return;
        }
        let label = gtk::Label::builder().label(sentence).xalign(0.0).wrap(true).build();
        label.set_wrap_mode(gtk::pango::WrapMode::WordChar);
        label.add_css_class("row-sub");
        let refuse = gtk::Button::with_label(no.0);
        let agree = gtk::Button::with_label(yes.0);
        agree.add_css_class("suggested-action");
        widgets::describe(&refuse, sentence);
        widgets::describe(&agree, sentence);
        let buttons = gtk::Box::builder().spacing(6).homogeneous(true).build();
        buttons.append(&refuse);
        buttons.append(&agree);
        let line = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(8).build();
        line.add_css_class("request");
        line.append(&label);
        line.append(&buttons);
        self.connect(&refuse, &request, no.1);
        self.connect(&agree, &request, yes.1);
        lines.append(&line);
        imp.open.borrow_mut().push((request, line));
        self.refresh();
    }

    fn connect(&self, button: &gtk::Button, request: &Request, answer: impl Fn() + 'static) {
        let request = request.clone();
        button.connect_clicked(glib::clone!(
            #[weak(rename_to = requests)]
            self,
            move |_| {
                answer();
                requests.remove(&request);
            }
        ));
    }

    fn remove(&self, request: &Request) {
        let imp = self.imp();
        let place = imp.open.borrow().iter().position(|(known, _)| known == request);
        if let (Some(place), Some(lines)) = (place, imp.lines.get()) {
            let (_, line) = imp.open.borrow_mut().remove(place);
            lines.remove(&line);
        }
        self.refresh();
    }

    fn refresh(&self) {
        let open = self.imp().open.borrow();
        for (index, (_, line)) in open.iter().enumerate() {
            line.set_visible(index < SHOWN);
        }
        self.set_visible(!open.is_empty());
    }
}
