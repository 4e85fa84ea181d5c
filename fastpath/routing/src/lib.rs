//! flint-fastpath-routing.
