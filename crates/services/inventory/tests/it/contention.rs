//! Tests of concurrent calls: no unit is sold twice, no statements deadlock, no unit is released twice.

use std::{collections::HashMap, time::Duration};

use contracts::ids::{OrderId, PartId};
use inventory::{
    error::Error,
    model::{Expiry, Lines, Stock},
};
use platform::postgres::Database;
use sqlx::{ConnectOptions as _, Connection as _};
use testkit::{new_order, new_user};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    by,
    fixture::{AT_ONCE, Fixture, LATER, over, postgres},
};

/// Panics unless each part's counts equal the sums over its reservations and restocks.
async fn audit(pool: &Database) {
    let wrong = sqlx::query!(
        r#"select part_uuid
        from parts
        left join (
            select part_uuid,
                sum(quantity) filter (where status in ('held', 'confirmed')) as reserved,
                sum(quantity) filter (where status = 'committed') as consumed
            from reservation_items
            join reservations using (order_uuid)
            group by part_uuid
        ) as held using (part_uuid)
        left join (
            select part_uuid, sum(quantity) as restocked from restock_items group by part_uuid
        ) as added using (part_uuid)
        where parts.reserved <> coalesce(held.reserved, 0)
            or parts.consumed <> coalesce(held.consumed, 0)
            or parts.restocked <> coalesce(added.restocked, 0)"#,
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(wrong.is_empty(), "{} parts do not add up", wrong.len());
}

/// Reserves the lines. Returns false if a part is out of stock.
async fn buy(fixture: Fixture, order: OrderId, lines: Vec<(PartId, i64)>, expiry: Expiry) -> bool {
    match fixture.reserve(order, &lines, expiry).await {
        Ok(_) => true,
        Err(Error::OutOfStock(_)) => false,
        Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_of_ten_units_make_ten_reservations() {
    let (fixture, database) = postgres().await;
    let [part] = fixture.stocked([10]).await;

    let buyers: JoinSet<bool> =
        (0..200).map(|_| buy(fixture.clone(), new_order(), vec![(part, 1)], Expiry::Never)).collect();
    let sold = buyers.join_all().await.into_iter().filter(|bought| *bought).count();

    assert_eq!(sold, 10);
    assert_eq!(fixture.stock(part).await, Stock { initial: 10, reserved: 10, ..Stock::default() });
    audit(&database.pool).await;
}

/// The application name of the replicas' connections.
const REPLICA: &str = "replica";

/// A replica's connection pool. Its statements wait longer for a lock than PostgreSQL needs to detect a deadlock.
fn replica(database: &testkit::Database) -> Database {
    let url = database.pool.connect_options().to_url_lossy().to_string();
    let pool = Database::lazy(REPLICA, "TEST_DATABASE_URL", &url.into(), 5).unwrap();
    pool.set([("deadlock_timeout", "20ms"), ("lock_timeout", "5s")]);
    pool
}

/// Returns the number of deadlocks that PostgreSQL has resolved. Its processes report deadlocks when they end, so this
/// waits until the replicas' connections are closed.
async fn deadlocks(database: &testkit::Database) -> i64 {
    let running = "select count(*) from pg_stat_activity where application_name = $1 and datname = current_database()";
    testkit::eventually(|| async {
        let running = sqlx::query_scalar::<_, i64>(running).bind(REPLICA);
        (running.fetch_one(&database.pool).await.unwrap() == 0).then_some(())
    })
    .await;
    let deadlocks = sqlx::query_scalar!("select deadlocks from pg_stat_database where datname = current_database()");
    deadlocks.fetch_one(&database.pool).await.unwrap().unwrap()
}

/// Locks the first part, waits until the other transaction has locked its first part, and then locks the second part.
async fn lock(pool: &Database, parts: [PartId; 2], both: &Barrier) {
    let mut connection = pool.connect().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    for part in parts {
        let lock = sqlx::query("select from parts where part_uuid = $1 for update").bind(part.uuid());
        // PostgreSQL aborts one of the two transactions.
        let _ = lock.execute(&mut *transaction).await;
        both.wait().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_the_same_parts_never_wait_for_each_other() {
    let (fixture, database) = postgres().await;
    let parts = fixture.stocked([1_000; 6]).await;
    let pools = [replica(&database), replica(&database)];
    let replicas = pools.each_ref().map(over);

    let mut work: JoinSet<()> = JoinSet::new();
    for numbers in [[0, 1, 2], [2, 1, 0], [5, 2, 0], [3, 4, 1]] {
        let lines = numbers.map(|number| (parts[number], 1)).to_vec();
        for number in 0..25 {
            let (fixture, lines) = (replicas[number % 2].clone(), lines.clone());
            work.spawn(async move {
                let order = new_order();
                let expiry = if number % 3 == 0 { AT_ONCE } else { LATER };
                assert!(buy(fixture.clone(), order, lines.clone(), expiry).await);
                match number % 5 {
                    0 => fixture.warehouse.release(order, None).await.unwrap(),
                    1 => fixture.warehouse.commit(order, None).await.unwrap(),
                    2 => assert!(buy(fixture.clone(), order, lines.clone(), Expiry::Never).await),
                    3 => fixture.warehouse.restock(order.uuid(), &lines.into_iter().collect(), &by()).await.unwrap(),
                    _ => assert!(fixture.expire(20).await.unwrap() <= 20),
                }
            });
        }
    }
    work.join_all().await;

    audit(&database.pool).await;
    while fixture.expire(10).await.unwrap() > 0 {}
    audit(&database.pool).await;
    for pool in pools {
        pool.close().await;
    }
    assert_eq!(deadlocks(&database).await, 0);

    // Proves that `deadlocks` counts a deadlock.
    let (pool, both) = (replica(&database), Barrier::new(2));
    tokio::join!(lock(&pool, [parts[0], parts[1]], &both), lock(&pool, [parts[1], parts[0]], &both));
    assert_eq!(deadlocks(&database).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_other_parts_go_on_while_one_part_is_locked() {
    let (fixture, database) = postgres().await;
    // The orders of the free part wait for each other's disk flushes, which take long under the load of all tests.
    database.pool.set([("lock_timeout", "1s")]);
    let [locked, free] = fixture.stocked([100, 100]).await;
    let mut holder = database.pool.connect().await.unwrap();
    sqlx::query("set idle_in_transaction_session_timeout = 0").execute(&mut holder).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    let lock = "select from parts where part_uuid = $1 for update";
    sqlx::query(lock).bind(locked.uuid()).execute(&mut *held).await.unwrap();

    let reserve = async |part| fixture.reserve(new_order(), &[(part, 1)], Expiry::Never).await;
    let parts = (0..20).map(|number| if number % 5 == 0 { locked } else { free });
    let results = futures::future::join_all(parts.map(async |part| (part, reserve(part).await))).await;
    held.rollback().await.unwrap();

    for (part, result) in results {
        match result {
            Ok(_) => assert_eq!(part, free),
            Err(error) => {
                assert_eq!(part, locked, "{error:?}");
                assert_eq!(tonic::Status::from(error).code(), tonic::Code::Aborted, "no outage to a circuit breaker");
            }
        }
    }
    assert!(reserve(locked).await.is_ok());
    audit(&database.pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_calls_for_one_order_make_one_reservation() {
    let (fixture, database) = postgres().await;
    // The stock suffices for exactly this order, but the concurrent calls must not fail with out of stock.
    let [a, b] = fixture.stocked([2, 2]).await;
    let order = new_order();

    let calls: JoinSet<bool> = (0..50)
        .map(|number| {
            let expiry = if number % 2 == 0 { LATER } else { Expiry::Never };
            buy(fixture.clone(), order, vec![(a, 2), (b, 1)], expiry)
        })
        .collect();
    let results = calls.join_all().await;

    assert!(results.into_iter().all(|served| served));
    assert_eq!((fixture.available(a).await, fixture.available(b).await), (0, 1));
    audit(&database.pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_and_expiring_at_once_gives_back_once() {
    let (fixture, database) = postgres().await;
    let [part] = fixture.stocked([10]).await;

    for _ in 0..30 {
        let order = new_order();
        assert!(buy(fixture.clone(), order, vec![(part, 3)], AT_ONCE).await);
        let mut race: JoinSet<()> = JoinSet::new();
        for number in 0..6 {
            let fixture = fixture.clone();
            race.spawn(async move {
                if number % 2 == 0 {
                    fixture.expire(10).await.unwrap();
                } else {
                    fixture.warehouse.release(order, None).await.unwrap();
                }
            });
        }
        race.join_all().await;

        assert_eq!(fixture.available(part).await, 10);
    }
    audit(&database.pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_reservation_and_release_leave_nothing_reserved() {
    let (fixture, database) = postgres().await;
    let [part] = fixture.stocked([5]).await;

    for _ in 0..30 {
        let order = new_order();
        let reserving = fixture.clone();
        let reserved = tokio::spawn(async move { reserving.reserve(order, &[(part, 5)], Expiry::Never).await });
        fixture.warehouse.release(order, None).await.unwrap();

        let reserved = reserved.await.unwrap();
        assert!(matches!(reserved, Ok(_) | Err(Error::ReservationEnded(_))), "{reserved:?}");
        assert_eq!(fixture.available(part).await, 5);
    }
    audit(&database.pool).await;
}

#[tokio::test]
async fn an_order_keeps_the_price_of_its_first_call() {
    let (fixture, database) = postgres().await;
    let [part] = fixture.stocked([2]).await;
    let order = new_order();
    fixture.reserve(order, &[(part, 1)], Expiry::After(Duration::ZERO)).await.unwrap();
    fixture.expire(1).await.unwrap();
    sqlx::query!("update parts set price = 9999").execute(&database.pool).await.unwrap();

    let again = fixture.reserve(order, &[(part, 1)], Expiry::Never).await.unwrap();
    let other = fixture.reserve(new_order(), &[(part, 1)], Expiry::Never).await.unwrap();

    assert_eq!((again[0].unit_price.minor(), other[0].unit_price.minor()), (1234, 9999));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_of_the_stock_each_order_is_whole_or_refused_for_a_part_that_is_short() {
    let (fixture, database) = postgres().await;
    let parts = fixture.stocked([9, 5, 7, 3]).await;

    let orders: JoinSet<(Vec<(PartId, i64)>, bool)> = (0..80_usize)
        .map(|number| {
            let fixture = fixture.clone();
            let quantity = |place: usize| 1 + i64::from((number + place).is_multiple_of(3));
            let lines: Vec<(PartId, i64)> =
                [number % 4, (number + 1 + number % 3) % 4].map(|place| (parts[place], quantity(place))).to_vec();
            async move {
                let bought = buy(fixture, new_order(), lines.clone(), LATER).await;
                (lines, bought)
            }
        })
        .collect();
    let orders = orders.join_all().await;

    audit(&database.pool).await;
    let mut left = HashMap::new();
    for part in parts {
        left.insert(part, fixture.available(part).await);
    }
    for (lines, bought) in orders {
        let lines: Lines = lines.into_iter().collect();
        assert!(bought || lines.iter().any(|(part, quantity)| left[&part] < quantity), "{lines:?} of {left:?}");
    }
}

/// Locks all parts while `work` starts, and releases the locks once `work` waits for them.
async fn while_parts_are_locked(pool: &Database, work: impl Future<Output = ()>) {
    let mut connection = pool.connect().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    sqlx::query!("select from parts for update").fetch_all(&mut *transaction).await.unwrap();
    let release = async {
        // Shorter than the lock timeout.
        tokio::time::sleep(Duration::from_millis(100)).await;
        transaction.rollback().await.unwrap();
    };
    tokio::join!(work, release);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_wait_for_the_same_part_are_reserved_and_built_by_two_statements_at_most() {
    let (fixture, database) = postgres().await;
    let [part] = fixture.stocked([1_000]).await;
    let orders: Vec<OrderId> = (0..50).map(|_| new_order()).collect();
    let transactions = async |status: &str| {
        let count = sqlx::query_scalar!(
            r#"select count(distinct xmin::text) as "count!" from reservations where status = $1"#,
            status
        );
        count.fetch_one(&database.pool).await.unwrap()
    };

    while_parts_are_locked(&database.pool, async {
        let all: JoinSet<bool> =
            orders.iter().map(|order| buy(fixture.clone(), *order, vec![(part, 1)], LATER)).collect();
        assert!(all.join_all().await.into_iter().all(|bought| bought));
    })
    .await;
    let reserving = transactions("held").await;
    while_parts_are_locked(&database.pool, async {
        let all: JoinSet<()> = orders
            .iter()
            .map(|order| {
                let (fixture, order) = (fixture.clone(), *order);
                async move { fixture.warehouse.commit(order, None).await.unwrap() }
            })
            .collect();
        all.join_all().await;
    })
    .await;

    // The first statement handles the requests that had arrived when it began, the second one the rest.
    let building = transactions("committed").await;
    assert!((1..=2).contains(&reserving) && (1..=2).contains(&building), "{reserving}, {building}");
    assert_eq!(fixture.stock(part).await, Stock { initial: 1_000, available: 950, consumed: 50, ..Stock::default() });
    audit(&database.pool).await;
}

/// Concurrent requests of one user through two replicas, a third of them for two parts.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_asks_forty_times_at_once_holds_a_quarter() {
    let (first, database) = postgres().await;
    let second = over(&replica(&database));
    let [part, other] = first.stocked([400, 400]).await;
    let user = new_user();
    let mut requests: JoinSet<i64> = JoinSet::new();
    for number in 0..40 {
        let fixture = [&first, &second][number % 2].clone();
        requests.spawn(async move {
            let lines: &[(PartId, i64)] = if number % 3 == 0 { &[(part, 7), (other, 1)] } else { &[(part, 7)] };
            match fixture.reserve_for(user, new_order(), lines, LATER).await {
                Ok(_) => 7,
                Err(Error::TooManyReserved(refused)) if refused == part => 0,
                Err(error) => panic!("{error}"),
            }
        });
    }

    let held: i64 = requests.join_all().await.into_iter().sum();

    assert_eq!((held, first.stock(part).await.reserved), (98, 98));
    audit(&database.pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmations_by_calls_and_by_jobs_and_expiries_leave_each_reservation_whole() {
    let (fixture, database) = postgres().await;
    let [part, other] = fixture.stocked([1_000, 1_000]).await;
    let orders: Vec<OrderId> = (0..60).map(|_| new_order()).collect();
    let lines = |number: usize| vec![([part, other][number % 2], 2)];
    let reserving: JoinSet<bool> =
        orders.iter().enumerate().map(|(number, order)| buy(fixture.clone(), *order, lines(number), AT_ONCE)).collect();
    assert!(reserving.join_all().await.into_iter().all(|bought| bought));

    // Eight jobs decide the same reservations, each in a different order, while the first twenty orders are paid.
    let (created, abandoned) = orders.split_at(40);
    let mut racing: JoinSet<()> = JoinSet::new();
    for number in 0..8 {
        let fixture = fixture.clone();
        let (mut created, mut abandoned) = (created.to_vec(), abandoned.to_vec());
        created.rotate_left(5 * number);
        abandoned.rotate_left(2 * number);
        racing.spawn(async move {
            fixture.warehouse.keep(&created, Expiry::Never).await.unwrap();
            fixture.expire_these(&abandoned).await.unwrap();
        });
    }
    for (number, order) in created[..20].iter().enumerate() {
        let paid = buy(fixture.clone(), *order, lines(number), Expiry::Never);
        racing.spawn(async move { assert!(paid.await) });
    }
    racing.join_all().await;

    let of_each = Stock { initial: 1_000, available: 960, reserved: 40, ..Stock::default() };
    assert_eq!((fixture.stock(part).await, fixture.stock(other).await), (of_each, of_each));
    audit(&database.pool).await;
}
