//! flintd.
