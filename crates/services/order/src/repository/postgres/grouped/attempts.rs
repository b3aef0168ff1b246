//! Begins attempts to pay and ends them as paid.

use std::{collections::HashMap, sync::Arc, time::Duration};

use contracts::{
    events::Cause,
    ids::{OrderId, TransactionId, UserId},
};
use outbox::Columns;
use platform::{postgres::Database, telemetry};
use sqlx::types::Json;

use crate::{
    model::{Claim, Event, PaymentMethod, RequestOutcome},
    repository::postgres::row::{OrderRow, query_orders},
};

#[derive(Clone)]
pub struct NewAttempt {
    pub user: UserId,
    pub order: OrderId,
    pub method: PaymentMethod,
    pub lease_ttl: Duration,
    pub claim: Option<Claim>,
}

/// Begins the attempts of a group. Returns the orders whose attempts this statement began. The order and its
/// key change together, in one round trip for all requests that wait.
pub async fn begin(pool: Database, requests: Arc<[NewAttempt]>) -> sqlx::Result<HashMap<OrderId, OrderRow>> {
    let orders: Vec<_> = requests.iter().map(|request| request.order.uuid()).collect();
    let users: Vec<_> = requests.iter().map(|request| request.user.uuid()).collect();
    let methods: Vec<&str> = requests.iter().map(|request| request.method.as_str()).collect();
    let lease_ttl: Vec<f64> = requests.iter().map(|request| request.lease_ttl.as_secs_f64()).collect();
    let claims = || requests.iter().map(|request| request.claim.as_ref());
    let keys: Vec<Option<&str>> = claims().map(|claim| claim.map(|claim| claim.key.as_str())).collect();
    let tokens: Vec<_> = claims().map(|claim| claim.map(|claim| claim.token)).collect();
    let rows = query_orders!(
        "with requests as materialized (
            select *
            from unnest($1::uuid[], $2::uuid[], $3::text[], $4::float8[], $5::text[], $6::uuid[])
                as request (uuid, user_uuid, method, patience, key, token)
        ), " + HELD + ", locked as materialized (
            select uuid, user_uuid, status, attempt_method
            from orders
            where uuid = any(array(
                    select uuid from requests where key is null or uuid in (select uuid from held)
                ))
            order by uuid
            for no key update
        ), begun as (
            update orders
            set attempt = attempt + 1, attempt_method = requests.method, attempt_epoch = attempt_epoch + 1,
                attempt_shared = false, attempt_tries = 0, attempt_next_at = now() + make_interval(secs => requests.patience)
            from locked
            join requests using (uuid, user_uuid)
            where orders.uuid = locked.uuid and locked.status = 'PENDING_PAYMENT' and locked.attempt_method is null
            returning orders.*
        ), keys_attempt as (
            update idempotency_keys
            set attempt = begun.attempt
            from begun
            join held using (uuid)
            where idempotency_keys.user_uuid = held.user_uuid and idempotency_keys.key = held.key
        )
        select " + COLUMNS + " from begun",
        &orders,
        &users,
        &methods as _,
        &lease_ttl,
        &keys as _,
        &tokens as _,
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.uuid, row)).collect())
}

#[derive(Clone)]
pub struct PaidAttempt {
    order: OrderId,
    attempt: i32,
    transaction: TransactionId,
    event: outbox::Event,
    /// The trace context of this request; the group's statement has another one.
    trace: telemetry::Trace,
    /// The outcome to store under the idempotency key of the request that began the attempt.
    outcome: Option<RequestOutcome>,
    /// The event of the payment service by which the attempt ends; `None` if a customer's request or the reconciler
    /// ends it.
    cause: Option<Cause>,
}

impl PaidAttempt {
    pub fn new(
        order: OrderId,
        attempt: i32,
        transaction: TransactionId,
        event: &Event,
        outcome: Option<&RequestOutcome>,
        cause: Option<Cause>,
    ) -> Self {
        let (event, trace) = (event.into(), telemetry::trace());
        Self { order, attempt, transaction, event, trace, outcome: outcome.cloned(), cause }
    }

    pub fn order(&self) -> OrderId {
        self.order
    }
}

/// Ends the attempts of a group as paid. Returns for each order whether this statement ended its attempt. An event that
/// was handled before ends no attempt. The inbox row, the order, its event and the key's outcome are stored together,
/// in one round trip for all that wait.
pub async fn paid(pool: Database, requests: Arc<[PaidAttempt]>) -> sqlx::Result<HashMap<OrderId, bool>> {
    let orders: Vec<_> = requests.iter().map(|request| request.order.uuid()).collect();
    let attempts: Vec<i32> = requests.iter().map(|request| request.attempt).collect();
    let transactions: Vec<_> = requests.iter().map(|request| request.transaction.uuid()).collect();
    let events: Columns = requests.iter().map(|request| request.event.clone()).collect();
    let traces: Vec<_> = requests.iter().map(|request| &request.trace).collect();
    let outcomes: Vec<_> = requests.iter().map(|request| request.outcome.clone().map(Json)).collect();
    let consumers: Vec<_> = requests.iter().map(|request| request.cause.map(|cause| cause.consumer)).collect();
    let causes: Vec<_> = requests.iter().map(|request| request.cause.map(|cause| cause.event.uuid())).collect();
    let rows = sqlx::query!(
        r#"with requests as materialized (
            select *
            from unnest($1::uuid[], $2::int[], $3::uuid[], $4::uuid[], $5::text[], $6::bytea[], $7::jsonb[], $8::jsonb[],
                $9::text[], $10::uuid[])
                as request (uuid, attempt, transaction_uuid, event_uuid, event_type, payload, trace, outcome, consumer, cause)
        ), inbox_rows as (
            insert into inbox (consumer, event_uuid)
            select consumer, cause
            from requests
            where consumer is not null
            order by consumer, cause
            on conflict do nothing
            returning event_uuid
        ), locked as materialized (
            select uuid, attempt, attempt_method
            from orders
            where uuid = any(array(
                    select uuid from requests where consumer is null or cause in (select event_uuid from inbox_rows)
                ))
            order by uuid
            for no key update
        ), settled as (
            update orders
            set status = 'PAID', payment_method = orders.attempt_method, transaction_uuid = requests.transaction_uuid,
                attempt_method = null, attempt_next_at = null, updated_at = now()
            from locked
            join requests using (uuid, attempt)
            where orders.uuid = locked.uuid and locked.attempt_method is not null
            returning orders.uuid
        ), keys_completed as (
            update idempotency_keys
            set outcome = requests.outcome
            from settled
            join requests using (uuid)
            where idempotency_keys.order_uuid = requests.uuid and idempotency_keys.attempt = requests.attempt
                and idempotency_keys.outcome is null and requests.outcome is not null
        ), events as (
            insert into outbox (event_uuid, event_type, key, payload, trace)
            select event_uuid, event_type, uuid, payload, trace
            from settled
            join requests using (uuid)
        )
        select uuid as "uuid!: OrderId", uuid in (select uuid from settled) as "is_settled!" from requests"#,
        &orders,
        &attempts,
        &transactions,
        &events.uuids,
        &events.kinds as _,
        &events.payloads,
        &traces as _,
        &outcomes as _,
        &consumers as _,
        &causes as _,
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.uuid, row.is_settled)).collect())
}
