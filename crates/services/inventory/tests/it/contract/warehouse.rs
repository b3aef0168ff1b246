//! The contract suite of the warehouse.

use std::time::Duration;

use contracts::ids::PartId;
use inventory::{
    error::Error,
    model::{Expiry, Lines, Stock},
    repository::ABSENCE_COUNTS_FOR,
};
use platform::ids;

use crate::{
    by,
    fixture::{AT_ONCE, Fixture, LATER, new_cause, new_order, new_part, new_user, request},
};

contract!(
    all_lines_are_reserved_or_none,
    each_order_of_a_batch_is_decided_by_itself,
    a_retry_returns_what_the_first_call_did,
    a_users_unpaid_orders_hold_a_quarter_of_a_part,
    a_user_may_hold_five_units_of_a_rare_part,
    the_unpaid_share_is_that_of_the_part_of_which_most_is_held,
    a_reservation_that_is_requested_again_lasts_from_then_on,
    the_earliest_due_comes_first,
    a_reservation_that_is_moved_back_holds_up_no_other,
    only_held_reservations_are_kept_together,
    only_due_reservations_of_the_named_orders_expire,
    nothing_expires_long_after_the_orders_were_looked_up,
    an_expired_reservation_is_made_again_if_there_is_stock,
    released_parts_can_be_reserved_by_other_orders_only,
    an_order_that_is_released_first_cannot_reserve,
    parts_are_returned_once,
    committed_parts_are_consumed,
    an_expired_reservation_can_be_committed_while_there_is_stock,
    an_event_has_its_effect_once,
    a_rejected_event_stays_rejected,
    stock_is_added_once_to_all_parts_or_none,
    a_restock_with_other_lines_is_refused_and_changes_nothing,
);

async fn all_lines_are_reserved_or_none(fixture: Fixture) {
    let [a, b] = fixture.stocked([5, 1]).await;
    let order = new_order();

    let short = fixture.reserve(order, &[(a, 2), (b, 2)], LATER).await;
    let enough = fixture.reserve(order, &[(a, 2), (b, 1)], LATER).await.unwrap();

    assert!(matches!(short, Err(Error::OutOfStock(part)) if part == b), "{short:?}");
    assert_eq!(enough.len(), 2);
    assert!(enough.iter().all(|reserved| reserved.unit_price.minor() == 1234));
    assert_eq!((fixture.available(a).await, fixture.available(b).await), (3, 0));
}

async fn each_order_of_a_batch_is_decided_by_itself(fixture: Fixture) {
    let [a, b] = fixture.stocked([9, 2]).await;
    let [held, confirmed, released, expired] = [(); 4].map(|()| new_order());
    for (order, expiry) in [(held, LATER), (confirmed, Expiry::Never), (released, LATER), (expired, AT_ONCE)] {
        fixture.reserve(order, &[(a, 1)], expiry).await.unwrap();
    }
    fixture.warehouse.release(released, None).await.unwrap();
    fixture.expire(1).await.unwrap();

    let requests = vec![
        request(held, &[(b, 9)], Expiry::Never, None),
        request(new_order(), &[(b, 2)], LATER, None),
        request(new_order(), &[(a, 1), (b, 1)], LATER, None),
        request(released, &[(a, 1)], LATER, None),
        request(expired, &[(a, 1)], Expiry::Never, None),
        request(confirmed, &[(a, 1)], AT_ONCE, None),
        request(new_order(), &[(new_part(), 1)], LATER, None),
        request(held, &[(a, 1)], AT_ONCE, None),
        request(new_order(), &[(a, 6)], Expiry::Never, None),
    ];
    let results = fixture.warehouse.reserve(requests).await;

    let outcomes: Vec<_> =
        results.iter().map(|result| result.as_ref().map(|lines| (lines[0].part, lines[0].quantity))).collect();
    let [
        Ok(first),
        Ok(last_two),
        Err(Error::OutOfStock(short)),
        Err(Error::ReservationEnded(ended)),
        Ok(renewed),
        Ok(again),
        Err(Error::PartNotFound(_)),
        Ok(retried),
        Ok(six),
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    assert_eq!([first, renewed, again, retried], [&(a, 1); 4]);
    assert_eq!((last_two, six), (&(b, 2), &(a, 6)));
    assert_eq!((*short, *ended), (b, released));
    assert_eq!((fixture.available(a).await, fixture.available(b).await), (0, 0));
    let due = fixture.due(10).await;
    assert!(due.len() == 2 && due.contains(&held) && due.contains(&confirmed), "{due:?}");
}

async fn a_retry_returns_what_the_first_call_did(fixture: Fixture) {
    let [a, b] = fixture.stocked([3, 3]).await;
    let order = new_order();

    let first = fixture.reserve(order, &[(a, 2)], LATER).await.unwrap();
    let second = fixture.reserve(order, &[(a, 2)], LATER).await.unwrap();
    let confirmed = fixture.reserve(order, &[(b, 1)], Expiry::Never).await.unwrap();
    let again = fixture.reserve(order, &[(new_part(), 9)], Expiry::Never).await.unwrap();

    assert_eq!((first[0].part, first[0].quantity), (a, 2));
    assert!([second, confirmed, again].iter().all(|other| *other == first));
    assert_eq!((fixture.available(a).await, fixture.available(b).await), (1, 3));
}

async fn a_users_unpaid_orders_hold_a_quarter_of_a_part(fixture: Fixture) {
    let [a, b] = fixture.stocked([40, 40]).await;
    let (user, unpaid, paid) = (new_user(), new_order(), new_order());
    let reserve = async |user, order, lines: &[(PartId, i64)], expiry| {
        fixture.reserve_for(user, order, lines, expiry).await.map(drop)
    };
    let is_full = |outcome| matches!(outcome, Err(Error::TooManyReserved(part)) if part == a);
    reserve(user, unpaid, &[(a, 6)], LATER).await.unwrap();
    reserve(user, new_order(), &[(a, 4), (b, 10)], LATER).await.unwrap();

    // One more unit is too many, a retry is not; other users, and a paid order, may have the rest.
    assert!(is_full(reserve(user, new_order(), &[(a, 1)], LATER).await));
    reserve(user, unpaid, &[(a, 6)], LATER).await.unwrap();
    reserve(new_user(), new_order(), &[(a, 10)], LATER).await.unwrap();
    reserve(user, paid, &[(a, 8)], Expiry::Never).await.unwrap();
    assert_eq!(fixture.available(a).await, 12);
    // A paid order does not count until its payment is declined. A released one does not count either.
    reserve(user, unpaid, &[(a, 6)], Expiry::Never).await.unwrap();
    reserve(user, new_order(), &[(a, 6)], LATER).await.unwrap();
    reserve(user, unpaid, &[(a, 6)], LATER).await.unwrap();
    assert!(is_full(reserve(user, new_order(), &[(a, 1)], LATER).await));
    fixture.warehouse.release(unpaid, None).await.unwrap();
    assert!(is_full(reserve(user, new_order(), &[(a, 1)], LATER).await));
    fixture.warehouse.commit(paid, None).await.unwrap();
    // 40 - 8 units are unsold, 10 of them are held by this user in two orders.
    assert!(is_full(reserve(user, new_order(), &[(a, 1)], LATER).await));
}

async fn a_user_may_hold_five_units_of_a_rare_part(fixture: Fixture) {
    let [rare] = fixture.stocked([7]).await;
    let user = new_user();

    let six = fixture.reserve_for(user, new_order(), &[(rare, 6)], LATER).await;
    fixture.reserve_for(user, new_order(), &[(rare, 5)], LATER).await.unwrap();
    let sixth = fixture.reserve_for(user, new_order(), &[(rare, 1)], LATER).await;
    let short = fixture.reserve_for(user, new_order(), &[(rare, 9)], LATER).await;

    assert!(matches!(six, Err(Error::TooManyReserved(part)) if part == rare), "{six:?}");
    assert!(matches!(sixth, Err(Error::TooManyReserved(part)) if part == rare), "{sixth:?}");
    assert!(matches!(short, Err(Error::OutOfStock(part)) if part == rare), "{short:?}");
    assert_eq!(fixture.available(rare).await, 2);
}

async fn the_unpaid_share_is_that_of_the_part_of_which_most_is_held(fixture: Fixture) {
    let [a, b, c] = fixture.stocked([40, 10, 4]).await;
    assert!(fixture.warehouse.unpaid_share().await.unwrap() < f64::EPSILON);
    let order = new_order();
    fixture.reserve(new_order(), &[(a, 10), (b, 3)], LATER).await.unwrap();
    fixture.reserve(order, &[(b, 4)], LATER).await.unwrap();
    fixture.reserve(new_order(), &[(c, 4)], Expiry::Never).await.unwrap();

    let before = fixture.warehouse.unpaid_share().await.unwrap();
    fixture.warehouse.commit(order, None).await.unwrap();
    let after = fixture.warehouse.unpaid_share().await.unwrap();

    assert!((before - 0.7).abs() < 1e-9 && (after - 0.5).abs() < 1e-9, "{before} {after}");
}

async fn a_reservation_that_is_requested_again_lasts_from_then_on(fixture: Fixture) {
    let [a] = fixture.stocked([2]).await;
    let order = new_order();
    fixture.reserve(order, &[(a, 1)], AT_ONCE).await.unwrap();

    fixture.reserve(order, &[(a, 1)], LATER).await.unwrap();

    assert_eq!(fixture.due(10).await, []);
    assert_eq!(fixture.expire_these(&[order]).await.unwrap(), 0);
    assert_eq!(fixture.available(a).await, 1);
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
