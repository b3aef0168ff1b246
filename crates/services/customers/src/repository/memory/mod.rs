//! In-memory twin of the repository, for tests.

mod customers;
mod loans;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use contracts::ids::UserId;
use platform::{clock::Virtual, outbox::MemoryOutbox};
use tokio::time::Instant;

use super::Known;
use crate::model::{KycStatus, Loan, LoanId, LoanStatus};

/// Tables behind one lock; clones share them.
#[derive(Clone, Default)]
pub struct MemoryRepository {
    tables: Arc<Mutex<Tables>>,
    pub outbox: MemoryOutbox,
    clock: Virtual,
}

#[derive(Default)]
struct Tables {
    customers: BTreeMap<UserId, Known>,
    /// Checks without a verdict, by customer and version.
    checks: BTreeMap<(UserId, i64), Due>,
    loans: BTreeMap<LoanId, LoanRow>,
}

/// When work is due again.
struct Due {
    tries: u32,
    at: Instant,
}

struct LoanRow {
    loan: Loan,
    received: Instant,
    due: Due,
}

impl MemoryRepository {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn status(&self, customer: UserId) -> Option<KycStatus> {
        self.customers.get(&customer).map(|known| known.customer.status())
    }

    /// Decides a held loan. Returns how many loans that changed.
    fn decide(&mut self, loan: &LoanId, status: LoanStatus) -> u64 {
        match self.loans.get_mut(loan) {
            Some(row) if row.loan.status == LoanStatus::Held && status != LoanStatus::Held => {
                row.loan.status = status;
                row.due = Due::now();
                1
            }
            _ => 0,
        }
    }
}

impl Due {
    fn now() -> Self {
        Self { tries: 0, at: Instant::now() }
    }

    /// Leases what is due, and returns the time.
    fn take(&mut self) -> std::time::Duration {
        let lease = super::lease(self.tries);
        self.tries += 1;
        self.at = Instant::now() + lease;
        lease
    }
}
