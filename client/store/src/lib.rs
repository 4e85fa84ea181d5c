//! One SQLite file per account: message archive with full-text search, outbox, conversation list, roster cache and
//! archive positions. It carries out the engine's [`Persist`] and [`StoreQuery`] and knows no other language.

mod load;
mod search;
mod write;

use flint_core::effect::{Persist, StoreQuery};
use flint_core::input::StoreReply;
use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::ffi::OsString;
use std::fmt;
use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// 256-bit key of an encrypted store (SQLCipher, raw key). `Debug` hides it.
#[derive(Clone)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// Wraps 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(…)")
    }
}

/// Why the store can't be used; the text says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file is no database or is damaged; it was renamed, not deleted.
    #[error(
        "The message store {} is damaged ({detail}). It was kept as {}. Start again to begin a new one: what the \
         server's archive holds comes back by itself.", path.display(), kept.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it is now.
        kept: PathBuf,
        /// SQLite's words.
        detail: String,
    },
    /// The key does not open the file, or the file is damaged: SQLCipher can't tell one from the other.
    #[error(
        "The message store {} can't be opened with the key of this account. Restore the key, or move the file away \
         to begin a new one.", path.display()
    )]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of the program wrote the file.
    #[error("The message store {} was written by a newer Flint. Update this one.", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The file can't be created or its mode can't be set.
    #[error("The message store {} can't be used: {error}. Check its directory's owner and free space.", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// A statement failed: the disk is full, or the file was damaged while open.
    #[error("The message store {} can't be read or written: {error}. Check the disk's free space, then start again.", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        error: sqlx::Error,
    },
}

/// An open store. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    path: PathBuf,
}

impl Store {
    /// Opens the file (created with mode 0600 if need be) and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError`]; a damaged file is renamed to `FILE.damaged-N` and never deleted. Cancel-safe.
    pub async fn open(file: &Path, key: Option<&StoreKey>) -> Result<Self, StoreError> {
        let file_error = |error| StoreError::File { path: file.to_owned(), error };
        let created = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file);
        created
            .and_then(|opened| opened.set_permissions(Permissions::from_mode(0o600)))
            .map_err(file_error)?;

        let mut options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("secure_delete", "on")
            .pragma("cache_size", "-16384")
            // The key is set by a statement, so statements are no matter for a log.
            .disable_statement_logging();
        if let Some(StoreKey(bytes)) = key {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            options = options.pragma("key", format!("\"x'{hex}'\""));
        }
        // Reads of a search do not hold up the one writer.
        let opened = SqlitePoolOptions::new().max_connections(4).connect_with(options).await;
        let pool = opened.map_err(|error| classify(error, file, key.is_some()))?;
        let migrated = sqlx::migrate!("./migrations").run(&pool).await;
        if let Err(error) = migrated {
            pool.close().await;
            return Err(match error {
                sqlx::migrate::MigrateError::VersionMissing(_) => StoreError::Newer { path: file.to_owned() },
                sqlx::migrate::MigrateError::Execute(error) => classify(error, file, key.is_some()),
                other => classify(sqlx::Error::from(other), file, key.is_some()),
            });
        }
        Ok(Self { pool, path: file.to_owned() })
    }

    /// Carries out all writes in order in one transaction: all of them or none.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was written then. Dropping the future rolls back.
    pub async fn persist(&self, writes: Vec<Persist>) -> Result<(), StoreError> {
        self.write_all(writes).await.map_err(|error| self.failed(error))
    }

    /// Answers one question; sees every write whose `persist` has ended.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn query(&self, query: StoreQuery) -> Result<StoreReply, StoreError> {
        let reply = match query {
            StoreQuery::Load => self.load().await.map(|state| StoreReply::Loaded(Box::new(state))),
            StoreQuery::Timeline { conversation, before, limit } => {
                self.timeline(conversation, before, limit).await
            }
            StoreQuery::Search { query, text, conversation, limit } => {
                let hits = self.search(&text.0, conversation.as_ref(), limit).await;
                hits.map(|hits| StoreReply::Hits { query, hits })
            }
        };
        reply.map_err(|error| self.failed(error))
    }

    /// Closes all connections; the write-ahead log is folded into the file.
    pub async fn close(self) {
        self.pool.close().await;
    }

    fn failed(&self, error: sqlx::Error) -> StoreError {
        StoreError::Database { path: self.path.clone(), error }
    }
}

/// Tells damage from everything else; primary codes 11 (CORRUPT) and 26 (NOTADB), the low byte of the extended ones.
fn classify(error: sqlx::Error, file: &Path, has_key: bool) -> StoreError {
    let code =
        error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
    let path = file.to_owned();
    match code.map(|code| code & 0xff) {
        Some(26) if has_key => StoreError::WrongKey { path },
        Some(11 | 26) => match keep_aside(file) {
            Ok(kept) => StoreError::Damaged { path, kept, detail: error.to_string() },
            Err(error) => StoreError::File { path, error },
        },
        _ => StoreError::Database { path, error },
    }
}

/// Renames the file with its write-ahead log to the first free `FILE.damaged-N`.
fn keep_aside(file: &Path) -> io::Result<PathBuf> {
    let with = |suffix: &str| {
        let mut name = OsString::from(file);
        name.push(suffix);
        PathBuf::from(name)
    };
    let free = (1..=1000).find(|n| !with(&format!(".damaged-{n}")).exists());
    let n = free.ok_or_else(|| io::Error::other("there are 1000 damaged copies already"))?;
    let kept = with(&format!(".damaged-{n}"));
    std::fs::rename(file, &kept)?;
    for companion in ["-wal", "-shm"] {
        match std::fs::rename(with(companion), with(&format!(".damaged-{n}{companion}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(kept)
}
