use super::*;

#[test]
fn endpoints_are_taken_apart_or_refused() {
    let endpoint = |text: &str| Endpoint::parse(text).map(|it| (it.scheme, it.host, it.port));
    let parts = |scheme: &str, host: &str, port| Some((scheme.to_owned(), host.to_owned(), port));
    assert_eq!(endpoint("http://proxy.example.test:3128"), parts("http", "proxy.example.test", 3128));
    assert_eq!(endpoint("socks5://[::1]:1080"), parts("socks5", "::1", 1080));
    assert_eq!(Endpoint::parse("socks5://[::1]:1080").unwrap().to_string(), "socks5://[::1]:1080");
    assert_eq!(Endpoint::parse("http://h:1").unwrap().to_string(), "http://h:1");
    for text in [
        "",
        "proxy:3128",
        "http://proxy",
        "http://proxy:",
        "http://proxy:0",
        "http://proxy:65536",
        "http://proxy:+80",
        "http://proxy:3128/",
        "http://:3128",
        "http://user:secret@proxy:3128",
        "http://user@proxy:3128",
        "http://pro xy:3128",
        "http://::1:3128",
        "http://[proxy]:3128",
        "http://[::1:3128",
        "http://-proxy:3128",
    ] {
        assert_eq!(Endpoint::parse(text), None, "{text}");
    }
}

#[test]
fn files_come_over_https_only() {
    for url in ["https://h/a.png", "https://h.example.test:8443/a?b=c", "https://h"] {
        assert!(is_https(url), "{url}");
    }
    let long = format!("https://h/{}", "a".repeat(MAX_ADDRESS));
    for url in [
        "http://h/a.png",
        "https:///a.png",
        "https://user@h/a.png",
        "https://user:pw@h/a.png",
        "https://h:0/a.png",
        "https://h:x/a.png",
        "https://h/a b.png",
        "https://h/é.png",
        "https://h/a.png#b",
        "file:///etc/passwd",
        &long,
    ] {
        assert!(!is_https(url), "{url}");
    }
    assert_eq!(sha256(&"Ab".repeat(32)), Some("ab".repeat(32)));
    assert_eq!(sha256(&"ab".repeat(31)), None);
    assert_eq!(sha256(&"é".repeat(32)), None);
    assert_eq!(sha256(&"xy".repeat(32)), None);
}

#[test]
fn a_secret_shows_neither_in_debug_nor_in_json() {
    let secret = SecretText::new("hunter2");
    assert_eq!(secret.expose(), "hunter2");
    let shown = format!("{secret:?} {}", serde_json::to_string(&secret).unwrap());
    assert!(shown.contains(MASK) && !shown.contains("hunter2"), "{shown}");
}
