//! Prints figures that no test asserts: `cargo test -p delivery --test it figures -- --ignored --nocapture`.

use std::{sync::Arc, time::Instant};

use chrono::TimeDelta;
use delivery::{
    client::{MemoryGeo, MemoryOrderAddresses},
    model::{Refusals, assign},
    repository::{Couriers as _, Dispatch as _, MIGRATIONS, PgRepository},
    service::{DeliveryService, Repositories},
};
use platform::{clock, outbox::Waker, postgres::Database};

use crate::ids::{courier, volume};

const COURIERS: i64 = 1_000;

/// Inserts `orders` waiting orders of the volume `size`.
async fn wait(pool: &Database, orders: i32, size: i32) {
    sqlx::query(
        "insert into orders (uuid, state, status, delivery_uuid, tracking_number, x, y, volume, estimated_date, trace,
            waiting_since)
        select gen_random_uuid(), 'CREATED', 'PENDING', gen_random_uuid(), upper(substr(md5(random()::text), 1, 12)),
            1 + number % 10, 1 + number % 7, $2, '2026-11-20', '{}', now() - make_interval(secs => number)
        from generate_series(1, $1) number",
    )
    .bind(orders)
    .bind(size)
    .execute(pool)
    .await
    .expect("the orders are written");
    sqlx::query("analyze orders").execute(pool).await.expect("statistics");
}

async fn store() -> (Database, Arc<PgRepository>) {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let repository = Arc::new(PgRepository::new(pool.clone()));
    let couriers: Vec<_> = (0..COURIERS).map(|number| courier(1 + number % 5, 1 + number % 10, 5, &[10, 30])).collect();
    repository.seed(&couriers).await.expect("the couriers are written");
    (pool, repository)
}

#[tokio::test]
#[ignore = "prints figures"]
async fn assignments_per_second_against_their_statement_alone() {
    for waiting in [10, 1_000, 100_000] {
        let (pool, repository) = store().await;
        wait(&pool, waiting, 5).await;
        // Computed beforehand, so that only the statement is timed.
        let free = repository.free().await.unwrap();
        let mut left = repository.waiting(volume(30), COURIERS).await.unwrap();
        left.truncate(usize::try_from(waiting / 2).unwrap().min(200));
        let plan = assign(left, free, &Refusals::default(), clock::now(), TimeDelta::seconds(1));
        let begun = Instant::now();
        let alone = repository.assign(&plan).await.unwrap().len();
        let alone = (alone, begun.elapsed());
        let repositories = Repositories::new(repository);
        let (orders, geo) = (MemoryOrderAddresses::default(), MemoryGeo::default());
        let tick = std::time::Duration::from_secs(1);
        let service = DeliveryService::new(repositories, Arc::new(orders), Arc::new(geo), Waker::default(), tick);

        let begun = Instant::now();
        let assigned = service.assign_orders(clock::now(), &mut Refusals::default()).await.unwrap().assigned;
        let took = begun.elapsed();

        let rate =
            |count: usize, took: std::time::Duration| f64::from(u32::try_from(count).unwrap()) / took.as_secs_f64();
        println!(
            "{waiting} waiting, {COURIERS} couriers: {assigned} assigned in {took:?}, {:.0} per second; the statement alone, {} in {:?}, \
             {:.0} per second; ratio {:.2}",
            rate(assigned, took),
            alone.0,
            alone.1,
            rate(alone.0, alone.1),
            rate(assigned, took) / rate(alone.0, alone.1),
        );
    }
}

#[tokio::test]
#[ignore = "prints figures"]
async fn orders_that_are_too_large_are_not_read() {
    let (pool, repository) = store().await;
    wait(&pool, 10, 5).await;
    let read = async || {
        let begun = Instant::now();
        let found = repository.waiting(volume(30), 200).await.unwrap().len();
        (found, begun.elapsed())
    };
    read().await;

    let (before, alone) = read().await;
    wait(&pool, 100_000, 9_999).await;
    let (after, beside) = read().await;

    println!("{before} orders read in {alone:?}; {after} beside 100 000 that are too large in {beside:?}");
}
