//! Who did what, and when.

use super::{Millis, Store, StoreError, Write, from_sql, to_sql};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub at: Millis,
    /// An account, or `flintd admin` for the command line.
    pub who: String,
    /// A word: `publish`, `sign-in`, …
    pub action: String,
    /// A sentence.
    pub detail: String,
}

impl Store {
    /// Writes a line.
    ///
    /// # Errors
    /// The database failed.
    pub async fn audit(&self, at: Millis, who: &str, action: &str, detail: &str) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        add(&mut transaction, at, who, action, detail).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The newest lines first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn audit_rows(&self, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let rows: Vec<(i64, String, String, String)> =
            sqlx::query_as("SELECT at, who, action, detail FROM audit ORDER BY id DESC LIMIT $1")
                .bind(limit)
                .fetch_all(&self.pool)
                .await?;
        let row = |(at, who, action, detail)| AuditRow { at: from_sql(at), who, action, detail };
        Ok(rows.into_iter().map(row).collect())
    }
}

/// Writes a line in the transaction of what it tells of: both happen or none.
pub(super) async fn add(
    transaction: &mut Write,
    at: Millis,
    who: &str,
    action: &str,
    detail: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO audit (at, who, action, detail) VALUES ($1, $2, $3, $4)")
        .bind(to_sql(at))
        .bind(who)
        .bind(action)
        .bind(detail)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
