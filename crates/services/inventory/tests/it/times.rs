//! Tests of the recorded time of a reservation's first end, which the audit uses, in the database and in memory.

use chrono::{DateTime, Utc};
use contracts::ids::OrderId;
use inventory::repository::{Expiry, MemoryInventory};
use platform::postgres::Database;

use crate::fixture::{AT_ONCE, Fixture, LATER, new_order};

/// The store under test.
enum Times {
    Memory(MemoryInventory),
    Postgres(Database),
}

impl Times {
    /// The times of the first end and of the last change of an order's reservation.
    async fn of(&self, order: OrderId) -> (Option<DateTime<Utc>>, DateTime<Utc>) {
        match self {
            Self::Memory(inventory) => {
                let reservation = &inventory.reservations()[&order];
                (reservation.first_ended_at, reservation.updated_at)
            }
            Self::Postgres(pool) => {
                let times = sqlx::query_as("select first_ended_at, updated_at from reservations where order_uuid = $1");
                times.bind(order.uuid()).fetch_one(pool).await.unwrap()
            }
        }
    }

    /// Returns whether the reservation has ever ended, and whether its last change was that end.
    async fn ended(&self, order: OrderId) -> (bool, bool) {
        let (ended, changed) = self.of(order).await;
        (ended.is_some(), ended == Some(changed))
    }
}

#[tokio::test]
async fn the_twin_records_when_a_reservation_first_ended() {
    let inventory = MemoryInventory::default();
    let warehouse = std::sync::Arc::new(inventory.clone());
    let fixture = Fixture { catalogue: warehouse.clone(), warehouse };

    each_status_is_recorded(fixture, Times::Memory(inventory)).await;
}

#[tokio::test]
async fn the_database_records_when_a_reservation_first_ended() {
    let (fixture, database) = crate::fixture::postgres().await;

    each_status_is_recorded(fixture, Times::Postgres(database.pool.clone())).await;
}

async fn each_status_is_recorded(fixture: Fixture, times: Times) {
    let [part] = fixture.stocked([9]).await;
    let order = new_order;
    let [held, confirmed, expired, again, again_committed, released, committed, unheard] = [(); 8].map(|()| order());

    for (order, expiry) in [
        (expired, AT_ONCE),
        (again, AT_ONCE),
        (again_committed, AT_ONCE),
        (held, LATER),
        (released, LATER),
        (committed, LATER),
    ] {
        fixture.reserve(order, &[(part, 1)], expiry).await.unwrap();
    }
    fixture.expire(10).await.unwrap();
    for order in [confirmed, again, again_committed, committed] {
        fixture.reserve(order, &[(part, 1)], Expiry::Never).await.unwrap();
    }
    for order in [released, unheard, released, unheard] {
        fixture.warehouse.release(order, None).await.unwrap();
    }
    for order in [committed, again_committed] {
        fixture.warehouse.commit(order, None).await.unwrap();
    }

    for order in [held, confirmed] {
        assert_eq!(times.ended(order).await, (false, false));
    }
    for order in [expired, released, committed, unheard] {
        assert_eq!(times.ended(order).await, (true, true));
    }
    for order in [again, again_committed] {
        assert_eq!(times.ended(order).await, (true, false));
    }
}
