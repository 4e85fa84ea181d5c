//! One message: who, when, what, and how far it got.

use crate::projection::{Entry, Item};
use crate::widgets::{self, Avatar};
use crate::{text, time};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::model::DeliveryState;
use gtk::glib;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "message.ui")]
    pub(crate) struct Message {
        #[template_child]
        pub(super) avatar: TemplateChild<Avatar>,
        #[template_child]
        pub(super) head_box: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) sender_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) time_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) body_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) all_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) state_box: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) state_image: TemplateChild<gtk::Image>,
        #[template_child]
        pub(super) state_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) retry_button: TemplateChild<gtk::Button>,
        pub(super) all: std::cell::RefCell<String>,
        pub(super) key: std::cell::RefCell<String>,
        /// Where the first link of the text begins, in characters.
        pub(super) link: std::cell::Cell<Option<i32>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Message {
        const NAME: &'static str = "FlMessage";
        type Type = super::Message;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            Avatar::ensure_type();
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for Message {
        fn constructed(&self) {
            self.parent_constructed();
            self.avatar.set_size(34);
            let message = self.obj();
            self.all_button.connect_clicked(glib::clone!(
                #[weak]
                message,
                move |button| {
                    let (all, _) = text::body(&message.imp().all.borrow(), usize::MAX);
                    message.set_body(&all);
                    button.set_visible(false);
                }
            ));
            self.body_label.connect_has_focus_notify(glib::clone!(
                #[weak]
                message,
                move |_| {
                    // The label selects all of its text once the focus is there.
                    glib::idle_add_local_once(move || message.go_to_link());
                }
            ));
        }
    }
    impl WidgetImpl for Message {}
    impl BinImpl for Message {}
}

glib::wrapper! {
    /// One message.
    pub(crate) struct Message(ObjectSubclass<imp::Message>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Default for Message {
    fn default() -> Self {
        glib::Object::new()
    }
}

impl Message {
    /// Calls `handler` with the message's key when it is to be sent again.
    pub(crate) fn connect_retry(&self, handler: impl Fn(String) + 'static) {
        self.imp().retry_button.connect_clicked(glib::clone!(
            #[weak(rename_to = message)]
            self,
            move |_| {
                let key = message.imp().key.borrow().clone();
                handler(key);
            }
        ));
    }

    /// Shows a message; returns how it is read aloud.
    pub(crate) fn set(&self, item: &Item) -> String {
        let Item::Message { entry, head, state } = item else { return String::new() };
        let imp = self.imp();
        imp.key.replace(entry.key.clone());
        let sender = text::one_line(&entry.sender, 80);
        // A notice such as "Ms Klein left" has no sender.
        let is_notice = sender.is_empty();
        let head = *head && !is_notice;
        imp.avatar.set_visible(head);
        imp.avatar.set_person(&sender);
        imp.head_box.set_visible(head);
        imp.sender_label.set_text(&sender);
        widgets::set_class(&*imp.sender_label, "mine", entry.own);
        imp.time_label.set_text(&time::clock(entry.at));
        imp.body_label.set_margin_start(if head { 0 } else { 46 });
        imp.all_button.set_margin_start(if head { 0 } else { 46 });
        imp.state_box.set_margin_start(if head { 0 } else { 46 });
        self.set_margin_top(if head { 8 } else { 1 });
        self.set_tooltip_text(Some(&time::full(entry.at)));

        let is_same = *imp.all.borrow() == entry.body && !imp.body_label.text().is_empty();
        if !is_same {
            let (body, cut) = text::body(&entry.body, text::BODY_SHOWN);
            self.set_body(&body);
            imp.all_button.set_visible(cut);
            imp.all.replace(entry.body.clone());
        }
        widgets::set_class(&*imp.body_label, "dim-label", is_notice);
        let state = self.set_state(entry, *state);
        let spoken = [sender, time::clock(entry.at), text::one_line(&entry.body, 1_000), state];
        spoken.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// By keyboard one comes to the first link, ready for Enter, rather than to the whole text.
    fn go_to_link(&self) {
        let label = &self.imp().body_label;
        let all = label.selection_bounds().is_some_and(|(begin, end)| {
            begin == 0 && usize::try_from(end).is_ok_and(|end| end == label.text().chars().count())
        });
        if let Some(link) = self.imp().link.get().filter(|_| all && label.has_focus()) {
            label.select_region(link, link);
        }
    }

    fn set_body(&self, body: &str) {
        let label = &self.imp().body_label;
        let markup = text::styled(body);
        label.set_markup(&markup);
        // Markup that the label refuses leaves it empty; the text is worth more than its style.
        if label.text() != body {
            label.set_text(body);
        }
        // Tab goes from link to link; a label without any is only a stop on the way.
        let link = text::first_link(&markup);
        label.set_focusable(link.is_some());
        self.imp().link.set(link);
    }

    fn set_state(&self, entry: &Entry, shown: bool) -> String {
        let imp = self.imp();
        let (icon, word) = match &entry.delivery {
            None => ("", String::new()),
            Some(DeliveryState::Queued) => ("document-open-recent-symbolic", "Waiting to be sent".to_owned()),
            Some(DeliveryState::Sent) => ("content-loading-symbolic", "Sending".to_owned()),
            Some(DeliveryState::Acked) => ("", "✓ Sent".to_owned()),
            Some(DeliveryState::Delivered) => ("", "✓✓ Delivered".to_owned()),
            Some(DeliveryState::Read) => ("", "✓✓ Read".to_owned()),
            Some(DeliveryState::Failed { reason }) => {
                ("dialog-error-symbolic", format!("Not sent: {}", text::one_line(reason, 300)))
            }
        };
        let failed = matches!(entry.delivery, Some(DeliveryState::Failed { .. }));
        imp.state_box.set_visible(shown && !word.is_empty());
        imp.state_image.set_visible(!icon.is_empty());
        imp.state_image.set_icon_name(Some(icon).filter(|icon| !icon.is_empty()));
        imp.state_label.set_text(&word);
        imp.retry_button.set_visible(failed);
        widgets::set_class(&*imp.state_box, "error", failed);
        widgets::set_class(&*imp.state_label, "dim-label", !failed);
        word.trim_start_matches(['✓', ' ']).to_owned()
    }
}
