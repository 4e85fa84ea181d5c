//! Moments and spans as people read them, in local time.

use flint_runtime::core::Timestamp;
use gtk::glib;

/// The local date and time of a moment; 1970 for moments that no calendar holds.
fn local(at: Timestamp) -> Option<glib::DateTime> {
    glib::DateTime::from_unix_local(at.0.div_euclid(1000)).ok()
}

fn format(at: Timestamp, pattern: &str) -> String {
    local(at)
        .and_then(|moment| moment.format(pattern).ok())
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

/// Number of the local day, for comparing days.
pub(crate) fn day(at: Timestamp) -> i64 {
    local(at).map_or(0, |moment| {
        let (year, _, _) = moment.ymd();
        i64::from(year) * 400 + i64::from(moment.day_of_year())
    })
}

/// Number of the minute, for grouping.
pub(crate) fn minute(at: Timestamp) -> i64 {
    at.0.div_euclid(60_000)
}

/// Time of day, `9:41`.
pub(crate) fn clock(at: Timestamp) -> String {
    format(at, "%-H:%M")
}

/// Text of a day line: `Today`, `Yesterday`, `Monday, 9 March`, `9 March 2025`.
pub(crate) fn day_line(at: Timestamp, now: Timestamp) -> String {
    let days = days_between(at, now);
    match days {
        0 => "Today".to_owned(),
        1 => "Yesterday".to_owned(),
        _ if format(at, "%Y") == format(now, "%Y") => format(at, "%A, %-d %B"),
        _ => format(at, "%-d %B %Y"),
    }
}

/// Short form for list rows: `9:41`, `Mon`, `9 Mar`, `9.3.2025`.
pub(crate) fn short(at: Timestamp, now: Timestamp) -> String {
    match days_between(at, now) {
        0 => clock(at),
        1..=6 => format(at, "%a"),
        _ if format(at, "%Y") == format(now, "%Y") => format(at, "%-d %b"),
        _ => format(at, "%Y-%m-%d"),
    }
}

/// Date and time in full, for tooltips.
pub(crate) fn full(at: Timestamp) -> String {
    format(at, "%A, %-d %B %Y, %H:%M:%S")
}

/// Local days from `at` to `now`; negative when `at` is later.
fn days_between(at: Timestamp, now: Timestamp) -> i64 {
    let date = |moment: Timestamp| {
        let moment = local(moment)?;
        let (year, month, day) = moment.ymd();
        glib::DateTime::from_utc(year, month, day, 0, 0, 0.0).ok()
    };
    match (date(at), date(now)) {
        (Some(at), Some(now)) => now.difference(&at).as_days(),
        _ => i64::MAX,
    }
}

/// A span of milliseconds as `4:10` or `1:02:03`; nothing negative.
pub(crate) fn span(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Time left, rounded up so that the last second reads `0:01`.
pub(crate) fn left(milliseconds: i64) -> String {
    span(milliseconds.max(0).saturating_add(999))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_like_a_clock() {
        for (milliseconds, expected) in
            [(0, "0:00"), (59_999, "0:59"), (250_000, "4:10"), (3_723_000, "1:02:03"), (-5, "0:00")]
        {
            assert_eq!(span(milliseconds), expected);
        }
        assert_eq!(left(1), "0:01");
        assert_eq!(left(18_000), "0:18");
    }

    #[test]
    fn days_are_named_by_distance() {
        let now = Timestamp(1_773_132_060_000); // Tuesday, 10 March 2026, 08:41 UTC
        for (days, line) in
            [(0, "Today"), (1, "Yesterday"), (3, "Saturday, 7 March"), (400, "3 February 2025")]
        {
            assert_eq!(day_line(now.plus(-days * 86_400_000), now), line);
        }
        assert_eq!(short(now.plus(-86_400_000), now), "Mon");
        assert_eq!(short(now.plus(-20 * 86_400_000), now), "18 Feb");
    }
}
