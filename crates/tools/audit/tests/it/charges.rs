//! An order is charged at most once. Charges minus refunds are 1 exactly when the order is PAID or ASSEMBLED.

use audit::{
    Facts, Verdict,
    facts::{Entry, EntryKind, OrderStatus, Payment, PaymentStatus},
};
use uuid::Uuid;

use crate::fixture::{BUILT, LEFT, OPEN, PRICE, REFUNDED, breaks, finding, holds, shop, the, transaction};

fn charge(order: Uuid, key: &str) -> Entry {
    Entry { key: key.to_owned(), kind: EntryKind::Charge, order, amount: PRICE, account: None }
}

#[test]
fn an_order_is_charged_twice() {
    breaks(2, &["charged 2 times"], |facts| facts.ledger.push(charge(BUILT, "again")));
}

#[test]
fn an_order_is_built_for_nothing() {
    breaks(2, &["is ASSEMBLED, and nothing is charged"], |facts| facts.ledger.retain(|entry| entry.order != BUILT));
}

#[test]
fn an_unpaid_order_is_charged() {
    breaks(2, &["is PENDING_PAYMENT, and is charged"], |facts| facts.ledger.push(charge(OPEN, "early")));
    breaks(2, &["is CANCELLED, and is charged"], |facts| facts.ledger.push(charge(LEFT, "late")));
}

#[test]
fn a_charge_is_not_given_back() {
    breaks(2, &["is CANCELLED, and is charged"], |facts| facts.ledger.retain(|entry| entry.kind != EntryKind::Refund));
}

#[test]
fn a_charge_is_given_back_twice() {
    breaks(2, &["charged 1 times and refunded 2 times"], |facts| {
        let refund = facts.ledger.iter().find(|entry| entry.kind == EntryKind::Refund).unwrap().clone();
        facts.ledger.push(Entry { key: "again".to_owned(), ..refund });
    });
}

#[test]
fn a_built_order_is_given_back() {
    breaks(2, &["is ASSEMBLED, and nothing is charged (1 charges, 1 refunds)"], |facts| {
        facts.ledger.push(Entry { kind: EntryKind::Refund, ..charge(BUILT, "back") });
    });
}

#[test]
fn another_amount_is_charged_or_given_back() {
    breaks(2, &["1 was charged"], |facts| {
        the(&mut facts.ledger, |entry| entry.order == BUILT).amount = 1;
    });
    breaks(2, &["1 was refunded"], |facts| {
        the(&mut facts.ledger, |entry| entry.kind == EntryKind::Refund).amount = 1;
    });
}

#[test]
fn an_order_is_charged_by_another_transaction_than_it_names() {
    breaks(2, &["and charged by other"], |facts| {
        the(&mut facts.ledger, |entry| entry.order == BUILT).key = "other".to_owned();
    });
}

#[test]
fn payment_and_the_provider_disagree() {
    breaks(2, &["is succeeded, and the provider has no such charge"], |facts| {
        the(&mut facts.payments, |payment| payment.order == BUILT).transaction = Uuid::from_u128(99);
    });
    breaks(2, &["is declined, and the provider has charged it"], |facts| {
        the(&mut facts.payments, |payment| payment.order == BUILT).status = PaymentStatus::Declined;
    });
}

#[test]
fn somebody_is_charged_for_no_order() {
    breaks(2, &["which does not exist"], |facts| facts.ledger.push(charge(Uuid::from_u128(99), "stray")));
}

#[test]
fn declines_charge_nothing() {
    holds(2, |facts| {
        facts.ledger.push(Entry { kind: EntryKind::Decline, ..charge(OPEN, "declined") });
    });
}

#[test]
fn without_the_providers_books_payments_rows_stand_for_them() {
    let found = holds(2, |facts| {
        facts.ledger.clear();
        facts.books.clear();
        facts.balances.clear();
        facts.credits.clear();
    });
    assert!(found.notes.iter().any(|note| note.contains("2 payments")), "{found:?}");

    breaks(2, &[&format!("order {REFUNDED}"), "is CANCELLED, and is charged"], |facts| {
        facts.ledger.clear();
        facts.books.clear();
        let transaction = transaction(REFUNDED);
        the(&mut facts.payments, |payment| payment.transaction == transaction).status = PaymentStatus::Refunding;
    });
}

#[test]
fn another_amount_is_charged_by_a_provider_whose_books_are_not_read() {
    for status in [PaymentStatus::Succeeded, PaymentStatus::Refunding, PaymentStatus::Refunded] {
        breaks(2, &[&format!("order {BUILT}"), "costs 12500, and 125000 was charged"], |facts| {
            facts.ledger.clear();
            facts.books.clear();
            let payment = the(&mut facts.payments, |payment| payment.order == BUILT);
            (payment.status, payment.amount) = (status, Some(PRICE * 10));
        });
    }
}

#[test]
fn a_refund_that_its_provider_has_accepted_is_noted_and_not_missed() {
    let accepted = |facts: &mut Facts| {
        facts.ledger.clear();
        facts.books.clear();
        facts.balances.clear();
        facts.credits.clear();
        let payment = the(&mut facts.payments, |payment| payment.order == REFUNDED);
        (payment.status, payment.is_refund_accepted) = (PaymentStatus::Refunding, true);
    };

    let found = holds(2, accepted);

    let note = "1 refunds are accepted by their provider, and not made yet";
    assert!(found.notes.iter().any(|one| one == note), "{found:?}");
    breaks(2, &["is CANCELLED, and is charged (2 charges, 0 refunds)"], |facts| {
        accepted(facts);
        let again = the(&mut facts.payments, |payment| payment.order == REFUNDED).clone();
        let again = Payment { transaction: Uuid::from_u128(99), is_refund_accepted: false, ..again };
        facts.payments.push(again);
    });
    breaks(2, &["is PENDING_PAYMENT, and is charged"], |facts| {
        accepted(facts);
        the(&mut facts.orders, |order| order.uuid == REFUNDED).status = OrderStatus::Pending;
    });
    // The provider's ledger, which was read, would contain the refund.
    breaks(2, &["is CANCELLED, and is charged (1 charges, 0 refunds)"], |facts| {
        facts.ledger.retain(|entry| entry.kind != EntryKind::Refund);
        let payment = the(&mut facts.payments, |payment| payment.order == REFUNDED);
        (payment.status, payment.is_refund_accepted) = (PaymentStatus::Refunding, true);
    });
}

#[test]
fn where_all_books_were_read_nobody_is_believed() {
    let mut facts = shop();
    facts.ledger.clear();
    facts.books.clear();
    facts.balances.clear();
    facts.credits.clear();
    facts.all_books = true;

    let found = finding(&facts, 2);

    assert_eq!(found.verdict, Verdict::NothingToCheck, "{found:?}");
    assert_eq!(found.missing, ["2 payments are of a provider whose books were not read"]);
}

#[test]
fn an_order_was_charged_and_given_back_and_whoever_paid_it_was_told_otherwise() {
    breaks(2, &["was charged, but never became PAID"], |facts| {
        the(&mut facts.orders, |order| order.uuid == REFUNDED).transaction = None;
    });
}

#[test]
fn a_declined_payment_is_in_nobodys_books_as_a_charge() {
    holds(2, |facts| {
        let mut payment = facts.payments[0].clone();
        (payment.order, payment.transaction) = (OPEN, Uuid::from_u128(98));
        payment.status = PaymentStatus::Declined;
        facts.ledger.push(Entry { kind: EntryKind::Decline, ..charge(OPEN, &payment.transaction.to_string()) });
        facts.payments.push(payment);
    });
}
