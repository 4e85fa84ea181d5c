use super::*;
use crate::params::{Limits, Secret, Timing};
use flint_test_support::Peer;
use std::time::Duration;

/// `printf 3BF96D32sesame | sha1sum`
const DIGEST: &str = "7a98dc4c9e92493d7fd66a25364c862637789c45";

fn params() -> ComponentParams {
    ComponentParams {
        domain: "gw.example.test".into(),
        host: "127.0.0.1".into(),
        port: 0,
        secret: Secret::new("sesame"),
        limits: Limits { depth: 8, ..Limits::default() },
        timing: Timing::default(),
    }
}

/// A component and the server's end of its stream, past the handshake.
async fn open() -> (Component, Peer) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let server = async {
        let mut peer = Peer::new(theirs);
        assert_eq!(peer.header().await.attr("to"), Some("gw.example.test"));
        peer.send("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' from='gw.example.test' id='3BF96D32'>").await;
        let handshake = peer.element().await;
        assert!(handshake.is("handshake", ACCEPT));
        assert_eq!(handshake.text(), DIGEST);
        peer.send("<handshake/>").await;
        peer
    };
    let params = params();
    let (component, peer) = tokio::join!(handshake(Box::new(ours), &params), server);
    (component.unwrap(), peer)
}

#[test]
fn the_digest_is_the_one_of_sha1sum() {
    assert_eq!(digest("3BF96D32", "sesame"), DIGEST);
}

#[tokio::test]
async fn stanzas_are_mapped_in_both_directions() {
    let (mut component, mut peer) = open().await;
    peer.send("<message to='a@gw.example.test' from='b@example.test'><body>hi</body><error type='cancel'/><x xmlns='urn:x'><y/></x></message>").await;
    let message = component.next().await.unwrap();
    assert!(message.is("message", CLIENT));
    assert_eq!(message.get_child("body", CLIENT).unwrap().text(), "hi");
    assert!(message.get_child("x", "urn:x").unwrap().has_child("y", "urn:x"));

    let forwarded = "<message xmlns='jabber:client' to='b@example.test'><body>one</body><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>two</body></message></forwarded></message>";
    component.send(&forwarded.parse().unwrap()).await.unwrap();
    let got = peer.element().await;
    assert!(got.is("message", ACCEPT));
    assert!(got.has_child("body", ACCEPT));
    let inner = got.get_child("forwarded", "urn:xmpp:forward:0").unwrap();
    assert!(inner.has_child("message", CLIENT), "a forwarded message stays in jabber:client");
}

#[tokio::test]
async fn a_wrong_secret_and_other_refusals_are_told_apart() {
    for (answer, kind, is_final) in [
        (
            "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
            "not-authorized",
            true,
        ),
        (
            "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
            "stream-error",
            true,
        ),
        (
            "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
            "stream-error",
            false,
        ),
        ("<message/>", "protocol", false),
        ("</stream:stream>", "server-reset", false),
        ("", "server-reset", false),
    ] {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let server = async {
            let mut peer = Peer::new(theirs);
            peer.header().await;
            peer.send("<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' id='1'>").await;
            peer.element().await;
            peer.send(answer).await;
        };
        let params = params();
        let (component, ()) = tokio::join!(handshake(Box::new(ours), &params), server);
        let error = component.unwrap_err();
        assert_eq!((error.kind(), error.is_final()), (kind, is_final), "{answer}: {error}");
    }
}

/// Everybody who can write to the component would else end it for all others, again and again.
#[tokio::test]
async fn what_one_sender_does_wrong_is_left_out() {
    let (mut component, mut peer) = open().await;
    let nested = |open: &str, count: usize| format!("{}{}", open.repeat(count), "</a>".repeat(count));
    let attributes: String = (0..65).map(|n| format!(" a{n}='x'")).collect();
    for (number, bad) in [
        nested("<a>", 8),
        nested("<a x='/>'>", 20_000),
        nested("<a><![CDATA[</a></message>]]>", 9),
        format!("<a{attributes}/>"),
        format!("<a b='{}'/>", "x".repeat(70_000)),
        "<a/>".repeat(200_000),
        "x".repeat(9 << 20),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!("<message id='bad'>{bad}</message><message id='{number}'/>");
        // In pieces, as a network has them.
        let server = async {
            for piece in text.as_bytes().chunks(40_001) {
                peer.send(std::str::from_utf8(piece).unwrap()).await;
            }
        };
        let (got, ()) = tokio::join!(component.next(), server);
        assert_eq!(got.unwrap().attr("id"), Some(number.to_string().as_str()));
    }
    peer.send(&format!("<message id='bad'{attributes}><a/></message><message id='last'/>")).await;
    assert_eq!(component.next().await.unwrap().attr("id"), Some("last"));
}

#[tokio::test]
async fn what_the_server_itself_does_wrong_ends_the_stream_after_what_came_before() {
    let (mut component, mut peer) = open().await;
    peer.send("<message id='1'/><!-- no -->").await;
    assert_eq!(component.next().await.unwrap().attr("id"), Some("1"));
    let end = component.next().await.unwrap_err();
    assert!(matches!(end, StreamEnd::Limit(_)), "{end}");
    assert_eq!(component.next().await.unwrap_err(), end);
    assert_eq!(component.send(&Element::bare("message", CLIENT)).await.unwrap_err(), end);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_asked_and_then_given_up() {
    let (mut component, mut peer) = open().await;
    let begin = Instant::now();
    let server = async {
        let ping = peer.element().await;
        assert_eq!(begin.elapsed(), Duration::from_secs(60));
        assert_eq!((ping.attr("to"), ping.attr("from")), (Some("gw.example.test"), Some("gw.example.test")));
        peer.send("<iq type='get' id='flint-alive' to='gw.example.test' from='gw.example.test'><ping xmlns='urn:xmpp:ping'/></iq>").await;
        peer.element().await;
        assert_eq!(begin.elapsed(), Duration::from_secs(120));
        peer
    };
    let (end, _peer) = tokio::join!(component.next(), server);
    assert!(matches!(end.unwrap_err(), StreamEnd::Network(_)));
    assert_eq!(begin.elapsed(), Duration::from_secs(60 + 60 + 30));
}

#[tokio::test(start_paused = true)]
async fn a_stanza_that_does_not_end_is_not_waited_for() {
    let (mut component, mut peer) = open().await;
    let begin = Instant::now();
    let server = async {
        peer.send("<message><body>").await;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            peer.send("x").await;
        }
    };
    let end = tokio::select! {
        end = component.next() => end.unwrap_err(),
        () = server => unreachable!("it sends for ever"),
    };
    assert!(matches!(end, StreamEnd::Network(_)), "{end}");
    assert_eq!(begin.elapsed(), Duration::from_secs(120));
}

#[tokio::test]
async fn a_request_with_the_id_of_our_ping_is_somebody_elses() {
    let (mut component, mut peer) = open().await;
    peer.send("<iq type='get' id='flint-alive' to='gw.example.test' from='eve@example.test/x'/>").await;
    assert_eq!(component.next().await.unwrap().attr("from"), Some("eve@example.test/x"));
}

#[tokio::test]
async fn closing_is_in_good_order() {
    let (component, mut peer) = open().await;
    let server = async {
        peer.end().await;
        peer.send("</stream:stream>").await;
    };
    tokio::join!(component.close(), server);
}

#[tokio::test]
async fn two_full_sockets_do_not_wait_for_each_other() {
    let (mut component, mut peer) = open().await;
    let body = "x".repeat(1 << 15);
    let stanza: Element =
        format!("<message xmlns='jabber:client'><body>{body}</body></message>").parse().unwrap();
    let server = async {
        for _ in 0..8 {
            peer.send(&format!("<message><body>{body}</body></message>")).await;
        }
        for _ in 0..8 {
            peer.element().await;
        }
    };
    let client = async {
        for _ in 0..8 {
            component.send(&stanza).await.unwrap();
        }
        for _ in 0..8 {
            component.next().await.unwrap();
        }
    };
    tokio::join!(client, server);
}
