//! Invariant 2, partial refunds: each is made once, with its amount, and a charge's refunds do not exceed the charge.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    Facts,
    facts::{Entry, EntryKind, Payment},
    report::{Check, NO_AUTHOR},
    violation::Row,
};

const UUID_LENGTH: usize = 36;

/// Returns the id of the partial refund whose request has this idempotency key: the id, or the id and a number.
pub fn refund_of(key: &str) -> Option<Uuid> {
    let (refund, number) = key.split_at_checked(UUID_LENGTH)?;
    let is_numbered = number.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok());
    (number.is_empty() || is_numbered).then(|| refund.parse().ok()).flatten()
}

pub fn check(facts: &Facts, check: &mut Check) {
    let payments: HashMap<Uuid, &Payment> =
        facts.payments.iter().map(|payment| (payment.transaction, payment)).collect();
    let mut entries: HashMap<Uuid, Vec<&Entry>> = HashMap::new();
    for entry in facts.ledger.iter().filter(|entry| entry.kind == EntryKind::Refund) {
        if let Some(refund) = refund_of(&entry.key) {
            entries.entry(refund).or_default().push(entry);
        }
    }
    let mut sums: HashMap<Uuid, i64> = HashMap::new();
    for refund in &facts.partial_refunds {
        *sums.entry(refund.transaction).or_default() += refund.amount;
        let payment = payments.get(&refund.transaction);
        let order = payment.map(|payment| payment.order);
        let row = || Row::about(order, format_args!("partial refund {}", refund.refund));
        if !refund.is_signed {
            check.broken_by(row(), NO_AUTHOR);
        }
        let Some(payment) = payment else {
            check.broken_by(row(), format!("is of the charge {}, which payment does not know", refund.transaction));
            continue;
        };
        if facts.believes(payment) {
            continue;
        }
        let made = entries.remove(&refund.refund).unwrap_or_default();
        let (count, amounts) = (made.len(), made.iter().map(|entry| entry.amount));
        for amount in amounts.filter(|amount| *amount != refund.amount) {
            check.broken_by(row(), format!("is of {}, and {amount} was refunded", refund.amount));
        }
        match (refund.is_made, count) {
            (true, 1) | (false, 0) => {}
            (true, 0) => check.broken_by(row(), "is made, and the provider has no such refund"),
            (false, 1) => check.broken_by(row(), "is not made, and the provider has made it"),
            _ => check.broken_by(row(), format!("was made {count} times")),
        }
    }
    for payment in &facts.payments {
        let (recorded, sum) = (payment.partially_refunded, sums.get(&payment.transaction).copied().unwrap_or_default());
        let row = || Row::of_order(format_args!("payment {}", payment.transaction), payment.order);
        if recorded != sum {
            check.broken_by(row(), format!("has {recorded} partially refunded, and its refunds sum to {sum}"));
        }
        if sum > payment.amount.unwrap_or_default() {
            check.broken_by(row(), format!("its partial refunds of {sum} are more than its charge"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_partial_refund() {
        let refund = Uuid::from_u128(7);

        assert_eq!(refund_of(&refund.to_string()), Some(refund));
        assert_eq!(refund_of(&format!("{refund}-2")), Some(refund));
        for other in [format!("{refund}-refund"), format!("{refund}-refund-2"), format!("{refund}2"), "key".to_owned()]
        {
            assert_eq!(refund_of(&other), None, "{other}");
        }
    }
}
