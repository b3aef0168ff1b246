//! The contract of [`Dispatch`](delivery::repository::Dispatch).

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta};
use contracts::ids::OrderId;
use delivery::{
    generate::Generator,
    model::{Assignment, Known, State, Step, Waiting, assign},
    repository::{COURIER_MOVED_BACK_FOR, TripPage},
};

use super::Store;
use crate::{at, cargo, courier, new, order, volume};

pub(super) async fn wait(store: &Store, size: i64) -> OrderId {
    let order = order();
    let (delivery, events) = new(order).ready(cargo(size));
    assert!(store.deliveries.save(&Known::Nothing, &delivery, &events, None).await.unwrap());
    tokio::time::sleep(Duration::from_millis(2)).await;
    order
}

/// The model's assignments of the waiting orders to the free couriers.
async fn planned(store: &Store) -> Vec<Assignment> {
    let free = store.dispatch.free().await.unwrap();
    let waiting = store.dispatch.waiting(volume(10_000), 100).await.unwrap();
    assign(waiting, free, DateTime::UNIX_EPOCH, TimeDelta::seconds(1))
}

pub(super) async fn assign_all(store: &Store) -> Vec<OrderId> {
    store.dispatch.assign(&planned(store).await).await.unwrap()
}

/// The next steps of the couriers that carry orders.
async fn steps(store: &Store, today: NaiveDate) -> Vec<Step> {
    let trips = store.dispatch.trips(None, 10).await.unwrap().trips;
    trips.into_iter().map(|trip| trip.step(today)).collect()
}

pub async fn waiting_orders_are_read_by_age_and_never_those_that_are_too_large(store: &Store) {
    let mut orders = Vec::new();
    for size in [101, 5, 60, 7, 5, 60] {
        orders.push(wait(store, size).await);
    }

    let read = async |largest, limit| -> Vec<OrderId> {
        let waiting = store.dispatch.waiting(volume(largest), limit).await.unwrap();
        waiting.iter().map(|one| one.delivery.order).collect()
    };

    assert_eq!(read(100, 10).await, orders[1..]);
    assert_eq!(read(100, 3).await, orders[1..4]);
    assert_eq!(read(6, 10).await, [orders[1], orders[4]]);
    assert_eq!(read(4, 10).await, []);
    assert!(store.dispatch.has_waiting(volume(5)).await.unwrap());
    assert!(!store.dispatch.has_waiting(volume(4)).await.unwrap());
}

pub async fn an_order_and_its_courier_are_given_to_each_other_once(store: &Store) {
    let (first, second) = (wait(store, 5).await, wait(store, 5).await);
    let courier = courier(2, 1, 1, &[10]);
    store.couriers.add(&courier).await.unwrap();
    let plan = planned(store).await;
    // Another replica has read the same rows, and assigns another order to the same courier.
    let rival = Assignment {
        delivery: {
            let mut other = plan[0].delivery.clone();
            other.order = second;
            other
        },
        ..plan[0].clone()
    };

    assert_eq!(store.dispatch.assign(&plan).await.unwrap(), [first]);
    assert_eq!(store.dispatch.assign(&plan).await.unwrap(), []);
    assert_eq!(store.dispatch.assign(&[rival]).await.unwrap(), []);

    let types = store.events(first).await;
    assert_eq!(types.iter().filter(|one| *one == "events.v1.DeliveryStatusUpdated").count(), 2, "{types:?}");
    assert_eq!(store.dispatch.waiting(volume(100), 10).await.unwrap()[0].delivery.order, second);
    let listed = store.couriers.list().await.unwrap();
    assert_eq!(listed[0].carries.map(|(order, _, target)| (order, target)), Some((first, at(5, 5))));
}

/// A replica may freeze between its decision and its statement, while another one moves the courier.
pub async fn a_courier_that_has_moved_since_the_decision_gets_no_order(store: &Store) {
    let (late, other) = (wait(store, 5).await, wait(store, 5).await);
    store.couriers.add(&courier(10, 1, 1, &[10])).await.unwrap();
    let free = store.dispatch.free().await.unwrap();
    let decide = |waiting: Vec<Waiting>| assign(waiting, free.clone(), DateTime::UNIX_EPOCH, TimeDelta::seconds(1));
    let mut waiting = store.dispatch.waiting(volume(10), 10).await.unwrap();
    let (others, stale) = (decide(waiting.split_off(1)), decide(waiting));
    assert_eq!(store.dispatch.assign(&others).await.unwrap(), [other]);
    let steps = steps(store, NaiveDate::default()).await;
    assert_eq!(store.dispatch.step(store.epoch().await, &steps).await.unwrap().arrived, 1);

    assert_eq!(store.dispatch.assign(&stale).await.unwrap(), []);
    assert_eq!(assign_all(store).await, [late]);
}

pub async fn a_free_courier_carries_no_order(store: &Store) {
    for _ in 0..2 {
        store.couriers.add(&courier(2, 1, 1, &[10, 30])).await.unwrap();
    }
    wait(store, 20).await;
    assert_eq!(assign_all(store).await.len(), 1);

    let free = store.dispatch.free().await.unwrap();

    assert_eq!(free.iter().map(|courier| courier.room).collect::<Vec<_>>(), [volume(30)]);
}

pub async fn a_step_moves_the_courier_and_completes_the_order_at_its_cell(store: &Store) {
    let order = wait(store, 5).await;
    let courier = courier(4, 1, 1, &[10]);
    store.couriers.add(&courier).await.unwrap();
    assign_all(store).await;
    let epoch = store.epoch().await;
    let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();

    let mut cells = Vec::new();
    for _ in 0..2 {
        assert_eq!(store.dispatch.step(epoch, &steps(store, today).await).await.unwrap().couriers, 1);
        cells.push(store.couriers.list().await.unwrap()[0].location);
    }

    assert_eq!(cells, [at(5, 1), at(5, 5)]);
    assert_eq!(store.dispatch.trips(None, 10).await.unwrap(), TripPage::default());
    assert_eq!(store.dispatch.free().await.unwrap().len(), 1);
    let Known::Delivery(delivery) = store.deliveries.find(order).await.unwrap() else {
        panic!("the delivery is known")
    };
    assert_eq!(delivery.state, State::Completed { courier: courier.id, steps: 2 });
    assert_eq!(delivery.estimated, today);
    let status = "events.v1.DeliveryStatusUpdated";
    let (created, completed) =
        ("order.events.OrderCreatedIntegrationEvent", "order.events.OrderCompletedIntegrationEvent");
    assert_eq!(store.events(order).await, [status, created, status, status, status, completed]);
}

pub async fn a_basket_and_an_order_with_one_uuid_have_a_delivery_each(store: &Store) {
    let order = order();
    let (basket, own) = (Generator::default().basket(order), new(order));
    for new in [&basket, &own] {
        let (delivery, events) = new.clone().ready(cargo(5));
        assert!(store.deliveries.save(&Known::Nothing, &delivery, &events, None).await.unwrap());
        assert_eq!(store.deliveries.find(new.order).await.unwrap(), Known::Delivery(Box::new(delivery)));
        store.couriers.add(&courier(10, 5, 5, &[10])).await.unwrap();
    }
    assert_eq!(store.deliveries.show(order).await.unwrap().unwrap().delivery.user, own.user);
    let active = store.deliveries.active(None, 10).await.unwrap();
    assert_eq!(active.iter().map(|one| one.order).collect::<Vec<_>>(), [order; 2]);

    assert_eq!(assign_all(store).await.len(), 2);
    let carried = store.couriers.list().await.unwrap();
    assert_eq!(carried.iter().filter_map(|one| Some(one.carries?.0)).collect::<Vec<_>>(), [order; 2]);
    let moved = store.dispatch.step(store.epoch().await, &steps(store, NaiveDate::default()).await).await.unwrap();

    // The basket has no user, so its time does not count.
    assert_eq!((moved.arrived, moved.took.len()), (2, 1));
    let events = store.events(order).await;
    let count = |kind: &str| events.iter().filter(|event| event.ends_with(kind)).count();
    let counts = ["OrderCreatedIntegrationEvent", "OrderCompletedIntegrationEvent", "DeliveryStatusUpdated"].map(count);
    assert_eq!(counts, [2, 2, 4]);
}

pub async fn trips_are_read_page_by_page(store: &Store) {
    let mut couriers = Vec::new();
    for _ in 0..3 {
        let courier = courier(1, 1, 1, &[10]);
        store.couriers.add(&courier).await.unwrap();
        wait(store, 5).await;
        couriers.push(courier.id);
    }
    assign_all(store).await;
    couriers.sort_unstable();

    let first = store.dispatch.trips(None, 2).await.unwrap();
    let second = store.dispatch.trips(first.next, 2).await.unwrap();

    let read = |page: &TripPage| page.trips.iter().map(|trip| trip.courier).collect::<Vec<_>>();
    assert_eq!((read(&first), first.next), (couriers[..2].to_vec(), Some(couriers[1])));
    assert_eq!((read(&second), second.next), (couriers[2..].to_vec(), None));
}

pub async fn a_replica_that_lost_the_lease_moves_nothing(store: &Store) {
    wait(store, 5).await;
    store.couriers.add(&courier(1, 1, 1, &[10])).await.unwrap();
    assign_all(store).await;
    let epoch = store.epoch().await;
    let steps = steps(store, NaiveDate::default()).await;
    store.lease.release(epoch).await.unwrap();
    let next = store.rival.acquire(Duration::from_mins(1)).await.unwrap().unwrap();

    assert_eq!(store.dispatch.step(epoch, &steps).await.unwrap().couriers, 0);
    assert_eq!(store.dispatch.step(next, &steps).await.unwrap().couriers, 1);
    assert_eq!(store.dispatch.step(next, &steps).await.unwrap().couriers, 0, "the courier has left the cell");

    assert_eq!(store.couriers.list().await.unwrap()[0].location, at(2, 1));
}

/// A refused assignment moves both back, because either row may be the reason.
pub async fn an_order_and_a_courier_that_are_moved_back_hold_up_no_others(store: &Store) {
    let (refused, other) = (wait(store, 5).await, wait(store, 5).await);
    let couriers = [courier(10, 5, 5, &[10]), courier(1, 1, 1, &[10])];
    for one in &couriers {
        store.couriers.add(one).await.unwrap();
    }

    store.dispatch.move_back(&[refused], &[couriers[0].id]).await.unwrap();

    let waiting = store.dispatch.waiting(volume(10), 1).await.unwrap();
    assert_eq!(waiting.iter().map(|one| one.delivery.order).collect::<Vec<_>>(), [other]);
    let free = async || -> Vec<_> {
        let free = store.dispatch.free().await.unwrap();
        free.iter().map(|one| (one.id, one.was_refused)).collect()
    };
    assert_eq!(free().await, [(couriers[1].id, false)]);
    tokio::time::sleep(COURIER_MOVED_BACK_FOR * 2).await;
    assert!(free().await.contains(&(couriers[0].id, true)));
    assert_eq!(assign_all(store).await, [other]);
    let listed = store.couriers.list().await.unwrap();
    assert_eq!(listed[1].carries.map(|(order, ..)| order), Some(other), "the other courier comes first");
}
