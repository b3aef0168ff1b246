//! Reserves the parts of orders, and holds or confirms the reservations that exist, for a group of requests.

use std::{collections::HashMap, sync::Arc};

use contracts::{
    ids::{OrderId, PartId},
    money::Money,
};
use platform::postgres::{Database, DatabaseError};
use serde_json::json;

use super::StockOutcome;
use crate::{
    error::Error,
    model::{MaxShare, ReservedLine},
    repository::ReservationRequest,
};

/// A line of a request, with the outcome of the request.
struct Row {
    order_uuid: OrderId,
    outcome: StockOutcome,
    part_uuid: PartId,
    quantity: i64,
    unit_price: Option<Money>,
    known: bool,
    enough: bool,
    within_share: bool,
}

/// Returns the result of each order whose request is decided. Omits those that must be retried.
pub async fn reserve(
    pool: Database,
    requests: Arc<[ReservationRequest]>,
) -> sqlx::Result<HashMap<OrderId, Result<Vec<ReservedLine>, Error>>> {
    let mut orders: HashMap<OrderId, Vec<Row>> = HashMap::new();
    for row in lines(&pool, &requests).await? {
        orders.entry(row.order_uuid).or_default().push(row);
    }
    Ok(orders.into_iter().filter_map(|(order, rows)| Some((order, result(order, &rows)?))).collect())
}

/// A JSON object with the columns of a request.
fn columns((number, request): (usize, &ReservationRequest)) -> serde_json::Value {
    let (part_uuids, quantities) = request.lines.columns();
    let seconds = request.expiry.seconds();
    // Paid orders count towards no user's share.
    let max_share = seconds.and(request.holder).and_then(|holder| holder.max_share.bound());
    json!({
        "number": number,
        "order_uuid": request.order,
        "seconds": seconds,
        "user_uuid": request.holder.map(|holder| holder.user),
        "max_share": max_share,
        "part_uuids": part_uuids,
        "quantities": quantities,
    })
}

/// Returns the lines of the requests. A request whose order has a reservation has the lines of that reservation.
///
/// The statement decides `out_of_stock` from stock that it reads without locks, so a sold-out part causes no lock
/// contention. Only `wanted` lines lock stock: those of requests for which the stock suffices, and whose orders have no
/// reservation or an expired one. What a user holds is read only for parts that are `contested`: of the others, all
/// reservations together are within one user's share.
///
/// Requests for a part are served in the order of their arrival. Each may use only what all earlier requests leave of
/// the stock and of its user's share, even if an earlier request is then refused because of another part, so that
/// nothing is sold twice. A request that fails only because of an earlier one of the group is a conflict.
///
/// It is one statement so that the locks of a part that many requests want are not held during a network round trip.
#[expect(clippy::too_many_lines, reason = "it is one statement")]
async fn lines(pool: &Database, requests: &[ReservationRequest]) -> sqlx::Result<Vec<Row>> {
    let requests: serde_json::Value = requests.iter().enumerate().map(columns).collect();
    sqlx::query_as!(
        Row,
        r#"with requests as materialized (
            select request.number, request.order_uuid, request.user_uuid, request.max_share,
                case when request.seconds is null then 'confirmed' else 'held' end as status,
                now() + make_interval(secs => request.seconds) as expires_at,
                reservation.status as before,
                coalesce(reservation.part_uuids, request.part_uuids) as part_uuids,
                coalesce(reservation.quantities, request.quantities) as quantities,
                reservation.unit_prices
            from jsonb_to_recordset($1) as request (number bigint, order_uuid uuid, seconds float8, user_uuid uuid,
                max_share float8, part_uuids uuid[], quantities bigint[])
            left join lateral (
                select status, part_uuids, quantities, unit_prices
                from reservations
                where reservations.order_uuid = request.order_uuid
                offset 0
            ) as reservation on true
        ), lines as materialized (
            select requests.number, line.part_uuid, line.quantity, line.unit_price,
                parts.part_uuid is not null as known,
                coalesce(parts.available >= line.quantity, false) as enough
            from requests
            cross join lateral unnest(requests.part_uuids, requests.quantities, requests.unit_prices)
                as line (part_uuid, quantity, unit_price)
            left join lateral (
                select part_uuid, available from parts where parts.part_uuid = line.part_uuid offset 0
            ) as parts on true
        ), wanted as materialized (
            select lines.number, lines.part_uuid, lines.quantity, lines.unit_price, requests.user_uuid,
                requests.max_share
            from lines
            join requests on requests.number = lines.number
            where coalesce(requests.before, 'expired') = 'expired'
                and lines.number in (select number from lines group by number having bool_and(enough))
        ), locked as materialized (
            select part_uuid, available, reserved, available + reserved as unsold, price
            from parts
            where part_uuid = any(array(select part_uuid from wanted))
            order by part_uuid
            for no key update
        ), contested as materialized (
            select locked.part_uuid
            from locked
            join wanted on wanted.part_uuid = locked.part_uuid
            group by locked.part_uuid, locked.reserved, locked.unsold
            having locked.reserved + sum(wanted.quantity) > greatest($2::bigint, min(wanted.max_share) * locked.unsold)
        ), held as materialized (
            select user_uuid, part_uuid, quantity
            from held_by_users(
                array(
                    select distinct user_uuid
                    from wanted
                    where user_uuid is not null and max_share is not null
                        and part_uuid in (select part_uuid from contested)
                ),
                array(select part_uuid from contested)
            )
        ), counted as materialized (
            select wanted.number, wanted.part_uuid, wanted.quantity,
                coalesce(wanted.unit_price, locked.price) as unit_price,
                bound.units is null or coalesce(held.quantity, 0) + wanted.quantity <= bound.units as within_share,
                coalesce(sum(wanted.quantity) over of_part <= locked.available, false) and (
                    bound.units is null
                    or coalesce(held.quantity, 0)
                        + sum(wanted.quantity) filter (where bound.units is not null) over of_user <= bound.units
                ) as is_granted
            from wanted
            left join locked on locked.part_uuid = wanted.part_uuid
            left join held on held.user_uuid = wanted.user_uuid and held.part_uuid = wanted.part_uuid
            cross join lateral (
                select case
                    when wanted.max_share is not null then greatest($2::bigint, wanted.max_share * locked.unsold)
                end as units
            ) as bound
            window of_part as (partition by wanted.part_uuid order by wanted.number),
                of_user as (partition by wanted.user_uuid, wanted.part_uuid order by wanted.number)
        ), granted as materialized (
            select number, array_agg(part_uuid) as part_uuids, array_agg(quantity) as quantities,
                array_agg(unit_price) as unit_prices
            from counted
            group by number
            having bool_and(is_granted)
        ), existing as materialized (
            select order_uuid, status
            from reservations
            where (select count(*) >= 0 from locked)
                and order_uuid = any(array(
                    select requests.order_uuid
                    from requests
                    where requests.before = 'held'
                        or requests.before = 'confirmed' and requests.status = 'held'
                        or requests.before = 'expired' and requests.number in (select number from granted)
                ))
            order by order_uuid
            for no key update
        ), changed as (
            update reservations
            set status = requests.status, expires_at = requests.expires_at, updated_at = now()
            from existing
            join requests on requests.order_uuid = existing.order_uuid
            where reservations.order_uuid = existing.order_uuid
                and reservations.order_uuid = any(array(select order_uuid from existing))
                and existing.status = requests.before
            returning reservations.order_uuid
        ), inserted as (
            insert into reservations (order_uuid, user_uuid, status, expires_at, part_uuids, quantities, unit_prices)
            select requests.order_uuid, requests.user_uuid, requests.status, requests.expires_at,
                granted.part_uuids, granted.quantities, granted.unit_prices
            from granted
            join requests on requests.number = granted.number
            where requests.before is null and (select count(*) >= 0 from existing)
            order by requests.order_uuid
            on conflict (order_uuid) do nothing
            returning order_uuid
        ), done as materialized (
            select order_uuid from changed
            union all
            select order_uuid from inserted
        ), stock as (
            update parts
            set available = parts.available - sold.quantity,
                reserved = parts.reserved + sold.quantity,
                updated_at = now()
            from (
                select counted.part_uuid, sum(counted.quantity)::bigint as quantity
                from counted
                join requests on requests.number = counted.number
                where requests.order_uuid in (select order_uuid from done)
                group by counted.part_uuid
            ) as sold
            where parts.part_uuid = sold.part_uuid
        )
        select requests.order_uuid as "order_uuid!: OrderId",
            case
                when requests.order_uuid in (select order_uuid from done) then 'done'
                when requests.before = 'committed' then 'done'
                when requests.before = 'confirmed' and requests.status = 'confirmed' then 'done'
                when requests.before in ('held', 'confirmed') then 'conflict'
                when requests.before = 'released' then 'ended'
                when not bool_and(coalesce(counted.within_share, true)) over of_request then 'too_many_reserved'
                when bool_and(lines.enough) over of_request then 'conflict'
                when bool_and(lines.known) over of_request then 'out_of_stock'
                else 'not_found'
            end as "outcome!: StockOutcome",
            lines.part_uuid as "part_uuid!: PartId",
            lines.quantity as "quantity!",
            coalesce(counted.unit_price, lines.unit_price) as "unit_price?: Money",
            lines.known as "known!",
            lines.enough as "enough!",
            coalesce(counted.within_share, true) as "within_share!"
        from lines
        join requests on requests.number = lines.number
        left join counted on counted.number = lines.number and counted.part_uuid = lines.part_uuid
        window of_request as (partition by lines.number)
        order by lines.number, lines.part_uuid"#,
        requests,
        MaxShare::MIN_UNITS,
    )
    .fetch_all(pool)
    .await
}

/// Returns the result for the caller, or `None` if the request must be retried.
fn result(order: OrderId, rows: &[Row]) -> Option<Result<Vec<ReservedLine>, Error>> {
    let without_parts = || DatabaseError::inconsistent("reservation_items", "part_uuid", order).into();
    let first = |which: fn(&Row) -> bool| rows.iter().find(|row| which(row)).map(|row| row.part_uuid);
    let outcome = rows.first().map(|row| row.outcome)?;
    Some(match outcome {
        StockOutcome::Conflict => return None,
        StockOutcome::Ended => Err(Error::ReservationEnded(order)),
        StockOutcome::NotFound => Err(first(|row| !row.known).map_or_else(without_parts, Error::PartNotFound)),
        StockOutcome::OutOfStock => Err(first(|row| !row.enough).map_or_else(without_parts, Error::OutOfStock)),
        StockOutcome::TooManyReserved => {
            Err(first(|row| !row.within_share).map_or_else(without_parts, Error::TooManyReserved))
        }
        StockOutcome::Duplicate | StockOutcome::Done => rows.iter().map(reserved).collect(),
    })
}

fn reserved(row: &Row) -> Result<ReservedLine, Error> {
    let Row { part_uuid: part, quantity, unit_price, .. } = *row;
    let unit_price = unit_price.ok_or_else(|| DatabaseError::inconsistent("parts", "price", part))?;
    Ok(ReservedLine { part, quantity, unit_price })
}
