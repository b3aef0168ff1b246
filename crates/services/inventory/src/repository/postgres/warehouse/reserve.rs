//! Reserves parts for an order.

use contracts::{
    ids::{OrderId, PartId},
    money::Money,
};
use platform::postgres::{Database, DatabaseError};

use super::Outcome;
use crate::{
    error::Error,
    model::{Holder, Lines, MaxShare, ReservedLine},
    repository::Expiry,
};

/// One line of a reservation, with the outcome of the statement.
pub(super) struct Row {
    pub outcome: Outcome,
    pub part_uuid: PartId,
    pub quantity: i64,
    pub unit_price: Option<Money>,
    pub known: bool,
    pub enough: bool,
    pub within_share: bool,
}

/// The statement decides `out_of_stock` from stock that it reads without locks, so a sold-out part causes no lock
/// contention. It reserves only stock that it has locked. What the user holds is read only for parts that are
/// `contested`: of the others, all reservations together are within his share.
///
/// It is one statement so that the locks of a part that many want last for no round trip.
#[expect(clippy::too_many_lines, reason = "it is one statement")]
pub(super) async fn reserve(
    pool: &Database,
    order: OrderId,
    lines: &Lines,
    expiry: Expiry,
    holder: Option<Holder>,
) -> sqlx::Result<Vec<Row>> {
    let (parts, quantities) = lines.columns();
    let seconds = expiry.seconds();
    let user = holder.map(|holder| holder.user.uuid());
    // Paid orders count towards no user's share.
    let max_share = seconds.and(holder).and_then(|holder| holder.max_share.bound());
    sqlx::query_as!(
        Row,
        r#"with reservation as (
            select status
            from reservations
            where order_uuid = $1
        ), existing_items as (
            select part_uuid, quantity, unit_price
            from reservation_items
            where order_uuid = $1
        ), requested as (
            select part_uuid, quantity, unit_price
            from existing_items
            union all
            select part_uuid, quantity, null
            from unnest($2::uuid[], $3::bigint[]) as asked (part_uuid, quantity)
            where not exists (select from existing_items)
        ), lines as (
            select requested.part_uuid, requested.quantity, coalesce(requested.unit_price, parts.price) as unit_price,
                parts.part_uuid is not null as known,
                coalesce(parts.available >= requested.quantity, false) as enough
            from requested
            left join lateral (
                select part_uuid, price, available from parts where parts.part_uuid = requested.part_uuid offset 0
            ) as parts on true
        ), availability as (
            select bool_and(enough)
                and coalesce((select status from reservation), 'expired') = 'expired' as reservable
            from lines
        ), locked as materialized (
            select part_uuid, available, reserved, available + reserved as unsold, price
            from parts
            where part_uuid = any(array(select part_uuid from requested)) and (select reservable from availability)
            order by part_uuid
            for no key update
        ), contested as materialized (
            select locked.part_uuid
            from locked
            join requested on requested.part_uuid = locked.part_uuid
            where locked.reserved + requested.quantity > greatest($7::bigint, $6 * locked.unsold)
        ), held as materialized (
            select part_uuid, quantity
            from held_by_users(
                case when $6::float8 is not null and exists (select from contested)
                    then array_remove(array[$5::uuid], null)
                end,
                array(select part_uuid from contested)
            )
        ), granted as materialized (
            select requested.part_uuid, requested.quantity, coalesce(requested.unit_price, locked.price) as unit_price,
                coalesce(locked.available >= requested.quantity, false) as granted,
                $6::float8 is null or locked.part_uuid is null
                    or coalesce(held.quantity, 0) + requested.quantity <= greatest($7::bigint, $6 * locked.unsold)
                    as within_share
            from requested
            left join locked on locked.part_uuid = requested.part_uuid
            left join held on held.part_uuid = requested.part_uuid
        ), inserted as (
            insert into reservations (order_uuid, user_uuid, status, expires_at, part_uuids, quantities, unit_prices)
            select $1, $5,
                case when $4::float8 is null then 'confirmed' else 'held' end,
                now() + make_interval(secs => $4),
                array_agg(part_uuid), array_agg(quantity), array_agg(unit_price)
            from granted
            having bool_and(granted and within_share)
            on conflict (order_uuid) do update
            set status = excluded.status, expires_at = excluded.expires_at, updated_at = now()
            where reservations.status = 'expired' and exists (select from reservation)
            returning order_uuid
        ), stock as (
            update parts
            set available = parts.available - granted.quantity,
                reserved = parts.reserved + granted.quantity,
                updated_at = now()
            from inserted
            cross join granted
            where parts.part_uuid = granted.part_uuid
                and parts.part_uuid = any(array(select part_uuid from granted))
        ), kept as (
            update reservations
            set status = case when $4::float8 is null then 'confirmed' else 'held' end,
                expires_at = now() + make_interval(secs => $4),
                updated_at = now()
            from reservation
            where reservations.order_uuid = $1
                and reservations.status = reservation.status
                and (reservation.status = 'held' or reservation.status = 'confirmed' and $4 is not null)
            returning reservations.order_uuid
        ), outcome as (
            select case
                when exists (select from inserted) or exists (select from kept) then 'done'
                when before.status = 'committed' or before.status = 'confirmed' and $4 is null then 'done'
                when before.status in ('held', 'confirmed') then 'conflict'
                when before.status = 'released' then 'ended'
                when not (select bool_and(within_share) from granted) then 'too_many_reserved'
                when (select bool_and(enough) from lines) then 'conflict'
                when (select bool_and(known) from lines) then 'out_of_stock'
                else 'not_found'
            end as outcome
            from (select (select status from reservation) as status) as before
        )
        select outcome as "outcome!: Outcome",
            lines.part_uuid as "part_uuid!: PartId",
            lines.quantity as "quantity!",
            coalesce(granted.unit_price, lines.unit_price) as "unit_price: Money",
            lines.known as "known!",
            lines.enough as "enough!",
            granted.within_share as "within_share!"
        from outcome
        cross join lines
        join granted on granted.part_uuid = lines.part_uuid
        order by lines.part_uuid"#,
        order.uuid(),
        &parts,
        &quantities,
        seconds,
        user,
        max_share,
        MaxShare::MIN_UNITS,
    )
    .fetch_all(pool)
    .await
}

/// Returns the result for the caller, or `None` if the statement must be repeated.
pub(super) fn result(order: OrderId, rows: &[Row]) -> Option<Result<Vec<ReservedLine>, Error>> {
    let without_parts = || DatabaseError::inconsistent("reservation_items", "part_uuid", order).into();
    let first = |which: fn(&Row) -> bool| rows.iter().find(|row| which(row)).map(|row| row.part_uuid);
    let outcome = rows.first().map(|row| row.outcome)?;
    Some(match outcome {
        Outcome::Conflict => return None,
        Outcome::Ended => Err(Error::ReservationEnded(order)),
        Outcome::NotFound => Err(first(|row| !row.known).map_or_else(without_parts, Error::PartNotFound)),
        Outcome::OutOfStock => Err(first(|row| !row.enough).map_or_else(without_parts, Error::OutOfStock)),
        Outcome::TooManyReserved => {
            Err(first(|row| !row.within_share).map_or_else(without_parts, Error::TooManyReserved))
        }
        Outcome::Duplicate | Outcome::Done => rows.iter().map(reserved).collect(),
    })
}

fn reserved(row: &Row) -> Result<ReservedLine, Error> {
    let Row { part_uuid: part, quantity, unit_price, .. } = *row;
    let unit_price = unit_price.ok_or_else(|| DatabaseError::inconsistent("parts", "price", part))?;
    Ok(ReservedLine { part, quantity, unit_price })
}
