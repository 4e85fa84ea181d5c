//! flint-kerberos.
