//! Files of this client: who may use them, who uses them now, and where they are.
//!
//! ```text
//! STATE/device               random id of this device
//! STATE/floors/HASH.json     newest policy that an account has seen, see keeper/floor.rs
//! STATE/accounts/ID/         ID is random: a JID would tell the name to whoever lists the directory
//!     account.json           {"jid": "ann@example.test"}
//!     lock                   held while a client runs
//!     history.sqlite         messages, roster cache, outbox
//!     policy/                last good signed policy, see keeper/cache.rs
//!         images/            picture at sign-in, named by its SHA-256, see keeper/brand.rs
//! ```
//!
//! Directories have mode 0700, files 0600. Whatever is replaced is written beside and renamed.

use crate::StartError;
use flint_core::BareJid;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Most account directories that are looked through.
const MAX_ACCOUNTS: usize = 1_000;
const ID_BYTES: usize = 16;

/// The files of one account. The lock is held as long as this lives.
#[derive(Debug)]
pub(crate) struct AccountDir {
    path: PathBuf,
    /// Random id of the device, 32 hexadecimal digits.
    pub(crate) device: String,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Identity {
    jid: BareJid,
}

impl AccountDir {
    /// Finds or makes the account's directory and takes its lock.
    pub(crate) fn open(state: &Path, account: &BareJid) -> Result<Self, StartError> {
        let failed = |path: &Path, error: &io::Error| {
            StartError::Files(format!(
                "{} can't be used: {error}. Check its owner and the free space, or choose another state directory.",
                path.display()
            ))
        };
        let accounts = state.join("accounts");
        make_dir(&accounts).map_err(|error| failed(&accounts, &error))?;
        // Two clients that start at once must agree on device and directory.
        let gate = lock_file(&state.join("gate")).map_err(|error| failed(state, &error))?;
        gate.lock().map_err(|error| failed(state, &error))?;
        let device = device_id(&state.join("device")).map_err(|error| failed(state, &error))?;
        let path = match find(&accounts, account).map_err(|error| failed(&accounts, &error))? {
            Some(path) => path,
            None => create(&accounts, account).map_err(|error| failed(&accounts, &error))?,
        };
        drop(gate);

        let lock = lock_file(&path.join("lock")).map_err(|error| failed(&path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, device, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StartError::AlreadyRunning(format!(
                "Flint is already running for {account}. Use that one, or close it first."
            ))),
            Err(TryLockError::Error(error)) => Err(failed(&path, &error)),
        }
    }

    /// The message store.
    pub(crate) fn history(&self) -> PathBuf {
        self.path.join("history.sqlite")
    }

    /// The signed policy.
    pub(crate) fn policy(&self) -> PathBuf {
        self.path.join("policy")
    }
}

/// The policy directory of an account that has run before. Takes no lock and makes nothing.
pub(crate) fn existing_policy_dir(state: &Path, account: &BareJid) -> Option<PathBuf> {
    find(&state.join("accounts"), account).ok().flatten().map(|path| path.join("policy"))
}

/// The message store of an account that has run before. Takes no lock and makes nothing.
pub(crate) fn existing_history(state: &Path, account: &BareJid) -> Option<PathBuf> {
    find(&state.join("accounts"), account).ok().flatten().map(|path| path.join("history.sqlite"))
}

/// The account that has run here before, when there is exactly one. Takes no lock and makes nothing.
pub(crate) fn only_account(state: &Path) -> Option<BareJid> {
    let entries = fs::read_dir(state.join("accounts")).ok()?;
    let mut accounts = entries.take(MAX_ACCOUNTS).flatten().filter_map(|entry| {
        let text = fs::read_to_string(entry.path().join("account.json")).ok()?;
        Some(serde_json::from_str::<Identity>(&text).ok()?.jid)
    });
    accounts.next().filter(|_| accounts.next().is_none())
}

fn find(accounts: &Path, account: &BareJid) -> io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(accounts) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for entry in entries.take(MAX_ACCOUNTS) {
        let path = entry?.path();
        let Ok(text) = fs::read_to_string(path.join("account.json")) else { continue };
        if serde_json::from_str::<Identity>(&text).is_ok_and(|identity| identity.jid == *account) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn create(accounts: &Path, account: &BareJid) -> io::Result<PathBuf> {
    let path = accounts.join(hex(&random()?));
    make_dir(&path)?;
    let identity = serde_json::to_vec(&Identity { jid: account.clone() })?;
    replace(&path.join("account.json"), &identity)?;
    Ok(path)
}

fn device_id(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let id = text.trim();
            if id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Ok(id.to_owned());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let id = hex(&random()?);
    replace(path, id.as_bytes())?;
    Ok(id)
}

/// 128 random bits.
pub(crate) fn random() -> io::Result<[u8; ID_BYTES]> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a directory and those above it, for this person only.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Replaces a file as a whole: after a crash there is the old one or the new one; after the return, the new one.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn jid(text: &str) -> BareJid {
        text.parse().unwrap()
    }

    #[test]
    fn an_account_is_used_once_at_a_time_and_found_again() {
        let state = tempfile::tempdir().unwrap();
        let first = AccountDir::open(state.path(), &jid("ann@example.test")).unwrap();
        let path = first.path.clone();
        assert_eq!(only_account(state.path()), Some(jid("ann@example.test")));
        assert!(!path.to_string_lossy().contains("ann"));
        let second = AccountDir::open(state.path(), &jid("ann@example.test"));
        assert!(matches!(second, Err(StartError::AlreadyRunning(_))), "{second:?}");
        let other = AccountDir::open(state.path(), &jid("bob@example.test")).unwrap();
        assert_ne!(other.path, path);
        assert_eq!(only_account(state.path()), None, "there are two");
        assert_eq!(other.device, first.device);
        drop(first);
        assert_eq!(AccountDir::open(state.path(), &jid("ann@example.test")).unwrap().path, path);
        assert_eq!(existing_policy_dir(state.path(), &jid("ann@example.test")), Some(path.join("policy")));
        assert_eq!(existing_policy_dir(state.path(), &jid("eve@example.test")), None);
    }

    #[test]
    fn files_are_private() {
        let state = tempfile::tempdir().unwrap();
        let dir = AccountDir::open(state.path(), &jid("ann@example.test")).unwrap();
        for (path, mode) in [
            (state.path().join("device"), 0o600),
            (dir.path.join("account.json"), 0o600),
            (dir.path.join("lock"), 0o600),
            (dir.path.clone(), 0o700),
        ] {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{path:?}");
        }
    }

    #[test]
    fn a_state_directory_that_is_a_file_is_an_error_not_a_panic() {
        let state = tempfile::NamedTempFile::new().unwrap();
        let opened = AccountDir::open(state.path(), &jid("ann@example.test"));
        assert!(matches!(opened, Err(StartError::Files(_))), "{opened:?}");
    }
}
