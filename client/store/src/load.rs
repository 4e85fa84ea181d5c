//! Reads: the state at start and windows of timelines.

use crate::Store;
use crate::write::kind_code;
use flint_core::ids::{MessageId, StanzaId, Timestamp};
use flint_core::input::{KnownMessage, LoadedState, RosterItem, StoreReply, StoredConversation};
use flint_core::model::{ConversationId, DeliveryState, Direction, MessageRow, Subscription};
use flint_core::secret::Private;
use jid::BareJid;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// How many conversations' newest messages are told at start, and how many of each.
const KNOWN_CONVERSATIONS: usize = 100;
const KNOWN_OF_EACH: i64 = 50;

impl Store {
    pub(crate) async fn load(&self) -> Result<LoadedState, sqlx::Error> {
        let mut state = LoadedState::default();
        let rows = sqlx::query("select * from roster order by jid").fetch_all(&self.pool).await?;
        state.roster = rows.iter().map(roster_item).collect::<Result<_, _>>()?;
        state.roster_version = sqlx::query_scalar("select value from setting where name = 'roster-version'")
            .fetch_optional(&self.pool)
            .await?;

        let rows = sqlx::query(
            "select c.kind, c.jid, c.title, c.first_unread, c.unread, c.pinned, c.joined, c.draft, m.*
             from conversation c left join message m on m.id =
                 (select id from message where conversation = c.id order by sort desc, id desc limit 1)
             order by m.sort desc",
        )
        .fetch_all(&self.pool)
        .await?;
        for row in &rows {
            let id = conversation_id(row)?;
            let last = match row.try_get::<Option<String>, _>("message_id")? {
                Some(_) => Some(message(row, id.clone())?),
                None => None,
            };
            state.conversations.push(StoredConversation {
                id,
                title: row.try_get("title")?,
                last,
                first_unread: row.try_get::<Option<String>, _>("first_unread")?.map(MessageId),
                unread: row.try_get("unread")?,
                pinned: row.try_get("pinned")?,
                draft: row.try_get::<Option<String>, _>("draft")?.map(Private),
                joined: row.try_get("joined")?,
            });
        }
        for conversation in state.conversations.iter().take(KNOWN_CONVERSATIONS).filter(|c| c.last.is_some())
        {
            let mut known = self.known(&conversation.id).await?;
            known.reverse();
            state.recent.extend(known);
        }

        let rows = sqlx::query(
            "select c.kind, c.jid, m.* from message m join conversation c on c.id = m.conversation
             where m.delivery in (0, 1) order by m.sort, m.id",
        )
        .fetch_all(&self.pool)
        .await?;
        state.outbox =
            rows.iter().map(|row| message(row, conversation_id(row)?)).collect::<Result<_, sqlx::Error>>()?;

        for row in sqlx::query("select jid, last from archive order by jid").fetch_all(&self.pool).await? {
            let jid: String = row.try_get("jid")?;
            let archive = if jid.is_empty() { None } else { Some(bare(&jid)?) };
            state.archive_positions.push((archive, StanzaId(row.try_get("last")?)));
        }
        Ok(state)
    }

    async fn known(&self, conversation: &ConversationId) -> Result<Vec<KnownMessage>, sqlx::Error> {
        let rows = sqlx::query(
            "select message_id, sender_name, delivery, failure, stanza_id, wire_id, sort from message
             where conversation = (select id from conversation where kind = ? and jid = ?)
             order by sort desc, id desc limit ?",
        )
        .bind(kind_code(conversation))
        .bind(conversation.jid().as_str())
        .bind(KNOWN_OF_EACH)
        .fetch_all(&self.pool)
        .await?;
        let known = rows.iter().map(|row| {
            let delivery = delivery(row)?;
            let sender_name: String = row.try_get("sender_name")?;
            Ok(KnownMessage {
                id: MessageId(row.try_get("message_id")?),
                conversation: conversation.clone(),
                sender_name: delivery.is_none().then_some(sender_name),
                wire_id: row.try_get("wire_id")?,
                stanza_id: row.try_get::<Option<String>, _>("stanza_id")?.map(StanzaId),
                delivery,
                sort: row.try_get("sort")?,
            })
        });
        known.collect()
    }

    /// A window of at least `limit` messages where there are as many; those with the same `sort` stay together.
    pub(crate) async fn timeline(
        &self,
        conversation: ConversationId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<StoreReply, sqlx::Error> {
        let end = before.unwrap_or(i64::MAX);
        let mut rows = sqlx::query(
            "with place (c) as (select id from conversation where kind = ?1 and jid = ?2)
             select * from message, place where conversation = c and sort < ?3 and sort >= ifnull(
                 (select sort from message, place where conversation = c and sort < ?3
                  order by sort desc limit 1 offset ?4), -9223372036854775808)
             order by sort desc, id desc",
        )
        .bind(kind_code(&conversation))
        .bind(conversation.jid().as_str())
        .bind(end)
        .bind(i64::from(limit.clamp(1, 200)) - 1)
        .fetch_all(&self.pool)
        .await?;
        rows.reverse();
        let messages: Vec<MessageRow> =
            rows.iter().map(|row| message(row, conversation.clone())).collect::<Result<_, _>>()?;
        let has_older = match messages.first() {
            None => false,
            Some(first) => {
                sqlx::query_scalar(
                    "select exists (select 1 from message where sort < ? and conversation =
                         (select id from conversation where kind = ? and jid = ?))",
                )
                .bind(first.sort)
                .bind(kind_code(&conversation))
                .bind(conversation.jid().as_str())
                .fetch_one(&self.pool)
                .await?
            }
        };
        Ok(StoreReply::Timeline { conversation, messages, has_older, newest: before.is_none() })
    }
}

fn bare(text: &str) -> Result<BareJid, sqlx::Error> {
    BareJid::new(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

pub(crate) fn conversation_id(row: &SqliteRow) -> Result<ConversationId, sqlx::Error> {
    let jid = bare(row.try_get("jid")?)?;
    Ok(if row.try_get::<i64, _>("kind")? == 0 {
        ConversationId::Person(jid)
    } else {
        ConversationId::Room(jid)
    })
}

pub(crate) fn message(row: &SqliteRow, conversation: ConversationId) -> Result<MessageRow, sqlx::Error> {
    let sender: Option<String> = row.try_get("sender")?;
    Ok(MessageRow {
        id: MessageId(row.try_get("message_id")?),
        conversation,
        sender_name: row.try_get("sender_name")?,
        sender: sender.as_deref().map(bare).transpose()?,
        at: Timestamp(row.try_get("at")?),
        direction: match delivery(row)? {
            None => Direction::Incoming,
            Some(delivery) => Direction::Outgoing { delivery },
        },
        body: Private(row.try_get("body")?),
        stanza_id: row.try_get::<Option<String>, _>("stanza_id")?.map(StanzaId),
        sort: row.try_get("sort")?,
    })
}

fn delivery(row: &SqliteRow) -> Result<Option<DeliveryState>, sqlx::Error> {
    Ok(match row.try_get::<Option<i64>, _>("delivery")? {
        None => None,
        Some(0) => Some(DeliveryState::Queued),
        Some(1) => Some(DeliveryState::Sent),
        Some(2) => Some(DeliveryState::Acked),
        Some(3) => Some(DeliveryState::Delivered),
        Some(4) => Some(DeliveryState::Read),
        Some(_) => {
            let reason = row.try_get::<Option<String>, _>("failure")?.unwrap_or_default();
            Some(DeliveryState::Failed { reason })
        }
    })
}

fn roster_item(row: &SqliteRow) -> Result<RosterItem, sqlx::Error> {
    let groups: String = row.try_get("groups")?;
    let groups = serde_json::from_str(&groups).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(RosterItem {
        jid: bare(row.try_get("jid")?)?,
        name: row.try_get("name")?,
        groups,
        subscription: match row.try_get::<i64, _>("subscription")? {
            1 => Subscription::To,
            2 => Subscription::From,
            3 => Subscription::Both,
            _ => Subscription::None,
        },
        asked: row.try_get("asked")?,
    })
}
