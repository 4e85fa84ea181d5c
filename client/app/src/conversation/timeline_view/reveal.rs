//! Shows one message of a timeline, wherever it is: loads older ones until it is there, scrolls to it, lights it up.

use crate::conversation::timeline_view::TimelineView;
use adw::prelude::*;
use adw::subclass::prelude::*;
use gtk::glib;
use std::cell::Cell;
use std::time::Duration;

/// Loads of older messages before the search for one is given up (50 to 100 messages each).
const LOADS: u32 = 60;
/// Frames to wait for the message to be laid out.
const FRAMES: u32 = 120;
/// How long it stays lit up.
const LIT: Duration = Duration::from_millis(2_500);

/// A message to be shown as soon as it is there.
pub(crate) struct Wanted {
    key: String,
    loads_left: u32,
    lost: Box<dyn Fn()>,
}

impl TimelineView {
    /// Shows the message with this key; `lost` is called when it is too far back or not there at all.
    pub(crate) fn reveal(&self, key: &str, lost: impl Fn() + 'static) {
        let wanted = Wanted { key: key.to_owned(), loads_left: LOADS, lost: Box::new(lost) };
        let imp = self.imp();
        imp.wanted.replace(Some(wanted));
        imp.at_bottom.set(false);
        self.look_for_wanted();
    }

    /// Something came: is the wanted message among it?
    pub(super) fn look_for_wanted(&self) {
        let imp = self.imp();
        let Some(timeline) = imp.timeline.get().filter(|timeline| timeline.is_loaded()) else { return };
        let Some(mut wanted) = imp.wanted.take() else { return };
        if let Some(row) = timeline.position(&wanted.key).and_then(|index| imp.list_box.row_at_index(index)) {
            self.scroll_to(&row);
        } else if timeline.is_loading_older() {
            imp.wanted.replace(Some(wanted));
        } else if wanted.loads_left > 0 && timeline.begin_loading_older() {
            wanted.loads_left -= 1;
            imp.wanted.replace(Some(wanted));
            self.ask_for_older();
        } else {
            (wanted.lost)();
            self.jump_to_latest();
        }
    }

    /// Scrolls as soon as the row has a place: rows that have just come are laid out with the next frame.
    fn scroll_to(&self, row: &gtk::ListBoxRow) {
        let imp = self.imp();
        imp.at_bottom.set(false);
        imp.prepending.set(false);
        row.add_css_class("found");
        let frames = Cell::new(0);
        let row = row.downgrade();
        imp.scroller.add_tick_callback(glib::clone!(
            #[weak(rename_to = view)]
            self,
            #[upgrade_or]
            glib::ControlFlow::Break,
            move |scroller, _| {
                let Some(row) = row.upgrade() else { return glib::ControlFlow::Break };
                frames.set(frames.get() + 1);
                let place = row.compute_bounds(&*view.imp().list_box).filter(|place| place.height() > 0.0);
                // The first frame lays out what came together with the row.
                match place.filter(|_| frames.get() > 2) {
                    Some(place) => {
                        // Focus first: it scrolls too.
                        row.grab_focus();
                        let adjustment = scroller.vadjustment();
                        let above = (adjustment.page_size() - f64::from(place.height())).max(0.0) / 3.0;
                        adjustment.set_value(f64::from(place.y()) - above);
                        view.note_place(&adjustment);
                        darken_later(&row);
                        glib::ControlFlow::Break
                    }
                    None if frames.get() < FRAMES => glib::ControlFlow::Continue,
                    None => {
                        row.remove_css_class("found");
                        glib::ControlFlow::Break
                    }
                }
            }
        ));
    }
}

fn darken_later(row: &gtk::ListBoxRow) {
    glib::timeout_add_local_once(
        LIT,
        glib::clone!(
            #[weak]
            row,
            move || row.remove_css_class("found")
        ),
    );
}
