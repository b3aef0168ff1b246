//! Tests of the recorded time of a reservation's first end, which the audit uses, in the database and in memory.

use chrono::{DateTime, Utc};
use contracts::ids::OrderId;
use inventory::{model::Expiry, repository::MemoryInventory};
use testkit::new_order;

use crate::fixture::{AT_ONCE, Fixture, LATER};

/// The times of the first end and of the last change of a reservation.
type Times = (Option<DateTime<Utc>>, DateTime<Utc>);

#[tokio::test]
async fn the_twin_records_when_a_reservation_first_ended() {
    let inventory = MemoryInventory::default();
    let warehouse = std::sync::Arc::new(inventory.clone());
    let fixture = Fixture { catalogue: warehouse.clone(), warehouse };
    let times = async |order: OrderId| {
        let reservation = &inventory.reservations()[&order];
        (reservation.first_ended_at, reservation.updated_at)
    };

    each_status_is_recorded(fixture, times).await;
}

#[tokio::test]
async fn the_database_records_when_a_reservation_first_ended() {
    let (fixture, database) = crate::fixture::postgres().await;
    let times = async |order: OrderId| {
        let times = "select first_ended_at, updated_at from reservations where order_uuid = $1";
        sqlx::query_as::<_, Times>(times).bind(order.uuid()).fetch_one(&database.pool).await.unwrap()
    };

    each_status_is_recorded(fixture, times).await;
}

async fn each_status_is_recorded(fixture: Fixture, times: impl AsyncFn(OrderId) -> Times) {
    // Returns whether a reservation has ever ended, and whether its last change was that end.
    let ended = async |order: OrderId| {
        let (ended, changed) = times(order).await;
        (ended.is_some(), ended == Some(changed))
    };
    let [part] = fixture.stocked([9]).await;
    let orders = [(); 8].map(|()| new_order());
    let [held, confirmed, expired, again, again_committed, released, committed, never_reserved] = orders;

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
    for order in [released, never_reserved, released, never_reserved] {
        fixture.warehouse.release(order, None).await.unwrap();
    }
    for order in [committed, again_committed] {
        fixture.warehouse.commit(order, None).await.unwrap();
    }

    for order in [held, confirmed] {
        assert_eq!(ended(order).await, (false, false));
    }
    for order in [expired, released, committed, never_reserved] {
        assert_eq!(ended(order).await, (true, true));
    }
    for order in [again, again_committed] {
        assert_eq!(ended(order).await, (true, false));
    }
}
