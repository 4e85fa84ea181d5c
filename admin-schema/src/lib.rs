//! flint-admin-schema.
