//! The workgroup service under load. Customers and agents are played by one component beside it, so that every stanza
//! takes the way through the realm's Prosody, rooms included.

use super::figure::{Aim, Figures, quantile};
use super::process;
use crate::demo::say;
use crate::realm::Realm;
use anyhow::{Context, Result, ensure};
use load::{AGENTS, Load};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

mod load;

const CUSTOMERS: usize = 1_000;
const SINGLE: usize = 200;
const MIB: f64 = 1024.0 * 1024.0;

/// Single customers one after the other, a crowd, and a queue that nobody serves.
pub(super) fn desk(programs: &Path, figures: &mut Figures) -> Result<()> {
    let realm = Realm::start_with(programs, &["--load"])?;
    let workgroup = json!([{
        "name": "load", "display_name": "Load", "description": "Measured",
        "form": [
            { "var": "username", "label": "Name", "kind": "text-single", "required": true },
            { "var": "question", "label": "Question", "kind": "text-multi", "required": true }
        ],
        "queues": [{ "name": "Default Queue", "agents":
            (0..AGENTS).map(|agent| format!("agent{agent}@load.{}", realm.text("domain"))).collect::<Vec<_>>() }]
    }]);
    let file = realm.dir.join("load.json");
    std::fs::write(&file, workgroup.to_string())?;
    realm.admin(&["workgroups", "import", &file.display().to_string()])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(measure(&realm, figures));
    realm.stop();
    measured
}

async fn measure(realm: &Realm, figures: &mut Figures) -> Result<()> {
    let pid = |server: &str| -> Result<u32> {
        u32::try_from(realm.pid(server).context("the realm names no process")?).context("a process id")
    };
    let (flintd, prosody) = (pid("flintd")?, pid("prosody")?);
    let mut load = Load::start(realm).await?;

    say(&format!("desk: {SINGLE} customers, one after the other"));
    let (mut offers, mut invitations) = (Vec::new(), Vec::new());
    for customer in 0..SINGLE {
        let (offer, invitation) =
            load.one_customer().await.with_context(|| format!("customer {customer}"))?;
        offers.push(offer);
        invitations.push(invitation);
    }
    figures.time("join to offer, p50", quantile(&offers, 0.5), Aim::Most(5.0))?;
    figures.time("join to offer, p99", quantile(&offers, 0.99), Aim::Most(25.0))?;
    figures.time("accept to invitation, p50", quantile(&invitations, 0.5), Aim::Most(10.0))?;
    figures.time("accept to invitation, p99", quantile(&invitations, 0.99), Aim::Most(50.0))?;

    say(&format!("desk: {CUSTOMERS} customers at once, {AGENTS} agents"));
    load.forget_traffic();
    let before = (process::processor_time(flintd)?, process::processor_time(prosody)?);
    let started = Instant::now();
    let served = load.crowd(CUSTOMERS).await?;
    let time = started.elapsed();
    figures.time(&format!("{CUSTOMERS} customers through {AGENTS} agents"), time, Aim::Most(5_000.0))?;
    figures.time("of it flintd's processor", process::processor_time(flintd)? - before.0, Aim::None)?;
    figures.time("of it Prosody's processor", process::processor_time(prosody)? - before.1, Aim::None)?;
    let lost = CUSTOMERS - served;
    figures.tell("lost", lost as f64, "customers", Aim::Most(0.0))?;
    figures.tell("to each agent, the most", load.most_traffic() as f64 / MIB, "MiB", Aim::Most(0.5))?;

    say(&format!("desk: {CUSTOMERS} customers waiting"));
    load.queue_up(CUSTOMERS).await?;
    figures.tell(
        &format!("flintd at {CUSTOMERS} waiting, PSS"),
        process::pss(flintd)?,
        "MiB",
        Aim::Most(60.0),
    )?;
    load.close().await;
    ensure!(lost == 0, "{lost} of {CUSTOMERS} customers were never invited");
    Ok(())
}
