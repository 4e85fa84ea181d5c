//! A server that nests elements without end, on a thread with the stack that any thread gets: whoever walked such a tree
//! would overflow it, and the process would be gone.

use super::*;
use flint_test_support::peer::STREAMS;
use flint_test_support::signin::mechanisms;

/// The stack of a thread that asks for none of its own.
const STACK: usize = 2 << 20;

/// Plays a test on such a thread.
fn on_a_plain_stack(test: impl AsyncFnOnce() + Send + 'static) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test());
    };
    std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
}

/// So many elements in each other, all of them closed.
fn nested(depth: usize) -> String {
    format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth))
}

/// The client says why it goes.
async fn is_told_of_the_policy(peer: &mut Peer) {
    let error = peer.element().await;
    assert!(error.is("error", STREAMS), "{error:?}");
    assert!(error.has_child("policy-violation", "urn:ietf:params:xml:ns:xmpp-streams"), "{error:?}");
    assert_eq!(peer.receive().await, Received::End);
}

#[test]
fn ever_deeper_elements_end_a_session_by_policy_and_overflow_no_stack() {
    for depth in [10_000, 100_000] {
        on_a_plain_stack(async move || {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let mut peer = Peer::new(theirs);
            let server = async {
                // Without XEP-0198 nothing is to be resumed, so the server is told.
                peer.authenticate(&Account::default(), "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
                    .await;
                peer.bind(&Account::default()).await;
                peer.send(&format!("<message id='1'/><message>{}</message>", nested(depth))).await;
                is_told_of_the_policy(&mut peer).await;
            };
            let client = async {
                let mut session = connect_over(ours, &params(), None).await.unwrap();
                assert_eq!(next_id(&mut session).await, "1");
                let end = session.next().await.unwrap_err();
                assert!(matches!(&end, StreamEnd::Limit(_)), "{end}");
                assert_eq!(session.next().await.unwrap_err(), end, "it stays over");
                end
            };
            let (end, ()) = tokio::join!(client, server);
            assert!(end.to_string().contains("64 elements"), "{end}");
        });
    }
}

#[test]
fn ever_deeper_elements_end_a_session_that_could_be_resumed_and_overflow_no_stack() {
    for depth in [10_000, 100_000] {
        on_a_plain_stack(async move || {
            let (mut session, mut peer) = session(&params()).await;
            let server = async {
                peer.send(&format!("<message>{}</message>", nested(depth))).await;
            };
            let client = async move {
                let end = session.next().await.unwrap_err();
                assert!(matches!(&end, StreamEnd::Limit(_)), "{end}");
                // Dealt with, so that it does not come again.
                assert_eq!(session.into_resume_state().unwrap().management.inbound, 1);
            };
            tokio::join!(client, server);
        });
    }
}

#[test]
fn ever_deeper_elements_end_a_sign_in_by_policy_and_overflow_no_stack() {
    for depth in [10_000, 100_000] {
        on_a_plain_stack(async move || {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let mut peer = Peer::new(theirs);
            let server = async {
                peer.header().await;
                peer.open("s1", Some(&format!("{}{}", mechanisms(&["SCRAM-SHA-1"]), nested(depth)))).await;
                is_told_of_the_policy(&mut peer).await;
            };
            let parameters = params();
            let (session, ()) = tokio::join!(connect_over(ours, &parameters, None), server);
            let error = session.unwrap_err().error;
            assert_eq!(error.kind(), "protocol");
            assert!(error.to_string().contains("64 elements"), "{error}");
        });
    }
}
