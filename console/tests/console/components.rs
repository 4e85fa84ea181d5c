//! The components' answers, without a connection.

use crate::support::World;
use flintd::component::Handler;
use flintd::component::control::ControlComponent;
use flintd::component::policy::PolicyComponent;
use flintd::store::Setting;
use minidom::Element;
use serde_json::json;
use std::sync::atomic::Ordering;

const ANN: &str = "ann@example.test/desk";

fn stanza(xml: &str) -> Element {
    xml.replacen('>', " xmlns='jabber:client'>", 1).parse().unwrap()
}

fn announce(from: &str, applied: u64) -> Element {
    stanza(&format!(
        "<presence from='{from}' to='flint.example.test'><client xmlns='urn:flint:policy:1' device='d{from}' version='1' applied='{applied}'/></presence>"
    ))
}

fn text(elements: &[Element]) -> Vec<String> {
    elements.iter().map(|element| String::from(element).replace('\'', "\"")).collect()
}

async fn publish(world: &World, value: bool, required: bool) {
    let base = world.app.store.newest_version().await.unwrap().version;
    let setting =
        Setting { policy: "ContactAddingAllowed".into(), group: None, required, value: json!(value) };
    world.app.store.publish(world.app.now(), "test", "test", base, &[setting]).await.unwrap();
    world.app.refresh().await.unwrap();
}

#[tokio::test]
async fn clients_are_told_of_each_version_until_they_leave() {
    let world = World::new().await;
    let mut component = PolicyComponent::new(world.app.clone(), "flint.example.test".into());
    let behind = component.stanza(&announce(ANN, 0)).await;
    assert_eq!(behind.len(), 1, "it has not applied version 1 yet");
    assert!(component.stanza(&announce(ANN, 1)).await.is_empty());
    assert!(component.stanza(&announce("bob@example.test/x", 1)).await.is_empty());
    publish(&world, false, true).await;
    let pushed = text(&component.changed(2).await);
    assert_eq!(pushed.len(), 2, "{pushed:?}");
    assert!(pushed[0].contains("headline") && pushed[0].contains(ANN) && pushed[0].contains("version=\"2\""));
    let away =
        stanza(&format!("<presence type='unavailable' from='{ANN}' to='flint.example.test'></presence>"));
    component.stanza(&away).await;
    assert_eq!(component.changed(3).await.len(), 1);
    assert_eq!(world.app.store.clients_online().await.unwrap(), 1);
}

#[tokio::test]
async fn after_a_restart_each_client_is_asked_and_told() {
    let world = World::new().await;
    let mut component = PolicyComponent::new(world.app.clone(), "flint.example.test".into());
    component.stanza(&announce(ANN, 1)).await;
    component.stanza(&announce("bob@example.test/x", 1)).await;
    let mut restarted = PolicyComponent::new(world.app.clone(), "flint.example.test".into());
    let out = restarted.connected().await;
    let pings: Vec<_> = out.iter().filter(|it| it.name() == "iq").collect();
    assert_eq!((out.len(), pings.len()), (4, 2));
    let id = pings[0].attr("id").unwrap();
    let answer = |from: &str, kind: &str, condition: &str| {
        stanza(&format!(
            "<iq type='{kind}' id='{id}' from='{from}' to='flint.example.test'><error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        ))
    };
    restarted.stanza(&answer("bob@example.test/x", "error", "feature-not-implemented")).await;
    assert_eq!(world.app.store.clients_online().await.unwrap(), 2);
    restarted.stanza(&answer(ANN, "error", "service-unavailable")).await;
    assert_eq!(world.app.store.clients_online().await.unwrap(), 1);
}

#[tokio::test]
async fn strangers_and_wrong_shapes_are_dropped_and_counted() {
    let world = World::new().await;
    let mut component = PolicyComponent::new(world.app.clone(), "flint.example.test".into());
    for from in ["eve@evil.test/x", "example.test", "ann@example.test", "eve@example.test.evil.test/x"] {
        assert!(component.stanza(&announce(from, 0)).await.is_empty(), "{from}");
    }
    component.stanza(&stanza("<message from='ann@example.test/desk'><body>hi</body></message>")).await;
    assert_eq!(world.app.metrics.stanzas_dropped.load(Ordering::Relaxed), 5);
    assert!(world.app.store.clients().await.unwrap().is_empty());
}

#[tokio::test]
async fn discovery_names_the_address_and_everything_else_is_refused() {
    let world = World::new().await;
    let mut component = PolicyComponent::new(world.app.clone(), "flint.example.test".into());
    let ask = |kind: &str, payload: &str| {
        stanza(&format!("<iq type='{kind}' id='1' from='{ANN}' to='flint.example.test'>{payload}</iq>"))
    };
    let info = component.stanza(&ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>")).await;
    let query = info[0].children().next().unwrap();
    assert_eq!(flint_xep::policy::base_url(query).as_deref(), Some("https://localhost/"));
    assert!(text(&info)[0].contains("var=\"urn:flint:policy:1\""));
    for (kind, payload, expected) in [
        ("get", "<ping xmlns='urn:xmpp:ping'/>", "type=\"result\""),
        ("get", "<query xmlns='jabber:iq:version'/>", "flintd"),
        ("get", "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>", "item-not-found"),
        ("set", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "service-unavailable"),
        ("get", "", "service-unavailable"),
        ("get", "<a xmlns='b'/>", "service-unavailable"),
    ] {
        let answer = text(&component.stanza(&ask(kind, payload)).await);
        assert!(answer.len() == 1 && answer[0].contains(expected), "{payload}: {answer:?}");
    }
    assert!(component.stanza(&ask("result", "")).await.is_empty(), "no answer to an answer");
}

#[tokio::test]
async fn client_control_lists_what_is_permitted() {
    let world = World::new().await;
    let mut component = ControlComponent::new(world.app.clone(), "manager.example.test".into());
    let ask = |payload: &str| {
        stanza(&format!("<iq type='get' id='1' from='{ANN}' to='manager.example.test'>{payload}</iq>"))
    };
    let info = ask("<query xmlns='http://jabber.org/protocol/disco#info'/>");
    let permitted = |answer: Vec<Element>| text(&answer)[0].contains("var=\"add-contacts\"");
    assert!(permitted(component.stanza(&info).await));
    publish(&world, false, false).await;
    assert!(permitted(component.stanza(&info).await), "a recommendation is the person's to refuse");
    publish(&world, false, true).await;
    assert!(!permitted(component.stanza(&info).await));
    for (payload, expected) in [
        ("<query xmlns='http://jabber.org/protocol/disco#items'/>", "node=\"spark-plugins-blacklist\""),
        ("<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>", "item-not-found"),
        ("<query xmlns='jabber:iq:version'/>", "Client Control Manager"),
        ("<ping xmlns='urn:xmpp:ping'/>", "service-unavailable"),
    ] {
        let answer = text(&component.stanza(&ask(payload)).await);
        assert!(answer[0].contains(expected), "{payload}: {answer:?}");
    }
}
