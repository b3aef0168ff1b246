//! Begins charges, counts their requests and records their outcomes.

use std::{collections::HashMap, sync::Arc};

use contracts::ids::TransactionId;
use outbox::Columns;
use platform::{
    postgres::{Database, GroupCommit, retry_stale},
    telemetry,
};
use serde_json::json;

use super::row::{PaymentRow, query_payments};
use crate::{
    error::Error,
    model::{ChargeOutcome, Intent, Status},
    repository::Begun,
};

/// The maximum number of tries to record an intent. A try fails if the attempt that blocked the insert is declined
/// before it is read.
const MAX_TRIES: u32 = 3;

/// The group commit of [`record`].
pub(super) type Intents = GroupCommit<Intent, Option<PaymentRow>>;

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

/// A JSON object with the columns that a new payment brings. The others have their defaults.
fn columns(intent: &Intent) -> serde_json::Value {
    json!({
        "transaction_uuid": intent.transaction,
        "order_uuid": intent.order,
        "attempt": intent.attempt,
        "user_uuid": intent.user,
        "method": intent.method.as_str(),
        "amount": intent.amount,
        "provider": intent.provider.as_str(),
    })
}

/// Records intents and returns the recorded payments. Skips intents whose attempt is recorded already or blocked by
/// another attempt.
pub(super) async fn record(pool: Database, intents: Arc<[Intent]>) -> sqlx::Result<HashMap<TransactionId, PaymentRow>> {
    let rows: serde_json::Value = intents.iter().map(columns).collect();
    let recorded = query_payments!(
        "insert into payments (transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider)
        select transaction_uuid, order_uuid, attempt, user_uuid, method, amount, provider
        from jsonb_populate_recordset(null::payments, $1)
        order by order_uuid
        on conflict do nothing
        returning "
            + COLUMNS,
        rows,
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

pub(super) async fn count_request(pool: &Database, transaction: TransactionId) -> Result<bool, Error> {
    let counted = sqlx::query!(
        "update payments set requests = requests + 1 where transaction_uuid = $1 and status = 'pending'",
        transaction.uuid(),
    )
    .execute(pool)
    .await?;
    Ok(counted.rows_affected() > 0)
}

/// Takes a request back. Returns true if it was the last one, which ends the attempt.
pub(super) async fn refuse(pool: &Database, intent: &Intent) -> Result<bool, Error> {
    let (status, event) = intent.settled(&ChargeOutcome::REFUSED, false);
    let Status::Declined(decline) = status else { return Ok(false) };
    let event = outbox::Event::from(&event);
    let ended = sqlx::query!(
        "with refused as (
            update payments set
                requests = requests - 1,
                status = case requests when 1 then 'declined' else status end,
                decline_reason = case requests when 1 then $2 end,
                updated_at = case requests when 1 then now() else updated_at end
            where transaction_uuid = $1 and status = 'pending'
            returning order_uuid, status
        )
        insert into outbox (event_uuid, event_type, key, payload, trace)
        select $3, $4, order_uuid, $5, $6 from refused where status = 'declined'",
        intent.transaction.uuid(),
        decline.as_str(),
        event.uuid,
        event.kind,
        event.payload,
        telemetry::trace(),
    )
    .execute(pool)
    .await?;
    Ok(ended.rows_affected() > 0)
}

#[derive(Clone)]
pub struct Settlement {
    transaction: TransactionId,
    decline: Option<&'static str>,
    reference: Option<String>,
    event: outbox::Event,
    /// The event's payload for a cancelled order. The statement chooses this payload or that of `event` by the row's
    /// `cancelled`.
    of_cancelled: Vec<u8>,
    /// The trace context of this request; the group's statement has another one.
    trace: telemetry::Trace,
}

impl Settlement {
    pub fn new(intent: &Intent, outcome: &ChargeOutcome) -> Self {
        let (decline, reference) = match outcome {
            ChargeOutcome::Charged { reference } => (None, Some(reference.clone())),
            ChargeOutcome::Declined(decline) => (Some(decline.as_str()), None),
        };
        let event = |cancelled| outbox::Event::from(&intent.settled(outcome, cancelled).1);
        Self {
            transaction: intent.transaction,
            decline,
            reference,
            event: event(false),
            of_cancelled: event(true).payload,
            trace: telemetry::trace(),
        }
    }

    pub fn transaction(&self) -> TransactionId {
        self.transaction
    }
}

/// Settles payments. Returns only those that this statement settled.
pub async fn settle(pool: Database, requests: Arc<[Settlement]>) -> sqlx::Result<HashMap<TransactionId, PaymentRow>> {
    let transactions: Vec<_> = requests.iter().map(|request| request.transaction.uuid()).collect();
    let declines: Vec<Option<&str>> = requests.iter().map(|request| request.decline).collect();
    let references: Vec<Option<&str>> = requests.iter().map(|request| request.reference.as_deref()).collect();
    let events: Columns = requests.iter().map(|request| request.event.clone()).collect();
    let of_cancelled: Vec<&[u8]> = requests.iter().map(|request| request.of_cancelled.as_slice()).collect();
    let traces: Vec<_> = requests.iter().map(|request| &request.trace).collect();
    let rows = query_payments!(
        "with requests as materialized (
            select *
            from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[], $8::jsonb[])
                as request (transaction_uuid, decline, reference, event_uuid, event_type, payload, of_cancelled, trace)
        ), locked as materialized (
            select transaction_uuid, status
            from payments
            where transaction_uuid = any($1)
            order by transaction_uuid
            for no key update
        ), settled as (
            update payments
            set status = case
                    when requests.decline is not null then 'declined'
                    when cancelled then 'refunding'
                    else 'succeeded'
                end,
                decline_reason = requests.decline,
                provider_reference = coalesce(requests.reference, provider_reference),
                tries = 0,
                next_try_at = now(),
                updated_at = now()
            from locked
            join requests using (transaction_uuid)
            where payments.transaction_uuid = locked.transaction_uuid and locked.status = 'pending'
            returning payments.*
        ), events as (
            insert into outbox (event_uuid, event_type, key, payload, trace)
            select event_uuid, event_type, order_uuid, case when cancelled then of_cancelled else payload end, trace
            from settled
            join requests using (transaction_uuid)
        )
        select " + COLUMNS + " from settled",
        &transactions,
        &declines as _,
        &references as _,
        &events.uuids,
        &events.kinds as _,
        &events.payloads,
        &of_cancelled as _,
        &traces as _,
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.transaction_uuid, row)).collect())
}
