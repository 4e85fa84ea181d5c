//! flint-test-support.
