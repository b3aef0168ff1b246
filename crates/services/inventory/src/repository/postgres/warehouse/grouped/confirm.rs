//! Confirms held reservations.

use std::{collections::HashMap, sync::Arc};

use contracts::{
    ids::{OrderId, PartId},
    money::Money,
};
use platform::postgres::Database;
use uuid::Uuid;

use crate::model::ReservedLine;

/// Returns the lines of each reservation that this statement confirmed or that was confirmed or committed before.
pub async fn confirm(pool: Database, orders: Arc<[OrderId]>) -> sqlx::Result<HashMap<OrderId, Vec<ReservedLine>>> {
    let orders: Vec<Uuid> = orders.iter().map(|order| order.uuid()).collect();
    let rows = sqlx::query!(
        r#"with requests as materialized (
            select order_uuid, status
            from reservations
            where order_uuid = any($1) and status in ('held', 'confirmed', 'committed')
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
            select order_uuid
            from requests
            where status <> 'held' or order_uuid in (select order_uuid from confirmed)
        )
        select done.order_uuid as "order_uuid!: OrderId",
            items.part_uuid as "part_uuid!: PartId",
            items.quantity as "quantity!",
            items.unit_price as "unit_price!: Money"
        from done
        cross join lateral (
            select part_uuid, quantity, unit_price from reservation_items
            where reservation_items.order_uuid = done.order_uuid
            offset 0
        ) as items
        order by done.order_uuid, items.part_uuid"#,
        &orders,
    )
    .fetch_all(&pool)
    .await?;
    let mut confirmed: HashMap<OrderId, Vec<ReservedLine>> = HashMap::new();
    for row in rows {
        let line = ReservedLine { part: row.part_uuid, quantity: row.quantity, unit_price: row.unit_price };
        confirmed.entry(row.order_uuid).or_default().push(line);
    }
    Ok(confirmed)
}
