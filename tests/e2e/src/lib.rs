//! The story of the product, end to end, with every part real: `flint-story demo`, and the test that plays it.

pub mod bench;
pub mod browser;
pub mod demo;
pub mod driver;
pub mod realm;
pub mod relay;
pub mod screen;
pub mod smack;
pub mod soak;
pub mod steps;
pub mod story;

use std::path::PathBuf;

/// The folder of our programs, for tests: it is above the tests' own.
///
/// # Panics
/// When the test does not lie in a target folder.
pub fn programs() -> PathBuf {
    let program = std::env::current_exe().expect("a test knows where it is");
    program.ancestors().nth(2).expect("it lies in target/debug/deps").to_owned()
}
