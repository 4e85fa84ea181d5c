//! flint-test-scenarios.
