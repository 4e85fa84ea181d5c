//! A whole client with rules of the computer, and a server that must not be asked.

use crate::{AccountOptions, Client, Command, Connect, Options, Paths, Security, SignIn, Update};
use flint_core::Update as Core;
use flint_core::model::ConnectionState;
use flint_core::update::{AccountUpdate, Rejection};
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;
use tokio::time::timeout;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

struct Office {
    place: tempfile::TempDir,
    server: TcpListener,
    client: Client,
}

impl Office {
    /// With this file of the computer and this sign-in.
    fn new(policy: &str, sign_in: SignIn) -> Self {
        let place = tempfile::tempdir().unwrap();
        let paths = Paths { machine: place.path().join("etc"), state: place.path().join("state") };
        fs::create_dir_all(paths.machine.join("policies/managed")).unwrap();
        fs::write(paths.machine.join("policies/managed/a.json"), policy).unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let port = server.local_addr().unwrap().port();
        let account = AccountOptions {
            jid: "ann@example.test".parse().ok(),
            sign_in,
            connect: Some(Connect { host: "127.0.0.1".to_owned(), port, security: Security::Direct }),
            ..AccountOptions::default()
        };
        let client = Client::start(Options { paths, account }).unwrap();
        Self { place, server, client }
    }

    fn until<T>(&self, mut wanted: impl FnMut(Update) -> Option<T>) -> T {
        let updates = self.client.updates();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let found = async {
            loop {
                let update = updates.recv().await.expect("the client goes on");
                if let Some(found) = wanted(update) {
                    return found;
                }
            }
        };
        runtime.block_on(async { timeout(PATIENCE, found).await.expect("it is told") })
    }

    /// A line as `flint-cli run` takes it.
    fn refusal_of(&self, line: &str) -> Rejection {
        self.client.send(serde_json::from_str::<Command>(line).unwrap());
        self.until(|update| match update {
            Update::Core(Core::Rejected(rejection)) => Some(rejection),
            _ => None,
        })
    }
}

#[test]
fn where_only_tickets_count_no_password_leaves_the_computer() {
    let office = Office::new(r#"{"SingleSignOnRequired": true}"#, SignIn::Password("a secret".into()));
    let kind = office.until(|update| match update {
        Update::Core(Core::Account(AccountUpdate::Connection(ConnectionState::Refused { kind, .. }))) => {
            Some(kind)
        }
        _ => None,
    });
    assert_eq!(kind, "policy");
    let refusal = office.refusal_of(r#"{"to":"sign-in-with-password","ask":{"password":"a secret"}}"#);
    assert_eq!(refusal.policy.as_deref(), Some("SingleSignOnRequired"));
    let asked = office.server.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(asked, Err(ErrorKind::WouldBlock), "nobody was asked");
}

#[test]
fn a_raw_command_is_refused_by_the_name_of_its_policy() {
    let join = r#"{"to":"core","ask":{"area":"room","command":{"do":"join","room":"lobby@conference.example.test"}}}"#;
    let add = r#"{"to":"core","ask":{"area":"people","command":{"do":"add-contact","jid":"eve@example.test","groups":[]}}}"#;
    let send = r#"{"to":"core","ask":{"area":"chat","command":{"do":"send","conversation":{"kind":"person","jid":"bob@example.test"},"body":"Hello"}}}"#;
    for (policy, line, name) in [
        (r#"{"GroupChatAllowed": false}"#, join, "GroupChatAllowed"),
        (r#"{"ContactAddingAllowed": false}"#, add, "ContactAddingAllowed"),
        (r#"{"ManagementRequired": true}"#, send, "ManagementRequired"),
    ] {
        let office = Office::new(policy, SignIn::Ticket);
        let refusal = office.refusal_of(line);
        assert_eq!(refusal.policy.as_deref(), Some(name), "{refusal:?}");
        if name == "ManagementRequired" {
            assert!(refusal.reason.starts_with("This computer must be managed"), "{}", refusal.reason);
        }
    }
}

#[test]
fn a_computer_that_must_be_managed_and_is_not_lets_nobody_search_its_messages() {
    let office = Office::new(r#"{"ManagementRequired": true}"#, SignIn::Ticket);
    let place = office.place.path();
    let paths = Paths { machine: place.join("etc"), state: place.join("state") };
    let account = AccountOptions { jid: "ann@example.test".parse().ok(), ..AccountOptions::default() };
    let refused = crate::offline::search(&Options { paths, account }, "hello", 10).unwrap_err();
    assert!(refused.to_string().starts_with("This computer must be managed"), "{refused}");
}
