//! flint-cli.
