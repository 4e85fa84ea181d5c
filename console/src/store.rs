//! The database: groups, policy versions, clients, sessions, audit, and the workgroup service's journal.
//!
//! One SQLite file in WAL mode with `synchronous=FULL`: what is committed is on the disk. Statements keep to what
//! PostgreSQL understands too.

use crate::files::{self, FileError};
use jid::BareJid;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

pub mod access;
pub mod audit;
pub mod clients;
pub mod groups;
pub mod journal;
pub mod versions;
pub mod workgroups;

pub use access::Session;
pub use audit::AuditRow;
pub use clients::ClientRow;
pub use groups::{Group, GroupImport, PersonImport};
pub use journal::DatabaseJournal;
pub use versions::{Setting, Version};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

/// Why the database didn't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be opened.
    #[error("The database {} can't be opened: {detail}. Check the directory's owner and free space.", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// The library's text.
        detail: String,
    },
    /// A statement failed.
    #[error("The database failed: {0}. Check its free space and try again.")]
    Database(#[from] sqlx::Error),
    /// A row is not what flintd wrote.
    #[error("The database holds a damaged value in {0}. Restore it from a backup.")]
    Damaged(&'static str),
    /// A newer flintd wrote the queues.
    #[error(
        "The queues in the database have format {found}, and this flintd reads up to {known}. Start the newer flintd \
         that wrote them, or restore a backup from before the update."
    )]
    Newer {
        /// What is there.
        found: i64,
        /// What can be read.
        known: i64,
    },
    /// Somebody published in the meantime.
    #[error("Version {now} was published in the meantime. Look at the preview again, then publish.")]
    Conflict {
        /// The newest version.
        now: u64,
    },
    /// The input can't be taken.
    #[error("{0}")]
    Refused(String),
}

/// A handle on the database; clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    /// Whose turn it is to write.
    turn: Arc<Mutex<()>>,
}

/// A transaction that writes; rolled back unless it is committed.
struct Write {
    transaction: Transaction<'static, Sqlite>,
    _turn: OwnedMutexGuard<()>,
}

impl Write {
    async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

impl Deref for Write {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

impl Store {
    /// Opens the file, makes it when it is not there (mode 0600), and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`].
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        let refuse = |detail: String| StoreError::Open { file: file.to_owned(), detail };
        let state = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !file.exists() {
            match files::write_new_state(state, file, b"") {
                // Another one was quicker.
                Ok(()) | Err(FileError::Exists { .. }) => {}
                Err(error) => return Err(refuse(error.to_string())),
            }
        }
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new()
            .max_connections(8)
            .connect_with(options)
            .await
            .map_err(|error| refuse(error.to_string()))?;
        sqlx::migrate!("migrations/sqlite").run(&pool).await.map_err(|error| refuse(error.to_string()))?;
        journal::check_format(&pool).await?;
        Ok(Self { pool, turn: Arc::default() })
    }

    /// Waits for what runs and closes.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Answers when the database does.
    ///
    /// # Errors
    /// It doesn't.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// A transaction that may write from its first statement on, so that it never fails half-way with "busy".
    ///
    /// Whoever writes waits in line here: SQLite itself lets one in by chance and turns one away after its time-out,
    /// and those who wait there hold the connections that readers need.
    async fn write(&self) -> Result<Write, StoreError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        Ok(Write { transaction: self.pool.begin_with("BEGIN IMMEDIATE").await?, _turn: turn })
    }
}

/// SQL integers are signed; our counters never reach the last bit.
fn to_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn from_sql(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn read_jid(text: &str, place: &'static str) -> Result<BareJid, StoreError> {
    BareJid::new(text).map_err(|_| StoreError::Damaged(place))
}

#[cfg(test)]
mod tests;
