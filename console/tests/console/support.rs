//! An application in a temporary directory, with tickets that are just names, and a browser that keeps cookies.

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flint_kerberos::{Failure, FailureKind, Principal};
use flintd::auth::TicketCheck;
use flintd::config::Config;
use flintd::policy::keys::Keys;
use flintd::server::{App, Peer, router};
use flintd::store::Store;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt;

/// When the tests begin.
pub(crate) const START: u64 = 1_800_000_000_000;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(START) };
}

fn now() -> u64 {
    NOW.get()
}

/// Lets time pass.
pub(crate) fn advance(milliseconds: u64) {
    NOW.set(NOW.get() + milliseconds);
}

struct Names;

impl TicketCheck for Names {
    fn check(&self, token: &[u8]) -> Result<(Principal, Option<Vec<u8>>), Failure> {
        let name = String::from_utf8_lossy(token).into_owned();
        if name == "bad" {
            return Err(Failure { kind: FailureKind::BadToken, detail: "bad".to_owned() });
        }
        let realm = if name == "stranger" { "OTHER.TEST" } else { "EXAMPLE.TEST" };
        Ok((Principal { name, realm: realm.to_owned() }, Some(b"reply".to_vec())))
    }
}

const CONFIG: &str = r#"
domain = "example.test"
state = "state"
administrators = ["admin@example.test"]
http = { listen = "127.0.0.1:0", public_url = "https://localhost/", certificate = "c", key = "k" }
kerberos = { realms = { "EXAMPLE.TEST" = "example.test" } }
"#;

/// The application.
pub(crate) struct World {
    /// What the handlers share.
    pub(crate) app: Arc<App>,
    _directory: tempfile::TempDir,
}

/// An answer.
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: StatusCode,
    /// Body as text.
    pub(crate) body: String,
    /// Body.
    pub(crate) bytes: Vec<u8>,
    headers: HeaderMap,
}

impl Answer {
    /// A header's text, the last one of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get_all(name).into_iter().next_back().map(|value| value.to_str().unwrap())
    }

    /// Value of the first hidden field of this name.
    pub(crate) fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let from = self.body.find(&start).unwrap_or_else(|| panic!("no field {name}: {}", self.body));
        let rest = &self.body[from + start.len()..];
        rest[..rest.find('"').unwrap()].to_owned()
    }
}

impl World {
    /// A fresh one.
    pub(crate) async fn new() -> Self {
        NOW.set(START);
        let directory = tempfile::tempdir().unwrap();
        let config = Config::parse(CONFIG).unwrap();
        let store = Store::open(&directory.path().join("db.sqlite")).await.unwrap();
        let keys = Keys::open(directory.path(), "example.test").unwrap();
        let mut app = App::new(config, store, keys, Some(Arc::new(Names)));
        app.clock = now;
        let app = Arc::new(app);
        flintd::policy::documents::renew(&app).await.unwrap();
        Self { app, _directory: directory }
    }

    /// The application alone.
    pub(crate) fn into_app(self) -> Arc<App> {
        self.app
    }

    async fn ask(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(Peer("192.0.2.1".parse().unwrap()));
        let response = router(self.app.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, body, bytes, headers: parts.headers }
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    /// The document request of a person.
    pub(crate) async fn fetch(&self, who: &str, tag: Option<&str>) -> Answer {
        let token = format!("Negotiate {}", STANDARD.encode(who));
        let mut headers = vec![("authorization", token.as_str())];
        headers.extend(tag.map(|tag| ("if-none-match", tag)));
        self.get("/api/policy/v1/document", &headers).await
    }

    /// A person's document and its tag.
    pub(crate) async fn document(&self, who: &str, tag: Option<&str>) -> (Vec<u8>, String) {
        let answer = self.fetch(who, tag).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let tag = answer.header("etag").unwrap().to_owned();
        (answer.bytes, tag)
    }

    /// The root envelope.
    pub(crate) async fn root(&self) -> Vec<u8> {
        self.get("/api/policy/v1/root", &[("authorization", "Negotiate YW5u")]).await.bytes
    }
}

/// Somebody with cookies.
pub(crate) struct Browser<'a> {
    world: &'a World,
    cookies: BTreeMap<String, String>,
    /// Sent with each request.
    pub(crate) headers: Vec<(String, String)>,
}

impl<'a> Browser<'a> {
    /// Without a session.
    pub(crate) fn new(world: &'a World) -> Self {
        Self { world, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// With the administrator's session.
    pub(crate) async fn signed_in(world: &'a World) -> Self {
        let mut browser = Self::new(world);
        browser.headers.push(("authorization".to_owned(), "Negotiate YWRtaW4=".to_owned()));
        browser.get("/policies").await;
        browser.headers.clear();
        browser
    }

    /// GET with cookies.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), Body::empty()).await
    }

    /// POST of a form with cookies.
    pub(crate) async fn post<T: AsRef<str>>(&mut self, path: &str, fields: &[(&str, T)]) -> Answer {
        let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encode(value.as_ref()))).collect();
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request, Body::from(pairs.join("&"))).await
    }

    async fn send(&mut self, mut request: axum::http::request::Builder, body: Body) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request = request.header("cookie", cookies.join("; "));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer = self.world.ask(request.body(body).unwrap()).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}
