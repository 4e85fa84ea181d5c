//! The client's side of a GSSAPI context, always with mutual authentication.

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_MECH_SPNEGO, GSS_NT_HOSTBASED_SERVICE, OidSet};

use crate::failure::Doing;
use crate::{Failure, FailureKind, MAX_TOKEN, Principal};

/// Which mechanism the tokens are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Kerberos itself, as SASL GSSAPI uses it (RFC 4121).
    Krb5,
    /// Negotiation around Kerberos, as HTTP uses it (RFC 4178, RFC 4559).
    Spnego,
}

/// One context of a client, with mutual authentication, sequence detection and integrity.
pub struct Initiator {
    context: ClientCtx,
    mechanism: Mechanism,
    /// `service` and `host`.
    service: (String, String),
    /// `service/host`, for error messages.
    principal: String,
    mutual: bool,
}

impl std::fmt::Debug for Initiator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Initiator").field("principal", &self.principal).finish_non_exhaustive()
    }
}

impl Initiator {
    /// A context towards `service` (`xmpp`, `HTTP`) on `host`. Nothing is asked yet.
    ///
    /// # Errors
    /// If the name can't be a principal.
    pub fn new(mechanism: Mechanism, service: &str, host: &str) -> Result<Self, Failure> {
        let principal = format!("{service}/{host}");
        let clean = |s: &str| {
            !s.is_empty() && s.len() <= 255 && !s.contains(|c: char| c.is_control() || "@/\\".contains(c))
        };
        if !clean(service) || !clean(host) {
            return Err(Failure::new(FailureKind::Other, "the service or the host is no name"));
        }
        let context = context(mechanism, service, host)
            .map_err(|e| Failure::from_library(&e, Doing::Initiate(&principal)))?;
        let service = (service.to_owned(), host.to_owned());
        Ok(Self { context, mechanism, service, principal, mutual: false })
    }

    /// The service that is asked for, as `service/host`.
    pub fn service(&self) -> &str {
        &self.principal
    }

    /// Takes the server's token (`None` at the start) and gives the token to send, if there is one.
    ///
    /// # Errors
    /// See [`FailureKind`]. A context that failed stays failed. A context that completes without mutual authentication
    /// is [`FailureKind::NotMutual`].
    pub fn step(&mut self, input: Option<&[u8]>) -> Result<Option<Vec<u8>>, Failure> {
        if input.is_some_and(|token| token.is_empty() || token.len() > MAX_TOKEN) {
            return Err(Failure::new(FailureKind::BadToken, "the token is empty or too large"));
        }
        if self.context.is_complete() {
            return Err(Failure::new(FailureKind::BadToken, "a token after the context was complete"));
        }
        let output = match self.context.step(input, None) {
            Ok(output) => output,
            Err(error) => {
                let failure = self.failure(&error);
                return Err(if input.is_none() { self.diagnose(failure) } else { failure });
            }
        };
        if self.context.is_complete() {
            let flags = self.context.flags().map_err(|e| self.failure(&e))?;
            if !flags.contains(CtxFlags::GSS_C_MUTUAL_FLAG) {
                return Err(Failure::new(FailureKind::NotMutual, "the context has no mutual authentication"));
            }
            self.mutual = true;
        }
        Ok(output.filter(|token| !token.is_empty()).map(|token| token.to_vec()))
    }

    /// True when no further token is expected.
    pub fn is_complete(&self) -> bool {
        self.context.is_complete()
    }

    /// True when the context is complete and the server has proved who it is. Before that, believe nothing it says.
    pub fn is_mutual(&self) -> bool {
        self.mutual
    }

    /// Protects `data` against changes (it is not encrypted: TLS does that).
    ///
    /// # Errors
    /// If the context is not complete.
    pub fn wrap(&mut self, data: &[u8]) -> Result<Vec<u8>, Failure> {
        self.context.wrap(false, data).map(|buffer| buffer.to_vec()).map_err(|e| self.failure(&e))
    }

    /// Checks and opens what the server has wrapped.
    ///
    /// # Errors
    /// [`FailureKind::BadToken`] if it was changed, replayed or is out of sequence.
    pub fn unwrap(&mut self, data: &[u8]) -> Result<Vec<u8>, Failure> {
        if data.is_empty() || data.len() > MAX_TOKEN {
            return Err(Failure::new(FailureKind::BadToken, "the wrapped message is empty or too large"));
        }
        self.context.unwrap(data).map(|buffer| buffer.to_vec()).map_err(|e| self.failure(&e))
    }

    /// SPNEGO hides Kerberos' minor code behind a number of its own (100001…), so the first step is taken once more with
    /// Kerberos alone, whose codes can be told apart.
    fn diagnose(&self, failure: Failure) -> Failure {
        if self.mechanism == Mechanism::Krb5 {
            return failure;
        }
        let (service, host) = &self.service;
        match context(Mechanism::Krb5, service, host).and_then(|mut plain| plain.step(None, None)) {
            Ok(_) => failure,
            Err(error) => self.failure(&error),
        }
    }

    fn failure(&self, error: &libgssapi::error::Error) -> Failure {
        Failure::from_library(error, Doing::Initiate(&self.principal))
    }
}

/// A context that has not begun.
fn context(mechanism: Mechanism, service: &str, host: &str) -> Result<ClientCtx, libgssapi::error::Error> {
    let target = Name::new(format!("{service}@{host}").as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))?;
    let flags = CtxFlags::GSS_C_MUTUAL_FLAG | CtxFlags::GSS_C_SEQUENCE_FLAG | CtxFlags::GSS_C_INTEG_FLAG;
    let mechanism = match mechanism {
        Mechanism::Krb5 => GSS_MECH_KRB5,
        Mechanism::Spnego => GSS_MECH_SPNEGO,
    };
    Ok(ClientCtx::new(None, target, flags, Some(mechanism)))
}

/// The ticket of the default cache, as far as a person cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Whose it is.
    pub principal: Principal,
    /// How long it is still good for.
    pub lifetime: std::time::Duration,
}

/// Whose ticket the default cache holds. The KDC is not asked.
///
/// # Errors
/// As [`default_ticket`].
pub fn default_principal() -> Result<Principal, Failure> {
    default_ticket().map(|ticket| ticket.principal)
}

/// The ticket that the default cache holds. The KDC is not asked.
///
/// # Errors
/// [`FailureKind::NoTicket`], [`FailureKind::TicketExpired`].
pub fn default_ticket() -> Result<Ticket, Failure> {
    let failure = |e: libgssapi::error::Error| Failure::from_library(&e, Doing::ReadTickets);
    let mechanisms = OidSet::singleton(GSS_MECH_KRB5).map_err(failure)?;
    let credential = Cred::acquire(None, None, CredUsage::Initiate, Some(&mechanisms)).map_err(failure)?;
    let lifetime = credential.lifetime().map_err(failure)?;
    if lifetime.is_zero() {
        return Err(Failure::new(FailureKind::TicketExpired, "the ticket's lifetime is over"));
    }
    let name = credential.name().map_err(failure)?.to_string();
    let principal = name
        .parse()
        .map_err(|e| Failure::new(FailureKind::Other, format!("{e}, and the cache says {name:?}")))?;
    Ok(Ticket { principal, lifetime })
}
