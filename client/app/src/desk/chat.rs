//! The chat with one customer.

use crate::conversation::{Composer, TimelineView};
use crate::projection::{Session, Topic};
use crate::{text, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::agent::AgentCommand;
use gtk::glib;
use std::cell::OnceCell;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "chat.ui")]
    pub(crate) struct CustomerChat {
        #[template_child]
        pub(super) timeline: TemplateChild<TimelineView>,
        #[template_child]
        pub(super) typing_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) composer: TemplateChild<Composer>,
        #[template_child]
        pub(super) ended_box: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) transcript_button: TemplateChild<gtk::Button>,
        pub(super) session: OnceCell<Session>,
        pub(super) id: OnceCell<String>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for CustomerChat {
        const NAME: &'static str = "FlCustomerChatView";
        type Type = super::CustomerChat;
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

    impl ObjectImpl for CustomerChat {}
    impl WidgetImpl for CustomerChat {
        fn grab_focus(&self) -> bool {
            self.composer.grab_focus()
        }
    }
    impl BinImpl for CustomerChat {}
}

glib::wrapper! {
    /// The chat with one customer.
    pub(crate) struct CustomerChat(ObjectSubclass<imp::CustomerChat>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl CustomerChat {
    /// The chat of this session id.
    pub(crate) fn new(session: &Session, id: &str) -> Self {
        let chat: Self = glib::Object::new();
        let imp = chat.imp();
        let _ = imp.session.set(session.clone());
        let _ = imp.id.set(id.to_owned());
        imp.timeline.set_empty_text("Say hello", "The customer sees what you write below.");
        // Nothing older can be loaded and nothing fails by itself: both come with the workgroup's room.
        imp.timeline.show(session, &session.desk().timeline(id), || {}, |_| {});
        imp.composer.connect_submitted(glib::clone!(
            #[weak]
            chat,
            move |body| {
                chat.imp().timeline.jump_to_latest();
                let session = chat.id().to_owned();
                chat.session().send(AgentCommand::SendToCustomer { session, body: body.into() });
            }
        ));
        imp.transcript_button.connect_clicked(glib::clone!(
            #[weak]
            chat,
            move |_| chat.ask_transcript()
        ));
        let followed = id.to_owned();
        session.listen(&chat, move |chat: &Self, topic| {
            if matches!(topic, Topic::ChatLines(id) if *id == followed) {
                chat.imp().timeline.refresh_state();
            }
        });
        if let Some(object) = session.desk().chat(id) {
            let weak = chat.downgrade();
            object.connect_changed(move |_| {
                if let Some(chat) = weak.upgrade() {
                    chat.refresh();
                }
            });
        }
        chat.refresh();
        chat
    }

    fn session(&self) -> &Session {
        self.imp().session.get().expect("set when the chat is made")
    }

    fn id(&self) -> &str {
        self.imp().id.get().expect("set when the chat is made")
    }

    fn ask_transcript(&self) {
        if let Some(chat) = self.session().desk().chat(self.id()) {
            let workgroup = chat.with(|row| row.workgroup.clone());
            self.session().send(AgentCommand::GetTranscript { workgroup, session: self.id().to_owned() });
        }
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(chat) = self.session().desk().chat(self.id()) else { return };
        chat.with(|row| {
            let name = text::one_line(&row.customer_name, 80);
            imp.composer.set_peer(&name);
            let line = match (row.ended_at.is_some(), row.customer_present, row.customer_typing) {
                (true, _, _) => String::new(),
                (false, true, true) => format!("{name} is typing…"),
                (false, true, false) => String::new(),
                (false, false, _) => format!("{name} is not in the chat now."),
            };
            imp.typing_label.set_text(&line);
            imp.composer.set_visible(row.ended_at.is_none());
            imp.ended_box.set_visible(row.ended_at.is_some());
        });
        widgets::name(&*imp.transcript_button, "Show transcript");
    }
}
