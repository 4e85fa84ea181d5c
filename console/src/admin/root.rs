//! `flintd admin root …`: the root key may lie on a computer without network, so making a root, signing and installing it
//! are three commands, and only a file goes from one to the next.

use super::{AdminError, print};
use crate::config::Config;
use crate::files;
use crate::policy::keys::{self, Keys, NextRoot, RotateError};
use clap::{Args, Subcommand};
use flint_policy::{MAX_ENVELOPE, PublicKey, RootDraft};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What to do with roots.
#[derive(Debug, Subcommand)]
pub enum RootCommand {
    /// Make a root key in a new file, on any computer, and print its public half.
    Key {
        /// The new file.
        #[arg(value_name = "KEY")]
        file: PathBuf,
    },
    /// Write the next root document, for the holders of root keys to sign.
    Next(Next),
    /// Sign a root document with a root key, on any computer.
    Sign {
        /// The file with the root document; the signature is added to it.
        #[arg(value_name = "ROOT")]
        file: PathBuf,
        /// The file with the root key.
        #[arg(long, value_name = "KEY")]
        key: PathBuf,
    },
    /// Take a signed root document; clients follow it after flintd is restarted.
    Install {
        /// The file with the root document.
        #[arg(value_name = "ROOT")]
        file: PathBuf,
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// What the next root is to be.
#[derive(Debug, Args)]
pub struct Next {
    /// The new file.
    #[arg(value_name = "ROOT")]
    file: PathBuf,
    /// Sign policies with a new key: the old one may be stolen. Raises the epoch too.
    #[arg(long)]
    new_signing_key: bool,
    /// Raise the epoch: the console was restored from a backup, and clients have seen newer versions.
    #[arg(long)]
    raise_epoch: bool,
    /// Public half of a root key, once for each; without it the root keys stay.
    #[arg(long = "root-key", value_name = "PUBLIC", value_parser = public_key)]
    root_keys: Vec<PublicKey>,
    /// How many root keys have to sign the root after this one.
    #[arg(long, value_name = "COUNT")]
    threshold: Option<u32>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

pub(super) fn run(command: RootCommand) -> Result<(), AdminError> {
    match command {
        RootCommand::Key { file } => {
            let public = serde_json::to_value(keys::make_key(&file)?).unwrap_or_default();
            print(public.as_str().unwrap_or_default())
        }
        RootCommand::Next(next) => {
            let config = Config::read(&next.config)?;
            if next.file.exists() {
                return Err(keys::KeyError::Exists { file: next.file }.into());
            }
            let wish = NextRoot {
                root_keys: next.root_keys,
                threshold: next.threshold,
                new_signing_key: next.new_signing_key,
                raise_epoch: next.raise_epoch,
            };
            let draft = Keys::open(&config.state, &config.domain)?.next_root(&config.state, wish)?;
            files::write_secret(&next.file, draft.to_json().as_bytes())?;
            print(&format!("{} Let it be signed, then install it.", about(&draft)))
        }
        RootCommand::Sign { file, key } => {
            let mut draft = RootDraft::from_json(&read(&file)?).map_err(RotateError::from)?;
            draft.sign(&keys::read_key(&key)?);
            files::write_secret(&file, draft.to_json().as_bytes())?;
            print(&about(&draft))
        }
        RootCommand::Install { file, config } => {
            let config = Config::read(&config)?;
            let mut keys = Keys::open(&config.state, &config.domain)?;
            let version = keys.install(&config.state, &read(&file)?)?;
            print(&format!("Root {version} is installed. Restart flintd to use it."))
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, AdminError> {
    let refuse =
        |problem: std::io::Error| AdminError::Import { file: file.to_owned(), problem: problem.to_string() };
    let mut bytes = Vec::new();
    let open = std::fs::File::open(file).map_err(refuse)?;
    // One octet more than is allowed, so that the reader refuses it.
    open.take(MAX_ENVELOPE as u64 + 1).read_to_end(&mut bytes).map_err(refuse)?;
    Ok(bytes)
}

/// What the holder of a key puts a name to.
fn about(draft: &RootDraft) -> String {
    let root = draft.document();
    format!(
        "Root {} of {}: {} root keys of which {} have to sign, {} signing keys, epoch {}; signatures: {}.",
        root.version,
        root.domain,
        root.root_keys.len(),
        root.threshold,
        root.signing_keys.len(),
        root.epoch,
        draft.signatures(),
    )
}
