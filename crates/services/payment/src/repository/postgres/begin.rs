//! Records the intent to charge, or finds the payment that blocks it.

use chrono::{DateTime, Utc};
use contracts::{
    ids::{OrderId, TransactionId, UserId},
    money::Money,
};
use platform::postgres::{Database, GroupCommit, retry_stale};

use super::row::Row;
use crate::{
    error::Error,
    model::{Intent, Payment, Status},
    repository::Begun,
};

/// The maximum number of tries to record an intent. A try fails if the attempt that blocked the insert is declined
/// before it is read.
const MAX_TRIES: u32 = 3;

/// The group commit that records intents. It returns the time at which an intent was recorded, or `None`.
pub(super) type Intents = GroupCommit<Intent, Option<DateTime<Utc>>>;

pub(super) async fn begin(pool: &Database, intents: &Intents, intent: &Intent) -> Result<Begun, Error> {
    for _ in 0..MAX_TRIES {
        if let Some(payment) = record(intents, intent).await? {
            return Ok(Begun::New(payment));
        }
        if let Some(existing) = existing(pool, intent).await? {
            return Ok(existing);
        }
    }
    Err(Error::InProgress)
}

async fn record(intents: &Intents, intent: &Intent) -> Result<Option<Payment>, Error> {
    let recorded = intents.submit(*intent).await?;
    Ok(recorded.map(|created_at| Payment {
        intent: *intent,
        status: Status::NEW,
        cancelled: false,
        partially_refunded: Money::ZERO,
        created_at,
        updated_at: created_at,
    }))
}

/// Returns the payment that prevented recording the intent: the same attempt, or another that blocks it.
async fn existing(pool: &Database, intent: &Intent) -> Result<Option<Begun>, Error> {
    let existing = || {
        sqlx::query_as!(
            Row,
            r#"select transaction_uuid as "transaction_uuid: TransactionId", order_uuid as "order_uuid: OrderId", attempt,
                user_uuid as "user_uuid: UserId", method, amount, provider, status, decline_reason, provider_reference,
                refund_number, refund_reference, cancelled, partially_refunded, created_at, updated_at
            from payments
            where order_uuid = $1 and (attempt = $2 or status <> 'declined' or cancelled)
            order by attempt is not distinct from $2 desc
            limit 1"#,
            intent.order.uuid(),
            i64::from(intent.attempt),
        )
        .fetch_optional(pool)
    };
    retry_stale(existing)
        .await?
        .map(|row| match row.payment()? {
            Some(payment) if payment.intent.attempt == intent.attempt || !payment.cancelled => {
                Ok(Begun::Existing(payment))
            }
            _ => Ok(Begun::Cancelled),
        })
        .transpose()
}
