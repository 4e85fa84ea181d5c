//! A short run of the soak in every test run; the long one is `flint-story bench soak`.

use flint_fastpath_service::conformance::MemoryJournal;
use flint_test_soak::{Broken, Plan, episode, run};

#[test]
fn no_accident_loses_a_customer_or_gives_one_to_two_agents() {
    let report = run(1, 8_000).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(report.crashes > 300 && report.cuts > 100 && report.forged > 200, "{report:?}");
    assert!(report.visits > 300, "{report:?}");
}

#[test]
fn a_crash_before_or_after_any_write_of_a_day_loses_nobody() {
    let writes =
        episode(4, 30, Plan::Never, MemoryJournal::new()).unwrap_or_else(|broken| panic!("{broken}"));
    for at in 0..writes.writes {
        for plan in [Plan::Before(at), Plan::After(at), Plan::Fails(at)] {
            let played = episode(4, 30, plan, MemoryJournal::new());
            played.unwrap_or_else(|broken| panic!("{plan:?}: {broken}"));
        }
    }
}

#[test]
fn what_broke_says_how_to_see_just_that_again() {
    let broken = |plan, steps| Broken { seed: 4, steps, plan, step: 7, what: "Lost".to_owned() }.to_string();
    let whole = "Lost (after step 7; see it again: flint-story bench soak --seed 4 --steps 1)";
    assert_eq!(broken(Plan::Never, 400), whole);
    for (plan, steps) in [(Plan::Fails(3), 400), (Plan::Never, 30)] {
        let again = format!("flint_test_soak::episode(4, {steps}, Plan::{plan:?}, MemoryJournal::new())");
        assert!(broken(plan, steps).contains(&again));
    }
}
