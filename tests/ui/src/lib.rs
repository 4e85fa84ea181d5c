//! flint-test-ui.
