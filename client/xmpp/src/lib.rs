//! flint-xmpp.
