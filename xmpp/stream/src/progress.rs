//! The steps of signing in, told while they are taken: whoever explains a failure watches the very code that failed.

use crate::dial;
use crate::error::ConnectError;
use crate::params::ConnectParams;
use crate::session::begin;

/// One step of signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The look-up of the domain's servers.
    ServerName,
    /// The connection to one of them.
    Connection,
    /// TLS, with the server's certificate.
    Certificate,
    /// What the server offers.
    Mechanisms,
    /// The first words of the mechanism: for a ticket, the Kerberos server is asked for the one of the service.
    ServiceTicket,
    /// The sign-in and the binding of an address.
    SignIn,
}

/// What happens to a step. When one server fails and the next is tried, earlier steps begin again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It begins. An error that follows is this step's.
    Begun(Stage),
    /// It is done, with what it brought: a few words, no secret.
    Passed(Stage, String),
}

/// Who is told.
pub(crate) type Observer<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Nobody.
pub(crate) fn unobserved(_: Progress) {}

/// Signs in as [`connect`](crate::connect) does, tells each step, and leaves again at once without being seen.
///
/// # Errors
/// As the ordinary sign-in.
pub async fn examine(
    params: &ConnectParams,
    observer: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), ConnectError> {
    let signed_in = dial::dial(params, observer).await?;
    let session = begin::begin(signed_in, params, None).await.map_err(|failed| failed.error)?;
    let words = format!("{} by {}", session.jid().to_bare(), session.mechanism());
    session.close().await;
    observer(Progress::Passed(Stage::SignIn, words));
    Ok(())
}
