//! Machine policy rules commands, from the first moment and whenever it changes.

use flint_runtime::core::Update;
use flint_runtime::core::capability::Verdict;
use flint_runtime::core::command::{Command, PeopleCommand};
use flint_test_scenarios::client::{Flint, jid};
use flint_test_scenarios::server::{Server, World};
use std::path::Path;

fn managed(dir: &Path, content: &str) {
    let folder = dir.join("machine/policies/managed");
    std::fs::create_dir_all(&folder).expect("the directory is ours");
    let beside = dir.join("policy.new");
    std::fs::write(&beside, content).expect("the directory is ours");
    std::fs::rename(&beside, folder.join("10-test.json")).expect("the directory is ours");
}

fn add_contact() -> Command {
    let jid = jid("dora@example.test");
    Command::People(PeopleCommand::AddContact { jid, name: None, groups: Vec::new() })
}

#[tokio::test]
async fn a_forbidden_contact_is_not_added_until_the_file_allows_it() {
    let dir = tempfile::tempdir().unwrap();
    managed(dir.path(), r#"{ "ContactAddingAllowed": false }"#);
    let server = Server::start(dir.path()).await;
    let mut flint = Flint::start(dir.path(), &server);
    let mut stream = server.online(&World::office()).await;
    flint.caught_up().await;

    flint.ask(add_contact());
    let rejection = flint
        .until("the rejection", |update| match update {
            Update::Rejected(rejection) => Some(rejection.clone()),
            _ => None,
        })
        .await;
    assert_eq!(rejection.policy.as_deref(), Some("ContactAddingAllowed"));

    managed(dir.path(), r#"{ "ContactAddingAllowed": true }"#);
    flint
        .until("the unlocking", |update| match update {
            Update::Capabilities(capabilities) => {
                (capabilities.add_contact == Verdict::Allowed).then_some(())
            }
            _ => None,
        })
        .await;
    flint.ask(add_contact());
    // The first change of the roster on the wire is the allowed one, and the only one.
    let mut changes = 0;
    stream
        .until("the request to see Dora", |stanza| {
            let query = stanza.get_child("query", "jabber:iq:roster");
            changes += u32::from(query.is_some_and(|query| query.children().next().is_some()));
            (stanza.attr("type") == Some("subscribe")).then_some(())
        })
        .await;
    assert_eq!(changes, 1);
    flint.quit().await;
}
