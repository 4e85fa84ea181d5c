//! The clock, and how moments are written for people.

use crate::store::Millis;
use chrono::{DateTime, Utc};

/// Now.
pub fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

/// `2026-11-25 08:30 UTC`, the same for every reader.
pub fn for_people(at: Millis) -> String {
    date(at).map_or_else(|| "never".to_owned(), |date| date.format("%Y-%m-%d %H:%M UTC").to_string())
}

/// RFC 3339, for `<time datetime>`.
pub fn for_machines(at: Millis) -> String {
    date(at).map(|date| date.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).unwrap_or_default()
}

fn date(at: Millis) -> Option<DateTime<Utc>> {
    i64::try_from(at).ok().filter(|at| *at != 0).and_then(DateTime::from_timestamp_millis)
}
