//! The statements that end an attempt without making the order paid: declined, abandoned or cancelled.

use contracts::{
    events::Cause,
    ids::{OrderId, TransactionId},
};
use platform::{postgres::Database, telemetry};
use sqlx::types::Json;

use crate::{
    error::{Error, OrderRefusal},
    model::{AttemptLease, Event, RequestOutcome},
};

/// Ends an attempt as declined, once per event if an event is the `cause`, and a shared one only if `also_shared`.
/// After a declined payment from the balance, the order is no longer due to be paid from the balance.
pub async fn declined(
    pool: &Database,
    cause: Option<Cause>,
    order: OrderId,
    attempt: i32,
    refusal: &OrderRefusal,
    also_shared: bool,
    outcome: Option<&RequestOutcome>,
) -> Result<bool, Error> {
    let ended = sqlx::query!(
        "with inbox_row as (
            insert into inbox (consumer, event_uuid) select $1, $2 where $1::text is not null
            on conflict do nothing
            returning event_uuid
        ), settled as (
            update orders
            set declined_attempt = attempt, decline = $5,
                self_payment_at = case when attempt_method <> 'INVESTOR_MONEY' then self_payment_at end,
                attempt_method = null, attempt_next_at = null, updated_at = now()
            where uuid = $3 and attempt = $4 and attempt_method is not null and ($6 or not attempt_shared)
                and ($1::text is null or exists (select from inbox_row))
            returning uuid
        ), key_completed as (
            update idempotency_keys set outcome = $7
            from settled
            where order_uuid = $3 and attempt = $4 and outcome is null and $7::jsonb is not null
        )
        select uuid from settled",
        cause.map(|cause| cause.consumer),
        cause.map(|cause| cause.event.uuid()),
        order.uuid(),
        attempt,
        decline(refusal),
        also_shared,
        outcome.map(Json) as _,
    )
    .fetch_optional(pool)
    .await?;
    Ok(ended.is_some())
}

/// Returns the value of the column `decline` for a refusal.
fn decline(refusal: &OrderRefusal) -> &'static str {
    if *refusal == OrderRefusal::InsufficientFunds { "INSUFFICIENT_FUNDS" } else { "PAYMENT_DECLINED" }
}

/// Returns the refusal for a value of the column `decline`.
pub fn refusal(decline: &str) -> Option<OrderRefusal> {
    [OrderRefusal::PaymentDeclined, OrderRefusal::InsufficientFunds]
        .into_iter()
        .find(|refusal| self::decline(refusal) == decline)
}

/// Ends an attempt for which this process has not called the payment service, unless another process has taken the
/// attempt over.
pub async fn abandoned(pool: &Database, order: OrderId, lease: &AttemptLease) -> Result<bool, Error> {
    let ended = sqlx::query!(
        "update orders set attempt_method = null, attempt_next_at = null, updated_at = now()
        where uuid = $1 and attempt = $2 and attempt_method is not null and attempt_epoch = $3 and attempt_shared = $4",
        order.uuid(),
        lease.attempt.number,
        lease.epoch,
        lease.shared,
    )
    .execute(pool)
    .await?;
    Ok(ended.rows_affected() > 0)
}

/// Ends an attempt and cancels the order. The payment service refunds a charge when it receives the event.
pub async fn cancelled(
    pool: &Database,
    order: OrderId,
    lease: &AttemptLease,
    transaction: Option<TransactionId>,
    event: &Event,
    outcome: Option<&RequestOutcome>,
) -> Result<bool, Error> {
    let event = outbox::Event::from(event);
    let written = sqlx::query!(
        "with settled as (
            update orders
            set status = 'CANCELLED', transaction_uuid = $8,
                payment_method = case when $8::uuid is not null then attempt_method end,
                attempt_method = null, attempt_next_at = null, updated_at = now()
            where uuid = $1 and attempt = $2 and attempt_method is not null and attempt_epoch = $9 and attempt_shared = $10
            returning uuid
        ), key_completed as (
            update idempotency_keys set outcome = $7
            from settled
            where order_uuid = $1 and attempt = $2 and outcome is null and $7::jsonb is not null
        )
        insert into outbox (event_uuid, event_type, key, payload, trace)
        select $3, $4, uuid, $5, $6 from settled",
        order.uuid(),
        lease.attempt.number,
        event.uuid,
        event.kind,
        event.payload,
        telemetry::trace(),
        outcome.map(Json) as _,
        transaction.map(TransactionId::uuid),
        lease.epoch,
        lease.shared,
    )
    .execute(pool)
    .await?;
    Ok(written.rows_affected() > 0)
}
