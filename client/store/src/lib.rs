//! flint-store.
