//! flint-test-tidy.
