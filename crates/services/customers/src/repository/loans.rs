//! The trait of the repository of loans.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{Loan, LoanId, LoanStatus, NewLoan},
};

/// The number of held loans that were decided, by decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    pub crediting: u64,
    pub refused: u64,
    /// The last loan of the page that was read, if the page was full.
    pub next: Option<Position>,
}

/// The position of a held loan in the order of receiving.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub received_at: DateTime<Utc>,
    pub loan_id: String,
}

/// The maximum number of loans in a list.
pub const MAX_LOANS: i64 = 1_000;

#[async_trait]
pub trait Loans: Send + Sync {
    /// Records a loan and decides it by the status of its customer at that moment. Returns the loan's status, or `None` for a repeat. Fails
    /// with [`Error::LoanIdReused`] if the id belongs to another customer or amount.
    async fn receive(&self, loan: &NewLoan) -> Result<Option<LoanStatus>, Error>;
    /// Reads a page of at most `limit` held loans, the last received first, starting before a position. Decides those whose customer exists
    /// and is not being checked.
    async fn decide_held(&self, before: Option<&Position>, limit: i64) -> Result<Decided, Error>;
    /// Reads a page of at most `limit` loans that were held for `hold`, the first received first, starting after a position. Refuses those
    /// whose user is not a customer.
    async fn refuse_unknown(&self, hold: Duration, after: Option<&Position>, limit: i64) -> Result<Decided, Error>;
    /// Leases at most `limit` loans that are due for credit to the caller, those with the fewest tries first, and returns each with the
    /// duration of its lease. A loan is due again when its lease expires. A row that is not a valid loan is logged and skipped.
    async fn due_credits(&self, limit: i64) -> Result<Vec<(Loan, Duration)>, Error>;
    /// Records that the payment service has credited the loan. Returns false if that was recorded already.
    async fn credited(&self, loan: &LoanId) -> Result<bool, Error>;
    /// Returns the user's loans, oldest first, at most [`MAX_LOANS`]. A row that is not a valid loan is logged and left out.
    async fn list(&self, customer: UserId) -> Result<Vec<Loan>, Error>;
}
