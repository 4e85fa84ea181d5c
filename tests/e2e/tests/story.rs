//! The whole story, as `cargo xtask demo --headless --check` plays it.

use std::path::PathBuf;

/// Our programs lie in the folder above the tests' own.
fn programs() -> PathBuf {
    let program = std::env::current_exe().expect("a test knows where it is");
    program.ancestors().nth(2).expect("it lies in target/debug/deps").to_owned()
}

#[test]
fn the_main_job_runs_end_to_end() {
    let programs = programs();
    let pictures = programs.parent().expect("debug lies in target").join("demo");
    flint_test_e2e::demo::play(&programs, &pictures).expect("every step works");
}
