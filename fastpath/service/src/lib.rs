//! flint-fastpath-service.
