//! Commits the reservation of an order whose ship is built.

use contracts::{
    events::Cause,
    ids::{OrderId, PartId},
};
use platform::postgres::Database;

use super::Outcome;

/// Returns the outcome and, for `out_of_stock`, the part of which too few units are available. The inbox row, the
/// reservation and the stock change together, and their locks last for no round trip.
pub(super) async fn commit(
    pool: &Database,
    order: OrderId,
    cause: Option<Cause>,
) -> sqlx::Result<(Outcome, Option<PartId>)> {
    let row = sqlx::query!(
        r#"with reservation as (
            select status
            from reservations
            where order_uuid = $1
        ), handled as (
            select event_uuid
            from inbox
            where consumer = $2 and event_uuid = $3
        ), items as (
            select part_uuid, quantity
            from reservation_items
            where order_uuid = $1
        ), locked as materialized (
            select part_uuid, available
            from parts
            where part_uuid = any(array(select part_uuid from items))
                and (select status from reservation) in ('held', 'confirmed', 'expired')
                and not exists (select from handled)
            order by part_uuid
            for no key update
        ), short as (
            select items.part_uuid
            from items
            join locked on locked.part_uuid = items.part_uuid
            where locked.available < items.quantity and (select status from reservation) = 'expired'
            order by items.part_uuid
            limit 1
        ), committed as (
            update reservations
            set status = 'committed', expires_at = null, updated_at = now()
            from reservation
            where reservations.order_uuid = $1
                and reservations.status = reservation.status
                and (select count(*) > 0 from locked)
                and not exists (select from short)
            returning reservation.status as before
        ), stock as (
            update parts
            set available = parts.available - case when committed.before = 'expired' then items.quantity else 0 end,
                reserved = parts.reserved - case when committed.before = 'expired' then 0 else items.quantity end,
                consumed = parts.consumed + items.quantity,
                updated_at = now()
            from committed
            cross join items
            where parts.part_uuid = items.part_uuid
        ), outcome as (
            select case
                when exists (select from handled) then 'duplicate'
                when exists (select from committed) then 'done'
                when before.status is null then 'not_found'
                when before.status = 'committed' then 'done'
                when before.status = 'released' then 'ended'
                when exists (select from short) then 'out_of_stock'
                else 'conflict'
            end as outcome
            from (select (select status from reservation) as status) as before
        ), inbox_row as (
            insert into inbox (consumer, event_uuid)
            select $2, $3
            from outcome
            where $2 is not null and outcome not in ('duplicate', 'conflict')
            on conflict do nothing
        )
        select outcome as "outcome!: Outcome", (select part_uuid from short) as "short: PartId"
        from outcome"#,
        order.uuid(),
        cause.map(|cause| cause.consumer),
        cause.map(|cause| cause.event.uuid()),
    )
    .fetch_one(pool)
    .await?;
    Ok((row.outcome, row.short))
}
