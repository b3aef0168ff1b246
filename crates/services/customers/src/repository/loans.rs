//! The trait of loans.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{Loan, LoanId, LoanStatus, NewLoan},
};

/// How many held loans were decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    pub crediting: u64,
    pub refused: u64,
}

/// The loans that a list has at most.
pub const MOST_LOANS: i64 = 1_000;

#[async_trait]
pub trait Loans: Send + Sync {
    /// Records a loan, decided by its customer's status at that moment. Returns the loan's status, or `None` for a repeat. Fails with
    /// [`Error::LoanIdReused`] if the id belongs to another customer or amount.
    async fn receive(&self, loan: &NewLoan) -> Result<Option<LoanStatus>, Error>;
    /// Decides held loans whose customer is neither unknown nor being checked, and refuses those that were held for `hold` without a
    /// customer; at most `limit` loans of each kind.
    async fn decide_held(&self, hold: Duration, limit: i64) -> Result<Decided, Error>;
    /// Takes at most `limit` loans that are due for credit, those with the fewest tries first. Each is leased to the caller for the
    /// returned time, and due again afterwards.
    async fn due_credits(&self, limit: i64) -> Result<Vec<(Loan, Duration)>, Error>;
    /// Records that the payment service has credited the loan. Returns true if that is new.
    async fn credited(&self, loan: &LoanId) -> Result<bool, Error>;
    /// Returns the user's loans, oldest first, at most [`MOST_LOANS`].
    async fn list(&self, customer: UserId) -> Result<Vec<Loan>, Error>;
}
