//! `/etc/flint/trust.json`: the root that an administrator has put on the computer.

use serde::{Deserialize, Serialize};

use crate::envelope::{Envelope, MAX_ENVELOPE};
use crate::root::RootRejected;
use crate::trust::Trust;

#[cfg(test)]
mod tests;

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustFile {
    /// The domain that it speaks for.
    pub domain: String,
    /// HTTPS address of the console with a `/` at its end, if it is not to be found over XMPP.
    pub url: Option<String>,
    /// The root.
    pub trust: Trust,
}

/// The file can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustFileError {
    /// Not JSON, or a field is missing.
    #[error("the trust file can't be read: {0}")]
    Malformed(String),
    /// Another format.
    #[error("the trust file has format {0}, and this version reads format 1")]
    Format(u32),
    /// Not an `https://` address.
    #[error("the address in the trust file has to begin with https://")]
    Url,
    /// The root in it is refused.
    #[error("the root in the trust file is refused: {0}")]
    Root(#[from] RootRejected),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    format: u32,
    domain: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    root: Envelope,
}

impl TrustFile {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// See [`TrustFileError`].
    pub fn parse(text: &str) -> Result<Self, TrustFileError> {
        if text.len() > 2 * MAX_ENVELOPE {
            return Err(TrustFileError::Malformed("it is larger than 2 MiB".into()));
        }
        let raw: Raw = serde_json::from_str(text).map_err(|e| TrustFileError::Malformed(e.to_string()))?;
        if raw.format != 1 {
            return Err(TrustFileError::Format(raw.format));
        }
        let url = match raw.url {
            Some(url) if !url.starts_with("https://") => return Err(TrustFileError::Url),
            Some(url) if !url.ends_with('/') => Some(url + "/"),
            url => url,
        };
        let trust = Trust::pin_envelope(raw.root, &raw.domain)?;
        Ok(Self { domain: raw.domain, url, trust })
    }

    /// The text of the file, as `flintd admin trust-root` prints it.
    pub fn to_json(&self) -> String {
        let root =
            Envelope::from_json(self.trust.envelope_json().as_bytes()).expect("our own envelope can be read");
        let raw = Raw { format: 1, domain: self.domain.clone(), url: self.url.clone(), root };
        serde_json::to_string_pretty(&raw).expect("strings can always be written")
    }
}
