//! The contract of [`Couriers`](delivery::repository::Couriers).

use contracts::ids::{CourierId, PlaceId};
use delivery::{error::Error, model::Name};
use platform::ids;

use super::store::Store;
use crate::ids::{courier, volume};

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
