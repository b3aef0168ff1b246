//! Invariant 2, balances: for each user, initial + credits - charges of `INVESTOR_MONEY` + their refunds = balance, and
//! the balance is never negative.
//!
//! `charges::check` calls this check. Nothing else changes a balance.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    Facts,
    facts::{Balance, EntryKind},
    report::Check,
};

/// The changes of a user's balance in the ledger and the credits.
#[derive(Clone, Copy, Default)]
struct Changes {
    credited: i64,
    charged: i64,
    refunded: i64,
}

pub fn check(facts: &Facts, check: &mut Check) {
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
