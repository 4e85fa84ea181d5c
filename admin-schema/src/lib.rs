//! The one definition of every policy (`policies/<group>/<Name>.toml`) and what is generated from it.
//!
//! A policy that exists in Rust, in the schema and in the manual but says something else in each is worse than none, so
//! all three come from one file. `cargo xtask generate` writes them, `--check` finds stale ones.

mod definition;
mod generate;
mod read;

pub use definition::{Definition, Group, Kind, Level};
pub use generate::{Output, generate};
pub use read::{Catalog, ReadError, read_catalog};
