//! Signing in, and refusals that are final.

use flint_runtime::Command as Joint;
use flint_runtime::core::Update;
use flint_runtime::core::model::{ConnectionState, Show};
use flint_runtime::core::update::{AccountUpdate, PeopleUpdate};
use flint_test_scenarios::client::{Flint, jid};
use flint_test_scenarios::server::{Server, World};
use std::time::Duration;

/// Longer than the longest wait before a second attempt (1 s).
const LONGER_THAN_THE_FIRST_WAIT: Duration = Duration::from_millis(1500);

/// Kind of a refusal.
async fn refused(flint: &mut Flint) -> String {
    flint
        .connection("the refusal", |state| match state {
            ConnectionState::Refused { kind, reason, next_step } => {
                assert!(!reason.is_empty() && !next_step.is_empty(), "{kind}");
                Some(kind.clone())
            }
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_sign_in_shows_the_roster_the_own_name_and_who_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut flint = Flint::start(dir.path(), &server);
    let mut stream = server.online(&World::office()).await;
    assert!(!flint.online().await);
    let mut names = Vec::new();
    flint
        .people("the roster", |update| match update {
            PeopleUpdate::Changed { person } => {
                names.push(person.name.clone());
                (names.len() == 2).then_some(())
            }
            _ => None,
        })
        .await;
    assert_eq!(names, ["Bob Stone", "Carla Rossi"]);
    let name = flint
        .until("the own name", |update| match update {
            Update::Account(AccountUpdate::Identity { name, .. }) if name != "ann" => Some(name.clone()),
            _ => None,
        })
        .await;
    assert_eq!(name, "Ann Meyer");
    stream.until("own presence", |stanza| (stanza.name() == "presence").then_some(())).await;

    stream
        .send("<presence from='bob@example.test/phone'><show>dnd</show><status>Writing</status></presence>");
    let bob = flint
        .people("Bob's presence", |update| match update {
            PeopleUpdate::Changed { person } if person.jid == jid("bob@example.test") => Some(person.clone()),
            _ => None,
        })
        .await;
    assert_eq!((bob.show, bob.status.as_str()), (Show::DoNotDisturb, "Writing"));
    flint.quit().await;
    stream.ended_by_client().await;
}

/// A wrong password is asked for once: a second attempt could lock the account.
#[tokio::test]
async fn a_refused_password_is_final_and_another_one_signs_in() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut flint = Flint::start_with(dir.path(), &server, "penicl");
    server.refuse("not-authorized").await;
    assert_eq!(refused(&mut flint).await, "not-authorized");
    assert!(server.is_left_alone(LONGER_THAN_THE_FIRST_WAIT).await, "a second attempt was made");

    flint.ask(Joint::SignInWithPassword { password: "pencil".into() });
    let _stream = server.online(&World::default()).await;
    flint.online().await;
    flint.quit().await;
}

/// What the server does, and the kind of the refusal; `None` where trying again makes sense.
#[tokio::test]
async fn a_failed_sign_in_is_final_unless_trying_again_may_help() {
    let cases = [
        ("account-disabled", Some("not-authorized")),
        ("credentials-expired", Some("not-authorized")),
        ("invalid-authzid", Some("not-authorized")),
        ("temporary-auth-failure", None),
    ];
    let runs = cases.map(|(condition, kind)| {
        tokio::spawn(async move {
            let dir = tempfile::tempdir().unwrap();
            let server = Server::start(dir.path()).await;
            let mut flint = Flint::start(dir.path(), &server);
            server.refuse(condition).await;
            match kind {
                Some(kind) => {
                    assert_eq!(refused(&mut flint).await, kind, "{condition}");
                    assert!(server.is_left_alone(LONGER_THAN_THE_FIRST_WAIT).await, "{condition}");
                }
                None => {
                    flint.waiting().await;
                    let _stream = server.online(&World::default()).await;
                    flint.online().await;
                }
            }
            flint.quit().await;
        })
    });
    for run in runs {
        run.await.unwrap();
    }
}

/// Neither a password nor a proof of one leaves for a server that is not proven to be the domain's.
#[tokio::test]
async fn a_foreign_certificate_and_missing_mechanisms_are_final() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_as(dir.path(), "example.org").await;
    let mut flint = Flint::start(dir.path(), &server);
    assert!(server.accept().await.is_none(), "the client took a certificate for another name");
    assert_eq!(refused(&mut flint).await, "certificate-wrong-name");
    assert!(server.is_left_alone(LONGER_THAN_THE_FIRST_WAIT).await);
    flint.quit().await;

    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut flint = Flint::start(dir.path(), &server);
    server.offer(&["PLAIN", "X-OAUTH2"]).await;
    assert_eq!(refused(&mut flint).await, "mechanism-not-offered");
    assert!(server.is_left_alone(LONGER_THAN_THE_FIRST_WAIT).await);
    flint.quit().await;
}
