//! What every warehouse and every catalogue does, memory and PostgreSQL alike.

use std::num::NonZeroU32;

use inventory::{
    error::Error,
    model::{Category, Filter, Lines, NewPart, Page, Stock},
    repository::{Delivery, Hold},
};
use platform::ids;
use uuid::Uuid;

use crate::shelf::{LONG, OVER, Shelf, part};

/// Runs each promise over both stores.
macro_rules! contract {
    ($($promise:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(crate::shelf::memory()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $promise() {
                let (shelf, _database) = crate::shelf::postgres().await;
                super::$promise(shelf).await;
            })*
        }
    };
}

contract!(
    parts_are_set_aside_all_or_none,
    a_part_that_is_not_known_is_named,
    a_repeated_call_answers_as_the_first_did,
    a_confirmed_reservation_does_not_expire,
    a_held_reservation_expires_once,
    a_held_reservation_does_not_expire_before_its_time,
    an_expired_reservation_is_made_again_if_there_is_stock,
    expiry_goes_in_batches,
    released_parts_can_be_sold_to_others_and_not_to_the_same_order,
    an_order_that_was_released_before_it_came_gets_nothing,
    parts_are_given_back_once,
    committed_parts_are_gone,
    an_order_that_has_nothing_cannot_be_committed,
    an_expired_reservation_can_be_committed_while_there_is_stock,
    an_event_has_its_effect_once,
    an_event_that_was_refused_stays_refused,
    stock_is_added_once_to_all_parts_or_none,
    seeding_adds_only_what_is_new,
    a_part_is_found_as_it_was_added,
    listings_are_in_the_order_of_the_catalogue_page_by_page,
    a_filter_means_or_within_a_field_and_and_between_fields,
);

async fn parts_are_set_aside_all_or_none(shelf: Shelf) {
    let [a, b] = shelf.stocked([5, 1]).await;
    let order = ids::random();

    let short = shelf.reserve(order, &[(a, 2), (b, 2)], LONG).await;
    let enough = shelf.reserve(order, &[(a, 2), (b, 1)], LONG).await.unwrap();

    assert!(matches!(short, Err(Error::OutOfStock(part)) if part == b), "{short:?}");
    assert_eq!(enough.len(), 2);
    assert!(enough.iter().all(|reserved| reserved.unit_price.minor() == 1234));
    assert_eq!((shelf.available(a).await, shelf.available(b).await), (3, 0));
}

async fn a_part_that_is_not_known_is_named(shelf: Shelf) {
    let [a] = shelf.stocked([1]).await;
    let unknown = ids::random();

    let outcome = shelf.reserve(ids::random(), &[(a, 5), (unknown, 1)], LONG).await;

    assert!(matches!(outcome, Err(Error::PartNotFound(part)) if part == unknown), "{outcome:?}");
    assert_eq!(shelf.available(a).await, 1);
}

async fn a_repeated_call_answers_as_the_first_did(shelf: Shelf) {
    let [a, b] = shelf.stocked([3, 3]).await;
    let order = ids::random();

    let first = shelf.reserve(order, &[(a, 2)], LONG).await.unwrap();
    let second = shelf.reserve(order, &[(a, 2)], LONG).await.unwrap();
    let confirmed = shelf.reserve(order, &[(b, 1)], Hold::Confirmed).await.unwrap();
    let again = shelf.reserve(order, &[(ids::random(), 9)], Hold::Confirmed).await.unwrap();

    assert_eq!((first[0].part, first[0].quantity), (a, 2));
    assert!([second, confirmed, again].iter().all(|other| *other == first));
    assert_eq!((shelf.available(a).await, shelf.available(b).await), (1, 3));
}

async fn a_confirmed_reservation_does_not_expire(shelf: Shelf) {
    let [a] = shelf.stocked([2]).await;
    let order = ids::random();
    shelf.reserve(order, &[(a, 1)], OVER).await.unwrap();

    shelf.reserve(order, &[(a, 1)], Hold::Confirmed).await.unwrap();
    // A late repetition of the first call takes nothing back.
    shelf.reserve(order, &[(a, 1)], OVER).await.unwrap();

    assert_eq!(shelf.warehouse.expire(10).await.unwrap(), 0);
    assert_eq!(shelf.available(a).await, 1);
}

async fn a_held_reservation_expires_once(shelf: Shelf) {
    let [a] = shelf.stocked([2]).await;
    shelf.reserve(ids::random(), &[(a, 2)], OVER).await.unwrap();

    assert_eq!(shelf.warehouse.expire(10).await.unwrap(), 1);
    assert_eq!(shelf.warehouse.expire(10).await.unwrap(), 0);
    assert_eq!(shelf.available(a).await, 2);
}

async fn a_held_reservation_does_not_expire_before_its_time(shelf: Shelf) {
    let [a] = shelf.stocked([2]).await;
    shelf.reserve(ids::random(), &[(a, 2)], LONG).await.unwrap();

    assert_eq!(shelf.warehouse.expire(10).await.unwrap(), 0);
    assert_eq!(shelf.available(a).await, 0);
}

async fn an_expired_reservation_is_made_again_if_there_is_stock(shelf: Shelf) {
    let [a, b] = shelf.stocked([1, 1]).await;
    let (order, rival) = (ids::random(), ids::random());
    let first = shelf.reserve(order, &[(a, 1)], OVER).await.unwrap();
    shelf.warehouse.expire(10).await.unwrap();
    shelf.reserve(rival, &[(a, 1)], LONG).await.unwrap();

    let short = shelf.reserve(order, &[(a, 1)], Hold::Confirmed).await;
    shelf.warehouse.release(rival, None).await.unwrap();
    // What it asked for at first counts.
    let again = shelf.reserve(order, &[(b, 1)], Hold::Confirmed).await.unwrap();

    assert!(matches!(short, Err(Error::OutOfStock(part)) if part == a), "{short:?}");
    assert_eq!(again, first);
    assert_eq!((shelf.available(a).await, shelf.available(b).await), (0, 1));
    assert_eq!(shelf.warehouse.expire(10).await.unwrap(), 0);
}

async fn expiry_goes_in_batches(shelf: Shelf) {
    let [a] = shelf.stocked([5]).await;
    for _ in 0..5 {
        shelf.reserve(ids::random(), &[(a, 1)], OVER).await.unwrap();
    }

    assert_eq!(shelf.warehouse.expire(3).await.unwrap(), 3);
    assert_eq!(shelf.available(a).await, 3);
    assert_eq!(shelf.warehouse.expire(3).await.unwrap(), 2);
    assert_eq!(shelf.available(a).await, 5);
}

async fn released_parts_can_be_sold_to_others_and_not_to_the_same_order(shelf: Shelf) {
    let [a] = shelf.stocked([1]).await;
    let order = ids::random();
    shelf.reserve(order, &[(a, 1)], Hold::Confirmed).await.unwrap();

    shelf.warehouse.release(order, None).await.unwrap();
    let same = shelf.reserve(order, &[(a, 1)], Hold::Confirmed).await;
    let other = shelf.reserve(ids::random(), &[(a, 1)], LONG).await;

    assert!(matches!(same, Err(Error::ReservationEnded(ended)) if ended == order), "{same:?}");
    assert!(other.is_ok(), "{other:?}");
}

async fn an_order_that_was_released_before_it_came_gets_nothing(shelf: Shelf) {
    let [a] = shelf.stocked([1]).await;
    let order = ids::random();

    shelf.warehouse.release(order, None).await.unwrap();
    shelf.warehouse.release(order, None).await.unwrap();
    let late = shelf.reserve(order, &[(a, 1)], LONG).await;

    assert!(matches!(late, Err(Error::ReservationEnded(_))), "{late:?}");
    assert_eq!(shelf.available(a).await, 1);
}

async fn parts_are_given_back_once(shelf: Shelf) {
    let [a] = shelf.stocked([3]).await;
    let (released, expired) = (ids::random(), ids::random());
    shelf.reserve(released, &[(a, 1)], LONG).await.unwrap();
    shelf.reserve(expired, &[(a, 2)], OVER).await.unwrap();
    shelf.warehouse.expire(10).await.unwrap();

    for order in [released, released, expired, expired] {
        shelf.warehouse.release(order, None).await.unwrap();
    }

    assert_eq!(shelf.available(a).await, 3);
    assert_eq!(shelf.warehouse.expire(10).await.unwrap(), 0);
}

async fn committed_parts_are_gone(shelf: Shelf) {
    let [a] = shelf.stocked([3]).await;
    let order = ids::random();
    let reserved = shelf.reserve(order, &[(a, 2)], Hold::Confirmed).await.unwrap();

    shelf.warehouse.commit(order, None).await.unwrap();
    shelf.warehouse.commit(order, None).await.unwrap();
    let released = shelf.warehouse.release(order, None).await;
    let repeated = shelf.reserve(order, &[(a, 2)], Hold::Confirmed).await.unwrap();

    assert!(matches!(released, Err(Error::ReservationEnded(_))), "{released:?}");
    assert_eq!(repeated, reserved);
    assert_eq!(shelf.stock(a).await, Stock { initial: 3, available: 1, consumed: 2, ..Stock::default() });
}

async fn an_order_that_has_nothing_cannot_be_committed(shelf: Shelf) {
    let [a] = shelf.stocked([1]).await;
    let order = ids::random();

    let unknown = shelf.warehouse.commit(order, None).await;
    shelf.reserve(order, &[(a, 1)], LONG).await.unwrap();
    shelf.warehouse.release(order, None).await.unwrap();
    let released = shelf.warehouse.commit(order, None).await;

    assert!(matches!(unknown, Err(Error::ReservationNotFound(_))), "{unknown:?}");
    assert!(matches!(released, Err(Error::ReservationEnded(_))), "{released:?}");
    assert_eq!(shelf.stock(a).await, Stock { initial: 1, available: 1, ..Stock::default() });
}

async fn an_expired_reservation_can_be_committed_while_there_is_stock(shelf: Shelf) {
    let [a] = shelf.stocked([1]).await;
    let (order, rival) = (ids::random(), ids::random());
    shelf.reserve(order, &[(a, 1)], OVER).await.unwrap();
    shelf.warehouse.expire(10).await.unwrap();
    shelf.reserve(rival, &[(a, 1)], LONG).await.unwrap();

    let short = shelf.warehouse.commit(order, None).await;
    shelf.warehouse.release(rival, None).await.unwrap();
    shelf.warehouse.commit(order, None).await.unwrap();

    assert!(matches!(short, Err(Error::OutOfStock(part)) if part == a), "{short:?}");
    assert_eq!(shelf.stock(a).await, Stock { initial: 1, consumed: 1, ..Stock::default() });
}

async fn an_event_has_its_effect_once(shelf: Shelf) {
    let [a] = shelf.stocked([2]).await;
    let lines = Lines::from_iter([(a, 1)]);
    let order = ids::random();
    let created = Some(Delivery { consumer: "created", event: ids::random() });
    let cancelled = Some(Delivery { consumer: "cancelled", event: ids::random() });

    for _ in 0..2 {
        shelf.warehouse.reserve(order, &lines, Hold::Confirmed, created).await.unwrap();
    }
    assert_eq!(shelf.available(a).await, 1);
    for _ in 0..2 {
        shelf.warehouse.release(order, cancelled).await.unwrap();
    }
    // Delivered out of order, and again.
    let late = shelf.warehouse.reserve(order, &lines, Hold::Confirmed, created).await;

    assert!(late.is_ok(), "{late:?}");
    assert_eq!(shelf.available(a).await, 2);
}

async fn an_event_that_was_refused_stays_refused(shelf: Shelf) {
    let [a] = shelf.stocked([0]).await;
    let lines = Lines::from_iter([(a, 1)]);
    let order = ids::random();
    let created = Some(Delivery { consumer: "created", event: ids::random() });

    let refused = shelf.warehouse.reserve(order, &lines, Hold::Confirmed, created).await;
    shelf.warehouse.restock(ids::random(), &lines).await.unwrap();
    let again = shelf.warehouse.reserve(order, &lines, Hold::Confirmed, created).await;

    assert!(matches!(refused, Err(Error::OutOfStock(_))), "{refused:?}");
    assert!(again.is_ok(), "{again:?}");
    assert_eq!(shelf.available(a).await, 1);
}

async fn stock_is_added_once_to_all_parts_or_none(shelf: Shelf) {
    let [a, b] = shelf.stocked([1, 2]).await;
    let restock = ids::random();
    let unknown = ids::random();

    let refused = shelf.warehouse.restock(restock, &Lines::from_iter([(a, 5), (unknown, 1)])).await;
    for _ in 0..2 {
        shelf.warehouse.restock(restock, &Lines::from_iter([(a, 5), (b, 7)])).await.unwrap();
    }

    assert!(matches!(refused, Err(Error::PartNotFound(part)) if part == unknown), "{refused:?}");
    assert_eq!(shelf.stock(a).await, Stock { initial: 1, restocked: 5, available: 6, ..Stock::default() });
    assert_eq!(shelf.available(b).await, 9);
}

async fn seeding_adds_only_what_is_new(shelf: Shelf) {
    let (old, new) = (part(5), part(6));
    assert_eq!(shelf.catalogue.seed(std::slice::from_ref(&old)).await.unwrap(), 1);
    shelf.reserve(ids::random(), &[(old.uuid, 2)], LONG).await.unwrap();

    let added = shelf.catalogue.seed(&[new.clone(), old.clone()]).await.unwrap();
    let again = shelf.catalogue.seed(&[new.clone(), old.clone()]).await.unwrap();

    assert_eq!((added, again), (1, 0));
    assert_eq!((shelf.available(old.uuid).await, shelf.available(new.uuid).await), (3, 6));
    assert_eq!(listed(&shelf, &Filter::default()).await, [old.uuid, new.uuid]);
}

async fn a_part_is_found_as_it_was_added(shelf: Shelf) {
    let new = part(7);
    shelf.catalogue.seed(std::slice::from_ref(&new)).await.unwrap();

    let found = shelf.catalogue.find(new.uuid).await.unwrap().unwrap();

    assert_eq!(found.stock, Stock { initial: 7, available: 7, ..Stock::default() });
    assert_eq!(found.created_at, found.updated_at);
    let described = NewPart {
        uuid: found.uuid,
        name: found.name,
        description: found.description,
        price: found.price,
        stock: found.stock.initial,
        category: found.category,
        dimensions: found.dimensions,
        manufacturer: found.manufacturer,
        tags: found.tags,
        metadata: found.metadata,
    };
    assert_eq!(described, new);
    assert!(shelf.catalogue.find(ids::random()).await.unwrap().is_none());
}

async fn listings_are_in_the_order_of_the_catalogue_page_by_page(shelf: Shelf) {
    let parts = shelf.stocked([1; 5]).await;

    let (mut listed, mut after) = (Vec::new(), 0);
    loop {
        let page = Page { after, size: NonZeroU32::new(2) };
        let page = shelf.catalogue.list(&Filter::default(), page).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.position;
        assert!(page.len() <= 2);
        listed.extend(page.iter().map(|part| part.uuid));
    }

    assert_eq!(listed, parts);
}

async fn listed(shelf: &Shelf, filter: &Filter) -> Vec<Uuid> {
    let parts = shelf.catalogue.list(filter, Page::default()).await.unwrap();
    parts.into_iter().map(|part| part.uuid).collect()
}

async fn a_filter_means_or_within_a_field_and_and_between_fields(shelf: Shelf) {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let mut parts = [part(1), part(1), part(1)];
    for (part, (name, category, country, tags)) in parts.iter_mut().zip([
        ("Engine", Category::Engine, "Japan", texts(&["hot", "big"])),
        ("Tank", Category::Fuel, "France", texts(&["cold", "big"])),
        ("Wing", Category::Wing, "Japan", texts(&[])),
    ]) {
        name.clone_into(&mut part.name);
        part.category = category;
        country.clone_into(&mut part.manufacturer.country);
        part.tags = tags;
    }
    shelf.catalogue.seed(&parts).await.unwrap();
    let [engine, tank, wing] = parts.map(|part| part.uuid);
    let all = Filter::default();

    for (filter, expected) in [
        (all.clone(), vec![engine, tank, wing]),
        (Filter { uuids: vec![wing, engine, ids::random()], ..all.clone() }, vec![engine, wing]),
        (Filter { names: texts(&["Wing", "Tank"]), ..all.clone() }, vec![tank, wing]),
        (Filter { names: texts(&["wing"]), ..all.clone() }, vec![]),
        (Filter { names: texts(&["Win"]), ..all.clone() }, vec![]),
        (Filter { categories: vec![Category::Fuel, Category::Wing], ..all.clone() }, vec![tank, wing]),
        (Filter { categories: vec![Category::Unspecified], ..all.clone() }, vec![]),
        (Filter { countries: texts(&["Japan"]), ..all.clone() }, vec![engine, wing]),
        (Filter { tags: texts(&["hot", "cold", "wet"]), ..all.clone() }, vec![engine, tank]),
        (Filter { tags: texts(&["big"]), countries: texts(&["Japan"]), ..all.clone() }, vec![engine]),
        (
            Filter {
                uuids: vec![engine, tank],
                names: texts(&["Engine", "Tank"]),
                categories: vec![Category::Fuel, Category::Engine],
                countries: texts(&["France", "Japan"]),
                tags: texts(&["cold"]),
            },
            vec![tank],
        ),
        (Filter { uuids: vec![engine], categories: vec![Category::Wing], ..all.clone() }, vec![]),
    ] {
        assert_eq!(listed(&shelf, &filter).await, expected, "{filter:?}");
    }
}
