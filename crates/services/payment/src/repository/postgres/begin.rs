//! Records the intent to charge, or finds the payment that blocks it.

use std::{collections::HashMap, sync::Arc};

use contracts::ids::TransactionId;
use platform::postgres::{Database, GroupCommit, retry_stale};
use sqlx::types::Json;

use super::row::{NewRow, Row, query_payments};
use crate::{error::Error, model::Intent, repository::Begun};

/// The maximum number of tries to record an intent. A try fails if the attempt that blocked the insert is declined
/// before it is read.
const MAX_TRIES: u32 = 3;

/// The group commit of [`record`].
pub(super) type Intents = GroupCommit<Intent, Option<Row>>;

pub(super) async fn begin(pool: &Database, intents: &Intents, intent: &Intent) -> Result<Begun, Error> {
    for _ in 0..MAX_TRIES {
        if let Some(row) = intents.submit(*intent).await? {
            return Ok(Begun::New(row.payment()?.ok_or(Error::NotFound)?));
        }
        if let Some(existing) = existing(pool, intent).await? {
            return Ok(existing);
        }
    }
    Err(Error::InProgress)
}

/// Records intents and returns the recorded payments. Skips intents whose attempt is recorded already or blocked by
/// another attempt.
pub(super) async fn record(pool: Database, intents: Arc<[Intent]>) -> sqlx::Result<HashMap<TransactionId, Row>> {
    let new: Vec<NewRow> = intents.iter().map(NewRow::from).collect();
    let recorded = query_payments!(
        "insert into payments (transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider)
        select transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider
        from jsonb_populate_recordset(null::payments, $1)
        order by order_uuid
        on conflict do nothing
        returning "
            + COLUMNS,
        Json(new) as _,
    )
    .fetch_all(&pool)
    .await?;
    Ok(recorded.into_iter().map(|row| (row.transaction_uuid, row)).collect())
}

/// Returns the payment that prevented recording the intent: the same attempt, or another that blocks it.
async fn existing(pool: &Database, intent: &Intent) -> Result<Option<Begun>, Error> {
    let existing = || {
        query_payments!(
            "select "
                + COLUMNS
                + " from payments
            where order_uuid = $1 and (attempt = $2 or status <> 'declined' or cancelled)
            order by attempt is not distinct from $2 desc
            limit 1",
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
