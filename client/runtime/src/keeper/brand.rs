//! The organisation's picture at sign-in (policy `BrandImage`): fetched once, verified, kept for starts without a
//! network.
//!
//! A file is named by the hash that policy asks for and by nothing of its address, and its content is hashed again
//! whenever a client starts, so that whoever can write files here can take the picture away but not change it.

use super::PolicyKeeper;
use super::fetch::Http;
use crate::state_dir::{make_dir, replace};
use flint_core::capability::BRAND_IMAGE;
use flint_policy::FileReference;
use reqwest::{StatusCode, Url};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest picture, whatever the catalog says.
const MAX_BYTES: u32 = 512 * 1024;
/// Most files that one tidying looks at.
const MAX_FILES: usize = 1_000;

/// The picture of one account.
#[derive(Debug)]
pub(crate) struct BrandImage {
    /// `None`: nothing is kept, so nothing is shown either.
    directory: Option<PathBuf>,
    wanted: Option<FileReference>,
    /// Content of the hash that is wanted.
    held: Option<PathBuf>,
    problem: Option<String>,
    due: bool,
    running: bool,
    /// Files of earlier pictures may be left.
    untidy: bool,
}

impl BrandImage {
    pub(crate) fn new(directory: Option<PathBuf>) -> Self {
        Self { directory, wanted: None, held: None, problem: None, due: false, running: false, untidy: true }
    }

    /// Policy says this now.
    fn follow(&mut self, wanted: Option<FileReference>) {
        if self.wanted == wanted {
            return;
        }
        let same = |before: &FileReference| wanted.as_ref().is_some_and(|now| now.sha256 == before.sha256);
        if !self.wanted.as_ref().is_some_and(same) {
            self.held = None;
            self.untidy = true;
        }
        self.problem = None;
        self.wanted = wanted;
        if self.held.is_none() {
            self.load();
        }
        self.due = self.is_missing();
    }

    fn load(&mut self) {
        let (Some(wanted), Some(path)) = (&self.wanted, self.file()) else { return };
        match read(&path, limit(wanted)) {
            Ok(content) if is_right(wanted, &content) => self.held = Some(path),
            Ok(_) => {
                self.problem = Some("The picture that was kept was changed, so it is not shown.".to_owned())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.problem = Some(format!("{} can't be used: {error}.", path.display())),
        }
    }

    /// Where the wanted content belongs.
    fn file(&self) -> Option<PathBuf> {
        let name = &self.wanted.as_ref()?.sha256;
        let is_hash = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.directory.as_ref().filter(|_| is_hash).map(|directory| directory.join(name))
    }

    fn is_missing(&self) -> bool {
        self.held.is_none() && self.file().is_some()
    }

    /// Now is a moment to try again what has failed.
    pub(crate) fn retry(&mut self) {
        self.due = self.is_missing();
    }

    fn begin(&mut self) -> Option<FileReference> {
        if std::mem::take(&mut self.untidy) {
            self.tidy();
        }
        if self.running || !std::mem::take(&mut self.due) {
            return None;
        }
        self.running = self.wanted.is_some();
        self.wanted.clone()
    }

    fn ended(&mut self, asked: &FileReference, outcome: Result<Vec<u8>, String>) {
        self.running = false;
        if self.wanted.as_ref() != Some(asked) {
            return;
        }
        self.problem = match (outcome, self.file()) {
            (Ok(content), Some(path)) if is_right(asked, &content) => match keep(&path, &content) {
                Ok(()) => {
                    self.held = Some(path);
                    None
                }
                Err(error) => Some(format!("The picture could not be kept: {error}. Check the disk.")),
            },
            (Ok(_), _) => Some(format!(
                "The picture at {} is not the one that policy names: its SHA-256 is another one, so it is not shown.",
                asked.url
            )),
            (Err(problem), _) => Some(problem),
        };
        if let Some(problem) = &self.problem {
            tracing::warn!(problem, "the organisation's picture could not be fetched");
        }
    }

    /// Removes what is no longer wanted, and what a crash has left half-written.
    fn tidy(&self) {
        let Some(entries) = self.directory.as_ref().and_then(|directory| fs::read_dir(directory).ok()) else {
            return;
        };
        let wanted = self.file();
        for path in entries.take(MAX_FILES).flatten().map(|entry| entry.path()) {
            if Some(&path) != wanted.as_ref()
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::warn!(%error, path = %path.display(), "an old picture can't be removed");
            }
        }
    }

    /// The verified file.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.held.as_deref()
    }

    /// Why there is none, for the policy page.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        self.problem.as_ref().map(|problem| (BRAND_IMAGE, format!("{BRAND_IMAGE}: {problem}")))
    }
}

impl PolicyKeeper {
    /// Takes the picture from the policy in force.
    pub(super) fn follow_image(&mut self) {
        let wanted = self.effective().brand_image();
        self.image.follow(wanted);
    }

    /// The picture to fetch now, if one is. [`PolicyKeeper::image_fetched`] must follow.
    pub(crate) fn begin_image(&mut self) -> Option<FileReference> {
        self.image.begin()
    }

    /// The fetch of this picture has ended.
    pub(crate) fn image_fetched(&mut self, asked: &FileReference, outcome: Result<Vec<u8>, String>) {
        self.image.ended(asked, outcome);
    }
}

impl Http {
    /// Fetches a file that is public within the organisation: nobody signs in for it. What it is worth, its hash tells.
    ///
    /// # Errors
    /// A sentence about what went wrong.
    pub(crate) async fn file(&self, wanted: &FileReference) -> Result<Vec<u8>, String> {
        let url = Url::parse(&wanted.url).map_err(|error| format!("The address is not valid: {error}."))?;
        let who = format!("server {}", url.host_str().unwrap_or_default());
        let mut response = self.client.get(url).send().await.map_err(|error| self.failure(&who, &error))?;
        if response.status() != StatusCode::OK {
            return Err(format!("The {who} answered with status {}.", response.status().as_u16()));
        }
        let mut content = Vec::new();
        let limit = limit(wanted);
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&who, &error))? {
            if content.len() + chunk.len() > limit {
                return Err(format!("The {who} sent more than {} KiB.", limit / 1024));
            }
            content.extend_from_slice(&chunk);
        }
        Ok(content)
    }
}

fn limit(wanted: &FileReference) -> usize {
    wanted.max_size.min(MAX_BYTES).try_into().unwrap_or(usize::MAX)
}

fn is_right(wanted: &FileReference, content: &[u8]) -> bool {
    let hash: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    hash == wanted.sha256
}

fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut content = Vec::new();
    // One byte more than may be there gives a file that is too long another hash.
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path)?.take(most).read_to_end(&mut content)?;
    Ok(content)
}

fn keep(path: &Path, content: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), make_dir)?;
    replace(path, content)
}

#[cfg(test)]
mod tests;
