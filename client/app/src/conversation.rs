//! One conversation: its timeline, who types, the composer.

mod composer;
mod message;
mod timeline_row;
mod timeline_view;

pub(crate) use composer::Composer;
pub(crate) use timeline_view::TimelineView;

use crate::projection::{RoomObject, Session, Topic};
use crate::{text, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::MessageId;
use flint_runtime::core::command::ChatCommand;
use flint_runtime::core::model::{ConversationId, RoomState};
use gtk::glib;
use std::cell::OnceCell;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "conversation.ui")]
    pub(crate) struct ConversationPage {
        #[template_child]
        pub(super) room_bar: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) room_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) join_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) timeline: TemplateChild<TimelineView>,
        #[template_child]
        pub(super) typing_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) composer: TemplateChild<Composer>,
        pub(super) session: OnceCell<Session>,
        pub(super) id: OnceCell<ConversationId>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ConversationPage {
        const NAME: &'static str = "FlConversationPage";
        type Type = super::ConversationPage;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            TimelineView::ensure_type();
            Composer::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for ConversationPage {}
    impl WidgetImpl for ConversationPage {
        fn grab_focus(&self) -> bool {
            self.composer.grab_focus()
        }
    }
    impl BinImpl for ConversationPage {}
}

glib::wrapper! {
    /// One conversation.
    pub(crate) struct ConversationPage(ObjectSubclass<imp::ConversationPage>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl ConversationPage {
    /// Opens the conversation and shows it.
    pub(crate) fn new(session: &Session, id: &ConversationId) -> Self {
        let page: Self = glib::Object::new();
        let imp = page.imp();
        let _ = imp.session.set(session.clone());
        let _ = imp.id.set(id.clone());
        let timeline = session.open(id);

        let (asker, conversation) = (session.clone(), id.clone());
        let older = move || asker.chat(ChatCommand::LoadOlder { conversation: conversation.clone() });
        let retrier = session.clone();
        let retry = move |key: String| retrier.chat(ChatCommand::Retry { message: MessageId(key) });
        imp.timeline.show(session, &timeline, older, retry);
        page.connect_composer();

        imp.join_button.connect_clicked(glib::clone!(
            #[weak]
            page,
            move |_| {
                let room = page.id().jid().clone();
                page.session().join_room(&room);
            }
        ));
        let followed = id.clone();
        session.listen(&page, move |page: &Self, topic| match topic {
            Topic::Timeline(id) if *id == followed => page.arrived(),
            Topic::Typing(id) if *id == followed => page.refresh_typing(),
            Topic::Conversations | Topic::Identity | Topic::People => page.refresh_title(),
            Topic::Rooms => page.refresh_room(),
            Topic::Connection | Topic::Capabilities => page.refresh_room(),
            _ => {}
        });
        page.arrived();
        page.refresh_title();
        page.refresh_room();
        page
    }

    /// Which conversation.
    pub(crate) fn id(&self) -> &ConversationId {
        self.imp().id.get().expect("set when the page is made")
    }

    /// Line under the title: presence and status of a person, subject and size of a room.
    pub(crate) fn subtitle(&self) -> String {
        let session = self.session();
        match self.id() {
            ConversationId::Person(jid) => session
                .people()
                .person(jid)
                .map(|person| widgets::show_text(person.show, &person.status))
                .unwrap_or_else(|| text::one_line(jid.as_str(), 120)),
            ConversationId::Room(jid) => session.room(jid).as_ref().map(room_subtitle).unwrap_or_default(),
        }
    }

    /// Everything was seen: tells the engine, if anything was unread.
    pub(crate) fn mark_read(&self) {
        let unread = self.session().conversation(self.id()).is_some_and(|row| row.with(|row| row.unread > 0));
        if unread && self.imp().timeline.is_at_bottom() {
            self.session().chat(ChatCommand::MarkRead { conversation: self.id().clone() });
        }
    }

    /// Shows one message, loading older ones until it is there.
    pub(crate) fn reveal(&self, message: &MessageId) {
        let session = self.session().clone();
        self.imp().timeline.reveal(&message.0, move || {
            session.tell(&Topic::Told(
                "This message is too far back to be shown here. Scroll up to load older messages.".to_owned(),
            ));
        });
    }

    fn session(&self) -> &Session {
        self.imp().session.get().expect("set when the page is made")
    }

    fn connect_composer(&self) {
        let composer = &self.imp().composer;
        composer.connect_submitted(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |body| {
                let conversation = page.id().clone();
                page.imp().timeline.jump_to_latest();
                page.session().chat(ChatCommand::Send { conversation, body: body.into() });
            }
        ));
        composer.connect_edited(glib::clone!(
            #[weak(rename_to = page)]
            self,
            move |text| {
                let conversation = page.id().clone();
                page.session().open(&conversation).set_draft(&text);
                page.session().chat(ChatCommand::SetDraft { conversation, text: text.into() });
            }
        ));
    }

    fn arrived(&self) {
        let timeline = self.session().open(self.id());
        // The draft comes with the opening; what was typed meanwhile is newer.
        let composer = &self.imp().composer;
        if timeline.is_loaded() && composer.text().is_empty() && !composer.has_focus_within() {
            composer.set_text(&timeline.draft());
        }
        self.imp().timeline.refresh_state();
        self.refresh_typing();
    }

    fn refresh_typing(&self) {
        let names = self.session().open(self.id()).typing();
        let shown: Vec<String> = names.iter().take(3).map(|name| text::isolated(name, 40)).collect();
        let line = match (shown.as_slice(), names.len()) {
            ([], _) => String::new(),
            ([one], _) => format!("{one} is typing…"),
            ([one, two], _) => format!("{one} and {two} are typing…"),
            (_, count) => format!("{count} people are typing…"),
        };
        self.imp().typing_label.set_text(&line);
    }

    fn refresh_title(&self) {
        let title = text::one_line(&self.session().title(self.id()), 80);
        self.imp().composer.set_peer(&title);
    }

    fn refresh_room(&self) {
        let imp = self.imp();
        let ConversationId::Room(jid) = self.id() else { return };
        let Some(room) = self.session().room(jid) else { return };
        let (line, can_join) = room.with(|row| match &row.state {
            RoomState::Joined { .. } => (None, false),
            RoomState::Joining => (Some("Joining the room…".to_owned()), false),
            RoomState::NotJoined => (Some("You are not in this room.".to_owned()), true),
            RoomState::Failed { reason } => (Some(text::one_line(reason, 300)), true),
        });
        imp.room_bar.set_visible(line.is_some());
        imp.room_label.set_text(&line.unwrap_or_default());
        imp.join_button.set_visible(can_join);
        let verdict = self.session().with(|state| state.capabilities.group_chat.clone());
        imp.join_button.set_sensitive(verdict.is_allowed());
        widgets::lock(&imp.join_button, &verdict, None);
        imp.composer.set_sensitive(!imp.room_bar.is_visible());
    }
}

fn room_subtitle(room: &RoomObject) -> String {
    room.with(|row| {
        let people = match (&row.state, row.occupants.len()) {
            (RoomState::Joined { .. }, 1) => "1 person".to_owned(),
            (RoomState::Joined { .. }, count) => format!("{count} people"),
            _ => "Not joined".to_owned(),
        };
        let subject = text::one_line(&row.subject, 160);
        if subject.is_empty() { people } else { format!("{people} · {subject}") }
    })
}
