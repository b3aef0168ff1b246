//! Rows of PostgreSQL that cannot be decoded, or whose changes it refuses, do not block other rows.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, NaiveDate};
use contracts::ids::OrderId;
use delivery::{
    client::{MemoryGeo, MemoryOrderAddresses},
    model::Event,
    repository::{MIGRATIONS, PgRepository},
    service::{DeliveryService, Repositories},
};
use outbox::Waker;
use platform::postgres::Database;

use super::{
    Store,
    dispatch::{assign_all, wait},
    store_of,
};
use crate::courier;

async fn service() -> (Store, Database, DeliveryService) {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let repositories = Repositories::new(Arc::new(PgRepository::new(pool.clone())));
    let (orders, geo) = (MemoryOrderAddresses::default(), MemoryGeo::default());
    let tick = Duration::from_secs(1);
    let service = DeliveryService::new(repositories, Arc::new(orders), Arc::new(geo), Waker::default(), tick);
    (store_of(pool.clone()), pool, service)
}

/// Returns the number of orders that a round assigns.
async fn assigned(service: &DeliveryService) -> usize {
    service.assign_orders(DateTime::UNIX_EPOCH).await.unwrap().assigned
}

#[tokio::test]
async fn a_trip_that_cannot_be_read_ends_no_tick() {
    let (store, pool, service) = service().await;
    // One more courier than one statement moves.
    let trips = "with carriers as (
            insert into couriers (uuid, name, speed, x, y, order_uuid)
            select gen_random_uuid(), 'courier', 1, 1, 1, gen_random_uuid() from generate_series(1, 1001)
            returning uuid, order_uuid
        )
        insert into orders (uuid, state, status, delivery_uuid, tracking_number, x, y, volume, estimated_date,
            courier_uuid, steps, trace, waiting_since)
        select order_uuid, 'ASSIGNED', 'IN_TRANSIT', order_uuid, upper(substr(md5(uuid::text), 1, 12)), 9, 9, 5,
            '2026-11-20', uuid, 16, '{}', now()
        from carriers";
    sqlx::query(trips).execute(&pool).await.unwrap();
    let damage = "update orders set tracking_number = 'damaged'
        where uuid = (select order_uuid from couriers order by uuid limit 1)";
    sqlx::query(damage).execute(&pool).await.unwrap();

    let moved = service.move_couriers(store.epoch().await, NaiveDate::default()).await.unwrap();

    assert_eq!(moved, 1_000);
}

/// Returns the orders that couriers carry, in the order in which the couriers were added.
async fn carried(store: &Store) -> Vec<Option<OrderId>> {
    let listed = store.couriers.list().await.unwrap();
    listed.into_iter().map(|courier| courier.carries.map(|(order, ..)| order)).collect()
}

#[tokio::test]
async fn a_courier_to_whom_postgresql_refuses_an_order_holds_up_no_other() {
    let (store, pool, service) = service().await;
    store.couriers.add(&courier(10, 5, 5, &[10])).await.unwrap();
    wait(&store, 5).await;
    assert_eq!(assign_all(&store).await.len(), 1);
    // An operator frees the courier, but not its order.
    for free in ["update couriers set order_uuid = null", "update storage_places set order_uuid = null"] {
        sqlx::query(free).execute(&pool).await.unwrap();
    }
    store.couriers.add(&courier(1, 1, 1, &[10])).await.unwrap();
    let waiting = [wait(&store, 5).await, wait(&store, 5).await];

    assert_eq!(assigned(&service).await, 1);

    let carried = carried(&store).await;
    assert_eq!((carried.len(), carried[0]), (2, None));
    assert!(waiting.map(Some).contains(&carried[1]), "{carried:?}");
}

/// A page of orders for each of which PostgreSQL refuses a courier, or which cannot be read.
#[tokio::test]
async fn a_page_of_orders_that_cannot_be_assigned_holds_up_no_other() {
    let (store, pool, service) = service().await;
    let orders =
        "insert into orders (uuid, state, status, delivery_uuid, tracking_number, x, y, volume, estimated_date,
            trace, waiting_since)
        select gen_random_uuid(), 'CREATED', 'PENDING', gen_random_uuid(),
            case when number % 2 = 0 then 'damaged ' || number else upper(substr(md5(number::text), 1, 12)) end,
            9, 9, 7, '2026-11-20', '{}', now() - interval '1 hour'
        from generate_series(1, 1200) as number";
    let couriers = "with added as (
            insert into couriers (uuid, name, speed, x, y)
            select gen_random_uuid(), 'courier', 1, 1, 1 from generate_series(1, 601)
            returning uuid
        )
        insert into storage_places (uuid, courier_uuid, name, total_volume) select gen_random_uuid(), uuid, 'bag', 10 from added";
    let refuse = "alter table orders add constraint refused check (state <> 'ASSIGNED' or volume <> 7)";
    for statement in [orders, couriers, refuse] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let other = wait(&store, 5).await;

    assert_eq!(assigned(&service).await, 1);

    assert!(carried(&store).await.contains(&Some(other)));
}

#[tokio::test]
async fn a_step_that_postgresql_refuses_ends_no_tick() {
    let (store, pool, service) = service().await;
    for _ in 0..2 {
        store.couriers.add(&courier(10, 1, 1, &[10])).await.unwrap();
        wait(&store, 5).await;
    }
    assert_eq!(assign_all(&store).await.len(), 2);
    let listed = store.couriers.list().await.unwrap();
    let (order, ..) = listed[0].carries.unwrap();
    let completed = outbox::Event::from(&Event::Completed { order, basket: None, courier: listed[0].id });
    sqlx::query("insert into outbox (event_uuid, event_type, key, payload, trace) values ($1, $2, $3, $4, '{}')")
        .bind(completed.uuid)
        .bind(completed.kind)
        .bind(completed.key)
        .bind(completed.payload)
        .execute(&pool)
        .await
        .unwrap();

    let moved = service.move_couriers(store.epoch().await, NaiveDate::default()).await.unwrap();

    assert_eq!(moved, 1);
    assert_eq!(carried(&store).await, [Some(order), None]);
}

#[tokio::test]
async fn a_refusal_that_concerns_all_rows_skips_none() {
    let (store, pool, service) = service().await;
    for _ in 0..2 {
        store.couriers.add(&courier(1, 1, 1, &[10])).await.unwrap();
    }
    wait(&store, 5).await;
    assert_eq!(assign_all(&store).await.len(), 1);
    wait(&store, 5).await;
    // The outbox is missing, as after a restore without this table.
    sqlx::query("alter table outbox rename to elsewhere").execute(&pool).await.unwrap();

    assert!(service.assign_orders(DateTime::UNIX_EPOCH).await.is_err());
    assert!(service.move_couriers(store.epoch().await, NaiveDate::default()).await.is_err());
}
