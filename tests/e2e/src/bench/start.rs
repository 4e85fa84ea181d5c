//! From the start of the program to the first frame and to "online", by ticket.

use super::figure::{Aim, Figures, quantile};
use super::process;
use super::window::{Window, number};
use crate::demo::{cli, say};
use crate::driver::Driver;
use crate::realm::Realm;
use crate::screen::Screen;
use anyhow::Result;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const WINDOWS: usize = 5;

/// Rosters and how soon one is online with them.
const ROSTERS: [(usize, f64); 3] = [(200, 500.0), (5_000, 800.0), (50_000, 4_000.0)];
/// People of the realm itself in everybody's roster.
const COLLEAGUES: usize = 199;

/// Program start to online on the command line, beside slixmpp with a password.
pub(super) fn sign_in(programs: &Path, figures: &mut Figures) -> Result<()> {
    let realm = Realm::start(programs)?;
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        say(&format!("sign-in: round {} of {ROUNDS}", round + 1));
        let started = Instant::now();
        let mut client = Driver::start("flint-cli", cli(&realm, "ann")?.args(["run", "--json"]))?;
        client.wait("our sign-in", |line| is_online(line).then_some(()))?;
        ours.push(started.elapsed());
        drop(client);
        let started = Instant::now();
        let peer = realm.peer("bob")?;
        peers.push(started.elapsed());
        drop(peer);
    }
    realm.stop();
    let (ours, peer) = (quantile(&ours, 0.5), quantile(&peers, 0.5));
    figures.time("flint-cli by ticket, exec to online, p50", ours, Aim::Most(100.0))?;
    figures.time("slixmpp by password, exec to online, p50", peer, Aim::None)?;
    figures.tell("ratio", ours.as_secs_f64() / peer.as_secs_f64(), "of slixmpp's", Aim::None)
}

pub(super) fn is_online(line: &Value) -> bool {
    line.pointer("/tell/update/state") == Some(&json!("online"))
}

/// Program start to first frame and to online in the window, with rosters of three sizes.
pub(super) fn window(programs: &Path, figures: &mut Figures) -> Result<()> {
    for (size, online_aim) in ROSTERS {
        say(&format!("start: a roster of {size}"));
        let crowd = (size - COLLEAGUES.min(size)).to_string();
        let realm = Realm::start_with(programs, &["--roster", &crowd])?;
        let screen = Screen::start(realm.dir.join("session"))?;
        let options = realm.client_options(&realm.state("window")?);
        let (mut frames, mut onlines, mut stalls) = (vec![], vec![], vec![]);
        let mut memory = 0.0;
        for round in 0..=WINDOWS {
            let program = realm.program("flint");
            let mut window = Window::start(&screen, &program, |command| {
                realm.ticket(command.args(&options), "ann");
            })?;
            let frame = window.wait(|line| line.contains("first frame"))?;
            let online = window.wait(|line| line.ends_with("online"))?;
            // From the second start on the roster may be there before the connection is.
            let people = if round == 0 {
                window.wait(|line| number(line, "rows=").is_some_and(|rows| rows as usize >= size))?
            } else {
                online
            };
            let stall = window.longest_stall()?;
            if let Some(pid) = process::below(window.session(), &program) {
                memory = process::pss(pid)?;
            }
            if round == 0 {
                let name = |what| format!("{size} people, very first start, {what}");
                figures.time(&name("first frame"), frame, Aim::None)?;
                figures.time(&name("online"), online, Aim::None)?;
                figures.time(&name("everybody listed"), people, Aim::None)?;
                figures.time(&name("longest main loop stall"), stall, Aim::None)?;
                continue;
            }
            frames.push(frame);
            onlines.push(online);
            stalls.push(stall);
        }
        realm.stop();
        let name = |what| format!("{size} people, {what}");
        figures.time(&name("first frame, p50"), quantile(&frames, 0.5), Aim::Most(300.0))?;
        figures.time(&name("online, p50"), quantile(&onlines, 0.5), Aim::Most(online_aim))?;
        figures.time(
            &name("longest main loop stall"),
            stalls.iter().max().copied().unwrap_or(Duration::ZERO),
            Aim::None,
        )?;
        figures.tell(&name("PSS"), memory, "MiB", Aim::None)?;
    }
    Ok(())
}
