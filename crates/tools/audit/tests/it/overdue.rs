//! No order or loan stays unfinished longer than its bound.

use std::time::Duration;

use audit::facts::{
    BuildStatus, KycStatus, LoanStatus, NotificationStatus, OrderStatus, PartialRefund, PaymentStatus,
    ReservationStatus,
};

use crate::{
    fixture::{BUILT, CUSTOMER, LOAN, OPEN, REFUNDED, RowOf as _, now, partial_refund, the, then},
    invariant::{Invariant, breaks, holds},
};

const DAY: Duration = Duration::from_hours(24);

#[test]
fn what_is_overdue_is_found() {
    Invariant(7).is_broken_by(&[
        (&["is neither paid nor cancelled, 300 s overdue"], &|facts| facts.order(OPEN).pay_until = then()),
        (&["is neither paid nor cancelled"], &|facts| {
            facts.bounds.grace = Duration::from_secs(29);
            facts.order(OPEN).pay_until = now() - Duration::from_secs(30);
        }),
        (&["its payment outcome is unknown"], &|facts| {
            let order = facts.order(BUILT);
            order.status = OrderStatus::Pending;
            order.attempt = Some(1);
        }),
        (&["its payment outcome is unknown"], &|facts| {
            let order = facts.order(OPEN);
            order.attempt = Some(1);
            order.pay_until = then();
        }),
        (&["is not built"], &|facts| facts.order(BUILT).status = OrderStatus::Paid),
        (&["its ship is not finished"], &|facts| facts.build(BUILT).status = BuildStatus::Building),
        (&["its charge is not settled"], &|facts| facts.payment(BUILT).status = PaymentStatus::Pending),
        (&["its charge is not refunded"], &|facts| facts.payment(REFUNDED).status = PaymentStatus::Refunding),
        (&["its order_paid is not sent"], &|facts| {
            the(&mut facts.notifications, |one| one.order == BUILT).status = NotificationStatus::Queued;
        }),
        (&["its events.v1.OrderCreated is not published"], &|facts| {
            the(&mut facts.outbox, |row| row.key == OPEN).published_at = None;
        }),
        (&["its parts are held"], &|facts| {
            let reservation = facts.reservation(OPEN);
            reservation.status = ReservationStatus::Held;
            reservation.expires_at = Some(then());
        }),
    ]);
    Invariant(7).holds_though(&[
        ("a sweeper has its grace", &|facts| facts.order(OPEN).pay_until = now() - Duration::from_secs(30)),
        ("a ship is built within its bound", &|facts| {
            facts.order(BUILT).status = OrderStatus::Paid;
            facts.bounds.build = Duration::from_mins(5);
        }),
        ("parts are held until their time is over", &|facts| {
            let reservation = facts.reservation(OPEN);
            reservation.status = ReservationStatus::Held;
            reservation.expires_at = Some(now() + Duration::from_mins(1));
        }),
    ]);
}

#[test]
fn a_partial_refund_that_is_requested_again_may_take_its_time_again() {
    let open = |requested_at| {
        move |facts: &mut audit::Facts| {
            let (refund, created_at) = (partial_refund(BUILT, 1), now() - DAY);
            facts.partial_refunds.push(PartialRefund { is_made: false, created_at, requested_at, ..refund });
        }
    };

    breaks(7, &["it is not made, 86400 s overdue"], open(None));
    breaks(7, &["it is not made, 300 s overdue"], open(Some(then())));
    holds(7, open(Some(now())));
}

#[test]
fn a_refund_that_its_provider_has_accepted_may_take_ten_days() {
    let refunding = |provider: &'static str, is_refund_accepted, since| {
        move |facts: &mut audit::Facts| {
            let payment = facts.payment(REFUNDED);
            (payment.status, payment.is_refund_accepted) = (PaymentStatus::Refunding, is_refund_accepted);
            (payment.provider, payment.updated_at) = (Some(provider.to_owned()), since);
        }
    };
    let in_part = |provider: &'static str, is_accepted, since| {
        move |facts: &mut audit::Facts| {
            facts.payment(BUILT).provider = Some(provider.to_owned());
            let refund = PartialRefund { created_at: since, ..partial_refund(BUILT, 1) };
            facts.partial_refunds.push(PartialRefund { is_made: false, is_accepted, ..refund });
        }
    };

    holds(7, refunding("stripe", true, now() - 10 * DAY));
    holds(7, in_part("stripe", true, now() - 10 * DAY));

    breaks(7, &["its charge is not refunded, 86400 s overdue"], refunding("stripe", true, now() - 11 * DAY));
    breaks(7, &["it is not made, 86400 s overdue"], in_part("stripe", true, now() - 11 * DAY));
    // A refund that the provider has not accepted, or whose ledger was read, has only the grace period.
    breaks(7, &["its charge is not refunded, 300 s overdue"], refunding("stripe", false, then()));
    breaks(7, &["it is not made, 300 s overdue"], in_part("stripe", false, then()));
    breaks(7, &["its charge is not refunded, 300 s overdue"], refunding("ledger", true, then()));
    breaks(7, &["it is not made, 300 s overdue"], in_part("ledger", true, then()));
}

#[test]
fn a_notification_that_its_user_has_resent_may_take_its_time_again() {
    let queued = |queued_at| {
        move |facts: &mut audit::Facts| {
            let one = the(&mut facts.notifications, |one| one.order == BUILT);
            (one.status, one.sent_at) = (NotificationStatus::Queued, None);
            (one.created_at, one.queued_at) = (now() - DAY, queued_at);
        }
    };

    breaks(7, &["its order_paid is not sent, 86400 s overdue"], queued(None));
    breaks(7, &["its order_paid is not sent, 300 s overdue"], queued(Some(then())));
    holds(7, queued(Some(now())));
}

#[test]
fn a_grace_is_over_when_more_than_it_has_passed() {
    let overdue = |millis| {
        move |facts: &mut audit::Facts| {
            let pay_until = now() - facts.bounds.grace - Duration::from_millis(millis);
            facts.order(OPEN).pay_until = pay_until;
        }
    };

    holds(7, overdue(0));
    breaks(7, &["is neither paid nor cancelled, 60 s overdue"], overdue(1));
}

#[test]
fn a_decided_loan_is_never_credited() {
    let crediting = |since| {
        move |facts: &mut audit::Facts| {
            let loan = the(&mut facts.loans, |loan| loan.id == LOAN);
            (loan.status, loan.since, loan.credited_at) = (LoanStatus::Crediting, since, None);
        }
    };

    breaks(7, &[&format!("loan {LOAN}"), "is not credited, 300 s overdue"], crediting(then()));
    holds(7, crediting(now()));
}

#[test]
fn a_loan_stays_held_although_its_customer_was_checked() {
    let held = |status, checked, since| {
        move |facts: &mut audit::Facts| {
            facts.customers[0].status = status;
            the(&mut facts.customer_versions, |one| one.customer == CUSTOMER && one.version == 3).at = checked;
            let loan = the(&mut facts.loans, |loan| loan.id == LOAN);
            (loan.status, loan.version, loan.since, loan.credited_at) = (LoanStatus::Held, None, since, None);
        }
    };

    for status in [KycStatus::Verified, KycStatus::Rejected, KycStatus::Erased] {
        breaks(7, &[&format!("loan {LOAN}"), "is not decided, 300 s overdue"], held(status, then(), then() - DAY));
    }
    holds(7, held(KycStatus::Verified, now(), then()));
    holds(7, held(KycStatus::Verified, then(), now()));
    holds(7, held(KycStatus::Pending, then(), then()));
}

#[test]
fn a_loan_of_a_user_who_is_no_customer_is_refused_after_its_hold() {
    let held = |hold, since| {
        move |facts: &mut audit::Facts| {
            facts.bounds.hold = hold;
            the(&mut facts.loans, |loan| loan.id == "early").since = since;
        }
    };

    holds(7, held(DAY, now() - DAY));
    breaks(7, &["loan early", "is not refused, 300 s overdue"], held(DAY, then() - DAY));
    holds(7, held(2 * DAY, then() - DAY));
}
