//! Begins attempts to pay.

use std::{collections::HashMap, sync::Arc, time::Duration};

use contracts::ids::{OrderId, UserId};
use platform::postgres::Database;

use super::super::row::{Row, query_orders};
use crate::model::{Claim, PaymentMethod};

#[derive(Clone)]
pub struct Request {
    pub user: UserId,
    pub order: OrderId,
    pub method: PaymentMethod,
    pub lease_ttl: Duration,
    pub claim: Option<Claim>,
}

/// Begins the attempts of a group. Returns the orders whose attempts this statement began. The order and its
/// key change together, in one round trip for all requests that wait.
pub async fn begin(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<OrderId, Row>> {
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
        ), held as materialized (
            select requests.uuid, idempotency_keys.user_uuid, idempotency_keys.key
            from (select * from requests where key is not null order by user_uuid, key) as requests
            cross join lateral (
                select user_uuid, key from idempotency_keys
                where idempotency_keys.user_uuid = requests.user_uuid
                    and idempotency_keys.key = requests.key
                    and idempotency_keys.token = requests.token
                    and idempotency_keys.outcome is null
                for update
                offset 0
            ) as idempotency_keys
        ), locked as materialized (
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
