//! Who holds a connection without using it loses it, whatever the protocol.

use super::*;
use axum::routing::get;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Preface and empty settings of an HTTP/2 client (RFC 9113 §3.4).
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// Much longer than anything here should take.
const PATIENCE: Duration = Duration::from_secs(30);

struct Server {
    address: SocketAddr,
    client: ClientConfig,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
    _directory: tempfile::TempDir,
}

async fn server(times: Times) -> Server {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    files::write_secret(&key, made.signing_key.serialize_pem().as_bytes()).unwrap();
    let http = Http {
        listen: "127.0.0.1:0".parse().unwrap(),
        public_url: "https://localhost/".into(),
        certificate,
        key,
    };
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = bind(http.listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let router = Router::new().route("/", get(|| async { "hello" }));
    let task = tokio::spawn(serve_with(listener, Tls::load(&http).unwrap(), router, stopped, times));
    Server { address, client, stop, task, _directory: directory }
}

impl Server {
    async fn connect(&self, protocol: Option<&str>) -> TlsStream<TcpStream> {
        let mut config = self.client.clone();
        config.alpn_protocols = protocol.into_iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }
}

/// Everything up to the end of the connection.
async fn rest(mut stream: TlsStream<TcpStream>) -> Vec<u8> {
    let mut all = Vec::new();
    // A connection that is cut without a goodbye has ended, too.
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all)).await;
    let _ = read.expect("the server ends the connection");
    all
}

#[tokio::test]
async fn idle_connections_end() {
    let short = Duration::from_millis(50);
    let server = server(Times { head: short, idle: short, parting: short }).await;
    for (protocol, sent, answered) in [
        (None, &b""[..], false),
        (Some("http/1.1"), b"", false),
        (Some("http/1.1"), b"GET / HTT", false),
        (Some("http/1.1"), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", true),
        (Some("h2"), b"", false),
        (Some("h2"), b"PRI * HT", false),
        (Some("h2"), HTTP2, false),
    ] {
        let mut stream = server.connect(protocol).await;
        stream.write_all(sent).await.unwrap();
        let text = String::from_utf8_lossy(&rest(stream).await).into_owned();
        assert_eq!(text.ends_with("hello"), answered, "{protocol:?} {sent:?}: {text}");
    }
}

#[tokio::test]
async fn a_stop_waits_for_nobody_who_is_idle() {
    let request = &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..];
    // A client of HTTP/2 has to say that it saw the goodbye; this one never does.
    for (protocol, sent, parting) in
        [("http/1.1", request, PATIENCE * 10), ("h2", HTTP2, Duration::from_millis(50))]
    {
        let server = server(Times { head: PATIENCE * 10, idle: PATIENCE * 10, parting }).await;
        let mut stream = server.connect(Some(protocol)).await;
        stream.write_all(sent).await.unwrap();
        // The first byte shows that it is being served.
        stream.read_u8().await.unwrap();
        server.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, server.task).await.expect("the server stops").unwrap();
        rest(stream).await;
    }
}
