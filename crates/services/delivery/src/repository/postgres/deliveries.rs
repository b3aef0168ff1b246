//! [`Deliveries`] in the table `orders`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use platform::{
    postgres::{Database, DatabaseError, consistent, retry_stale},
    telemetry,
};

use super::{
    PgRepository, early,
    row::{OrderRow, select_orders},
};
use crate::{
    error::Error,
    model::{Delivery, Early, Event, Known, Location},
    repository::{ActiveOrder, Deliveries, Shown},
};

#[async_trait]
impl Deliveries for PgRepository {
    async fn find(&self, order: OrderId) -> Result<Known, Error> {
        let row = self.reads.submit(order).await?;
        Ok(row.map(OrderRow::known).transpose()?.unwrap_or(Known::Nothing))
    }

    async fn save(
        &self,
        known: &Known,
        delivery: &Delivery,
        events: &[Event],
        cause: Option<Cause>,
    ) -> Result<bool, Error> {
        let events: outbox::Columns = events.iter().map(Into::into).collect();
        let (location, volume) = delivery.cargo.map(|cargo| (cargo.location, cargo.volume)).unzip();
        // Writes only if the row has not changed since it was read: a new order must have no row, another one must be
        // in the state of `known`.
        let written = sqlx::query_scalar!(
            r#"with written as (
                insert into orders (uuid, state, status, user_uuid, delivery_uuid, tracking_number, x, y, volume,
                    estimated_date, trace, waiting_since, basket_uuid)
                select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, case when $2 = 'CREATED' then now() end, $18
                where $12::text is null or exists (select from orders where uuid = $1)
                on conflict (uuid) do update
                set state = excluded.state, status = excluded.status, user_uuid = excluded.user_uuid,
                    delivery_uuid = excluded.delivery_uuid, tracking_number = excluded.tracking_number,
                    x = excluded.x, y = excluded.y, volume = excluded.volume,
                    estimated_date = excluded.estimated_date, trace = excluded.trace,
                    waiting_since = excluded.waiting_since, updated_at = now()
                where orders.state = $12
                returning uuid, coalesce(basket_uuid, uuid) as key, trace
            ), inbox_row as (
                insert into inbox (consumer, event_uuid)
                select $13, $14 from written where $13::text is not null
                on conflict do nothing
            ), events as (
                insert into outbox (event_uuid, event_type, key, payload, trace)
                select event.event_uuid, event.event_type, written.key, event.payload, written.trace
                from written,
                    unnest($15::uuid[], $16::text[], $17::bytea[]) with ordinality
                    as event (event_uuid, event_type, payload, number)
                order by event.number
            )
            select uuid as "order: OrderId" from written"#,
            delivery.order.uuid(),
            delivery.state.as_str(),
            delivery.status.as_str(),
            delivery.user.map(UserId::uuid),
            delivery.id.uuid(),
            delivery.tracking_number.as_str(),
            location.map(|location| i16::from(location.x())),
            location.map(|location| i16::from(location.y())),
            volume.map(crate::model::Volume::get),
            delivery.estimated,
            telemetry::trace(),
            state_name(known),
            cause.map(|cause| cause.consumer),
            cause.map(|cause| cause.event.uuid()),
            &events.uuids,
            &events.kinds as _,
            &events.payloads,
            delivery.basket.map(OrderId::uuid),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(written.is_some())
    }

    async fn keep_early(&self, order: OrderId, early: Early, paid: Cause, cause: Cause) -> Result<bool, Error> {
        let request = early::Request::new(order, early_name(early), paid, cause);
        Ok(self.early.submit(request).await?.unwrap_or_default())
    }

    async fn skip(&self, cause: Cause) -> Result<(), Error> {
        Ok(self.skipped.skip(cause.consumer, cause.event.uuid()).await?)
    }

    async fn active(&self, user: Option<UserId>, limit: i64) -> Result<Vec<ActiveOrder>, Error> {
        let rows = match user {
            Some(user) => retry_stale(|| active_of(&self.pool, user, limit)).await?,
            None => retry_stale(|| active(&self.pool, limit)).await?,
        };
        Ok(rows.into_iter().filter_map(|row| consistent(row.read())).collect())
    }

    async fn show(&self, order: OrderId) -> Result<Option<Shown>, Error> {
        let row = self.reads.submit(order).await?;
        Ok(row.filter(|row| row.delivery.is_some()).map(OrderRow::shown).transpose()?)
    }
}

/// The state in which [`Deliveries::save`] must find the order's row; `None` if there must be no row.
fn state_name(known: &Known) -> Option<&'static str> {
    match known {
        Known::Nothing => None,
        Known::Early(early) => Some(early_name(*early)),
        Known::Delivery(delivery) => Some(delivery.state.as_str()),
    }
}

const fn early_name(early: Early) -> &'static str {
    match early {
        Early::Assembled => "ASSEMBLED_EARLY",
        Early::Cancelled => "CANCELLED_EARLY",
    }
}

/// Early events removed per statement.
pub const EARLY_BATCH: u64 = 5_000;

/// Removes one batch of early events older than `age` whose order still has no `order.paid`. By then, the early event
/// and `order.paid` have expired from their topics. Returns the number of removed rows.
pub async fn remove_early(pool: &Database, age: Duration) -> Result<u64, Error> {
    let removed = sqlx::query!(
        "delete from orders where uuid = any(array(
            select uuid from orders
            where state in ('ASSEMBLED_EARLY', 'CANCELLED_EARLY') and created_at < now() - make_interval(secs => $1)
            order by created_at limit $2
            for update skip locked))",
        age.as_secs_f64(),
        EARLY_BATCH.cast_signed(),
    )
    .execute(pool)
    .await?;
    Ok(removed.rows_affected())
}

/// The columns of an active order. There is a statement for one user and one for all users: the generic plan of a
/// common statement would read the orders of all users even for one user.
struct Row {
    order: OrderId,
    user: Option<UserId>,
    x: i16,
    y: i16,
}

impl Row {
    fn read(self) -> Result<ActiveOrder, DatabaseError> {
        let location = Location::new(self.x.into(), self.y.into());
        let location = location.map_err(|_| DatabaseError::inconsistent("orders", "x", self.order))?;
        Ok(ActiveOrder { order: self.order, user: self.user, location })
    }
}

async fn active_of(pool: &Database, user: UserId, limit: i64) -> sqlx::Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select uuid as "order: OrderId", user_uuid as "user: UserId", x as "x!", y as "y!"
        from orders
        where user_uuid = $1 and state in ('CREATED', 'ASSIGNED')
        order by waiting_since, uuid limit $2"#,
        user.uuid(),
        limit,
    );
    rows.fetch_all(pool).await
}

async fn active(pool: &Database, limit: i64) -> sqlx::Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select coalesce(basket_uuid, uuid) as "order!: OrderId", user_uuid as "user: UserId", x as "x!", y as "y!"
        from orders
        where state in ('CREATED', 'ASSIGNED')
        order by waiting_since, uuid limit $1"#,
        limit,
    );
    rows.fetch_all(pool).await
}

/// Reads orders, with one statement per group of requests. Omits unknown orders.
pub async fn find(pool: Database, orders: Arc<[OrderId]>) -> sqlx::Result<HashMap<OrderId, OrderRow>> {
    let uuids: Vec<_> = orders.iter().map(|order| order.uuid()).collect();
    let rows = select_orders!(
        "from orders
        left join couriers on couriers.order_uuid = orders.uuid
        where orders.uuid = any($1)",
        &uuids,
    )
    .fetch_all(&pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.order, row)).collect())
}
