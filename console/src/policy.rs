//! From settings to signed documents, and what a change would do to people.

pub mod change;
pub mod documents;
pub mod keys;
pub mod preview;
