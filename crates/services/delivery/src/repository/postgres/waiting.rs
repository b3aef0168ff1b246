//! Orders that wait for a courier, and those that are moved back.

use contracts::ids::{CourierId, OrderId};
use platform::{jobs::MOVED_BACK_FOR, postgres::Database};

use super::row::{OrderRow, select_orders};
use crate::{model::Volume, repository::COURIER_MOVED_BACK_FOR};

/// Steps along the index from each volume to the next smaller one, and reads only the first orders of each. Never reads
/// orders that are too large for every free storage place.
pub async fn read(pool: &Database, largest: Volume, limit: i64) -> sqlx::Result<Vec<OrderRow>> {
    // No courier carries a waiting order.
    select_orders!(
        "from (
            with recursive volumes as (
                (select volume from orders where state = 'CREATED' and volume <= $1 order by volume desc limit 1)
                union all
                select (select smaller.volume from orders smaller
                    where smaller.state = 'CREATED' and smaller.volume < volumes.volume
                    order by smaller.volume desc limit 1)
                from volumes where volumes.volume is not null
            )
            select oldest.*
            from volumes, lateral (
                select * from orders
                where state = 'CREATED' and volume = volumes.volume and greatest(waiting_since, next_try_at) <= now()
                order by greatest(waiting_since, next_try_at), uuid limit $2
            ) oldest
            where volumes.volume is not null
        ) orders
        left join couriers on false
        order by greatest(orders.waiting_since, orders.next_try_at), orders.uuid limit $2",
        largest.get(),
        limit,
    )
    .fetch_all(pool)
    .await
}

pub async fn move_back(pool: &Database, orders: &[OrderId], couriers: &[CourierId]) -> sqlx::Result<()> {
    let orders: Vec<_> = orders.iter().map(|order| order.uuid()).collect();
    let couriers: Vec<_> = couriers.iter().map(|courier| courier.uuid()).collect();
    sqlx::query!(
        "with moved_back as (
            update orders set next_try_at = now() + make_interval(secs => $3)
            where uuid = any($1) and state = 'CREATED'
        )
        update couriers set next_try_at = now() + make_interval(secs => $4)
        where uuid = any($2) and order_uuid is null",
        &orders,
        &couriers,
        MOVED_BACK_FOR.as_secs_f64(),
        COURIER_MOVED_BACK_FOR.as_secs_f64(),
    )
    .execute(pool)
    .await?;
    Ok(())
}
