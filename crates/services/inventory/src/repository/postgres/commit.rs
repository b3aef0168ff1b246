//! Building parts in.

use platform::postgres::Database;
use uuid::Uuid;

use super::Verdict;
use crate::repository::Delivery;

/// The verdict, and when it is `short`, the part of which too little is there.
pub(super) async fn commit(
    pool: &Database,
    order: Uuid,
    cause: Option<Delivery>,
) -> sqlx::Result<(Verdict, Option<Uuid>)> {
    let row = sqlx::query!(
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
            select part_uuid, available
            from parts
            where part_uuid in (select part_uuid from items)
                and (select status from present) in ('held', 'confirmed', 'expired')
                and not exists (select from seen)
            order by part_uuid
            for no key update
        ), short as (
            select items.part_uuid
            from items
            join locked on locked.part_uuid = items.part_uuid
            where locked.available < items.quantity and (select status from present) = 'expired'
            order by items.part_uuid
            limit 1
        ), committed as (
            update reservations
            set status = 'committed', expires_at = null, updated_at = now()
            from present
            where reservations.order_uuid = $1
                and reservations.status = present.status
                and (select count(*) > 0 from locked)
                and not exists (select from short)
            returning present.status as before
        ), stock as (
            update parts
            set available = parts.available - case when committed.before = 'expired' then items.quantity else 0 end,
                reserved = parts.reserved - case when committed.before = 'expired' then 0 else items.quantity end,
                consumed = parts.consumed + items.quantity,
                updated_at = now()
            from committed
            cross join items
            where parts.part_uuid = items.part_uuid
        ), verdict as (
            select case
                when exists (select from seen) then 'seen'
                when exists (select from committed) then 'done'
                when before.status is null then 'unknown'
                when before.status = 'committed' then 'done'
                when before.status = 'released' then 'ended'
                when exists (select from short) then 'short'
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
        select verdict as "verdict!: Verdict", (select part_uuid from short) as short
        from verdict"#,
        order,
        cause.map(|cause| cause.consumer),
        cause.map(|cause| cause.event),
    )
    .fetch_one(pool)
    .await?;
    Ok((row.verdict, row.short))
}
