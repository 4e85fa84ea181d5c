//! A sentence that the next page shows once. The cookie holds a code and a number, so nobody can plant a text.

use crate::auth::{cookie, set_cookie};
use axum::http::{HeaderMap, HeaderValue};

const COOKIE: &str = "__Host-flint-flash";

/// A sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Flash {
    /// `ok` or `bad`.
    pub class: &'static str,
    /// The sentence.
    pub text: String,
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    /// A version was published.
    Published(u64),
    /// An old version was published again, as this one.
    Reverted(u64),
    /// Somebody was faster with this version.
    Conflict(u64),
}

/// The cookie for the next page.
pub fn tell(event: Event) -> HeaderValue {
    let text = match event {
        Event::Published(version) => format!("published-{version}"),
        Event::Reverted(version) => format!("reverted-{version}"),
        Event::Conflict(version) => format!("conflict-{version}"),
    };
    set_cookie(COOKIE, &text, 60)
}

/// Takes the cookie away.
pub fn forget() -> HeaderValue {
    set_cookie(COOKIE, "", 0)
}

/// What the cookie says.
pub fn read(headers: &HeaderMap) -> Option<Flash> {
    let (code, version) = cookie(headers, COOKIE)?.split_once('-')?;
    let version: u64 = version.parse().ok()?;
    let (class, text) = match code {
        "published" => {
            ("ok", format!("Version {version} is published. Clients that are online are told now."))
        }
        "reverted" => ("ok", format!("The old settings are in force again, as version {version}.")),
        "conflict" => (
            "bad",
            format!("Version {version} was published in the meantime, so nothing was changed. Look again."),
        ),
        _ => return None,
    };
    Some(Flash { class, text })
}
