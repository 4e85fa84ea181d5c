//! flint-stream.
