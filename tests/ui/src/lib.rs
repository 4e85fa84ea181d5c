//! A window over a played client: fixtures, ways to find and press widgets, pictures.
//!
//! The stage plays the engine: it sends updates and reads the commands that the window sends. The window is driven
//! as a person drives it, through what is on screen, and never through its private parts.

pub mod disguise;
pub mod names;
pub mod office;
pub mod screens;
pub mod stage;
pub mod tree;

pub use stage::Stage;
