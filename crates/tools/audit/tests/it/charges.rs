//! An order is charged at most once. Charges minus refunds are 1 exactly when the order is PAID or ASSEMBLED.

use audit::{
    Facts, Verdict,
    facts::{Entry, EntryKind, OrderStatus, Payment, PaymentStatus},
};
use uuid::Uuid;

use crate::{
    fixture::{BUILT, LEFT, OPEN, PRICE, REFUNDED, RowOf as _, the, transaction},
    invariant::{Invariant, breaks, finding, holds},
    shop::shop,
};

/// Removes everything that was read from the provider's ledger.
fn forget_books(facts: &mut Facts) {
    facts.ledger.clear();
    facts.books.clear();
    facts.balances.clear();
    facts.credits.clear();
}

fn charge(order: Uuid, key: &str) -> Entry {
    Entry { key: key.to_owned(), kind: EntryKind::Charge, order, amount: PRICE, account: None }
}

#[test]
fn each_spoilt_charge_is_found() {
    Invariant(2).is_broken_by(&[
        (&["charged 2 times"], &|facts| facts.ledger.push(charge(BUILT, "again"))),
        (&["is ASSEMBLED, and nothing is charged"], &|facts| facts.ledger.retain(|entry| entry.order != BUILT)),
        (&["is PENDING_PAYMENT, and is charged"], &|facts| facts.ledger.push(charge(OPEN, "early"))),
        (&["is CANCELLED, and is charged"], &|facts| facts.ledger.push(charge(LEFT, "late"))),
        (&["is CANCELLED, and is charged"], &|facts| facts.ledger.retain(|entry| entry.kind != EntryKind::Refund)),
        (&["charged 1 times and refunded 2 times"], &|facts| {
            let refund = facts.ledger.iter().find(|entry| entry.kind == EntryKind::Refund).unwrap().clone();
            facts.ledger.push(Entry { key: "again".to_owned(), ..refund });
        }),
        (&["is ASSEMBLED, and nothing is charged (1 charges, 1 refunds)"], &|facts| {
            facts.ledger.push(Entry { kind: EntryKind::Refund, ..charge(BUILT, "back") });
        }),
        (&["1 was charged"], &|facts| the(&mut facts.ledger, |entry| entry.order == BUILT).amount = 1),
        (&["1 was refunded"], &|facts| the(&mut facts.ledger, |entry| entry.kind == EntryKind::Refund).amount = 1),
        (&["and charged by other"], &|facts| {
            the(&mut facts.ledger, |entry| entry.order == BUILT).key = "other".to_owned();
        }),
        (&["is succeeded, and the provider has no such charge"], &|facts| {
            facts.payment(BUILT).transaction = Uuid::from_u128(99);
        }),
        (&["is declined, and the provider has charged it"], &|facts| {
            facts.payment(BUILT).status = PaymentStatus::Declined;
        }),
        (&["which does not exist"], &|facts| facts.ledger.push(charge(Uuid::from_u128(99), "stray"))),
        (&["was charged, but never became PAID"], &|facts| facts.order(REFUNDED).transaction = None),
    ]);
    Invariant(2).holds_though(&[
        ("declines charge nothing", &|facts| {
            facts.ledger.push(Entry { kind: EntryKind::Decline, ..charge(OPEN, "declined") });
        }),
        ("a declined payment is in no books as a charge", &|facts| {
            let mut payment = facts.payments[0].clone();
            (payment.order, payment.transaction) = (OPEN, Uuid::from_u128(98));
            payment.status = PaymentStatus::Declined;
            facts.ledger.push(Entry { kind: EntryKind::Decline, ..charge(OPEN, &payment.transaction.to_string()) });
            facts.payments.push(payment);
        }),
    ]);
}

#[test]
fn without_the_providers_books_payments_rows_stand_for_them() {
    let found = holds(2, forget_books);
    assert!(found.notes.iter().any(|note| note.contains("2 payments")), "{found:?}");

    breaks(2, &[&format!("order {REFUNDED}"), "is CANCELLED, and is charged"], |facts| {
        forget_books(facts);
        let transaction = transaction(REFUNDED);
        the(&mut facts.payments, |payment| payment.transaction == transaction).status = PaymentStatus::Refunding;
    });
}

#[test]
fn another_amount_is_charged_by_a_provider_whose_books_are_not_read() {
    for status in [PaymentStatus::Succeeded, PaymentStatus::Refunding, PaymentStatus::Refunded] {
        breaks(2, &[&format!("order {BUILT}"), "costs 12500, and 125000 was charged"], |facts| {
            forget_books(facts);
            let payment = facts.payment(BUILT);
            (payment.status, payment.amount) = (status, Some(PRICE * 10));
        });
    }
}

#[test]
fn a_refund_that_its_provider_has_accepted_is_noted_and_not_missed() {
    let accepted = |facts: &mut Facts| {
        forget_books(facts);
        let payment = facts.payment(REFUNDED);
        (payment.status, payment.is_refund_accepted) = (PaymentStatus::Refunding, true);
    };

    let found = holds(2, accepted);

    let note = "1 refunds are accepted by their provider, and not made yet";
    assert!(found.notes.iter().any(|one| one == note), "{found:?}");
    breaks(2, &["is CANCELLED, and is charged (2 charges, 0 refunds)"], |facts| {
        accepted(facts);
        let again = facts.payment(REFUNDED).clone();
        let again = Payment { transaction: Uuid::from_u128(99), is_refund_accepted: false, ..again };
        facts.payments.push(again);
    });
    breaks(2, &["is PENDING_PAYMENT, and is charged"], |facts| {
        accepted(facts);
        facts.order(REFUNDED).status = OrderStatus::Pending;
    });
    // The provider's ledger, which was read, would contain the refund.
    breaks(2, &["is CANCELLED, and is charged (1 charges, 0 refunds)"], |facts| {
        facts.ledger.retain(|entry| entry.kind != EntryKind::Refund);
        let payment = facts.payment(REFUNDED);
        (payment.status, payment.is_refund_accepted) = (PaymentStatus::Refunding, true);
    });
}

#[test]
fn where_all_books_were_read_payments_rows_are_not_enough() {
    let mut facts = shop();
    forget_books(&mut facts);
    facts.all_books = true;

    let found = finding(&facts, 2);

    assert_eq!(found.verdict, Verdict::NothingToCheck, "{found:?}");
    assert_eq!(found.missing, ["2 payments are of a provider whose books were not read"]);
}
