//! Commits the reservations that hold stock, for orders whose ships are built.

use std::{collections::HashMap, sync::Arc};

use contracts::{events::Cause, ids::OrderId};
use platform::postgres::Database;

use uuid::Uuid;

use super::super::Outcome;

/// A request to commit an order's reservation, caused by a call or by an event.
#[derive(Clone, Copy)]
pub struct Request {
    pub order: OrderId,
    pub cause: Option<Cause>,
}

/// The requests as parallel arrays, for the statement's parameters.
#[derive(Default)]
struct Columns {
    orders: Vec<Uuid>,
    consumers: Vec<Option<&'static str>>,
    events: Vec<Option<Uuid>>,
}

impl<'a> FromIterator<&'a Request> for Columns {
    fn from_iter<I: IntoIterator<Item = &'a Request>>(requests: I) -> Self {
        let mut columns = Self::default();
        for Request { order, cause } in requests {
            columns.orders.push(order.uuid());
            columns.consumers.push(cause.map(|cause| cause.consumer));
            columns.events.push(cause.map(|cause| cause.event.uuid()));
        }
        columns
    }
}

/// Returns only the orders that this statement committed. Their inbox rows, reservations and stock change together, in
/// one round trip for all events that wait.
pub async fn commit(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<OrderId, Outcome>> {
    let Columns { orders, consumers, events } = requests.iter().collect();
    let committed = sqlx::query_scalar!(
        r#"with requests as materialized (
            select request.order_uuid, request.consumer, request.event_uuid
            from unnest($1::uuid[], $2::text[], $3::uuid[]) as request (order_uuid, consumer, event_uuid)
            cross join lateral (
                select from reservations
                where reservations.order_uuid = request.order_uuid and status in ('held', 'confirmed')
                offset 0
            ) as reservation
            left join inbox on inbox.consumer = request.consumer and inbox.event_uuid = request.event_uuid
            where inbox.event_uuid is null
        ), items as materialized (
            select order_uuid, part_uuid, quantity
            from reservation_items
            where order_uuid = any(array(select order_uuid from requests))
        ), locked as materialized (
            select part_uuid
            from parts
            where part_uuid = any(array(select part_uuid from items))
            order by part_uuid
            for no key update
        ), holding as materialized (
            select order_uuid
            from reservations
            where order_uuid = any(array(select order_uuid from items)) and status in ('held', 'confirmed')
                and (select count(*) > 0 from locked)
            order by order_uuid
            for no key update
        ), committed as (
            update reservations
            set status = 'committed', expires_at = null, updated_at = now()
            from holding
            where reservations.order_uuid = holding.order_uuid
            returning reservations.order_uuid
        ), stock as (
            update parts
            set reserved = parts.reserved - built.quantity,
                consumed = parts.consumed + built.quantity,
                updated_at = now()
            from (
                select part_uuid, sum(quantity)::bigint as quantity
                from items
                where order_uuid in (select order_uuid from committed)
                group by part_uuid
            ) as built
            where parts.part_uuid = built.part_uuid
        ), inbox_rows as (
            insert into inbox (consumer, event_uuid)
            select consumer, event_uuid
            from requests
            where consumer is not null and order_uuid in (select order_uuid from committed)
            order by consumer, event_uuid
            on conflict do nothing
        )
        select order_uuid as "order_uuid!: OrderId" from committed"#,
        &orders,
        &consumers as _,
        &events as _,
    )
    .fetch_all(&pool)
    .await?;
    Ok(committed.into_iter().map(|order| (order, Outcome::Done)).collect())
}
