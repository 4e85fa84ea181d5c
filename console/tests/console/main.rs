//! The HTTPS side without sockets: who gets in, what a form needs, and what a publication does to the documents.

#![allow(clippy::unwrap_used)]

mod components;
mod forms;
mod support;

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use flint_fastpath_routing::{Answers, Event, Record, SessionId, Timestamp, WorkgroupName};
use flint_fastpath_service::{Journal, JournalRecord, ServiceConfig, WorkgroupConfig};
use flint_kerberos::{Failure, Principal};
use flint_policy::{Expectation, Trust, resolve};
use flintd::auth::{TicketCheck, ticket};
use flintd::store::{DatabaseJournal, GroupImport, Setting};
use jid::BareJid;
use serde_json::json;
use std::sync::{Arc, Condvar, Mutex};
use support::{Browser, World};

fn jid(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

#[tokio::test]
async fn every_page_asks_who_is_there_and_carries_the_headers() {
    let world = World::new().await;
    for path in
        ["/policies", "/policies/history", "/groups", "/groups/x", "/clients", "/workgroups", "/audit"]
    {
        let answer = world.get(path, &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.header("www-authenticate"), Some("Negotiate"), "{path}");
        assert!(answer.body.contains("One-time password"), "{path}");
    }
    for path in ["/healthz", "/login", "/static/console.css", "/nowhere", "/api/policy/v1/document"] {
        let answer = world.get(path, &[]).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        for name in
            ["strict-transport-security", "x-content-type-options", "x-frame-options", "referrer-policy"]
        {
            assert!(answer.header(name).is_some(), "{path} {name}");
        }
    }
    assert!(!world.get("/login", &[]).await.body.contains("style="));
}

#[tokio::test]
async fn strangers_can_not_send_much() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let long = "x".repeat(3 * 1024);
    let answer = browser.post("/login", &[("csrf", ""), ("password", &long)]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let answer = browser.post("/policies/publish", &[("csrf", ""), ("value", &long)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "not even read");
}

#[tokio::test]
async fn a_ticket_opens_the_console_for_administrators_only() {
    let world = World::new().await;
    let answer = world.get("/groups", &[("authorization", "Negotiate YW5u")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body.contains("ann@example.test, who is not an administrator"));
    assert!(!answer.body.contains("href=\"/policies\""), "no way to where she may not go");
    for _ in 0..20 {
        world.get("/groups", &[("authorization", "Negotiate YW5u")]).await;
    }
    let refused = world.app.store.audit_rows(100).await.unwrap();
    let refused = refused.iter().filter(|row| row.action == "refused").count();
    assert_eq!(refused, 5, "nobody fills the audit by knocking");
    let answer = world.get("/groups", &[("authorization", "Negotiate c3RyYW5nZXI=")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "a realm that is not in the table");
    let answer = world.get("/groups", &[("authorization", "Negotiate YmFk")]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = world.get("/groups", &[("authorization", "Negotiate YWRtaW4=")]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, Some("/groups")));
    assert_eq!(answer.header("www-authenticate"), Some("Negotiate cmVwbHk="));
    let cookie = answer.header("set-cookie").unwrap();
    for part in ["__Host-flint=", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
}

#[tokio::test]
async fn a_one_time_password_opens_it_once_and_guessing_is_slowed_down() {
    let world = World::new().await;
    let password = flintd::auth::password::make(&world.app.store, world.app.now()).await.unwrap();
    let mut browser = Browser::new(&world);
    let page = browser.get("/login").await;
    let without = browser.post("/login", &[("password", &password)]).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN, "the form's token is missing");
    let token = page.field("csrf");
    assert_eq!(
        browser.post("/login", &[("csrf", token.as_str()), ("password", "wrong")]).await.status,
        StatusCode::FORBIDDEN
    );
    let page = browser.get("/login").await;
    let good = browser.post("/login", &[("csrf", &page.field("csrf")), ("password", &password)]).await;
    assert_eq!((good.status, good.header("location")), (StatusCode::SEE_OTHER, Some("/policies")));
    assert_eq!(browser.get("/policies").await.status, StatusCode::OK);

    let mut other = Browser::new(&world);
    let mut last = StatusCode::OK;
    for _ in 0..6 {
        let token = other.get("/login").await.field("csrf");
        last = other.post("/login", &[("csrf", &token), ("password", &password)]).await.status;
        assert_ne!(last, StatusCode::SEE_OTHER, "used up");
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_form_without_the_sessions_token_or_from_another_site_changes_nothing() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world).await;
    let before = world.app.store.newest_version().await.unwrap();
    for token in ["", "x"] {
        let fields = [("csrf", token), ("version", "1"), ("base", "1")];
        assert_eq!(browser.post("/policies/revert", &fields).await.status, StatusCode::FORBIDDEN);
        assert_eq!(browser.post("/policies/publish", &fields).await.status, StatusCode::FORBIDDEN);
        assert_eq!(browser.post("/logout", &fields).await.status, StatusCode::FORBIDDEN);
    }
    let token = browser.get("/policies").await.field("csrf");
    browser.headers.push(("sec-fetch-site".to_owned(), "cross-site".to_owned()));
    assert_eq!(browser.post("/logout", &[("csrf", &token)]).await.status, StatusCode::FORBIDDEN);
    browser.headers.clear();
    assert_eq!(world.app.store.newest_version().await.unwrap(), before);
    assert_eq!(browser.post("/logout", &[("csrf", &token)]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/policies").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_published_is_what_was_previewed_and_reaches_the_documents() {
    let world = World::new().await;
    let groups = [GroupImport {
        id: "support".into(),
        name: "Support".into(),
        rank: 1,
        members: [jid("ann@example.test"), jid("bob@example.test")].into(),
    }];
    world.app.store.import_groups(world.app.now(), "test", &groups).await.unwrap();
    world.app.refresh().await.unwrap();
    let (first, tag) = world.document("ann", None).await;
    let mut pushed = world.app.version.subscribe();
    pushed.mark_unchanged();

    let mut browser = Browser::signed_in(&world).await;
    let page = browser.get("/policies?for=support&policy=ContactAddingAllowed").await;
    assert!(
        page.body.contains("id=\"policy-ContactAddingAllowed\"") && page.body.contains("id=\"value-off\"")
    );
    let mut fields = vec![
        ("csrf", page.field("csrf")),
        ("policy", "ContactAddingAllowed".to_owned()),
        ("for", "support".to_owned()),
        ("base", page.field("base")),
        ("previewed", page.field("previewed")),
        ("value", "off".to_owned()),
        ("level", "required".to_owned()),
        ("who", "support".to_owned()),
    ];
    let early = browser.post("/policies/publish", &fields).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "nobody looked at the preview");
    let preview = browser.post("/policies/preview", &fields).await;
    assert!(preview.body.contains("2 people, 1 setting changes"), "{}", preview.body);
    assert!(preview.body.contains("2 people: lose “Adding contacts”"));
    assert!(preview.body.contains("on → off"));
    fields[4].1 = preview.field("previewed");
    let done = browser.post("/policies/publish", &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert!(browser.get(done.header("location").unwrap()).await.body.contains("is published"));
    assert!(pushed.has_changed().unwrap(), "components are told");
    let again = browser.post("/policies/publish", &fields).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "the base is old");

    let trust = Trust::pin(&world.root().await, "example.test").unwrap();
    let verify = |bytes: &[u8], who: &str, held| {
        let audience = jid(&format!("{who}@example.test"));
        let expectation = Expectation { domain: "example.test".into(), audience, held, now: world.app.now() };
        trust.verify_policy(bytes, &expectation)
    };
    let first = verify(&first, "ann", None).unwrap();
    let (second, new_tag) = world.document("ann", Some(&tag)).await;
    assert_ne!(tag, new_tag);
    let second = verify(&second, "ann", Some(first.held)).unwrap();
    assert_eq!(second.document.version, first.document.version + 1);
    let mut inputs = flint_policy::Inputs::default();
    inputs.add_document(&second.document, false);
    assert!(!resolve(&inputs).contact_adding_allowed());
    let (admin, _) = world.document("admin", None).await;
    let admin = verify(&admin, "admin", None).unwrap();
    assert!(admin.document.layers.is_empty(), "somebody outside the group is not touched");
    assert!(verify(&world.document("bob", None).await.0, "ann", None).is_err(), "somebody else's document");
    let answer = world.fetch("ann", Some(&new_tag)).await;
    assert_eq!((answer.status, answer.bytes.len()), (StatusCode::NOT_MODIFIED, 0));

    let history = browser.get("/policies/history").await;
    let (token, base) = (history.field("csrf"), history.field("base"));
    let old = first.document.version.to_string();
    let fields = [("csrf", token.as_str()), ("version", &old), ("base", &base)];
    assert_eq!(browser.post("/policies/revert", &fields).await.status, StatusCode::SEE_OTHER);
    let third = verify(&world.document("ann", None).await.0, "ann", Some(second.held)).unwrap();
    assert!(third.document.layers.is_empty());
    let audit = browser.get("/audit").await;
    assert!(audit.body.contains("ContactAddingAllowed: off, required, for group Support"));
}

#[tokio::test]
async fn after_a_publication_the_page_is_about_the_group_that_was_edited() {
    let world = World::new().await;
    let groups = [GroupImport { id: "a-b".into(), name: "Support".into(), rank: 1, members: [].into() }];
    world.app.store.import_groups(world.app.now(), "test", &groups).await.unwrap();
    world.app.refresh().await.unwrap();
    let mut browser = Browser::signed_in(&world).await;
    // The list is about everybody; the group is chosen in the editor.
    let page = browser.get("/policies?policy=HistoryRetentionDays&q=history").await;
    let mut fields = vec![
        ("csrf", page.field("csrf")),
        ("policy", "HistoryRetentionDays".to_owned()),
        ("for", String::new()),
        ("q", page.field("q")),
        ("base", page.field("base")),
        ("previewed", String::new()),
        ("value", "31".to_owned()),
        ("level", "required".to_owned()),
        ("who", "a-b".to_owned()),
    ];
    fields[5].1 = browser.post("/policies/preview", &fields).await.field("previewed");
    let done = browser.post("/policies/publish", &fields).await;
    let place = done.header("location").unwrap();
    assert_eq!(place, "/policies?for=a-b&policy=HistoryRetentionDays&q=history");
    let shown = browser.get(place).await.body;
    assert!(shown.contains("<option value=\"a-b\" selected>For: group Support"), "{shown}");
    assert!(shown.contains("data-label=\"Value\">31 days") && shown.contains("value=\"31\""), "{shown}");
}

#[tokio::test]
async fn only_so_many_tickets_are_checked_at_once() {
    let mut app = World::new().await.into_app();
    let gate = Arc::new(Gate::default());
    Arc::get_mut(&mut app).unwrap().tickets = Some(gate.clone());
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Negotiate YW5u"));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (app, headers) = (app.clone(), headers.clone());
        all.spawn(async move { ticket(&app, &headers).await.is_ok() });
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    // The application's, this test's, and one for each that is being checked.
    assert_eq!(Arc::strong_count(&gate), 2 + 16);
    *gate.open.lock().unwrap() = true;
    gate.opened.notify_all();
    assert!(all.join_all().await.into_iter().all(|good| good), "and those who waited are let in");
}

/// Tickets that take as long to check as the gate is closed.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl TicketCheck for Gate {
    fn check(&self, _: &[u8]) -> Result<(Principal, Option<Vec<u8>>), Failure> {
        drop(self.opened.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
        Ok((Principal { name: "ann".to_owned(), realm: "EXAMPLE.TEST".to_owned() }, None))
    }
}

#[tokio::test]
async fn bad_values_come_back_with_a_sentence() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world).await;
    let page = browser.get("/policies?policy=HistoryRetentionDays").await;
    let fields = |value: &str| {
        vec![
            ("csrf", page.field("csrf")),
            ("policy", "HistoryRetentionDays".to_owned()),
            ("value", value.to_owned()),
        ]
    };
    let answer = browser.post("/policies/preview", &fields("<b>0</b>")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("a whole number from 1 to 3650"));
    assert!(answer.body.contains("aria-invalid") && !answer.body.contains("<b>0"), "escaped");
    let mut unknown = fields("1");
    unknown[1].1 = "NoSuchPolicy".to_owned();
    assert_eq!(browser.post("/policies/preview", &unknown).await.status, StatusCode::NOT_FOUND);
    assert!(browser.get("/policies?q=nothing+like+this").await.body.contains("No policy fits"));
}

#[tokio::test]
async fn a_document_of_one_version_is_always_the_same_and_is_renewed_in_time() {
    let world = World::new().await;
    let settings =
        [Setting { policy: "HistoryRetentionDays".into(), group: None, required: false, value: json!(30) }];
    world.app.store.publish(support::START, "test", "days", 1, &settings).await.unwrap();
    world.app.refresh().await.unwrap();
    let (one, tag) = world.document("ann", None).await;
    // A restored console counts its versions anew, in a new epoch.
    assert_eq!(tag, format!("\"{}-2\"", world.app.keys.epoch()));
    assert_eq!(one, world.document("ann", None).await.0);
    support::advance(8 * 24 * 60 * 60 * 1000);
    let (later, new_tag) = world.document("ann", Some(&tag)).await;
    assert_ne!((one, &tag), (later, &new_tag));
    assert_eq!(*world.app.version.borrow(), 3);
}

#[tokio::test]
async fn the_api_refuses_in_json() {
    let world = World::new().await;
    for (path, header, status) in [
        ("/api/policy/v1/document", None, StatusCode::UNAUTHORIZED),
        ("/api/policy/v1/root", None, StatusCode::UNAUTHORIZED),
        ("/api/policy/v1/document", Some("Negotiate YmFk"), StatusCode::UNAUTHORIZED),
        ("/api/policy/v1/document", Some("Negotiate !"), StatusCode::UNAUTHORIZED),
        ("/api/policy/v1/document", Some("Basic YW5u"), StatusCode::UNAUTHORIZED),
        ("/api/policy/v1/document", Some("Negotiate c3RyYW5nZXI="), StatusCode::FORBIDDEN),
        ("/api/policy/v1/root/2", Some("Negotiate YW5u"), StatusCode::NOT_FOUND),
        ("/api/policy/v1/root/x", Some("Negotiate YW5u"), StatusCode::NOT_FOUND),
        ("/api/policy/v1/root/1", Some("Negotiate YW5u"), StatusCode::OK),
    ] {
        let headers: Vec<_> = header.map(|value| ("authorization", value)).into_iter().collect();
        let answer = world.get(path, &headers).await;
        assert_eq!(answer.status, status, "{path} {header:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path} {header:?}");
        if status != StatusCode::OK {
            let error: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert!(error["error"].as_str().unwrap().ends_with('.'), "{error}");
        }
    }
    let metrics = world.get("/metrics", &[]).await.body;
    assert!(metrics.contains("flint_policy_version 1") && metrics.contains("status=\"4xx\"} 8"), "{metrics}");
}

#[tokio::test]
async fn the_workgroups_page_counts_who_waits() {
    let world = World::new().await;
    let agents = vec![jid("ann@example.test")];
    let workgroup = WorkgroupConfig::new("demo", agents);
    world
        .app
        .store
        .import_workgroups(world.app.now(), "test", std::slice::from_ref(&workgroup))
        .await
        .unwrap();
    let service = ServiceConfig {
        domain: "workgroup.example.test".into(),
        conference: "conference.example.test".into(),
        xmpp_domain: "example.test".into(),
        workgroups: vec![workgroup],
        offers_per_agent: 1,
        details_limit: 50,
    };
    let demo = WorkgroupName("demo".into());
    let events = [
        Event::Configured { config: service.routing() },
        Event::AgentUpdated {
            agent: "ann@example.test/desk".parse().unwrap(),
            workgroup: demo.clone(),
            available: true,
            max_chats: None,
        },
        Event::CustomerJoined {
            session: SessionId("s".into()),
            workgroup: demo,
            customer: "eve@example.test/web".parse().unwrap(),
            user: None,
            priority: 0,
            answers: Answers::default(),
        },
    ];
    let record = |event| JournalRecord::Routing(Record { at: Timestamp(support::START), event });
    let records: Vec<_> = events.into_iter().map(record).collect();
    DatabaseJournal::new(world.app.store.clone()).append(&records).await.unwrap();
    support::advance(200_000);
    let page = Browser::signed_in(&world).await.get("/workgroups").await.body;
    assert!(page.contains("data-label=\"Waiting\">1</td>"), "{page}");
    assert!(page.contains("3:20") && page.contains("1 of its agents taking part"), "{page}");
}

#[tokio::test]
async fn whoever_is_no_administrator_any_more_is_out_at_once() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world).await;
    assert_eq!(browser.get("/audit").await.status, StatusCode::OK);
    let mut config = (*world.app.config()).clone();
    config.administrators.clear();
    world.app.set_config(config);
    assert_eq!(browser.get("/audit").await.status, StatusCode::UNAUTHORIZED);
}
