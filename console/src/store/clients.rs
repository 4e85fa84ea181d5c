//! Clients that announced themselves to `flint.DOMAIN`.

use super::{Millis, Store, StoreError, from_sql, to_sql};
use flint_xep::policy::ClientState;
use jid::FullJid;

/// Most clients of one person; the oldest are forgotten.
const MAX_PER_PERSON: u32 = 20;

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRow {
    /// Full address.
    pub jid: FullJid,
    /// Random identity of the device.
    pub device: String,
    /// Version of its software.
    pub version: String,
    /// Version of the policies it applied; 0 for none.
    pub applied: u64,
    /// Signed in now.
    pub online: bool,
    /// Last change.
    pub seen: Millis,
}

impl Store {
    /// A client is there, in this state.
    ///
    /// # Errors
    /// The database failed.
    pub async fn client_online(
        &self,
        at: Millis,
        jid: &FullJid,
        state: &ClientState,
    ) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        let person = jid.to_bare();
        // A device that signs in again gets another resource: its old row is not another client.
        sqlx::query("DELETE FROM client WHERE person = $1 AND device = $2 AND jid <> $3")
            .bind(person.as_str())
            .bind(&state.device)
            .bind(jid.as_str())
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO client (jid, person, device, version, applied, online, seen) \
             VALUES ($1, $2, $3, $4, $5, 1, $6) ON CONFLICT (jid) DO UPDATE SET device = excluded.device, \
             version = excluded.version, applied = excluded.applied, online = 1, seen = excluded.seen",
        )
        .bind(jid.as_str())
        .bind(person.as_str())
        .bind(&state.device)
        .bind(&state.version)
        .bind(to_sql(state.applied))
        .bind(to_sql(at))
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "DELETE FROM client WHERE person = $1 AND jid NOT IN \
             (SELECT jid FROM client WHERE person = $1 ORDER BY seen DESC, jid LIMIT $2)",
        )
        .bind(person.as_str())
        .bind(MAX_PER_PERSON)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A client is gone.
    ///
    /// # Errors
    /// The database failed.
    pub async fn client_offline(&self, at: Millis, jid: &FullJid) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        sqlx::query("UPDATE client SET online = 0, seen = $2 WHERE jid = $1 AND online = 1")
            .bind(jid.as_str())
            .bind(to_sql(at))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    /// All clients, those online first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn clients(&self) -> Result<Vec<ClientRow>, StoreError> {
        let rows: Vec<(String, String, String, i64, bool, i64)> = sqlx::query_as(
            "SELECT jid, device, version, applied, online, seen FROM client ORDER BY online DESC, jid",
        )
        .fetch_all(&self.pool)
        .await?;
        let read = |(jid, device, version, applied, online, seen): (String, _, _, _, _, _)| {
            Ok(ClientRow {
                jid: FullJid::new(&jid).map_err(|_| StoreError::Damaged("client"))?,
                device,
                version,
                applied: from_sql(applied),
                online,
                seen: from_sql(seen),
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// How many clients are online.
    ///
    /// # Errors
    /// The database failed.
    pub async fn clients_online(&self) -> Result<u64, StoreError> {
        let count: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM client WHERE online = 1").fetch_one(&self.pool).await?;
        Ok(from_sql(count))
    }
}
