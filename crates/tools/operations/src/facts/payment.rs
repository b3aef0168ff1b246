//! Reads payments, and the ledger of the built-in provider.

use audit::{
    Facts,
    facts::{Balance, Entry, EntryKind, Payment, PaymentStatus},
};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{messaging, parsed, snapshot};
use crate::databases::Databases;

/// The built-in provider, whose ledger is in payment's database.
pub const LEDGER: &str = "ledger";

pub async fn read(databases: &Databases) -> anyhow::Result<Facts> {
    let mut database = snapshot(databases, &payment::SERVICE).await?;
    Ok(Facts {
        payments: payments(&mut database).await?,
        ledger: ledger(&mut database).await?,
        balances: balances(&mut database).await?,
        inboxes: messaging::inboxes(&mut database, &payment::SERVICE).await?,
        ..Facts::default()
    })
}

#[derive(FromRow)]
struct PaymentRow {
    transaction_uuid: Uuid,
    order_uuid: Uuid,
    attempt: Option<i64>,
    provider: Option<String>,
    status: String,
    cancelled: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

async fn payments(database: &mut PgConnection) -> anyhow::Result<Vec<Payment>> {
    let mut rows = sqlx::query_as::<_, PaymentRow>(
        "select transaction_uuid, order_uuid, attempt, provider, status, cancelled, created_at, updated_at from payments",
    )
    .fetch(database);
    let mut payments = Vec::new();
    while let Some(row) = rows.try_next().await? {
        payments.push(Payment {
            transaction: row.transaction_uuid,
            order: row.order_uuid,
            attempt: row.attempt,
            provider: row.provider,
            status: parsed("payments.status", &row.status, PaymentStatus::parse)?,
            cancelled: row.cancelled,
            created_at: row.created_at,
            updated_at: row.updated_at,
        });
    }
    Ok(payments)
}

#[derive(FromRow)]
struct EntryRow {
    key: String,
    kind: String,
    order_uuid: Uuid,
    amount: i64,
    account: Option<Uuid>,
}

async fn ledger(database: &mut PgConnection) -> anyhow::Result<Vec<Entry>> {
    let mut rows = sqlx::query_as::<_, EntryRow>(
        "select key, kind, order_uuid, amount, case when method = 'INVESTOR_MONEY' then user_uuid end as account
        from ledger_entries",
    )
    .fetch(database);
    let mut entries = Vec::new();
    while let Some(row) = rows.try_next().await? {
        entries.push(Entry {
            kind: parsed("ledger_entries.kind", &row.kind, EntryKind::parse)?,
            key: row.key,
            order: row.order_uuid,
            amount: row.amount,
            account: row.account,
        });
    }
    Ok(entries)
}

async fn balances(database: &mut PgConnection) -> anyhow::Result<Vec<Balance>> {
    let rows: Vec<(Uuid, Option<i64>, i64)> =
        sqlx::query_as("select user_uuid, initial, balance from balances").fetch_all(database).await?;
    Ok(rows.into_iter().map(|(user, initial, current)| Balance { user, initial, current }).collect())
}
