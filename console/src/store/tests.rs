//! What the database keeps, also over a restart.

use super::*;
use serde_json::json;

async fn open() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("db.sqlite")).await.unwrap();
    (directory, store)
}

fn jid(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

fn setting(value: bool) -> Setting {
    Setting { policy: "ContactAddingAllowed".into(), group: None, required: true, value: json!(value) }
}

fn group(id: &str, rank: u32, members: &[&str]) -> GroupImport {
    GroupImport {
        id: id.into(),
        name: id.to_uppercase(),
        rank,
        members: members.iter().map(|member| jid(member)).collect(),
    }
}

#[tokio::test]
async fn versions_grow_by_one_and_refuse_an_old_base() {
    let (directory, store) = open().await;
    assert_eq!(store.newest_version().await.unwrap().version, 0);
    assert_eq!(store.publish(1, "ann", "on", 0, &[setting(true)]).await.unwrap(), 1);
    assert_eq!(store.publish(2, "ann", "off", 1, &[setting(false)]).await.unwrap(), 2);
    let refused = store.publish(3, "bob", "on", 1, &[setting(true)]).await;
    assert!(matches!(refused, Err(StoreError::Conflict { now: 2 })), "{refused:?}");
    store.close().await;
    let store = Store::open(&directory.path().join("db.sqlite")).await.unwrap();
    let newest = store.newest_version().await.unwrap();
    assert_eq!((newest.version, newest.settings), (2, vec![setting(false)]));
    assert_eq!(store.audit_rows(10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn renewal_waits_for_the_age() {
    let (_directory, store) = open().await;
    assert_eq!(store.renew(100, 0).await.unwrap(), Some(1));
    assert_eq!(store.renew(200, 100).await.unwrap(), None);
    assert_eq!(store.renew(200, 101).await.unwrap(), Some(2));
}

#[tokio::test]
async fn an_import_of_groups_publishes_only_when_it_changes_something() {
    let (_directory, store) = open().await;
    let groups = [group("b", 2, &["ann@x.test"]), group("a", 1, &[])];
    assert_eq!(store.import_groups(1, "admin", &groups).await.unwrap(), Some(1));
    assert_eq!(store.import_groups(2, "admin", &groups).await.unwrap(), None);
    let more = [group("b", 2, &["ann@x.test", "bob@x.test"])];
    assert_eq!(store.import_groups(3, "admin", &more).await.unwrap(), Some(2));
    let stored = store.groups().await.unwrap();
    assert_eq!((stored.len(), stored[0].people), (1, 2));
    assert_eq!(store.memberships(Some(&jid("bob@x.test"))).await.unwrap().len(), 1);
    for (bad, part) in [
        (vec![group("a b", 1, &[])], "letters"),
        (vec![group("a", 0, &[])], "rank"),
        (vec![group("a", 1, &[]), group("b", 1, &[])], "rank"),
        (vec![group("a", 1, &[]), group("a", 2, &[])], "twice"),
        (vec![group("a", 1, &["x.test"])], "account"),
    ] {
        let error = store.import_groups(4, "admin", &bad).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(store.groups().await.unwrap(), stored);
}

#[tokio::test]
async fn a_client_that_signs_in_again_is_the_same_client() {
    let (_directory, store) = open().await;
    let state = |device: &str, applied| flint_xep::policy::ClientState {
        device: device.into(),
        version: "1".into(),
        applied,
    };
    let full = |text: &str| jid::FullJid::new(text).unwrap();
    store.client_online(1, &full("ann@x.test/a"), &state("d1", 0)).await.unwrap();
    store.client_online(2, &full("ann@x.test/b"), &state("d1", 3)).await.unwrap();
    for number in 0..25 {
        let device = format!("other{number}");
        store.client_online(3, &full(&format!("bob@x.test/{number}")), &state(&device, 0)).await.unwrap();
    }
    let rows = store.clients().await.unwrap();
    let ann: Vec<_> = rows.iter().filter(|row| row.jid.to_bare() == jid("ann@x.test")).collect();
    assert_eq!(ann.len(), 1);
    assert_eq!((ann[0].jid.resource().as_str(), ann[0].applied), ("b", 3));
    assert_eq!(rows.len(), 21);
    store.client_offline(9, &full("ann@x.test/b")).await.unwrap();
    assert_eq!(store.clients_online().await.unwrap(), 20);
}

#[tokio::test]
async fn one_time_passwords_are_used_once_and_end() {
    let (_directory, store) = open().await;
    let one = crate::auth::password::make(&store, 1_000).await.unwrap();
    let two = crate::auth::password::make(&store, 1_000).await.unwrap();
    let redeem = |text: String, at| {
        let store = store.clone();
        async move { crate::auth::password::redeem(&store, at, &text).await.unwrap() }
    };
    let mut wrong = one.to_string();
    let last = if wrong.pop() == Some('a') { 'b' } else { 'a' };
    wrong.push(last);
    assert!(!redeem(wrong, 1_000).await);
    assert!(redeem(format!(" {} ", one.to_uppercase()), 1_000).await);
    assert!(!redeem(one.to_string(), 1_000).await);
    assert!(!redeem(two.to_string(), 1_000 + crate::auth::password::LIFETIME_MS).await);
}

#[tokio::test]
async fn the_journal_keeps_its_contract() {
    let (directory, store) = open().await;
    flint_fastpath_service::conformance::check(&mut DatabaseJournal::new(store.clone())).await.unwrap();
    store.close().await;
    let store = Store::open(&directory.path().join("db.sqlite")).await.unwrap();
    flint_fastpath_service::conformance::check_reopened(&mut DatabaseJournal::new(store)).await.unwrap();
}

#[tokio::test]
async fn queues_of_a_newer_flintd_are_refused_and_left_as_they_are() {
    let (directory, store) = open().await;
    let file = directory.path().join("db.sqlite");
    sqlx::query("UPDATE journal_format SET version = 2").execute(&store.pool).await.unwrap();
    store.close().await;
    let error = Store::open(&file).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 2, known: 1 }), "{error}");
    assert!(error.to_string().contains("Start the newer flintd"), "{error}");
}

#[tokio::test]
async fn agents_are_called_as_the_imported_people_are() {
    let (_directory, store) = open().await;
    let person = |of: &str, name: &str| PersonImport { jid: jid(of), name: name.into() };
    let people =
        [person("ann@x.test", "Ann Meyer"), person("bob@x.test", "Bob Byrne"), person("cid@x.test", " ")];
    store.import_people(1, "admin", &people).await.unwrap();
    let agents = ["ann@x.test", "bob@x.test", "cid@x.test", "dan@x.test"].map(jid).to_vec();
    let mut workgroup = flint_fastpath_service::WorkgroupConfig::new("demo", agents);
    workgroup.agent_names.insert(jid("bob@x.test"), "Robert".into());
    store.import_workgroups(2, "admin", &[workgroup]).await.unwrap();
    let names = store.workgroups().await.unwrap().remove(0).agent_names;
    let names: Vec<(&str, &str)> = names.iter().map(|(jid, name)| (jid.as_str(), name.as_str())).collect();
    assert_eq!(names, [("ann@x.test", "Ann Meyer"), ("bob@x.test", "Robert")]);
}

#[tokio::test]
async fn writers_wait_in_line_and_leave_readers_alone() {
    let (_directory, store) = open().await;
    let first = store.write().await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = store.clone();
        writers.spawn(async move { store.audit(number, "ann", "test", "waits").await });
    }
    // More than the pool has connections, and each may have asked for its turn.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let read = tokio::time::timeout(std::time::Duration::from_secs(5), store.ping()).await;
    read.expect("a reader does not wait for writers").unwrap();
    drop(first);
    while let Some(written) = writers.join_next().await {
        written.unwrap().unwrap();
    }
    let order: Vec<u64> = store.audit_rows(20).await.unwrap().iter().map(|row| row.at).collect();
    assert_eq!(order, (0..20).rev().collect::<Vec<_>>(), "first come, first served");
}
