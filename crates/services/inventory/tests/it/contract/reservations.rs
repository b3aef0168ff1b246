//! The contract of reservations: what is reserved, and how much of a part a user may hold.

use contracts::ids::PartId;
use inventory::{error::Error, model::Expiry};
use testkit::{new_order, new_part, new_user};

use crate::fixture::{AT_ONCE, Fixture, LATER, request};

contract!(
    all_lines_are_reserved_or_none,
    each_order_of_a_batch_is_decided_by_itself,
    a_retry_returns_what_the_first_call_did,
    a_users_unpaid_orders_hold_a_quarter_of_a_part,
    a_user_may_hold_five_units_of_a_rare_part,
    the_unpaid_share_is_that_of_the_part_of_which_most_is_held,
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
