//! Shows a timeline, anchored: at the bottom new messages scroll in, elsewhere nothing moves; older messages load
//! upward without a jump.
//!
//! A `ListBox` over a window of the history, since `ListView` of GTK 4.8 scrolls badly over uneven rows
//! (GNOME/gtk#2971).

mod reveal;

use crate::conversation::timeline_row::TimelineRow;
use crate::projection::{ItemObject, Session, Timeline};
use crate::widgets;
use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;
use reveal::Wanted;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Distance from an end, in pixels, that counts as being there.
const NEAR: f64 = 24.0;
/// Distance from the top at which older messages are asked for.
const AHEAD: f64 = 200.0;
/// A spinner that shows earlier only flickers.
const SPINNER_DELAY: Duration = Duration::from_millis(150);

mod imp {
    use super::*;

    #[derive(gtk::CompositeTemplate)]
    #[template(file = "timeline_view.ui")]
    pub(crate) struct TimelineView {
        #[template_child]
        pub(super) stack: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) spinner: TemplateChild<gtk::Spinner>,
        #[template_child]
        pub(super) empty_page: TemplateChild<adw::StatusPage>,
        #[template_child]
        pub(super) scroller: TemplateChild<gtk::ScrolledWindow>,
        #[template_child]
        pub(super) older_spinner: TemplateChild<gtk::Spinner>,
        #[template_child]
        pub(super) list_box: TemplateChild<gtk::ListBox>,
        #[template_child]
        pub(super) jump_revealer: TemplateChild<gtk::Revealer>,
        #[template_child]
        pub(super) jump_button: TemplateChild<gtk::Button>,
        #[template_child]
        pub(super) jump_content: TemplateChild<adw::ButtonContent>,
        pub(super) timeline: OnceCell<Timeline>,
        pub(super) older: RefCell<Option<Box<dyn Fn()>>>,
        pub(super) at_bottom: Cell<bool>,
        /// Older messages are on their way.
        pub(super) asked: Cell<bool>,
        /// They came; the next growth of the content is above what is in view.
        pub(super) prepending: Cell<bool>,
        pub(super) upper: Cell<f64>,
        pub(super) missed: Cell<u32>,
        pub(super) count: Cell<usize>,
        /// `resized` runs before the next frame.
        pub(super) resizing: Cell<bool>,
        /// A message to be shown as soon as it is there.
        pub(super) wanted: RefCell<Option<Wanted>>,
    }

    impl Default for TimelineView {
        fn default() -> Self {
            Self {
                stack: TemplateChild::default(),
                spinner: TemplateChild::default(),
                empty_page: TemplateChild::default(),
                scroller: TemplateChild::default(),
                older_spinner: TemplateChild::default(),
                list_box: TemplateChild::default(),
                jump_revealer: TemplateChild::default(),
                jump_button: TemplateChild::default(),
                jump_content: TemplateChild::default(),
                timeline: OnceCell::new(),
                older: RefCell::default(),
                at_bottom: Cell::new(true),
                asked: Cell::default(),
                prepending: Cell::default(),
                upper: Cell::default(),
                missed: Cell::default(),
                count: Cell::default(),
                resizing: Cell::default(),
                wanted: RefCell::default(),
            }
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for TimelineView {
        const NAME: &'static str = "FlTimelineView";
        type Type = super::TimelineView;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for TimelineView {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().connect();
        }
    }
    impl WidgetImpl for TimelineView {}
    impl BinImpl for TimelineView {}
}

glib::wrapper! {
    /// Shows a timeline.
    pub(crate) struct TimelineView(ObjectSubclass<imp::TimelineView>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl TimelineView {
    /// Binds the view to a timeline, once. `older` asks for older messages, `retry` sends a failed one again.
    pub(crate) fn show(
        &self,
        session: &Session,
        timeline: &Timeline,
        older: impl Fn() + 'static,
        retry: impl Fn(String) + 'static,
    ) {
        let imp = self.imp();
        if imp.timeline.set(timeline.clone()).is_err() {
            return;
        }
        imp.older.replace(Some(Box::new(older)));
        let (session, retry) = (session.clone(), Rc::new(retry));
        imp.list_box.bind_model(Some(timeline.model()), move |object| {
            let object = object.downcast_ref::<ItemObject>().expect("the model holds lines");
            let retry = retry.clone();
            TimelineRow::new(object, &session, move |key| retry(key)).upcast()
        });
        imp.count.set(timeline.len());
        glib::timeout_add_local_once(
            SPINNER_DELAY,
            glib::clone!(
                #[weak(rename_to = view)]
                self,
                move || view.imp().spinner.set_visible(true)
            ),
        );
        self.refresh_state();
    }

    /// Says what an empty timeline says.
    pub(crate) fn set_empty_text(&self, title: &str, description: &str) {
        self.imp().empty_page.set_title(&crate::text::escaped(title));
        self.imp().empty_page.set_description(Some(&crate::text::escaped(description)));
    }

    /// True when the latest message is in view.
    pub(crate) fn is_at_bottom(&self) -> bool {
        self.imp().at_bottom.get()
    }

    /// Scrolls to the latest message and stays there.
    pub(crate) fn jump_to_latest(&self) {
        let imp = self.imp();
        imp.at_bottom.set(true);
        imp.missed.set(0);
        imp.wanted.take();
        let adjustment = imp.scroller.vadjustment();
        adjustment.set_value(adjustment.upper() - adjustment.page_size());
        self.refresh_jump();
    }

    /// The timeline was replaced or grew.
    pub(crate) fn refresh_state(&self) {
        let imp = self.imp();
        let Some(timeline) = imp.timeline.get() else { return };
        let page = match (timeline.is_loaded(), timeline.is_empty()) {
            (false, _) => "loading",
            (true, true) => "empty",
            (true, false) => "list",
        };
        imp.stack.set_visible_child_name(page);
        imp.older_spinner.set_visible(timeline.is_loading_older());
        if imp.asked.get() && !timeline.is_loading_older() {
            imp.asked.set(false);
            imp.prepending.set(!imp.at_bottom.get());
        }
        let came = timeline.len().saturating_sub(imp.count.replace(timeline.len()));
        if !imp.at_bottom.get() && !imp.prepending.get() {
            imp.missed.set(imp.missed.get() + u32::try_from(came).unwrap_or(u32::MAX));
        }
        self.refresh_jump();
        self.look_for_wanted();
    }

    fn connect(&self) {
        let imp = self.imp();
        widgets::name(&*imp.list_box, "Messages");
        let adjustment = imp.scroller.vadjustment();
        adjustment.connect_changed(glib::clone!(
            #[weak(rename_to = view)]
            self,
            move |_| view.resize_soon()
        ));
        adjustment.connect_value_changed(glib::clone!(
            #[weak(rename_to = view)]
            self,
            move |adjustment| view.scrolled(adjustment)
        ));
        imp.jump_button.connect_clicked(glib::clone!(
            #[weak(rename_to = view)]
            self,
            move |_| view.jump_to_latest()
        ));
    }

    /// Runs `resized` before the next frame. Not at once: this is told in the middle of the layout, and what is
    /// scrolled then never reaches the list, whose later changes of height go unnoticed (GTK 4.8).
    fn resize_soon(&self) {
        if self.imp().resizing.replace(true) {
            return;
        }
        glib::idle_add_local_full(
            glib::Priority::HIGH,
            glib::clone!(
                #[weak(rename_to = view)]
                self,
                #[upgrade_or]
                glib::ControlFlow::Break,
                move || {
                    view.imp().resizing.set(false);
                    view.resized(&view.imp().scroller.vadjustment());
                    glib::ControlFlow::Break
                }
            ),
        );
    }

    /// The content or the view changed its height: hold the bottom, or what is in view when older ones came above.
    fn resized(&self, adjustment: &gtk::Adjustment) {
        let imp = self.imp();
        let grown = adjustment.upper() - imp.upper.replace(adjustment.upper());
        if imp.at_bottom.get() {
            adjustment.set_value(adjustment.upper() - adjustment.page_size());
            // A short history leaves no way to scroll up for more.
            self.load_older_if_near(adjustment);
        } else if imp.prepending.get() && grown > 0.0 {
            imp.prepending.set(false);
            adjustment.set_value(adjustment.value() + grown);
        }
    }

    fn scrolled(&self, adjustment: &gtk::Adjustment) {
        let imp = self.imp();
        // While the height changes, the value is clamped before `resized` runs; that is not scrolling by hand.
        if (adjustment.upper() - imp.upper.get()).abs() > 0.5 {
            return;
        }
        self.note_place(adjustment);
        self.load_older_if_near(adjustment);
    }

    /// Notes whether the latest message is in view.
    fn note_place(&self, adjustment: &gtk::Adjustment) {
        let imp = self.imp();
        let at_bottom = adjustment.value() + adjustment.page_size() >= adjustment.upper() - NEAR;
        imp.at_bottom.set(at_bottom);
        if at_bottom {
            imp.missed.set(0);
        }
        self.refresh_jump();
    }

    fn load_older_if_near(&self, adjustment: &gtk::Adjustment) {
        let imp = self.imp();
        let Some(timeline) = imp.timeline.get() else { return };
        if adjustment.page_size() > 0.0 && adjustment.value() < AHEAD && timeline.begin_loading_older() {
            self.ask_for_older();
        }
    }

    fn ask_for_older(&self) {
        let imp = self.imp();
        imp.asked.set(true);
        imp.older_spinner.set_visible(true);
        if let Some(older) = imp.older.borrow().as_ref() {
            older();
        }
    }

    fn refresh_jump(&self) {
        let imp = self.imp();
        let text = match imp.missed.get() {
            0 => "Latest".to_owned(),
            1 => "1 new message".to_owned(),
            count => format!("{count} new messages"),
        };
        imp.jump_content.set_label(&text);
        imp.jump_revealer.set_reveal_child(!imp.at_bottom.get());
        imp.jump_revealer.set_can_target(!imp.at_bottom.get());
    }
}
