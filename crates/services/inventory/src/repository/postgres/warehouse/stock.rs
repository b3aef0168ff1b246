//! Returns the parts of a reservation to the stock, and adds units to it: one request per statement.

use contracts::{
    events::Cause,
    ids::{OrderId, PartId},
};
use platform::{auth::Author, postgres::Database};
use uuid::Uuid;

use super::StockOutcome;
use crate::model::Lines;

/// For an order without a reservation, inserts a released row (`tombstone`), so that a late reservation is refused.
///
/// Like every statement of the warehouse, locks the parts before the reservation: `released` reads `locked`. So
/// `locked` also has the parts of an expired reservation, although they are in stock again. It is one statement so that
/// the inbox row, the reservation and the stock change together.
pub(super) async fn release(pool: &Database, order: OrderId, cause: Option<Cause>) -> sqlx::Result<StockOutcome> {
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
        select outcome as "outcome!: StockOutcome"
        from outcome"#,
        order.uuid(),
        cause.map(|cause| cause.consumer),
        cause.map(|cause| cause.event.uuid()),
    )
    .fetch_one(pool)
    .await
}

pub(super) enum Restocked {
    Added,
    /// An earlier call used the restock's id. Nothing was added.
    Existing,
    /// The catalogue does not have this part. Nothing was added.
    Unknown(PartId),
}

pub(super) async fn restock(pool: &Database, restock: Uuid, lines: &Lines, by: &Author) -> sqlx::Result<Restocked> {
    let (parts, quantities) = lines.columns();
    let outcome = sqlx::query!(
        r#"with requested as (
            select part_uuid, quantity
            from unnest($2::uuid[], $3::bigint[]) as requested (part_uuid, quantity)
        ), locked as materialized (
            select part_uuid
            from parts
            where part_uuid in (select part_uuid from requested)
            order by part_uuid
            for no key update
        ), unknown as (
            select part_uuid
            from requested
            where part_uuid not in (select part_uuid from locked)
        ), inserted as (
            insert into restocks (restock_uuid, decided_by)
            select $1, $4
            where not exists (select from unknown)
            on conflict do nothing
            returning restock_uuid
        ), items as (
            insert into restock_items (restock_uuid, part_uuid, quantity)
            select inserted.restock_uuid, requested.part_uuid, requested.quantity
            from inserted
            cross join requested
        ), stock as (
            update parts
            set restocked = parts.restocked + requested.quantity,
                available = parts.available + requested.quantity,
                updated_at = now()
            from inserted
            cross join requested
            where parts.part_uuid = requested.part_uuid
        )
        select (select part_uuid from unknown order by part_uuid limit 1) as "unknown: PartId",
            exists (select from inserted) as "is_new!""#,
        restock,
        &parts,
        &quantities,
        by.as_str(),
    )
    .fetch_one(pool)
    .await?;
    Ok(match outcome.unknown {
        Some(part) => Restocked::Unknown(part),
        None if outcome.is_new => Restocked::Added,
        None => Restocked::Existing,
    })
}

/// Returns the lines of an earlier restock.
pub(super) async fn lines(pool: &Database, restock: Uuid) -> sqlx::Result<Lines> {
    let lines = sqlx::query!(
        r#"select part_uuid as "part_uuid: PartId", quantity
        from restock_items
        where restock_uuid = $1"#,
        restock,
    )
    .fetch_all(pool)
    .await?;
    Ok(lines.into_iter().map(|line| (line.part_uuid, line.quantity)).collect())
}
