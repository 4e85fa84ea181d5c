//! Catching up from the server's archive: everything that was missed, nothing twice.

use flint_runtime::core::model::DeliveryState;
use flint_test_scenarios::client::{Flint, person, texts};
use flint_test_scenarios::server::{Archived, Server, World};

fn said(id: &str, day: u8) -> Archived {
    Archived::of(id, day, "bob@example.test", &format!("word {id}"))
}

/// What the archive does between two sign-ins; each has to end in the same timeline.
#[tokio::test]
async fn missed_messages_come_once_however_the_archive_answers() {
    let cases: [(&str, Option<usize>, &[&str]); 3] = [
        ("one page", None, &[]),
        ("pages of two", Some(2), &[]),
        ("an archive that has cleaned up is asked by time", None, &["a2", "live"]),
    ];
    for (case, page, forgotten) in cases {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path()).await;
        let mut world = World::office();
        world.archive = vec![said("a1", 1), said("a2", 2)];
        let mut flint = Flint::start(dir.path(), &server);
        let stream = server.online(&world).await;
        assert_eq!(flint.caught_up().await, 2, "{case}");
        // This one is in the archive under the id that it arrives with.
        stream.send(
            "<message from='bob@example.test/phone' to='ann@example.test' type='chat' id='w-live'><body>word live</body>\
             <stanza-id xmlns='urn:xmpp:sid:0' by='ann@example.test' id='live'/></message>",
        );
        flint.arrived("word live").await;
        flint.quit().await;
        drop(stream);

        let live = Archived { stamp: now(), ..said("live", 3) };
        let missed = ["a4", "a5", "a6", "a7", "a8"].map(|id| Archived { stamp: later(), ..said(id, 4) });
        world.archive.push(live);
        world.archive.extend(missed);
        world.page = page;
        world.forgotten = forgotten.iter().map(|id| (*id).to_owned()).collect();
        let mut flint = Flint::start(dir.path(), &server);
        let _stream = server.online(&world).await;
        assert_eq!(flint.caught_up().await, 5, "{case}");
        let timeline = flint.open(&person("bob@example.test")).await;
        let expected = ["a1", "a2", "live", "a4", "a5", "a6", "a7", "a8"].map(|id| format!("word {id}"));
        assert_eq!(texts(&timeline), expected, "{case}");
        flint.quit().await;
    }
}

/// Stamps around the present: the client orders what it missed by the archive's stamp, after what came live.
fn now() -> String {
    "2099-01-01T00:00:00Z".to_owned()
}

fn later() -> String {
    "2099-01-02T00:00:00Z".to_owned()
}

/// The archive holds what Ann wrote herself, here and on her telephone.
#[tokio::test]
async fn own_messages_in_the_archive_are_recognised() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path()).await;
    let mut flint = Flint::start(dir.path(), &server);
    let stream = server.online(&World::office()).await;
    flint.caught_up().await;
    let bob = person("bob@example.test");
    flint.open(&bob).await;
    stream.go_deaf();
    let id = flint.say(&bob, "written here").await;
    flint.delivered(&id, DeliveryState::Sent).await;
    stream.cut().await;
    flint.quit().await;

    // The line died after the server had it: the archive is the only proof.
    let own = |archive_id: &str, id: &str, text: &str| Archived {
        id: archive_id.to_owned(),
        stamp: "2026-06-01T12:00:00Z".to_owned(),
        message: format!(
            "<message xmlns='jabber:client' type='chat' from='ann@example.test/other' to='bob@example.test' id='{id}'>\
             <body>{text}</body><origin-id xmlns='urn:xmpp:sid:0' id='{id}'/></message>"
        ),
    };
    let mut world = World::office();
    world.archive = vec![own("a1", &id.0, "written here"), own("a2", "phone-1", "written on the telephone")];
    let mut flint = Flint::start(dir.path(), &server);
    let _stream = server.online(&world).await;
    flint.caught_up().await;
    let mut timeline = flint.open(&bob).await;
    timeline.sort_by(|left, right| left.body.0.cmp(&right.body.0));
    assert_eq!(texts(&timeline), ["written here", "written on the telephone"]);
    assert!(timeline.iter().all(|row| row.sender_name == "Ann Meyer" || row.sender_name == "ann"));
    flint.quit().await;
}
