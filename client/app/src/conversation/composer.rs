//! Where a message is written: Enter sends, Shift+Enter begins a line, grows to eight lines.

use crate::widgets;
use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::{gdk, glib};
use std::cell::{Cell, RefCell};

/// Largest message in bytes (`ChatCommand::Send`).
const LARGEST: usize = 65_536;

type Handler = Box<dyn Fn(String)>;

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "composer.ui")]
    pub(crate) struct Composer {
        #[template_child]
        pub(super) text_view: TemplateChild<gtk::TextView>,
        #[template_child]
        pub(super) hint_label: TemplateChild<gtk::Label>,
        #[template_child]
        pub(super) send_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) problem_label: TemplateChild<gtk::Label>,
        pub(super) composing: Cell<bool>,
        pub(super) restoring: Cell<bool>,
        pub(super) submitted: RefCell<Option<Handler>>,
        pub(super) edited: RefCell<Option<Handler>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Composer {
        const NAME: &'static str = "FlComposer";
        type Type = super::Composer;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for Composer {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().connect();
        }
    }
    impl WidgetImpl for Composer {
        fn grab_focus(&self) -> bool {
            self.text_view.grab_focus()
        }
    }
    impl BinImpl for Composer {}
}

glib::wrapper! {
    /// Where a message is written.
    pub(crate) struct Composer(ObjectSubclass<imp::Composer>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Composer {
    /// Says to whom is written.
    pub(crate) fn set_peer(&self, name: &str) {
        let hint = format!("Write to {name}");
        self.imp().hint_label.set_text(&hint);
        widgets::name(&*self.imp().text_view, &hint);
    }

    /// What stands there.
    pub(crate) fn text(&self) -> String {
        let buffer = self.imp().text_view.buffer();
        buffer.text(&buffer.start_iter(), &buffer.end_iter(), false).into()
    }

    /// Puts text there, as a draft is restored: nobody is told.
    pub(crate) fn set_text(&self, text: &str) {
        self.imp().restoring.set(true);
        self.imp().text_view.buffer().set_text(&text.replace('\0', ""));
        self.imp().restoring.set(false);
    }

    /// True while somebody writes here.
    pub(crate) fn has_focus_within(&self) -> bool {
        self.imp().text_view.has_focus()
    }

    /// Calls `handler` with each text that is to be sent.
    pub(crate) fn connect_submitted(&self, handler: impl Fn(String) + 'static) {
        self.imp().submitted.replace(Some(Box::new(handler)));
    }

    /// Calls `handler` with the text after each change by hand.
    pub(crate) fn connect_edited(&self, handler: impl Fn(String) + 'static) {
        self.imp().edited.replace(Some(Box::new(handler)));
    }

    fn connect(&self) {
        let imp = self.imp();
        widgets::name(&*imp.send_button, "Send");
        let keys = gtk::EventControllerKey::new();
        keys.set_propagation_phase(gtk::PropagationPhase::Capture);
        keys.connect_key_pressed(glib::clone!(
            #[weak(rename_to = composer)]
            self,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |_, key, _, state| composer.key_pressed(key, state)
        ));
        imp.text_view.add_controller(keys);
        imp.text_view.connect_preedit_changed(glib::clone!(
            #[weak(rename_to = composer)]
            self,
            move |_, preedit| composer.imp().composing.set(!preedit.is_empty())
        ));
        imp.text_view.buffer().connect_changed(glib::clone!(
            #[weak(rename_to = composer)]
            self,
            move |_| composer.changed()
        ));
        imp.send_button.connect_clicked(glib::clone!(
            #[weak(rename_to = composer)]
            self,
            move |_| composer.submit()
        ));
    }

    fn key_pressed(&self, key: gdk::Key, state: gdk::ModifierType) -> glib::Propagation {
        let is_enter = matches!(key, gdk::Key::Return | gdk::Key::KP_Enter | gdk::Key::ISO_Enter);
        let modifiers =
            gdk::ModifierType::SHIFT_MASK | gdk::ModifierType::CONTROL_MASK | gdk::ModifierType::ALT_MASK;
        // An input method that composes a word owns the Enter key.
        if is_enter && !state.intersects(modifiers) && !self.imp().composing.get() {
            self.submit();
            return glib::Propagation::Stop;
        }
        glib::Propagation::Proceed
    }

    fn changed(&self) {
        let imp = self.imp();
        let text = self.text();
        imp.hint_label.set_visible(text.is_empty());
        imp.send_button.set_sensitive(!text.trim().is_empty() && text.len() <= LARGEST);
        imp.problem_label.set_visible(text.len() > LARGEST);
        if !imp.restoring.get()
            && let Some(edited) = imp.edited.borrow().as_ref()
        {
            edited(text);
        }
    }

    fn submit(&self) {
        let imp = self.imp();
        let text = self.text();
        let text = text.trim_end();
        if text.trim().is_empty() || text.len() > LARGEST {
            return;
        }
        let text = text.to_owned();
        self.set_text("");
        if let Some(submitted) = imp.submitted.borrow().as_ref() {
            submitted(text);
        }
        imp.text_view.grab_focus();
    }
}
