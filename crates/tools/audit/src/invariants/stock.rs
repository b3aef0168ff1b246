//! Invariant 3: For each part, initial + restocked = available + reserved + consumed, and available is never negative.
//! An order has the parts and the price of its reservation.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    Facts, Finding,
    facts::{Order, OrderStatus, Part, Reservation, ReservationStatus},
    report::{Check, NO_AUTHOR},
    violation::{Cause, Row},
};

/// A reservation may still expire for this long after its order's creation, because inventory asked whether the order
/// exists before it was created. Inventory acts on the response for 5 s; the rest allows for the clocks of two
/// databases.
const EXPIRY_SLACK: Duration = Duration::from_secs(10);

/// The services whose databases the check of one order needs.
pub const DATABASES: &[&str] = &["order", "inventory"];

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(3, "no part is lost, invented or sold twice");
    let stood = Stood::from_facts(facts);
    for part in &facts.parts {
        stood.part(part, &mut check);
    }
    // One restock may contain several parts.
    for restock in facts.restocks.iter().flat_map(|restock| &restock.unsigned).collect::<BTreeSet<_>>() {
        check.broken_by(format!("restock {restock}"), NO_AUTHOR);
    }
    let reservations: HashMap<Uuid, &Reservation> = facts.reservations.iter().map(|one| (one.order, one)).collect();
    let mut hopeless = 0;
    for order in &facts.orders {
        let reservation = reservations.get(&order.uuid).copied();
        hopeless += usize::from(follows(order, reservation, &mut check) == Following::Hopeless);
        if let Some(reservation) = reservation.filter(|reservation| !was_never_made(reservation)) {
            same_parts(order, reservation, &mut check);
            if !facts.may_be_forgotten(order.created_at) {
                kept_its_parts(order, reservation, &mut check);
            }
        }
    }
    check.counted("parts", facts.parts.len());
    check.counted("reservations", facts.reservations.len());
    check.counted("orders", facts.orders.len());
    if hopeless > 0 {
        check.note(format!(
            "{hopeless} unpaid orders have lost their parts to others: they are cancelled at the first attempt to pay"
        ));
    }
    check.end()
}

/// The sums of reservations and restocked quantities by part.
#[derive(Default)]
struct Stood {
    reserved: HashMap<Uuid, i64>,
    consumed: HashMap<Uuid, i64>,
    restocked: HashMap<Uuid, i64>,
}

impl Stood {
    fn from_facts(facts: &Facts) -> Self {
        let mut stood = Self::default();
        for restock in &facts.restocks {
            *stood.restocked.entry(restock.part).or_default() += restock.quantity;
        }
        for reservation in &facts.reservations {
            let sums = match reservation.status {
                ReservationStatus::Held | ReservationStatus::Confirmed => &mut stood.reserved,
                ReservationStatus::Committed => &mut stood.consumed,
                ReservationStatus::Released | ReservationStatus::Expired => continue,
            };
            for (part, quantity) in &reservation.items {
                *sums.entry(*part).or_default() += quantity;
            }
        }
        stood
    }

    fn part(&self, part: &Part, check: &mut Check) {
        let row = format!("part {} ({})", part.uuid, part.name);
        let Part { initial, restocked, available, reserved, consumed, .. } = part;
        if initial + restocked != available + reserved + consumed {
            check.broken_by(
                &row,
                format!("{initial} initial + {restocked} restocked are not {available} available + {reserved} reserved + {consumed} consumed"),
            );
        }
        if *available < 0 {
            check.broken_by(&row, format!("{available} are available"));
        }
        let sums = [
            ("reserved", reserved, &self.reserved, "open reservations"),
            ("consumed", consumed, &self.consumed, "committed reservations"),
            ("restocked", restocked, &self.restocked, "deliveries"),
        ];
        for (column, value, sums, of) in sums {
            let sum = sums.get(&part.uuid).copied().unwrap_or_default();
            if *value != sum {
                check.broken_by(&row, format!("{value} are {column}, and its {of} add up to {sum}"));
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Following {
    Well,
    /// The order is unpaid and cannot be charged, since its parts were sold to other orders.
    Hopeless,
    Broken,
}

/// Checks that a reservation's status matches its order's.
fn follows(order: &Order, reservation: Option<&Reservation>, check: &mut Check) -> Following {
    let status = reservation.map(|reservation| reservation.status);
    let following = match (order.status, status) {
        // A late retry of an earlier request may hold a paid order's parts until the reservation is due, which
        // invariant 7 checks.
        (OrderStatus::Pending | OrderStatus::Paid, Some(ReservationStatus::Held | ReservationStatus::Confirmed))
        | (OrderStatus::Assembled, Some(ReservationStatus::Committed))
        | (OrderStatus::Cancelled, Some(ReservationStatus::Released)) => Following::Well,
        (OrderStatus::Pending, Some(ReservationStatus::Expired)) => Following::Hopeless,
        _ => Following::Broken,
    };
    if following == Following::Broken {
        let reservation = status.map_or("not there", ReservationStatus::as_str);
        check.broken_by(
            Row::order(order.uuid).because(Cause::Reserved(order.status, status)),
            format!("is {}, and its reservation is {reservation}", order.status.as_str()),
        );
    }
    following
}

/// Returns true if the order was released before inventory reserved for it.
fn was_never_made(reservation: &Reservation) -> bool {
    reservation.status == ReservationStatus::Released && reservation.items.is_empty()
}

/// Checks that the order has the parts and the price of its reservation.
fn same_parts(order: &Order, reservation: &Reservation, check: &mut Check) {
    let mut ordered: BTreeMap<Uuid, i64> = BTreeMap::new();
    for part in &order.parts {
        *ordered.entry(*part).or_default() += 1;
    }
    let reserved: BTreeMap<Uuid, i64> = reservation.items.iter().copied().collect();
    if ordered != reserved {
        check.broken_by(Row::order(order.uuid), format!("consists of {ordered:?}, and reserved is {reserved:?}"));
    }
    let (total, price) = (order.total, reservation.price);
    if total != price {
        check.broken_by(Row::order(order.uuid), format!("costs {total}, and its parts were reserved for {price}"));
    }
}

/// Checks that the reservation did not expire while its order existed.
fn kept_its_parts(order: &Order, reservation: &Reservation, check: &mut Check) {
    if let Some(at) = expired_at(reservation).filter(|at| *at > order.created_at + EXPIRY_SLACK) {
        check.broken_by(
            Row::order(order.uuid),
            format!(
                "was created at {}, and its reservation expired although the order existed, at {at}",
                order.created_at
            ),
        );
    }
}

/// Returns the time at which the reservation first expired: the time of its first end, unless that end was its last
/// change, a release or a commit.
fn expired_at(reservation: &Reservation) -> Option<DateTime<Utc>> {
    let is_over = matches!(reservation.status, ReservationStatus::Released | ReservationStatus::Committed);
    reservation.first_ended_at.filter(|at| !(is_over && *at == reservation.updated_at))
}
