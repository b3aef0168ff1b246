//! The trait of the repository of loans.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{Loan, LoanId, LoanStatus, NewLoan},
};

/// The numbers of held loans that were decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    pub crediting: u64,
    pub refused: u64,
    /// The last loan of the page, if the page was full.
    pub next: Option<Position>,
}

/// A loan's position in the order of receipt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub received_at: DateTime<Utc>,
    pub loan_id: String,
}

/// A page of loans, and the id of its last one if there is another page.
pub type LoanPage = (Vec<Loan>, Option<String>);

#[async_trait]
pub trait Loans: Send + Sync {
    /// Records a loan and decides it by its customer's current status. Returns the loan's status, or `None` for a
    /// repeat. Fails with [`Error::LoanIdReused`] if the id belongs to another customer or amount.
    async fn receive(&self, loan: &NewLoan) -> Result<Option<LoanStatus>, Error>;
    /// Reads at most `limit` held loans that were received before a position, the last received first. Decides those
    /// whose customer exists and is not being checked.
    async fn decide_held(&self, before: Option<&Position>, limit: i64) -> Result<Decided, Error>;
    /// Reads at most `limit` loans that were held for `hold` and received after a position, the first received first.
    /// Refuses those whose user is not a customer.
    async fn refuse_unknown(&self, hold: Duration, after: Option<&Position>, limit: i64) -> Result<Decided, Error>;
    /// Leases at most `limit` loans that are due for credit to the caller, those with the fewest tries first. Returns
    /// each with the duration of its lease, after which it is due again. Logs and skips a row that is not a valid loan.
    async fn due_credits(&self, limit: i64) -> Result<Vec<(Loan, Duration)>, Error>;
    /// Records that the payment service has credited the loan, or why it refused the credit for good. Returns false if
    /// an end was already recorded.
    async fn end_credit(&self, loan: &LoanId, refusal: Option<&str>) -> Result<bool, Error>;
    /// Returns a page of the user's loans, newest first, beginning after the loan `after`. Logs and skips a row that is
    /// not a valid loan.
    async fn list(&self, customer: UserId, after: Option<&LoanId>, size: u32) -> Result<LoanPage, Error>;
}
