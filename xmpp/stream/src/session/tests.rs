mod cuts;
mod deadlines;
mod deep;

use super::*;
use crate::params::Limits;
use crate::testing::{connect_over, params, session};
use flint_test_support::peer::{Received, attribute};
use flint_test_support::signin::BIND_AND_SM;
use flint_test_support::{Account, Peer};
use std::future::Future;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

fn message(id: impl std::fmt::Display) -> Element {
    format!("<message xmlns='jabber:client' id='{id}'><body>text of {id}</body></message>").parse().unwrap()
}

fn id(stanza: &Element) -> String {
    stanza.attr("id").unwrap_or_default().to_owned()
}

/// The id of the next stanza.
async fn next_id(session: &mut Session) -> String {
    match session.next().await.unwrap() {
        Event::Stanza(stanza) => id(&stanza),
        other => panic!("{other:?}"),
    }
}

/// The next stanza that the peer gets; requests for acknowledgement are skipped.
async fn next_stanza(peer: &mut Peer) -> Element {
    loop {
        let element = peer.element().await;
        if is_counted(&element) {
            return element;
        }
    }
}

/// Opens another stream with what is left of the one before.
async fn again(
    resume: Option<ResumeState>,
    script: impl AsyncFnOnce(&mut Peer),
) -> (Result<Session, ConnectFailed>, Peer) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let mut peer = Peer::new(theirs);
    let parameters = params();
    let server = async {
        peer.authenticate(&Account::default(), BIND_AND_SM).await;
        script(&mut peer).await;
    };
    let (session, ()) = tokio::join!(connect_over(ours, &parameters, resume), server);
    (session, peer)
}

#[tokio::test]
async fn only_stanzas_are_counted_in_both_directions() {
    let (mut session, mut peer) = session(&params()).await;
    peer.send("<iq id='1'/> <presence id='2'/><r xmlns='urn:xmpp:sm:3'/>\n<x xmlns='urn:x'/><message id='3'/><message xmlns='urn:other'/><r xmlns='urn:xmpp:sm:3'/>").await;
    for expected in ["1", "2", "3"] {
        assert_eq!(next_id(&mut session).await, expected);
    }
    for expected in ["2", "3"] {
        let (answer, ()) = tokio::join!(peer.expect("a"), async {
            let _ = tokio::time::timeout(Duration::from_millis(1), session.next()).await;
        });
        assert_eq!(attribute(&answer, "h"), expected);
    }
    session.send(&Element::bare("active", "urn:xmpp:csi:0"), Some(9)).await.unwrap();
    session.send(&message(1), Some(1)).await.unwrap();
    session.send(&message(2), None).await.unwrap();
    session.send(&message(3), Some(3)).await.unwrap();
    for name in ["active", "message", "r", "message", "message"] {
        peer.expect(name).await;
    }
    peer.send("<a xmlns='urn:xmpp:sm:3' h='2'/>").await;
    assert_eq!(session.next().await.unwrap(), Event::Acked(vec![1]));
    let request = async {
        peer.expect("r").await;
        peer.send("<a xmlns='urn:xmpp:sm:3' h='3'/>").await;
    };
    let (event, ()) = tokio::join!(session.next(), request);
    assert_eq!(event.unwrap(), Event::Acked(vec![3]));
}

#[tokio::test]
async fn an_acknowledgement_of_what_was_never_sent_ends_the_stream() {
    for answer in [
        "<a xmlns='urn:xmpp:sm:3' h='2'/>",
        "<a xmlns='urn:xmpp:sm:3' h='4294967295'/>",
        "<a xmlns='urn:xmpp:sm:3' h='x'/>",
        "<a xmlns='urn:xmpp:sm:3'/>",
    ] {
        let (mut session, mut peer) = session(&params()).await;
        session.send(&message(1), Some(1)).await.unwrap();
        peer.send(answer).await;
        let end = session.next().await.unwrap_err();
        assert!(matches!(end, StreamEnd::Protocol(_)), "{end}");
        assert_eq!(session.next().await.unwrap_err(), end);
        assert_eq!(session.send(&message(2), Some(2)).await.unwrap_err(), end);
        let tokens: Vec<_> =
            session.into_resume_state().unwrap().unacked().iter().map(|(token, _)| *token).collect();
        assert_eq!(tokens, [Some(1), Some(2)]);
    }
}

const COUNT: usize = 5;

/// The connection breaks after the server has handled `handled` of our stanzas and we `received` of its own: after the
/// resumption each has come exactly once, in order.
#[tokio::test]
async fn a_cut_anywhere_loses_and_doubles_nothing() {
    for handled in 0..=COUNT {
        for received in 0..=COUNT {
            let check = tokio::time::timeout(Duration::from_secs(60), check_cut(handled, received));
            check.await.unwrap_or_else(|_| panic!("something was lost: {handled} {received}"));
        }
    }
}

async fn check_cut(handled: usize, received: usize) {
    let (mut session, mut peer) = session(&params()).await;
    let mut at_server = Vec::new();
    let mut at_client = Vec::new();
    let mut acked = Vec::new();
    for number in 0..COUNT {
        session.send(&message(format!("c{number}")), Some(number as u64)).await.unwrap();
    }
    for _ in 0..handled {
        at_server.push(id(&next_stanza(&mut peer).await));
    }
    if handled > 2 {
        peer.send("<a xmlns='urn:xmpp:sm:3' h='2'/>").await;
        let Event::Acked(tokens) = session.next().await.unwrap() else { panic!() };
        acked.extend(tokens);
    }
    for number in 0..received {
        peer.send(&format!("<message id='s{number}'/>")).await;
        at_client.push(next_id(&mut session).await);
    }
    // The next one is on its way when the connection breaks.
    peer.send("<message id='s9'><body>ha").await;
    drop(peer);
    assert!(matches!(session.next().await.unwrap_err(), StreamEnd::Network(_)));

    let (resumed, mut peer) = again(session.into_resume_state(), async |peer: &mut Peer| {
        let resume = peer.expect("resume").await;
        assert_eq!(
            (attribute(&resume, "previd"), attribute(&resume, "h")),
            ("sm1", received.to_string().as_str())
        );
        peer.send(&format!("<resumed xmlns='urn:xmpp:sm:3' previd='sm1' h='{handled}'/>")).await;
        for number in received..COUNT {
            peer.send(&format!("<message id='s{number}'/>")).await;
        }
    })
    .await;
    let mut session = resumed.unwrap();
    assert!(session.resumed());
    assert_eq!(session.jid().as_str(), "ann@example.test/r1");
    assert!(session.take_lost().is_empty());
    session.send(&message("c5"), Some(5)).await.unwrap();
    while at_server.len() < COUNT + 1 {
        at_server.push(id(&next_stanza(&mut peer).await));
    }
    peer.send(&format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", COUNT + 1)).await;
    while at_client.len() < COUNT || acked.len() < COUNT + 1 {
        match session.next().await.unwrap() {
            Event::Stanza(stanza) => at_client.push(id(&stanza)),
            Event::Acked(tokens) => acked.extend(tokens),
        }
    }
    assert_eq!(at_server, ["c0", "c1", "c2", "c3", "c4", "c5"], "{handled} {received}");
    assert_eq!(at_client, ["s0", "s1", "s2", "s3", "s4"], "{handled} {received}");
    assert_eq!(acked, [0, 1, 2, 3, 4, 5], "{handled} {received}");
}

/// A session with three stanzas under way, cut.
async fn cut() -> ResumeState {
    let (mut session, peer) = session(&params()).await;
    for number in 0..3 {
        session.send(&message(number), Some(number)).await.unwrap();
    }
    drop(peer);
    session.next().await.unwrap_err();
    session.into_resume_state().unwrap()
}

async fn bind_and_enable(peer: &mut Peer) {
    peer.bind(&Account::default()).await;
    peer.expect("enable").await;
    peer.send("<enabled xmlns='urn:xmpp:sm:3' id='sm2' resume='1'/>").await;
}

#[tokio::test]
async fn what_the_server_refuses_to_resume_is_given_back() {
    for (h, acked, lost) in
        [("", vec![], vec![0, 1, 2]), (" h='2'", vec![0, 1], vec![2]), (" h='3'", vec![0, 1, 2], vec![])]
    {
        let (session, _peer) = again(Some(cut().await), async |peer: &mut Peer| {
            peer.expect("resume").await;
            peer.send(&format!("<failed xmlns='urn:xmpp:sm:3'{h}><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")).await;
            bind_and_enable(peer).await;
        })
        .await;
        let mut session = session.unwrap();
        assert!(!session.resumed() && session.acknowledges());
        let tokens: Vec<_> = session.take_lost().into_iter().map(|(token, _)| token.unwrap()).collect();
        assert_eq!(tokens, lost);
        assert!(session.take_lost().is_empty());
        if !acked.is_empty() {
            assert_eq!(session.next().await.unwrap(), Event::Acked(acked));
        }
    }
}

#[tokio::test]
async fn a_server_that_claims_too_much_on_resumption_gets_a_new_session() {
    let (session, _peer) = again(Some(cut().await), async |peer: &mut Peer| {
        peer.expect("resume").await;
        peer.send("<resumed xmlns='urn:xmpp:sm:3' previd='sm1' h='4'/>").await;
    })
    .await;
    let failed = session.unwrap_err();
    assert_eq!((failed.error.kind(), failed.error.is_final()), ("protocol", false));
    let (session, _peer) = again(failed.resume, bind_and_enable).await;
    assert_eq!(session.unwrap().take_lost().len(), 3);
}

/// A server that answers a resumption by ending the stream would be asked the same for ever.
#[tokio::test]
async fn a_resumption_that_the_server_can_not_take_is_tried_once() {
    for answer in [
        "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        "<enabled xmlns='urn:xmpp:sm:3'/>",
        "<a b='1' b='2'/>",
    ] {
        let (session, _peer) = again(Some(cut().await), async |peer: &mut Peer| {
            peer.expect("resume").await;
            peer.send(answer).await;
        })
        .await;
        let (session, _peer) = again(session.unwrap_err().resume, bind_and_enable).await;
        assert_eq!(session.unwrap().take_lost().len(), 3, "{answer}");
    }
}

#[tokio::test]
async fn a_stream_that_broke_between_stanzas_is_not_resumed() {
    let (mut session, mut peer) = session(&params()).await;
    session.send(&message(1), Some(1)).await.unwrap();
    peer.send("<message id='1' id='2'/>").await;
    assert!(matches!(session.next().await.unwrap_err(), StreamEnd::Protocol(_)));
    let (session, _peer) = again(session.into_resume_state(), bind_and_enable).await;
    assert_eq!(session.unwrap().take_lost(), [(Some(1), message(1))]);
}

#[tokio::test]
async fn nothing_is_lost_when_the_new_session_fails_too() {
    let (session, _peer) = again(Some(cut().await), async |peer: &mut Peer| {
        peer.expect("resume").await;
        peer.send("<failed xmlns='urn:xmpp:sm:3'/>").await;
        peer.expect("iq").await;
        peer.send("</stream:stream>").await;
    })
    .await;
    let failed = session.unwrap_err();
    assert!(!failed.error.is_final());
    assert_eq!(failed.resume.unwrap().unacked().len(), 3);
}

#[tokio::test]
async fn an_acknowledgement_is_told_however_many_attempts_fail_after_it() {
    let (session, _peer) = again(Some(cut().await), async |peer: &mut Peer| {
        peer.expect("resume").await;
        peer.send("<failed xmlns='urn:xmpp:sm:3' h='2'/>").await;
        peer.expect("iq").await;
        peer.send("</stream:stream>").await;
    })
    .await;
    let resume = session.unwrap_err().resume.unwrap();
    assert_eq!((resume.acked(), resume.unacked().len()), (&[0, 1][..], 1));
    let (session, _peer) = again(Some(resume), bind_and_enable).await;
    let mut session = session.unwrap();
    assert_eq!(session.take_lost().len(), 1);
    // Broken before anybody has asked for events.
    session.ended = Some(StreamEnd::Network("cut".to_owned()));
    let (session, _peer) = again(session.into_resume_state(), async |peer: &mut Peer| {
        peer.expect("resume").await;
        peer.send("<resumed xmlns='urn:xmpp:sm:3' previd='sm2' h='0'/>").await;
    })
    .await;
    assert_eq!(session.unwrap().next().await.unwrap(), Event::Acked(vec![0, 1]));
}

#[tokio::test]
async fn the_server_may_close_but_not_lose() {
    let (mut session, mut peer) = session(&params()).await;
    session.send(&message(1), Some(1)).await.unwrap();
    peer.send("</stream:stream>").await;
    assert_eq!(session.next().await.unwrap_err(), StreamEnd::ClosedByServer);
    // Its session is over, so it is not asked to resume it.
    let (session, _peer) = again(session.into_resume_state(), bind_and_enable).await;
    assert_eq!(session.unwrap().take_lost(), [(Some(1), message(1))]);
}

#[tokio::test]
async fn a_stanza_beyond_the_limits_or_the_syntax_is_not_asked_for_again() {
    let mut params = params();
    params.limits = Limits { depth: 8, ..Limits::default() };
    for (text, handled) in [
        (format!("<message id='2'>{}", "<a>".repeat(8)), "2"),
        (format!("<x xmlns='urn:x'>{}", "<a>".repeat(8)), "1"),
        ("<!-- x -->".to_owned(), "1"),
        ("<message id='2'><body>&#1;</body></message>".to_owned(), "2"),
    ] {
        let (mut session, mut peer) = session(&params).await;
        peer.send(&format!("<message id='1'/>{text}")).await;
        assert_eq!(next_id(&mut session).await, "1");
        assert!(matches!(session.next().await.unwrap_err(), StreamEnd::Limit(_) | StreamEnd::Protocol(_)));
        let (session, _peer) = again(session.into_resume_state(), async |peer: &mut Peer| {
            assert_eq!(attribute(&peer.expect("resume").await, "h"), handled, "{text}");
            peer.send("<resumed xmlns='urn:xmpp:sm:3' previd='sm1' h='0'/>").await;
        })
        .await;
        assert!(session.unwrap().resumed());
    }
}

#[tokio::test]
async fn answers_are_not_piled_up_for_a_server_that_does_not_read() {
    let (mut session, mut peer) = session(&params()).await;
    let asked = "<r xmlns='urn:xmpp:sm:3'/>".repeat(1000);
    let server = async {
        for _ in 0..20 {
            peer.send(&asked).await;
        }
        peer.send("<message id='1'/>").await;
    };
    let (id, ()) = tokio::join!(next_id(&mut session), server);
    assert_eq!(id, "1");
    let backlog = session.wire.backlog();
    assert!((MAX_BACKLOG..MAX_BACKLOG + 100).contains(&backlog), "{backlog}");
}

#[tokio::test]
async fn closing_acknowledges_first() {
    let (mut session, mut peer) = session(&params()).await;
    peer.send("<message id='1'/>").await;
    next_id(&mut session).await;
    let server = async {
        assert_eq!(attribute(&peer.expect("a").await, "h"), "1");
        assert_eq!(peer.receive().await, Received::End);
        peer.send("</stream:stream>").await;
        assert_eq!(peer.receive().await, Received::HangUp);
    };
    tokio::join!(session.close(), server);
}

#[tokio::test]
async fn closing_learns_what_the_server_still_took_over() {
    let (mut session, mut peer) = session(&params()).await;
    for number in 0..3 {
        session.send(&message(number), Some(number)).await.unwrap();
    }
    let server = async {
        for name in ["message", "r", "message", "message", "a", "r"] {
            peer.expect(name).await;
        }
        peer.send("<a xmlns='urn:xmpp:sm:3' h='1'/><message id='late'/><a xmlns='urn:xmpp:sm:3' h='2'/>")
            .await;
        peer.send("<a xmlns='urn:xmpp:sm:3' h='7'/></stream:stream>").await;
        assert_eq!(peer.receive().await, Received::End);
    };
    let (acked, ()) = tokio::join!(session.close(), server);
    assert_eq!(acked, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever() {
    let (session, _peer) = session(&params()).await;
    let begin = Instant::now();
    session.close().await;
    assert_eq!(begin.elapsed(), net::PARTING);
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_is_noticed() {
    let (mut session, mut peer) = session(&params()).await;
    let begin = Instant::now();
    let server = async {
        peer.expect("r").await;
        assert_eq!(begin.elapsed(), Duration::from_secs(60));
        peer.send(" ").await;
        peer.expect("r").await;
        assert_eq!(begin.elapsed(), Duration::from_secs(120));
    };
    let (end, ()) = tokio::join!(session.next(), server);
    assert!(matches!(end.unwrap_err(), StreamEnd::Network(_)));
    assert_eq!(begin.elapsed(), Duration::from_secs(150));
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_is_noticed_soon_after_something_was_sent() {
    let (mut session, mut peer) = session(&params()).await;
    for (answered, seconds) in [(true, 60 + 30), (false, 30)] {
        tokio::time::advance(Duration::from_secs(10)).await;
        let begin = Instant::now();
        session.send(&message(1), Some(1)).await.unwrap();
        if answered {
            peer.expect("message").await;
            peer.expect("r").await;
            peer.send("<a xmlns='urn:xmpp:sm:3' h='1'/>").await;
            assert_eq!(session.next().await.unwrap(), Event::Acked(vec![1]));
            assert!(tokio::time::timeout(Duration::from_secs(seconds - 31), session.next()).await.is_err());
        } else {
            assert!(matches!(session.next().await.unwrap_err(), StreamEnd::Network(_)));
            assert_eq!(begin.elapsed(), Duration::from_secs(seconds));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_xep_0198_a_ping_does() {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let mut peer = Peer::new(theirs);
    let parameters = params();
    let server = async {
        peer.authenticate(&Account::default(), "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>").await;
        peer.bind(&Account::default()).await;
    };
    let (session, ()) = tokio::join!(connect_over(ours, &parameters, None), server);
    let mut session = session.unwrap();
    assert!(!session.acknowledges());
    let server = async {
        let ping = peer.expect("iq").await;
        assert!(ping.has_child("ping", PING));
        peer.send(&format!(
            "<iq type='result' id='{}' from='example.test'/><message id='1'/>",
            attribute(&ping, "id")
        ))
        .await;
    };
    let (first, ()) = tokio::join!(next_id(&mut session), server);
    assert_eq!(first, "1");
    assert!(session.into_resume_state().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_data_is_given_up_and_nothing_is_lost() {
    let (mut session, _peer) = session(&params()).await;
    let begin = Instant::now();
    let mut sent = 0;
    let end = loop {
        sent += 1;
        let big = format!("<message xmlns='jabber:client'><body>{}</body></message>", "x".repeat(1 << 14))
            .parse()
            .unwrap();
        if let Err(end) = session.send(&big, Some(sent)).await {
            break end;
        }
    };
    assert!(matches!(end, StreamEnd::Network(_)));
    assert_eq!(begin.elapsed(), Duration::from_secs(30));
    assert_eq!(session.into_resume_state().unwrap().unacked().len() as u64, sent);
}

/// The resource that a binding asks for.
fn resource(bind: &Element) -> Option<String> {
    Some(bind.children().next()?.children().next()?.text())
}

#[tokio::test]
async fn a_taken_resource_is_replaced_and_early_stanzas_are_kept() {
    let (session, _peer) = again(None, async |peer: &mut Peer| {
        let bind = peer.expect("iq").await;
        assert_eq!(resource(&bind), Some("r1".to_owned()));
        peer.send("<message id='early'/><iq type='error' id='flint-bind'><error type='modify'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>").await;
        let bind = peer.bind(&Account { jid: "ann@example.test/other".into(), ..Account::default() }).await;
        assert_eq!(resource(&bind), None);
        peer.expect("enable").await;
        peer.send("<message id='early2'/><enabled xmlns='urn:xmpp:sm:3' id='sm1' resume='true'/>").await;
    })
    .await;
    let mut session = session.unwrap();
    assert_eq!(session.jid().as_str(), "ann@example.test/other");
    assert_eq!(next_id(&mut session).await, "early");
    assert_eq!(next_id(&mut session).await, "early2");
}

#[tokio::test]
async fn binding_that_fails_says_why() {
    for (answer, kind) in [
        (
            "<iq type='error' id='flint-bind'><error><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
            "stream-error",
        ),
        ("<iq type='result' id='flint-bind'/>", "protocol"),
        (
            "<iq type='result' id='flint-bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>ann@example.test</jid></bind></iq>",
            "protocol",
        ),
    ] {
        let (session, _peer) = again(None, async |peer: &mut Peer| {
            peer.expect("iq").await;
            peer.send(answer).await;
        })
        .await;
        assert_eq!(session.unwrap_err().error.kind(), kind, "{answer}");
    }
}

#[tokio::test]
async fn waiting_can_be_given_up_at_every_byte() {
    let (mut session, peer) = session(&params()).await;
    let mut io = peer.into_io();
    let bytes = "<message id='1'><body>a&amp;b<![CDATA[<x>]]></body></message><presence id='2'/><r xmlns='urn:xmpp:sm:3'/><iq id='3'/>";
    let mut got = Vec::new();
    for byte in bytes.as_bytes() {
        io.write_all(&[*byte]).await.unwrap();
        // Polled once, then dropped.
        let event = {
            let mut next = std::pin::pin!(session.next());
            std::future::poll_fn(|cx| {
                std::task::Poll::Ready(match next.as_mut().poll(cx) {
                    std::task::Poll::Ready(event) => Some(event),
                    std::task::Poll::Pending => None,
                })
            })
            .await
        };
        if let Some(Ok(Event::Stanza(stanza))) = event {
            got.push(id(&stanza));
        }
    }
    assert_eq!(got, ["1", "2", "3"]);
    assert_eq!(session.management.as_ref().unwrap().inbound, 3);
}

#[tokio::test]
async fn a_send_that_is_dropped_still_leaves_once() {
    let (mut session, peer) = session(&params()).await;
    let filler = "x".repeat(1 << 16);
    let big = |id: u32| -> Element {
        format!("<message xmlns='jabber:client' id='{id}'><body>{filler}</body></message>").parse().unwrap()
    };
    for number in 0..3 {
        let stanza = big(number);
        let mut send = std::pin::pin!(session.send(&stanza, Some(u64::from(number))));
        std::future::poll_fn(|cx| {
            let _ = send.as_mut().poll(cx);
            std::task::Poll::Ready(())
        })
        .await;
    }
    let mut peer = peer;
    let server = async {
        for number in 0..3 {
            assert_eq!(id(&next_stanza(&mut peer).await), number.to_string());
        }
        peer.send("<a xmlns='urn:xmpp:sm:3' h='3'/>").await;
    };
    let (event, ()) = tokio::join!(session.next(), server);
    assert_eq!(event.unwrap(), Event::Acked(vec![0, 1, 2]));
}

/// Content never shows in what may reach a log.
#[tokio::test]
async fn debug_shows_no_content() {
    let (mut session, mut peer) = session(&params()).await;
    session.send(&message("secret"), None).await.unwrap();
    peer.send("<message><body>secret</body></message>").await;
    let event = session.next().await.unwrap();
    let shown = format!("{event:?} {session:?} {:?}", params());
    let state = session.into_resume_state().unwrap();
    let shown = format!("{shown} {state:?}");
    assert!(!shown.contains("secret") && !shown.contains("pencil"), "{shown}");
}
