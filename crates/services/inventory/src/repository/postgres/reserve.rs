//! Setting parts aside.

use contracts::money::Money;
use platform::postgres::Database;
use uuid::Uuid;

use super::Verdict;
use crate::{
    error::Error,
    model::{Lines, Reserved},
    repository::{Delivery, Hold},
};

/// One part of a reservation, as the statement found it.
pub(super) struct Row {
    verdict: Verdict,
    part_uuid: Uuid,
    quantity: i64,
    unit_price: Option<Money>,
    known: bool,
    enough: bool,
}

/// Sold out is decided without a lock, enough only on locked values.
#[expect(clippy::too_many_lines, reason = "it is one statement")]
pub(super) async fn reserve(
    pool: &Database,
    order: Uuid,
    lines: &Lines,
    hold: Hold,
    cause: Option<Delivery>,
) -> sqlx::Result<Vec<Row>> {
    let (parts, quantities) = lines.columns();
    let seconds = match hold {
        Hold::For(time) => Some(time.as_secs_f64()),
        Hold::Confirmed => None,
    };
    sqlx::query_as!(
        Row,
        r#"with present as (
            select status
            from reservations
            where order_uuid = $1
        ), seen as (
            select event_uuid
            from inbox
            where consumer = $5 and event_uuid = $6
        ), kept as (
            select part_uuid, quantity, unit_price
            from reservation_items
            where order_uuid = $1
        ), wanted as (
            select part_uuid, quantity, unit_price
            from kept
            union all
            select part_uuid, quantity, null
            from unnest($2::uuid[], $3::bigint[]) as asked (part_uuid, quantity)
            where not exists (select from kept)
        ), shelf as (
            select wanted.part_uuid, wanted.quantity, coalesce(wanted.unit_price, parts.price) as unit_price,
                parts.part_uuid is not null as known,
                coalesce(parts.available >= wanted.quantity, false) as enough
            from wanted
            left join parts on parts.part_uuid = wanted.part_uuid
        ), possible as (
            select bool_and(enough)
                and coalesce((select status from present), 'expired') = 'expired'
                and not exists (select from seen) as possible
            from shelf
        ), locked as materialized (
            select part_uuid, available, price
            from parts
            where part_uuid in (select part_uuid from wanted) and (select possible from possible)
            order by part_uuid
            for no key update
        ), granted as materialized (
            select wanted.part_uuid, wanted.quantity, coalesce(wanted.unit_price, locked.price) as unit_price,
                coalesce(locked.available >= wanted.quantity, false) as granted
            from wanted
            left join locked on locked.part_uuid = wanted.part_uuid
        ), taken as (
            insert into reservations (order_uuid, status, expires_at)
            select $1,
                case when $4::float8 is null then 'confirmed' else 'held' end,
                now() + make_interval(secs => $4)
            where (select bool_and(granted) from granted)
            on conflict (order_uuid) do update
            set status = excluded.status, expires_at = excluded.expires_at, updated_at = now()
            where reservations.status = 'expired' and exists (select from present)
            returning order_uuid
        ), items as (
            insert into reservation_items (order_uuid, part_uuid, quantity, unit_price)
            select taken.order_uuid, granted.part_uuid, granted.quantity, granted.unit_price
            from taken
            cross join granted
            on conflict do nothing
        ), stock as (
            update parts
            set available = parts.available - granted.quantity,
                reserved = parts.reserved + granted.quantity,
                updated_at = now()
            from taken
            cross join granted
            where parts.part_uuid = granted.part_uuid
        ), confirmed as (
            update reservations
            set status = 'confirmed', expires_at = null, updated_at = now()
            from present
            where reservations.order_uuid = $1
                and reservations.status = 'held'
                and present.status = 'held'
                and $4::float8 is null
                and not exists (select from seen)
            returning reservations.order_uuid
        ), verdict as (
            select case
                when exists (select from seen) then 'seen'
                when exists (select from taken) or exists (select from confirmed) then 'done'
                when before.status in ('confirmed', 'committed') then 'done'
                when before.status = 'held' and $4::float8 is not null then 'done'
                when before.status = 'held' then 'raced'
                when before.status = 'released' then 'ended'
                when (select bool_and(enough) from shelf) then 'raced'
                when (select bool_and(known) from shelf) then 'short'
                else 'unknown'
            end as verdict
            from (select (select status from present) as status) as before
        ), noted as (
            insert into inbox (consumer, event_uuid)
            select $5, $6
            from verdict
            where $5 is not null and verdict not in ('seen', 'raced', 'unknown')
            on conflict do nothing
        )
        select verdict as "verdict!: Verdict",
            shelf.part_uuid as "part_uuid!",
            shelf.quantity as "quantity!",
            coalesce(granted.unit_price, shelf.unit_price) as "unit_price: Money",
            shelf.known as "known!",
            shelf.enough as "enough!"
        from verdict
        cross join shelf
        join granted on granted.part_uuid = shelf.part_uuid
        order by shelf.part_uuid"#,
        order,
        &parts,
        &quantities,
        seconds,
        cause.map(|cause| cause.consumer),
        cause.map(|cause| cause.event),
    )
    .fetch_all(pool)
    .await
}

/// What is answered; nothing when the statement has to be made anew.
pub(super) fn outcome(order: Uuid, rows: Vec<Row>) -> Option<Result<Vec<Reserved>, Error>> {
    let inconsistent = || Error::Inconsistent("the verdict of a reservation");
    let named = |which: fn(&Row) -> bool| rows.iter().find(|row| which(row)).map(|row| row.part_uuid);
    let verdict = rows.first().map(|row| row.verdict)?;
    Some(match verdict {
        Verdict::Raced => return None,
        Verdict::Ended => Err(Error::ReservationEnded(order)),
        Verdict::Unknown => Err(named(|row| !row.known).map_or_else(inconsistent, Error::PartNotFound)),
        Verdict::Short => Err(named(|row| !row.enough).map_or_else(inconsistent, Error::OutOfStock)),
        Verdict::Seen => Ok(Vec::new()),
        Verdict::Done => rows
            .into_iter()
            .map(|row| {
                let unit_price = row.unit_price.ok_or_else(inconsistent)?;
                Ok(Reserved { part: row.part_uuid, quantity: row.quantity, unit_price })
            })
            .collect(),
    })
}
