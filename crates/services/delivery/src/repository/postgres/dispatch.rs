//! [`Dispatch`]: the statements that change orders and couriers together.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{CourierId, DeliveryId, OrderId, UserId};
use platform::{
    outbox,
    postgres::{DatabaseError, consistent},
};

use super::{
    LEASE_NAME, PgRepository,
    row::{CourierColumns, OrderRow, cargo, trip},
    waiting,
};
use crate::{
    error::Error,
    model::{Assignment, FreeCourier, State, Step, Volume, Waiting},
    repository::{Counts, Dispatch, MAX_COUNTED, Moved, TripPage, couriers::MAX_COURIERS},
};

#[async_trait]
impl Dispatch for PgRepository {
    async fn free(&self) -> Result<Vec<FreeCourier>, Error> {
        // Reads only the largest of each courier's places, of which there may be a hundred.
        let rows = sqlx::query!(
            r#"select couriers.uuid as "courier: CourierId", name, speed, x, y, largest.total_volume,
                next_try_at is not null as "was_refused!"
            from (
                select * from couriers
                where order_uuid is null and (next_try_at is null or next_try_at <= now()) order by uuid limit $1
            ) couriers
                cross join lateral (
                    select total_volume from storage_places where courier_uuid = couriers.uuid
                    order by total_volume desc limit 1
                ) largest
            order by couriers.uuid"#,
            MAX_COURIERS,
        )
        .fetch_all(&self.pool)
        .await?;
        let free = rows.into_iter().map(|row| {
            let room = Volume::new(row.total_volume.into());
            let room = room.map_err(|_| DatabaseError::inconsistent("couriers", "total_volume", row.courier))?;
            // A courier whose name cannot be read gets no order, since it could not be moved.
            let columns = CourierColumns { courier: row.courier, name: row.name, speed: row.speed, x: row.x, y: row.y };
            let (id, _, speed, location) = columns.read()?;
            Ok(FreeCourier { id, speed, location, room, was_refused: row.was_refused })
        });
        Ok(free.filter_map(consistent::<_, DatabaseError>).collect())
    }

    async fn has_waiting(&self, largest: Volume) -> Result<bool, Error> {
        let exists = sqlx::query_scalar!(
            r#"select exists (select from orders where state = 'CREATED' and volume <= $1) as "exists!""#,
            largest.get(),
        );
        Ok(exists.fetch_one(&self.pool).await?)
    }

    async fn waiting(&self, largest: Volume, limit: i64) -> Result<Vec<Waiting>, Error> {
        loop {
            let (mut waiting, mut unreadable) = (Vec::new(), Vec::new());
            for row in waiting::read(&self.pool, largest, limit).await? {
                let order = row.order;
                let decoded = row.delivery().and_then(|delivery| Ok(Waiting { cargo: cargo(&delivery)?, delivery }));
                consistent(decoded).map_or_else(|| unreadable.push(order), |one| waiting.push(one));
            }
            if unreadable.is_empty() {
                return Ok(waiting);
            }
            self.move_back(&unreadable, &[]).await?;
        }
    }

    async fn move_back(&self, orders: &[OrderId], couriers: &[CourierId]) -> Result<(), Error> {
        Ok(waiting::move_back(&self.pool, orders, couriers).await?)
    }

    async fn assign(&self, assignments: &[Assignment]) -> Result<Vec<OrderId>, Error> {
        let orders: Vec<_> = assignments.iter().map(|one| one.delivery.order.uuid()).collect();
        let couriers: Vec<_> = assignments.iter().map(|one| one.courier.uuid()).collect();
        let statuses: Vec<_> = assignments.iter().map(|one| one.delivery.status.as_str().to_owned()).collect();
        let estimated: Vec<_> = assignments.iter().map(|one| one.delivery.estimated).collect();
        let steps = |one: &Assignment| one.delivery.state.courier().map_or(0, |(_, steps)| steps.cast_signed());
        let steps: Vec<_> = assignments.iter().map(steps).collect();
        let from_x: Vec<_> = assignments.iter().map(|one| i16::from(one.from.x())).collect();
        let from_y: Vec<_> = assignments.iter().map(|one| i16::from(one.from.y())).collect();
        let events = || assignments.iter().flat_map(|one| &one.events);
        let of_orders: Vec<_> = events().map(|event| event.order().uuid()).collect();
        let events: outbox::Columns = events().map(Into::into).collect();
        // Skips orders and couriers that another replica has locked to assign them.
        let assigned = sqlx::query_scalar!(
            r#"with given as (
                select given.*, place.uuid as place_uuid
                from unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[], $5::int[], $6::smallint[], $7::smallint[])
                    as given (order_uuid, courier_uuid, status, estimated_date, steps, from_x, from_y)
                    cross join lateral (
                        select state, volume from orders where uuid = given.order_uuid for update skip locked offset 0
                    ) as orders
                    cross join lateral (
                        select order_uuid, x, y from couriers where uuid = given.courier_uuid for update skip locked offset 0
                    ) as couriers
                    cross join lateral (
                        select uuid from storage_places
                        where courier_uuid = given.courier_uuid and total_volume >= orders.volume
                        order by number limit 1
                    ) as place
                where orders.state = 'CREATED' and couriers.order_uuid is null
                    and couriers.x = given.from_x and couriers.y = given.from_y
            ), assigned as (
                update orders
                set state = 'ASSIGNED', status = given.status, courier_uuid = given.courier_uuid, steps = given.steps,
                    estimated_date = given.estimated_date, updated_at = now()
                from given where orders.uuid = given.order_uuid
                returning orders.uuid, coalesce(orders.basket_uuid, orders.uuid) as key, orders.trace
            ), carriers as (
                update couriers set order_uuid = given.order_uuid, next_try_at = null from given where couriers.uuid = given.courier_uuid
            ), filled as (
                update storage_places set order_uuid = given.order_uuid
                from given where storage_places.uuid = given.place_uuid
            ), events as (
                insert into outbox (event_uuid, event_type, key, payload, trace)
                select event.event_uuid, event.event_type, assigned.key, event.payload, assigned.trace
                from unnest($8::uuid[], $9::text[], $10::uuid[], $11::bytea[]) with ordinality
                    as event (event_uuid, event_type, order_uuid, payload, number)
                    join assigned on assigned.uuid = event.order_uuid
                order by event.number
            )
            select uuid as "order: OrderId" from assigned"#,
            &orders,
            &couriers,
            &statuses,
            &estimated,
            &steps,
            &from_x,
            &from_y,
            &events.uuids,
            &events.kinds,
            &of_orders,
            &events.payloads,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(assigned)
    }

    async fn trips(&self, after: Option<CourierId>, limit: i64) -> Result<TripPage, Error> {
        let rows = sqlx::query!(
            r#"select couriers.uuid as "courier: CourierId", name, speed, couriers.x as at_x, couriers.y as at_y,
                orders.uuid as "order: OrderId", basket_uuid as "basket: OrderId", state, status, user_uuid as "user: UserId",
                delivery_uuid as "delivery: DeliveryId", tracking_number, orders.x, orders.y, volume, estimated_date,
                steps
            from couriers join orders on orders.uuid = couriers.order_uuid
            where couriers.order_uuid is not null and ($1::uuid is null or couriers.uuid > $1)
            order by couriers.uuid limit $2"#,
            after.map(CourierId::uuid),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let (last, count) = (rows.last().map(|row| row.courier), rows.len());
        let trips = rows.into_iter().map(|row| {
            let courier =
                CourierColumns { courier: row.courier, name: row.name, speed: row.speed, x: row.at_x, y: row.at_y };
            let delivery = OrderRow {
                order: row.order,
                basket: row.basket,
                state: row.state,
                status: row.status,
                user: row.user,
                delivery: row.delivery,
                tracking_number: row.tracking_number,
                x: row.x,
                y: row.y,
                volume: row.volume,
                estimated_date: row.estimated_date,
                courier: Some(row.courier),
                steps: row.steps,
            };
            trip(courier, delivery.delivery()?)
        });
        Ok(TripPage::new(trips.filter_map(consistent::<_, DatabaseError>).collect(), last, count, limit))
    }

    async fn counts(&self) -> Result<Counts, Error> {
        let counts = sqlx::query!(
            r#"select
                (select count(*) from (select from orders where state = 'CREATED' limit $1) as waiting) as "created!",
                (select count(*) from couriers where order_uuid is not null) as "assigned!",
                (select count(*) from couriers where order_uuid is null) as "free!""#,
            i64::from(MAX_COUNTED),
        )
        .fetch_one(&self.pool)
        .await?;
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(Counts { created: count(counts.created), assigned: count(counts.assigned), free: count(counts.free) })
    }

    async fn step(&self, epoch: i64, steps: &[Step]) -> Result<Moved, Error> {
        let couriers: Vec<_> = steps.iter().map(|step| step.courier.uuid()).collect();
        let orders: Vec<_> = steps.iter().map(|step| step.delivery.order.uuid()).collect();
        let start_x: Vec<_> = steps.iter().map(|step| i16::from(step.from.x())).collect();
        let start_y: Vec<_> = steps.iter().map(|step| i16::from(step.from.y())).collect();
        let end_x: Vec<_> = steps.iter().map(|step| i16::from(step.to.x())).collect();
        let end_y: Vec<_> = steps.iter().map(|step| i16::from(step.to.y())).collect();
        let statuses: Vec<_> = steps.iter().map(|step| step.delivery.status.as_str().to_owned()).collect();
        let estimated: Vec<_> = steps.iter().map(|step| step.delivery.estimated).collect();
        let arrived = |step: &Step| matches!(step.delivery.state, State::Completed { .. });
        let arrived: Vec<_> = steps.iter().map(arrived).collect();
        let events = || steps.iter().flat_map(|step| &step.events);
        let of_orders: Vec<_> = events().map(|event| event.order().uuid()).collect();
        let events: outbox::Columns = events().map(Into::into).collect();
        let moved = sqlx::query!(
            r#"with fence as (
                select from leases where name = $1 and epoch = $2 for share
            ), moved as (
                update couriers
                set x = step.to_x, y = step.to_y, order_uuid = case when step.arrived then null else couriers.order_uuid end
                from unnest($3::uuid[], $4::uuid[], $5::smallint[], $6::smallint[], $7::smallint[], $8::smallint[],
                        $9::text[], $10::date[], $11::bool[])
                    as step (courier_uuid, order_uuid, from_x, from_y, to_x, to_y, status, estimated_date, arrived)
                where couriers.uuid = step.courier_uuid and couriers.order_uuid = step.order_uuid
                    and couriers.x = step.from_x and couriers.y = step.from_y and exists (select from fence)
                returning step.order_uuid, step.status, step.estimated_date, step.arrived
            ), emptied as (
                update storage_places set order_uuid = null
                from moved where storage_places.order_uuid = moved.order_uuid and moved.arrived
            ), changed as (
                update orders
                set status = moved.status, estimated_date = moved.estimated_date, updated_at = now(),
                    state = case when moved.arrived then 'COMPLETED' else state end
                from moved where orders.uuid = moved.order_uuid and (moved.arrived or orders.status <> moved.status)
                returning orders.uuid, coalesce(orders.basket_uuid, orders.uuid) as key, orders.trace, moved.arrived, orders.user_uuid is not null as has_user,
                    now() - orders.waiting_since as took
            ), events as (
                insert into outbox (event_uuid, event_type, key, payload, trace)
                select event.event_uuid, event.event_type, changed.key, event.payload, changed.trace
                from unnest($12::uuid[], $13::text[], $14::uuid[], $15::bytea[]) with ordinality
                    as event (event_uuid, event_type, order_uuid, payload, number)
                    join changed on changed.uuid = event.order_uuid
                order by event.number
            )
            select count(*) as "couriers!", (select count(*) from changed where arrived) as "arrived!",
                array(select extract(epoch from took)::float8 from changed where arrived and has_user) as "took!"
            from moved"#,
            LEASE_NAME,
            epoch,
            &couriers,
            &orders,
            &start_x,
            &start_y,
            &end_x,
            &end_y,
            &statuses,
            &estimated,
            &arrived,
            &events.uuids,
            &events.kinds,
            &of_orders,
            &events.payloads,
        )
        .fetch_one(&self.pool)
        .await?;
        let took = |seconds: &f64| Duration::try_from_secs_f64(*seconds).unwrap_or_default();
        Ok(Moved {
            couriers: usize::try_from(moved.couriers).unwrap_or_default(),
            arrived: usize::try_from(moved.arrived).unwrap_or_default(),
            took: moved.took.iter().map(took).collect(),
        })
    }
}
