//! Draws each screen from fixtures into PNG files named SCREEN-VARIANT.png: `flint-screens OUTDIR [VARIANT [SCREEN…]]`.
//!
//! Runs under an X server that the caller starts, with GSK_RENDERER=cairo. Contrast and scale are read once, when a
//! display is opened, so each variant is drawn by a process of its own.

use adw::prelude::*;
use anyhow::{Context, bail, ensure};
use flint_test_ui::disguise::{self, Words};
use flint_test_ui::screens::{self, NARROW, Size};
use flint_test_ui::{Stage, stage};
use gtk::glib;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Pixels of an inch of which GTK speaks in 1/1024.
const PLAIN_DPI: i32 = 96 * 1024;

/// One way to look at every screen.
#[derive(Clone, Copy)]
struct Variant {
    name: &'static str,
    environment: &'static [(&'static str, &'static str)],
    dark: bool,
    /// Text in percent of its plain size.
    text: i32,
    /// Another size for the windows that are no narrow ones already.
    size: Option<Size>,
    right_to_left: bool,
    words: Option<Words>,
}

const LIGHT: Variant = Variant {
    name: "light",
    environment: &[],
    dark: false,
    text: 100,
    size: None,
    right_to_left: false,
    words: None,
};

const HIGH_CONTRAST: &[(&str, &str)] = &[("ADW_DEBUG_HIGH_CONTRAST", "1")];

const VARIANTS: &[Variant] = &[
    LIGHT,
    Variant { name: "dark", dark: true, ..LIGHT },
    Variant { name: "contrast-light", environment: HIGH_CONTRAST, ..LIGHT },
    Variant { name: "contrast-dark", environment: HIGH_CONTRAST, dark: true, ..LIGHT },
    Variant { name: "text-200", text: 200, ..LIGHT },
    Variant { name: "scale-200", environment: &[("GDK_SCALE", "2")], size: Some((640, 440)), ..LIGHT },
    Variant { name: "360", size: Some(NARROW), ..LIGHT },
    Variant { name: "german", words: Some(disguise::german), ..LIGHT },
    Variant { name: "german-360", size: Some(NARROW), words: Some(disguise::german), ..LIGHT },
    Variant { name: "rtl", right_to_left: true, words: Some(disguise::arabic), ..LIGHT },
];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, rest @ ..] = arguments.as_slice() else {
        bail!("usage: flint-screens OUTDIR [VARIANT [SCREEN…]]");
    };
    std::fs::create_dir_all(directory)?;
    match rest {
        [] => VARIANTS.iter().try_for_each(|variant| start(directory, variant)),
        [name, screens @ ..] => {
            let variant = VARIANTS.iter().find(|variant| variant.name == name);
            let variant = variant.with_context(|| format!("there is no variant {name}"))?;
            let has = |(name, value): &(&str, &str)| std::env::var(name).is_ok_and(|now| now == *value);
            ensure!(variant.environment.iter().all(has), "set {:?} first", variant.environment);
            draw(Path::new(directory), variant, screens)
        }
    }
}

fn start(directory: &str, variant: &Variant) -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    let mut command = Command::new(program);
    command.args([directory, variant.name]).envs(variant.environment.iter().copied());
    let status = command.status().with_context(|| format!("{} can't be drawn", variant.name))?;
    ensure!(status.success(), "{} can't be drawn ({status})", variant.name);
    Ok(())
}

fn draw(directory: &Path, variant: &Variant, only: &[String]) -> anyhow::Result<()> {
    // Times in the pictures are those of the fixtures, wherever they are drawn.
    glib::setenv("TZ", "Europe/Berlin", true)?;
    let application = stage::begin()?;
    let scheme = if variant.dark { adw::ColorScheme::ForceDark } else { adw::ColorScheme::ForceLight };
    adw::StyleManager::default().set_color_scheme(scheme);
    if variant.right_to_left {
        gtk::Widget::set_default_direction(gtk::TextDirection::Rtl);
    }
    if let Some(settings) = gtk::Settings::default() {
        settings.set_gtk_xft_dpi(PLAIN_DPI / 100 * variant.text);
    }
    for (name, size, play) in screens::all() {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == name) {
            continue;
        }
        if variant.size.is_some() && size == NARROW {
            continue;
        }
        let (width, height) = variant.size.unwrap_or(size);
        let stage = Stage::open(&application, width, height);
        let stage = match variant.words {
            Some(words) => stage.disguised(words),
            None => stage,
        };
        let file: PathBuf = directory.join(format!("{name}-{}.png", variant.name));
        let other = play(&stage);
        if let (Some(size), Some(window)) =
            (variant.size, other.as_ref().and_then(|other| other.downcast_ref::<gtk::Window>()))
        {
            window.set_default_size(size.0, size.1);
        }
        match &other {
            Some(other) => stage.picture(other, &file)?,
            None => stage.picture(&stage.window, &file)?,
        }
        if let Some(window) = other.and_downcast::<gtk::Window>() {
            window.destroy();
        }
    }
    Ok(())
}
