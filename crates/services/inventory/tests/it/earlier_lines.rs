//! Tests that this release and the one before migration 0009, which had a table of lines, know each other's reservations.

use contracts::ids::{OrderId, PartId};
use inventory::repository::{Expiry, MIGRATIONS};
use platform::postgres::Database;

use crate::fixture::{AT_ONCE, Fixture, LATER, new_order, postgres};

/// The number of the migration before the one that moves the lines.
const BEFORE: i64 = 8;

/// Reserves two units as the earlier release does.
async fn reserve_as_before(pool: &Database, order: OrderId, part: PartId) {
    let reserve = "with inserted as (
            insert into reservations (order_uuid, status, expires_at)
            values ($1, 'held', now() + interval '1 hour')
            on conflict (order_uuid) do update
            set status = excluded.status, expires_at = excluded.expires_at, updated_at = now()
            where reservations.status = 'expired'
            returning order_uuid
        ), items as (
            insert into reservation_items (order_uuid, part_uuid, quantity, unit_price)
            select order_uuid, $2, 2, 1234 from inserted
            on conflict do nothing
        )
        update parts set available = available - 2, reserved = reserved + 2
        from inserted where part_uuid = $2";
    sqlx::query(reserve).bind(order.uuid()).bind(part.uuid()).execute(pool).await.unwrap();
}

/// Returns the lines of an order as the earlier release reads them.
async fn lines(pool: &Database, order: OrderId) -> Vec<(uuid::Uuid, i64, i64)> {
    let lines =
        "select part_uuid, quantity, unit_price from reservation_items where order_uuid = $1 order by part_uuid";
    sqlx::query_as(lines).bind(order.uuid()).fetch_all(pool).await.unwrap()
}

async fn counts(fixture: &Fixture, part: PartId) -> (i64, i64, i64) {
    let stock = fixture.stock(part).await;
    assert!(stock.adds_up(), "{stock:?}");
    (stock.available, stock.reserved, stock.consumed)
}

#[tokio::test]
async fn a_reservation_of_the_earlier_release_is_confirmed_committed_released_and_expired() {
    let (fixture, database) = postgres().await;
    let [part] = fixture.stocked([10]).await;
    let [kept, released, expired] = [new_order(), new_order(), new_order()];
    for order in [kept, released, expired] {
        reserve_as_before(&database.pool, order, part).await;
    }

    let confirmed = fixture.reserve(kept, &[(part, 2)], Expiry::Never).await.unwrap();
    fixture.warehouse.commit(kept, None).await.unwrap();
    fixture.warehouse.release(released, None).await.unwrap();
    let expire = "update reservations set expires_at = now() where order_uuid = $1";
    sqlx::query(expire).bind(expired.uuid()).execute(&database.pool).await.unwrap();
    assert_eq!(fixture.expire(100).await.unwrap(), 1);

    assert_eq!((confirmed[0].part, confirmed[0].quantity, confirmed[0].unit_price.minor()), (part, 2, 1234));
    assert_eq!(counts(&fixture, part).await, (8, 0, 2));
    let renewed = fixture.reserve(expired, &[(part, 5)], LATER).await.unwrap();
    assert_eq!(renewed[0].quantity, 2, "the lines are those of the first call");
    assert_eq!(lines(&database.pool, expired).await, [(part.uuid(), 2, 1234)]);
    assert_eq!(counts(&fixture, part).await, (6, 2, 2));
}

#[tokio::test]
async fn the_earlier_release_finds_the_lines_of_this_one_and_renews_them_without_a_copy() {
    let (fixture, database) = postgres().await;
    let [part] = fixture.stocked([10]).await;
    let order = new_order();
    fixture.reserve(order, &[(part, 2)], AT_ONCE).await.unwrap();
    assert_eq!(lines(&database.pool, order).await, [(part.uuid(), 2, 1234)]);
    fixture.expire(100).await.unwrap();

    reserve_as_before(&database.pool, order, part).await;

    assert_eq!(lines(&database.pool, order).await, [(part.uuid(), 2, 1234)]);
    assert_eq!(counts(&fixture, part).await, (8, 2, 0));
    fixture.warehouse.release(order, None).await.unwrap();
    assert_eq!(counts(&fixture, part).await, (10, 0, 0));
}

#[tokio::test]
async fn a_return_to_the_earlier_release_keeps_every_line() {
    let (fixture, database) = postgres().await;
    let [one, other] = fixture.stocked([10, 10]).await;
    let [new, old] = [new_order(), new_order()];
    fixture.reserve(new, &[(one, 3), (other, 1)], LATER).await.unwrap();
    reserve_as_before(&database.pool, old, one).await;
    let before = (lines(&database.pool, new).await, lines(&database.pool, old).await);

    let mut connection = database.pool.connect().await.unwrap();
    MIGRATIONS.own.undo(&mut connection, BEFORE).await.unwrap();
    // A new pool is needed because, after a migration, an existing connection fails once on its prepared statements.
    let pool = Database::lazy("test", "TEST_DATABASE_URL", &database.url.clone().into(), 1).unwrap();

    assert_eq!((lines(&pool, new).await, lines(&pool, old).await), before);
    assert_eq!((before.0.len(), before.1.len()), (2, 1));
}
