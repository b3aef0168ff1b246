//! Giving parts back.

use platform::postgres::Database;
use uuid::Uuid;

use super::Verdict;
use crate::repository::Delivery;

/// An order that is not known leaves a row as well: whatever comes for it later finds that it has ended.
pub(super) async fn release(pool: &Database, order: Uuid, cause: Option<Delivery>) -> sqlx::Result<Verdict> {
    sqlx::query_scalar!(
        r#"with present as (
            select status
            from reservations
            where order_uuid = $1
        ), seen as (
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
            where part_uuid in (select part_uuid from items)
                and (select status from present) in ('held', 'confirmed', 'expired')
                and not exists (select from seen)
            order by part_uuid
            for no key update
        ), released as (
            update reservations
            set status = 'released', expires_at = null, updated_at = now()
            from present
            where reservations.order_uuid = $1
                and reservations.status = present.status
                and (select count(*) > 0 from locked)
            returning present.status as before
        ), stock as (
            update parts
            set available = parts.available + items.quantity,
                reserved = parts.reserved - items.quantity,
                updated_at = now()
            from released
            cross join items
            where parts.part_uuid = items.part_uuid and released.before <> 'expired'
        ), buried as (
            insert into reservations (order_uuid, status)
            select $1, 'released'
            where not exists (select from present) and not exists (select from seen)
            on conflict do nothing
            returning order_uuid
        ), verdict as (
            select case
                when exists (select from seen) then 'seen'
                when exists (select from released) or exists (select from buried) then 'done'
                when before.status = 'released' then 'done'
                when before.status = 'committed' then 'ended'
                else 'raced'
            end as verdict
            from (select (select status from present) as status) as before
        ), noted as (
            insert into inbox (consumer, event_uuid)
            select $2, $3
            from verdict
            where $2 is not null and verdict not in ('seen', 'raced')
            on conflict do nothing
        )
        select verdict as "verdict!: Verdict"
        from verdict"#,
        order,
        cause.map(|cause| cause.consumer),
        cause.map(|cause| cause.event),
    )
    .fetch_one(pool)
    .await
}
