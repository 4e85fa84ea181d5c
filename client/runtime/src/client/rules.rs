//! What policy says of the connection itself: the proxy, whether a password may be used, whether there is chat.

use super::Client;
use crate::joint::Update;
use crate::{AccountOptions, Options, SignIn};
use flint_core::input::{PolicyResolved, SessionEvent};
use flint_core::update::Rejection;
use flint_core::{BareJid, FullJid, capability};
use flint_stream::{Credentials, Secret};
use flint_xmpp::SessionCommand;

/// Mechanism of a sign-in by ticket.
const TICKET: &str = "GSSAPI";
/// Kind of a refusal by policy.
const KIND: &str = "policy";
const ONLY_TICKET: &str = "Your organisation allows only the sign-in with a ticket.";
const GET_TICKET: &str = "Sign in to your desktop again or run kinit, then try again.";

/// What holds for the connection now.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Only the ticket may be used.
    pub(super) ticket_only: bool,
    /// A password was given at the start: instead of the first attempt the person is told why it was not used.
    pub(super) password_refused: bool,
    /// Address and mechanism of the present stream.
    stream: Option<(FullJid, String)>,
}

/// The computer demands a policy and none is held.
pub(crate) fn is_withheld(resolved: &PolicyResolved) -> bool {
    resolved.missing.is_some() && resolved.effective.management_required()
}

/// What a person is told who gave a password that must not be used.
pub(super) fn password_refused() -> SessionEvent {
    SessionEvent::Refused {
        kind: KIND.to_owned(),
        reason: format!("{ONLY_TICKET} The password was not used ({}).", capability::SINGLE_SIGN_ON),
        next_step: GET_TICKET.to_owned(),
    }
}

/// Puts what policy says of a connection that is made without a client in the place of what the options say.
pub(crate) fn obey(options: &mut Options, account: &BareJid) {
    let resolved = crate::offline::resolved(options, account);
    Rules::before_start(&resolved, &mut options.account);
}

impl Rules {
    /// Puts what policy says in the place of what the options say.
    pub(super) fn before_start(resolved: &PolicyResolved, options: &mut AccountOptions) -> Self {
        if let Some(proxy) = resolved.effective.proxy() {
            match proxy.address.to_string().parse::<flint_stream::Proxy>() {
                Ok(parsed) => {
                    let password = proxy.password.map(|password| Secret::new(password.expose()));
                    options.proxy = Some(match proxy.user {
                        Some(user) => parsed.with_login(user, password.unwrap_or_else(|| Secret::new(""))),
                        None => parsed,
                    });
                }
                Err(error) => tracing::warn!(%error, "the proxy of the policy can't be used"),
            }
        }
        let ticket_only = resolved.effective.single_sign_on_required();
        let password_refused = ticket_only && matches!(options.sign_in, SignIn::Password(_));
        if password_refused {
            options.sign_in = SignIn::Ticket;
        }
        Self { ticket_only, password_refused, stream: None }
    }

    /// The present stream was opened by a password, and that must not be: the rule came while it was made.
    pub(super) fn forbid_stream(&self) -> bool {
        self.ticket_only && self.stream.as_ref().is_some_and(|(_, mechanism)| mechanism != TICKET)
    }

    pub(super) fn heard(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::Online { jid, mechanism } | SessionEvent::Resumed { jid, mechanism } => {
                self.stream = Some((jid.clone(), mechanism.clone()));
            }
            SessionEvent::Connecting
            | SessionEvent::Interrupted { .. }
            | SessionEvent::Refused { .. }
            | SessionEvent::SignedOut => self.stream = None,
            SessionEvent::Written(_) | SessionEvent::Acked(_) | SessionEvent::Lost(_) => {}
        }
    }

    /// The present stream as it was announced.
    pub(super) fn online(&self) -> Option<SessionEvent> {
        let (jid, mechanism) = self.stream.clone()?;
        Some(SessionEvent::Online { jid, mechanism })
    }
}

impl Client {
    /// A password that was given is forgotten, and a stream that it opened is closed.
    pub(super) fn ticket_rule_changed(&mut self, resolved: &PolicyResolved) {
        let required = resolved.effective.single_sign_on_required();
        let newly = required && !std::mem::replace(&mut self.rules.ticket_only, required);
        if newly {
            self.options.account.sign_in = SignIn::Ticket;
            self.ways.session(SessionCommand::SetCredentials(Credentials::Ticket));
            self.end_forbidden_stream();
        }
    }

    /// Signs in anew when the present stream must not be. True when it must not.
    pub(super) fn end_forbidden_stream(&mut self) -> bool {
        let forbidden = self.rules.forbid_stream();
        if forbidden {
            self.ways.session(SessionCommand::Disconnect);
            self.ways.session(SessionCommand::Connect);
        }
        forbidden
    }

    /// Refuses a command in the name of a policy.
    pub(super) fn refuse(&mut self, what: &str, policy: &str) {
        let missing = self.told_policy.as_ref().filter(|resolved| is_withheld(resolved));
        let reason = match missing.and_then(|resolved| resolved.missing.clone()) {
            Some(missing) if policy == capability::MANAGEMENT => missing,
            _ => format!("{ONLY_TICKET} {GET_TICKET}"),
        };
        let rejection = Rejection { what: what.to_owned(), reason, policy: Some(policy.to_owned()) };
        self.outlet.push(Update::Core(flint_core::Update::Rejected(rejection)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Paths;
    use crate::client::{Desk, Outlet, PolicyKeeper, Timers, Watch, Ways, now};
    use flint_xmpp::SessionOutput;

    fn online(mechanism: &str) -> SessionEvent {
        SessionEvent::Online { jid: "ann@example.test/a".parse().unwrap(), mechanism: mechanism.to_owned() }
    }

    /// A client that signed in with a password, with the session's end of its orders. Nothing runs.
    fn client(place: &std::path::Path) -> (Client, crate::client::ways::OtherEnds) {
        let account: BareJid = "ann@example.test".parse().unwrap();
        let (machine, state) = (place.join("etc"), place.join("state"));
        std::fs::create_dir_all(machine.join("policies/managed")).unwrap();
        let mut options = Options { paths: Paths { machine, state }, ..Options::default() };
        options.account.sign_in = SignIn::Password("hunter2".into());
        let Paths { machine, state } = &options.paths;
        let (ways, ends) = Ways::new();
        let client = Client {
            engine: None,
            desk: Desk::new(account.clone(), [0; 16]),
            policy: PolicyKeeper::open(account, machine, state, None, now()),
            told_policy: None,
            http: Err("Nothing is fetched.".to_owned()),
            watch: Watch::new(machine),
            timers: Timers::new(),
            outlet: Outlet::new(async_channel::unbounded().0),
            device: String::new(),
            ways,
            rules: Rules::default(),
            options,
            doctor: None,
            finish: None,
        };
        (client, ends)
    }

    fn orders(ends: &mut crate::client::ways::OtherEnds) -> Vec<SessionCommand> {
        std::iter::from_fn(|| ends.session.try_recv().ok()).collect()
    }

    #[test]
    fn a_rule_that_comes_while_a_password_signs_in_ends_its_stream_and_forgets_it() {
        let place = tempfile::tempdir().unwrap();
        let (mut client, mut ends) = client(place.path());
        client.policy_changed();
        orders(&mut ends);
        std::fs::write(place.path().join("etc/policies/managed/a.json"), r#"{"SingleSignOnRequired": true}"#)
            .unwrap();
        client.policy.machine_changed(now());
        client.policy_changed();
        assert!(
            matches!(client.options.account.sign_in, SignIn::Ticket),
            "the doctor does not send it either"
        );
        let told = orders(&mut ends);
        assert!(matches!(told[..], [SessionCommand::SetCredentials(Credentials::Ticket), ..]), "{told:?}");

        // The stream was as good as made: what it says comes after the rule.
        client.session_output(SessionOutput::State(online("SCRAM-SHA-256")));
        let told = orders(&mut ends);
        assert!(matches!(told[..], [SessionCommand::Disconnect, SessionCommand::Connect]), "{told:?}");
        client.session_output(SessionOutput::State(SessionEvent::Connecting));
        client.session_output(SessionOutput::State(online("GSSAPI")));
        let told = orders(&mut ends);
        assert!(!told.iter().any(|order| matches!(order, SessionCommand::Disconnect)), "{told:?}");
    }

    #[test]
    fn a_stream_of_a_password_that_comes_after_the_rule_is_ended() {
        for (mechanism, ticket_only, forbidden) in
            [("SCRAM-SHA-256", true, true), ("GSSAPI", true, false), ("SCRAM-SHA-256", false, false)]
        {
            let mut rules = Rules { ticket_only, ..Rules::default() };
            rules.heard(&online(mechanism));
            assert_eq!(rules.forbid_stream(), forbidden, "{mechanism} {ticket_only}");
            rules.heard(&SessionEvent::Connecting);
            assert!(!rules.forbid_stream());
        }
    }
}
