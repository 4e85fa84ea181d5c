//! Fetching the signed policy over HTTPS with the desktop's ticket.
//!
//! Every request carries a fresh SPNEGO token, and an answer counts only when the server has proved itself in turn:
//! TLS says that the host is the right one, Kerberos that it belongs to the organisation.

use super::cache::Pinned;
use super::chain::{self, Plan, Source};
use crate::AccountOptions;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flint_kerberos::{Initiator, Mechanism};
use flint_policy::MAX_ENVELOPE;
use flint_stream::{ProxyKind, root_store};
use reqwest::header::{AUTHORIZATION, ETAG, HeaderMap, IF_NONE_MATCH, WWW_AUTHENTICATE};
use reqwest::{StatusCode, Url};
use std::sync::Arc;
use std::time::Duration;

/// How to ask.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(super) client: reqwest::Client,
    /// The way out as a person reads it, without its login.
    proxy: Option<String>,
}

/// One answer of a server that has proved itself, or a refusal of anybody.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

/// A policy service at one address.
struct Service<'a> {
    http: &'a Http,
    base: Url,
}

impl Source for Service<'_> {
    async fn root(&self, version: Option<u64>) -> Result<Vec<u8>, String> {
        let path =
            version.map_or_else(|| "api/policy/v1/root".to_owned(), |v| format!("api/policy/v1/root/{v}"));
        let answer = self.http.get(&self.base, &path, None).await?;
        if answer.status == StatusCode::OK {
            Ok(answer.body)
        } else {
            Err(refusal(answer.status, &answer.body))
        }
    }

    async fn document(&self, known: Option<u64>) -> Result<Option<Vec<u8>>, String> {
        let answer = self.http.get(&self.base, "api/policy/v1/document", known).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            StatusCode::NOT_MODIFIED if known.is_some() => Ok(None),
            status => Err(refusal(status, &answer.body)),
        }
    }
}

impl Http {
    /// Trusts the system's authorities and those of the account's files, and goes the way of the chat: through the
    /// account's proxy, if it has one.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn new(options: &AccountOptions) -> Result<Self, String> {
        let roots = root_store(&options.ca_files).map_err(|error| error.to_string())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS can't be set up: {error}."))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            // A ticket is for one host: it follows no redirect and goes through no proxy of the environment.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("flint/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(30));
        let builder = match &options.proxy {
            Some(proxy) => builder.proxy(way_through(proxy)?),
            None => builder,
        };
        let client = builder.build().map_err(|error| format!("HTTPS can't be set up: {error}."))?;
        Ok(Self { client, proxy: options.proxy.as_ref().map(ToString::to_string) })
    }

    /// What a person reads about a failed exchange with `who`.
    pub(super) fn failure(&self, who: &str, error: &reqwest::Error) -> String {
        let mut cause: &dyn std::error::Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let way = self.proxy.as_ref().map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
        if error.is_timeout() {
            format!("The {who} did not answer in time{way}.")
        } else {
            format!("The {who} can't be reached{way}: {cause}.")
        }
    }

    /// Fetches what the plan asks for.
    ///
    /// # Errors
    /// A sentence about what went wrong. Nothing has changed then.
    pub(crate) async fn refresh(&self, plan: Plan) -> Result<Pinned, String> {
        let base =
            Url::parse(&plan.url).map_err(|error| format!("The policy address is not valid: {error}."))?;
        if base.scheme() != "https" || base.host_str().is_none() {
            return Err("The policy address does not begin with https://.".to_owned());
        }
        chain::refresh(&Service { http: self, base }, plan).await
    }

    async fn get(&self, base: &Url, path: &str, etag: Option<u64>) -> Result<Answer, String> {
        let url = base.join(path).map_err(|error| format!("The policy address is not valid: {error}."))?;
        let host = url.host_str().ok_or("The policy address has no host.")?.to_owned();
        let shown = format!("policy service {host}");
        let (mut context, token) = blocking(move || {
            let mut context = Initiator::new(Mechanism::Spnego, "HTTP", &host)?;
            let token = context.step(None)?;
            Ok((context, token.unwrap_or_default()))
        })
        .await?;

        let mut request =
            self.client.get(url).header(AUTHORIZATION, format!("Negotiate {}", STANDARD.encode(token)));
        if let Some(version) = etag {
            request = request.header(IF_NONE_MATCH, format!("\"{version}\""));
        }
        let mut response = request.send().await.map_err(|error| self.failure(&shown, &error))?;
        let status = response.status();
        tracing::debug!(%status, path, etag = ?response.headers().get(ETAG), "policy service answered");
        let reply = negotiate(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&shown, &error))? {
            if body.len() + chunk.len() > MAX_ENVELOPE {
                return Err("The policy service sent more than 1 MiB.".to_owned());
            }
            body.extend_from_slice(&chunk);
        }
        if matches!(status, StatusCode::OK | StatusCode::NOT_MODIFIED) {
            let proven = blocking(move || {
                if let Some(reply) = reply {
                    context.step(Some(&reply))?;
                }
                Ok(context.is_complete() && context.is_mutual())
            })
            .await?;
            if !proven {
                return Err(format!("The {shown} did not prove who it is; its answer is ignored."));
            }
        }
        Ok(Answer { status, body })
    }
}

/// The server's token (RFC 4559 §5).
fn negotiate(headers: &HeaderMap) -> Option<Vec<u8>> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.strip_prefix("Negotiate "))
        .find_map(|token| STANDARD.decode(token.trim()).ok())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, flint_kerberos::Failure> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(failure)) => {
            tracing::info!(
                kind = failure.kind.code(),
                detail = failure.detail,
                "no token for the policy service"
            );
            Err(format!("{} {}", failure.kind.reason(), failure.kind.next_step()))
        }
        Err(_) => Err("The ticket could not be used because of an internal error.".to_owned()),
    }
}

/// The same proxy for HTTPS. Host names are looked up by the proxy.
fn way_through(proxy: &flint_stream::Proxy) -> Result<reqwest::Proxy, String> {
    let address = match proxy.kind() {
        ProxyKind::Http => proxy.to_string(),
        ProxyKind::Socks5 => proxy.to_string().replacen("socks5", "socks5h", 1),
    };
    let way = reqwest::Proxy::all(address).map_err(|error| format!("{proxy} can't be used: {error}."))?;
    Ok(match proxy.login() {
        Some((user, password)) => {
            // reqwest writes both into a URL in which it escapes everything but this.
            let escaped = |text: &str| text.replace('%', "%25");
            way.basic_auth(&escaped(user), &escaped(password.expose()))
        }
        None => way,
    })
}

/// What a refusal says: the service's own sentence if it has one.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        error: String,
    }
    match serde_json::from_slice::<Said>(body) {
        Ok(Said { error }) => {
            let shown: String = error.chars().filter(|c| !c.is_control()).take(300).collect();
            format!("The policy service says: {shown}")
        }
        Err(_) if status == StatusCode::UNAUTHORIZED => {
            "The policy service did not accept the ticket. Ask your administrator.".to_owned()
        }
        Err(_) => format!("The policy service answered with status {}.", status.as_u16()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_use_the_services_own_sentence() {
        for (status, body, expected) in [
            (404, r#"{"error": "No such person."}"#, "The policy service says: No such person."),
            (404, "<html>", "The policy service answered with status 404."),
            (401, "", "The policy service did not accept the ticket. Ask your administrator."),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(refusal(status, body.as_bytes()), expected);
        }
    }

    #[test]
    fn the_servers_token_is_found_among_other_schemes() {
        let mut headers = HeaderMap::new();
        assert_eq!(negotiate(&headers), None);
        headers.append(WWW_AUTHENTICATE, "Basic realm=x".parse().unwrap());
        headers.append(WWW_AUTHENTICATE, "Negotiate".parse().unwrap());
        assert_eq!(negotiate(&headers), None);
        headers.append(WWW_AUTHENTICATE, "Negotiate YWJj".parse().unwrap());
        assert_eq!(negotiate(&headers).as_deref(), Some(&b"abc"[..]));
    }
}
