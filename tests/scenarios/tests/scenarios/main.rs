//! Scenarios of the whole client against a scripted server over TLS: `cargo test --test scenarios`.

mod archive;
mod hostile;
mod messages;
mod policy;
mod rooms;
mod sign_in;
