//! An order's creation, its end, and what other services say of it: each one statement with its event and its key.

use std::time::Duration;

use contracts::money::Money;
use platform::{outbox, postgres::Database};
use sqlx::types::Json;
use uuid::Uuid;

use super::row::Row;
use crate::{
    error::Error,
    model::{Claim, Event, NewOrder, Order, Outcome},
};

/// Nothing when the order is there already, or the claim has lost its key.
pub async fn create(
    pool: &Database,
    order: &NewOrder,
    total_price: Money,
    pay_within: Duration,
    claim: Option<&Claim>,
) -> Result<Option<Order>, Error> {
    let event = outbox::Event::from(&order.create(total_price));
    let outcome = Outcome::Created { order: order.uuid, total_price };
    let row = sqlx::query_as!(
        Row,
        r#"with held as (
            select from idempotency_keys
            where user_uuid = $2 and key = $11 and token = $12 and outcome is null
            for update
        ), created as (
            insert into orders (uuid, user_uuid, part_uuids, total_price, status, pay_until)
            select $1, $2, $3, $4, 'PENDING_PAYMENT', now() + make_interval(secs => $5)
            where $11::text is null or exists (select from held)
            on conflict (uuid) do nothing
            returning *
        ), told as (
            insert into outbox (event_uuid, event_type, key, payload, trace)
            select $6, $7, uuid, $8, $9 from created
        ), remembered as (
            update idempotency_keys set outcome = $10
            from created
            where idempotency_keys.user_uuid = $2 and key = $11 and outcome is null
        )
        select uuid, user_uuid, part_uuids, total_price, status, attempt, attempt_method,
            payment_method, transaction_uuid, created_at
        from created"#,
        order.uuid,
        order.user,
        &order.parts,
        total_price.minor(),
        pay_within.as_secs_f64(),
        event.uuid,
        event.kind,
        event.payload,
        outbox::trace(),
        Json(outcome) as _,
        claim.map(|claim| &claim.key),
        claim.map(|claim| claim.token),
    )
    .fetch_optional(pool)
    .await?;
    row.map(Order::try_from).transpose()
}

pub async fn cancel(pool: &Database, order: Uuid, event: &Event, claim: Option<&Claim>) -> Result<bool, Error> {
    let event = outbox::Event::from(event);
    let row = sqlx::query!(
        r#"with held as (
            select from idempotency_keys
            where user_uuid = $8 and key = $7 and token = $9 and outcome is null
            for update
        ), changed as (
            update orders set status = 'CANCELLED', updated_at = now()
            where uuid = $1 and status = 'PENDING_PAYMENT' and attempt_method is null
              and ($7::text is null or exists (select from held))
            returning uuid, user_uuid
        ), remembered as (
            update idempotency_keys set outcome = $6
            from changed
            where idempotency_keys.user_uuid = changed.user_uuid and key = $7 and outcome is null
        ), told as (
            insert into outbox (event_uuid, event_type, key, payload, trace)
            select $2, $3, uuid, $4, $5 from changed
        )
        select exists (select from changed) as "cancelled!", $7::text is null or exists (select from held) as "held!""#,
        order,
        event.uuid,
        event.kind,
        event.payload,
        outbox::trace(),
        Json(Outcome::Cancelled) as _,
        claim.map(|claim| &claim.key),
        claim.map(|claim| claim.user),
        claim.map(|claim| claim.token),
    )
    .fetch_one(pool)
    .await?;
    if row.held { Ok(row.cancelled) } else { Err(Error::KeyInProgress) }
}

pub async fn assemble(pool: &Database, consumer: &str, event: Uuid, order: Uuid) -> Result<bool, Error> {
    let changed = sqlx::query!(
        "with fresh as (
            insert into inbox (consumer, event_uuid) values ($1, $2)
            on conflict do nothing
            returning event_uuid
        )
        update orders set status = 'ASSEMBLED', updated_at = now()
        from fresh
        where uuid = $3 and status = 'PAID'",
        consumer,
        event,
        order,
    )
    .execute(pool)
    .await?;
    Ok(changed.rows_affected() > 0)
}

pub async fn undo(pool: &Database, consumer: &str, event: Uuid, order: Uuid, undone: &Event) -> Result<bool, Error> {
    let undone = outbox::Event::from(undone);
    let changed = sqlx::query!(
        "with fresh as (
            insert into inbox (consumer, event_uuid) values ($1, $2)
            on conflict do nothing
            returning event_uuid
        ), changed as (
            update orders set status = 'CANCELLED', updated_at = now()
            from fresh
            where uuid = $3 and status = 'PAID'
            returning uuid
        )
        insert into outbox (event_uuid, event_type, key, payload, trace)
        select $4, $5, uuid, $6, $7 from changed",
        consumer,
        event,
        order,
        undone.uuid,
        undone.kind,
        undone.payload,
        outbox::trace(),
    )
    .execute(pool)
    .await?;
    Ok(changed.rows_affected() > 0)
}
