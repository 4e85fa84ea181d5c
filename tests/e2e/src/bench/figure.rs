//! One measured value: with its aim, the build and the load of the machine, for people or as JSON.

use anyhow::Result;
use serde_json::json;
use std::io::Write as _;
use std::time::Duration;

/// Where the figures of a benchmark are stated.
#[derive(Debug)]
pub(super) struct Figures {
    benchmark: &'static str,
    as_json: bool,
}

/// What a value has to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Aim {
    /// Not more than this.
    Most(f64),
    /// It is stated for comparison.
    None,
}

impl Figures {
    pub(super) fn new(benchmark: &'static str, as_json: bool) -> Self {
        Self { benchmark, as_json }
    }

    /// States a value at once, so that a benchmark that fails later has said what it knew.
    pub(super) fn tell(&self, name: &str, value: f64, unit: &str, aim: Aim) -> Result<()> {
        let value = (value * 1000.0).round() / 1000.0;
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        let (most, met) = match aim {
            Aim::Most(most) => (Some(most), Some(value <= most)),
            Aim::None => (None, None),
        };
        let line = if self.as_json {
            json!({
                "format": 2, "benchmark": self.benchmark, "figure": name, "value": value, "unit": unit,
                "aim": most, "ok": met, "build": build, "load": load(),
            })
            .to_string()
        } else {
            let verdict = match (most, met) {
                (Some(most), Some(true)) => format!("aim ≤ {most} {unit}: ok"),
                (Some(most), _) => format!("aim ≤ {most} {unit}: missed"),
                _ => "for comparison".to_owned(),
            };
            format!("{}: {name}: {value} {unit} ({verdict}; {build}, load {})", self.benchmark, load())
        };
        writeln!(std::io::stdout(), "{line}")?;
        Ok(())
    }

    /// States a time in milliseconds.
    pub(super) fn time(&self, name: &str, time: Duration, aim: Aim) -> Result<()> {
        self.tell(name, time.as_secs_f64() * 1000.0, "ms", aim)
    }
}

/// The machine's load of the last minute: a figure from a busy machine says little.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// The value below which this share of all lies, 0.5 being the median.
pub(super) fn quantile(times: &[Duration], share: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(at.saturating_sub(1).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_measured_value() {
        let times: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        for (share, expected) in [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)] {
            assert_eq!(quantile(&times, share), Duration::from_millis(expected), "{share}");
        }
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
        assert_eq!(quantile(&times[..1], 0.01), Duration::from_millis(100));
    }
}
