//! Who the customer is and what they answered before the chat; the way to end it.

use crate::projection::{Session, Topic};
use crate::widgets::Avatar;
use crate::{text, time, widgets};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::agent::AgentCommand;
use gtk::glib;
use std::cell::{OnceCell, RefCell};

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "customer_pane.ui")]
    pub(crate) struct CustomerPane {
        #[template_child]
        pub(super) avatar: TemplateChild<Avatar>,
        #[template_child]
        pub(super) name_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) time_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) answers_group: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        pub(super) end_button: TemplateChild<gtk::Button>,
        pub(super) session: OnceCell<Session>,
        pub(super) chat: RefCell<Option<String>>,
        pub(super) rows: RefCell<Vec<adw::ActionRow>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for CustomerPane {
        const NAME: &'static str = "FlCustomerPane";
        type Type = super::CustomerPane;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            Avatar::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for CustomerPane {}
    impl WidgetImpl for CustomerPane {}
    impl BinImpl for CustomerPane {}
}

glib::wrapper! {
    /// Who the customer is.
    pub(crate) struct CustomerPane(ObjectSubclass<imp::CustomerPane>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl CustomerPane {
    /// Binds the pane to the session.
    pub(crate) fn set_session(&self, session: &Session) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() {
            return;
        }
        imp.avatar.set_size(64);
        imp.end_button.connect_clicked(glib::clone!(
            #[weak(rename_to = pane)]
            self,
            move |_| pane.end()
        ));
        session.listen(self, |pane, topic| {
            if matches!(topic, Topic::Tick) {
                pane.refresh_time();
            }
        });
    }

    /// True once a customer is shown.
    pub(crate) fn shows_somebody(&self) -> bool {
        self.imp().chat.borrow().is_some()
    }

    /// Shows the customer of this session.
    pub(crate) fn show_chat(&self, id: &str) {
        let imp = self.imp();
        let Some(chat) = imp.session.get().and_then(|session| session.desk().chat(id)) else { return };
        imp.chat.replace(Some(id.to_owned()));
        for row in imp.rows.take() {
            imp.answers_group.remove(&row);
        }
        chat.with(|chat| {
            let name = text::one_line(&chat.customer_name, 80);
            imp.avatar.set_person(&name);
            imp.name_label.set_text(&name);
            imp.end_button.set_visible(chat.ended_at.is_none());
            widgets::describe(&*imp.end_button, &format!("Chat with {name}"));
            let question = ("Question".to_owned(), chat.question.clone());
            let asked = Some(question).filter(|(_, question)| !question.0.trim().is_empty());
            for (label, answer) in asked.iter().chain(&chat.answers).take(40) {
                // Titles and subtitles of rows are markup unless told otherwise.
                let row = adw::ActionRow::builder().use_markup(false).build();
                row.set_title(&text::one_line(label, 80));
                row.set_subtitle(text::body(&answer.0, 1_000).0.trim());
                row.set_subtitle_lines(6);
                row.set_activatable(false);
                imp.answers_group.add(&row);
                imp.rows.borrow_mut().push(row);
            }
        });
        imp.answers_group.set_visible(!imp.rows.borrow().is_empty());
        self.refresh_time();
    }

    fn refresh_time(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let chat = imp.chat.borrow().as_deref().and_then(|id| session.desk().chat(id));
        let Some(chat) = chat else { return };
        let line = chat.with(|chat| {
            let group = text::one_line(&session.desk().workgroup_name(&chat.workgroup), 60);
            match chat.ended_at {
                Some(ended) => format!("{group} · ended after {}", time::span(ended.0 - chat.started_at.0)),
                None => format!("{group} · {} with you", time::span(session.now().0 - chat.started_at.0)),
            }
        });
        imp.time_label.set_text(&line);
    }

    /// Asks first: nobody can bring a customer back.
    fn end(&self) {
        let imp = self.imp();
        let (Some(session), Some(id)) = (imp.session.get().cloned(), imp.chat.borrow().clone()) else {
            return;
        };
        let window = self.root().and_downcast::<gtk::Window>();
        let heading = format!("End the chat with {}?", imp.name_label.text());
        let dialog = adw::MessageDialog::new(
            window.as_ref(),
            Some(&heading),
            Some("The customer can't write to you any more. The transcript stays."),
        );
        dialog.add_response("cancel", "Cancel");
        dialog.add_response("end", "End chat now");
        dialog.set_response_appearance("end", adw::ResponseAppearance::Destructive);
        dialog.set_close_response("cancel");
        dialog.set_default_response(Some("end"));
        dialog.connect_response(Some("end"), move |_, _| {
            session.send(AgentCommand::EndChat { session: id.clone() });
        });
        dialog.present();
    }
}
