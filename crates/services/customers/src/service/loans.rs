//! Receives loans and decides those that are held.

use super::CustomerService;
use crate::{
    error::Error,
    metrics,
    model::{LoanStatus, NewLoan},
    repository::Decided,
};

/// The maximum number of loans of each kind that one statement decides.
const BATCH: i64 = 500;

impl CustomerService {
    /// Records a loan, once per id, and decides it by the status of its customer at that moment.
    pub async fn receive_loan(&self, loan: &NewLoan) -> Result<(), Error> {
        let Some(status) = self.loans.receive(loan).await? else { return Ok(()) };
        match status {
            LoanStatus::Crediting => self.to_credit.notify_one(),
            LoanStatus::Held | LoanStatus::Credited | LoanStatus::Refused => metrics::count_loans(status, 1),
        }
        tracing::info!(loan_id = %loan.id, customer_id = %loan.customer, status = status.as_str(), "loan received");
        Ok(())
    }

    /// Decides held loans that were missed when their customer changed, and refuses those whose hold has ended. Returns the number of
    /// decided loans, and whether there may be more.
    pub async fn decide_held(&self) -> Result<(u64, bool), Error> {
        let Decided { crediting, refused } = self.loans.decide_held(self.hold, BATCH).await?;
        metrics::count_loans(LoanStatus::Refused, refused);
        if crediting > 0 {
            self.to_credit.notify_one();
        }
        let count = crediting + refused;
        Ok((count, count >= BATCH.unsigned_abs()))
    }
}
