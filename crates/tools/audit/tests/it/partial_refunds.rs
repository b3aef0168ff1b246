//! Each partial refund is made once, and leaves the order charged.

use audit::{
    Facts,
    facts::{Balance, Entry, EntryKind},
    receipt::{State, receipt},
};
use uuid::Uuid;

use crate::{
    fixture::{BUILT, INITIAL, PRICE, REFUND, REFUNDED, RowOf as _, USER, partial_refund, the, transaction},
    invariant::{Invariant, breaks, finding, holds},
    shop::shop,
};

/// Refunds a part of this order's charge; for a cancelled order, lowers its whole refund by as much.
fn give_back(facts: &mut Facts, order: Uuid, amount: i64) {
    let transaction = transaction(order);
    facts.partial_refunds.push(partial_refund(order, amount));
    the(&mut facts.payments, |payment| payment.transaction == transaction).partially_refunded = amount;
    let key = REFUND.to_string();
    let whole = |entry: &Entry| entry.order == order && entry.kind == EntryKind::Refund;
    if let Some(rest) = facts.ledger.iter_mut().find(|entry| whole(entry)) {
        rest.amount -= amount;
    } else {
        facts.balances.iter_mut().filter(|balance| balance.user == USER).for_each(|balance| balance.current += amount);
    }
    facts.ledger.retain(|entry| entry.amount > 0);
    let account = facts.ledger.iter().find(|entry| entry.order == order).and_then(|entry| entry.account);
    facts.ledger.push(Entry { key, kind: EntryKind::Refund, order, amount, account });
}

fn given_back(order: Uuid, amount: i64, wrong: impl Fn(&mut Facts)) -> impl Fn(&mut Facts) {
    move |facts| {
        give_back(facts, order, amount);
        wrong(facts);
    }
}

#[test]
fn each_spoilt_partial_refund_is_found() {
    let unsigned = given_back(BUILT, 100, |facts| facts.partial_refunds[0].is_signed = false);
    let other = Uuid::from_u128(99);
    Invariant(2).is_broken_by(&[
        (&[&format!("partial refund {REFUND}"), "has no author"], &unsigned),
        (
            &["is made, and the provider has no such refund"],
            &given_back(BUILT, 1, |facts| facts.ledger.retain(|entry| !entry.key.starts_with(&REFUND.to_string()))),
        ),
        (
            &["is not made, and the provider has made it"],
            &given_back(BUILT, 1, |facts| facts.partial_refunds[0].is_made = false),
        ),
        (
            &["was made 2 times"],
            &given_back(BUILT, 1, |facts| {
                let again = Entry { key: format!("{REFUND}-2"), ..entry(facts).clone() };
                facts.ledger.push(again);
            }),
        ),
        (&["is of 1, and 2 was refunded"], &given_back(BUILT, 1, |facts| entry(facts).amount = 2)),
        (
            &[&format!("the balance of user {other} got a refund")],
            &given_back(BUILT, 1, |facts| {
                entry(facts).account = Some(other);
                the(&mut facts.balances, |balance| balance.user == USER).current -= 1;
                facts.balances.push(Balance { user: other, initial: INITIAL, current: INITIAL + 1 });
            }),
        ),
        (
            &["has 2 partially refunded, and its refunds sum to 1"],
            &given_back(BUILT, 1, |facts| facts.payment(BUILT).partially_refunded = 2),
        ),
        (&["are more than its charge"], &given_back(BUILT, PRICE + 1, |_| {})),
        (
            &["which payment does not know"],
            &given_back(BUILT, 1, |facts| facts.partial_refunds[0].transaction = Uuid::from_u128(99)),
        ),
    ]);
}

fn entry(facts: &mut Facts) -> &mut Entry {
    the(&mut facts.ledger, |entry| entry.key.starts_with(&REFUND.to_string()))
}

#[test]
fn a_built_order_is_given_back_in_part_or_whole() {
    for amount in [1, PRICE] {
        holds(2, given_back(BUILT, amount, |_| {}));
    }
    // The second request was made after the first one had failed.
    holds(2, given_back(BUILT, 1, |facts| entry(facts).key += "-2"));
}

#[test]
fn a_cancelled_order_gets_back_the_rest() {
    for amount in [1, PRICE] {
        holds(2, given_back(REFUNDED, amount, |_| {}));
    }
    let rest = format!("{} is left of its charge, and {PRICE} was refunded", PRICE - 1);
    breaks(
        2,
        &[&rest],
        given_back(REFUNDED, 1, |facts| {
            the(&mut facts.ledger, |entry| entry.order == REFUNDED && entry.key.ends_with("-refund")).amount = PRICE;
        }),
    );
    breaks(
        2,
        &["is CANCELLED, and is charged (1 charges, 0 refunds)"],
        given_back(REFUNDED, 1, |facts| facts.ledger.retain(|entry| !entry.key.ends_with("-refund"))),
    );
}

#[test]
fn a_receipt_shows_the_partial_refunds() {
    let mut facts = shop();
    give_back(&mut facts, BUILT, 250);
    assert!(finding(&facts, 2).violations.is_empty());
    let money = |facts: &Facts| {
        let receipt = receipt(facts, BUILT);
        receipt.checks.into_iter().find(|check| check.number == 2).unwrap()
    };

    let check = money(&facts);
    assert_eq!(check.state, State::Held, "{check:?}");
    assert!(check.evidence.contains(&format!("partial refund {REFUND} of 2.50: made")), "{check:?}");

    facts.partial_refunds[0].is_made = false;
    facts.ledger.retain(|entry| !entry.key.starts_with(&REFUND.to_string()));
    let check = money(&facts);
    assert_eq!(check.state, State::Open, "{check:?}");
}
