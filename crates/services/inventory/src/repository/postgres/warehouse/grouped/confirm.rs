//! Confirms held reservations.

use std::{collections::HashMap, sync::Arc};

use contracts::{
    ids::{OrderId, PartId},
    money::Money,
};
use platform::postgres::Database;

use super::{Columns, Request};
use crate::model::Reserved;

/// Confirms the reservations of a group. Returns each reservation that is confirmed by this statement or was confirmed or committed before,
/// with its lines if a call confirms it; a consumer needs none. Skips requests whose event was handled before.
pub async fn confirm(pool: Database, requests: Arc<[Request]>) -> sqlx::Result<HashMap<OrderId, Vec<Reserved>>> {
    let Columns { orders, consumers, events } = requests.iter().collect();
    let rows = sqlx::query!(
        r#"with requests as materialized (
            select request.order_uuid, request.consumer, request.event_uuid, reservation.status
            from unnest($1::uuid[], $2::text[], $3::uuid[]) as request (order_uuid, consumer, event_uuid)
            cross join lateral (
                select status from reservations
                where reservations.order_uuid = request.order_uuid and status in ('held', 'confirmed', 'committed')
                offset 0
            ) as reservation
            left join inbox on inbox.consumer = request.consumer and inbox.event_uuid = request.event_uuid
            where inbox.event_uuid is null
        ), locked as materialized (
            select order_uuid, status
            from reservations
            where order_uuid = any(array(select order_uuid from requests where status = 'held'))
            order by order_uuid
            for no key update
        ), confirmed as (
            update reservations
            set status = 'confirmed', expires_at = null, updated_at = now()
            from locked
            where reservations.order_uuid = locked.order_uuid and locked.status = 'held'
            returning reservations.order_uuid
        ), done as materialized (
            select order_uuid, consumer, event_uuid
            from requests
            where status <> 'held' or order_uuid in (select order_uuid from confirmed)
        ), inbox_rows as (
            insert into inbox (consumer, event_uuid)
            select consumer, event_uuid
            from done
            where consumer is not null
            order by consumer, event_uuid
            on conflict do nothing
        )
        select done.order_uuid as "order_uuid!: OrderId",
            items.part_uuid as "part_uuid: PartId",
            items.quantity,
            items.unit_price as "unit_price: Money"
        from done
        left join lateral (
            select part_uuid, quantity, unit_price from reservation_items
            where reservation_items.order_uuid = done.order_uuid and done.consumer is null
            offset 0
        ) as items on true
        order by done.order_uuid, items.part_uuid"#,
        &orders,
        &consumers as _,
        &events as _,
    )
    .fetch_all(&pool)
    .await?;
    let mut confirmed: HashMap<OrderId, Vec<Reserved>> = HashMap::new();
    for row in rows {
        let lines = confirmed.entry(row.order_uuid).or_default();
        if let (Some(part), Some(quantity), Some(unit_price)) = (row.part_uuid, row.quantity, row.unit_price) {
            lines.push(Reserved { part, quantity, unit_price });
        }
    }
    Ok(confirmed)
}
