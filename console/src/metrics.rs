//! What flintd counts, in Prometheus' text format.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of the HTTP side and of the components.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Answers by class of status: 1xx to 5xx.
    pub http_requests: [AtomicU64; 5],
    /// Policy documents sent.
    pub policy_fetches: AtomicU64,
    /// "You have it already".
    pub policy_not_modified: AtomicU64,
    /// Tickets and passwords that were refused.
    pub sign_ins_refused: AtomicU64,
    /// Versions pushed to clients: messages.
    pub pushes: AtomicU64,
    /// Stanzas dropped because of a wrong sender or shape.
    pub stanzas_dropped: AtomicU64,
    /// 1 while connected.
    pub policy_up: AtomicU64,
    /// 1 while connected.
    pub control_up: AtomicU64,
}

impl Metrics {
    /// Counts one.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer.
    pub fn answered(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        Self::count(&self.http_requests[class]);
    }

    /// The text.
    pub fn render(&self, version: u64, clients_online: u64, workgroup: Option<bool>) -> String {
        let mut out = String::new();
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        head(&mut out, "flint_http_requests_total", "counter", "HTTP requests answered, by class of status.");
        for (index, counter) in self.http_requests.iter().enumerate() {
            line(
                &mut out,
                "flint_http_requests_total",
                Some(("status", &format!("{}xx", index + 1))),
                get(counter),
            );
        }
        head(&mut out, "flint_policy_fetches_total", "counter", "Requests for a policy document, by result.");
        line(&mut out, "flint_policy_fetches_total", Some(("result", "sent")), get(&self.policy_fetches));
        line(
            &mut out,
            "flint_policy_fetches_total",
            Some(("result", "not-modified")),
            get(&self.policy_not_modified),
        );
        for (name, kind, help, value) in [
            (
                "flint_sign_ins_refused_total",
                "counter",
                "Refused tickets and passwords.",
                get(&self.sign_ins_refused),
            ),
            (
                "flint_policy_pushes_total",
                "counter",
                "Messages that tell a client of a version.",
                get(&self.pushes),
            ),
            (
                "flint_stanzas_dropped_total",
                "counter",
                "Stanzas of a wrong sender or shape.",
                get(&self.stanzas_dropped),
            ),
            ("flint_policy_version", "gauge", "Version of the policies in force.", version),
            ("flint_clients_online", "gauge", "Clients that are online.", clients_online),
        ] {
            head(&mut out, name, kind, help);
            line(&mut out, name, None, value);
        }
        head(&mut out, "flint_component_up", "gauge", "1 while a component is connected.");
        line(&mut out, "flint_component_up", Some(("kind", "policy")), get(&self.policy_up));
        line(&mut out, "flint_component_up", Some(("kind", "client-control")), get(&self.control_up));
        if let Some(up) = workgroup {
            line(&mut out, "flint_component_up", Some(("kind", "workgroup")), u64::from(up));
        }
        out
    }
}

// Writing to a String can't fail.
fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, label: Option<(&str, &str)>, value: u64) {
    let _ = match label {
        Some((key, text)) => writeln!(out, "{name}{{{key}=\"{text}\"}} {value}"),
        None => writeln!(out, "{name} {value}"),
    };
}
