//! GSSAPI (RFC 4752): the ticket of the process's credential cache, mutual authentication required.

use super::{Mechanism, Offer, Surroundings, is_host};
use crate::error::ConnectError;
use crate::params::ConnectParams;
use flint_kerberos::{Failure, FailureKind, SaslGssapi};

const NAME: &str = "GSSAPI";

/// One sign-in.
pub(super) struct Gssapi {
    /// Host parts of the service principal to try, best first.
    hosts: Vec<String>,
    context: Option<SaslGssapi>,
}

/// Prepares the sign-in when the server offers it.
pub(super) fn choose(
    offer: &Offer,
    params: &ConnectParams,
    surroundings: &Surroundings,
) -> Result<Gssapi, ConnectError> {
    if !offer.has(NAME) {
        return Err(offer.refuse(NAME));
    }
    Ok(Gssapi { hosts: hosts(offer, params, surroundings), context: None })
}

/// What the server says (XEP-0233), else what was configured, else the host that was connected to and then the domain.
pub(super) fn hosts(offer: &Offer, params: &ConnectParams, surroundings: &Surroundings) -> Vec<String> {
    if let Some(host) = offer.hostname.clone().or_else(|| params.service_host.clone()) {
        return vec![host];
    }
    let connected = surroundings.host.clone();
    let domain = params.account.domain().as_str().to_owned();
    let is_name = is_host(&connected) && connected.parse::<std::net::IpAddr>().is_err();
    if is_name && !connected.eq_ignore_ascii_case(&domain) { vec![connected, domain] } else { vec![domain] }
}

fn ticket_error(failure: &Failure) -> ConnectError {
    ConnectError::Ticket {
        code: failure.kind.code(),
        reason: failure.kind.reason(),
        next_step: failure.kind.next_step(),
        detail: failure.detail.clone(),
    }
}

impl Gssapi {
    fn context(&mut self) -> Result<&mut SaslGssapi, ConnectError> {
        self.context
            .as_mut()
            .ok_or_else(|| ConnectError::Protocol("a challenge before the beginning".to_owned()))
    }
}

impl Mechanism for Gssapi {
    fn name(&self) -> &str {
        NAME
    }

    fn prepared(&self) -> String {
        self.context.as_ref().map(|context| context.service().to_owned()).unwrap_or_default()
    }

    fn initial(&mut self) -> Result<Vec<u8>, ConnectError> {
        let mut failed = None;
        for host in &self.hosts {
            // No authorization identity: the server derives the account from the ticket (RFC 6120 §6.3.8), and the
            // bound address shows which one it is.
            let begun = SaslGssapi::new(host, None).and_then(|mut context| {
                let token = context.initial()?;
                Ok((context, token))
            });
            match begun {
                Ok((context, token)) => {
                    self.context = Some(context);
                    return Ok(token);
                }
                Err(failure) => {
                    let elsewhere = matches!(
                        failure.kind,
                        FailureKind::UnknownService { .. } | FailureKind::RealmNotMapped
                    );
                    failed = Some(failure);
                    if !elsewhere {
                        break;
                    }
                }
            }
        }
        let failure = failed.ok_or_else(|| ConnectError::Protocol("no name for the service".to_owned()))?;
        Err(ticket_error(&failure))
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ConnectError> {
        self.context()?.respond(challenge).map_err(|failure| ticket_error(&failure))
    }

    fn success(&mut self, _data: &[u8]) -> Result<(), ConnectError> {
        if self.context()?.is_complete() {
            return Ok(());
        }
        let detail = "success before mutual authentication was complete".to_owned();
        Err(ConnectError::ServerNotAuthenticated { mechanism: NAME.to_owned(), detail })
    }
}
