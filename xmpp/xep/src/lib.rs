//! flint-xep.
