//! Reads payments and the ledger of the built-in provider.

use audit::{
    Facts,
    facts::{Completion, Payment, events_of},
};
use contracts::events::{self, PaymentCompleted, Published as _};
use futures::TryStreamExt as _;
use platform::kafka::Message;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Reader, Scalars};

/// The built-in provider, whose ledger is in payment's database.
pub const LEDGER: &str = "ledger";

macro_rules! payments {
    ($($of:literal)?) => {
        concat!(
            "select transaction_uuid as transaction, order_uuid as order, attempt, user_uuid as user, provider,
                provider_reference as reference, amount, partially_refunded, status,
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
            "select refund_uuid as refund, transaction_uuid as transaction, amount,
                decided_by is not null as is_signed, status = 'refunded' as is_made,
                status = 'refunding' and refund_reference is not null as is_accepted, created_at, requested_at
            from partial_refunds",
            $($of)?
        )
    };
}

macro_rules! ledger {
    ($($of:literal)?) => {
        concat!(
            "select key, kind, order_uuid as order, amount,
                case when method = 'INVESTOR_MONEY' then user_uuid end as account
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
    let balances = sqlx::query_as("select user_uuid as user, initial, balance as current from balances");
    let credits = sqlx::query_as("select reference, user_uuid as user, amount from credits");
    let published = sqlx::query_scalar("select payload from outbox where event_type = $1 order by id");
    Ok(Facts {
        payments: sqlx::query_as(payments!()).fetch_all(&mut *database).await?,
        partial_refunds: sqlx::query_as(partial_refunds!()).fetch_all(&mut *database).await?,
        ledger: sqlx::query_as(ledger!()).fetch_all(&mut *database).await?,
        balances: balances.fetch_all(&mut *database).await?,
        credits: credits.fetch_all(&mut *database).await?,
        completions: completions(database, published.bind(PaymentCompleted::TYPE)).await?,
        ..Facts::default()
    })
}

/// Reads the facts of one order, except its user's balance.
async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let own = sqlx::query_as(payments!(" where order_uuid = $1 order by attempt")).bind(order);
    let payments: Vec<Payment> = own.fetch_all(&mut *database).await?;
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
        partial_refunds: refunds.fetch_all(&mut *database).await?,
        ledger: entries.fetch_all(&mut *database).await?,
        completions: completions(database, published).await?,
        ..Facts::default()
    })
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
