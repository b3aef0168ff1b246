//! Stores the early events of orders whose `order.paid` has not arrived yet, with one statement per group of requests.

use std::{collections::HashMap, sync::Arc};

use contracts::{events::Cause, ids::OrderId};
use platform::{postgres::Database, telemetry};
use serde_json::json;

#[derive(Clone)]
pub struct Request {
    order: OrderId,
    state: &'static str,
    /// The cause of the order's `order.paid`. If the inbox has it although the order has no row, the order gets no
    /// delivery, and this event is only recorded in the inbox.
    paid: Cause,
    cause: Cause,
    /// The event's own trace context; the group's statement runs in another one.
    trace: telemetry::Trace,
}

impl Request {
    pub fn new(order: OrderId, state: &'static str, paid: Cause, cause: Cause) -> Self {
        Self { order, state, paid, cause, trace: telemetry::trace() }
    }

    /// The key of the request. Requests with the same key are written in different groups.
    pub fn order(&self) -> OrderId {
        self.order
    }
}

/// A JSON object with the columns of a request.
fn columns(request: &Request) -> serde_json::Value {
    json!({
        "uuid": request.order,
        "state": request.state,
        "payer": request.paid.consumer,
        "payment": request.paid.event,
        "consumer": request.cause.consumer,
        "event_uuid": request.cause.event,
        "trace": request.trace,
    })
}

/// Returns true for each order whose event was recorded: its state was stored, or its `order.paid` was handled before
/// without creating a delivery. Omits orders that have a row by now.
pub async fn keep(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<OrderId, bool>> {
    let requests: serde_json::Value = requests.iter().map(columns).collect();
    let rows = sqlx::query!(
        r#"with requests as materialized (
            select *
            from jsonb_to_recordset($1) as request (uuid uuid, state text, payer text, payment uuid, consumer text,
                event_uuid uuid, trace jsonb)
        ), handled as materialized (
            select requests.uuid
            from requests
            where exists (select from inbox where inbox.consumer = payer and inbox.event_uuid = payment offset 0)
                and not exists (select from orders where orders.uuid = requests.uuid offset 0)
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
        requests,
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.order, true)).collect())
}
