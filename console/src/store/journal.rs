//! The workgroup service's journal in the database.

use super::{Store, StoreError, Write, to_sql};
use flint_fastpath_routing::{Router, SessionId};
use flint_fastpath_service::{
    Journal, JournalError, JournalRecord, Line, SessionFilter, SessionSummary, Snapshot, Text,
};
use jid::BareJid;
use sqlx::{QueryBuilder, Sqlite};
use std::collections::BTreeSet;

/// Most chats that one query looks through.
const MAX_SESSIONS: usize = 10_000;

/// The form of the records that this flintd writes, and the newest that it reads.
const FORMAT: i64 = 1;

/// Refuses a journal of a newer flintd, of which an older one would lose what it doesn't know.
///
/// # Errors
/// [`StoreError::Newer`], or the database failed.
pub(super) async fn check_format(pool: &sqlx::SqlitePool) -> Result<(), StoreError> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT MAX(version) FROM journal_format").fetch_one(pool).await?;
    match found {
        Some(found) if found > FORMAT => Err(StoreError::Newer { found, known: FORMAT }),
        Some(_) => Ok(()),
        None => Err(StoreError::Damaged("journal_format")),
    }
}

/// [`Journal`] over [`Store`]. Each call is one transaction, and a commit is on the disk (`synchronous=FULL`).
#[derive(Debug, Clone)]
pub struct DatabaseJournal(Store);

impl DatabaseJournal {
    /// The journal in this database.
    pub fn new(store: Store) -> Self {
        Self(store)
    }

    /// The queues as the journal has them: what the service would know after a restart, for a look from outside.
    ///
    /// # Errors
    /// The database failed.
    pub async fn router(&mut self) -> Result<Router, StoreError> {
        let records = self.records().await?;
        let rebuilt = tokio::task::spawn_blocking(|| Snapshot::rebuild(records).router).await;
        rebuilt.map_err(|_| StoreError::Damaged("journal"))
    }

    async fn records(&self) -> Result<Vec<JournalRecord>, StoreError> {
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT record FROM journal ORDER BY id").fetch_all(&self.0.pool).await?;
        from_json(rows, "journal")
    }

    async fn write(&self, records: &[JournalRecord], from_nothing: bool) -> Result<(), StoreError> {
        let mut transaction = self.0.write().await?;
        if from_nothing {
            sqlx::query("DELETE FROM journal").execute(&mut *transaction).await?;
        }
        for record in records {
            write_one(&mut transaction, record).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn texts(&self, sql: &'static str, key: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar(sql).bind(key).bind(to_sql(limit as u64)).fetch_all(&self.0.pool).await?)
    }

    async fn find(&self, filter: &SessionFilter) -> Result<Vec<SessionSummary>, StoreError> {
        if filter.workgroups.is_empty() {
            return Ok(Vec::new());
        }
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new("SELECT summary FROM chat WHERE workgroup IN (");
        let mut names = query.separated(", ");
        for workgroup in &filter.workgroups {
            names.push_bind(workgroup);
        }
        query.push(")");
        if let Some(agent) = &filter.agent {
            query.push(" AND session IN (SELECT session FROM chat_agent WHERE agent = ");
            query.push_bind(agent.as_str()).push(")");
        }
        if let Some(user) = &filter.user {
            query.push(" AND customer = ").push_bind(user);
        }
        if let Some(session) = &filter.session {
            query.push(" AND session = ").push_bind(&session.0);
        }
        if let Some(since) = filter.since {
            query.push(" AND joined >= ").push_bind(to_sql(since.0));
        }
        if filter.ended_only {
            query.push(" AND started IS NOT NULL AND ended IS NOT NULL");
        }
        query.push(" ORDER BY COALESCE(started, joined) DESC, session");
        // Answers are compared here: SQL's own folding knows ASCII only.
        let limit = if filter.text.is_some() { MAX_SESSIONS } else { filter.limit };
        query.push(" LIMIT ").push_bind(to_sql(limit as u64));
        let rows: Vec<String> = query.build_query_scalar().fetch_all(&self.0.pool).await?;
        let text = filter.text.as_deref().map(str::to_lowercase);
        let said = match &text {
            Some(text) => self.chats_with(text, &filter.workgroups).await?,
            None => BTreeSet::new(),
        };
        let mut found = Vec::new();
        for row in rows {
            let summary: SessionSummary =
                serde_json::from_str(&row).map_err(|_| StoreError::Damaged("chat"))?;
            let fits = match &text {
                Some(text) => said.contains(&summary.session.0) || has_answer(&summary, text),
                None => true,
            };
            if fits {
                found.push(summary);
                if found.len() >= filter.limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Chats of these workgroups in which somebody said this (lower case). One statement: the queues wait while the
    /// journal is asked.
    async fn chats_with(&self, text: &str, workgroups: &[String]) -> Result<BTreeSet<String>, StoreError> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT DISTINCT chat_line.session FROM chat_line JOIN chat ON chat.session = chat_line.session \
             WHERE chat.workgroup IN (",
        );
        let mut names = query.separated(", ");
        for workgroup in workgroups {
            names.push_bind(workgroup);
        }
        let literal = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        query.push(") AND chat_line.folded LIKE ").push_bind(format!("%{literal}%"));
        query.push(" ESCAPE '\\'");
        let rows: Vec<String> = query.build_query_scalar().fetch_all(&self.0.pool).await?;
        Ok(rows.into_iter().collect())
    }
}

/// Does an answer of the form hold this text (lower case)?
fn has_answer(summary: &SessionSummary, text: &str) -> bool {
    let answers = summary.answers.0.iter().flat_map(|(_, values)| values);
    answers.into_iter().any(|answer| answer.to_lowercase().contains(text))
}

async fn write_one(transaction: &mut Write, record: &JournalRecord) -> Result<(), StoreError> {
    match record {
        JournalRecord::Session(summary) => write_session(transaction, summary).await,
        JournalRecord::Line(line) => {
            sqlx::query("INSERT INTO chat_line (session, line, folded) VALUES ($1, $2, $3)")
                .bind(&line.session.0)
                .bind(to_json(line)?)
                .bind(line.text.0.to_lowercase())
                .execute(&mut **transaction)
                .await?;
            Ok(())
        }
        JournalRecord::Notes { session, text } => {
            sqlx::query(
                "INSERT INTO chat_note (session, text) VALUES ($1, $2) \
                 ON CONFLICT (session) DO UPDATE SET text = excluded.text",
            )
            .bind(&session.0)
            .bind(&text.0)
            .execute(&mut **transaction)
            .await?;
            Ok(())
        }
        JournalRecord::Macros { agent, text } => {
            sqlx::query(
                "INSERT INTO agent_macro (agent, text) VALUES ($1, $2) \
                 ON CONFLICT (agent) DO UPDATE SET text = excluded.text",
            )
            .bind(agent.as_str())
            .bind(&text.0)
            .execute(&mut **transaction)
            .await?;
            Ok(())
        }
        JournalRecord::Routing(_) | JournalRecord::Subscription { .. } | JournalRecord::Snapshot(_) => {
            sqlx::query("INSERT INTO journal (record) VALUES ($1)")
                .bind(to_json(record)?)
                .execute(&mut **transaction)
                .await?;
            Ok(())
        }
    }
}

async fn write_session(transaction: &mut Write, summary: &SessionSummary) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO chat (session, workgroup, customer, joined, started, ended, summary) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (session) DO UPDATE SET \
         workgroup = excluded.workgroup, customer = excluded.customer, joined = excluded.joined, \
         started = excluded.started, ended = excluded.ended, summary = excluded.summary",
    )
    .bind(&summary.session.0)
    .bind(&summary.workgroup)
    .bind(&summary.user)
    .bind(to_sql(summary.joined.0))
    .bind(summary.started.map(|at| to_sql(at.0)))
    .bind(summary.ended.map(|at| to_sql(at.0)))
    .bind(to_json(summary)?)
    .execute(&mut **transaction)
    .await?;
    sqlx::query("DELETE FROM chat_agent WHERE session = $1")
        .bind(&summary.session.0)
        .execute(&mut **transaction)
        .await?;
    for part in &summary.agents {
        sqlx::query("INSERT INTO chat_agent (session, agent) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(&summary.session.0)
            .bind(part.agent.as_str())
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Damaged("new record"))
}

fn from_json<T: serde::de::DeserializeOwned>(
    rows: Vec<String>,
    place: &'static str,
) -> Result<Vec<T>, StoreError> {
    let read = |row: String| serde_json::from_str(&row).map_err(|_| StoreError::Damaged(place));
    rows.into_iter().map(read).collect()
}

fn failed(error: StoreError) -> JournalError {
    JournalError(error.to_string())
}

impl Journal for DatabaseJournal {
    async fn append(&mut self, records: &[JournalRecord]) -> Result<(), JournalError> {
        self.write(records, false).await.map_err(failed)
    }

    async fn load(&mut self) -> Result<Vec<JournalRecord>, JournalError> {
        self.records().await.map_err(failed)
    }

    async fn compact(&mut self, snapshot: &JournalRecord) -> Result<(), JournalError> {
        self.write(std::slice::from_ref(snapshot), true).await.map_err(failed)
    }

    async fn transcript(&mut self, session: &SessionId, limit: usize) -> Result<Vec<Line>, JournalError> {
        let sql = "SELECT line FROM (SELECT id, line FROM chat_line WHERE session = $1 ORDER BY id DESC LIMIT $2) \
                   AS newest ORDER BY id";
        let rows = self.texts(sql, &session.0, limit).await.map_err(failed)?;
        from_json(rows, "chat_line").map_err(failed)
    }

    async fn sessions(&mut self, filter: &SessionFilter) -> Result<Vec<SessionSummary>, JournalError> {
        self.find(filter).await.map_err(failed)
    }

    async fn notes(&mut self, session: &SessionId) -> Result<Option<Text>, JournalError> {
        let sql = "SELECT text FROM chat_note WHERE session = $1 LIMIT $2";
        let rows = self.texts(sql, &session.0, 1).await.map_err(failed)?;
        Ok(rows.into_iter().next().map(Text))
    }

    async fn macros(&mut self, agent: &BareJid) -> Result<Option<Text>, JournalError> {
        let sql = "SELECT text FROM agent_macro WHERE agent = $1 LIMIT $2";
        let rows = self.texts(sql, agent.as_str(), 1).await.map_err(failed)?;
        Ok(rows.into_iter().next().map(Text))
    }
}
