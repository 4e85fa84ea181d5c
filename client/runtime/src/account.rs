//! Which account is meant when none is named: the one of the desktop's ticket.

use crate::{AccountOptions, StartError};
use flint_core::BareJid;
use flint_kerberos::{Principal, default_principal};

/// The account of the options, else the one of the default ticket.
///
/// May ask the credential cache, which can be slow; not for the window's thread when it matters.
pub(crate) fn resolve(options: &AccountOptions) -> Result<BareJid, StartError> {
    if let Some(jid) = &options.jid {
        return if jid.node().is_some() {
            Ok(jid.clone())
        } else {
            Err(StartError::NoAccount(format!("“{jid}” is a domain. Give an account such as ann@{jid}.")))
        };
    }
    let principal = default_principal().map_err(|failure| {
        StartError::NoAccount(format!("{} {}", failure.kind.reason(), failure.kind.next_step()))
    })?;
    of_principal(&principal)
}

/// `user@REALM` → `user@realm` in lower case. Service principals and instances (`ann/admin`) are nobody's account.
pub(crate) fn of_principal(principal: &Principal) -> Result<BareJid, StartError> {
    let domain = principal.realm.to_lowercase();
    principal
        .person()
        .and_then(|name| BareJid::new(&format!("{name}@{domain}")).ok())
        .filter(|jid| jid.node().is_some())
        .ok_or_else(|| {
            StartError::NoAccount(format!(
                "The ticket of {principal} belongs to no person. Get a ticket with kinit, or name the account."
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_names_an_account() {
        for (name, realm, expected) in [
            ("ann", "EXAMPLE.TEST", Some("ann@example.test")),
            ("Ann", "EXAMPLE.TEST", Some("ann@example.test")),
            ("xmpp/example.test", "EXAMPLE.TEST", None),
            ("ann/admin", "EXAMPLE.TEST", None),
        ] {
            let principal = Principal { name: name.to_owned(), realm: realm.to_owned() };
            let got = of_principal(&principal).ok().map(|jid| jid.to_string());
            assert_eq!(got.as_deref(), expected, "{name}@{realm}");
        }
    }

    #[test]
    fn a_domain_is_no_account() {
        let options = AccountOptions { jid: "example.test".parse().ok(), ..AccountOptions::default() };
        assert!(matches!(resolve(&options), Err(StartError::NoAccount(_))));
    }
}
