//! Reserves parts for orders that have no reservation.

use std::{collections::HashMap, sync::Arc, time::Duration};

use contracts::{
    ids::{OrderId, PartId},
    money::Money,
};
use platform::postgres::Database;
use uuid::Uuid;

use super::super::{Outcome, reserve};
use crate::{
    error::Error,
    model::{Holder, Lines, MaxShare, ReservedLine},
};

#[derive(Clone)]
pub struct Request {
    pub order: OrderId,
    pub lines: Lines,
    pub held_for: Duration,
    pub holder: Option<Holder>,
}

/// Returns the result of each order that got its reservation or was refused. Omits orders with a conflict.
pub async fn reserve(
    pool: Database,
    requests: Arc<[Request]>,
) -> sqlx::Result<HashMap<OrderId, Result<Vec<ReservedLine>, Error>>> {
    let mut orders: HashMap<OrderId, Vec<reserve::Row>> = HashMap::new();
    for (order, row) in lines(&pool, &requests).await? {
        orders.entry(order).or_default().push(row);
    }
    Ok(orders.into_iter().filter_map(|(order, rows)| Some((order, reserve::result(order, &rows)?))).collect())
}

/// Writes the reservations of a group. Returns the lines of the requests with their outcomes.
///
/// Requests for a part are served in the order of their arrival. Each may use only the stock that all earlier requests
/// leave, even if an earlier request is then refused because of another part, so that nothing is sold twice. A request
/// that is refused although the stock may suffice, or for its user's share, has the outcome `conflict`, and the caller
/// executes a separate statement for its order.
///
/// What a user holds is read only for parts that are `contested`: of the others, all reservations together are within
/// one user's share.
///
/// It is one statement so that the locks of a part that many want last for no round trip.
#[expect(clippy::too_many_lines, reason = "it is one statement")]
async fn lines(pool: &Database, requests: &[Request]) -> sqlx::Result<Vec<(OrderId, reserve::Row)>> {
    let orders: Vec<Uuid> = requests.iter().map(|request| request.order.uuid()).collect();
    let seconds: Vec<f64> = requests.iter().map(|request| request.held_for.as_secs_f64()).collect();
    let users: Vec<Option<Uuid>> = requests.iter().map(|request| Some(request.holder?.user.uuid())).collect();
    let max_shares: Vec<Option<f64>> = requests.iter().map(|request| request.holder?.max_share.bound()).collect();
    let (mut numbers, mut parts, mut quantities) = (Vec::new(), Vec::new(), Vec::new());
    for (number, request) in (1_i64..).zip(requests) {
        for (part, quantity) in request.lines.iter() {
            numbers.push(number);
            parts.push(part.uuid());
            quantities.push(quantity);
        }
    }
    let rows = sqlx::query!(
        r#"with requests as materialized (
            select request.number, request.order_uuid, request.seconds, request.user_uuid, request.max_share,
                reservation.order_uuid is null as is_new
            from unnest($1::uuid[], $2::float8[], $6::uuid[], $7::float8[])
                with ordinality as request (order_uuid, seconds, user_uuid, max_share, number)
            left join lateral (
                select order_uuid from reservations where reservations.order_uuid = request.order_uuid offset 0
            ) as reservation on true
        ), lines as materialized (
            select asked.number, asked.part_uuid, asked.quantity,
                parts.part_uuid is not null as known,
                coalesce(parts.available >= asked.quantity, false) as enough
            from unnest($3::bigint[], $4::uuid[], $5::bigint[]) as asked (number, part_uuid, quantity)
            left join parts on parts.part_uuid = asked.part_uuid
        ), satisfiable as materialized (
            select number, order_uuid, seconds, user_uuid, max_share
            from requests
            where is_new and number in (select number from lines group by number having bool_and(enough))
        ), locked as materialized (
            select part_uuid, available, reserved, available + reserved as unsold, price
            from parts
            where part_uuid in (select part_uuid from lines where number in (select number from satisfiable))
            order by part_uuid
            for no key update
        ), contested as materialized (
            select locked.part_uuid
            from locked
            join lines on lines.part_uuid = locked.part_uuid
            join satisfiable on satisfiable.number = lines.number
            group by locked.part_uuid, locked.reserved, locked.unsold
            having locked.reserved + sum(lines.quantity) > greatest($8::bigint, min(satisfiable.max_share) * locked.unsold)
        ), held as materialized (
            select user_uuid, part_uuid, quantity
            from held_by_users(
                array(
                    select distinct satisfiable.user_uuid
                    from satisfiable
                    join lines on lines.number = satisfiable.number
                    where satisfiable.user_uuid is not null and satisfiable.max_share is not null
                        and lines.part_uuid in (select part_uuid from contested)
                ),
                array(select part_uuid from contested)
            )
        ), counted as materialized (
            select lines.number, lines.part_uuid, lines.quantity, locked.price,
                coalesce(
                    sum(lines.quantity) over (partition by lines.part_uuid order by lines.number) <= locked.available,
                    false
                ) and (
                    satisfiable.max_share is null
                    or coalesce(held.quantity, 0)
                        + sum(lines.quantity) over (partition by satisfiable.user_uuid, lines.part_uuid order by lines.number)
                        <= greatest($8::bigint, satisfiable.max_share * locked.unsold)
                ) as granted
            from satisfiable
            join lines on lines.number = satisfiable.number
            left join locked on locked.part_uuid = lines.part_uuid
            left join held on held.user_uuid = satisfiable.user_uuid and held.part_uuid = lines.part_uuid
        ), inserted as (
            insert into reservations (order_uuid, user_uuid, status, expires_at, part_uuids, quantities, unit_prices)
            select order_uuid, user_uuid, 'held', now() + make_interval(secs => seconds), part_uuids, quantities, unit_prices
            from satisfiable
            join (
                select number, array_agg(part_uuid) as part_uuids, array_agg(quantity) as quantities,
                    array_agg(price) as unit_prices
                from counted
                group by number
                having bool_and(granted)
            ) as granted using (number)
            order by order_uuid
            on conflict (order_uuid) do nothing
            returning order_uuid
        ), reserved as materialized (
            select satisfiable.number, inserted.order_uuid, counted.part_uuid, counted.quantity, counted.price
            from inserted
            join satisfiable on satisfiable.order_uuid = inserted.order_uuid
            join counted on counted.number = satisfiable.number
        ), stock as (
            update parts
            set available = parts.available - sold.quantity,
                reserved = parts.reserved + sold.quantity,
                updated_at = now()
            from (select part_uuid, sum(quantity)::bigint as quantity from reserved group by part_uuid) as sold
            where parts.part_uuid = sold.part_uuid
        )
        select requests.order_uuid as "order_uuid!: OrderId",
            case
                when reserved.number is not null then 'done'
                when not requests.is_new or satisfiable.number is not null then 'conflict'
                when bool_and(lines.known) over (partition by lines.number) then 'out_of_stock'
                else 'not_found'
            end as "outcome!: Outcome",
            lines.part_uuid as "part_uuid!: PartId",
            lines.quantity as "quantity!",
            reserved.price as "unit_price?: Money",
            lines.known as "known!",
            lines.enough as "enough!"
        from lines
        join requests on requests.number = lines.number
        left join satisfiable on satisfiable.number = lines.number
        left join reserved on reserved.number = lines.number and reserved.part_uuid = lines.part_uuid
        order by lines.number, lines.part_uuid"#,
        &orders,
        &seconds,
        &numbers,
        &parts,
        &quantities,
        &users as _,
        &max_shares as _,
        MaxShare::MIN_UNITS,
    )
    .fetch_all(pool)
    .await?;
    let row = |outcome, part_uuid, quantity, unit_price, known, enough| reserve::Row {
        outcome,
        part_uuid,
        quantity,
        unit_price,
        known,
        enough,
        // A request beyond its user's share is a conflict here.
        within_share: true,
    };
    let lines = rows.into_iter().map(|line| {
        (line.order_uuid, row(line.outcome, line.part_uuid, line.quantity, line.unit_price, line.known, line.enough))
    });
    Ok(lines.collect())
}
