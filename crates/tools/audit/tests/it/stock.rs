//! For each part: initial + restocked = available + reserved + consumed, and available is never negative.

use std::time::Duration;

use audit::{
    Facts,
    facts::{OrderStatus, ReservationStatus},
};
use uuid::Uuid;

use crate::{
    fixture::{BUILT, LEFT, OPEN, PART, PRICE, RowOf as _, now, then},
    invariant::{Invariant, breaks, holds},
};

#[test]
fn each_spoilt_sum_and_reservation_is_found() {
    let restock = Uuid::from_u128(400);
    Invariant(3).is_broken_by(&[
        (&["Main Engine", "are not 12 available"], &|facts| facts.parts[0].available = 12),
        (&["Main Engine", "are not 14 available"], &|facts| facts.parts[0].available = 14),
        (&["-1 are available"], &|facts| {
            facts.parts[0].initial = -4;
            facts.parts[0].available = -1;
        }),
        (&["2 are reserved", "add up to 1"], &|facts| {
            facts.parts[0].reserved = 2;
            facts.parts[0].available = 12;
        }),
        (&["2 are consumed", "add up to 1"], &|facts| {
            facts.parts[0].consumed = 2;
            facts.parts[0].available = 12;
        }),
        (&[&format!("restock {restock}"), "has no author"], &|facts| facts.restocks[0].unsigned.push(restock)),
        (&["10 are restocked", "add up to 5"], &|facts| {
            facts.parts[0].restocked = 10;
            facts.parts[0].available = 18;
        }),
        (&["is PAID, and its reservation is expired"], &|facts| {
            facts.order(OPEN).status = OrderStatus::Paid;
            facts.reservation(OPEN).status = ReservationStatus::Expired;
        }),
        (&["consists of", "and reserved is"], &|facts| facts.order(OPEN).parts = vec![PART, PART]),
        (&["consists of", "and reserved is"], &|facts| facts.order(OPEN).parts = vec![Uuid::from_u128(99)]),
    ]);
    Invariant(3).holds_though(&[
        ("all of a part may be sold", &|facts| {
            facts.restocks.clear();
            let part = &mut facts.parts[0];
            (part.initial, part.restocked, part.available) = (2, 0, 0);
        }),
        ("an order that was released before it reserved has no price of parts", &|facts| {
            let reservation = facts.reservation(LEFT);
            (reservation.items, reservation.price) = (Vec::new(), 0);
        }),
        ("parts may be held for an order that does not come", &|facts| {
            let mut held = facts.reservations[0].clone();
            held.order = Uuid::from_u128(99);
            held.status = ReservationStatus::Held;
            facts.reservations.push(held);
            facts.parts[0].reserved = 2;
            facts.parts[0].available = 12;
        }),
    ]);
}

#[test]
fn a_reservation_does_not_follow_its_order() {
    for (order, status, text) in [
        (OPEN, ReservationStatus::Released, "is PENDING_PAYMENT, and its reservation is released"),
        (BUILT, ReservationStatus::Held, "is ASSEMBLED, and its reservation is held"),
        (OPEN, ReservationStatus::Committed, "is PENDING_PAYMENT, and its reservation is committed"),
        (BUILT, ReservationStatus::Confirmed, "is ASSEMBLED, and its reservation is confirmed"),
        (BUILT, ReservationStatus::Released, "is ASSEMBLED, and its reservation is released"),
        (LEFT, ReservationStatus::Confirmed, "is CANCELLED, and its reservation is confirmed"),
        (LEFT, ReservationStatus::Expired, "is CANCELLED, and its reservation is expired"),
    ] {
        breaks(3, &[text], |facts| facts.reservation(order).status = status);
    }
    breaks(3, &["its reservation is not there"], |facts| facts.reservations.retain(|one| one.order != OPEN));
}

#[test]
fn an_unpaid_order_may_lose_its_parts() {
    let found = holds(3, |facts| {
        facts.reservation(OPEN).status = ReservationStatus::Expired;
        facts.parts[0].reserved = 0;
        facts.parts[0].available = 14;
    });

    assert!(found.notes.iter().any(|note| note.contains("1 unpaid orders")), "{found:?}");
}

#[test]
fn the_parts_of_an_order_may_be_held() {
    for status in [OrderStatus::Pending, OrderStatus::Paid] {
        holds(3, |facts| {
            facts.order(OPEN).status = status;
            facts.reservation(OPEN).status = ReservationStatus::Held;
        });
    }
}

#[test]
fn a_reservation_expires_although_its_order_exists() {
    let late = then() + Duration::from_secs(30);
    for (order, status) in [
        (OPEN, ReservationStatus::Confirmed),
        (BUILT, ReservationStatus::Committed),
        (LEFT, ReservationStatus::Released),
    ] {
        breaks(3, &[&order.to_string(), "its reservation expired although the order existed"], |facts| {
            let reservation = facts.reservation(order);
            (reservation.status, reservation.first_ended_at, reservation.updated_at) = (status, Some(late), now());
        });
    }
    // The last change ended the reservation, as expected.
    for order in [BUILT, LEFT] {
        holds(3, |facts| {
            let reservation = facts.reservation(order);
            (reservation.first_ended_at, reservation.updated_at) = (Some(late), late);
        });
    }
}

#[test]
fn a_reservation_may_expire_while_its_order_is_created() {
    for (seconds, is_well) in [(10, true), (11, false)] {
        let change = |facts: &mut Facts| {
            let reservation = facts.reservation(OPEN);
            reservation.first_ended_at = Some(then() + Duration::from_secs(seconds));
        };
        if is_well {
            holds(3, change);
        } else {
            breaks(3, &["although the order existed"], change);
        }
    }
}

#[test]
fn an_order_has_another_price_than_its_parts() {
    for order in [OPEN, BUILT, LEFT] {
        breaks(3, &[&order.to_string(), "costs 12501, and its parts were reserved for 12500"], |facts| {
            facts.order(order).total = PRICE + 1;
        });
    }
}

#[test]
fn an_order_stands_without_any_parts_of_its_own() {
    for order in [OPEN, BUILT] {
        breaks(3, &[&order.to_string(), "consists of", "and reserved is"], |facts| {
            let reservation = facts.reservation(order);
            (reservation.items, reservation.price) = (Vec::new(), 0);
            // The sums of the part are those of the other reservations.
            let part = &mut facts.parts[0];
            part.available += 1;
            let sum = if order == OPEN { &mut part.reserved } else { &mut part.consumed };
            *sum -= 1;
        });
    }
}
