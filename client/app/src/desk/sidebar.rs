//! Left side of the desk: who waits, own chats, colleagues.

use crate::desk::row::{Content, DeskRow};
use crate::projection::{ChatObject, Session, State, Topic};
use crate::{text, time, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::agent::update::{AgentRow, QueueRow};
use flint_runtime::core::Timestamp;
use flint_runtime::core::model::Show;
use gtk::glib;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

/// Ended chats that stay in the list for their transcript.
const ENDED_SHOWN: usize = 10;
/// Queues and colleagues listed per workgroup.
const LISTED: usize = 100;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "sidebar.ui")]
    pub(crate) struct DeskSidebar {
        #[template_child]
        pub(super) list_box: TemplateChild<gtk::ListBox>,
        pub(super) session: OnceCell<Session>,
        pub(super) open: OnceCell<Rc<dyn Fn(String)>>,
        pub(super) queues: RefCell<Vec<DeskRow>>,
        pub(super) chats: RefCell<Vec<(String, DeskRow)>>,
        pub(super) selected: RefCell<Option<String>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for DeskSidebar {
        const NAME: &'static str = "FlDeskSidebar";
        type Type = super::DeskSidebar;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for DeskSidebar {}
    impl WidgetImpl for DeskSidebar {}
    impl BinImpl for DeskSidebar {}
}

glib::wrapper! {
    /// Left side of the desk.
    pub(crate) struct DeskSidebar(ObjectSubclass<imp::DeskSidebar>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl DeskSidebar {
    /// Binds the list to the session; `open` is called with the session id of a chat that was chosen.
    pub(crate) fn set_session(&self, session: &Session, open: impl Fn(String) + 'static) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() || imp.open.set(Rc::new(open)).is_err() {
            return;
        }
        widgets::name(&*imp.list_box, "Support desk");
        imp.list_box.set_header_func(widgets::section_header);
        imp.list_box.connect_row_activated(glib::clone!(
            #[weak(rename_to = sidebar)]
            self,
            move |_, row| {
                let imp = sidebar.imp();
                let chats = imp.chats.borrow();
                let chosen = chats.iter().find(|(_, chat)| chat.upcast_ref::<gtk::ListBoxRow>() == row);
                let chosen = chosen.map(|(id, _)| id.clone());
                drop(chats);
                if let (Some(id), Some(open)) = (chosen, imp.open.get()) {
                    imp.selected.replace(Some(id.clone()));
                    open(id);
                }
            }
        ));
        session.listen(self, |sidebar, topic| match topic {
            Topic::Workgroups | Topic::Connection => sidebar.rebuild(),
            Topic::Chats(new) => {
                if new.is_some() {
                    sidebar.imp().selected.replace(new.clone());
                }
                sidebar.rebuild();
            }
            Topic::Tick => {
                sidebar.refresh_queues();
                sidebar.refresh_chats();
            }
            Topic::ChatLines(_) => sidebar.refresh_chats(),
            _ => {}
        });
        self.rebuild();
    }

    fn rebuild(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        while let Some(row) = imp.list_box.row_at_index(0) {
            imp.list_box.remove(&row);
        }
        imp.chats.borrow_mut().clear();
        let online = session.with(State::is_online);
        let workgroups = session.desk().workgroups();
        let queues = queue_contents(session).iter().map(|content| self.add("WAITING", content)).collect();
        imp.queues.replace(queues);
        let chats: Vec<ChatObject> =
            session.desk().chats().iter::<ChatObject>().filter_map(Result::ok).collect();
        let is_ended = |chat: &&ChatObject| chat.with(|row| row.ended_at.is_some());
        for chat in chats.iter().filter(|chat| !is_ended(chat)) {
            self.add_chat("MY CHATS", chat);
        }
        for workgroup in &workgroups {
            for agent in workgroup.agents.iter().take(LISTED) {
                let content = agent_content(agent);
                self.add("COLLEAGUES", &if online { content } else { unknown(content) });
            }
        }
        for chat in chats.iter().rev().filter(is_ended).take(ENDED_SHOWN) {
            self.add_chat("ENDED", chat);
        }
        let selected = imp.selected.borrow();
        let row = imp
            .chats
            .borrow()
            .iter()
            .find(|(id, _)| Some(id) == selected.as_ref())
            .map(|(_, row)| row.clone());
        imp.list_box.select_row(row.as_ref());
    }

    fn add(&self, section: &str, content: &Content) -> DeskRow {
        let row = DeskRow::new(content);
        row.set_widget_name(section);
        let is_chat = section == "MY CHATS" || section == "ENDED";
        row.set_activatable(is_chat);
        row.set_selectable(is_chat);
        self.imp().list_box.append(&row);
        row
    }

    fn add_chat(&self, section: &str, chat: &ChatObject) {
        let Some(session) = self.imp().session.get() else { return };
        let row = self.add(section, &chat_content(chat, session));
        let id = chat.with(|chat| chat.session.clone());
        self.imp().chats.borrow_mut().push((id, row));
    }

    /// The waiting times go on by themselves.
    fn refresh_queues(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        for (row, content) in imp.queues.borrow().iter().zip(queue_contents(session)) {
            row.set(&content);
        }
    }

    fn refresh_chats(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        for (id, row) in imp.chats.borrow().iter() {
            if let Some(chat) = session.desk().chat(id) {
                row.set(&chat_content(&chat, session));
            }
        }
    }
}

/// One row per queue, in the order of the list.
fn queue_contents(session: &Session) -> Vec<Content> {
    let now = session.now();
    let online = session.with(State::is_online);
    let workgroups = session.desk().workgroups();
    let several = workgroups.len() > 1;
    let mut rows = Vec::new();
    for workgroup in &workgroups {
        let group = if several { text::one_line(&workgroup.name, 40) } else { String::new() };
        for queue in workgroup.queues.iter().take(LISTED) {
            let content = queue_content(queue, &group, now);
            rows.push(if online { content } else { unknown(content) });
        }
    }
    rows
}

fn queue_content(queue: &QueueRow, group: &str, now: Timestamp) -> Content {
    let line = match (queue.waiting, queue.oldest) {
        (0, _) => "nobody waits".to_owned(),
        (waiting, Some(oldest)) => format!("{waiting} waiting · oldest {}", time::span(now.0 - oldest.0)),
        (waiting, None) => format!("{waiting} waiting"),
    };
    let dots = usize::try_from(queue.waiting.min(5)).unwrap_or(5);
    Content {
        title: text::one_line(&queue.name, 60),
        side: "●".repeat(dots),
        line: if group.is_empty() { line } else { format!("{group} · {line}") },
        urgent: queue.waiting >= 5,
        ..Content::default()
    }
}

/// What is known of a line without a connection: whose it is, but no number that may be long out of date.
fn unknown(content: Content) -> Content {
    Content {
        title: content.title,
        line: "not connected".to_owned(),
        person: content.person.map(|_| Some(Show::Offline)),
        ..Content::default()
    }
}

fn agent_content(agent: &AgentRow) -> Content {
    let side = match (agent.show, agent.chats >= agent.max_chats && agent.max_chats > 0) {
        (Show::Chat | Show::Available, false) => "free",
        (Show::Chat | Show::Available, true) => "full",
        _ => "",
    };
    let line = match agent.show {
        Show::Chat | Show::Available => format!("{} of {} chats", agent.chats, agent.max_chats),
        show => widgets::show_word(show).to_owned(),
    };
    let title = text::one_line(&agent.name, 60);
    Content { title, side: side.to_owned(), line, person: Some(Some(agent.show)), ..Content::default() }
}

fn chat_content(chat: &ChatObject, session: &Session) -> Content {
    chat.with(|row| {
        let unseen = session.desk().unseen(&row.session);
        let line = match (row.ended_at.is_some(), row.customer_typing, row.customer_present) {
            (true, _, _) => "ended".to_owned(),
            (false, true, _) => "typing…".to_owned(),
            (false, false, false) => "not in the chat".to_owned(),
            (false, false, true) => text::one_line(&row.question.0, 80),
        };
        let until = row.ended_at.unwrap_or_else(|| session.now());
        let show = if row.customer_present { Show::Available } else { Show::Offline };
        Content {
            title: text::one_line(&row.customer_name, 60),
            side: time::span(until.0 - row.started_at.0),
            line,
            badge: if unseen > 0 { unseen.to_string() } else { String::new() },
            person: Some(row.ended_at.is_none().then_some(show)),
            urgent: false,
        }
    })
}
