//! Writes: each [`Persist`] is one or two statements inside the transaction of its batch.

use crate::Store;
use flint_core::effect::Persist;
use flint_core::input::RosterItem;
use flint_core::model::{ConversationId, DeliveryState, Direction, MessageRow, Subscription};
use sqlx::SqliteConnection;

impl Store {
    pub(crate) async fn write_all(&self, writes: Vec<Persist>) -> Result<(), sqlx::Error> {
        // IMMEDIATE: a transaction that begins by reading can't be upgraded while another one writes.
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for write in writes {
            write_one(&mut transaction, write).await?;
        }
        transaction.commit().await
    }
}

async fn write_one(db: &mut SqliteConnection, write: Persist) -> Result<(), sqlx::Error> {
    match write {
        Persist::Message { message, wire_id } => write_message(db, message, wire_id).await?,
        Persist::Delivery { message, delivery } => {
            let (code, failure) = delivery_code(&delivery);
            sqlx::query(
                "update message set delivery = ?, failure = ? where message_id = ? and delivery is not null",
            )
            .bind(code)
            .bind(failure)
            .bind(message.0)
            .execute(db)
            .await?;
        }
        Persist::ArchiveId { message, stanza_id } => {
            sqlx::query("update or ignore message set stanza_id = ? where message_id = ?")
                .bind(stanza_id.0)
                .bind(message.0)
                .execute(db)
                .await?;
        }
        Persist::Conversation { id, title, first_unread, unread, pinned, joined } => {
            sqlx::query(
                "insert into conversation (kind, jid, title, first_unread, unread, pinned, joined)
                 values (?, ?, ?, ?, ?, ?, ?)
                 on conflict (kind, jid) do update set title = excluded.title, first_unread = excluded.first_unread,
                 unread = excluded.unread, pinned = excluded.pinned, joined = excluded.joined",
            )
            .bind(kind_code(&id))
            .bind(id.jid().as_str())
            .bind(title)
            .bind(first_unread.map(|id| id.0))
            .bind(unread)
            .bind(pinned)
            .bind(joined)
            .execute(db)
            .await?;
        }
        Persist::Draft { conversation, text } => {
            sqlx::query(
                "insert into conversation (kind, jid, draft) values (?, ?, nullif(?, ''))
                 on conflict (kind, jid) do update set draft = excluded.draft",
            )
            .bind(kind_code(&conversation))
            .bind(conversation.jid().as_str())
            .bind(text.0)
            .execute(db)
            .await?;
        }
        Persist::Roster { items, version } => {
            sqlx::query("delete from roster").execute(&mut *db).await?;
            for item in items {
                write_roster_item(db, item).await?;
            }
            write_roster_version(db, version).await?;
        }
        Persist::RosterItem { item, removed, version } => {
            if removed {
                sqlx::query("delete from roster where jid = ?")
                    .bind(item.jid.as_str())
                    .execute(&mut *db)
                    .await?;
            } else {
                write_roster_item(db, item).await?;
            }
            write_roster_version(db, version).await?;
        }
        Persist::ArchivePosition { archive, last } => {
            sqlx::query("insert into archive (jid, last) values (?, ?) on conflict (jid) do update set last = excluded.last")
                .bind(archive.as_ref().map_or("", |jid| jid.as_str()))
                .bind(last.0)
                .execute(db)
                .await?;
        }
        Persist::DeleteOlderThan { before } => {
            // What waits to be sent stays: it is not history yet.
            sqlx::query("delete from message where at < ? and ifnull(delivery, 5) not in (0, 1)")
                .bind(before.0)
                .execute(db)
                .await?;
        }
    }
    Ok(())
}

async fn write_message(
    db: &mut SqliteConnection,
    message: MessageRow,
    wire_id: Option<String>,
) -> Result<(), sqlx::Error> {
    let (kind, jid) = (kind_code(&message.conversation), message.conversation.jid().as_str());
    sqlx::query("insert into conversation (kind, jid) values (?, ?) on conflict do nothing")
        .bind(kind)
        .bind(jid)
        .execute(&mut *db)
        .await?;
    let (delivery, failure) = match &message.direction {
        Direction::Incoming => (None, None),
        Direction::Outgoing { delivery } => {
            let (code, failure) = delivery_code(delivery);
            (Some(code), failure)
        }
    };
    // `failed` (5) neither overtakes what arrived (3, 4) nor is it undone by less than an arrival.
    sqlx::query(
        "insert into message (message_id, conversation, sender_name, sender, at, sort, delivery, failure, body,
                              stanza_id, wire_id)
         values (?, (select id from conversation where kind = ? and jid = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (message_id) do update set
             sender_name = excluded.sender_name, sender = excluded.sender, at = excluded.at, sort = excluded.sort,
             body = excluded.body, wire_id = ifnull(excluded.wire_id, wire_id),
             delivery = case
                 when excluded.delivery = 5 and delivery < 3 then 5
                 when excluded.delivery = 5 then delivery
                 when delivery = 5 and excluded.delivery < 3 then 5
                 when delivery = 5 then excluded.delivery
                 else max(delivery, excluded.delivery) end,
             failure = case when excluded.delivery = 5 then excluded.failure else failure end,
             stanza_id = case
                 when stanza_id is not null then stanza_id
                 when exists (select 1 from message other
                              where other.conversation = excluded.conversation
                                and other.stanza_id = excluded.stanza_id) then null
                 else excluded.stanza_id end
         where conversation = excluded.conversation and (delivery is null) = (excluded.delivery is null)
         on conflict (conversation, stanza_id) where stanza_id is not null do nothing",
    )
    .bind(&message.id.0)
    .bind(kind)
    .bind(jid)
    .bind(&message.sender_name)
    .bind(message.sender.as_ref().map(|jid| jid.as_str()))
    .bind(message.at.0)
    .bind(message.sort)
    .bind(delivery)
    .bind(failure)
    .bind(&message.body.0)
    .bind(message.stanza_id.as_ref().map(|id| &id.0))
    .bind(wire_id)
    .execute(db)
    .await?;
    Ok(())
}

async fn write_roster_item(db: &mut SqliteConnection, item: RosterItem) -> Result<(), sqlx::Error> {
    let groups = serde_json::Value::from(item.groups).to_string();
    sqlx::query(
        "insert or replace into roster (jid, name, groups, subscription, asked) values (?, ?, ?, ?, ?)",
    )
    .bind(item.jid.as_str())
    .bind(item.name)
    .bind(groups)
    .bind(subscription_code(item.subscription))
    .bind(item.asked)
    .execute(db)
    .await?;
    Ok(())
}

async fn write_roster_version(db: &mut SqliteConnection, version: Option<String>) -> Result<(), sqlx::Error> {
    sqlx::query("delete from setting where name = 'roster-version'").execute(&mut *db).await?;
    if let Some(version) = version {
        sqlx::query("insert into setting (name, value) values ('roster-version', ?)")
            .bind(version)
            .execute(db)
            .await?;
    }
    Ok(())
}

pub(crate) fn kind_code(id: &ConversationId) -> i64 {
    match id {
        ConversationId::Person(_) => 0,
        ConversationId::Room(_) => 1,
    }
}

fn subscription_code(subscription: Subscription) -> i64 {
    match subscription {
        Subscription::None => 0,
        Subscription::To => 1,
        Subscription::From => 2,
        Subscription::Both => 3,
    }
}

fn delivery_code(delivery: &DeliveryState) -> (i64, Option<&str>) {
    match delivery {
        DeliveryState::Queued => (0, None),
        DeliveryState::Sent => (1, None),
        DeliveryState::Acked => (2, None),
        DeliveryState::Delivered => (3, None),
        DeliveryState::Read => (4, None),
        DeliveryState::Failed { reason } => (5, Some(reason)),
    }
}
