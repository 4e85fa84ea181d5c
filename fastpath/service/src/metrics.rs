//! Counters that the server exports.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident: $kind:literal, $help:literal;)*) => {
        /// Counters and gauges of one workgroup service, written by its task and read by whoever exports them.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[$doc])* #[doc = $help] pub $name: AtomicU64,)*
        }

        impl Metrics {
            /// The figures in Prometheus' text format, each name with this prefix, such as `flint_workgroup_`.
            pub fn render(&self, prefix: &str, out: &mut String) {
                $(
                    let name = concat!(stringify!($name), "");
                    out.push_str(&format!(
                        "# HELP {prefix}{name} {}\n# TYPE {prefix}{name} {}\n{prefix}{name} {}\n",
                        $help, $kind, self.$name.load(Ordering::Relaxed),
                    ));
                )*
            }
        }
    };
}

metrics! {
    connected: "gauge", "1 while the component is connected to the XMPP server.";
    connects_total: "counter", "Connections to the XMPP server that were established.";
    stanzas_in_total: "counter", "Stanzas received.";
    stanzas_out_total: "counter", "Stanzas sent.";
    dropped_total: "counter", "Stanzas dropped because of a wrong sender or shape.";
    refused_total: "counter", "Requests answered by an error.";
    joins_total: "counter", "Customers who joined a queue.";
    offers_total: "counter", "Offers made to agents.";
    accepts_total: "counter", "Offers accepted.";
    declines_total: "counter", "Offers declined.";
    offer_timeouts_total: "counter", "Offers that ran out.";
    late_accepts_total: "counter", "Accepts that lost.";
    chats_total: "counter", "Chats that ended after an agent took part.";
    abandoned_total: "counter", "Customers who left or vanished before an agent took them.";
    waiting: "gauge", "Customers waiting now.";
    chats: "gauge", "Chats running now.";
    agents: "gauge", "Agents taking part now.";
    lines_dropped_total: "counter", "Lines of chats that were not written down because a chat has too many.";
    journal_records_total: "counter", "Records written to the journal.";
    journal_commits_total: "counter", "Commits of the journal.";
    journal_errors_total: "counter", "Failures of the journal.";
}

impl Metrics {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn set(gauge: &AtomicU64, value: u64) {
        gauge.store(value, Ordering::Relaxed);
    }
}
