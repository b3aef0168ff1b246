//! Reads notifications.

use audit::Facts;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Reader, personal};

macro_rules! select {
    ($($of:literal)?) => {
        concat!(
            "select order_uuid as order, kind, status, chat, attempts::bigint, ambiguous, sent_at, created_at, queued_at
            from notifications",
            $($of)?
        )
    };
}

pub const READER: Reader = Reader {
    service: &notification::SERVICE,
    facts: |database| Box::pin(read(database)),
    of_order: Some(|database, order| Box::pin(of_order(database, order))),
    pending: &[("messages to be sent", "select count(*) from notifications where status = 'queued'")],
    fingerprint: "select concat_ws(' ', count(*), sum(attempts), max(sent_at), (select count(*) from inbox))
        from notifications",
};

async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    let chats = "select user_uuid, min(created_at) from notifications where chat is not null group by user_uuid";
    Ok(Facts {
        notifications: sqlx::query_as(select!()).fetch_all(&mut *database).await?,
        personal: personal(database, chats, "the chat of a notification").await?,
        ..Facts::default()
    })
}

async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let query = sqlx::query_as(select!(" where order_uuid = $1 order by created_at")).bind(order);
    Ok(Facts { notifications: query.fetch_all(database).await?, ..Facts::default() })
}
