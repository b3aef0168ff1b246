//! Reads orders, and the responses that clients received.

use audit::{
    Facts,
    facts::{Acknowledged, Answer},
};
use futures::TryStreamExt as _;
use order::repository::TEXTS_OF_ENDED_ORDERS;
use platform::postgres::Database;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Query, Reader, personal};

macro_rules! orders {
    ($($of:literal)?) => {
        concat!(
            "select uuid, user_uuid as user, status, total_price as total, part_uuids as parts,
                transaction_uuid as transaction,
                delivery_address is not null or delivery_uuid is not null as has_address, delivery_status,
                case when attempt_method is not null then attempt::bigint end as attempt,
                pay_until, created_at, updated_at
            from orders",
            $($of)?
        )
    };
}

macro_rules! outcomes {
    ($($of:literal)?) => {
        concat!(
            r#"select order_uuid,
                outcome ? 'created' as created,
                outcome = '"cancelled"' as cancelled,
                (outcome -> 'paid' ->> 'transaction')::uuid as transaction_uuid
            from idempotency_keys
            where outcome is not null"#,
            $($of)?
        )
    };
}

pub const READER: Reader = Reader {
    service: &order::SERVICE,
    facts: |database| Box::pin(read(database)),
    of_order: Some(|database, order| Box::pin(of_order(database, order))),
    // An order that waits for payment is not pending work.
    pending: &[
        ("attempts to pay", "select count(*) from orders where attempt_method is not null"),
        ("paid orders", "select count(*) from orders where status = 'PAID'"),
        (
            "orders past their deadline",
            "select count(*) from orders where status = 'PENDING_PAYMENT' and attempt_method is null and pay_until <= now()",
        ),
    ],
    fingerprint: "select concat_ws(' ', count(*), max(updated_at), sum(attempt), (select max(id) from outbox),
            (select count(*) from inbox), (select count(outcome) from idempotency_keys), count(delivery_status))
        from orders",
};

async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    Ok(Facts {
        at: sqlx::query_scalar("select now()").fetch_one(&mut *database).await?,
        orders: sqlx::query_as(orders!()).fetch_all(&mut *database).await?,
        acknowledged: acknowledged(database, sqlx::query_as(outcomes!())).await?,
        personal: personal(database, TEXTS_OF_ENDED_ORDERS, "a text of its user in an order that has ended").await?,
        ..Facts::default()
    })
}

/// Reads the facts of one order. Its idempotency keys are found by their user, since no index has their orders.
async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let own = sqlx::query_as(orders!(" where uuid = $1")).bind(order);
    let responses = outcomes!(" and user_uuid = (select user_uuid from orders where uuid = $1) and order_uuid = $1");
    Ok(Facts {
        at: sqlx::query_scalar("select now()").fetch_one(&mut *database).await?,
        orders: own.fetch_all(&mut *database).await?,
        acknowledged: acknowledged(database, sqlx::query_as(responses).bind(order)).await?,
        ..Facts::default()
    })
}

/// Returns the user of an order; `None` if there is no such order.
pub async fn owner(database: &Database, order: Uuid) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar("select user_uuid from orders where uuid = $1").bind(order).fetch_optional(database).await
}

pub async fn attempts(database: &mut PgConnection, order: Uuid) -> sqlx::Result<i64> {
    let attempts = sqlx::query_scalar("select attempt::bigint from orders where uuid = $1").bind(order);
    Ok(attempts.fetch_optional(database).await?.unwrap_or_default())
}

#[derive(FromRow)]
struct Outcome {
    order_uuid: Uuid,
    created: bool,
    cancelled: bool,
    transaction_uuid: Option<Uuid>,
}

/// Reads the responses stored under idempotency keys. The databases record clients' responses nowhere else.
async fn acknowledged(database: &mut PgConnection, query: Query<'_, Outcome>) -> anyhow::Result<Vec<Acknowledged>> {
    let mut rows = query.fetch(database);
    let mut acknowledged = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let answer = match row.transaction_uuid {
            Some(transaction) => Answer::Paid { transaction },
            None if row.created => Answer::Created,
            None if row.cancelled => Answer::Cancelled,
            // The response was an error.
            None => continue,
        };
        acknowledged.push(Acknowledged { order: row.order_uuid, answer });
    }
    Ok(acknowledged)
}
