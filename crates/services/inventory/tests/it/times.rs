//! Tests of the recorded times of a reservation's first confirmation and first end, which the audit uses, in the database and in memory.

use contracts::ids::OrderId;
use inventory::repository::{Expiry, MIGRATIONS, MemoryInventory, PgWarehouse, Warehouse as _};
use platform::postgres::Database;

use crate::fixture::{AT_ONCE, Fixture, LATER, new_order};

/// The number of the migration before the one that adds the columns.
const BEFORE: i64 = 6;

/// The store under test.
enum Times {
    Memory(MemoryInventory),
    Postgres(Database),
}

impl Times {
    /// Returns whether an order's reservation has ever been confirmed, and whether it has ever ended.
    async fn of(&self, order: OrderId) -> (bool, bool) {
        match self {
            Self::Memory(inventory) => {
                let reservation = &inventory.reservations()[&order];
                (reservation.first_confirmed_at.is_some(), reservation.first_ended_at.is_some())
            }
            Self::Postgres(pool) => {
                let times = sqlx::query_as(
                    "select first_confirmed_at is not null, first_ended_at is not null
                    from reservations where order_uuid = $1",
                );
                times.bind(order.uuid()).fetch_one(pool).await.unwrap()
            }
        }
    }
}

#[tokio::test]
async fn the_twin_records_when_a_reservation_was_confirmed_and_when_it_ended() {
    let inventory = MemoryInventory::default();
    let warehouse = std::sync::Arc::new(inventory.clone());
    let fixture = Fixture { catalogue: warehouse.clone(), warehouse };

    each_status_is_recorded(fixture, Times::Memory(inventory)).await;
}

#[tokio::test]
async fn the_database_records_when_a_reservation_was_confirmed_and_when_it_ended() {
    let (fixture, database) = crate::fixture::postgres().await;

    each_status_is_recorded(fixture, Times::Postgres(database.pool.clone())).await;
}

async fn each_status_is_recorded(fixture: Fixture, times: Times) {
    let [part] = fixture.stocked([9]).await;
    let order = new_order;
    let (held, confirmed, expired, again, released, committed, unheard) =
        (order(), order(), order(), order(), order(), order(), order());

    for (order, expiry) in [(expired, AT_ONCE), (again, AT_ONCE), (held, LATER), (released, LATER), (committed, LATER)]
    {
        fixture.reserve(order, &[(part, 1)], expiry).await.unwrap();
    }
    fixture.warehouse.expire(10).await.unwrap();
    for order in [confirmed, again, committed] {
        fixture.reserve(order, &[(part, 1)], Expiry::Never).await.unwrap();
    }
    for order in [released, unheard] {
        fixture.warehouse.release(order, None).await.unwrap();
    }
    fixture.warehouse.commit(committed, None).await.unwrap();

    assert_eq!(times.of(held).await, (false, false));
    assert_eq!(times.of(confirmed).await, (true, false));
    assert_eq!(times.of(expired).await, (false, true));
    assert_eq!(times.of(again).await, (true, true));
    assert_eq!(times.of(released).await, (false, true));
    assert_eq!(times.of(committed).await, (true, true));
    assert_eq!(times.of(unheard).await, (false, true));
}

#[tokio::test]
async fn only_the_first_time_is_recorded() {
    let (fixture, database) = crate::fixture::postgres().await;
    let [part] = fixture.stocked([1]).await;
    let order = new_order();
    let ended = async || -> String {
        let ended = sqlx::query_scalar("select first_ended_at::text from reservations where order_uuid = $1");
        ended.bind(order.uuid()).fetch_one(&database.pool).await.unwrap()
    };
    fixture.reserve(order, &[(part, 1)], AT_ONCE).await.unwrap();
    fixture.warehouse.expire(1).await.unwrap();
    let first = ended().await;

    fixture.reserve(order, &[(part, 1)], AT_ONCE).await.unwrap();
    fixture.warehouse.expire(1).await.unwrap();
    fixture.warehouse.release(order, None).await.unwrap();

    assert_eq!(ended().await, first);
}

#[tokio::test]
async fn older_reservations_count_as_confirmed_and_newer_ones_do_not() {
    let database = testkit::database(&MIGRATIONS).await;
    let fixture = crate::fixture::over(&database.pool);
    let [part] = fixture.stocked([9]).await;
    let (old, new) = (new_order(), new_order());
    fixture.reserve(old, &[(part, 1)], LATER).await.unwrap();
    fixture.warehouse.release(old, None).await.unwrap();

    let mut connection = database.pool.connect().await.unwrap();
    MIGRATIONS.own.undo(&mut connection, BEFORE).await.unwrap();
    MIGRATIONS.run(&mut connection).await.unwrap();
    // A new pool is needed because, after a migration, an existing connection fails once on its prepared statements.
    let pool = Database::lazy("test", "TEST_DATABASE_URL", &database.url.clone().into(), 2).unwrap();
    let warehouse = PgWarehouse::new(pool.clone());
    warehouse.reserve(new, &[(part, 1)].into_iter().collect(), LATER, None).await.unwrap();
    warehouse.release(new, None).await.unwrap();

    let times = Times::Postgres(pool);
    assert_eq!(times.of(old).await, (true, false));
    assert_eq!(times.of(new).await, (false, true));
}
