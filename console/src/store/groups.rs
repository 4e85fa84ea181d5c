//! People and their groups.

use super::{Millis, Store, StoreError, audit, read_jid, versions};
use jid::BareJid;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Most groups.
const MAX_GROUPS: usize = 1_000;
/// Most people of one group, and in all.
const MAX_PEOPLE: usize = 100_000;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Stable id.
    pub id: String,
    /// Name shown.
    pub name: String,
    /// 1 is the strongest.
    pub rank: u32,
    /// How many people.
    pub people: u64,
}

/// A group of an import file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupImport {
    /// Stable id.
    pub id: String,
    /// Name shown.
    pub name: String,
    /// 1 is the strongest.
    pub rank: u32,
    /// Bare addresses.
    pub members: BTreeSet<BareJid>,
}

/// A person of an import file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonImport {
    /// Bare address.
    pub jid: BareJid,
    /// Name shown.
    pub name: String,
}

impl Store {
    /// All groups, the strongest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn groups(&self) -> Result<Vec<Group>, StoreError> {
        let rows: Vec<(String, String, u32, i64)> = sqlx::query_as(
            "SELECT team.id, team.name, team.rank, COUNT(team_member.jid) FROM team \
             LEFT JOIN team_member ON team_member.team = team.id \
             GROUP BY team.id, team.name, team.rank ORDER BY team.rank, team.id",
        )
        .fetch_all(&self.pool)
        .await?;
        let group = |(id, name, rank, people)| Group { id, name, rank, people: super::from_sql(people) };
        Ok(rows.into_iter().map(group).collect())
    }

    /// Who is in which group: pairs of account and group id, for all people or one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn memberships(&self, person: Option<&BareJid>) -> Result<Vec<(BareJid, String)>, StoreError> {
        let rows: Vec<(String, String)> = match person {
            Some(person) => {
                sqlx::query_as("SELECT jid, team FROM team_member WHERE jid = $1 ORDER BY team")
                    .bind(person.as_str())
                    .fetch_all(&self.pool)
                    .await?
            }
            None => {
                sqlx::query_as("SELECT jid, team FROM team_member ORDER BY jid, team")
                    .fetch_all(&self.pool)
                    .await?
            }
        };
        rows.into_iter().map(|(jid, team)| Ok((read_jid(&jid, "team_member")?, team))).collect()
    }

    /// Everybody who is known: imported, in a group, or seen with a client.
    ///
    /// # Errors
    /// The database failed.
    pub async fn people(&self) -> Result<BTreeSet<BareJid>, StoreError> {
        let rows: Vec<String> = sqlx::query_scalar(
            "SELECT jid FROM person UNION SELECT jid FROM team_member UNION SELECT person FROM client",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|jid| read_jid(jid, "person")).collect()
    }

    /// Members of a group with their names, if those are known.
    ///
    /// # Errors
    /// The database failed.
    pub async fn members(&self, group: &str) -> Result<Vec<(BareJid, Option<String>)>, StoreError> {
        let rows: Vec<(String, Option<String>)> = sqlx::query_as(
            "SELECT team_member.jid, person.name FROM team_member \
             LEFT JOIN person ON person.jid = team_member.jid \
             WHERE team_member.team = $1 ORDER BY team_member.jid",
        )
        .bind(group)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|(jid, name)| Ok((read_jid(&jid, "team_member")?, name))).collect()
    }

    /// Replaces all groups. When that changes anything, documents change, so a new version is published.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with what is wrong in the list; the old groups stay.
    pub async fn import_groups(
        &self,
        at: Millis,
        who: &str,
        groups: &[GroupImport],
    ) -> Result<Option<u64>, StoreError> {
        check(groups)?;
        let mut transaction = self.write().await?;
        let before: Vec<(String, String, u32)> =
            sqlx::query_as("SELECT id, name, rank FROM team ORDER BY id")
                .fetch_all(&mut *transaction)
                .await?;
        let members: Vec<(String, String)> =
            sqlx::query_as("SELECT team, jid FROM team_member ORDER BY team, jid")
                .fetch_all(&mut *transaction)
                .await?;
        let mut after: Vec<_> =
            groups.iter().map(|group| (group.id.clone(), group.name.clone(), group.rank)).collect();
        after.sort();
        let pairs = groups.iter().flat_map(|group| {
            group.members.iter().map(|member| (group.id.clone(), member.as_str().to_owned()))
        });
        let new_members: BTreeSet<(String, String)> = pairs.collect();
        if before == after && members.into_iter().collect::<BTreeSet<_>>() == new_members {
            return Ok(None);
        }
        sqlx::query("DELETE FROM team_member").execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM team").execute(&mut *transaction).await?;
        for group in groups {
            sqlx::query("INSERT INTO team (id, name, rank) VALUES ($1, $2, $3)")
                .bind(&group.id)
                .bind(&group.name)
                .bind(group.rank)
                .execute(&mut *transaction)
                .await?;
        }
        for (group, member) in &new_members {
            sqlx::query("INSERT INTO team_member (team, jid) VALUES ($1, $2)")
                .bind(group)
                .bind(member)
                .execute(&mut *transaction)
                .await?;
        }
        let detail = format!("Groups imported: {}", groups.len());
        let version = versions::republish(&mut transaction, at, who, &detail).await?;
        audit::add(&mut transaction, at, who, "import-groups", &format!("{detail}, version {version}"))
            .await?;
        transaction.commit().await?;
        Ok(Some(version))
    }

    /// Adds people, or changes their names; gives how many are new or renamed.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with what is wrong in the list; nothing is changed.
    pub async fn import_people(
        &self,
        at: Millis,
        who: &str,
        people: &[PersonImport],
    ) -> Result<u64, StoreError> {
        if people.len() > MAX_PEOPLE {
            return Err(StoreError::Refused(format!("More than {MAX_PEOPLE} people: split the file.")));
        }
        let mut transaction = self.write().await?;
        let mut changed = 0;
        for person in people {
            if person.jid.node().is_none() || person.name.len() > 200 {
                let text = format!("'{}' is not an account with a name of at most 200 bytes.", person.jid);
                return Err(StoreError::Refused(text));
            }
            let written = sqlx::query(
                "INSERT INTO person (jid, name) VALUES ($1, $2) ON CONFLICT (jid) DO UPDATE \
                 SET name = excluded.name WHERE person.name <> excluded.name",
            )
            .bind(person.jid.as_str())
            .bind(&person.name)
            .execute(&mut *transaction)
            .await?;
            changed += written.rows_affected();
        }
        if changed == 0 {
            return Ok(0);
        }
        audit::add(&mut transaction, at, who, "import-people", &format!("People imported: {}", people.len()))
            .await?;
        transaction.commit().await?;
        Ok(changed)
    }
}

fn check(groups: &[GroupImport]) -> Result<(), StoreError> {
    let refuse = |text: String| Err(StoreError::Refused(text));
    if groups.len() > MAX_GROUPS {
        return refuse(format!("More than {MAX_GROUPS} groups: leave out those that no policy needs."));
    }
    let mut ids = BTreeSet::new();
    let mut ranks = BTreeSet::new();
    for group in groups {
        let id = &group.id;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
            return refuse(format!(
                "The id '{id}' may only have letters, digits and -_. and at most 64 of them."
            ));
        }
        if group.name.trim().is_empty() || group.name.len() > 100 {
            return refuse(format!("The group '{id}' needs a name of at most 100 bytes."));
        }
        if !ids.insert(id) {
            return refuse(format!("The id '{id}' occurs twice; give each group an id of its own."));
        }
        if group.rank == 0 || !ranks.insert(group.rank) {
            return refuse(format!(
                "The group '{id}' needs a rank of its own, 1 or more (1 is the strongest)."
            ));
        }
        if group.members.len() > MAX_PEOPLE {
            return refuse(format!("The group '{id}' has more than {MAX_PEOPLE} members."));
        }
        if let Some(member) = group.members.iter().find(|member| member.node().is_none()) {
            return refuse(format!("The member '{member}' of '{id}' is not an account."));
        }
    }
    Ok(())
}
