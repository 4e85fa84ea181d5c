//! The editor's forms for values that are more than a line, played as a browser without scripts sends them.

use super::support::{Browser, World};
use axum::http::StatusCode;

/// The fields of the editor, as a browser would send them back.
async fn edit(browser: &mut Browser<'_>, policy: &str, typed: &[(&str, &str)]) -> Vec<(String, String)> {
    let page = browser.get(&format!("/policies?policy={policy}")).await;
    let mut fields: Vec<(String, String)> =
        ["csrf", "base", "previewed"].iter().map(|name| ((*name).to_owned(), page.field(name))).collect();
    fields.extend([("policy".to_owned(), policy.to_owned()), ("level".to_owned(), "required".to_owned())]);
    fields.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    fields
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Looks at the preview, then publishes; every page on the way is given back.
async fn publish(browser: &mut Browser<'_>, policy: &str, typed: &[(&str, &str)]) -> (StatusCode, String) {
    let mut fields = edit(browser, policy, typed).await;
    let preview = browser.post("/policies/preview", &borrowed(&fields)).await;
    fields[2].1 = preview.field("previewed");
    // A browser sends the tick again only when the page shows it.
    let ticked = preview.body.contains("name=\"clear\" id=\"clear\" value=\"yes\" checked>");
    fields.retain(|(name, _)| name != "clear" || ticked);
    let done = browser.post("/policies/publish", &borrowed(&fields)).await;
    let after = browser.get(&format!("/policies?policy={policy}")).await;
    let history = browser.get("/policies/history").await;
    let audit = browser.get("/audit").await;
    (done.status, [preview.body, done.body, after.body, history.body, audit.body].join("\n"))
}

#[tokio::test]
async fn a_password_is_never_sent_back_and_an_empty_field_keeps_it() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world).await;
    let held = async || {
        let settings = world.app.store.newest_version().await.unwrap().settings;
        settings.into_iter().find(|set| set.policy == "ProxyPassword").map(|set| set.value)
    };
    let (status, pages) = publish(&mut browser, "ProxyPassword", &[("value", "correct horse ")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{pages}");
    assert!(!pages.contains("correct horse"), "{pages}");
    assert!(pages.contains("ProxyPassword: ••••••••, required, for everybody"), "{pages}");
    assert_eq!(held().await, Some("correct horse ".into()));
    // Nothing typed: nothing changes.
    let (status, _) = publish(&mut browser, "ProxyPassword", &[("value", "")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(held().await, Some("correct horse ".into()));
    // Another one, and publishing asks for it again.
    let (status, pages) = publish(&mut browser, "ProxyPassword", &[("value", "battery staple")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(!pages.contains("battery staple"), "{pages}");
    let mut fields = edit(&mut browser, "ProxyPassword", &[("value", "third")]).await;
    let preview = browser.post("/policies/preview", &borrowed(&fields)).await;
    assert!(preview.body.contains("Type it once more to publish it"));
    fields[2].1 = preview.field("previewed");
    fields.last_mut().unwrap().1.clear();
    let forgotten = browser.post("/policies/publish", &borrowed(&fields)).await;
    assert_eq!(forgotten.status, StatusCode::CONFLICT, "an empty field is not what was looked at");
    assert_eq!(held().await, Some("battery staple".into()));
    // Another value and its removal contradict each other: what is typed counts, and the tick is gone.
    let fields = edit(&mut browser, "ProxyPassword", &[("value", "fourth"), ("clear", "yes")]).await;
    let preview = browser.post("/policies/preview", &borrowed(&fields)).await;
    assert!(preview.body.contains("value=\"yes\"> Take the value away"), "{}", preview.body);
    let (status, _) = publish(&mut browser, "ProxyPassword", &[("value", ""), ("clear", "yes")]).await;
    assert_eq!((status, held().await), (StatusCode::SEE_OTHER, None));
}

#[tokio::test]
async fn dictionary_and_file_are_filled_in_field_by_field() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world).await;
    let rows =
        [("text-0", "At lunch"), ("word-0", "away"), ("text-1", " "), ("text-4", "Busy"), ("word-4", "dnd")];
    let (status, pages) = publish(&mut browser, "StatusPresets", &rows).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{pages}");
    assert!(pages.contains("At lunch (away), Busy (dnd)") && pages.contains("value=\"At lunch\""), "{pages}");
    let (status, pages) =
        publish(&mut browser, "StatusPresets", &[("text-0", "x"), ("word-0", "asleep")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(pages.contains("Expected one of available, away, xa, dnd"), "{pages}");
    let digest = "AB".repeat(32);
    let image = [("url", "https://www.example.test/logo.png"), ("sha256", digest.as_str())];
    let (status, pages) = publish(&mut browser, "BrandImage", &image).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{pages}");
    for (url, digest, expected) in [
        ("http://www.example.test/logo.png", digest.as_str(), "begins with https://"),
        ("https://www.example.test/logo.png", "ab", "SHA-256 of 64 hexadecimal digits"),
    ] {
        let (status, pages) = publish(&mut browser, "BrandImage", &[("url", url), ("sha256", digest)]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{url} {digest}");
        assert!(pages.contains(expected), "{pages}");
    }
    let settings = world.app.store.newest_version().await.unwrap().settings;
    let values: Vec<_> = settings.iter().map(|set| set.value.to_string()).collect();
    let file =
        format!("{{\"url\":\"https://www.example.test/logo.png\",\"sha256\":\"{}\"}}", "ab".repeat(32));
    assert_eq!(values, [file.as_str(), "{\"At lunch\":\"away\",\"Busy\":\"dnd\"}"]);
}

#[tokio::test]
async fn what_only_a_computer_may_say_can_not_be_published() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world).await;
    let page = browser.get("/policies?policy=ManagementRequired").await;
    assert!(page.body.contains("Computer only") && !page.body.contains("id=\"value-on\""), "{}", page.body);
    let (status, pages) = publish(&mut browser, "ManagementRequired", &[("value", "on")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(pages.contains("id=\"machine-only\""));
    assert!(world.app.store.newest_version().await.unwrap().settings.is_empty());
}
