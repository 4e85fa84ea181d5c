use super::*;
use crate::error::CertificateProblem;
use crate::params::{Credentials, Location, Timing};
use crate::session::{Event, connect};
use crate::testing::{connect_over, params};
use flint_test_support::certificates::{Validity, accept};
use flint_test_support::peer::Received;
use flint_test_support::signin::{BIND_AND_SM, mechanisms, sasl};
use flint_test_support::{Account, Authority, Peer};
use rustls::ServerConfig;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";

/// A listening server and parameters that lead to it.
async fn listen(authority: &Authority, security: Security) -> (TcpListener, ConnectParams) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut params = params();
    params.roots = authority.roots();
    params.location = Location::Fixed { host: "127.0.0.1".into(), port, security };
    (listener, params)
}

/// The server's part up to the encrypted stream; `None` when the client refuses the certificate.
async fn encrypted(listener: &TcpListener, config: Arc<ServerConfig>, security: Security) -> Option<Peer> {
    let (tcp, _) = listener.accept().await.unwrap();
    if security == Security::Direct {
        let stream = accept(config, Box::new(tcp)).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"xmpp-client".as_slice()));
        return Some(Peer::new(stream));
    }
    let mut peer = Peer::new(tcp);
    let header = peer.header().await;
    assert_eq!((header.attr("to"), header.attr("from")), (Some("example.test"), None));
    peer.open("s0", Some(STARTTLS)).await;
    peer.expect("starttls").await;
    peer.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
    Some(Peer::new(accept(config, peer.into_io()).await?))
}

#[tokio::test]
async fn a_whole_session_over_both_kinds_of_tls() {
    let authority = Authority::default();
    for security in [Security::StartTls, Security::Direct] {
        let (listener, params) = listen(&authority, security).await;
        let config = authority.server("example.test", Validity::Now);
        let server = async {
            let mut peer = encrypted(&listener, config, security).await.unwrap();
            peer.sign_in(&Account::default()).await;
            peer.send("<message from='bob@example.test/x' id='m1'><body>hi</body></message>").await;
            assert_eq!(peer.expect("message").await.attr("id"), Some("m2"));
            peer.expect("r").await;
            peer.send("<a xmlns='urn:xmpp:sm:3' h='1'/>").await;
            assert_eq!(peer.expect("a").await.attr("h"), Some("1"));
            assert_eq!(peer.receive().await, Received::End);
            peer.send("</stream:stream>").await;
        };
        let client = async {
            let mut session = connect(&params, None).await.unwrap();
            assert_eq!((session.jid().as_str(), session.mechanism()), ("ann@example.test/r1", "SCRAM-SHA-1"));
            assert!(session.acknowledges() && !session.resumed());
            let Event::Stanza(message) = session.next().await.unwrap() else { panic!() };
            assert_eq!(message.attr("id"), Some("m1"));
            let answer = "<message xmlns='jabber:client' id='m2'/>".parse().unwrap();
            session.send(&answer, Some(7)).await.unwrap();
            assert_eq!(session.next().await.unwrap(), Event::Acked(vec![7]));
            session.close().await;
        };
        tokio::join!(client, server);
    }
}

#[tokio::test]
async fn certificate_problems_are_told_apart() {
    let (good, other) = (Authority::default(), Authority::default());
    let table = [
        (
            other.server("example.test", Validity::Now),
            CertificateProblem::UnknownAuthority,
            "certificate-unknown-ca",
        ),
        (good.server("evil.test", Validity::Now), CertificateProblem::WrongName, "certificate-wrong-name"),
        (good.server("127.0.0.1", Validity::Now), CertificateProblem::WrongName, "certificate-wrong-name"),
        (good.server("example.test", Validity::Expired), CertificateProblem::Expired, "certificate-expired"),
        (
            good.server("example.test", Validity::NotYet),
            CertificateProblem::NotYetValid,
            "certificate-not-yet-valid",
        ),
    ];
    for (config, expected, kind) in table {
        for security in [Security::StartTls, Security::Direct] {
            let (listener, params) = listen(&good, security).await;
            let (session, peer) =
                tokio::join!(connect(&params, None), encrypted(&listener, config.clone(), security));
            assert!(peer.is_none());
            let error = session.unwrap_err().error;
            assert!(
                matches!(error, ConnectError::Certificate { problem, .. } if problem == expected),
                "{error:?}"
            );
            assert_eq!((error.kind(), error.is_final()), (kind, true));
        }
    }
}

/// What the client makes of a server that behaves so before TLS.
async fn before_tls(script: impl AsyncFnOnce(Peer)) -> ConnectError {
    let (listener, params) = listen(&Authority::default(), Security::StartTls).await;
    let server = async {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut peer = Peer::new(tcp);
        peer.header().await;
        script(peer).await;
    };
    let (session, ()) = tokio::join!(connect(&params, None), server);
    session.unwrap_err().error
}

#[tokio::test]
async fn without_tls_there_is_no_stream() {
    let error = before_tls(async |mut peer: Peer| {
        peer.open("s0", Some(&mechanisms(&["SCRAM-SHA-1", "PLAIN"]))).await;
        assert_eq!(peer.receive().await, Received::HangUp, "nothing is said without encryption");
    })
    .await;
    assert_eq!((error.kind(), error.is_final()), ("tls", true));

    let error = before_tls(async |mut peer: Peer| {
        peer.open("s0", Some(STARTTLS)).await;
        peer.expect("starttls").await;
        peer.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
    })
    .await;
    assert_eq!(error.kind(), "tls");

    // Plain text behind <proceed/> must not pass for what came through TLS.
    let error = before_tls(async |mut peer: Peer| {
        peer.open("s0", Some(STARTTLS)).await;
        peer.expect("starttls").await;
        peer.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><stream:stream>").await;
        peer.receive().await;
    })
    .await;
    assert_eq!(error.kind(), "protocol");

    let error = before_tls(async |mut peer: Peer| peer.send("HTTP/1.1 400 Bad Request\r\n\r\n").await).await;
    assert_eq!(error.kind(), "protocol");
}

#[tokio::test]
async fn servers_are_tried_in_turn_until_one_works() {
    let authority = Authority::default();
    let (listener, mut params) = listen(&authority, Security::Direct).await;
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let records = vec![
        ("_xmpps-client._tcp.example.test.", "dead.example.test.", dead.local_addr().unwrap().port(), 1),
        ("_xmpps-client._tcp.example.test.", "live.example.test.", listener.local_addr().unwrap().port(), 2),
    ];
    drop(dead);
    params.location = Location::Srv;
    params.dns = Some(flint_test_support::dns(records).await);
    let config = authority.server("example.test", Validity::Now);
    let server = async {
        let mut peer = encrypted(&listener, config, Security::Direct).await.unwrap();
        peer.sign_in(&Account::default()).await;
        peer
    };
    let (session, _peer) = tokio::join!(connect(&params, None), server);
    assert_eq!(session.unwrap().jid().as_str(), "ann@example.test/r1");
}

#[tokio::test]
async fn a_server_without_an_address_leaves_no_trace_when_another_one_works() {
    let authority = Authority::default();
    let (listener, params) = listen(&authority, Security::Direct).await;
    let port = listener.local_addr().unwrap().port();
    let target = |host: &str| Target { host: host.to_owned(), port, security: Security::Direct };
    let targets = [target("a..b"), target("127.0.0.1")];
    let config = authority.server("example.test", Validity::Now);
    let server = async {
        let mut peer = encrypted(&listener, config, Security::Direct).await.unwrap();
        peer.sign_in(&Account::default()).await;
    };
    let told = Mutex::new(Vec::new());
    let observer = |progress| told.lock().unwrap().push(progress);
    let client = async {
        let signed_in = in_turn(&params, &targets, Names::System(None), &observer).await.unwrap();
        crate::session::begin::begin(signed_in, &params, None).await.unwrap();
    };
    tokio::join!(client, server);
    let of_names = |progress: &Progress| {
        matches!(progress, Progress::Begun(Stage::ServerName) | Progress::Passed(Stage::ServerName, _))
    };
    let told: Vec<Progress> = told.into_inner().unwrap().into_iter().filter(of_names).collect();
    let expected = [
        Progress::Passed(Stage::ServerName, format!("a..b:{port}, 127.0.0.1:{port}")),
        Progress::Begun(Stage::ServerName),
        Progress::Passed(Stage::ServerName, format!("127.0.0.1:{port}")),
    ];
    assert_eq!(told, expected);
}

/// What the client makes of a server that behaves so after TLS.
async fn after_tls(params: &ConnectParams, script: impl AsyncFnOnce(&mut Peer)) -> ConnectError {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let mut peer = Peer::new(theirs);
    let (session, ()) = tokio::join!(connect_over(ours, params, None), script(&mut peer));
    session.unwrap_err().error
}

#[tokio::test]
async fn refusals_of_the_sign_in_are_told_apart() {
    let account = Account::default();
    let plain = params();
    for (answer, kind, is_final) in [
        (
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/><text>No.</text></failure>",
            "not-authorized",
            true,
        ),
        (
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>",
            "not-authorized",
            false,
        ),
        ("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "server-not-authenticated", true),
        ("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>!!</challenge>", "protocol", false),
        ("<message/>", "protocol", false),
        (
            "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
            "stream-error",
            false,
        ),
        ("</stream:stream>", "server-reset", false),
        ("<!-- x -->", "protocol", false),
    ] {
        let error = after_tls(&plain, async |peer: &mut Peer| {
            assert_eq!(peer.header().await.attr("from"), Some("ann@example.test"));
            peer.open("s1", Some(&mechanisms(&["SCRAM-SHA-1"]))).await;
            peer.expect("auth").await;
            peer.send(answer).await;
        })
        .await;
        assert_eq!((error.kind(), error.is_final()), (kind, is_final), "{answer}: {error}");
    }

    let error = after_tls(&plain, async |peer: &mut Peer| {
        peer.header().await;
        peer.open("s1", Some(&mechanisms(&["PLAIN", "DIGEST-MD5"]))).await;
        assert_eq!(peer.receive().await, Received::HangUp, "no password leaves");
    })
    .await;
    assert_eq!(error.kind(), "mechanism-not-offered");

    let mut ticket = params();
    ticket.credentials = Credentials::Ticket;
    let error = after_tls(&ticket, async |peer: &mut Peer| {
        peer.header().await;
        peer.open("s1", Some(&mechanisms(&["SCRAM-SHA-1", "PLAIN"]))).await;
        assert_eq!(peer.receive().await, Received::HangUp);
    })
    .await;
    assert_eq!((error.kind(), error.is_final()), ("mechanism-not-offered", true));
    assert!(error.reason().contains("GSSAPI") && error.reason().contains("SCRAM-SHA-1"), "{error}");

    let error = after_tls(&plain, async |peer: &mut Peer| {
        peer.authenticate(&account, BIND_AND_SM).await;
        peer.bind(&Account { jid: "bob@example.test/r1".into(), ..Account::default() }).await;
    })
    .await;
    assert_eq!((error.kind(), error.is_final()), ("wrong-account", true));
}

#[tokio::test]
async fn a_signature_that_does_not_match_is_refused() {
    let error = after_tls(&params(), async |peer: &mut Peer| {
        peer.header().await;
        peer.open("s1", Some(&mechanisms(&["SCRAM-SHA-1"]))).await;
        let auth = peer.expect("auth").await;
        let mut scram = flint_test_support::ScramServer::new("SCRAM-SHA-1", "another password");
        let challenge = scram.challenge(&flint_test_support::signin::decoded(&auth));
        peer.send(&sasl("challenge", &challenge)).await;
        let response = peer.expect("response").await;
        assert_eq!(scram.finish(&flint_test_support::signin::decoded(&response)), None);
        peer.send(&sasl("success", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")).await;
    })
    .await;
    assert_eq!(error.kind(), "server-not-authenticated");
}

/// How far a server goes before it falls silent.
async fn silent_after(peer: &mut Peer, steps: usize) {
    if steps > 0 {
        peer.header().await;
    }
    match steps {
        1 => peer.send("<?xml version='1.0'?>").await,
        2 => peer.open("s1", None).await,
        3 => peer.open("s1", Some(&mechanisms(&["SCRAM-SHA-1"]))).await,
        _ => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_given_up_in_time() {
    for steps in 0..4 {
        let begin = tokio::time::Instant::now();
        let error = after_tls(&params(), async |peer: &mut Peer| silent_after(peer, steps).await).await;
        assert_eq!((error.kind(), error.is_final()), ("timed-out", false), "{steps}");
        assert_eq!(begin.elapsed(), Timing::default().step, "{steps}");
    }
    for features in [BIND_AND_SM, ""] {
        let error = after_tls(&params(), async |peer: &mut Peer| {
            peer.authenticate(&Account::default(), features).await;
        })
        .await;
        assert_eq!(error.kind(), "timed-out");
    }
    let error = after_tls(&params(), async |peer: &mut Peer| {
        peer.authenticate(&Account::default(), BIND_AND_SM).await;
        peer.bind(&Account::default()).await;
    })
    .await;
    assert_eq!(error.kind(), "timed-out");
}

/// Drops the future after it has been polled `polls` times.
async fn dropped_after<T>(future: impl Future<Output = T>, polls: usize) {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            std::task::Poll::Ready(_) => std::task::Poll::Ready(()),
            std::task::Poll::Pending => std::task::Poll::Pending,
        }
    })
    .await;
}

#[tokio::test]
async fn dropping_the_future_hangs_up_at_any_point() {
    for polls in 1..8 {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let parameters = params();
        let client = dropped_after(connect_over(ours, &parameters, None), polls);
        let server = async {
            let mut peer = Peer::new(theirs);
            for step in ["header", "auth", "response", "header", "iq", "enable", "end"] {
                let received = match tokio::time::timeout(Duration::from_secs(20), peer.receive()).await {
                    Ok(Received::HangUp) => return,
                    Ok(received) => received,
                    Err(_) => panic!("the client neither goes on nor hangs up at {step}"),
                };
                match received {
                    Received::Header(_) if step == "header" => {
                        peer.open("s1", Some(&mechanisms(&["SCRAM-SHA-1"]))).await;
                    }
                    // A wrong challenge is as good as any to see whether it hangs up.
                    _ => peer.send(&sasl("challenge", "r=x")).await,
                }
            }
        };
        tokio::join!(client, server);
    }
}
