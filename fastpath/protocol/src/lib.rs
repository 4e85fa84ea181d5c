//! flint-fastpath-protocol.
