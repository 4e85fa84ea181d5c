//! Moments on the wire.

use chrono::{DateTime, Utc};
use flint_fastpath_routing::Timestamp;

fn date(at: Timestamp) -> DateTime<Utc> {
    i64::try_from(at.0).ok().and_then(DateTime::from_timestamp_millis).unwrap_or(DateTime::UNIX_EPOCH)
}

/// `yyyyMMdd'T'HH:mm:ss`, UTC without a zone, as every Fastpath payload has it (XEP-0091).
pub(crate) fn legacy(at: Timestamp) -> String {
    date(at).format("%Y%m%dT%H:%M:%S").to_string()
}

/// XEP-0082.
pub(crate) fn iso(at: Timestamp) -> String {
    date(at).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Milliseconds, filled up to 15 digits, as Fastpath's `date`.
pub(crate) fn millis(at: Timestamp) -> String {
    format!("{:015}", at.0)
}
