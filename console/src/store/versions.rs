//! Versions of the policies. One counter for the domain; it only grows.

use super::{Millis, Store, StoreError, Write, audit, from_sql, to_sql};
use serde::{Deserialize, Serialize};

/// One policy's value for everybody or for one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Name in the catalogue.
    pub policy: String,
    /// The group's id, or `None` for everybody.
    pub group: Option<String>,
    /// People can't change it.
    pub required: bool,
    /// The value.
    pub value: serde_json::Value,
}

/// One published version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub version: u64,
    /// When it was published.
    pub at: Millis,
    /// By whom.
    pub who: String,
    /// What changed, a sentence.
    pub reason: String,
    /// All settings.
    pub settings: Vec<Setting>,
}

type Row = (i64, i64, String, String, String);

impl Store {
    /// The version in force. Before the first publication there is version 0 without settings.
    ///
    /// # Errors
    /// The database failed.
    pub async fn newest_version(&self) -> Result<Version, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT version, at, who, reason, settings FROM policy_version ORDER BY version DESC LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map_or_else(|| Ok(nothing()), read)
    }

    /// One version.
    ///
    /// # Errors
    /// The database failed.
    pub async fn version(&self, version: u64) -> Result<Option<Version>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT version, at, who, reason, settings FROM policy_version WHERE version = $1",
        )
        .bind(to_sql(version))
        .fetch_optional(&self.pool)
        .await?;
        row.map(read).transpose()
    }

    /// The newest versions first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn versions(&self, limit: u32) -> Result<Vec<Version>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT version, at, who, reason, settings FROM policy_version ORDER BY version DESC LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(read).collect()
    }

    /// Publishes these settings as the version after `base`, with a line in the audit.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when `base` is not the newest any more.
    pub async fn publish(
        &self,
        at: Millis,
        who: &str,
        reason: &str,
        base: u64,
        settings: &[Setting],
    ) -> Result<u64, StoreError> {
        let mut transaction = self.write().await?;
        let newest = newest(&mut transaction).await?;
        if newest.version != base {
            return Err(StoreError::Conflict { now: newest.version });
        }
        let version = insert(&mut transaction, at, who, reason, base + 1, settings).await?;
        audit::add(&mut transaction, at, who, "publish", &format!("Version {version}: {reason}")).await?;
        transaction.commit().await?;
        Ok(version)
    }

    /// Publishes the same settings under a new number when the newest version was made before `before`: documents end,
    /// and a document of the same version must stay the same document.
    ///
    /// # Errors
    /// The database failed.
    pub async fn renew(&self, at: Millis, before: Millis) -> Result<Option<u64>, StoreError> {
        let mut transaction = self.write().await?;
        let newest = newest(&mut transaction).await?;
        if newest.version != 0 && newest.at >= before {
            return Ok(None);
        }
        let reason =
            if newest.version == 0 { "First version, nothing set" } else { "Renewed, nothing changed" };
        let version =
            insert(&mut transaction, at, "flintd", reason, newest.version + 1, &newest.settings).await?;
        transaction.commit().await?;
        Ok(Some(version))
    }
}

/// Publishes what is in force under the next number, because something else that documents hold has changed.
pub(super) async fn republish(
    transaction: &mut Write,
    at: Millis,
    who: &str,
    reason: &str,
) -> Result<u64, StoreError> {
    let newest = newest(transaction).await?;
    insert(transaction, at, who, reason, newest.version + 1, &newest.settings).await
}

async fn newest(transaction: &mut Write) -> Result<Version, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT version, at, who, reason, settings FROM policy_version ORDER BY version DESC LIMIT 1",
    )
    .fetch_optional(&mut **transaction)
    .await?;
    row.map_or_else(|| Ok(nothing()), read)
}

async fn insert(
    transaction: &mut Write,
    at: Millis,
    who: &str,
    reason: &str,
    version: u64,
    settings: &[Setting],
) -> Result<u64, StoreError> {
    let settings = serde_json::to_string(settings).map_err(|_| StoreError::Damaged("new settings"))?;
    sqlx::query(
        "INSERT INTO policy_version (version, at, who, reason, settings) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(to_sql(version))
    .bind(to_sql(at))
    .bind(who)
    .bind(reason)
    .bind(settings)
    .execute(&mut **transaction)
    .await?;
    Ok(version)
}

fn nothing() -> Version {
    Version { version: 0, at: 0, who: String::new(), reason: String::new(), settings: Vec::new() }
}

fn read((version, at, who, reason, settings): Row) -> Result<Version, StoreError> {
    let settings = serde_json::from_str(&settings).map_err(|_| StoreError::Damaged("policy_version"))?;
    Ok(Version { version: from_sql(version), at: from_sql(at), who, reason, settings })
}
