//! Who sent a stanza, as a type: each is made by one check only, so a handler can't be reached by the wrong sender.
//!
//! The `from` of a stanza is stamped by the server (RFC 6120 §8.1.2.1), so it can be trusted as far as the server can;
//! what it does not say is *which kind* of sender that is. The checks here do.

use jid::{BareJid, DomainRef, FullJid, Jid, ResourceRef};

/// The account's own server: `from` is the bare domain of the account.
///
/// A stanza without `from` comes from the account itself (RFC 6120 §8.1.2.1), see [`FromAccount`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FromServer(Jid);

impl FromServer {
    /// `Some` when `from` is the domain of `account`.
    pub fn check(from: Option<&Jid>, account: &BareJid) -> Option<Self> {
        Self::component(from, account.domain())
    }

    /// `Some` when `from` is exactly this service of the organisation's server, for example `flint.example.test`.
    /// The caller vouches for the service.
    pub fn component(from: Option<&Jid>, service: &DomainRef) -> Option<Self> {
        let from = from?;
        (from.node().is_none() && from.resource().is_none() && from.domain() == service)
            .then(|| Self(from.clone()))
    }

    /// Address of the server or service.
    pub fn domain(&self) -> &DomainRef {
        self.0.domain()
    }
}

/// The own account: no `from`, or `from` is the own bare address. Only the server itself can send that.
///
/// Roster pushes (RFC 6121 §2.1.6), carbons (XEP-0280 §11) and archive results (XEP-0313) must come from here. A stanza
/// from one of the account's *resources* is not that: any of the person's devices can send it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FromAccount(BareJid);

impl FromAccount {
    /// `Some` when `from` is missing or the bare address of `account`.
    pub fn check(from: Option<&Jid>, account: &BareJid) -> Option<Self> {
        let own = from.is_none_or(|from| from.resource().is_none() && from.to_bare() == *account);
        own.then(|| Self(account.clone()))
    }

    /// The account.
    pub fn account(&self) -> &BareJid {
        &self.0
    }
}

/// Somebody else who may write to this account: a person, a bot, a gateway; also another resource of the own account.
///
/// Never the own bare account, the own server, or a room in which the account is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FromContact(Jid);

impl FromContact {
    /// `Some` when `from` is neither the account itself, nor its server, nor a room (`is_room`).
    pub fn check(
        from: Option<&Jid>,
        account: &BareJid,
        is_room: impl FnOnce(&BareJid) -> bool,
    ) -> Option<Self> {
        let from = from?;
        if FromAccount::check(Some(from), account).is_some()
            || FromServer::check(Some(from), account).is_some()
        {
            return None;
        }
        (!is_room(&from.to_bare())).then(|| Self(from.clone()))
    }

    /// Address as sent, with the resource if there is one.
    pub fn jid(&self) -> &Jid {
        &self.0
    }

    /// Address without the resource.
    pub fn bare(&self) -> BareJid {
        self.0.to_bare()
    }

    /// True when this is another device of the own account.
    pub fn is_own(&self, account: &BareJid) -> bool {
        self.0.to_bare() == *account
    }
}

/// Somebody in a room that the account has joined: `room@service/nick` (XEP-0045 §7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FromOccupant(FullJid);

impl FromOccupant {
    /// `Some` when the bare part is a room (`is_room`: joined, or being joined) and a nickname is there.
    pub fn check(from: Option<&Jid>, is_room: impl FnOnce(&BareJid) -> bool) -> Option<Self> {
        let full = from?.try_as_full().ok()?;
        is_room(&full.to_bare()).then(|| Self(full.clone()))
    }

    /// The room.
    pub fn room(&self) -> BareJid {
        self.0.to_bare()
    }

    /// The nickname.
    pub fn nick(&self) -> &ResourceRef {
        self.0.resource()
    }

    /// Room and nickname.
    pub fn jid(&self) -> &FullJid {
        &self.0
    }
}

/// A room itself, without a nickname: its subject, its status messages, its refusals (XEP-0045 §7.2.15, §15.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FromRoom(BareJid);

impl FromRoom {
    /// `Some` when `from` has no resource and is a room (`is_room`).
    pub fn check(from: Option<&Jid>, is_room: impl FnOnce(&BareJid) -> bool) -> Option<Self> {
        let from = from?;
        if from.resource().is_some() || from.node().is_none() {
            return None;
        }
        let room = from.to_bare();
        is_room(&room).then_some(Self(room))
    }

    /// The room.
    pub fn room(&self) -> &BareJid {
        &self.0
    }
}

/// On the side of a workgroup service: a device of somebody who is configured as an agent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FromAgent(FullJid);

impl FromAgent {
    /// `Some` when `from` has a resource and its bare part is an agent (`is_agent`).
    pub fn check(from: Option<&Jid>, is_agent: impl FnOnce(&BareJid) -> bool) -> Option<Self> {
        let full = from?.try_as_full().ok()?;
        is_agent(&full.to_bare()).then(|| Self(full.clone()))
    }

    /// The agent's device.
    pub fn jid(&self) -> &FullJid {
        &self.0
    }

    /// The agent.
    pub fn bare(&self) -> BareJid {
        self.0.to_bare()
    }
}

/// On the side of a workgroup service: a customer's connection.
///
/// Anybody may ask for help, so the check is only the shape of the address: a resource must be there, as the ticket
/// belongs to that connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FromCustomer(FullJid);

impl FromCustomer {
    /// `Some` when `from` has a resource and is not barred (`may_ask`).
    pub fn check(from: Option<&Jid>, may_ask: impl FnOnce(&FullJid) -> bool) -> Option<Self> {
        let full = from?.try_as_full().ok()?;
        may_ask(full).then(|| Self(full.clone()))
    }

    /// The customer's connection.
    pub fn jid(&self) -> &FullJid {
        &self.0
    }

    /// The customer's account.
    pub fn bare(&self) -> BareJid {
        self.0.to_bare()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> Jid {
        text.parse().unwrap()
    }

    /// For each sender: server, account, contact, occupant, room.
    #[test]
    fn each_sender_passes_exactly_its_checks() {
        let ann: BareJid = "ann@example.test".parse().unwrap();
        let is_room = |room: &BareJid| room.as_str() == "tea@conference.example.test";
        let table: &[(&str, [bool; 5])] = &[
            ("", [false, true, false, false, false]),
            ("example.test", [true, false, false, false, false]),
            ("example.test/x", [false, false, true, false, false]),
            ("flint.example.test", [false, false, true, false, false]),
            ("ann@example.test", [false, true, false, false, false]),
            ("ann@example.test/phone", [false, false, true, false, false]),
            ("bob@example.test", [false, false, true, false, false]),
            ("bob@example.test/desk", [false, false, true, false, false]),
            ("tea@conference.example.test", [false, false, false, false, true]),
            ("tea@conference.example.test/bob", [false, false, false, true, false]),
            ("other@conference.example.test/bob", [false, false, true, false, false]),
            ("ann@example.test.evil.test", [false, false, true, false, false]),
        ];
        for (from, expected) in table {
            let from = (!from.is_empty()).then(|| jid(from));
            let from = from.as_ref();
            let got = [
                FromServer::check(from, &ann).is_some(),
                FromAccount::check(from, &ann).is_some(),
                FromContact::check(from, &ann, is_room).is_some(),
                FromOccupant::check(from, is_room).is_some(),
                FromRoom::check(from, is_room).is_some(),
            ];
            assert_eq!(got, *expected, "{from:?}");
        }
    }

    #[test]
    fn a_service_is_its_exact_address() {
        let service = jid("flint.example.test");
        for (from, expected) in
            [("flint.example.test", true), ("x@flint.example.test", false), ("flint.example.test/r", false)]
        {
            assert_eq!(
                FromServer::component(Some(&jid(from)), service.domain()).is_some(),
                expected,
                "{from}"
            );
        }
    }

    #[test]
    fn agents_and_customers_need_a_resource() {
        let is_agent = |who: &BareJid| who.as_str() == "ann@example.test";
        for (from, agent, customer) in [
            ("ann@example.test", false, false),
            ("ann@example.test/desk", true, true),
            ("eve@example.test/desk", false, true),
            ("web.example.test/17", false, true),
        ] {
            assert_eq!(FromAgent::check(Some(&jid(from)), is_agent).is_some(), agent, "{from}");
            assert_eq!(FromCustomer::check(Some(&jid(from)), |_| true).is_some(), customer, "{from}");
        }
    }
}
