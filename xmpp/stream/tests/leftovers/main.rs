//! What is left of a sign-in that did not come about: no task, no descriptor. Descriptors belong to the whole process,
//! so these tests have one of their own and run one after the other.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail where they stand")]

mod server;

use flint_stream::{ConnectFailed, ConnectParams, Credentials, Location, Secret, Security, Session, connect};
use flint_test_support::Authority;
use server::{STEPS, Server};
use std::future::Future;
use std::sync::Mutex;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::runtime::{Builder, Handle};

/// How long the server's side of a connection may take to notice its end on a loaded computer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Held by the test that runs.
static ALONE: Mutex<()> = Mutex::new(());

/// Plays a test while no other one is running, with a server; the test's runtime has the client only.
fn alone(test: impl AsyncFnOnce(&Server)) {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let server = Server::start();
    Builder::new_current_thread().enable_all().build().unwrap().block_on(test(&server));
}

/// Ann, by password, found by DNS.
fn params(server: &Server) -> ConnectParams {
    let mut params = ConnectParams::new("ann@example.test".parse().unwrap(), server.authority.roots());
    params.credentials = Credentials::Password(Secret::new("pencil"));
    params.dns = Some(server.dns);
    params
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Waits until nothing is left of any sign-in: no task, no connection, no more descriptors than `before`. The number of
/// descriptors then.
async fn settled(server: &Server, before: Option<usize>, after: &str) -> usize {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tasks = Handle::current().metrics().num_alive_tasks();
        let (connections, descriptors) = (server.connections(), descriptors());
        if (tasks, connections, before.unwrap_or(descriptors)) == (0, 0, descriptors) {
            return descriptors;
        }
        assert!(
            Instant::now() < deadline,
            "{after}: {tasks} tasks, {connections} connections and {descriptors} descriptors are left of {before:?}"
        );
        tokio::task::yield_now().await;
    }
}

/// A sign-in that works, and its end. What is opened once for all is among the descriptors that are returned.
async fn works(server: &Server, before: Option<usize>, after: &str) -> usize {
    drop(connect(&params(server), None).await.unwrap());
    settled(server, before, after).await
}

/// Nothing is left and the next sign-in works. `before` is the number of descriptors before.
async fn nothing_is_left(server: &Server, before: usize, after: &str) {
    settled(server, Some(before), after).await;
    works(server, Some(before), after).await;
}

/// Drops the future when it is still pending after this many polls.
async fn dropped_after<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

#[test]
fn a_sign_in_that_is_dropped_after_any_number_of_polls_leaves_nothing() {
    alone(async |server| {
        let before = works(server, None, "at first").await;
        let mut polls = 0;
        while dropped_after(connect(&params(server), None), polls).await.is_none_or(|session| {
            session.unwrap();
            false
        }) {
            nothing_is_left(server, before, &format!("dropped after {polls} polls")).await;
            polls += 1;
            assert!(polls < 1000, "it does not come to an end");
        }
        // Names, connection, TLS and at least one wait for the server at each of the steps.
        assert!(polls > STEPS.len(), "{polls}");
        nothing_is_left(server, before, "signed in").await;
    });
}

/// Drops a sign-in as soon as `reached` is.
async fn dropped_at(params: &ConnectParams, reached: impl Future<Output = ()>, step: &str) {
    tokio::select! {
        session = connect(params, None) => panic!("{step} was not waited for: {:?}", session.map(|_| ())),
        () = reached => {}
    }
}

#[test]
fn a_sign_in_that_is_dropped_at_any_step_leaves_nothing() {
    alone(async |server| {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let before = works(server, None, "at first").await;
        for step in STEPS {
            server.hold(Some(step));
            dropped_at(&params(server), server.reached(), step).await;
            server.hold(None);
            nothing_is_left(server, before, step).await;
        }
        let mut unknown = params(server);
        unknown.dns = Some(silent.local_addr().unwrap());
        let asked = async {
            silent.recv_from(&mut [0; 1500]).await.unwrap();
        };
        dropped_at(&unknown, asked, "the look-up").await;
        nothing_is_left(server, before, "the look-up").await;
    });
}

#[test]
fn a_thousand_failed_sign_ins_leave_nothing() {
    alone(async |server| {
        // Bound, but nobody listens: the port is refused and stays so.
        let refusing = TcpSocket::new_v4().unwrap();
        refusing.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = refusing.local_addr().unwrap().port();

        let mut wrong = params(server);
        wrong.credentials = Credentials::Password(Secret::new("pen"));
        let mut refused = params(server);
        refused.location =
            Location::Fixed { host: "127.0.0.1".to_owned(), port, security: Security::StartTls };
        let mut untrusted = params(server);
        untrusted.roots = Authority::new("another authority").roots();
        let right = params(server);

        let before = works(server, None, "at first").await;
        let kind = |result: Result<Session, ConnectFailed>| result.unwrap_err().error.kind();
        // A password costs both sides thousands of hashes each time, so there are fewer of these.
        for number in 0..100 {
            assert_eq!(kind(connect(&wrong, None).await), "not-authorized");
            for _ in 0..4 {
                assert_eq!(kind(connect(&refused, None).await), "server-refused");
                assert_eq!(kind(connect(&untrusted, None).await), "certificate-unknown-ca");
            }
            let step = STEPS[number % STEPS.len()];
            server.hold(Some(step));
            dropped_at(&right, server.reached(), step).await;
            server.hold(None);
        }
        nothing_is_left(server, before, "a thousand").await;
    });
}
