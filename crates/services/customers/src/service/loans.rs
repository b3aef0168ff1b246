//! Receives loans and decides held ones.

use std::sync::{MutexGuard, PoisonError};

use super::CustomerService;
use crate::{
    error::Error,
    metrics,
    model::{LoanStatus, NewLoan},
    repository::{Decided, Position},
};

/// Loans read per statement.
const BATCH_SIZE: i64 = 500;

/// Where the jobs that page through the held loans continue; `None` is the first page.
#[derive(Default)]
pub struct Cursors {
    decided: Option<Position>,
    refused: Option<Position>,
}

impl CustomerService {
    /// Records a loan, once per id, and decides it by its customer's current status.
    pub async fn receive_loan(&self, loan: &NewLoan) -> Result<(), Error> {
        let Some(status) = self.loans.receive(loan).await? else { return Ok(()) };
        match status {
            LoanStatus::Crediting => self.to_credit.notify_one(),
            LoanStatus::Held | LoanStatus::Credited | LoanStatus::Refused => metrics::count_loans(status, 1),
        }
        // No customer id: the customer may be erased, and ids of erased customers must not be logged.
        tracing::info!(loan_id = %loan.id, status = status.as_str(), "loan received");
        Ok(())
    }

    /// Decides held loans that their customer's change missed. Returns the number of decided loans, and whether there
    /// may be more.
    ///
    /// A change misses loans that are being received at the same time, so each call reads the page of the last received
    /// loans. It also reads one page of older loans, which the next call continues, so that no loan is missed for ever.
    pub async fn decide_loans(&self) -> Result<(u64, bool), Error> {
        let mut decided = self.loans.decide_held(None, BATCH_SIZE).await?;
        if let Some(last) = decided.next.take() {
            let from = self.cursors().decided.take().unwrap_or(last);
            let older = self.loans.decide_held(Some(&from), BATCH_SIZE).await?;
            decided.crediting += older.crediting;
            decided.refused += older.refused;
            self.cursors().decided = older.next;
        }
        if decided.crediting > 0 {
            self.to_credit.notify_one();
        }
        Ok(done(&decided))
    }

    /// Refuses a page of the loans whose hold has ended and whose user is not a customer; the next call reads the next
    /// page. Returns the number of refused loans, and whether there may be more.
    pub async fn refuse_loans(&self) -> Result<(u64, bool), Error> {
        let from = self.cursors().refused.take();
        let decided = self.loans.refuse_unknown(self.hold, from.as_ref(), BATCH_SIZE).await?;
        self.cursors().refused.clone_from(&decided.next);
        Ok(done(&decided))
    }

    fn cursors(&self) -> MutexGuard<'_, Cursors> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn done(decided: &Decided) -> (u64, bool) {
    metrics::count_loans(LoanStatus::Refused, decided.refused);
    let count = decided.crediting + decided.refused;
    (count, count >= BATCH_SIZE.unsigned_abs())
}
