//! Workgroups as the administrator set them.

use super::{Millis, Store, StoreError, audit};
use flint_fastpath_service::WorkgroupConfig;
use jid::BareJid;
use std::collections::BTreeMap;

impl Store {
    /// All workgroups by name. Agents without a name in the workgroup have that of the imported people.
    ///
    /// # Errors
    /// The database failed.
    pub async fn workgroups(&self) -> Result<Vec<WorkgroupConfig>, StoreError> {
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT config FROM workgroup ORDER BY name").fetch_all(&self.pool).await?;
        let mut workgroups = Vec::with_capacity(rows.len());
        for row in rows {
            let mut workgroup: WorkgroupConfig =
                serde_json::from_str(&row).map_err(|_| StoreError::Damaged("workgroup"))?;
            let agents: Vec<BareJid> = workgroup.agents().into_iter().cloned().collect();
            for agent in agents {
                if !workgroup.agent_names.contains_key(&agent)
                    && let Some(name) = self.person_name(&agent).await?
                {
                    workgroup.agent_names.insert(agent, name);
                }
            }
            workgroups.push(workgroup);
        }
        Ok(workgroups)
    }

    async fn person_name(&self, person: &BareJid) -> Result<Option<String>, StoreError> {
        let name: Option<String> = sqlx::query_scalar("SELECT name FROM person WHERE jid = $1")
            .bind(person.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(name.filter(|name| !name.trim().is_empty()))
    }

    /// Replaces all workgroups; gives whether that changed anything. The caller has checked them.
    ///
    /// # Errors
    /// The database failed; the old ones stay.
    pub async fn import_workgroups(
        &self,
        at: Millis,
        who: &str,
        workgroups: &[WorkgroupConfig],
    ) -> Result<bool, StoreError> {
        let mut after = BTreeMap::new();
        for workgroup in workgroups {
            let config =
                serde_json::to_string(workgroup).map_err(|_| StoreError::Damaged("new workgroup"))?;
            after.insert(workgroup.name.clone(), config);
        }
        let mut transaction = self.write().await?;
        let before: Vec<(String, String)> =
            sqlx::query_as("SELECT name, config FROM workgroup").fetch_all(&mut *transaction).await?;
        if before.into_iter().collect::<BTreeMap<_, _>>() == after {
            return Ok(false);
        }
        sqlx::query("DELETE FROM workgroup").execute(&mut *transaction).await?;
        for (name, config) in after {
            sqlx::query("INSERT INTO workgroup (name, config) VALUES ($1, $2)")
                .bind(name)
                .bind(config)
                .execute(&mut *transaction)
                .await?;
        }
        let detail = format!("Workgroups imported: {}", workgroups.len());
        audit::add(&mut transaction, at, who, "import-workgroups", &detail).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
