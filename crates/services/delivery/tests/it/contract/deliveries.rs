//! The contract of [`Deliveries`](delivery::repository::Deliveries) and [`Couriers`](delivery::repository::Couriers).

use contracts::ids::{CourierId, PlaceId};
use delivery::{
    error::Error,
    model::{Early, Known, Name, State, Status},
};
use platform::ids;

use super::{
    Store,
    dispatch::{assign_all, wait},
};
use crate::{at, cargo, cause, courier, new, order, volume};

pub async fn a_new_delivery_is_written_once_with_its_events(store: &Store) {
    let order = order();
    let (delivery, events) = new(order).ready(cargo(5));
    let cause = cause("paid");

    assert!(store.deliveries.save(&Known::Nothing, &delivery, &events, Some(cause)).await.unwrap());
    assert!(!store.deliveries.save(&Known::Nothing, &delivery, &events, Some(cause)).await.unwrap());

    assert_eq!(store.deliveries.find(order).await.unwrap(), Known::Delivery(Box::new(delivery)));
    let types = ["events.v1.DeliveryStatusUpdated", "order.events.OrderCreatedIntegrationEvent"];
    assert_eq!(store.events(order).await, types);
    assert_eq!(store.handled("paid").await, 1);
}

pub async fn a_delivery_changes_only_from_the_state_that_was_read(store: &Store) {
    let order = order();
    let (pending, events) = new(order).paid(cargo(5));
    store.deliveries.save(&Known::Nothing, &pending, &events, None).await.unwrap();
    let known = store.deliveries.find(order).await.unwrap();
    let (mut assembled, mut cancelled) = (pending.clone(), pending);
    let (created, failed) = (assembled.assembled().unwrap(), cancelled.cancelled().unwrap());

    assert!(store.deliveries.save(&known, &assembled, &created, None).await.unwrap());
    let late = store.deliveries.save(&known, &cancelled, &failed, Some(cause("late"))).await.unwrap();

    assert!(!late);
    assert_eq!(store.deliveries.find(order).await.unwrap(), Known::Delivery(Box::new(assembled)));
    assert_eq!((store.events(order).await.len(), store.handled("late").await), (2, 0));
}

pub async fn an_early_event_is_kept_and_found_by_the_payment(store: &Store) {
    for (early, kept) in [(Early::Assembled, "assembled"), (Early::Cancelled, "cancelled")] {
        let order = order();

        assert!(store.deliveries.keep_early(order, early, cause("paid"), cause(kept)).await.unwrap());

        let known = store.deliveries.find(order).await.unwrap();
        assert_eq!(known, Known::Early(early));
        assert_eq!(store.deliveries.show(order).await.unwrap(), None);
        assert_eq!(store.handled(kept).await, 1);
        let (delivery, events) = match early {
            Early::Assembled => new(order).ready(cargo(5)),
            Early::Cancelled => new(order).cancelled(),
        };
        assert!(!store.deliveries.save(&Known::Nothing, &delivery, &events, None).await.unwrap());
        assert!(store.deliveries.save(&known, &delivery, &events, None).await.unwrap());
        assert_eq!(store.deliveries.find(order).await.unwrap(), Known::Delivery(Box::new(delivery)));
    }
}

pub async fn early_events_of_many_orders_at_once_are_each_kept_alone(store: &Store) {
    let orders: Vec<_> = (0..12).map(|_| (order(), cause("paid"))).collect();
    for (number, (order, paid)) in orders.iter().enumerate() {
        match number % 3 {
            0 => store.deliveries.skip(*paid).await.unwrap(),
            1 => {
                let (delivery, events) = new(*order).paid(cargo(5));
                assert!(store.deliveries.save(&Known::Nothing, &delivery, &events, Some(*paid)).await.unwrap());
            }
            _ => {}
        }
    }

    let kept = orders
        .iter()
        .map(|(order, paid)| store.deliveries.keep_early(*order, Early::Assembled, *paid, cause("assembled")));
    let kept = futures::future::join_all(kept).await;

    for (number, ((order, _), kept)) in orders.iter().zip(kept).enumerate() {
        let known = store.deliveries.find(*order).await.unwrap();
        let expected = match number % 3 {
            0 => (true, Some(Known::Nothing)),
            1 => (false, None),
            _ => (true, Some(Known::Early(Early::Assembled))),
        };
        assert_eq!(kept.unwrap(), expected.0, "order {number}");
        assert!(expected.1.is_none_or(|expected| known == expected), "order {number}: {known:?}");
    }
    assert_eq!(store.handled("assembled").await, 8);
}

pub async fn an_early_event_that_meets_the_payment_is_not_taken_for_one_without_a_delivery(store: &Store) {
    let (order, paid) = (order(), cause("paid"));
    let (delivery, events) = new(order).paid(cargo(5));
    // The consumer of the early event found no row of the order. Since then, the payment has been handled.
    store.deliveries.save(&Known::Nothing, &delivery, &events, Some(paid)).await.unwrap();

    let kept = store.deliveries.keep_early(order, Early::Assembled, paid, cause("assembled")).await.unwrap();

    assert!(!kept, "the consumer has to look again");
    assert_eq!(store.handled("assembled").await, 0);
}

pub async fn a_delivery_is_shown_with_its_courier_while_it_is_carried(store: &Store) {
    let order = wait(store, 5).await;
    assert_eq!(store.deliveries.show(order).await.unwrap().unwrap().trip, None);
    let courier = courier(2, 1, 1, &[10]);
    store.couriers.add(&courier).await.unwrap();
    assign_all(store).await;

    let shown = store.deliveries.show(order).await.unwrap().unwrap();

    let trip = shown.trip.unwrap();
    assert_eq!((trip.courier, trip.location, trip.target, trip.steps_left()), (courier.id, at(1, 1), at(5, 5), 4));
    assert_eq!(shown.delivery.status, Status::InTransit);
    assert_eq!(shown.delivery.state, State::Assigned { courier: courier.id, steps: 4 });
    assert_eq!(shown.delivery.cargo.unwrap().volume, volume(5));
}

pub async fn active_orders_are_those_that_wait_or_are_carried_in_their_order(store: &Store) {
    let orders = [wait(store, 5).await, wait(store, 5).await, wait(store, 5).await];
    let (pending, events) = new(order()).paid(cargo(5));
    store.deliveries.save(&Known::Nothing, &pending, &events, None).await.unwrap();

    let active = store.deliveries.active(None, 2).await.unwrap();

    let seen: Vec<_> = active.iter().map(|one| (one.order, one.location)).collect();
    assert_eq!(seen, [(orders[0], at(5, 5)), (orders[1], at(5, 5))]);
    assert_eq!(store.deliveries.active(None, 10).await.unwrap().len(), 3);
    let own = store.deliveries.active(active[1].user, 10).await.unwrap();
    assert_eq!(own.iter().map(|one| one.order).collect::<Vec<_>>(), [orders[1]]);
}

pub async fn couriers_are_seeded_once_and_listed_in_the_order_of_adding(store: &Store) {
    let mut first = [courier(1, 1, 1, &[10]), courier(2, 2, 2, &[10, 30])];
    // The couriers are added in the reverse order of their uuids.
    first.reverse();
    assert_eq!(store.couriers.seed(&first).await.unwrap(), 2);
    assert_eq!(store.couriers.seed(&first).await.unwrap(), 0);
    let third = courier(3, 3, 3, &[10]);
    store.couriers.add(&third).await.unwrap();

    let listed = store.couriers.list().await.unwrap();

    let seen: Vec<_> = listed.iter().map(|one| (one.id, one.speed, one.location, one.carries)).collect();
    let expected: Vec<_> = first.iter().chain([&third]).map(|one| (one.id, one.speed, one.location, None)).collect();
    assert_eq!(seen, expected);
}

pub async fn a_place_is_added_to_a_courier_that_exists(store: &Store) {
    let courier = courier(1, 1, 1, &[10]);
    store.couriers.add(&courier).await.unwrap();
    let (id, name) = (PlaceId::new(ids::ordered()), Name::new("trunk").unwrap());

    store.couriers.add_place(courier.id, id, &name, volume(30)).await.unwrap();
    let unknown = CourierId::new(ids::random());
    let nowhere = store.couriers.add_place(unknown, PlaceId::new(ids::ordered()), &name, volume(30)).await;

    assert!(matches!(nowhere, Err(Error::CourierNotFound)));
    assert_eq!(store.dispatch.free().await.unwrap()[0].room, volume(30));
}

pub async fn a_courier_has_at_most_a_hundred_places(store: &Store) {
    let courier = courier(1, 1, 1, &[10; 100]);
    store.couriers.add(&courier).await.unwrap();

    let id = PlaceId::new(ids::ordered());
    let one_more = store.couriers.add_place(courier.id, id, &Name::new("trunk").unwrap(), volume(30)).await;

    assert!(matches!(one_more, Err(Error::TooMany(_))));
}
