//! Opens a window whose client is played by the test.

use crate::disguise::{Words, disguised};
use adw::prelude::*;
use anyhow::{Context, bail};
use flint::{Session, Window};
use flint_runtime::core::Timestamp;
use flint_runtime::{Client, Command, Update};
use gtk::glib;
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Tuesday, 10 March 2026, 08:41:30 UTC.
pub const NOW: Timestamp = Timestamp(1_773_132_090_000);

/// Longest wait for something the main loop has to do; a bound against hanging, never a measure.
const PATIENCE: Duration = Duration::from_secs(20);

/// Initialises GTK for pictures and tests: no animation, one font, no portal.
///
/// # Errors
/// When no display can be opened.
pub fn begin() -> anyhow::Result<adw::Application> {
    if std::env::var_os("DISPLAY").is_none() {
        bail!(
            "DISPLAY is not set: tests of the window need an X server. Run `cargo xtask test ui`, which starts Xvfb, \
             or start one yourself and set DISPLAY."
        );
    }
    adw::init().context("GTK can't open the display that DISPLAY names")?;
    if let Some(settings) = gtk::Settings::default() {
        settings.set_gtk_font_name(Some("Cantarell 11"));
        settings.set_gtk_enable_animations(false);
        settings.set_gtk_decoration_layout(Some("menu:minimize,maximize,close"));
    }
    flint::load_style();
    let application = adw::Application::builder()
        .application_id("org.flint.Flint.Test")
        .flags(gtk::gio::ApplicationFlags::NON_UNIQUE)
        .build();
    application.register(gtk::gio::Cancellable::NONE).context("the application can't be registered")?;
    flint::set_accelerators(&application);
    Ok(application)
}

/// A window and the other ends of its client.
pub struct Stage {
    /// The window.
    pub window: Window,
    /// What it shows.
    pub session: Session,
    updates: async_channel::Sender<Update>,
    commands: async_channel::Receiver<Command>,
    now: Rc<Cell<Timestamp>>,
    words: Option<Words>,
}

impl Stage {
    /// Opens a window of this size.
    pub fn open(application: &adw::Application, width: i32, height: i32) -> Self {
        let (commands_in, commands) = async_channel::unbounded();
        let (updates, updates_out) = async_channel::unbounded();
        let now = Rc::new(Cell::new(NOW));
        let clock = now.clone();
        let client = Client::from_parts(commands_in, updates_out);
        let session = Session::new(client, Rc::new(move || clock.get()));
        let window = Window::new(application, &session);
        window.set_default_size(width, height);
        session.follow();
        window.present();
        let stage = Self { window, session, updates, commands, now, words: None };
        stage.settle();
        stage
    }

    /// The same window, told everything in other words.
    #[must_use]
    pub fn disguised(mut self, words: Words) -> Self {
        self.words = Some(words);
        self
    }

    /// Plays the engine: these updates arrive and are applied.
    pub fn tell(&self, updates: impl IntoIterator<Item = Update>) {
        for update in updates {
            let update = match self.words {
                Some(words) => disguised(update, words),
                None => update,
            };
            self.updates.try_send(update).expect("the window listens");
        }
        self.settle();
    }

    /// The clock goes on; the window is not told before its next tick.
    pub fn pass(&self, milliseconds: i64) {
        self.now.set(self.now.get().plus(milliseconds));
    }

    /// The commands sent since the last call.
    pub fn commands(&self) -> Vec<Command> {
        self.settle();
        std::iter::from_fn(|| self.commands.try_recv().ok()).collect()
    }

    /// Lets the main loop do everything that is ready, frames included.
    pub fn settle(&self) {
        let context = glib::MainContext::default();
        // A frame is drawn by a timer of the frame clock, so "nothing is pending" is not yet "drawn".
        let drawn = Rc::new(Cell::new(0));
        let counter = drawn.clone();
        let callback = self.window.add_tick_callback(move |_, _| {
            counter.set(counter.get() + 1);
            glib::ControlFlow::Continue
        });
        let begin = Instant::now();
        while drawn.get() < 3 && self.window.is_visible() && begin.elapsed() < PATIENCE {
            context.iteration(true);
        }
        callback.remove();
        while context.pending() {
            context.iteration(false);
        }
    }

    /// Runs the main loop until `reached`, or fails.
    ///
    /// # Errors
    /// When it does not come true.
    pub fn until(&self, what: &str, reached: impl Fn() -> bool) -> anyhow::Result<()> {
        let begin = Instant::now();
        while !reached() {
            if begin.elapsed() > PATIENCE {
                bail!("never happened: {what}");
            }
            self.settle();
        }
        Ok(())
    }

    /// Draws a window or a popover into a PNG file, with as many pixels as the display shows of it.
    ///
    /// # Errors
    /// When it can't be drawn or written.
    pub fn picture(&self, window: &impl IsA<gtk::Widget>, file: &Path) -> anyhow::Result<()> {
        self.settle();
        let window = window.upcast_ref::<gtk::Widget>();
        let paintable = gtk::WidgetPaintable::new(Some(window));
        let scale = window.scale_factor();
        let (width, height) = (paintable.intrinsic_width() * scale, paintable.intrinsic_height() * scale);
        let snapshot = gtk::Snapshot::new();
        paintable.snapshot(&snapshot, f64::from(width), f64::from(height));
        let node = snapshot.to_node().context("the window draws nothing")?;
        let renderer = window.native().context("the window is not realised")?.renderer();
        let bounds = gtk::graphene::Rect::new(0.0, 0.0, width as f32, height as f32);
        let texture = renderer.context("the window has no renderer")?.render_texture(&node, Some(&bounds));
        texture.save_to_png(file).with_context(|| format!("can't write {}", file.display()))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.window.destroy();
        let context = glib::MainContext::default();
        while context.pending() {
            context.iteration(false);
        }
    }
}
