//! Each settled attempt was published once, with its outcome.

use audit::{
    Facts,
    facts::{Completion, EntryKind, OrderStatus, Payment, PaymentStatus},
};
use contracts::events::{PaymentCompleted, Published as _};
use uuid::Uuid;

use crate::{
    fixture::{BUILT, OPEN, PRICE, REFUNDED, RowOf as _, discarded, inbox, now, the, transaction},
    invariant::{Invariant, breaks, finding, holds},
    shop::shop,
};

const SELF: u8 = 10;

fn row(order: Uuid) -> String {
    format!("attempt 1 of order {order}")
}

fn completion(facts: &mut Facts, order: Uuid) -> &mut Completion {
    the(&mut facts.completions, |completion| completion.order == order)
}

/// Declines the first attempt to pay the open order, and publishes the decline.
fn decline(facts: &mut Facts, reason: &str, status: &str) {
    let payment = facts.payment(BUILT).clone();
    facts.payments.push(Payment {
        order: OPEN,
        transaction: transaction(OPEN),
        status: PaymentStatus::Declined,
        decline_reason: Some(reason.to_owned()),
        ..payment
    });
    let completion = completion(facts, BUILT).clone();
    let (order, transaction, status) = (OPEN, transaction(OPEN), status.to_owned());
    facts.completions.push(Completion { event: Uuid::from_u128(70), order, transaction, status, ..completion });
}

#[test]
fn a_settled_attempt_was_not_published() {
    for order in [BUILT, REFUNDED] {
        breaks(SELF, &[&row(order), "and was never published"], |facts| {
            facts.completions.retain(|completion| completion.order != order);
        });
    }
    breaks(SELF, &[&row(OPEN), "is declined, and was never published"], |facts| {
        decline(facts, "PAYMENT_DECLINED", "FAILED");
        facts.completions.retain(|completion| completion.order != OPEN);
    });
}

#[test]
fn an_attempt_was_published_with_another_outcome() {
    for status in ["FAILED", "INSUFFICIENT_FUNDS"] {
        let text = format!("is succeeded, and is published as {status}");
        breaks(SELF, &[&row(BUILT), &text], |facts| completion(facts, BUILT).status = status.to_owned());
    }
    breaks(SELF, &[&row(REFUNDED), "is refunded, and is published as INSUFFICIENT_FUNDS"], |facts| {
        completion(facts, REFUNDED).status = "INSUFFICIENT_FUNDS".to_owned();
    });
    for (reason, status) in [("PAYMENT_DECLINED", "INSUFFICIENT_FUNDS"), ("INSUFFICIENT_FUNDS", "FAILED")] {
        breaks(SELF, &[&row(OPEN), "is declined, and is published as"], |facts| decline(facts, reason, status));
    }
}

#[test]
fn each_spoilt_completion_is_found() {
    let text = format!("is published as SUCCESS of {PRICE}, and the provider has charged 0");
    Invariant(SELF).is_broken_by(&[
        (&[&row(BUILT), "is published with the amount 1"], &|facts| completion(facts, BUILT).amount = 1),
        (&[&row(BUILT), "and is published with"], &|facts| completion(facts, BUILT).transaction = Uuid::from_u128(98)),
        (&[&row(BUILT), "is published by two events"], &|facts| {
            let again = Completion { event: Uuid::from_u128(99), ..completion(facts, BUILT).clone() };
            facts.completions.push(again);
        }),
        (&[&row(BUILT), "is published as", "and as"], &|facts| {
            let other = Completion { status: "FAILED".to_owned(), ..completion(facts, BUILT).clone() };
            facts.completions.push(other);
        }),
        (&["attempt 2 of order", "payment has no such attempt"], &|facts| {
            let event = Uuid::from_u128(99);
            let second = Completion { event, attempt: 2, ..completion(facts, BUILT).clone() };
            facts.completions.push(second);
        }),
        (&[&row(BUILT), "is pending, and is published as SUCCESS"], &|facts| {
            facts.payment(BUILT).status = PaymentStatus::Pending;
        }),
        (&[&row(BUILT), &text], &|facts| {
            facts.ledger.retain(|entry| entry.order != BUILT || entry.kind != EntryKind::Charge);
        }),
        (&[&format!("order {BUILT}: is PENDING_PAYMENT"), "is published as SUCCESS"], &|facts| {
            facts.order(BUILT).status = OrderStatus::Pending;
        }),
        (&[&format!("order {BUILT}: is ASSEMBLED"), "is published as SUCCESS"], &|facts| {
            facts.order(BUILT).transaction = Some(Uuid::from_u128(98));
        }),
        (&[&format!("order {BUILT}: is paid by"), "which is published as FAILED"], &|facts| {
            completion(facts, BUILT).status = "FAILED".to_owned();
        }),
    ]);
    Invariant(SELF).holds_though(&[
        ("a decline is published as failed", &|facts| {
            decline(facts, "PAYMENT_DECLINED", "FAILED");
        }),
        ("a decline for lack of funds is published with its reason", &|facts| {
            decline(facts, "INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS");
        }),
        ("a charge that came too late is published as failed", &|facts| {
            completion(facts, REFUNDED).status = "FAILED".to_owned();
            facts.order(REFUNDED).transaction = None;
        }),
        ("an event is read from the outbox and from the topic", &|facts| {
            let same = completion(facts, BUILT).clone();
            facts.completions.push(same);
        }),
    ]);
}

#[test]
fn an_old_event_may_have_been_removed() {
    let found = holds(SELF, |facts| {
        facts.completions.clear();
        facts.kept_since = Some(now());
    });

    assert!(found.notes.is_empty(), "{found:?}");
}

#[test]
fn order_has_not_handled_a_completion() {
    let group = "order-group-payment-completed";

    breaks(5, &[PaymentCompleted::TYPE, &BUILT.to_string(), group, "has not handled it"], |facts| {
        let event = completion(facts, BUILT).event;
        inbox(facts, group).rows.retain(|row| row.event != event);
    });
    let well = finding(&shop(), 5);
    assert!(well.violations.iter().all(|one| !one.problem.contains(group)), "{well:?}");
}

#[test]
fn a_completion_that_an_operator_discarded_is_not_missed() {
    let group = "order-group-payment-completed";
    let mut facts = shop();
    let event = completion(&mut facts, BUILT).event;
    inbox(&mut facts, group).rows.retain(|row| row.event != event);
    facts.discarded.push(discarded(group, BUILT, event));

    let found = finding(&facts, 5);

    assert!(found.violations.iter().all(|one| !one.problem.contains(group)), "{found:?}");
    assert!(found.notes.iter().any(|note| note.starts_with("waived") && note.contains(group)), "{found:?}");
    assert_eq!(finding(&facts, SELF).violations, []);
}
