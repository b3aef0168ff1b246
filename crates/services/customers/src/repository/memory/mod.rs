//! In-memory implementation of the repository, for tests and the simulation.

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
use crate::model::{Customer, KycStatus, Loan, LoanId, LoanStatus};

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
    /// The status of each version of each customer.
    versions: BTreeMap<(UserId, i64), KycStatus>,
    /// Checks without a verdict, by customer and version.
    checks: BTreeMap<(UserId, i64), Due>,
    loans: BTreeMap<LoanId, LoanRow>,
}

/// How often a check or credit was tried, and when it is due again.
struct Due {
    tries: u32,
    at: Instant,
}

struct LoanRow {
    loan: Loan,
    /// The customer's version that decided the loan.
    version: Option<i64>,
    received: Instant,
    due: Due,
}

impl MemoryRepository {
    pub fn all(&self) -> Vec<Customer> {
        self.tables().customers.values().map(|known| known.customer.clone()).collect()
    }

    /// The status of each version of each customer.
    pub fn versions(&self) -> Vec<(UserId, i64, KycStatus)> {
        let tables = self.tables();
        tables.versions.iter().map(|((customer, version), status)| (*customer, *version, *status)).collect()
    }

    /// Every loan, with the customer's version that decided it.
    pub fn all_loans(&self) -> Vec<(Loan, Option<i64>)> {
        self.tables().loans.values().map(|row| (row.loan.clone(), row.version)).collect()
    }

    /// Makes a held loan due for credit without a look at its customer's status, so that the simulation can prove that
    /// its invariants detect this.
    pub fn credit_unchecked(&self, loan: &LoanId) {
        self.tables().decide(loan, LoanStatus::Crediting);
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn status(&self, customer: UserId) -> Option<KycStatus> {
        self.customers.get(&customer).map(|known| known.customer.status())
    }

    /// Returns the number of decided loans, 0 or 1.
    fn decide(&mut self, loan: &LoanId, status: LoanStatus) -> u64 {
        let customers = &self.customers;
        match self.loans.get_mut(loan) {
            Some(row) if row.loan.status == LoanStatus::Held && status != LoanStatus::Held => {
                row.loan.status = status;
                row.version = customers.get(&row.loan.customer).map(|known| known.customer.version);
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

    /// Returns the duration of the lease.
    fn take(&mut self) -> std::time::Duration {
        let lease = super::lease(self.tries);
        self.tries += 1;
        self.at = Instant::now() + lease;
        lease
    }
}
