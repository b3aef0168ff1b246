//! Clients of other systems: the checker of identities, and the payment service.

mod built_in_checker;
mod http_checker;
mod payment;

use async_trait::async_trait;
pub use built_in_checker::BuiltIn;
use chrono::NaiveDate;
pub use http_checker::HttpChecker;
pub use payment::GrpcPayment;

use crate::model::{Loan, Profile, Verdict};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRequest {
    /// The idempotency key: the customer and the version.
    pub key: String,
    pub profile: Profile,
    pub today: NaiveDate,
}

/// The checker has not decided, or its response was lost. The caller asks again under the same key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checker's verdict is unknown: {0}")]
pub struct Unknown(pub String);

#[async_trait]
pub trait Checker: Send + Sync {
    async fn ask(&self, request: &CheckRequest) -> Result<Verdict, Unknown>;
}

/// Why the credit of a loan is not confirmed. Unless payment refused it, the response may have been lost after the
/// credit, so the caller retries with the same loan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreditError {
    #[error("payment is unavailable: {0}")]
    Unavailable(String),
    /// A retry would be refused again. Has the reason of payment's status, such as `BALANCE_TOO_LARGE`.
    #[error("payment rejected the credit: {0}")]
    Refused(String),
}

/// Credits loans to the balances of users, once per loan id.
#[async_trait]
pub trait Credits: Send + Sync {
    async fn credit(&self, loan: &Loan) -> Result<(), CreditError>;
}
