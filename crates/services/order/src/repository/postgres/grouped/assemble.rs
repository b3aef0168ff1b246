//! Completes paid orders whose ships are assembled.

use std::{collections::HashMap, sync::Arc};

use contracts::{events::Cause, ids::OrderId};
use platform::postgres::Database;

#[derive(Clone, Copy)]
pub struct Request {
    pub cause: Cause,
    pub order: OrderId,
}

/// Completes the orders of a group. Returns for each order whether this statement completed it. An event that was handled before completes
/// no order.
pub async fn assemble(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<OrderId, bool>> {
    let consumers: Vec<&str> = requests.iter().map(|request| request.cause.consumer).collect();
    let events: Vec<_> = requests.iter().map(|request| request.cause.event.uuid()).collect();
    let orders: Vec<_> = requests.iter().map(|request| request.order.uuid()).collect();
    let rows = sqlx::query!(
        r#"with requests as materialized (
            select * from unnest($1::text[], $2::uuid[], $3::uuid[]) as request (consumer, event_uuid, uuid)
        ), inbox_rows as (
            insert into inbox (consumer, event_uuid)
            select consumer, event_uuid
            from requests
            order by consumer, event_uuid
            on conflict do nothing
            returning event_uuid
        ), paid as materialized (
            select uuid
            from orders
            where uuid = any(array(
                    select uuid from requests where event_uuid in (select event_uuid from inbox_rows)
                )) and status = 'PAID'
            order by uuid
            for no key update
        ), assembled as (
            update orders
            set status = 'ASSEMBLED', updated_at = now()
            from paid
            where orders.uuid = paid.uuid
            returning orders.uuid
        )
        select uuid as "uuid!: OrderId", uuid in (select uuid from assembled) as "is_assembled!" from requests"#,
        &consumers as _,
        &events,
        &orders,
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.uuid, row.is_assembled)).collect())
}
