//! The contract of the stock: released parts return to it, committed ones leave it, and restocks add to it.

use contracts::ids::PartId;
use inventory::{
    error::Error,
    model::{Expiry, Lines, Stock},
};
use platform::ids;
use testkit::{new_cause, new_order, new_part};

use crate::{
    by,
    fixture::{AT_ONCE, Fixture, LATER},
};

contract!(
    released_parts_can_be_reserved_by_other_orders_only,
    an_order_that_is_released_first_cannot_reserve,
    parts_are_returned_once,
    committed_parts_are_consumed,
    an_event_has_its_effect_once,
    a_rejected_event_stays_rejected,
    stock_is_added_once_to_all_parts_or_none,
    a_restock_with_other_lines_is_refused_and_changes_nothing,
);

async fn released_parts_can_be_reserved_by_other_orders_only(fixture: Fixture) {
    let [a] = fixture.stocked([1]).await;
    let order = new_order();
    fixture.reserve(order, &[(a, 1)], Expiry::Never).await.unwrap();

    fixture.warehouse.release(order, None).await.unwrap();
    let same = fixture.reserve(order, &[(a, 1)], Expiry::Never).await;
    let other = fixture.reserve(new_order(), &[(a, 1)], LATER).await;

    assert!(matches!(same, Err(Error::ReservationEnded(ended)) if ended == order), "{same:?}");
    assert!(other.is_ok(), "{other:?}");
}

async fn an_order_that_is_released_first_cannot_reserve(fixture: Fixture) {
    let [a] = fixture.stocked([1]).await;
    let order = new_order();

    fixture.warehouse.release(order, None).await.unwrap();
    fixture.warehouse.release(order, None).await.unwrap();
    let late = fixture.reserve(order, &[(a, 1)], LATER).await;

    assert!(matches!(late, Err(Error::ReservationEnded(_))), "{late:?}");
    assert_eq!(fixture.available(a).await, 1);
}

async fn parts_are_returned_once(fixture: Fixture) {
    let [a] = fixture.stocked([3]).await;
    let (released, expired) = (new_order(), new_order());
    fixture.reserve(released, &[(a, 1)], LATER).await.unwrap();
    fixture.reserve(expired, &[(a, 2)], AT_ONCE).await.unwrap();
    fixture.expire(10).await.unwrap();

    for order in [released, released, expired, expired] {
        fixture.warehouse.release(order, None).await.unwrap();
    }

    assert_eq!(fixture.available(a).await, 3);
    assert_eq!(fixture.expire(10).await.unwrap(), 0);
}

async fn committed_parts_are_consumed(fixture: Fixture) {
    let [a] = fixture.stocked([3]).await;
    let order = new_order();
    let reserved = fixture.reserve(order, &[(a, 2)], Expiry::Never).await.unwrap();

    fixture.warehouse.commit(order, None).await.unwrap();
    fixture.warehouse.commit(order, None).await.unwrap();
    let released = fixture.warehouse.release(order, None).await;
    let retried = fixture.reserve(order, &[(a, 2)], Expiry::Never).await.unwrap();

    assert!(matches!(released, Err(Error::ReservationEnded(_))), "{released:?}");
    assert_eq!(retried, reserved);
    assert_eq!(fixture.stock(a).await, Stock { initial: 3, available: 1, consumed: 2, ..Stock::default() });
}

async fn an_event_has_its_effect_once(fixture: Fixture) {
    let [a] = fixture.stocked([2]).await;
    let (left, built) = (new_order(), new_order());
    let cancelled = Some(new_cause());
    let assembled = Some(new_cause());
    for order in [left, built] {
        fixture.reserve(order, &[(a, 1)], Expiry::Never).await.unwrap();
    }

    for _ in 0..2 {
        fixture.warehouse.release(left, cancelled).await.unwrap();
        fixture.warehouse.commit(built, assembled).await.unwrap();
    }

    assert_eq!(fixture.stock(a).await, Stock { initial: 2, available: 1, consumed: 1, ..Stock::default() });
}

async fn a_rejected_event_stays_rejected(fixture: Fixture) {
    let [a] = fixture.stocked([1]).await;
    let order = new_order();
    let assembled = Some(new_cause());

    let refused = fixture.warehouse.commit(order, assembled).await;
    fixture.reserve(order, &[(a, 1)], LATER).await.unwrap();
    let again = fixture.warehouse.commit(order, assembled).await;

    assert!(matches!(refused, Err(Error::ReservationNotFound(_))), "{refused:?}");
    assert!(again.is_ok(), "{again:?}");
    assert_eq!(fixture.stock(a).await, Stock { initial: 1, reserved: 1, ..Stock::default() });
}

async fn stock_is_added_once_to_all_parts_or_none(fixture: Fixture) {
    let [a, b] = fixture.stocked([1, 2]).await;
    let restock = ids::random();
    let unknown = new_part();

    let refused = fixture.warehouse.restock(restock, &Lines::from_iter([(a, 5), (unknown, 1)]), &by()).await;
    for _ in 0..2 {
        fixture.warehouse.restock(restock, &Lines::from_iter([(a, 5), (b, 7)]), &by()).await.unwrap();
    }

    assert!(matches!(refused, Err(Error::PartNotFound(part)) if part == unknown), "{refused:?}");
    assert_eq!(fixture.stock(a).await, Stock { initial: 1, restocked: 5, available: 6, ..Stock::default() });
    assert_eq!(fixture.available(b).await, 9);
}

async fn a_restock_with_other_lines_is_refused_and_changes_nothing(fixture: Fixture) {
    let [a, b] = fixture.stocked([1, 2]).await;
    let restock = ids::random();
    let add = async |lines: &[(PartId, i64)]| {
        fixture.warehouse.restock(restock, &lines.iter().copied().collect(), &by()).await
    };
    add(&[(a, 5), (b, 7)]).await.unwrap();

    for other in [&[(a, 5)][..], &[(b, 7)], &[(a, 5), (b, 8)], &[(a, 7), (b, 5)]] {
        let refused = add(other).await;
        assert!(matches!(refused, Err(Error::AnotherRestock)), "{other:?}: {refused:?}");
    }
    // The same lines, written in another way.
    add(&[(b, 3), (a, 5), (b, 4)]).await.unwrap();

    assert_eq!((fixture.available(a).await, fixture.available(b).await), (6, 9));
}
