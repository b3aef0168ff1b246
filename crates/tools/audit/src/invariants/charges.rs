//! Invariant 2: An order's user is charged at most once, with its total price. Charges minus refunds are 1 exactly when
//! the order is PAID or ASSEMBLED. Each partial refund is made once; together with the refund of a cancelled order,
//! they refund at most the charge, to the balance that was charged. Balances add up.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::{
    Facts, Finding,
    facts::{Balance, Entry, EntryKind, Order, OrderStatus, Payment, PaymentStatus},
    invariants::partial_refunds,
    report::Check,
    violation::{Cause, Row},
};

/// The statuses of a payment that was charged, even if it was refunded later.
const CHARGED: [PaymentStatus; 3] = [PaymentStatus::Succeeded, PaymentStatus::Refunding, PaymentStatus::Refunded];

/// The services whose databases the check of one order needs.
pub const DATABASES: &[&str] = &["order", "payment"];

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(2, "each paid order is charged once, every other not at all");
    let books = Books::from_facts(facts);
    for order in &facts.orders {
        books.order(order, &mut check);
        books.accounts(order, &mut check);
    }
    for payment in &facts.payments {
        books.payment(payment, &mut check);
    }
    partial_refunds::check(facts, &mut check);
    let orders = facts.orders_by_uuid();
    let strangers = facts.ledger.iter().filter(|entry| !orders.contains_key(&entry.order));
    for entry in strangers.filter(|entry| entry.kind != EntryKind::Decline) {
        let row = Row::about(entry.order, format_args!("entry {}", entry.key));
        check.broken_by(row, format!("is about order {}, which does not exist", entry.order));
    }
    check.counted("orders", facts.orders.len());
    check.counted("entries in the providers' books", facts.ledger.len());
    check.counted("payments", facts.payments.len());
    check.counted("partial refunds", facts.partial_refunds.len());
    check_balances(facts, &mut check);
    let accepted = facts.payments.iter().filter(|payment| is_accepted(facts, payment)).count();
    if accepted > 0 {
        check.note(format!("{accepted} refunds are accepted by their provider, and not made yet"));
    }
    let believed = facts.payments.iter().filter(|payment| facts.believes(payment)).count();
    if believed > 0 {
        let note = format!("{believed} payments are of a provider whose books were not read");
        if facts.all_books {
            check.missing(note);
        } else {
            check.note(format!("{note}: payment's own rows are trusted"));
        }
    }
    check.end()
}

/// Returns true for a refund that the provider has accepted but not made, if the provider's ledger was not read.
fn is_accepted(facts: &Facts, payment: &Payment) -> bool {
    payment.status == PaymentStatus::Refunding && payment.is_refund_accepted && facts.believes(payment)
}

struct Books<'a> {
    entries: HashMap<Uuid, Vec<&'a Entry>>,
    by_key: HashMap<&'a str, &'a Entry>,
    payments: HashMap<Uuid, Vec<&'a Payment>>,
    partial_refunds: HashSet<Uuid>,
    facts: &'a Facts,
}

impl<'a> Books<'a> {
    fn from_facts(facts: &'a Facts) -> Self {
        let mut books = Self {
            entries: HashMap::new(),
            by_key: facts.ledger.iter().map(|entry| (entry.key.as_str(), entry)).collect(),
            payments: HashMap::new(),
            partial_refunds: facts.partial_refunds.iter().map(|refund| refund.refund).collect(),
            facts,
        };
        for entry in &facts.ledger {
            books.entries.entry(entry.order).or_default().push(entry);
        }
        for payment in &facts.payments {
            books.payments.entry(payment.order).or_default().push(payment);
        }
        books
    }

    fn order(&self, order: &Order, check: &mut Check) {
        let row = || Row::order(order.uuid);
        let entries = self.entries.get(&order.uuid).map(Vec::as_slice).unwrap_or_default();
        let payments = self.payments.get(&order.uuid).map(Vec::as_slice).unwrap_or_default();
        // Partial refunds leave an order charged. `partial_refunds` checks them.
        let entries: Vec<&Entry> = entries.iter().copied().filter(|entry| !self.is_partial_refund(entry)).collect();
        let amounts = |kind| entries.iter().filter(move |entry| entry.kind == kind).map(|entry| entry.amount);
        let given_back: i64 = payments.iter().map(|payment| payment.partially_refunded).sum();
        let believed = |statuses: &[PaymentStatus]| {
            payments.iter().filter(|payment| self.facts.believes(payment) && statuses.contains(&payment.status)).count()
        };
        let charges = amounts(EntryKind::Charge).count() + believed(&CHARGED);
        let in_parts = payments.iter().any(|one| one.status == PaymentStatus::Refunded && !self.facts.believes(one))
            && given_back == order.total;
        let refunds = amounts(EntryKind::Refund).count() + believed(&[PaymentStatus::Refunded]) + usize::from(in_parts);
        if charges > 1 {
            check.broken_by(row(), format!("charged {charges} times"));
        }
        if refunds > charges {
            check.broken_by(row(), format!("charged {charges} times and refunded {refunds} times"));
        }
        if charges > 0 && order.transaction.is_none() {
            check.broken_by(row(), "was charged, but never became PAID");
        }
        let paid = matches!(order.status, OrderStatus::Paid | OrderStatus::Assembled);
        let status = order.status.as_str();
        let is_cancelled = order.status == OrderStatus::Cancelled;
        let accepted = payments.iter().filter(|one| is_cancelled && is_accepted(self.facts, one)).count();
        match (paid, charges.saturating_sub(refunds)) {
            (true, 0) => check.broken_by(
                row(),
                format!("is {status}, and nothing is charged ({charges} charges, {refunds} refunds)"),
            ),
            (false, left) if left > accepted => {
                let is_refund_missing = is_cancelled && (charges, refunds) == (1, 0);
                let cause = if is_refund_missing { Cause::NotRefunded } else { Cause::Unknown };
                let problem = format!("is {status}, and is charged ({charges} charges, {refunds} refunds)");
                check.broken_by(row().because(cause), problem);
            }
            _ => {}
        }
        let trusted =
            payments.iter().filter(|payment| self.facts.believes(payment) && CHARGED.contains(&payment.status));
        let trusted = trusted.filter_map(|payment| payment.amount);
        for amount in amounts(EntryKind::Charge).chain(trusted).filter(|amount| *amount != order.total) {
            check.broken_by(row(), format!("costs {}, and {amount} was charged", order.total));
        }
        let rest = order.total - given_back;
        for amount in amounts(EntryKind::Refund).filter(|amount| *amount != rest) {
            check.broken_by(row(), format!("{rest} is left of its charge, and {amount} was refunded"));
        }
        let transaction = order.transaction.map_or_else(|| "nothing".to_owned(), |transaction| transaction.to_string());
        for charge in entries.iter().filter(|entry| entry.kind == EntryKind::Charge) {
            if paid && transaction != charge.key {
                check.broken_by(row(), format!("is paid by {transaction}, and charged by {}", charge.key));
            }
        }
    }

    /// Checks that all attempts charge the order's user, and that each refund goes to the balance that was charged.
    fn accounts(&self, order: &Order, check: &mut Check) {
        let row = || Row::order(order.uuid);
        let user = order.user;
        let attempts = self.payments.get(&order.uuid).into_iter().flatten();
        for other in attempts.filter_map(|payment| payment.user).filter(|other| *other != user) {
            check.broken_by(row(), format!("is of user {user}, and an attempt charges user {other}"));
        }
        let entries = self.entries.get(&order.uuid).map(Vec::as_slice).unwrap_or_default();
        let accounts = |kind| entries.iter().filter(move |entry| entry.kind == kind).map(|entry| entry.account);
        let charged: Vec<Option<Uuid>> = accounts(EntryKind::Charge).collect();
        for other in charged.iter().flatten().filter(|other| **other != user) {
            check.broken_by(row(), format!("is of user {user}, and the balance of user {other} was charged"));
        }
        for refunded in accounts(EntryKind::Refund).filter(|refunded| !charged.contains(refunded)) {
            // `order` and `payment` report a refund without a charge.
            if let Some(from) = charged.first() {
                let (from, to) = (balance(*from), balance(refunded));
                check.broken_by(row(), format!("{from} was charged, and {to} got a refund"));
            }
        }
    }

    /// Checks that payment's own rows agree with the provider's ledger.
    fn payment(&self, payment: &Payment, check: &mut Check) {
        if self.facts.believes(payment) {
            return;
        }
        let row = || Row::of_order(format_args!("payment {}", payment.transaction), payment.order);
        let charged = self.has(&payment.transaction.to_string(), EntryKind::Charge);
        match payment.status {
            PaymentStatus::Succeeded | PaymentStatus::Refunding | PaymentStatus::Refunded if !charged => {
                check.broken_by(row(), format!("is {}, and the provider has no such charge", payment.status.as_str()));
            }
            PaymentStatus::Declined if charged => {
                check.broken_by(row(), "is declined, and the provider has charged it");
            }
            _ => {}
        }
    }

    fn is_partial_refund(&self, entry: &Entry) -> bool {
        entry.kind == EntryKind::Refund
            && partial_refunds::refund_of(&entry.key).is_some_and(|refund| self.partial_refunds.contains(&refund))
    }

    fn has(&self, key: &str, kind: EntryKind) -> bool {
        self.by_key.get(key).is_some_and(|entry| entry.kind == kind)
    }
}

fn balance(account: Option<Uuid>) -> String {
    account.map_or_else(|| "no balance".to_owned(), |user| format!("the balance of user {user}"))
}

/// The changes of a user's balance in the ledger and the credits.
#[derive(Clone, Copy, Default)]
struct Changes {
    credited: i64,
    charged: i64,
    refunded: i64,
}

/// Checks that for each user, initial + credits - charges of `INVESTOR_MONEY` + their refunds = balance, and that the
/// balance is never negative. Nothing else changes a balance.
fn check_balances(facts: &Facts, check: &mut Check) {
    let mut changes: HashMap<Uuid, Changes> = HashMap::new();
    for entry in &facts.ledger {
        let Some(account) = entry.account else { continue };
        match entry.kind {
            EntryKind::Charge => changes.entry(account).or_default().charged += entry.amount,
            EntryKind::Refund => changes.entry(account).or_default().refunded += entry.amount,
            EntryKind::Decline => {}
        }
    }
    for credit in &facts.credits {
        changes.entry(credit.user).or_default().credited += credit.amount;
    }
    for Balance { user, initial, current } in &facts.balances {
        let row = format!("balance of user {user}");
        let Changes { credited, charged, refunded } = changes.remove(user).unwrap_or_default();
        if *current < 0 {
            check.broken_by(&row, format!("is {current}"));
        }
        if initial + credited - charged + refunded != *current {
            check.broken_by(
                &row,
                format!("{initial} initial + {credited} credited - {charged} charged + {refunded} refunded are not {current}"),
            );
        }
    }
    for user in changes.keys() {
        check.broken_by(format!("balance of user {user}"), "is not there, and the ledger has changes of it");
    }
    check.counted("balances", facts.balances.len());
}
