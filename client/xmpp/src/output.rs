//! What the session tells and is told.

use flint_core::effect::Outbound;
use flint_core::ids::SendToken;
use flint_core::input::{RemoteEvent, SessionEvent};
use flint_core::secret::Private;
use flint_core::{BareJid, Extension, FullJid};
use flint_stream::Credentials;
use flint_xep::policy::ClientState;

/// What the session tells, in the order in which it happened.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionOutput {
    /// Its own state changed.
    State(SessionEvent),
    /// Something arrived, with its sender's trust checked.
    Remote(RemoteEvent),
    /// A payload for a module.
    Extension(Extension),
    /// About the policy service of the own domain.
    Policy(PolicySignal),
}

/// About the policy service of the own domain (`urn:flint:policy:1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySignal {
    /// The domain's service was found, with the HTTPS base address that it names.
    Service {
        /// Address of the service, a bare domain.
        jid: BareJid,
        /// HTTPS base address, ends in `/`.
        url: String,
    },
    /// The domain was looked through and offers none.
    NoService,
    /// The service says that a document of this version exists.
    Changed {
        /// Version.
        version: u64,
    },
}

/// What the session is told.
#[derive(Debug, Clone)]
pub enum SessionCommand {
    /// Connect, or try again at once.
    Connect,
    /// Close the stream and stay offline.
    Disconnect,
    /// Send a stanza of the engine.
    Send {
        /// Names it.
        token: SendToken,
        /// What.
        stanza: Outbound,
    },
    /// Send a stanza of a module: XML text in `jabber:client`, without `from`. The answer of an `<iq/>` comes back as
    /// an [`Extension`].
    SendExtension(Private),
    /// Hand out whatever comes from this domain, and invitations by it.
    ClaimDomain(String),
    /// Hand out whatever comes from this room.
    ClaimRoom(BareJid),
    /// The room is no longer claimed.
    ReleaseRoom(BareJid),
    /// Use these from the next attempt on.
    SetCredentials(Credentials),
    /// What to say about this client to the policy service, now and after each sign-in.
    SetClientState(ClientState),
    /// Say goodbye, close the stream, end the task.
    Shutdown,
}

/// Stanzas dropped since the start, by cause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dropped(std::collections::BTreeMap<&'static str, u64>);

impl Dropped {
    /// Counts one. Nothing of the stanza reaches the log but its kind and sender's domain.
    pub(crate) fn count(&mut self, cause: &'static str) {
        let count = self.0.entry(cause).or_default();
        *count = count.saturating_add(1);
        tracing::debug!(cause, count, "stanza dropped");
    }

    /// How many for this cause.
    pub fn get(&self, cause: &str) -> u64 {
        self.0.get(cause).copied().unwrap_or_default()
    }

    /// All causes with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(cause, count)| (*cause, *count))
    }
}

/// The address that the server bound and how we signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) jid: FullJid,
    pub(crate) mechanism: String,
    pub(crate) resumed: bool,
}
