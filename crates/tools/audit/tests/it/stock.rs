//! For each part: initial + restocked = available + reserved + consumed, and available is never negative.

use audit::facts::{OrderStatus, ReservationStatus};
use uuid::Uuid;

use crate::fixture::{BUILT, LEFT, OPEN, PART, breaks, holds, the};

#[test]
fn a_part_is_lost_or_made_up() {
    breaks(3, &["Main Engine", "are not 12 available"], |facts| facts.parts[0].available = 12);
    breaks(3, &["Main Engine", "are not 14 available"], |facts| facts.parts[0].available = 14);
}

#[test]
fn more_is_sold_than_there_was() {
    breaks(3, &["-1 are available"], |facts| {
        facts.parts[0].initial = -4;
        facts.parts[0].available = -1;
    });
}

#[test]
fn all_of_a_part_may_be_sold() {
    holds(3, |facts| {
        facts.restocks.clear();
        let part = &mut facts.parts[0];
        (part.initial, part.restocked, part.available) = (2, 0, 0);
    });
}

#[test]
fn the_sums_are_not_those_of_the_reservations() {
    breaks(3, &["2 are reserved", "add up to 1"], |facts| {
        facts.parts[0].reserved = 2;
        facts.parts[0].available = 12;
    });
    breaks(3, &["2 are consumed", "add up to 1"], |facts| {
        facts.parts[0].consumed = 2;
        facts.parts[0].available = 12;
    });
}

#[test]
fn a_delivery_is_counted_twice() {
    breaks(3, &["10 are restocked", "add up to 5"], |facts| {
        facts.parts[0].restocked = 10;
        facts.parts[0].available = 18;
    });
}

#[test]
fn a_reservation_does_not_follow_its_order() {
    for (order, status, text) in [
        (OPEN, ReservationStatus::Released, "is PENDING_PAYMENT, and its reservation is released"),
        (OPEN, ReservationStatus::Held, "is PENDING_PAYMENT, and its reservation is held"),
        (OPEN, ReservationStatus::Committed, "is PENDING_PAYMENT, and its reservation is committed"),
        (BUILT, ReservationStatus::Confirmed, "is ASSEMBLED, and its reservation is confirmed"),
        (BUILT, ReservationStatus::Released, "is ASSEMBLED, and its reservation is released"),
        (LEFT, ReservationStatus::Confirmed, "is CANCELLED, and its reservation is confirmed"),
        (LEFT, ReservationStatus::Expired, "is CANCELLED, and its reservation is expired"),
    ] {
        breaks(3, &[text], |facts| the(&mut facts.reservations, |one| one.order == order).status = status);
    }
    breaks(3, &["its reservation is not there"], |facts| facts.reservations.retain(|one| one.order != OPEN));
}

#[test]
fn a_paid_order_has_lost_its_parts() {
    breaks(3, &["is PAID, and its reservation is expired"], |facts| {
        the(&mut facts.orders, |order| order.uuid == OPEN).status = OrderStatus::Paid;
        the(&mut facts.reservations, |one| one.order == OPEN).status = ReservationStatus::Expired;
    });
}

#[test]
fn an_unpaid_order_may_lose_its_parts() {
    let found = holds(3, |facts| {
        the(&mut facts.reservations, |one| one.order == OPEN).status = ReservationStatus::Expired;
        facts.parts[0].reserved = 0;
        facts.parts[0].available = 14;
    });

    assert!(found.notes.iter().any(|note| note.contains("1 unpaid orders")), "{found:?}");
}

#[test]
fn something_else_is_reserved_than_was_ordered() {
    breaks(3, &["consists of", "and reserved is"], |facts| {
        the(&mut facts.orders, |order| order.uuid == OPEN).parts = vec![PART, PART];
    });
    breaks(3, &["consists of", "and reserved is"], |facts| {
        the(&mut facts.orders, |order| order.uuid == OPEN).parts = vec![Uuid::from_u128(99)];
    });
}

#[test]
fn parts_may_be_held_for_an_order_that_does_not_come() {
    holds(3, |facts| {
        let mut held = facts.reservations[0].clone();
        held.order = Uuid::from_u128(99);
        held.status = ReservationStatus::Held;
        facts.reservations.push(held);
        facts.parts[0].reserved = 2;
        facts.parts[0].available = 12;
    });
}
