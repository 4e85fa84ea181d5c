//! Files with secrets: read only when nobody else can, written so that nobody else ever could.

use rustix::fs::{CWD, Mode, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Largest secret, in bytes.
const MAX_SECRET: u64 = 1 << 20;

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It can't be read.
    #[error("The file {} can't be read: {source}. Create it or correct the path in the configuration.", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It can't be written.
    #[error("The file {} can't be written: {source}. Make the directory writable for flintd's user.", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It would have been written over.
    #[error("There is a file {} already. Give another path for the new one.", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// Others can read it.
    #[error("The file {} holds a secret but has mode {mode:04o}. Run: chmod 600 {}", file.display(), file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// There is nothing in it.
    #[error("The file {} is empty. Write the secret into it.", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// Its content is not what it should be.
    #[error("The file {} is damaged: {detail}. Restore it from a backup.", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

/// Reads a file that only its owner can read (mode 0600 or less).
///
/// # Errors
/// It is not there, or others can read or write it.
pub fn read_secret_bytes(file: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let refuse = |source| FileError::Read { file: file.to_owned(), source };
    let open = File::open(file).map_err(refuse)?;
    let mode = open.metadata().map_err(refuse)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FileError::Open { file: file.to_owned(), mode });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    open.take(MAX_SECRET).read_to_end(&mut bytes).map_err(refuse)?;
    Ok(bytes)
}

/// The same as text.
///
/// # Errors
/// As [`read_secret_bytes`], or it is not UTF-8.
pub fn read_secret(file: &Path) -> Result<Zeroizing<String>, FileError> {
    let bytes = read_secret_bytes(file)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| FileError::Damaged { file: file.to_owned(), detail: "it is not text".to_owned() })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Writes a file with mode 0600, whole or not at all, in place of the one of that name.
///
/// # Errors
/// It can't be written.
pub fn write_secret(file: &Path, content: &[u8]) -> Result<(), FileError> {
    Part::write(file, content, None)?.finish(file, RenameFlags::empty())
}

/// Writes a new file with mode 0600, whole or not at all.
///
/// # Errors
/// It can't be written, or there is something of that name already, even if only since a moment ago.
pub fn write_new_secret(file: &Path, content: &[u8]) -> Result<(), FileError> {
    Part::write(file, content, None)?.finish(file, RenameFlags::NOREPLACE)
}

/// The same for a file of the state: when root writes it, it belongs to whom the state directory belongs.
///
/// # Errors
/// As [`write_new_secret`].
pub fn write_new_state(state: &Path, file: &Path, content: &[u8]) -> Result<(), FileError> {
    Part::write(file, content, Some(state))?.finish(file, RenameFlags::NOREPLACE)
}

/// A file that has no name to count on yet; it is gone if it never gets one.
struct Part(PathBuf);

impl Part {
    /// In the directory of `file`, under a name that nobody can have prepared.
    fn write(file: &Path, content: &[u8], state: Option<&Path>) -> Result<Self, FileError> {
        let refuse = |source| FileError::Write { file: file.to_owned(), source };
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).expect("the system gives random bytes");
        let part = file.with_file_name(format!(".{:016x}.part", u64::from_ne_bytes(random)));
        // Made by this call or not at all: that also follows no link.
        let mut open =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(refuse)?;
        let part = Self(part);
        open.write_all(content)
            .and_then(|()| state.map_or(Ok(()), |state| give(&open, state)))
            .and_then(|()| open.sync_all())
            .map_err(refuse)?;
        Ok(part)
    }

    fn finish(self, file: &Path, how: RenameFlags) -> Result<(), FileError> {
        let done = match renameat_with(CWD, &self.0, CWD, file, how) {
            // Network file systems can't do it in one step; there a link that must be new is the same.
            Err(Errno::INVAL) if how == RenameFlags::NOREPLACE => std::fs::hard_link(&self.0, file),
            done => done.map_err(Into::into),
        };
        match done {
            Ok(()) => sync_directory(file),
            Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(FileError::Exists { file: file.to_owned() })
            }
            Err(source) => Err(FileError::Write { file: file.to_owned(), source }),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After the renaming there is nothing of this name any more.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Hands over what root has made, so that flintd can read it.
fn give(made: &File, state: &Path) -> std::io::Result<()> {
    let owner = std::fs::metadata(state)?;
    if made.metadata()?.uid() == 0 && owner.uid() != 0 {
        fchown(made, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

/// Gives a file the name of another one, which is gone then.
///
/// # Errors
/// It can't be written.
pub fn replace(from: &Path, to: &Path) -> Result<(), FileError> {
    std::fs::rename(from, to).map_err(|source| FileError::Write { file: to.to_owned(), source })?;
    sync_directory(to)
}

/// Makes the name of a file durable.
fn sync_directory(file: &Path) -> Result<(), FileError> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| FileError::Write { file: file.to_owned(), source })
}

/// Makes the directory, closed to others, if it is not there.
///
/// # Errors
/// It can't be made.
pub fn make_state_directory(directory: &Path) -> Result<(), FileError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|source| FileError::Write { file: directory.to_owned(), source })
}

/// Makes a directory within the state directory; it belongs to the same owner.
///
/// # Errors
/// It can't be made.
pub fn make_directory_of_state(state: &Path, directory: &Path) -> Result<(), FileError> {
    let refuse = |source| FileError::Write { file: directory.to_owned(), source };
    match std::fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        made => made.map_err(refuse)?,
    }
    // What was made, and not what a link of that name may point to since.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = rustix::fs::open(directory, flags, Mode::empty()).map_err(|error| refuse(error.into()))?;
    give(&File::from(open), state).map_err(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        write_secret(&file, b"word").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read_secret(&file).unwrap().as_str(), "word");
        for mode in [0o640, 0o604, 0o620, 0o644] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = read_secret(&file).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
        assert!(matches!(read_secret(&directory.path().join("none")), Err(FileError::Read { .. })));
    }
}
