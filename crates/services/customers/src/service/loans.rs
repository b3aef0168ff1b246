//! Loans: receives them, decides held ones, lists them, and credits those that are decided.

use std::{
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use contracts::ids::UserId;
use platform::{
    auth::Caller,
    error_chain,
    jobs::{self, Done},
};
use tokio_util::sync::CancellationToken;

use super::{CustomerService, may_see};
use crate::{
    client::CreditError,
    error::Error,
    metrics,
    model::{Loan, LoanId, LoanStatus, NewLoan},
    repository::{Decided, LoanPage, Position},
};

/// The method by which an operator sees another user's loans, as security events name it.
const LIST_LOANS: &str = "/customers.v1.CustomerService/ListLoans";
/// Loans read per statement.
const BATCH_SIZE: i64 = 500;

/// The positions at which the jobs that page through the held loans continue; `None` is the first page.
#[derive(Default)]
pub struct Cursors {
    decided: Option<Position>,
    refused: Option<Position>,
}

impl CustomerService {
    /// Records a loan, once per id, and decides it by its customer's current status.
    pub async fn receive_loan(&self, loan: &NewLoan) -> Result<(), Error> {
        let Some(status) = self.repository.receive_loan(loan).await? else { return Ok(()) };
        match status {
            LoanStatus::Crediting => self.to_credit.notify_one(),
            LoanStatus::Held | LoanStatus::Credited | LoanStatus::Refused => metrics::count_loans(status, 1),
        }
        // No customer id: the customer may be erased, and ids of erased customers must not be logged.
        tracing::info!(loan_id = %loan.id, status = status.as_str(), "loan received");
        Ok(())
    }

    /// Decides held loans that their customer's change missed.
    ///
    /// A change misses loans that are being received at the same time, so each call reads the page of the last received
    /// loans. It also reads one page of older loans, which the next call continues, so that each loan is decided.
    pub async fn decide_loans(&self) -> Result<Done, Error> {
        let mut decided = self.repository.decide_held(None, BATCH_SIZE).await?;
        if let Some(last) = decided.next.take() {
            let from = self.cursors().decided.take().unwrap_or(last);
            let older = self.repository.decide_held(Some(&from), BATCH_SIZE).await?;
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
    /// page.
    pub async fn refuse_loans(&self) -> Result<Done, Error> {
        let from = self.cursors().refused.take();
        let decided = self.repository.refuse_unknown(self.hold, from.as_ref(), BATCH_SIZE).await?;
        self.cursors().refused.clone_from(&decided.next);
        Ok(done(&decided))
    }

    /// Returns a page of the loans of a user, newest first, even if the user is not a customer.
    pub async fn list_loans(
        &self,
        caller: &Caller,
        id: UserId,
        after: Option<&LoanId>,
        size: u32,
    ) -> Result<LoanPage, Error> {
        if !may_see(caller, id, LIST_LOANS) {
            return Err(Error::NotFound);
        }
        self.repository.list_loans(id, after, size).await
    }

    fn cursors(&self) -> MutexGuard<'_, Cursors> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Credits loans as they fall due, until `stop`. All replicas may run this: each loan is leased to one at a time.
    pub async fn credit_loans(&self, stop: CancellationToken) {
        let credits =
            jobs::due("credit-loans", || self.repository.due_credits(CREDIT_BATCH), self.to_credit.clone(), stop);
        let credit = |(loan, lease)| self.try_to_credit(loan, lease);
        jobs::for_each(credits, MAX_CONCURRENT_CREDITS, "credit loan", credit).await;
    }

    async fn try_to_credit(&self, loan: Loan, lease: Duration) {
        let error = match tokio::time::timeout(lease, self.credit(&loan)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error_chain(error),
            Err(_) => format!("timed out after {lease:?}"),
        };
        tracing::warn!(loan_id = %loan.id, error, "loan not credited, retrying");
    }

    async fn credit(&self, loan: &Loan) -> anyhow::Result<()> {
        let refusal = match self.payment.credit(loan).await {
            Ok(()) => None,
            Err(CreditError::Refused(reason)) => Some(reason),
            Err(error) => return Err(error.into()),
        };
        if self.repository.end_credit(&loan.id, refusal.as_deref()).await? {
            let status = if refusal.is_none() { LoanStatus::Credited } else { LoanStatus::Refused };
            metrics::count_loans(status, 1);
            tracing::info!(loan_id = %loan.id, reason = refusal, "loan {}", status.as_str());
        }
        Ok(())
    }
}

fn done(decided: &Decided) -> Done {
    metrics::count_loans(LoanStatus::Refused, decided.refused);
    Done::from_count(decided.crediting + decided.refused, BATCH_SIZE.unsigned_abs())
}

/// Loans leased per statement to be credited.
const CREDIT_BATCH: i64 = 16;
/// The maximum per replica.
const MAX_CONCURRENT_CREDITS: usize = 16;
