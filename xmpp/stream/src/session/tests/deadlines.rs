//! A server that is alive and yet does not do its part: one byte a second, no acknowledgement, no end of a step.

use super::*;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_stanza_that_does_not_end_is_not_waited_for_byte_by_byte() {
    let (mut session, mut peer) = session(&params()).await;
    let begin = Instant::now();
    let server = async {
        peer.send("<message id='1'/><message id='2'><body>").await;
        loop {
            sleep(Duration::from_secs(1)).await;
            peer.send("x").await;
        }
    };
    let client = async {
        assert_eq!(next_id(&mut session).await, "1");
        session.next().await.unwrap_err()
    };
    let end = tokio::select! {
        end = client => end,
        () = server => unreachable!("it sends for ever"),
        () = sleep(Duration::from_secs(600)) => panic!("it waits for the stanza for ever"),
    };
    assert!(matches!(end, StreamEnd::Network(_)), "{end}");
    assert_eq!(begin.elapsed(), Duration::from_secs(120));
    // Nothing of it was handled, so it comes again on the resumption.
    assert_eq!(session.into_resume_state().unwrap().management.inbound, 1);
}

#[tokio::test(start_paused = true)]
async fn a_large_stanza_over_a_slow_line_is_waited_for_and_so_is_the_acknowledgement_behind_it() {
    const SECONDS: usize = 192;
    let (mut session, mut peer) = session(&params()).await;
    session.send(&message(1), Some(7)).await.unwrap();
    let begin = Instant::now();
    let server = async {
        peer.send("<iq id='roster' type='result'><query xmlns='jabber:iq:roster'>").await;
        // 32 KiB each second, 6 MiB in all.
        let item = "<item xmlns='jabber:iq:roster' jid='p@example.test'/>";
        let name = "n".repeat((32 << 10) - item.len());
        for _ in 0..SECONDS {
            sleep(Duration::from_secs(1)).await;
            peer.send(&format!("{item}{name}")).await;
        }
        peer.send("</query></iq><a xmlns='urn:xmpp:sm:3' h='1'/>").await;
    };
    let client = async {
        assert_eq!(next_id(&mut session).await, "roster");
        assert_eq!(session.next().await.unwrap(), Event::Acked(vec![7]));
    };
    tokio::join!(client, server);
    assert_eq!(begin.elapsed(), Duration::from_secs(SECONDS as u64));
}

#[tokio::test(start_paused = true)]
async fn short_stanzas_for_hours_are_no_stanza_without_an_end() {
    let (mut session, mut peer) = session(&params()).await;
    let server = async {
        for _ in 0..1000 {
            // In each packet the end of one and the beginning of the next.
            peer.send("<message id='1'><body>a").await;
            sleep(Duration::from_secs(10)).await;
            peer.send("</body></message><message id='1'><body>").await;
            sleep(Duration::from_secs(10)).await;
            peer.send("</body></message>").await;
        }
    };
    let client = async {
        for _ in 0..2000 {
            assert_eq!(next_id(&mut session).await, "1");
        }
    };
    tokio::join!(client, server);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_talks_but_never_acknowledges_is_asked_twice_and_loses_nothing() {
    let (mut session, mut peer) = session(&params()).await;
    session.send(&message(1), Some(1)).await.unwrap();
    let begin = Instant::now();
    let server = async {
        loop {
            sleep(Duration::from_secs(7)).await;
            peer.send("<presence id='p'/>").await;
        }
    };
    let client = async {
        loop {
            match session.next().await {
                Ok(Event::Stanza(_)) => {}
                Ok(other) => panic!("{other:?}"),
                Err(end) => return end,
            }
        }
    };
    let end = tokio::select! {
        end = client => end,
        () = server => unreachable!("it sends for ever"),
        () = sleep(Duration::from_secs(600)) => panic!("it waits for the acknowledgement for ever"),
    };
    assert!(matches!(end, StreamEnd::Network(_)), "{end}");
    assert_eq!(begin.elapsed(), Duration::from_secs(120));
    for name in ["message", "r", "r"] {
        peer.expect(name).await;
    }
    assert_eq!(session.into_resume_state().unwrap().unacked(), [(Some(1), message(1))]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_acknowledges_nothing_new_is_asked_twice_and_not_at_the_speed_of_the_line() {
    let (mut session, mut peer) = session(&params()).await;
    session.send(&message(1), Some(1)).await.unwrap();
    let begin = Instant::now();
    let server = async {
        peer.expect("message").await;
        for _ in 0..2 {
            peer.expect("r").await;
            peer.send("<a xmlns='urn:xmpp:sm:3' h='0'/>").await;
        }
        peer.expect("r").await;
        panic!("it is asked a third time");
    };
    let end = tokio::select! {
        end = session.next() => end.unwrap_err(),
        () = server => unreachable!(),
    };
    assert!(matches!(end, StreamEnd::Network(_)), "{end}");
    assert_eq!(begin.elapsed(), Duration::from_secs(120));
    assert_eq!(session.into_resume_state().unwrap().unacked(), [(Some(1), message(1))]);
}

#[tokio::test]
async fn what_is_not_acknowledged_is_bounded() {
    let (mut session, mut peer) = session(&params()).await;
    let server = async {
        for _ in 0..TOO_MANY {
            next_stanza(&mut peer).await;
        }
    };
    let client = async {
        for number in 0..=TOO_MANY {
            assert_eq!(session.is_full(), number >= FULL, "{number}");
            let sent = session.send(&message("m"), Some(number as u64)).await;
            assert_eq!(sent.is_ok(), number < TOO_MANY, "{number}");
        }
    };
    tokio::join!(client, server);
    assert_eq!(session.into_resume_state().unwrap().unacked().len(), TOO_MANY + 1);
}

#[tokio::test(start_paused = true)]
async fn other_stanzas_do_not_prolong_the_wait_for_an_answer() {
    let begin = Instant::now();
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let mut peer = Peer::new(theirs);
    let server = async {
        peer.authenticate(&Account::default(), BIND_AND_SM).await;
        loop {
            peer.send("<x xmlns='urn:x'/>").await;
            sleep(Duration::from_secs(10)).await;
        }
    };
    let params = params();
    let failed = tokio::select! {
        session = connect_over(ours, &params, None) => session.unwrap_err(),
        () = server => unreachable!("it sends for ever"),
    };
    assert_eq!(failed.error.kind(), "timed-out");
    assert_eq!(begin.elapsed(), params.timing.step);
}

#[tokio::test]
async fn a_resumption_of_another_session_is_refused() {
    let (session, _peer) = again(Some(cut().await), async |peer: &mut Peer| {
        peer.expect("resume").await;
        peer.send("<resumed xmlns='urn:xmpp:sm:3' previd='sm2' h='0'/>").await;
    })
    .await;
    let failed = session.unwrap_err();
    assert_eq!(failed.error.kind(), "protocol");
    assert_eq!(failed.resume.unwrap().unacked().len(), 3);
}
