//! The contract of the expiry of reservations: which are due, kept and made again.

use std::time::Duration;

use inventory::{
    error::Error,
    model::{Expiry, Stock},
    repository::ABSENCE_COUNTS_FOR,
};
use testkit::new_order;

use crate::fixture::{AT_ONCE, Fixture, LATER};

contract!(
    a_reservation_that_is_requested_again_lasts_from_then_on,
    the_earliest_due_comes_first,
    a_reservation_that_is_moved_back_holds_up_no_other,
    only_held_reservations_are_kept_together,
    only_due_reservations_of_the_named_orders_expire,
    nothing_expires_long_after_the_orders_were_looked_up,
    an_expired_reservation_is_made_again_if_there_is_stock,
    an_expired_reservation_can_be_committed_while_there_is_stock,
);

async fn a_reservation_that_is_requested_again_lasts_from_then_on(fixture: Fixture) {
    let [a] = fixture.stocked([2]).await;
    let order = new_order();
    fixture.reserve(order, &[(a, 1)], AT_ONCE).await.unwrap();

    fixture.reserve(order, &[(a, 1)], LATER).await.unwrap();

    assert_eq!(fixture.due(10).await, []);
    assert_eq!(fixture.expire_these(&[order]).await.unwrap(), 0);
    assert_eq!(fixture.available(a).await, 1);
}

async fn the_earliest_due_comes_first(fixture: Fixture) {
    let [a] = fixture.stocked([9]).await;
    let mut orders = Vec::new();
    for expiry in [AT_ONCE, AT_ONCE, AT_ONCE, LATER, Expiry::Never] {
        let order = new_order();
        fixture.reserve(order, &[(a, 1)], expiry).await.unwrap();
        orders.push(order);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    assert_eq!(fixture.due(2).await, orders[..2]);
    assert_eq!(fixture.due(10).await, orders[..3]);
}

async fn a_reservation_that_is_moved_back_holds_up_no_other(fixture: Fixture) {
    let [a] = fixture.stocked([5]).await;
    let orders = [(); 2].map(|()| new_order());
    for order in orders {
        fixture.reserve(order, &[(a, 1)], AT_ONCE).await.unwrap();
    }

    fixture.warehouse.move_back(orders[0]).await.unwrap();

    assert_eq!(fixture.due(1).await, orders[1..]);
}

async fn only_held_reservations_are_kept_together(fixture: Fixture) {
    let [a] = fixture.stocked([9]).await;
    let [due, held, confirmed, expired, released, unknown] = [(); 6].map(|()| new_order());
    fixture.reserve(expired, &[(a, 1)], AT_ONCE).await.unwrap();
    fixture.expire(10).await.unwrap();
    for (order, expiry) in [(due, AT_ONCE), (held, LATER), (confirmed, Expiry::Never), (released, LATER)] {
        fixture.reserve(order, &[(a, 1)], expiry).await.unwrap();
    }
    fixture.warehouse.release(released, None).await.unwrap();
    let all = [due, held, confirmed, expired, released, unknown];

    assert_eq!(fixture.warehouse.keep(&all, LATER).await.unwrap(), 2);
    assert_eq!(fixture.due(10).await, []);
    assert_eq!(fixture.warehouse.keep(&all, Expiry::Never).await.unwrap(), 2);
    assert_eq!(fixture.warehouse.keep(&all, Expiry::Never).await.unwrap(), 0);
    assert_eq!(fixture.due(10).await, []);
    assert_eq!(fixture.expire_these(&all).await.unwrap(), 0);
    assert_eq!(fixture.available(a).await, 6);
}

async fn only_due_reservations_of_the_named_orders_expire(fixture: Fixture) {
    let [a] = fixture.stocked([9]).await;
    let [due, other, held, confirmed] = [(); 4].map(|()| new_order());
    for (order, expiry) in [(due, AT_ONCE), (other, AT_ONCE), (held, LATER), (confirmed, Expiry::Never)] {
        fixture.reserve(order, &[(a, 1)], expiry).await.unwrap();
    }

    assert_eq!(fixture.expire_these(&[due, held, confirmed, new_order()]).await.unwrap(), 1);
    assert_eq!(fixture.due(10).await, [other]);
    assert_eq!(fixture.available(a).await, 6);
}

async fn nothing_expires_long_after_the_orders_were_looked_up(fixture: Fixture) {
    let [a] = fixture.stocked([1]).await;
    let order = new_order();
    fixture.reserve(order, &[(a, 1)], AT_ONCE).await.unwrap();
    let read_at = fixture.warehouse.due(1).await.unwrap().read_at;
    let later = ABSENCE_COUNTS_FOR + Duration::from_secs(1);

    assert_eq!(fixture.warehouse.expire(&[order], read_at - later).await.unwrap(), 0);
    assert_eq!(fixture.warehouse.expire(&[order], read_at).await.unwrap(), 1);
}

async fn an_expired_reservation_is_made_again_if_there_is_stock(fixture: Fixture) {
    let [a, b] = fixture.stocked([1, 1]).await;
    let (order, rival) = (new_order(), new_order());
    let first = fixture.reserve(order, &[(a, 1)], AT_ONCE).await.unwrap();
    fixture.expire(10).await.unwrap();
    fixture.reserve(rival, &[(a, 1)], LATER).await.unwrap();

    let short = fixture.reserve(order, &[(a, 1)], Expiry::Never).await;
    fixture.warehouse.release(rival, None).await.unwrap();
    // The renewed reservation has the lines of the first call.
    let again = fixture.reserve(order, &[(b, 1)], Expiry::Never).await.unwrap();

    assert!(matches!(short, Err(Error::OutOfStock(part)) if part == a), "{short:?}");
    assert_eq!(again, first);
    assert_eq!((fixture.available(a).await, fixture.available(b).await), (0, 1));
    assert_eq!(fixture.expire(10).await.unwrap(), 0);
}

async fn an_expired_reservation_can_be_committed_while_there_is_stock(fixture: Fixture) {
    let [a] = fixture.stocked([1]).await;
    let (order, rival) = (new_order(), new_order());
    fixture.reserve(order, &[(a, 1)], AT_ONCE).await.unwrap();
    fixture.expire(10).await.unwrap();
    fixture.reserve(rival, &[(a, 1)], LATER).await.unwrap();

    let short = fixture.warehouse.commit(order, None).await;
    fixture.warehouse.release(rival, None).await.unwrap();
    fixture.warehouse.commit(order, None).await.unwrap();

    assert!(matches!(short, Err(Error::OutOfStock(part)) if part == a), "{short:?}");
    assert_eq!(fixture.stock(a).await, Stock { initial: 1, consumed: 1, ..Stock::default() });
}
