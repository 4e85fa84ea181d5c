//! The connection is cut at every byte of a short exchange and throughout one of 200 stanzas, in both directions, and once
//! more while it is being resumed. The server keeps state as XEP-0198 wants it.

use super::*;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// Stanzas in each direction.
const EACH: usize = 100;
/// Stanzas in each direction of the short exchange: all that can happen happens, the server asks once.
const FEW: usize = 8;
/// Every so many bytes the long exchange is cut: prime, so that all places within a stanza come up.
const STRIDE: usize = 97;

/// Bytes that may still pass a connection in each direction; at 0 it is dead in both.
#[derive(Debug, Clone, Copy)]
struct Budget {
    to_client: usize,
    to_server: usize,
}

const ENDLESS: Budget = Budget { to_client: usize::MAX, to_server: usize::MAX };

/// The client's end of a connection that breaks when a budget is used up.
struct Brittle {
    io: Option<DuplexStream>,
    left: Arc<Mutex<Budget>>,
}

fn broken() -> std::io::Error {
    std::io::ErrorKind::ConnectionReset.into()
}

impl Brittle {
    /// The connection as long as it lives; dropping it is what the server notices.
    fn alive(&mut self, left: usize) -> std::io::Result<&mut DuplexStream> {
        if left == 0 {
            self.io = None;
        }
        self.io.as_mut().ok_or_else(broken)
    }
}

impl AsyncRead for Brittle {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let left = self.left.lock().unwrap().to_client;
        let io = match self.alive(left) {
            Ok(io) => io,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let mut part = buffer.take(left);
        let before = part.filled().len();
        match Pin::new(io).poll_read(cx, &mut part) {
            Poll::Ready(Ok(())) => {}
            other => return other,
        }
        let count = part.filled().len() - before;
        let bytes = part.filled()[before..].to_vec();
        buffer.put_slice(&bytes);
        let mut budget = self.left.lock().unwrap();
        budget.to_client = budget.to_client.saturating_sub(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Brittle {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let left = self.left.lock().unwrap().to_server;
        let io = match self.alive(left) {
            Ok(io) => io,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let written = Pin::new(io).poll_write(cx, &bytes[..bytes.len().min(left)]);
        if let Poll::Ready(Ok(count)) = &written {
            self.left.lock().unwrap().to_server -= count;
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What the server remembers over connections.
#[derive(Debug, Default)]
struct Memory {
    /// Ids of the client's stanzas in the order in which they were handled.
    handled: Vec<String>,
    /// Of its own stanzas, those that it has sent for the first time.
    sent: usize,
    /// Those that the client has acknowledged.
    acked: usize,
}

fn outgoing(number: usize) -> String {
    format!("<message id='s{number}'><body>&lt;{number}&gt; ü</body></message>")
}

/// One connection of the server from where the sign-in is over; it has `each` stanzas for the client.
async fn serve(io: DuplexStream, memory: &mut Memory, each: usize, begins: bool) {
    let mut peer = Peer::new(io);
    peer.assume_open();
    peer.open("s2", None).await;
    if begins {
        let Received::Element(bind) = peer.receive().await else { return };
        peer.send(&format!("<iq type='result' id='{}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>ann@example.test/r1</jid></bind></iq>", attribute(&bind, "id"))).await;
        let Received::Element(_) = peer.receive().await else { return };
        peer.send("<enabled xmlns='urn:xmpp:sm:3' id='sm1' resume='true'/>").await;
    } else {
        let Received::Element(resume) = peer.receive().await else { return };
        let h: usize = attribute(&resume, "h").parse().unwrap();
        assert!((memory.acked..=memory.sent).contains(&h), "h={h} {memory:?}");
        memory.acked = h;
        peer.send(&format!("<resumed xmlns='urn:xmpp:sm:3' previd='sm1' h='{}'/>", memory.handled.len()))
            .await;
        for number in memory.acked..memory.sent {
            peer.send(&outgoing(number)).await;
        }
    }
    loop {
        if memory.sent < each {
            // One of its own for each of the client's, and now and then it asks.
            peer.send(&outgoing(memory.sent)).await;
            memory.sent += 1;
            if memory.sent.is_multiple_of(7) {
                peer.send("<r xmlns='urn:xmpp:sm:3'/>").await;
            }
        }
        let Received::Element(element) = peer.receive().await else { return };
        match element.name() {
            "message" => memory.handled.push(attribute(&element, "id").to_owned()),
            "r" => peer.send(&format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", memory.handled.len())).await,
            "a" => {
                let h = attribute(&element, "h").parse().unwrap();
                assert!((memory.acked..=memory.sent).contains(&h), "h={h} {memory:?}");
                memory.acked = h;
            }
            other => panic!("<{other}/>"),
        }
    }
}

/// What came of a run.
#[derive(Debug, PartialEq)]
struct Outcome {
    at_server: Vec<String>,
    at_client: Vec<String>,
    acked: Vec<u64>,
}

/// Opens a session over a connection that lives for `budget` after the sign-in.
async fn open(
    io: DuplexStream,
    budget: Budget,
    resume: Option<ResumeState>,
) -> (Result<Session, ConnectFailed>, Arc<Mutex<Budget>>) {
    let left = Arc::new(Mutex::new(budget));
    let brittle = Brittle { io: Some(io), left: Arc::clone(&left) };
    let features = format!("<features xmlns='{}'><sm xmlns='{SM}'/></features>", crate::frames::STREAMS)
        .parse()
        .unwrap();
    let mut wire = Wire::new(Box::new(brittle), crate::frames::CLIENT, Limits::default());
    // The cut is in what follows the sign-in: the header of the second stream is there.
    if let Err(error) = wire.header().await {
        return (Err(ConnectFailed { error: error.into(), resume }), left);
    }
    let signed_in = crate::dial::SignedIn { wire, features, mechanism: "SCRAM-SHA-1".to_owned() };
    (begin::begin(signed_in, &params(), resume).await, left)
}

/// The whole exchange over connections with these budgets, the last of them endless. Also the bytes of the last one.
async fn run(each: usize, budgets: &[Budget]) -> (Outcome, Budget) {
    let mut memory = Memory::default();
    let (mut at_client, mut acked, mut sent) = (Vec::new(), Vec::new(), 0);
    let mut resume = None;
    let mut used = ENDLESS;
    for budget in budgets.iter().chain([&ENDLESS, &ENDLESS]) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let begins = resume.is_none();
        let client = async {
            let (session, left) = open(ours, *budget, resume.take()).await;
            let mut session = match session {
                Ok(session) => session,
                Err(failed) => return (failed.resume, left),
            };
            assert!(begins || session.resumed());
            while acked.len() < each || at_client.len() < each {
                if sent < each {
                    let _ = session.send(&message(format!("c{sent}")), Some(sent as u64)).await;
                    sent += 1;
                }
                match session.next().await {
                    Ok(Event::Stanza(stanza)) => at_client.push(id(&stanza)),
                    Ok(Event::Acked(tokens)) => acked.extend(tokens),
                    Err(_) => break,
                }
            }
            (session.into_resume_state(), left)
        };
        let both = async { tokio::join!(client, serve(theirs, &mut memory, each, begins)) };
        // A stanza that never comes shows as time that passes: the server is alive, so nothing else would end it.
        let done = tokio::time::timeout(Duration::from_secs(600), both).await;
        let ((next, left), ()) = done.unwrap_or_else(|_| panic!("something was lost with {budgets:?}"));
        resume = next;
        let left = *left.lock().unwrap();
        used = Budget { to_client: usize::MAX - left.to_client, to_server: usize::MAX - left.to_server };
        if acked.len() == each && at_client.len() == each {
            break;
        }
    }
    (Outcome { at_server: memory.handled, at_client, acked }, used)
}

fn expected(each: usize) -> Outcome {
    Outcome {
        at_server: (0..each).map(|number| format!("c{number}")).collect(),
        at_client: (0..each).map(|number| format!("s{number}")).collect(),
        acked: (0..each as u64).collect(),
    }
}

/// The bytes of the binding: a cut before its end leaves nothing to resume, which is another test's.
const BOUND: Budget = Budget { to_client: 400, to_server: 250 };

/// Cuts an exchange of `each` stanzas in both directions at every `stride`th byte.
async fn cut_everywhere(each: usize, stride: usize) {
    let (uncut, used) = run(each, &[]).await;
    assert_eq!(uncut, expected(each));
    assert!(BOUND.to_client < used.to_client && BOUND.to_server < used.to_server, "{used:?}");
    for at in (BOUND.to_client..used.to_client).step_by(stride) {
        assert_eq!(
            run(each, &[Budget { to_client: at, ..ENDLESS }]).await.0,
            uncut,
            "{at} bytes to the client"
        );
    }
    for at in (BOUND.to_server..used.to_server).step_by(stride) {
        assert_eq!(
            run(each, &[Budget { to_server: at, ..ENDLESS }]).await.0,
            uncut,
            "{at} bytes to the server"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_at_any_byte_changes_nothing() {
    cut_everywhere(FEW, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_cut_throughout_200_stanzas_changes_nothing() {
    cut_everywhere(EACH, STRIDE).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_cut_during_the_resumption_changes_nothing() {
    let half = Budget { to_client: 4000, ..ENDLESS };
    for at in (1..600).step_by(29) {
        for second in [Budget { to_client: at, ..ENDLESS }, Budget { to_server: at, ..ENDLESS }] {
            assert_eq!(run(EACH, &[half, second]).await.0, expected(EACH), "{second:?}");
        }
    }
}
