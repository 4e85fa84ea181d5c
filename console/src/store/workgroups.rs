//! Workgroups as the administrator set them.

use super::{Millis, Store, StoreError, audit};
use flint_fastpath_service::WorkgroupConfig;

impl Store {
    /// All workgroups by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn workgroups(&self) -> Result<Vec<WorkgroupConfig>, StoreError> {
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT config FROM workgroup ORDER BY name").fetch_all(&self.pool).await?;
        let read = |row: String| serde_json::from_str(&row).map_err(|_| StoreError::Damaged("workgroup"));
        rows.into_iter().map(read).collect()
    }

    /// Replaces all workgroups. The caller has checked them.
    ///
    /// # Errors
    /// The database failed; the old ones stay.
    pub async fn import_workgroups(
        &self,
        at: Millis,
        who: &str,
        workgroups: &[WorkgroupConfig],
    ) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        sqlx::query("DELETE FROM workgroup").execute(&mut *transaction).await?;
        for workgroup in workgroups {
            let config =
                serde_json::to_string(workgroup).map_err(|_| StoreError::Damaged("new workgroup"))?;
            sqlx::query("INSERT INTO workgroup (name, config) VALUES ($1, $2)")
                .bind(&workgroup.name)
                .bind(config)
                .execute(&mut *transaction)
                .await?;
        }
        let detail = format!("Workgroups imported: {}", workgroups.len());
        audit::add(&mut transaction, at, who, "import-workgroups", &detail).await?;
        transaction.commit().await?;
        Ok(())
    }
}
