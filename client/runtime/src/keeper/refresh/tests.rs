//! The schedule by itself, and against a service that pushes, is cut off and publishes at any moment.

use super::*;
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000;

#[test]
fn nothing_is_fetched_before_there_is_somebody_to_ask() {
    let mut refresh = Refresh::default();
    assert_eq!(refresh.due(), None);
    assert!(!refresh.begin(Timestamp(i64::MAX)));
}

#[test]
fn successes_are_three_hours_and_some_salt_apart() {
    let mut refresh = Refresh::default();
    refresh.wanted(Timestamp(0));
    assert!(refresh.begin(Timestamp(0)));
    refresh.ended(Timestamp(1_000), true, 0);
    assert_eq!(refresh.due(), Some(Timestamp(1_000 + 180 * MINUTE)));
    assert!(!refresh.begin(Timestamp(180 * MINUTE)));
    assert!(refresh.begin(Timestamp(1_000 + 180 * MINUTE)));
    for random in [1, 300_000, u64::MAX] {
        refresh.ended(Timestamp(0), true, random);
        let due = refresh.due().unwrap().0;
        assert!((180 * MINUTE..=185 * MINUTE).contains(&due), "{random}: {due}");
        assert!(refresh.begin(Timestamp(due)));
    }
}

#[test]
fn errors_double_the_wait_and_a_success_forgets_them() {
    let mut refresh = Refresh::default();
    refresh.wanted(Timestamp(0));
    let mut now = Timestamp(0);
    for minutes in [5, 10, 20, 40, 80, 160, 180, 180] {
        assert!(refresh.begin(now));
        refresh.ended(now, false, 7);
        assert_eq!(refresh.due(), Some(now.plus(minutes * MINUTE)));
        now = now.plus(minutes * MINUTE);
    }
    assert!(refresh.begin(now));
    refresh.ended(now, true, 0);
    now = now.plus(180 * MINUTE);
    assert!(refresh.begin(now));
    refresh.ended(now, false, 0);
    assert_eq!(refresh.due(), Some(now.plus(5 * MINUTE)));
}

#[test]
fn pushes_during_a_fetch_become_one_more() {
    let mut refresh = Refresh::default();
    refresh.wanted(Timestamp(0));
    assert!(refresh.begin(Timestamp(0)));
    (1..5).for_each(|now| refresh.wanted(Timestamp(now)));
    assert_eq!(refresh.due(), None);
    refresh.ended(Timestamp(9), true, 0);
    assert!(refresh.begin(Timestamp(9)));
    assert!(!refresh.begin(Timestamp(9)));
    refresh.ended(Timestamp(10), true, 0);
    assert_eq!(refresh.due(), Some(Timestamp(10 + INTERVAL_MS)));
}

#[test]
fn a_push_does_not_wait_for_the_end_of_a_back_off() {
    let mut refresh = Refresh::default();
    refresh.wanted(Timestamp(0));
    assert!(refresh.begin(Timestamp(0)));
    refresh.ended(Timestamp(0), false, 0);
    refresh.wanted(Timestamp(3));
    assert!(refresh.begin(Timestamp(3)));
}

#[test]
fn a_clock_that_is_set_does_not_stop_the_refresh() {
    let year = 365 * 24 * 60 * MINUTE;
    for jump in [-year, -60 * MINUTE, -1, 0, 1, 60 * MINUTE, year] {
        let start = Timestamp(10 * year);
        let mut refresh = Refresh::default();
        refresh.wanted(start);
        assert!(refresh.begin(start));
        refresh.ended(start, true, 17);
        let set = start.plus(jump);
        refresh.clock(set);
        let due = refresh.due().unwrap();
        assert!(due <= set.plus(INTERVAL_MS + SALT_MS), "{jump}: {due:?}");
        assert_eq!(refresh.begin(set), jump == year, "{jump}: not before its time by either clock");
    }
}

/// Small, good enough, and the same on each machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.next() % end.unsigned_abs()).unwrap()
    }
}

#[test]
fn a_thousand_clients_that_start_at_once_do_not_poll_at_once() {
    let mut random = Random(11);
    let mut buckets = BTreeMap::<i64, u32>::new();
    for _ in 0..1000 {
        let mut refresh = Refresh::default();
        refresh.wanted(Timestamp(0));
        assert!(refresh.begin(Timestamp(0)));
        refresh.ended(Timestamp(0), true, random.next());
        *buckets.entry(refresh.due().unwrap().0 / 10_000).or_default() += 1;
    }
    let mean = 1000 / u32::try_from(buckets.len()).unwrap();
    assert!(buckets.len() >= 30, "{buckets:?}");
    assert!(buckets.values().all(|count| *count <= 3 * mean), "{buckets:?}");
}

/// What happens at one moment; the moments are drawn.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Publish,
    Cut,
    Restore,
    /// A push of this version arrives.
    Push(u64),
    /// The fetch that runs ends, with this version or without success.
    Fetched(Option<u64>),
}

/// A client, its service, and what lies between them.
struct World {
    random: Random,
    refresh: Refresh,
    now: Timestamp,
    later: BTreeMap<(Timestamp, u32), Happening>,
    serial: u32,
    connected: bool,
    published: u64,
    applied: u64,
    wishes: u32,
    fetches: u32,
}

impl World {
    fn at(&mut self, after: i64, happening: Happening) {
        self.serial += 1;
        self.later.insert((self.now.plus(after), self.serial), happening);
    }

    fn wish(&mut self) {
        self.wishes += 1;
        self.refresh.wanted(self.now);
    }

    fn happen(&mut self, happening: Happening, may_fail: bool) {
        match happening {
            Happening::Publish => {
                self.published += 1;
                // A push goes to whoever is there; on its way it may still be lost with the connection.
                if self.connected {
                    let delay = self.random.below(3_000);
                    self.at(delay, Happening::Push(self.published));
                }
            }
            Happening::Cut => self.connected = false,
            // A new stream finds the service again.
            Happening::Restore => {
                self.connected = true;
                self.wish();
            }
            Happening::Push(version) => {
                if self.connected && version != self.applied {
                    self.wish();
                }
            }
            Happening::Fetched(version) => {
                let version = version.filter(|_| !may_fail || self.random.below(4) > 0);
                if let Some(version) = version {
                    assert!(version >= self.applied, "one fetch at a time, so no answer overtakes another");
                    self.applied = version;
                }
                let random = self.random.next();
                self.refresh.ended(self.now, version.is_some(), random);
            }
        }
    }

    /// Goes on to the next moment at which something is to be done; false after `end`.
    fn step(&mut self, end: Timestamp, may_fail: bool) -> bool {
        if self.refresh.begin(self.now) {
            self.fetches += 1;
            let (seen, duration) = (self.published, 1 + self.random.below(20_000));
            self.at(duration, Happening::Fetched(Some(seen)));
        }
        let happens = self.later.first_key_value().map(|((at, _), _)| *at);
        let Some(next) = [happens, self.refresh.due()].into_iter().flatten().min().filter(|at| *at <= end)
        else {
            return false;
        };
        self.now = self.now.max(next);
        self.refresh.clock(self.now);
        if happens == Some(next)
            && let Some((_, happening)) = self.later.pop_first()
        {
            self.happen(happening, may_fail);
        }
        true
    }
}

#[test]
fn ten_thousand_orders_of_push_poll_and_cut_end_with_the_newest_version() {
    for seed in 0..10_000 {
        let mut world = World {
            random: Random(seed),
            refresh: Refresh::default(),
            now: Timestamp(0),
            later: BTreeMap::new(),
            serial: 0,
            connected: true,
            published: 1,
            applied: 0,
            wishes: 0,
            fetches: 0,
        };
        world.wish();
        // Close together in half of the runs, so that pushes meet running fetches.
        let span = if seed % 2 == 0 { 60_000 } else { 8 * INTERVAL_MS };
        for _ in 0..12 {
            let at = world.random.below(span);
            let happening = [Happening::Publish, Happening::Cut, Happening::Restore]
                [usize::try_from(world.random.below(3)).unwrap()];
            world.at(at, happening);
        }
        while world.step(Timestamp(span), true) {}
        // Nothing fails from here on. With the push back a newer version is there after two fetches, without it after
        // one interval.
        let restored = seed % 3 == 0;
        if restored {
            world.happen(Happening::Publish, false);
            world.happen(Happening::Restore, false);
        }
        let end = world.now.plus(if restored { 60_000 } else { 2 * INTERVAL_MS });
        while world.applied != world.published && world.step(end, false) {}
        assert_eq!(world.applied, world.published, "seed {seed}");
        let polls = u32::try_from(world.now.0 / RETRY_MS).unwrap();
        assert!(world.fetches <= world.wishes + polls + 2, "seed {seed}: {} fetches", world.fetches);
    }
}
