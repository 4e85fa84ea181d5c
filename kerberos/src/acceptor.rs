//! The server's side, for HTTP Negotiate (RFC 4559): one token in, at most one token out.

use std::path::Path;

use libgssapi::context::{SecurityContext, ServerCtx};
use libgssapi::credential::{Cred, CredUsage};

use crate::failure::Doing;
use crate::{Failure, FailureKind, MAX_TOKEN, Principal, keytab};

/// The keys of a server. May be shared by threads: each [`Acceptor::accept`] has its own context.
#[derive(Clone)]
pub struct Acceptor {
    credential: Cred,
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

/// A client that has proved who it is.
#[derive(Clone)]
pub struct Accepted {
    /// Who it is. The realm is part of the identity: map it, never cut it off.
    pub principal: Principal,
    /// The token that proves the server to the client; goes into `WWW-Authenticate: Negotiate`.
    pub reply: Option<Vec<u8>>,
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accepted").field("principal", &self.principal).finish_non_exhaustive()
    }
}

impl Acceptor {
    /// Reads the keys of `keytab`, or of the default keytab (`KRB5_KTNAME`, then `/etc/krb5.keytab`).
    ///
    /// # Errors
    /// [`FailureKind::Keytab`] if the file is missing, unreadable or has no key.
    pub fn new(keytab: Option<&Path>) -> Result<Self, Failure> {
        let credential = match keytab {
            Some(path) => keytab::acquire(path)?,
            None => Cred::acquire(None, None, CredUsage::Accept, None)
                .map_err(|e| Failure::from_library(&e, Doing::ReadKeytab("the default keytab")))?,
        };
        Ok(Self { credential })
    }

    /// Checks a client's token. Contexts that need a second round are refused, because HTTP has no place to keep them.
    ///
    /// # Errors
    /// [`FailureKind::BadToken`], [`FailureKind::ClockSkew`], [`FailureKind::TicketExpired`].
    pub fn accept(&self, token: &[u8]) -> Result<Accepted, Failure> {
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Err(Failure::new(FailureKind::BadToken, "the token is empty or too large"));
        }
        let failure = |e: libgssapi::error::Error| Failure::from_library(&e, Doing::Accept);
        let mut context = ServerCtx::new(Some(self.credential.clone()));
        let reply = context.step(token, None).map_err(failure)?;
        if !context.is_complete() {
            return Err(Failure::new(
                FailureKind::BadToken,
                "the client wants a second round (NTLM or another mechanism)",
            ));
        }
        let name = context.source_name().map_err(failure)?.to_string();
        let principal = name
            .parse()
            .map_err(|e| Failure::new(FailureKind::BadToken, format!("{e}, and the client is {name:?}")))?;
        Ok(Accepted { principal, reply: reply.filter(|token| !token.is_empty()).map(|token| token.to_vec()) })
    }
}
