//! [`Dispatch`]: the statements that change orders and couriers together.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{CourierId, OrderId};
use platform::postgres::{DatabaseError, consistent};
use serde_json::json;

use super::{
    LEASE_NAME, PgRepository,
    row::{CourierColumns, cargo, select_orders},
    waiting,
};
use crate::{
    error::Error,
    model::{Assignment, FreeCourier, State, Step, Volume, Waiting},
    repository::{Counts, Dispatch, MAX_COUNTED, MAX_COURIERS, Moved, TripPage},
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
        let given: serde_json::Value = assignments.iter().map(assignment_columns).collect();
        let events = || assignments.iter().flat_map(|one| &one.events);
        let of_orders: Vec<_> = events().map(|event| event.order().uuid()).collect();
        let events: outbox::Columns = events().map(Into::into).collect();
        // Skips orders and couriers that another replica has locked to assign them.
        let assigned = sqlx::query_scalar!(
            r#"with given as (
                select given.*, place.uuid as place_uuid
                from jsonb_to_recordset($1) as given (order_uuid uuid, courier_uuid uuid, status text,
                        estimated_date date, steps int, from_x smallint, from_y smallint)
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
                from unnest($2::uuid[], $3::text[], $4::uuid[], $5::bytea[]) with ordinality
                    as event (event_uuid, event_type, order_uuid, payload, number)
                    join assigned on assigned.uuid = event.order_uuid
                order by event.number
            )
            select uuid as "order: OrderId" from assigned"#,
            given,
            &events.uuids,
            &events.kinds as _,
            &of_orders,
            &events.payloads,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(assigned)
    }

    async fn trips(&self, after: Option<CourierId>, limit: i64) -> Result<TripPage, Error> {
        let rows = select_orders!(
            "from couriers
            join orders on orders.uuid = couriers.order_uuid
            where couriers.order_uuid is not null and ($1::uuid is null or couriers.uuid > $1)
            order by couriers.uuid limit $2",
            after.map(CourierId::uuid),
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        let (last, count) = (rows.last().and_then(|row| row.carrier), rows.len());
        let trips = rows.into_iter().filter_map(|row| consistent(row.shown())?.trip);
        Ok(TripPage::new(trips.collect(), last, count, limit))
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
        let rows: serde_json::Value = steps.iter().map(step_columns).collect();
        let events = || steps.iter().flat_map(|step| &step.events);
        let of_orders: Vec<_> = events().map(|event| event.order().uuid()).collect();
        let events: outbox::Columns = events().map(Into::into).collect();
        let moved = sqlx::query!(
            r#"with fence as (
                select from leases where name = $1 and epoch = $2 for share
            ), moved as (
                update couriers
                set x = step.to_x, y = step.to_y, order_uuid = case when step.arrived then null else couriers.order_uuid end
                from jsonb_to_recordset($3) as step (courier_uuid uuid, order_uuid uuid, from_x smallint,
                    from_y smallint, to_x smallint, to_y smallint, status text, estimated_date date, arrived boolean)
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
                from unnest($4::uuid[], $5::text[], $6::uuid[], $7::bytea[]) with ordinality
                    as event (event_uuid, event_type, order_uuid, payload, number)
                    join changed on changed.uuid = event.order_uuid
                order by event.number
            )
            select count(*) as "couriers!", (select count(*) from changed where arrived) as "arrived!",
                array(select extract(epoch from took)::float8 from changed where arrived and has_user) as "took!"
            from moved"#,
            LEASE_NAME,
            epoch,
            rows,
            &events.uuids,
            &events.kinds as _,
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

/// A JSON object with the columns that an assignment changes, and the cell where its courier must be.
fn assignment_columns(assignment: &Assignment) -> serde_json::Value {
    let Assignment { courier, from, delivery, .. } = assignment;
    json!({
        "order_uuid": delivery.order,
        "courier_uuid": courier,
        "status": delivery.status.as_str(),
        "estimated_date": delivery.estimated,
        "steps": delivery.state.courier().map_or(0, |(_, steps)| steps),
        "from_x": from.x(),
        "from_y": from.y(),
    })
}

/// A JSON object with the columns that a step changes, and the cell where it begins.
fn step_columns(step: &Step) -> serde_json::Value {
    let Step { courier, from, to, delivery, .. } = step;
    json!({
        "order_uuid": delivery.order,
        "courier_uuid": courier,
        "status": delivery.status.as_str(),
        "estimated_date": delivery.estimated,
        "arrived": matches!(delivery.state, State::Completed { .. }),
        "from_x": from.x(),
        "from_y": from.y(),
        "to_x": to.x(),
        "to_y": to.y(),
    })
}
