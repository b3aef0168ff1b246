//! Reads payments and the ledger of the built-in provider.

use audit::{
    Facts,
    facts::{Balance, Completion, Credit, Entry, EntryKind, PartialRefund, Payment, PaymentStatus, events_of},
};
use chrono::{DateTime, Utc};
use contracts::events::{self, PaymentCompleted, Published as _};
use futures::TryStreamExt as _;
use platform::kafka::Message;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Query, Reader, Scalars, parsed};

/// The built-in provider, whose ledger is in payment's database.
pub const LEDGER: &str = "ledger";

macro_rules! payments {
    ($($of:literal)?) => {
        concat!(
            "select transaction_uuid, order_uuid, attempt, user_uuid, provider, provider_reference, amount,
                partially_refunded, status,
                status = 'refunding' and refund_reference is not null as is_refund_accepted, decline_reason, cancelled,
                created_at, updated_at
            from payments",
            $($of)?
        )
    };
}

macro_rules! partial_refunds {
    ($($of:literal)?) => {
        concat!(
            "select refund_uuid, transaction_uuid, amount, decided_by is not null as is_signed, status = 'refunded' as is_made,
                status = 'refunding' and refund_reference is not null as is_accepted, created_at, requested_at
            from partial_refunds",
            $($of)?
        )
    };
}

macro_rules! ledger {
    ($($of:literal)?) => {
        concat!(
            "select key, kind, order_uuid, amount, case when method = 'INVESTOR_MONEY' then user_uuid end as account
            from ledger_entries",
            $($of)?
        )
    };
}

pub const READER: Reader = Reader {
    service: &payment::SERVICE,
    facts: |database| Box::pin(read(database)),
    of_order: Some(|database, order| Box::pin(of_order(database, order))),
    // The provider may take days to make a refund that it has accepted, so `accepted_refunds` counts such refunds
    // separately.
    pending: &[(
        "charges and refunds",
        "select (select count(*) from payments
                where status = 'pending' or status = 'refunding' and refund_reference is null)
            + (select count(*) from partial_refunds where status = 'refunding' and refund_reference is null)",
    )],
    fingerprint: "select concat_ws(' ', count(*), max(updated_at), (select count(*) from ledger_entries),
            (select concat_ws(' ', count(*), max(updated_at)) from partial_refunds),
            (select max(id) from outbox), (select count(*) from inbox))
        from payments",
};

async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    let published = sqlx::query_scalar("select payload from outbox where event_type = $1 order by id");
    Ok(Facts {
        payments: payments(database, sqlx::query_as(payments!())).await?,
        partial_refunds: partial_refunds(database, sqlx::query_as(partial_refunds!())).await?,
        ledger: ledger(database, sqlx::query_as(ledger!())).await?,
        balances: balances(database).await?,
        credits: credits(database).await?,
        completions: completions(database, published.bind(PaymentCompleted::TYPE)).await?,
        ..Facts::default()
    })
}

/// Reads the facts of one order, except its user's balance.
async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let own = sqlx::query_as(payments!(" where order_uuid = $1 order by attempt")).bind(order);
    let payments = payments(database, own).await?;
    let transactions: Vec<Uuid> = payments.iter().map(|payment| payment.transaction).collect();
    let refunds =
        sqlx::query_as(partial_refunds!(" where transaction_uuid = any($1) order by created_at")).bind(transactions);
    let entries = sqlx::query_as(ledger!(" where order_uuid = $1 order by created_at")).bind(order);
    let attempts = payments.iter().filter_map(|payment| payment.attempt).max().unwrap_or_default();
    let events = events_of(order, attempts).into_iter().filter(|(kind, _)| *kind == PaymentCompleted::TYPE);
    let events: Vec<Uuid> = events.map(|(_, event)| event).collect();
    let published =
        sqlx::query_scalar("select payload from outbox where event_uuid = any($1) order by id").bind(events);
    Ok(Facts {
        payments,
        partial_refunds: partial_refunds(database, refunds).await?,
        ledger: ledger(database, entries).await?,
        completions: completions(database, published).await?,
        ..Facts::default()
    })
}

#[derive(FromRow)]
struct PaymentRow {
    transaction_uuid: Uuid,
    order_uuid: Uuid,
    attempt: Option<i64>,
    user_uuid: Option<Uuid>,
    provider: Option<String>,
    provider_reference: Option<String>,
    amount: Option<i64>,
    partially_refunded: i64,
    status: String,
    is_refund_accepted: bool,
    decline_reason: Option<String>,
    cancelled: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

async fn payments(database: &mut PgConnection, query: Query<'_, PaymentRow>) -> anyhow::Result<Vec<Payment>> {
    let mut rows = query.fetch(database);
    let mut payments = Vec::new();
    while let Some(row) = rows.try_next().await? {
        payments.push(Payment {
            transaction: row.transaction_uuid,
            order: row.order_uuid,
            attempt: row.attempt,
            user: row.user_uuid,
            provider: row.provider,
            reference: row.provider_reference,
            amount: row.amount,
            partially_refunded: row.partially_refunded,
            status: parsed("payments.status", &row.status, PaymentStatus::parse)?,
            is_refund_accepted: row.is_refund_accepted,
            decline_reason: row.decline_reason,
            cancelled: row.cancelled,
            created_at: row.created_at,
            updated_at: row.updated_at,
        });
    }
    Ok(payments)
}

#[derive(FromRow)]
struct RefundRow {
    refund_uuid: Uuid,
    transaction_uuid: Uuid,
    amount: i64,
    is_signed: bool,
    is_made: bool,
    is_accepted: bool,
    created_at: DateTime<Utc>,
    requested_at: Option<DateTime<Utc>>,
}

async fn partial_refunds(
    database: &mut PgConnection,
    query: Query<'_, RefundRow>,
) -> anyhow::Result<Vec<PartialRefund>> {
    let rows = query.fetch_all(database).await?;
    let refund = |row: RefundRow| PartialRefund {
        refund: row.refund_uuid,
        transaction: row.transaction_uuid,
        amount: row.amount,
        is_signed: row.is_signed,
        is_made: row.is_made,
        is_accepted: row.is_accepted,
        created_at: row.created_at,
        requested_at: row.requested_at,
    };
    Ok(rows.into_iter().map(refund).collect())
}

#[derive(FromRow)]
struct EntryRow {
    key: String,
    kind: String,
    order_uuid: Uuid,
    amount: i64,
    account: Option<Uuid>,
}

async fn ledger(database: &mut PgConnection, query: Query<'_, EntryRow>) -> anyhow::Result<Vec<Entry>> {
    let mut rows = query.fetch(database);
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
    let rows: Vec<(Uuid, i64, i64)> =
        sqlx::query_as("select user_uuid, initial, balance from balances").fetch_all(database).await?;
    Ok(rows.into_iter().map(|(user, initial, current)| Balance { user, initial, current }).collect())
}

async fn credits(database: &mut PgConnection) -> anyhow::Result<Vec<Credit>> {
    let rows: Vec<(String, Uuid, i64)> =
        sqlx::query_as("select reference, user_uuid, amount from credits").fetch_all(database).await?;
    Ok(rows.into_iter().map(|(reference, user, amount)| Credit { reference, user, amount }).collect())
}

async fn completions(database: &mut PgConnection, payloads: Scalars<'_, Vec<u8>>) -> anyhow::Result<Vec<Completion>> {
    let mut payloads = payloads.fetch(database);
    let mut completions = Vec::new();
    while let Some(payload) = payloads.try_next().await? {
        let message = Message { payload, ..Message::default() };
        completions.extend(events::read(&message).ok().and_then(Completion::from_event));
    }
    Ok(completions)
}
