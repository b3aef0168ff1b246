//! Commits the reservations of orders whose ships are built, for a group of requests.

use std::{collections::HashMap, sync::Arc};

use contracts::{
    events::Cause,
    ids::{OrderId, PartId},
};
use platform::postgres::{Database, DatabaseError};
use serde_json::json;

use super::StockOutcome;
use crate::error::Error;

/// A request to commit an order's reservation, caused by a call or by an event.
#[derive(Clone, Copy)]
pub struct CommitRequest {
    pub order: OrderId,
    pub cause: Option<Cause>,
}

/// A JSON object with the columns of a request.
fn columns((number, request): (usize, &CommitRequest)) -> serde_json::Value {
    json!({
        "number": number,
        "order_uuid": request.order,
        "consumer": request.cause.map(|cause| cause.consumer),
        "event_uuid": request.cause.map(|cause| cause.event),
    })
}

/// Returns the result of each order whose request is decided. Omits those that must be retried.
///
/// The inbox rows, the reservations and the stock change together, and no lock is held during a network round trip.
/// Only an expired reservation takes units `from_available` stock, and only what all earlier requests leave of it.
#[expect(clippy::too_many_lines, reason = "it is one statement")]
pub async fn commit(
    pool: Database,
    requests: Arc<[CommitRequest]>,
) -> sqlx::Result<HashMap<OrderId, Result<(), Error>>> {
    let requests: serde_json::Value = requests.iter().enumerate().map(columns).collect();
    let rows = sqlx::query!(
        r#"with requests as materialized (
            select request.number, request.order_uuid, request.consumer, request.event_uuid,
                handled.event_uuid is not null as is_duplicate,
                reservation.status as before, reservation.part_uuids, reservation.quantities
            from jsonb_to_recordset($1) as request (number bigint, order_uuid uuid, consumer text, event_uuid uuid)
            left join lateral (
                select status, part_uuids, quantities
                from reservations
                where reservations.order_uuid = request.order_uuid
                offset 0
            ) as reservation on true
            left join lateral (
                select event_uuid
                from inbox
                where inbox.consumer = request.consumer and inbox.event_uuid = request.event_uuid
                offset 0
            ) as handled on true
        ), items as materialized (
            select requests.number, item.part_uuid, item.quantity,
                case when requests.before = 'expired' then item.quantity else 0 end as from_available
            from requests
            cross join lateral unnest(requests.part_uuids, requests.quantities) as item (part_uuid, quantity)
            where requests.before in ('held', 'confirmed', 'expired') and not requests.is_duplicate
        ), locked as materialized (
            select part_uuid, available
            from parts
            where part_uuid = any(array(select part_uuid from items))
            order by part_uuid
            for no key update
        ), counted as materialized (
            select items.number, items.part_uuid, items.quantity, items.from_available,
                items.from_available <= locked.available as enough,
                items.from_available = 0
                    or sum(items.from_available) over (partition by items.part_uuid order by items.number)
                        <= locked.available
                    as is_granted
            from items
            join locked on locked.part_uuid = items.part_uuid
        ), existing as materialized (
            select order_uuid, status
            from reservations
            where (select count(*) >= 0 from locked)
                and order_uuid = any(array(
                    select requests.order_uuid
                    from requests
                    where requests.number in (select number from counted group by number having bool_and(is_granted))
                ))
            order by order_uuid
            for no key update
        ), committed as (
            update reservations
            set status = 'committed', expires_at = null, updated_at = now()
            from existing
            join requests on requests.order_uuid = existing.order_uuid
            where reservations.order_uuid = existing.order_uuid
                and reservations.order_uuid = any(array(select order_uuid from existing))
                and existing.status = requests.before
            returning reservations.order_uuid
        ), stock as (
            update parts
            set available = parts.available - built.from_available,
                reserved = parts.reserved - (built.quantity - built.from_available),
                consumed = parts.consumed + built.quantity,
                updated_at = now()
            from (
                select counted.part_uuid, sum(counted.quantity)::bigint as quantity,
                    sum(counted.from_available)::bigint as from_available
                from counted
                join requests on requests.number = counted.number
                where requests.order_uuid in (select order_uuid from committed)
                group by counted.part_uuid
            ) as built
            where parts.part_uuid = built.part_uuid
        ), outcomes as materialized (
            select requests.order_uuid, requests.consumer, requests.event_uuid, short.part_uuid as short,
                case
                    when requests.is_duplicate then 'duplicate'
                    when requests.order_uuid in (select order_uuid from committed) then 'done'
                    when requests.before is null then 'not_found'
                    when requests.before = 'committed' then 'done'
                    when requests.before = 'released' then 'ended'
                    when short.part_uuid is not null then 'out_of_stock'
                    else 'conflict'
                end as outcome
            from requests
            left join (
                select distinct on (number) number, part_uuid
                from counted
                where not enough
                order by number, part_uuid
            ) as short on short.number = requests.number
        ), inbox_rows as (
            insert into inbox (consumer, event_uuid)
            select consumer, event_uuid
            from outcomes
            where consumer is not null and outcome not in ('duplicate', 'conflict')
            order by consumer, event_uuid
            on conflict do nothing
        )
        select order_uuid as "order_uuid!: OrderId", outcome as "outcome!: StockOutcome", short as "short?: PartId"
        from outcomes"#,
        requests,
    )
    .fetch_all(&pool)
    .await?;
    let decided =
        rows.into_iter().filter_map(|row| Some((row.order_uuid, result(row.order_uuid, row.outcome, row.short)?)));
    Ok(decided.collect())
}

/// Returns the result for the caller, or `None` if the request must be retried.
fn result(order: OrderId, outcome: StockOutcome, short: Option<PartId>) -> Option<Result<(), Error>> {
    Some(match outcome {
        StockOutcome::Conflict => return None,
        StockOutcome::Done | StockOutcome::Duplicate => Ok(()),
        StockOutcome::NotFound => Err(Error::ReservationNotFound(order)),
        StockOutcome::Ended => Err(Error::ReservationEnded(order)),
        StockOutcome::OutOfStock | StockOutcome::TooManyReserved => {
            let without_parts = || DatabaseError::inconsistent("reservation_items", "part_uuid", order).into();
            Err(short.map_or_else(without_parts, Error::OutOfStock))
        }
    })
}
