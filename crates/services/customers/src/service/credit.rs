//! Credits loans: asks the payment service to credit each decided loan until it confirms, or refuses for good. It
//! credits once per loan id.

use std::time::Duration;

use platform::{error_chain, jobs};
use tokio_util::sync::CancellationToken;

use super::CustomerService;
use crate::{
    client::CreditError,
    error::Error,
    metrics,
    model::{Loan, LoanStatus},
};

/// Loans leased per statement.
const BATCH_SIZE: i64 = 16;
/// The maximum per replica.
const MAX_CONCURRENT_CREDITS: usize = 16;

/// Why a loan is not credited yet.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Credit(#[from] CreditError),
    #[error(transparent)]
    Service(#[from] Error),
}

impl CustomerService {
    /// Credits loans as they fall due, until `stop`. All replicas may run this: each loan is leased to one at a time.
    pub async fn credit_loans(&self, stop: CancellationToken) {
        let credits = jobs::due("credit-loans", || self.loans.due_credits(BATCH_SIZE), self.to_credit.clone(), stop);
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

    async fn credit(&self, loan: &Loan) -> Result<(), Failed> {
        let refusal = match self.payment.credit(loan).await {
            Ok(()) => None,
            Err(CreditError::Refused(reason)) => Some(reason),
            Err(error) => return Err(error.into()),
        };
        if self.loans.end_credit(&loan.id, refusal.as_deref()).await? {
            let status = if refusal.is_none() { LoanStatus::Credited } else { LoanStatus::Refused };
            metrics::count_loans(status, 1);
            tracing::info!(loan_id = %loan.id, reason = refusal, "loan {}", status.as_str());
        }
        Ok(())
    }
}
