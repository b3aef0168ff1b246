//! For each user: initial + credits - charges of INVESTOR_MONEY + their refunds = balance, and the balance is never
//! negative.

use audit::facts::{Balance, Credit, Entry, EntryKind};
use uuid::Uuid;

use crate::{
    fixture::{BUILT, INITIAL, OPEN, PRICE, REFUNDED, RowOf as _, USER, the},
    invariant::{Invariant, breaks},
};

/// A user who has none of these orders.
const OTHER: Uuid = Uuid::from_u128(99);

fn row() -> String {
    format!("balance of user {USER}")
}

#[test]
fn a_balance_is_not_what_its_charges_and_refunds_leave() {
    // The user was charged for two orders, and one charge was refunded.
    let left = INITIAL - PRICE;
    let history = format!("{INITIAL} initial + 0 credited - {} charged + {PRICE} refunded", 2 * PRICE);

    for wrong in [left - 1, left + 1] {
        breaks(2, &[&row(), &format!("{history} are not {wrong}")], |facts| facts.balances[0].current = wrong);
    }
}

#[test]
fn a_charge_or_a_refund_leaves_the_balance_as_it_was() {
    for kind in [EntryKind::Charge, EntryKind::Refund] {
        breaks(2, &[&row(), "are not"], |facts| {
            let entry = the(&mut facts.ledger, |entry| entry.kind == kind).clone();
            facts.ledger.push(Entry { key: "again".to_owned(), ..entry });
        });
    }
}

#[test]
fn each_balance_that_its_charges_do_not_explain_is_found() {
    let credit = || Credit { reference: "other".to_owned(), user: USER, amount: 7 };
    let order = format!("order {BUILT}");
    Invariant(2).is_broken_by(&[
        (&[&row(), "initial + 7 credited"], &|facts| facts.credits.push(credit())),
        (&[&row(), "is -1"], &|facts| {
            facts.balances[0].initial = PRICE - 1;
            facts.balances[0].current = -1;
        }),
        (&[&row(), "is not there"], &|facts| facts.balances.clear()),
        (&[&row(), "are not"], &|facts| facts.ledger[0].account = Some(Uuid::from_u128(99))),
        (&[&order, &format!("is of user {USER}, and the balance of user {OTHER} was charged")], &|facts| {
            the(&mut facts.ledger, |entry| entry.order == BUILT).account = Some(OTHER);
            facts.balances[0].current += PRICE;
            facts.balances.push(Balance { user: OTHER, initial: INITIAL, current: INITIAL - PRICE });
        }),
        (&[&order, &format!("is of user {USER}, and an attempt charges user {OTHER}")], &|facts| {
            facts.payment(BUILT).user = Some(OTHER);
        }),
    ]);
    Invariant(2).holds_though(&[
        ("a decline changes no balance", &|facts| {
            let key = "declined".to_owned();
            let account = Some(USER);
            facts.ledger.push(Entry { key, kind: EntryKind::Decline, order: OPEN, amount: PRICE, account });
        }),
        ("another method of payment changes no balance", &|facts| {
            for entry in &mut facts.ledger {
                entry.account = None;
            }
            facts.balances[0].current = INITIAL;
        }),
        ("a credit adds to its balance", &|facts| {
            facts.credits.push(credit());
            facts.balances[0].current += 7;
        }),
        ("a balance may be zero", &|facts| {
            facts.balances[0].initial = PRICE;
            facts.balances[0].current = 0;
        }),
        ("each balance keeps the initial amount that it was made with", &|facts| {
            let mut other = facts.balances[0];
            other.user = Uuid::from_u128(99);
            other.initial = 5;
            other.current = 5;
            facts.balances.push(other);
        }),
    ]);
}

#[test]
fn a_refund_goes_elsewhere_than_to_the_balance_that_was_charged() {
    let others = format!("the balance of user {OTHER}");
    for (account, to) in [(Some(OTHER), others.as_str()), (None, "no balance")] {
        let text = format!("the balance of user {USER} was charged, and {to} got a refund");
        breaks(2, &[&format!("order {REFUNDED}"), &text], |facts| {
            the(&mut facts.ledger, |entry| entry.kind == EntryKind::Refund).account = account;
            // Each balance agrees with its charges and refunds.
            facts.balances[0].current -= PRICE;
            let balance = |user| Balance { user, initial: INITIAL, current: INITIAL + PRICE };
            facts.balances.extend(account.map(balance));
        });
    }
}
