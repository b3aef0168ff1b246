//! Stores the early events of orders whose `order.paid` has not arrived yet, with one statement per group of requests.

use std::{collections::HashMap, sync::Arc};

use contracts::{events::Cause, ids::OrderId};
use platform::{outbox, postgres::Database};

#[derive(Clone)]
pub struct Request {
    order: OrderId,
    state: &'static str,
    /// The cause of the order's `order.paid`. If the inbox has it although the order has no row, the order gets no
    /// delivery, and this event is only recorded in the inbox.
    paid: Cause,
    cause: Cause,
    /// The event's own trace context; the group's statement runs in another one.
    trace: outbox::Trace,
}

impl Request {
    pub fn new(order: OrderId, state: &'static str, paid: Cause, cause: Cause) -> Self {
        Self { order, state, paid, cause, trace: outbox::trace() }
    }

    /// The key of the request. Requests with the same key are written in different groups.
    pub fn order(&self) -> OrderId {
        self.order
    }
}

/// Returns true for each order whose event was recorded: its state was stored, or its `order.paid` was handled before
/// without creating a delivery. Omits orders that have a row by now.
pub async fn keep(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<OrderId, bool>> {
    let orders: Vec<_> = requests.iter().map(|request| request.order.uuid()).collect();
    let states: Vec<&str> = requests.iter().map(|request| request.state).collect();
    let payers: Vec<&str> = requests.iter().map(|request| request.paid.consumer).collect();
    let payments: Vec<_> = requests.iter().map(|request| request.paid.event.uuid()).collect();
    let consumers: Vec<&str> = requests.iter().map(|request| request.cause.consumer).collect();
    let events: Vec<_> = requests.iter().map(|request| request.cause.event.uuid()).collect();
    let traces: Vec<_> = requests.iter().map(|request| request.trace.clone()).collect();
    let rows = sqlx::query!(
        r#"with requests as materialized (
            select *
            from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::uuid[], $7::jsonb[])
                as request (uuid, state, payer, payment, consumer, event_uuid, trace)
        ), handled as materialized (
            select requests.uuid
            from requests
            where exists (select from inbox where inbox.consumer = payer and inbox.event_uuid = payment)
                and not exists (select from orders where orders.uuid = requests.uuid)
        ), kept as (
            insert into orders (uuid, state, trace)
            select uuid, state, trace
            from requests
            where uuid not in (select uuid from handled)
            order by uuid
            on conflict (uuid) do nothing
            returning uuid
        ), recorded as (
            select uuid from kept
            union all
            select uuid from handled
        ), inbox_rows as (
            insert into inbox (consumer, event_uuid)
            select consumer, event_uuid
            from requests
            where uuid in (select uuid from recorded)
            order by consumer, event_uuid
            on conflict do nothing
        )
        select uuid as "order!: OrderId" from recorded"#,
        &orders,
        &states as _,
        &payers as _,
        &payments,
        &consumers as _,
        &events,
        &traces,
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.order, true)).collect())
}
