//! How quick the window is, for `cargo xtask bench` and for whoever looks for a hang: `FLINT_LOG=flint::pace=debug`.
//!
//! Nothing is measured unless somebody asks.

use crate::Window;
use crate::projection::{Session, State, Topic};
use adw::prelude::*;
use gtk::glib;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tracing::Level;

/// How often the main loop should come by.
const BEAT: Duration = Duration::from_millis(5);
/// A main loop that is away for less than this is no stall.
const STALL: Duration = Duration::from_millis(20);

/// Tells the first frame, the sign-in, the first roster and each main loop stall that is longer than all before.
pub(crate) fn watch(window: &Window, session: &Session) {
    if !tracing::enabled!(Level::DEBUG) {
        return;
    }
    let drawn = Rc::new(Cell::new(false));
    window.connect_realize(move |window| {
        let Some(clock) = window.frame_clock() else { return };
        let drawn = drawn.clone();
        clock.connect_after_paint(move |_| {
            if !drawn.replace(true) {
                tracing::debug!("first frame");
            }
        });
    });
    let online = Cell::new(false);
    session.listen(window, move |window, topic| {
        if matches!(topic, Topic::Connection)
            && window.session().with(State::is_online)
            && !online.replace(true)
        {
            tracing::debug!("online");
        }
    });
    session.people().visible().connect_items_changed(|list, _, _, _| {
        tracing::debug!(rows = list.n_items(), "people");
    });
    let (last, longest) = (Cell::new(Instant::now()), Cell::new(STALL));
    glib::timeout_add_local_full(BEAT, glib::Priority::HIGH, move || {
        let away = last.replace(Instant::now()).elapsed();
        if away > longest.get() {
            longest.set(away);
            tracing::debug!(milliseconds = away.as_millis() as u64, "longest stall");
        }
        glib::ControlFlow::Continue
    });
}
