//! Reads deliveries, couriers and their storage places.

use audit::{
    Facts,
    facts::{Courier, StoragePlace},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Reader;

macro_rules! select {
    ($($of:literal)?) => {
        concat!(
            "select uuid as order, state, status, user_uuid as user, delivery_uuid as delivery, volume,
                courier_uuid as courier, steps, created_at, waiting_since, updated_at
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
        deliveries: sqlx::query_as(select!()).fetch_all(&mut *database).await?,
        couriers: couriers(database).await?,
        places: places(database).await?,
        ..Facts::default()
    })
}

async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let deliveries = sqlx::query_as(select!(" where uuid = $1")).bind(order).fetch_all(&mut *database).await?;
    // Both tables are small, so they are read whole: the audit compares the orders that they name with the delivery's
    // row.
    let (couriers, places) = (couriers(database).await?, places(database).await?);
    Ok(Facts { deliveries, couriers, places, ..Facts::default() })
}

async fn couriers(database: &mut PgConnection) -> sqlx::Result<Vec<Courier>> {
    let couriers = sqlx::query_as("select uuid, order_uuid as order from couriers order by number");
    couriers.fetch_all(database).await
}

async fn places(database: &mut PgConnection) -> sqlx::Result<Vec<StoragePlace>> {
    let places = sqlx::query_as(
        "select uuid, courier_uuid as courier, total_volume, order_uuid as order from storage_places order by number",
    );
    places.fetch_all(database).await
}
