//! The story of the product, end to end, with every part real: `flint-story demo`, and the test that plays it.

pub mod bench;
pub mod browser;
pub mod demo;
pub mod driver;
pub mod realm;
pub mod screen;
pub mod story;
