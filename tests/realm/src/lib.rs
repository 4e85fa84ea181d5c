//! flint-test-realm.
