//! Returns the parts of a reservation to the stock.

use contracts::{events::Cause, ids::OrderId};
use platform::postgres::Database;

use super::Outcome;

/// For an order without a reservation, inserts a released row (`tombstone`), so that a late reservation is refused.
///
/// Like every statement of the warehouse, locks the parts before the reservation: `released` reads `locked`. So
/// `locked` also has the parts of an expired reservation, although they are in stock again. It is one statement so that
/// the inbox row, the reservation and the stock change together.
pub(super) async fn release(pool: &Database, order: OrderId, cause: Option<Cause>) -> sqlx::Result<Outcome> {
    sqlx::query_scalar!(
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
            select part_uuid
            from parts
            where part_uuid = any(array(select part_uuid from items))
                and (select status from reservation) in ('held', 'confirmed', 'expired')
                and not exists (select from handled)
            order by part_uuid
            for no key update
        ), released as (
            update reservations
            set status = 'released', expires_at = null, updated_at = now()
            from reservation
            where reservations.order_uuid = $1
                and reservations.status = reservation.status
                and (select count(*) > 0 from locked)
            returning reservation.status as before
        ), stock as (
            update parts
            set available = parts.available + items.quantity,
                reserved = parts.reserved - items.quantity,
                updated_at = now()
            from released
            cross join items
            where parts.part_uuid = items.part_uuid and released.before <> 'expired'
        ), tombstone as (
            insert into reservations (order_uuid, status)
            select $1, 'released'
            where not exists (select from reservation) and not exists (select from handled)
            on conflict do nothing
            returning order_uuid
        ), outcome as (
            select case
                when exists (select from handled) then 'duplicate'
                when exists (select from released) or exists (select from tombstone) then 'done'
                when before.status = 'released' then 'done'
                when before.status = 'committed' then 'ended'
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
        select outcome as "outcome!: Outcome"
        from outcome"#,
        order.uuid(),
        cause.map(|cause| cause.consumer),
        cause.map(|cause| cause.event.uuid()),
    )
    .fetch_one(pool)
    .await
}
