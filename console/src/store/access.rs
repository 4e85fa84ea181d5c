//! Console sessions and one-time passwords. Only digests are stored.

use super::{Millis, Store, StoreError, audit, from_sql, to_sql};

/// Most one-time passwords that are open at the same time.
const MAX_PASSWORDS: u32 = 5;

/// Somebody who is signed in to the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Account, or `one-time-password`.
    pub who: String,
    /// What each of the session's forms carries.
    pub csrf: String,
    /// When it ends.
    pub expires: Millis,
}

impl Store {
    /// Stores a session under the digest of its token, with a line in the audit; expired ones go.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_session(
        &self,
        at: Millis,
        token_digest: &[u8],
        session: &Session,
        how: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        sqlx::query("DELETE FROM session WHERE expires <= $1")
            .bind(to_sql(at))
            .execute(&mut *transaction)
            .await?;
        sqlx::query("INSERT INTO session (token, who, csrf, expires) VALUES ($1, $2, $3, $4)")
            .bind(token_digest)
            .bind(&session.who)
            .bind(&session.csrf)
            .bind(to_sql(session.expires))
            .execute(&mut *transaction)
            .await?;
        audit::add(&mut transaction, at, &session.who, "sign-in", how).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The session of a token's digest, unless it has expired.
    ///
    /// # Errors
    /// The database failed.
    pub async fn session(&self, at: Millis, token_digest: &[u8]) -> Result<Option<Session>, StoreError> {
        let row: Option<(String, String, i64)> =
            sqlx::query_as("SELECT who, csrf, expires FROM session WHERE token = $1 AND expires > $2")
                .bind(token_digest)
                .bind(to_sql(at))
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.map(|(who, csrf, expires)| Session { who, csrf, expires: from_sql(expires) }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_session(&self, at: Millis, token_digest: &[u8], who: &str) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        sqlx::query("DELETE FROM session WHERE token = $1")
            .bind(token_digest)
            .execute(&mut *transaction)
            .await?;
        audit::add(&mut transaction, at, who, "sign-out", "Signed out").await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Stores the hash of a one-time password.
    ///
    /// # Errors
    /// Too many are open.
    pub async fn add_one_time_password(
        &self,
        at: Millis,
        id: &str,
        hash: &str,
        expires: Millis,
    ) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        sqlx::query("DELETE FROM one_time_password WHERE expires <= $1")
            .bind(to_sql(at))
            .execute(&mut *transaction)
            .await?;
        // The newest count: an administrator who lost one asks for another.
        sqlx::query(
            "DELETE FROM one_time_password WHERE id NOT IN \
             (SELECT id FROM one_time_password ORDER BY expires DESC, id LIMIT $1)",
        )
        .bind(MAX_PASSWORDS - 1)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("INSERT INTO one_time_password (id, hash, expires) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(hash)
            .bind(to_sql(expires))
            .execute(&mut *transaction)
            .await?;
        audit::add(&mut transaction, at, "flintd admin", "one-time-password", "One-time password made")
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Hash of the password of this id that has not expired.
    ///
    /// # Errors
    /// The database failed.
    pub async fn one_time_password(&self, at: Millis, id: &str) -> Result<Option<String>, StoreError> {
        Ok(sqlx::query_scalar("SELECT hash FROM one_time_password WHERE id = $1 AND expires > $2")
            .bind(id)
            .bind(to_sql(at))
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Uses a password up; false when somebody else was faster.
    ///
    /// # Errors
    /// The database failed.
    pub async fn use_one_time_password(&self, id: &str) -> Result<bool, StoreError> {
        let mut transaction = self.write().await?;
        let done = sqlx::query("DELETE FROM one_time_password WHERE id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }
}
