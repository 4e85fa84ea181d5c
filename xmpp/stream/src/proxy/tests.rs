use super::*;
use tokio::net::TcpListener;

/// A proxy that answers each of the client's messages with the next of `answers`; what it was told.
async fn played(
    scheme: &str,
    login: bool,
    answers: &[&[u8]],
) -> (Result<TcpStream, ConnectError>, Vec<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut proxy: Proxy = format!("{scheme}://127.0.0.1:{port}").parse().unwrap();
    if login {
        proxy = proxy.with_login("ann", Secret::new("hunter2"));
    }
    let timing = Timing::default();
    let server = async {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut told = Vec::new();
        for answer in answers {
            let mut buffer = [0; 1024];
            let read = tcp.read(&mut buffer).await.unwrap();
            told.push(buffer[..read].to_vec());
            tcp.write_all(answer).await.unwrap();
        }
        told
    };
    tokio::join!(connect(&proxy, "chat.example.test", 5222, Names::System(None), &timing), server)
}

#[tokio::test]
async fn both_kinds_lead_to_the_server_and_eat_nothing_of_it() {
    let ok: &[u8] = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nhello";
    let (stream, told) = played("http", true, &[ok]).await;
    let mut rest = [0; 5];
    stream.unwrap().read_exact(&mut rest).await.unwrap();
    assert_eq!(&rest, b"hello");
    let request = String::from_utf8(told[0].clone()).unwrap();
    assert!(
        request.starts_with("CONNECT chat.example.test:5222 HTTP/1.1\r\nHost: chat.example.test:5222\r\n")
    );
    assert!(request.contains("Proxy-Authorization: Basic YW5uOmh1bnRlcjI=\r\n"), "{request}");

    let granted: &[u8] = b"\x05\x00\x00\x03\x04host\x01\x02hello";
    let (stream, told) = played("socks5", true, &[b"\x05\x02", b"\x01\x00", granted]).await;
    stream.unwrap().read_exact(&mut rest).await.unwrap();
    assert_eq!(&rest, b"hello");
    assert_eq!(
        told,
        [
            &b"\x05\x02\x00\x02"[..],
            b"\x01\x03ann\x07hunter2",
            b"\x05\x01\x00\x03\x11chat.example.test\x14\x66"
        ]
    );
}

#[tokio::test]
async fn what_a_proxy_does_wrong_is_told_apart() {
    let endless = [b"HTTP/1.1 200 ".as_slice(), &[b'x'; MAX_HEAD]].concat();
    let table: [(&str, bool, &[&[u8]], &str); 14] = [
        ("http", false, &[b"HTTP/1.1 403 Forbidden\r\n\r\n"], "proxy-refused"),
        ("http", false, &[b"HTTP/1.1 407 Auth\r\n\r\n"], "proxy-wants-password"),
        ("http", true, &[b"HTTP/1.0 407 Auth\r\n\r\n"], "proxy-wrong-password"),
        ("http", false, &[b"HTTP/1.1 502 Bad Gateway\r\n\r\n"], "proxy-no-way"),
        ("http", false, &[b"SSH-2.0-x\r\n\r\n"], "proxy-broken"),
        ("http", false, &[&endless], "proxy-broken"),
        ("http", false, &[b"HTTP/1.1 200 OK\r\n"], "proxy-broken"),
        ("socks5", false, &[b"\x05\xff"], "proxy-wants-password"),
        ("socks5", true, &[b"\x05\x02", b"\x01\x01"], "proxy-wrong-password"),
        ("socks5", false, &[b"\x05\x00", b"\x05\x02\x00\x01"], "proxy-refused"),
        ("socks5", false, &[b"\x05\x00", b"\x05\x04\x00\x01"], "proxy-no-way"),
        ("socks5", false, &[b"\x04\x00"], "proxy-broken"),
        ("socks5", false, &[b"\x05\x02"], "proxy-broken"),
        ("socks5", false, &[b"\x05\x00", b"\x05\x00\x00\x09"], "proxy-broken"),
    ];
    for (scheme, login, answers, kind) in table {
        let error = played(scheme, login, answers).await.0.unwrap_err();
        assert_eq!(error.kind(), kind, "{answers:?}: {error}");
        let said = format!("{error} {error:?}");
        assert!(said.contains("127.0.0.1:") && !said.contains("hunter2") && !said.contains("YW5u"), "{said}");
    }
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy: Proxy = format!("http://{dead}").parse().unwrap();
    let error = connect(&proxy, "x", 1, Names::System(None), &Timing::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_final()), ("proxy-unreachable", false));
}

#[tokio::test]
async fn nothing_is_smuggled_into_the_request() {
    let (error, told) = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy: Proxy = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let error =
            connect(&proxy, "a\r\nX: y", 1, Names::System(None), &Timing::default()).await.unwrap_err();
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut told = Vec::new();
        tcp.read_to_end(&mut told).await.unwrap();
        (error, told)
    };
    assert_eq!((error.kind(), told.len()), ("proxy-no-way", 0));
}

#[test]
fn an_address_is_read_strictly_and_a_password_is_never_shown() {
    for (text, shown) in [
        ("http://proxy.example.test:3128", "http://proxy.example.test:3128"),
        ("SOCKS5://127.0.0.1:1080/", "socks5://127.0.0.1:1080"),
        ("http://[::1]:3128", "http://[::1]:3128"),
    ] {
        let proxy: Proxy = text.parse().unwrap();
        assert_eq!(proxy.to_string(), shown);
        let proxy = proxy.with_login("ann", Secret::new("hunter2"));
        assert!(!format!("{proxy} {proxy:?}").contains("hunter2"));
    }
    for text in [
        "",
        "proxy:1",
        "ftp://a:1",
        "http://a",
        "http://a:0",
        "http://a:x",
        "http://u:p@a:1",
        "http://a b:1",
        "http://:1",
        "http://[::1:1",
        "http://a:1/path",
        "http://a:99999",
    ] {
        assert!(text.parse::<Proxy>().is_err(), "{text}");
    }
}
