//! When reservations were confirmed and when they ended, each for the first time: the auditor's evidence, kept by the database and by the twin.

use inventory::repository::{Hold, MIGRATIONS, MemoryInventory, PgWarehouse, Warehouse as _};
use platform::{ids, postgres::Database};
use uuid::Uuid;

use crate::shelf::{LONG, OVER, Shelf};

/// The version before the one that added the columns.
const BEFORE: i64 = 6;

/// Where the times are kept.
enum Times {
    Memory(MemoryInventory),
    Postgres(Database),
}

impl Times {
    /// Whether an order's reservation has ever been confirmed, and whether it has ever ended.
    async fn of(&self, order: Uuid) -> (bool, bool) {
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
                times.bind(order).fetch_one(pool).await.unwrap()
            }
        }
    }
}

#[tokio::test]
async fn the_twin_notes_when_a_reservation_was_confirmed_and_when_it_ended() {
    let inventory = MemoryInventory::default();
    let warehouse = std::sync::Arc::new(inventory.clone());
    let shelf = Shelf { catalogue: warehouse.clone(), warehouse };

    each_status_is_noted(shelf, Times::Memory(inventory)).await;
}

#[tokio::test]
async fn the_database_notes_when_a_reservation_was_confirmed_and_when_it_ended() {
    let (shelf, database) = crate::shelf::postgres().await;

    each_status_is_noted(shelf, Times::Postgres(database.pool.clone())).await;
}

async fn each_status_is_noted(shelf: Shelf, times: Times) {
    let [part] = shelf.stocked([9]).await;
    let order = ids::random;
    let (held, confirmed, expired, again, released, committed, unheard) =
        (order(), order(), order(), order(), order(), order(), order());

    for (order, hold) in [(expired, OVER), (again, OVER), (held, LONG), (released, LONG), (committed, LONG)] {
        shelf.reserve(order, &[(part, 1)], hold).await.unwrap();
    }
    shelf.warehouse.expire(10).await.unwrap();
    for order in [confirmed, again, committed] {
        shelf.reserve(order, &[(part, 1)], Hold::Confirmed).await.unwrap();
    }
    for order in [released, unheard] {
        shelf.warehouse.release(order, None).await.unwrap();
    }
    shelf.warehouse.commit(committed, None).await.unwrap();

    assert_eq!(times.of(held).await, (false, false));
    assert_eq!(times.of(confirmed).await, (true, false));
    assert_eq!(times.of(expired).await, (false, true));
    assert_eq!(times.of(again).await, (true, true));
    assert_eq!(times.of(released).await, (false, true));
    assert_eq!(times.of(committed).await, (true, true));
    assert_eq!(times.of(unheard).await, (false, true));
}

#[tokio::test]
async fn only_the_first_time_is_noted() {
    let (shelf, database) = crate::shelf::postgres().await;
    let [part] = shelf.stocked([1]).await;
    let order = ids::random();
    let ended = async || -> String {
        let ended = sqlx::query_scalar("select first_ended_at::text from reservations where order_uuid = $1");
        ended.bind(order).fetch_one(&database.pool).await.unwrap()
    };
    shelf.reserve(order, &[(part, 1)], OVER).await.unwrap();
    shelf.warehouse.expire(1).await.unwrap();
    let first = ended().await;

    shelf.reserve(order, &[(part, 1)], OVER).await.unwrap();
    shelf.warehouse.expire(1).await.unwrap();
    shelf.warehouse.release(order, None).await.unwrap();

    assert_eq!(ended().await, first);
}

#[tokio::test]
async fn older_reservations_count_as_confirmed_and_newer_ones_do_not() {
    let database = testkit::database(&MIGRATIONS).await;
    let shelf = crate::shelf::over(&database.pool);
    let [part] = shelf.stocked([9]).await;
    let (old, new) = (ids::random(), ids::random());
    shelf.reserve(old, &[(part, 1)], LONG).await.unwrap();
    shelf.warehouse.release(old, None).await.unwrap();

    let mut connection = database.pool.connect().await.unwrap();
    MIGRATIONS.undo(&mut connection, BEFORE).await.unwrap();
    MIGRATIONS.run(&mut connection).await.unwrap();
    // A migrated table is planned anew, which a connection with prepared statements refuses once.
    let pool = Database::lazy("test", "TEST_DATABASE_URL", &database.url.clone().into(), 2).unwrap();
    let warehouse = PgWarehouse::new(pool.clone());
    warehouse.reserve(new, &[(part, 1)].into_iter().collect(), LONG, None).await.unwrap();
    warehouse.release(new, None).await.unwrap();

    let times = Times::Postgres(pool);
    assert_eq!(times.of(old).await, (true, false));
    assert_eq!(times.of(new).await, (false, true));
}
