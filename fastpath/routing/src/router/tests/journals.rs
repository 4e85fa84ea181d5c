//! Journals that older versions wrote, which this one must read as they did.

use super::*;

/// Of 199a264: a chat whose room failed, which was its end.
const ROOM_FAILED: &str = include_str!("journal-199a264.jsonl");

#[test]
fn a_visit_that_an_older_version_ended_stays_ended() {
    let records: Vec<Record> = ROOM_FAILED.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, before) = records.split_last().unwrap();
    assert!(matches!(last.event, Event::RoomFailed { .. }));
    let router = Router::new().replay(before);
    assert!(matches!(router.customer(&id("wanda1")).unwrap().phase, Phase::Active { .. }));
    let router = Router::new().replay(&records);
    assert!(router.customer(&id("wanda1")).is_none());
    assert!(router.timers().is_empty());
}
