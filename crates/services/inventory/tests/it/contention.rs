//! Many at once: no part is sold twice, no two wait for each other, nothing is given back twice.

use std::time::Duration;

use inventory::{error::Error, model::Stock, repository::Hold};
use platform::ids;
use platform::postgres::Database;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::shelf::{LONG, OVER, Shelf, postgres};

/// Fails unless each part's counts are what the orders and restocks say.
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

/// Reserves in a task of its own.
async fn buy(shelf: Shelf, order: Uuid, lines: Vec<(Uuid, i64)>, hold: Hold) -> bool {
    match shelf.reserve(order, &lines, hold).await {
        Ok(_) => true,
        Err(Error::OutOfStock(_)) => false,
        Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_of_ten_units_make_ten_reservations() {
    let (shelf, database) = postgres().await;
    let [part] = shelf.stocked([10]).await;

    let buyers: JoinSet<bool> =
        (0..200).map(|_| buy(shelf.clone(), ids::random(), vec![(part, 1)], Hold::Confirmed)).collect();
    let sold = buyers.join_all().await.into_iter().filter(|bought| *bought).count();

    assert_eq!(sold, 10);
    assert_eq!(shelf.stock(part).await, Stock { initial: 10, reserved: 10, ..Stock::default() });
    audit(&database.pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_the_same_parts_never_wait_for_each_other() {
    let (shelf, database) = postgres().await;
    let parts = shelf.stocked([1_000; 6]).await;

    let mut work: JoinSet<()> = JoinSet::new();
    for numbers in [[0, 1, 2], [2, 1, 0], [5, 2, 0], [3, 4, 1]] {
        let lines = numbers.map(|number| (parts[number], 1)).to_vec();
        for number in 0..25 {
            let (shelf, lines) = (shelf.clone(), lines.clone());
            work.spawn(async move {
                let order = ids::random();
                let hold = if number % 3 == 0 { OVER } else { LONG };
                assert!(buy(shelf.clone(), order, lines.clone(), hold).await);
                match number % 5 {
                    0 => shelf.warehouse.release(order, None).await.unwrap(),
                    1 => shelf.warehouse.commit(order, None).await.unwrap(),
                    2 => assert!(buy(shelf.clone(), order, lines.clone(), Hold::Confirmed).await),
                    3 => shelf.warehouse.restock(order, &lines.into_iter().collect()).await.unwrap(),
                    _ => assert!(shelf.warehouse.expire(20).await.unwrap() <= 20),
                }
            });
        }
    }
    work.join_all().await;

    audit(&database.pool).await;
    while shelf.warehouse.expire(10).await.unwrap() > 0 {}
    audit(&database.pool).await;
    let deadlocks = sqlx::query_scalar!("select deadlocks from pg_stat_database where datname = current_database()");
    assert_eq!(deadlocks.fetch_one(&database.pool).await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_that_is_sent_many_times_at_once_is_served_once() {
    let (shelf, database) = postgres().await;
    // Enough for one order alone: the others must not take that for sold out.
    let [a, b] = shelf.stocked([2, 2]).await;
    let order = ids::random();

    let calls: JoinSet<bool> = (0..50)
        .map(|number| {
            let hold = if number % 2 == 0 { LONG } else { Hold::Confirmed };
            buy(shelf.clone(), order, vec![(a, 2), (b, 1)], hold)
        })
        .collect();
    let answers = calls.join_all().await;

    assert!(answers.into_iter().all(|served| served));
    assert_eq!((shelf.available(a).await, shelf.available(b).await), (0, 1));
    audit(&database.pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_and_expiring_at_once_gives_back_once() {
    let (shelf, database) = postgres().await;
    let [part] = shelf.stocked([10]).await;

    for _ in 0..30 {
        let order = ids::random();
        assert!(buy(shelf.clone(), order, vec![(part, 3)], OVER).await);
        let mut race: JoinSet<()> = JoinSet::new();
        for number in 0..6 {
            let shelf = shelf.clone();
            race.spawn(async move {
                if number % 2 == 0 {
                    shelf.warehouse.expire(10).await.unwrap();
                } else {
                    shelf.warehouse.release(order, None).await.unwrap();
                }
            });
        }
        race.join_all().await;

        assert_eq!(shelf.available(part).await, 10);
    }
    audit(&database.pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confirming_and_expiring_at_once_leaves_the_parts_set_aside() {
    let (shelf, database) = postgres().await;
    let [part] = shelf.stocked([100]).await;

    for round in 1..=30 {
        let order = ids::random();
        assert!(buy(shelf.clone(), order, vec![(part, 1)], OVER).await);
        let expiring = shelf.clone();
        let expired = tokio::spawn(async move { expiring.warehouse.expire(10).await.unwrap() });
        let confirmed = buy(shelf.clone(), order, vec![(part, 1)], Hold::Confirmed).await;
        expired.await.unwrap();

        assert!(confirmed);
        assert_eq!(shelf.available(part).await, 100 - round);
    }
    audit(&database.pool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reserving_and_releasing_at_once_leaves_nothing_set_aside() {
    let (shelf, database) = postgres().await;
    let [part] = shelf.stocked([5]).await;

    for _ in 0..30 {
        let order = ids::random();
        let reserving = shelf.clone();
        let reserved = tokio::spawn(async move { reserving.reserve(order, &[(part, 5)], Hold::Confirmed).await });
        shelf.warehouse.release(order, None).await.unwrap();

        let reserved = reserved.await.unwrap();
        assert!(matches!(reserved, Ok(_) | Err(Error::ReservationEnded(_))), "{reserved:?}");
        assert_eq!(shelf.available(part).await, 5);
    }
    audit(&database.pool).await;
}

#[tokio::test]
async fn an_order_keeps_the_price_of_its_first_call() {
    let (shelf, database) = postgres().await;
    let [part] = shelf.stocked([2]).await;
    let order = ids::random();
    shelf.reserve(order, &[(part, 1)], Hold::For(Duration::ZERO)).await.unwrap();
    shelf.warehouse.expire(1).await.unwrap();
    sqlx::query!("update parts set price = 9999").execute(&database.pool).await.unwrap();

    let again = shelf.reserve(order, &[(part, 1)], Hold::Confirmed).await.unwrap();
    let other = shelf.reserve(ids::random(), &[(part, 1)], Hold::Confirmed).await.unwrap();

    assert_eq!((again[0].unit_price.minor(), other[0].unit_price.minor()), (1234, 9999));
}
