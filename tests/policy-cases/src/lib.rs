//! flint-test-policy-cases.
