//! flint-test-e2e.
