//! `flintd admin root …`: the root key may lie on a computer without network, so making a root, signing and installing it
//! are three commands, and only a file goes from one to the next.

use super::{AdminError, print};
use crate::config::Config;
use crate::files;
use crate::policy::keys::{self, Keys, NextRoot, RotateError};
use clap::{Args, Subcommand};
use flint_policy::{MAX_ENVELOPE, PublicKey, RootDocument, RootDraft};
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
    /// Show a root document and, with --yes, sign it with a root key, on any computer.
    Sign {
        /// The file with the root document; the signature is added to it.
        #[arg(value_name = "ROOT")]
        file: PathBuf,
        /// The file with the root key.
        #[arg(long, value_name = "KEY")]
        key: PathBuf,
        /// The root document before it (roots/N.json of the state directory): tells which keys are new.
        #[arg(long, value_name = "ROOT")]
        old: Option<PathBuf>,
        /// Sign: every line that the command shows has been checked.
        #[arg(long)]
        yes: bool,
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
            let wish = NextRoot {
                root_keys: next.root_keys,
                threshold: next.threshold,
                new_signing_key: next.new_signing_key,
                raise_epoch: next.raise_epoch,
            };
            let keys = Keys::open(&config.state, &config.domain)?;
            let draft = keys.next_root(&config.state, wish)?;
            files::write_new_secret(&next.file, draft.to_json().as_bytes())?;
            print(&about(&draft, Some(keys.document())))?;
            print("Let it be signed, then install it.")
        }
        RootCommand::Sign { file, key, old, yes } => {
            let mut draft = draft(&file)?;
            let old = old.as_deref().map(self::draft).transpose()?;
            // Read before the key is, and by a person: what is signed can't be taken back.
            print(&about(&draft, old.as_ref().map(RootDraft::document)))?;
            if !yes {
                return Err(AdminError::Unconfirmed);
            }
            draft.sign(&keys::read_key(&key)?);
            files::write_secret(&file, draft.to_json().as_bytes())?;
            print(&format!("Signed. Signatures: {}.", draft.signatures()))
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

fn draft(file: &Path) -> Result<RootDraft, AdminError> {
    Ok(RootDraft::from_json(&read(file)?).map_err(RotateError::from)?)
}

/// What the holder of a key puts a name to, whole; compared with the root before it.
fn about(draft: &RootDraft, old: Option<&RootDocument>) -> String {
    let root = draft.document();
    // The text comes from a file: it must not move the cursor over what stands below.
    let name = |root: &RootDocument| format!("Root {} of {}", root.version, root.domain.escape_debug());
    let mut lines = vec![format!("{}, epoch {}.", name(root), root.epoch)];
    match old {
        Some(old) => {
            let threshold = old.threshold;
            lines.push(format!("Before it: {}, epoch {}, threshold {threshold}.", name(old), old.epoch));
        }
        None => lines.push("To see which keys are new, give the root before it as --old.".to_owned()),
    }
    lines.push(format!("The root after it has to be signed by {} of these root keys:", root.threshold));
    lines.extend(listed(&root.root_keys, old.map(|old| old.root_keys.as_slice())));
    lines.push("Policies have to be signed by one of these signing keys:".to_owned());
    lines.extend(listed(&root.signing_keys, old.map(|old| old.signing_keys.as_slice())));
    lines.push(format!("Signatures so far: {}.", draft.signatures()));
    lines.join("\n")
}

/// The public keys, one a line, and those of the old root that are not among them any more.
fn listed(keys: &[PublicKey], old: Option<&[PublicKey]>) -> Vec<String> {
    let line = |key: &PublicKey, mark: &str| {
        let text = serde_json::to_value(key).unwrap_or_default();
        format!("  {}{mark}", text.as_str().unwrap_or_default())
    };
    let known = |key: &PublicKey| old.is_none_or(|old| old.contains(key));
    let gone = old.unwrap_or_default().iter().filter(|key| !keys.contains(key));
    let listed = keys.iter().map(|key| line(key, if known(key) { "" } else { "  NEW" }));
    listed.chain(gone.map(|key| line(key, "  GONE"))).collect()
}
