//! The picture over a real HTTPS server of the same process, whose authority the client trusts or does not.

use super::*;
use crate::AccountOptions;
use flint_core::{BareJid, Timestamp};
use flint_stream::{Proxy, Secret};
use flint_test_support::Authority;
use flint_test_support::certificates::Validity;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const NOW: Timestamp = Timestamp(1_000_000);
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n the organisation's own";

fn hash(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the server does with a request.
#[derive(Clone)]
enum Answer {
    Content(Vec<u8>),
    Status(&'static str),
    /// Content without an end.
    Endless,
}

/// An HTTPS server.
struct Site {
    port: u16,
    asked: Arc<AtomicUsize>,
    ca: tempfile::NamedTempFile,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Site {
    async fn open(answer: Answer) -> Self {
        Self::named("localhost", answer).await
    }

    async fn named(name: &str, answer: Answer) -> Self {
        let authority = Authority::default();
        let ca = tempfile::NamedTempFile::new().unwrap();
        fs::write(ca.path(), authority.pem()).unwrap();
        let mut tls = (*authority.server(name, Validity::Now)).clone();
        tls.alpn_protocols.clear();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                counter.fetch_add(1, Ordering::SeqCst);
                serve(stream, answer.clone()).await;
            }
        });
        Self { port, asked, ca, task }
    }

    fn http(&self) -> Http {
        self.http_through(None)
    }

    fn http_through(&self, proxy: Option<Proxy>) -> Http {
        let ca_files = vec![self.ca.path().to_owned()];
        Http::new(&AccountOptions { ca_files, proxy, ..AccountOptions::default() }).unwrap()
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// One answer; a client that goes away in its midst is none of the server's business.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: Answer) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    assert!(
        !String::from_utf8_lossy(&head).to_ascii_lowercase().contains("authorization"),
        "nobody signs in"
    );
    let (status, content) = match &answer {
        Answer::Content(content) => ("200 OK", content.as_slice()),
        Answer::Status(status) => (*status, &[][..]),
        Answer::Endless => ("200 OK", &[7; 65_536][..]),
    };
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
    let mut sent = stream.write_all(head.as_bytes()).await;
    while sent.is_ok() {
        sent = stream.write_all(content).await;
        if !matches!(answer, Answer::Endless) {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

struct Place {
    machine: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { machine: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap() }
    }

    /// Policy names this content at this port; `None` names nothing.
    fn policy(&self, wanted: Option<(u16, &[u8])>) {
        let directory = self.machine.path().join("policies/managed");
        fs::create_dir_all(&directory).unwrap();
        let value = wanted.map(|(port, content)| {
            serde_json::json!({"url": format!("https://localhost:{port}/logo.png"), "sha256": hash(content)})
        });
        let text = value
            .map_or_else(|| "{}".to_owned(), |value| serde_json::json!({ "BrandImage": value }).to_string());
        fs::write(directory.join("a.json"), text).unwrap();
    }

    fn open(&self) -> PolicyKeeper {
        let ann: BareJid = "ann@example.test".parse().unwrap();
        let directory = self.state.path().join("policy");
        PolicyKeeper::open(ann, self.machine.path(), self.state.path(), Some(&directory), NOW)
    }

    fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.state.path().join("policy/images")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// A keeper that has fetched the picture.
    async fn fetched(&self, site: &Site) -> PolicyKeeper {
        self.policy(Some((site.port, PICTURE)));
        let mut keeper = self.open();
        fetch(&mut keeper, site).await;
        assert_eq!(shown(&keeper).as_deref(), Some(PICTURE), "{}", said(&keeper));
        keeper
    }
}

async fn fetch(keeper: &mut PolicyKeeper, site: &Site) {
    let asked = keeper.begin_image().expect("a picture to fetch");
    assert!(keeper.begin_image().is_none(), "one at a time");
    let outcome = site.http().file(&asked).await;
    keeper.image_fetched(&asked, outcome);
}

/// Content of the file that the window is told of.
fn shown(keeper: &PolicyKeeper) -> Option<Vec<u8>> {
    keeper.resolved().brand_image.map(|path| fs::read(path).unwrap())
}

/// What the policy page says beside the policy.
fn said(keeper: &PolicyKeeper) -> String {
    let effective = keeper.resolved().effective;
    effective.entry(BRAND_IMAGE).unwrap().messages.join(" ")
}

#[tokio::test]
async fn the_picture_is_fetched_once_and_shown_at_starts_without_a_network() {
    let place = Place::new();
    let site = Site::open(Answer::Content(PICTURE.to_vec())).await;
    let mut keeper = place.fetched(&site).await;
    assert_eq!(place.files(), [hash(PICTURE)], "the name says nothing of the address");
    assert_eq!(said(&keeper), "");
    keeper.signed_in("GSSAPI", NOW);
    assert!(keeper.begin_image().is_none(), "it is there");
    drop(keeper);
    assert_eq!(site.asked(), 1);
    drop(site);

    let mut again = place.open();
    assert_eq!(shown(&again).as_deref(), Some(PICTURE));
    assert!(again.begin_image().is_none());
}

#[tokio::test]
async fn what_is_not_the_right_picture_is_not_shown_and_the_policy_page_says_why() {
    let large = vec![7; 512 * 1024 + 1];
    let foreign = Site::open(Answer::Content(PICTURE.to_vec())).await;
    for (answer, wanted, sentence) in [
        (Answer::Content(b"another".to_vec()), PICTURE, "not the one that policy names"),
        (Answer::Content(large.clone()), large.as_slice(), "sent more than 512 KiB"),
        (Answer::Endless, PICTURE, "sent more than 512 KiB"),
        (Answer::Status("404 Not Found"), PICTURE, "answered with status 404"),
        (Answer::Status("302 Found\r\nLocation: https://localhost/"), PICTURE, "answered with status 302"),
    ] {
        let place = Place::new();
        let site = Site::open(answer).await;
        place.policy(Some((site.port, wanted)));
        let mut keeper = place.open();
        fetch(&mut keeper, &site).await;
        assert_eq!(shown(&keeper), None, "{sentence}");
        assert!(said(&keeper).starts_with("BrandImage: "), "{}", said(&keeper));
        assert!(said(&keeper).contains(sentence), "{sentence}: {}", said(&keeper));
        assert!(place.files().is_empty(), "{sentence}");
        assert!(keeper.begin_image().is_none(), "not at once again");

        // The server of another authority: nothing is taken from it.
        place.policy(Some((foreign.port, PICTURE)));
        keeper.machine_changed(NOW);
        assert_eq!(said(&keeper), "", "another address, another try");
        fetch(&mut keeper, &site).await;
        assert!(said(&keeper).contains("can't be reached"), "{}", said(&keeper));
    }
    assert_eq!(foreign.asked(), 0);
}

#[tokio::test]
async fn a_picture_of_the_largest_size_is_taken() {
    let large = vec![7; 512 * 1024];
    let place = Place::new();
    let site = Site::open(Answer::Content(large.clone())).await;
    place.policy(Some((site.port, &large)));
    let mut keeper = place.open();
    fetch(&mut keeper, &site).await;
    assert!(shown(&keeper) == Some(large), "{}", said(&keeper));
}

#[tokio::test]
async fn what_failed_is_tried_again_at_the_next_refresh_of_the_policy() {
    let place = Place::new();
    let site = Site::open(Answer::Content(PICTURE.to_vec())).await;
    place.policy(Some((site.port, PICTURE)));
    let mut keeper = place.open();
    let moments: [fn(&mut PolicyKeeper); 3] = [
        |keeper| keeper.fetched(Err("The policy service can't be reached.".to_owned()), NOW, 0),
        |keeper| keeper.signed_in("GSSAPI", NOW),
        |keeper| assert!(!keeper.wanted(NOW), "nobody else is to be asked"),
    ];
    for moment in moments {
        let asked = keeper.begin_image().expect("a picture to fetch");
        keeper.image_fetched(&asked, Err("The server can't be reached.".to_owned()));
        assert!(said(&keeper).contains("can't be reached") && keeper.begin_image().is_none());
        moment(&mut keeper);
    }
    fetch(&mut keeper, &site).await;
    assert_eq!(shown(&keeper).as_deref(), Some(PICTURE));
    assert_eq!(said(&keeper), "");
}

#[tokio::test]
async fn a_kept_picture_that_was_changed_is_not_shown_until_it_was_fetched_again() {
    let site = Site::open(Answer::Content(PICTURE.to_vec())).await;
    let mut flipped = PICTURE.to_vec();
    flipped[3] ^= 1;
    let longer = [PICTURE, &[0; 600 * 1024]].concat();
    for damage in [Vec::new(), flipped, longer] {
        let place = Place::new();
        drop(place.fetched(&site).await);
        fs::write(place.state.path().join("policy/images").join(hash(PICTURE)), damage).unwrap();
        let mut again = place.open();
        assert_eq!(shown(&again), None);
        assert!(said(&again).contains("was changed"), "{}", said(&again));
        fetch(&mut again, &site).await;
        assert_eq!(shown(&again).as_deref(), Some(PICTURE));
        assert_eq!(said(&again), "");
    }
}

#[tokio::test]
async fn pictures_that_are_no_longer_wanted_are_removed() {
    let place = Place::new();
    let site = Site::open(Answer::Content(PICTURE.to_vec())).await;
    let mut keeper = place.fetched(&site).await;
    // Another address of the same picture is no other picture.
    place.policy(Some((1, PICTURE)));
    keeper.machine_changed(NOW);
    assert!(keeper.begin_image().is_none());
    assert_eq!(shown(&keeper).as_deref(), Some(PICTURE));

    let other = Site::open(Answer::Content(b"new".to_vec())).await;
    place.policy(Some((other.port, b"new")));
    keeper.machine_changed(NOW);
    assert_eq!(shown(&keeper), None, "the old one is not shown in its place");
    fetch(&mut keeper, &other).await;
    assert_eq!(shown(&keeper).as_deref(), Some(&b"new"[..]));
    assert_eq!(place.files(), [hash(b"new")]);

    fs::write(place.state.path().join("policy/images/half.new"), "").unwrap();
    place.policy(None);
    drop(keeper);
    let mut keeper = place.open();
    assert!(keeper.begin_image().is_none());
    assert_eq!(shown(&keeper), None);
    assert!(place.files().is_empty(), "{:?}", place.files());
}

#[tokio::test]
async fn a_picture_that_comes_when_policy_wants_another_is_put_aside() {
    let place = Place::new();
    let site = Site::open(Answer::Content(PICTURE.to_vec())).await;
    place.policy(Some((1, b"old")));
    let mut keeper = place.open();
    let asked = keeper.begin_image().unwrap();
    place.policy(Some((site.port, PICTURE)));
    keeper.machine_changed(NOW);
    assert!(keeper.begin_image().is_none(), "one at a time");
    keeper.image_fetched(&asked, Ok(b"old".to_vec()));
    assert_eq!(shown(&keeper), None);
    fetch(&mut keeper, &site).await;
    assert_eq!(shown(&keeper).as_deref(), Some(PICTURE));
    assert_eq!(place.files(), [hash(PICTURE)]);
}

/// A whole client: the picture is fetched without a sign-in, and the window is told of its file.
#[tokio::test(flavor = "multi_thread")]
async fn the_window_of_a_running_client_gets_the_file() {
    use crate::{Client, Connect, Options, Paths, Security, Update};
    let place = Place::new();
    let site = Site::open(Answer::Content(PICTURE.to_vec())).await;
    place.policy(Some((site.port, PICTURE)));
    let account = AccountOptions {
        jid: "ann@example.test".parse().ok(),
        connect: Some(Connect { host: "127.0.0.1".to_owned(), port: 1, security: Security::Direct }),
        ca_files: vec![site.ca.path().to_owned()],
        ..AccountOptions::default()
    };
    let paths = Paths { machine: place.machine.path().to_owned(), state: place.state.path().join("state") };
    let client = Client::start(Options { paths, account }).unwrap();
    let updates = client.updates();
    let told = async {
        loop {
            if let Update::Core(flint_core::Update::Capabilities(capabilities)) =
                updates.recv().await.unwrap()
                && let Some(path) = capabilities.brand_image
            {
                return path;
            }
        }
    };
    let path = tokio::time::timeout(std::time::Duration::from_secs(60), told).await.expect("it is told");
    assert_eq!(fs::read(path).unwrap(), PICTURE);
}

/// One connection through a proxy that looks every name up as this computer; what it was told before.
async fn carry(proxy: TcpListener, is_http: bool, port: u16, granted: bool) -> Vec<u8> {
    let (mut client, _) = proxy.accept().await.unwrap();
    let mut told = Vec::new();
    let steps: &[(&[u8], &[u8])] = match (is_http, granted) {
        (true, true) => &[(b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")],
        (true, false) => &[(b"\r\n\r\n", b"HTTP/1.1 407 Who are you?\r\n\r\n")],
        (false, granted) => {
            &[(b"\x02", b"\x05\x02"), (PASSWORD.as_bytes(), if granted { b"\x01\x00" } else { b"\x01\x01" })]
        }
    };
    for (end, answer) in steps {
        while !told.ends_with(end) {
            told.push(client.read_u8().await.unwrap());
        }
        client.write_all(answer).await.unwrap();
    }
    if !granted {
        return told;
    }
    if !is_http {
        let name = 5 + usize::from(u8::try_from(NAME.len()).unwrap());
        let mut request = vec![0; name + 2];
        client.read_exact(&mut request).await.unwrap();
        told.extend(request);
        client.write_all(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x01").await.unwrap();
    }
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // The server says goodbye in its own way.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    told
}

/// Nothing on this computer knows that name.
const NAME: &str = "pictures.example.test";
const PASSWORD: &str = "p@ss:w/o\u{f6}%20?#";

#[tokio::test]
async fn a_fetch_goes_through_the_proxy_of_the_account_with_its_login() {
    let basic = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("ann m\u{fc}ller:{PASSWORD}"),
    );
    for (scheme, granted) in [("http", true), ("socks5", true), ("http", false), ("socks5", false)] {
        let site = Site::named(NAME, Answer::Content(PICTURE.to_vec())).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("{scheme}://{}", listener.local_addr().unwrap());
        let proxy: Proxy = address.parse().unwrap();
        let http = site.http_through(Some(proxy.with_login("ann m\u{fc}ller", Secret::new(PASSWORD))));
        let url = format!("https://{NAME}:{}/logo.png", site.port);
        let wanted = FileReference { url, sha256: hash(PICTURE), max_size: 1 << 19 };
        let carried = tokio::spawn(carry(listener, scheme == "http", site.port, granted));
        let outcome = http.file(&wanted).await;
        let shown = format!("{http:?} {outcome:?}");
        assert!(!shown.contains("p@ss") && !shown.contains("p%40ss") && !shown.contains(&basic), "{shown}");
        let told = tokio::time::timeout(std::time::Duration::from_secs(60), carried).await;
        let told = told.expect("the proxy was used").unwrap();
        if scheme == "http" {
            let told = String::from_utf8(told).unwrap();
            assert!(told.starts_with(&format!("CONNECT {NAME}:{} HTTP/1.1\r\n", site.port)), "{told}");
            assert!(told.to_ascii_lowercase().contains("proxy-authorization"), "{told}");
            assert!(told.contains(&format!("Basic {basic}")), "{told}");
        } else if granted {
            assert!(told.windows(NAME.len()).any(|part| part == NAME.as_bytes()), "the proxy looks it up");
        }
        match outcome {
            Ok(content) => assert!(granted && content == PICTURE),
            Err(problem) => {
                let way = format!("can't be reached through the proxy {address}");
                assert!(!granted && problem.contains(&way), "{problem}");
            }
        }
    }
}
