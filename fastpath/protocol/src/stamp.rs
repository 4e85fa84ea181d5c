//! Moments on the wire, in every form that was recorded. All are milliseconds since 1970-01-01T00:00:00Z here.
//!
//! | Form | Where |
//! |---|---|
//! | `20260819T09:38:20` | queues, current chats, `transcripts`, `jabber:x:delay` (UTC) |
//! | `2026-11-23T08:41:17.65` | `occupants-info`, stamps of Openfire 5's transcripts (UTC, 0 to 9 digits) |
//! | `2026-11-23T08:41:17Z`, `…+01:00` | `urn:xmpp:delay` (XEP-0082) |
//! | `001795423277641` | `chat-sessions` (milliseconds) |

use chrono::{DateTime, NaiveDateTime, SecondsFormat};

/// Reads any of the forms; `None` for anything else.
pub fn read(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() || text.len() > 40 || !text.is_ascii() {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.timestamp_millis());
    }
    let local = text.strip_suffix('Z').unwrap_or(text);
    ["%Y%m%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(local, form).ok())
        .map(|moment| moment.and_utc().timestamp_millis())
}

/// `20260819T09:38:20`, the form that every known client reads.
pub fn legacy(milliseconds: i64) -> String {
    moment(milliseconds).format("%Y%m%dT%H:%M:%S").to_string()
}

/// `2026-11-23T08:41:17.650Z` (XEP-0082).
pub fn utc(milliseconds: i64) -> String {
    moment(milliseconds).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Milliseconds as a number of 15 digits.
pub fn millis(milliseconds: i64) -> String {
    format!("{:015}", milliseconds.max(0))
}

fn moment(milliseconds: i64) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_forms() {
        for (text, expected) in [
            ("20261123T08:41:17", Some(1_795_423_277_000)),
            ("2026-11-23T08:41:17.635", Some(1_795_423_277_635)),
            ("2026-11-23T08:41:17.65", Some(1_795_423_277_650)),
            ("2026-11-23T08:41:17", Some(1_795_423_277_000)),
            ("2026-11-23T08:41:17Z", Some(1_795_423_277_000)),
            ("2026-11-23T09:41:17+01:00", Some(1_795_423_277_000)),
            ("20261123T08:41:17Z", Some(1_795_423_277_000)),
            ("001795423277641", Some(1_795_423_277_641)),
            (" 0 ", Some(0)),
            ("", None),
            ("yesterday", None),
            ("20261323T08:41:17", None),
            ("99999999999999999999", None),
            ("2026-11-23T08:41:17.635\u{a0}", Some(1_795_423_277_635)),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn written_forms_come_back() {
        let at = 1_795_423_277_641;
        assert_eq!(legacy(at), "20261123T08:41:17");
        assert_eq!(utc(at), "2026-11-23T08:41:17.641Z");
        assert_eq!(millis(at), "001795423277641");
        assert_eq!(read(&utc(at)), Some(at));
        assert_eq!(read(&millis(at)), Some(at));
        assert_eq!(legacy(i64::MAX), "19700101T00:00:00");
    }
}
