//! `doctor`: each check of the sign-in as a row, while it is made on a terminal, and an exit code for scripts.

use crate::text::clean;
use crate::{print, show};
use flint_runtime::Options;
use flint_runtime::doctor::{self, Report};
use std::io::IsTerminal;
use std::process::ExitCode;

/// Runs the checks; code 1 when one has failed.
pub(crate) fn run(options: Options, json: bool) -> anyhow::Result<ExitCode> {
    let reports = doctor::start(options);
    let live = !json && std::io::stdout().is_terminal();
    let mut shown = Shown::default();
    let mut last = Report::default();
    while let Ok(report) = reports.recv_blocking() {
        if live && !print_rows(&shown.new_rows(&report))? {
            break;
        }
        last = report;
    }
    if json {
        print(&show::json(&last)?)?;
    } else if !live {
        print_rows(&Shown::default().new_rows(&last))?;
    }
    let good = last.finished && last.failure().is_none();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Rows that stand on the terminal. One that changes, because the next server is tried, is written again.
#[derive(Default)]
struct Shown(Vec<String>);

impl Shown {
    fn new_rows(&mut self, report: &Report) -> Vec<String> {
        let rows: Vec<String> = report.checks.iter().map(doctor::Check::to_text).collect();
        let kept = self.0.iter().zip(&rows).take_while(|(old, new)| old == new).count();
        let fresh = rows[kept..].to_vec();
        self.0 = rows;
        fresh
    }
}

/// False when nobody reads any more.
fn print_rows(rows: &[String]) -> anyhow::Result<bool> {
    for line in rows.iter().flat_map(|row| row.lines()) {
        if !print(&clean(line))? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_runtime::doctor::{Check, CheckId, Outcome};

    fn report(details: &[&str]) -> Report {
        let check = |(id, detail): (CheckId, &&str)| Check {
            id,
            title: id.title().to_owned(),
            outcome: Outcome::Passed,
            code: None,
            detail: Some((*detail).to_owned()),
            next_step: None,
        };
        let checks = CheckId::ALL.into_iter().zip(details).map(check).collect();
        Report { checks, ..Report::default() }
    }

    #[test]
    fn a_row_is_written_once_and_again_when_it_changes() {
        let mut shown = Shown::default();
        assert_eq!(shown.new_rows(&report(&["a"])), ["✓ Kerberos ticket: a"]);
        assert_eq!(shown.new_rows(&report(&["a", "b", "c"])).len(), 2);
        assert!(shown.new_rows(&report(&["a", "b"])).is_empty());
        assert_eq!(shown.new_rows(&report(&["a", "b", "d"])), ["✓ Connection: d"]);
    }
}
