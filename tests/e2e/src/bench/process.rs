//! What the kernel knows of a running program: memory, processor time, children.

use anyhow::{Context, Result};
use std::path::Path;
use std::time::Duration;

const MIB: f64 = 1024.0 * 1024.0;

/// Proportional set size in MiB: what the program would free, with its share of what others use as well.
pub(super) fn pss(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
        .with_context(|| format!("the memory of process {pid} can't be read"))?;
    let line = text.lines().find(|line| line.starts_with("Pss:")).context("no Pss in smaps_rollup")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).context("no number behind Pss")?.parse()?;
    Ok(kilobytes * 1024.0 / MIB)
}

/// Processor time used so far, in user and system mode.
pub(super) fn processor_time(pid: u32) -> Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold blanks.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
    // Linux gives hundredths of a second to programs, whatever it counts itself.
    Ok(Duration::from_millis(ticks * 10))
}

/// The process below `root` that runs `program`.
pub(super) fn below(root: u32, program: &Path) -> Option<u32> {
    let mut left = vec![root];
    while let Some(pid) = left.pop() {
        if std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program) {
            return Some(pid);
        }
        let children =
            std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        left.extend(children.split_whitespace().filter_map(|word| word.parse::<u32>().ok()));
    }
    None
}
