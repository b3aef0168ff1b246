//! Invariant 7: No order or loan stays unfinished longer than its bound.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    Facts, Finding,
    facts::{
        BuildStatus, Customer, DeliveryState, KycStatus, LoanStatus, NotificationStatus, Order, OrderStatus, Payment,
        PaymentStatus, ReservationStatus,
    },
    report::Check,
    violation::{Cause, Row},
};

/// A provider may take this long to make a refund that it has accepted.
const ACCEPTED_REFUND: Duration = Duration::from_hours(240);

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(7, "no order or loan stays unfinished longer than its bound");
    let mut late = Late { at: facts.at, grace: facts.bounds.grace, unfinished: 0, check: &mut check };
    orders(facts, &mut late);
    services(facts, &mut late);
    deliveries(facts, &mut late);
    loans(facts, &mut late);
    let unfinished = late.unfinished;
    check.counted("orders", facts.orders.len());
    check.counted("loans", facts.loans.len());
    check.counted("things under way", unfinished);
    check.end()
}

/// Reports orders and loans that are overdue by more than the grace period.
struct Late<'a> {
    at: DateTime<Utc>,
    grace: Duration,
    unfinished: usize,
    check: &'a mut Check,
}

impl Late<'_> {
    fn look(&mut self, row: impl Into<Row>, what: &str, due: DateTime<Utc>) {
        self.unfinished += 1;
        let late = self.at.signed_duration_since(due);
        if late.to_std().is_ok_and(|late| late > self.grace) {
            let row = row.into().for_some_time(format!("{what}, overdue"));
            self.check.broken_by(row, format!("{what}, {} s overdue", late.num_seconds()));
        }
    }
}

fn orders(facts: &Facts, late: &mut Late<'_>) {
    let begun: HashMap<(Uuid, Option<i64>), DateTime<Utc>> =
        facts.payments.iter().map(|payment| ((payment.order, payment.attempt), payment.created_at)).collect();
    for order in &facts.orders {
        let row = Row::order(order.uuid);
        match order {
            Order { status: OrderStatus::Pending, attempt: Some(_), .. } => {
                // If the payment service does not know the attempt, its start time is unknown.
                let due = begun.get(&(order.uuid, order.attempt)).copied().unwrap_or(order.pay_until);
                late.look(row, "its payment outcome is unknown", due);
            }
            Order { status: OrderStatus::Pending, .. } => {
                late.look(row, "is neither paid nor cancelled", order.pay_until);
            }
            Order { status: OrderStatus::Paid, .. } => {
                let due = order.updated_at + facts.bounds.build;
                late.look(row.because(Cause::NotBuilt), "is not built", due);
            }
            Order { status: OrderStatus::Cancelled | OrderStatus::Assembled, .. } => {}
        }
    }
}

/// Checks other services' pending work for an order. The order itself may be finished.
fn services(facts: &Facts, late: &mut Late<'_>) {
    for row in facts.outbox.iter().filter(|row| row.published_at.is_none()) {
        late.look(Row::order(row.key), &format!("its {} is not published", row.kind), row.created_at);
    }
    for payment in &facts.payments {
        let (what, within) = match payment.status {
            PaymentStatus::Pending => ("its charge is not settled", Duration::ZERO),
            PaymentStatus::Refunding => {
                let within = time_to_refund(facts, Some(payment), payment.is_refund_accepted);
                ("its charge is not refunded", within)
            }
            _ => continue,
        };
        late.look(Row::order(payment.order), what, payment.updated_at + within);
    }
    let charges: HashMap<Uuid, &Payment> = facts.payments.iter().map(|one| (one.transaction, one)).collect();
    for refund in facts.partial_refunds.iter().filter(|refund| !refund.is_made) {
        let since = refund.requested_at.unwrap_or(refund.created_at);
        let charge = charges.get(&refund.transaction).copied();
        let within = time_to_refund(facts, charge, refund.is_accepted);
        let row = Row::about(charge.map(|charge| charge.order), format_args!("partial refund {}", refund.refund));
        late.look(row, "it is not made", since + within);
    }
    for reservation in facts.reservations.iter().filter(|one| one.status == ReservationStatus::Held) {
        let due = reservation.expires_at.unwrap_or(reservation.updated_at);
        late.look(Row::order(reservation.order).because(Cause::PartsHeld), "its parts are held", due);
    }
    for build in facts.builds.iter().filter(|build| build.status == BuildStatus::Building) {
        late.look(Row::order(build.order), "its ship is not finished", build.due_at);
    }
    for one in facts.notifications.iter().filter(|one| one.status == NotificationStatus::Queued) {
        let due = one.queued_at.unwrap_or(one.created_at);
        late.look(Row::order(one.order), &format!("its {} is not sent", one.kind), due);
    }
}

/// Returns the time limit for a refund of this charge. A provider whose ledger was read makes an accepted refund at
/// once.
fn time_to_refund(facts: &Facts, charge: Option<&Payment>, is_accepted: bool) -> Duration {
    let is_believed = charge.is_some_and(|charge| facts.believes(charge));
    if is_accepted && is_believed { ACCEPTED_REFUND } else { Duration::ZERO }
}

/// Checks deliveries. An order may wait while every courier with enough space for it is busy, and without limit if no
/// courier has enough space. A courier must deliver its order within the time of its steps.
fn deliveries(facts: &Facts, late: &mut Late<'_>) {
    let fits = |volume: i32| {
        let mut places = facts.places.iter().filter(|place| place.total_volume >= volume);
        places.any(|place| facts.couriers.iter().any(|one| one.uuid == place.courier && one.order.is_none()))
    };
    for delivery in &facts.deliveries {
        let row = Row::order(delivery.order);
        match delivery.state {
            DeliveryState::Created if fits(delivery.volume.unwrap_or_default()) => {
                let since = delivery.waiting_since.unwrap_or(delivery.updated_at);
                late.look(row, "waits for a courier while one is free", since);
            }
            DeliveryState::Assigned => {
                let steps = u32::try_from(delivery.steps.unwrap_or_default()).unwrap_or_default();
                late.look(row, "is not delivered", delivery.updated_at + facts.bounds.step * steps.max(1));
            }
            _ => {}
        }
    }
}

/// Checks loans. A loan may be held while its user is being verified, and for a time while its user is not a customer.
fn loans(facts: &Facts, late: &mut Late<'_>) {
    let customers: HashMap<Uuid, &Customer> =
        facts.customers.iter().map(|customer| (customer.uuid, customer)).collect();
    let versions: HashMap<(Uuid, i64), DateTime<Utc>> =
        facts.customer_versions.iter().map(|one| ((one.customer, one.version), one.at)).collect();
    for loan in &facts.loans {
        let row = format!("loan {}", loan.id);
        match loan.status {
            LoanStatus::Held => match customers.get(&loan.customer) {
                None => late.look(&row, "is not refused", loan.since + facts.bounds.hold),
                Some(Customer { status: KycStatus::Pending, .. }) => {}
                Some(Customer { uuid, version, .. }) => {
                    let checked = versions.get(&(*uuid, *version)).copied().unwrap_or(loan.since);
                    late.look(&row, "is not decided", loan.since.max(checked));
                }
            },
            LoanStatus::Crediting => late.look(&row, "is not credited", loan.since),
            LoanStatus::Credited | LoanStatus::Refused => {}
        }
    }
}
