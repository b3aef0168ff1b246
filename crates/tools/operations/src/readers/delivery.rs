//! Reads deliveries, couriers and their storage places.

use audit::{
    Facts,
    facts::{Courier, Delivery, DeliveryState, StoragePlace},
};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Query, Reader, parsed};

macro_rules! select {
    ($($of:literal)?) => {
        concat!(
            "select uuid, state, status, user_uuid, delivery_uuid, volume, courier_uuid, steps, created_at, waiting_since,
                updated_at
            from orders",
            $($of)?
        )
    };
}

pub const READER: Reader = Reader {
    service: &delivery::SERVICE,
    facts: |database| Box::pin(read(database)),
    of_order: Some(|database, order| Box::pin(of_order(database, order))),
    // An order too large for every storage place waits for an operator, so it does not count.
    pending: &[(
        "ships being delivered",
        "select count(*) from orders
        where state = 'ASSIGNED' or state = 'CREATED' and volume <= (select max(total_volume) from storage_places)",
    )],
    fingerprint:
        "select concat_ws(' ', count(*), max(updated_at), (select max(id) from outbox), (select count(*) from inbox),
            (select string_agg(concat(x, ',', y), ' ' order by number) from couriers))
        from orders",
};

async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    Ok(Facts {
        deliveries: deliveries(database, sqlx::query_as(select!())).await?,
        couriers: couriers(database).await?,
        places: places(database).await?,
        ..Facts::default()
    })
}

async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let deliveries = deliveries(database, sqlx::query_as(select!(" where uuid = $1")).bind(order)).await?;
    // Both tables are small. They also name the order that is assigned, which the audit compares with the delivery's
    // own row.
    let (couriers, places) = (couriers(database).await?, places(database).await?);
    Ok(Facts { deliveries, couriers, places, ..Facts::default() })
}

#[derive(FromRow)]
struct DeliveryRow {
    uuid: Uuid,
    state: String,
    status: Option<String>,
    user_uuid: Option<Uuid>,
    delivery_uuid: Option<Uuid>,
    volume: Option<i32>,
    courier_uuid: Option<Uuid>,
    steps: Option<i32>,
    created_at: DateTime<Utc>,
    waiting_since: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
}

async fn deliveries(database: &mut PgConnection, query: Query<'_, DeliveryRow>) -> anyhow::Result<Vec<Delivery>> {
    let mut rows = query.fetch(database);
    let mut deliveries = Vec::new();
    while let Some(row) = rows.try_next().await? {
        deliveries.push(Delivery {
            order: row.uuid,
            state: parsed("orders.state", &row.state, DeliveryState::parse)?,
            status: row.status,
            user: row.user_uuid,
            delivery: row.delivery_uuid,
            volume: row.volume,
            courier: row.courier_uuid,
            steps: row.steps,
            created_at: row.created_at,
            waiting_since: row.waiting_since,
            updated_at: row.updated_at,
        });
    }
    Ok(deliveries)
}

async fn couriers(database: &mut PgConnection) -> anyhow::Result<Vec<Courier>> {
    let rows: Vec<(Uuid, Option<Uuid>)> =
        sqlx::query_as("select uuid, order_uuid from couriers order by number").fetch_all(database).await?;
    Ok(rows.into_iter().map(|(uuid, order)| Courier { uuid, order }).collect())
}

async fn places(database: &mut PgConnection) -> anyhow::Result<Vec<StoragePlace>> {
    let rows: Vec<(Uuid, Uuid, i32, Option<Uuid>)> =
        sqlx::query_as("select uuid, courier_uuid, total_volume, order_uuid from storage_places order by number")
            .fetch_all(database)
            .await?;
    let places = rows.into_iter();
    Ok(places.map(|(uuid, courier, total_volume, order)| StoragePlace { uuid, courier, total_volume, order }).collect())
}
