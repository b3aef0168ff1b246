//! Invariant 10: Each settled attempt to pay has exactly one `PaymentCompleted`.
//!
//! The event agrees with the row in the payment service's database, the provider's ledger and the order.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    Facts, Finding,
    facts::{Completion, EntryKind, Order, OrderStatus, Payment, PaymentStatus},
    report::Check,
    violation::Row,
};

const SUCCESS: &str = "SUCCESS";
const INSUFFICIENT_FUNDS: &str = "INSUFFICIENT_FUNDS";
const FAILED: &str = "FAILED";

/// The services whose databases the check of one order needs.
pub const DATABASES: &[&str] = &["order", "payment"];

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(10, "each settled attempt was published once, as it ended");
    let mut published = Published::from_facts(facts, &mut check);
    let charges = charges(facts);
    let attempts = facts.payments.iter().filter_map(|payment| Some((payment, payment.attempt?)));
    for (payment, attempt) in attempts {
        match published.by_attempt.remove(&(payment.order, attempt)) {
            Some(completion) => {
                agrees(payment, completion, &mut check);
                if facts.books.iter().any(|book| Some(book) == payment.provider.as_ref()) {
                    charged(completion, &charges, &mut check);
                }
            }
            None if payment.status == PaymentStatus::Pending || facts.may_be_forgotten(payment.created_at) => {}
            None => check.broken_by(
                name(payment.order, attempt),
                format!("is {}, and was never published", payment.status.as_str()),
            ),
        }
    }
    for completion in published.by_attempt.values() {
        check.broken_by(name(completion.order, completion.attempt), "is published, and payment has no such attempt");
    }
    published.orders(facts, &mut check);
    check.counted("orders", facts.orders.len());
    check.counted("attempts published", published.by_transaction.len());
    check.end()
}

fn name(order: Uuid, attempt: i64) -> Row {
    Row::of_order(format_args!("attempt {attempt}"), order)
}

struct Published<'a> {
    by_attempt: HashMap<(Uuid, i64), &'a Completion>,
    by_transaction: HashMap<Uuid, &'a Completion>,
}

impl<'a> Published<'a> {
    /// Collects the completions. An event in the outbox and in the topic, or twice in the topic, counts as one event.
    fn from_facts(facts: &'a Facts, check: &mut Check) -> Self {
        let mut published = Self { by_attempt: HashMap::new(), by_transaction: HashMap::new() };
        for completion in &facts.completions {
            let Completion { order, attempt, transaction, .. } = completion;
            let first = *published.by_attempt.entry((*order, *attempt)).or_insert(completion);
            if first.event != completion.event {
                let problem = format!("is published by two events, {} and {}", first.event, completion.event);
                check.broken_by(name(*order, *attempt), problem);
            } else if first != completion {
                check.broken_by(name(*order, *attempt), format!("is published as {first:?} and as {completion:?}"));
            }
            published.by_transaction.insert(*transaction, completion);
        }
        published
    }

    /// Checks that each paid order was paid by the transaction of its published success.
    fn orders(&self, facts: &Facts, check: &mut Check) {
        let orders = facts.orders_by_uuid();
        for order in &facts.orders {
            let by = order.transaction.and_then(|transaction| self.by_transaction.get(&transaction));
            if let Some(Completion { transaction, status, .. }) = by.filter(|by| by.status != SUCCESS) {
                check.broken_by(
                    Row::order(order.uuid),
                    format!("is paid by {transaction}, which is published as {status}"),
                );
            }
        }
        for success in self.by_transaction.values().filter(|completion| completion.status == SUCCESS) {
            let paid = |order: &Order| match order.status {
                OrderStatus::Pending => false,
                OrderStatus::Paid | OrderStatus::Assembled => order.transaction == Some(success.transaction),
                OrderStatus::Cancelled => true,
            };
            if let Some(order) = orders.get(&success.order).filter(|order| !paid(order)) {
                let (transaction, status) = (success.transaction, order.status.as_str());
                let problem = format!("is {status}, and its payment by {transaction} is published as SUCCESS");
                check.broken_by(Row::order(order.uuid), problem);
            }
        }
    }
}

/// Checks that the published completion agrees with payment's row.
fn agrees(payment: &Payment, published: &Completion, check: &mut Check) {
    let statuses: &[&str] = match payment.status {
        PaymentStatus::Succeeded => &[SUCCESS],
        // The charge was made before the cancellation or after it.
        PaymentStatus::Refunding | PaymentStatus::Refunded => &[SUCCESS, FAILED],
        PaymentStatus::Declined if payment.decline_reason.as_deref() == Some(INSUFFICIENT_FUNDS) => {
            &[INSUFFICIENT_FUNDS]
        }
        PaymentStatus::Declined => &[FAILED],
        PaymentStatus::Pending | PaymentStatus::Void => &[],
    };
    let row = || name(published.order, published.attempt);
    if !statuses.contains(&published.status.as_str()) {
        check.broken_by(row(), format!("is {}, and is published as {}", payment.status.as_str(), published.status));
    }
    if payment.amount != Some(published.amount) {
        let amount = payment.amount.unwrap_or_default();
        check.broken_by(row(), format!("is about {amount}, and is published with the amount {}", published.amount));
    }
    if payment.transaction != published.transaction {
        let problem =
            format!("has the transaction {}, and is published with {}", payment.transaction, published.transaction);
        check.broken_by(row(), problem);
    }
}

fn charges(facts: &Facts) -> HashMap<&str, i64> {
    let charges = facts.ledger.iter().filter(|entry| entry.kind == EntryKind::Charge);
    charges.map(|entry| (entry.key.as_str(), entry.amount)).collect()
}

/// Checks that a published charge was made, so that balances agree with the events.
fn charged(published: &Completion, charges: &HashMap<&str, i64>, check: &mut Check) {
    let charge = charges.get(published.transaction.to_string().as_str()).copied();
    let row = name(published.order, published.attempt);
    match (published.status.as_str(), charge) {
        (SUCCESS, charge) if charge != Some(published.amount) => {
            let (amount, charge) = (published.amount, charge.unwrap_or_default());
            check.broken_by(row, format!("is published as SUCCESS of {amount}, and the provider has charged {charge}"));
        }
        (INSUFFICIENT_FUNDS, Some(charge)) => {
            check.broken_by(row, format!("is published as INSUFFICIENT_FUNDS, and the provider has charged {charge}"));
        }
        _ => {}
    }
}
